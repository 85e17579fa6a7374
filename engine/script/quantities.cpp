// Numbers with a dimension in Lua: ms(40) + seconds(1), hours(2) / minutes(1), comparisons.
#include <fmt/format.h>
#include <lauxlib.h>
#include <lua.h>

#include <cmath>

#include "script/sandbox.hpp"
#include "script/values.hpp"

namespace polyclinic::script {

namespace {

constexpr const char* kQuantityType = "polyclinic.quantity";

// The two operands of an operator, of which at least one is a quantity.
struct Operands {
  const Quantity* a;
  const Quantity* b;
};

Operands operands(lua_State* L) {
  return {to_quantity(L, 1), to_quantity(L, 2)};
}

[[noreturn]] void refuse(lua_State* L, const char* deed) {
  const Operands q = operands(L);
  std::string hint = "only quantities of the same kind can be";
  if ((q.a == nullptr) != (q.b == nullptr)) {
    const Dimension dimension = (q.a ? q.a : q.b)->dimension;
    hint = fmt::format("a {} has a unit: write for example {}", dimension_name(dimension),
                       example_call(dimension));
  }
  fail(
      L,
      fmt::format("{} and {} cannot be {}", describe_argument(L, 1), describe_argument(L, 2), deed),
      hint);
}

bool same(const Operands& q) {
  return q.a && q.b && q.a->dimension == q.b->dimension;
}

int add(lua_State* L) {
  const Operands q = operands(L);
  if (!same(q)) refuse(L, "added");
  push_quantity(L, {q.a->value + q.b->value, q.a->dimension});
  return 1;
}

int subtract(lua_State* L) {
  const Operands q = operands(L);
  if (!same(q)) refuse(L, "subtracted");
  push_quantity(L, {q.a->value - q.b->value, q.a->dimension});
  return 1;
}

int multiply(lua_State* L) {
  const Operands q = operands(L);
  if (q.a && lua_type(L, 2) == LUA_TNUMBER) {
    push_quantity(L, {q.a->value * lua_tonumber(L, 2), q.a->dimension});
  } else if (q.b && lua_type(L, 1) == LUA_TNUMBER) {
    push_quantity(L, {lua_tonumber(L, 1) * q.b->value, q.b->dimension});
  } else {
    fail(L,
         fmt::format("{} and {} cannot be multiplied", describe_argument(L, 1),
                     describe_argument(L, 2)),
         "a quantity is multiplied with a plain number");
  }
  return 1;
}

int divide(lua_State* L) {
  const Operands q = operands(L);
  if (same(q)) {
    lua_pushnumber(L, q.a->value / q.b->value);
  } else if (q.a && lua_type(L, 2) == LUA_TNUMBER) {
    push_quantity(L, {q.a->value / lua_tonumber(L, 2), q.a->dimension});
  } else {
    fail(
        L,
        fmt::format("{} cannot be divided by {}", describe_argument(L, 1), describe_argument(L, 2)),
        "a quantity is divided by a plain number or by one of its kind");
  }
  return 1;
}

int negate(lua_State* L) {
  const Quantity* quantity = to_quantity(L, 1);
  push_quantity(L, {-quantity->value, quantity->dimension});
  return 1;
}

int equal(lua_State* L) {
  const Operands q = operands(L);
  lua_pushboolean(L, same(q) && q.a->value == q.b->value);
  return 1;
}

int less(lua_State* L) {
  const Operands q = operands(L);
  if (!same(q)) refuse(L, "compared");
  lua_pushboolean(L, q.a->value < q.b->value);
  return 1;
}

int less_equal(lua_State* L) {
  const Operands q = operands(L);
  if (!same(q)) refuse(L, "compared");
  lua_pushboolean(L, q.a->value <= q.b->value);
  return 1;
}

int text(lua_State* L) {
  const std::string result = to_text(*to_quantity(L, 1));
  lua_pushlstring(L, result.data(), result.size());
  return 1;
}

int index(lua_State* L) {
  fail(L, fmt::format("{} has no fields", describe_argument(L, 1)),
       "divide to get a number: hours(2) / minutes(1) is 120");
}

// ms(40): upvalue 1 is the unit.
int make(lua_State* L) {
  const auto& unit = *static_cast<const Unit*>(lua_touserdata(L, lua_upvalueindex(1)));
  if (lua_type(L, 1) != LUA_TNUMBER) {
    fail(L, fmt::format("{} takes a number, found {}", unit.name, describe_argument(L, 1)),
         fmt::format("write for example {}(5)", unit.name));
  }
  const Quantity quantity = make_quantity(lua_tonumber(L, 1), unit);
  if (!std::isfinite(quantity.value)) {
    fail(L, fmt::format("{}({}) is no finite number", unit.name, lua_tonumber(L, 1)));
  }
  push_quantity(L, quantity);
  return 1;
}

void open_quantities(lua_State* L) {
  const luaL_Reg methods[] = {{"__add", guarded<add>},
                              {"__sub", guarded<subtract>},
                              {"__mul", guarded<multiply>},
                              {"__div", guarded<divide>},
                              {"__unm", guarded<negate>},
                              {"__eq", guarded<equal>},
                              {"__lt", guarded<less>},
                              {"__le", guarded<less_equal>},
                              {"__tostring", guarded<text>},
                              {"__index", guarded<index>},
                              {nullptr, nullptr}};
  luaL_setfuncs(L, methods, 0);
  lua_pushliteral(L, "quantity");  // in Lua's own messages
  lua_setfield(L, -2, "__name");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
}

}  // namespace

void push_quantity(lua_State* L, Quantity quantity) {
  *static_cast<Quantity*>(lua_newuserdatauv(L, sizeof(Quantity), 0)) = quantity;
  if (luaL_newmetatable(L, kQuantityType) != 0) open_quantities(L);
  lua_setmetatable(L, -2);
}

const Quantity* to_quantity(lua_State* L, int index) {
  return static_cast<const Quantity*>(luaL_testudata(L, index, kQuantityType));
}

void add_units(lua_State* L) {
  for (const Unit& unit : units()) {
    lua_pushlstring(L, unit.name.data(), unit.name.size());
    lua_pushlightuserdata(L, const_cast<Unit*>(&unit));  // only read through it
    lua_pushcclosure(L, guarded<make>, 1);
    lua_rawset(L, -3);
  }
}

}  // namespace polyclinic::script
