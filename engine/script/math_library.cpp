// math on base/math, so that a scenario computes the same bits everywhere; random numbers come from
// the run's own stream.
#include <fmt/format.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include <cmath>
#include <numbers>

#include "base/math.hpp"
#include "script/interpreter.hpp"
#include "script/libraries.hpp"
#include "script/values.hpp"

namespace polyclinic::script {

namespace {

double number(lua_State* L, int index) {
  if (lua_type(L, index) != LUA_TNUMBER) {
    fail(L, fmt::format("math takes a number, found {}", describe_argument(L, index)));
  }
  return lua_tonumber(L, index);
}

template <double (*F)(double)>
int unary(lua_State* L) {
  lua_pushnumber(L, F(number(L, 1)));
  return 1;
}

double tangent(double x) {
  return math::sin(x) / math::cos(x);
}

// atan on [0, 1]: halve the angle twice (atan x = 2 atan(x / (1 + sqrt(1 + x^2)))), then the series
// x - x^3/3 + ...; after two halvings x <= tan(pi / 16) < 0.199, so 12 terms leave less than 1e-18.
double arc_tangent_small(double x) {
  x = x / (1 + std::sqrt(1 + x * x));
  x = x / (1 + std::sqrt(1 + x * x));
  const double square = x * x;
  double sum = 0;
  constexpr int kTerms = 12;
  for (int k = kTerms; k >= 0; --k) {
    sum = (k % 2 == 0 ? 1.0 : -1.0) / (2 * k + 1) + square * sum;
  }
  return 4 * x * sum;
}

double arc_tangent(double x) {
  const double size = std::fabs(x);
  const double angle =
      size <= 1 ? arc_tangent_small(size) : std::numbers::pi / 2 - arc_tangent_small(1 / size);
  return std::copysign(angle, x);
}

double arc_tangent2(double y, double x) {
  if (x > 0) return arc_tangent(y / x);
  if (x < 0) return std::copysign(std::numbers::pi, y) + arc_tangent(y / x);
  if (y == 0) return std::signbit(x) ? std::copysign(std::numbers::pi, y) : y;
  return std::copysign(std::numbers::pi / 2, y);
}

double arc_sine(double x) {
  return arc_tangent2(x, std::sqrt((1 - x) * (1 + x)));
}
double arc_cosine(double x) {
  return arc_tangent2(std::sqrt((1 - x) * (1 + x)), x);
}

int arc_tangent_of(lua_State* L) {
  const double x = lua_isnoneornil(L, 2) ? 1.0 : number(L, 2);
  lua_pushnumber(L, arc_tangent2(number(L, 1), x));
  return 1;
}

int power(lua_State* L) {
  lua_pushnumber(L, math::pow(number(L, 1), number(L, 2)));
  return 1;
}

int logarithm(lua_State* L) {
  const double x = math::log(number(L, 1));
  lua_pushnumber(L, lua_isnoneornil(L, 2) ? x : x / math::log(number(L, 2)));
  return 1;
}

// random(): [0, 1); random(n): 1..n; random(m, n): m..n.
int random(lua_State* L) {
  Stream& stream = Interpreter::of(L).random;
  lua_Integer low = 1;
  lua_Integer high = 0;
  switch (lua_gettop(L)) {
    case 0: lua_pushnumber(L, stream.uniform()); return 1;
    case 1: high = luaL_checkinteger(L, 1); break;
    case 2:
      low = luaL_checkinteger(L, 1);
      high = luaL_checkinteger(L, 2);
      break;
    default: fail(L, "math.random takes no more than two numbers");
  }
  if (low > high) fail(L, fmt::format("math.random: there is no number from {} to {}", low, high));
  const auto span = static_cast<lua_Unsigned>(high) - static_cast<lua_Unsigned>(low) + 1;
  const lua_Unsigned drawn = span == 0 ? stream.next_u64() : stream.below(span);
  lua_pushinteger(L, static_cast<lua_Integer>(static_cast<lua_Unsigned>(low) + drawn));
  return 1;
}

int random_seed(lua_State* L) {
  fail(L, "math.randomseed is not there: the run's seed decides all random numbers",
       "use --seed, or the scenario's field 'seed'");
}

}  // namespace

void push_math_library(lua_State* L) {
  luaL_requiref(L, "math", luaopen_math, 0);
  lua_newtable(L);
  for (const char* name : {"abs", "ceil", "floor", "fmod", "huge", "max", "maxinteger", "min",
                           "mininteger", "modf", "pi", "sqrt", "tointeger", "type", "ult"}) {
    lua_getfield(L, -2, name);
    lua_setfield(L, -2, name);
  }
  const luaL_Reg ours[] = {{"exp", guarded<unary<math::exp>>},
                           {"log", guarded<logarithm>},
                           {"pow", guarded<power>},
                           {"sin", guarded<unary<math::sin>>},
                           {"cos", guarded<unary<math::cos>>},
                           {"tan", guarded<unary<tangent>>},
                           {"tanh", guarded<unary<math::tanh>>},
                           {"asin", guarded<unary<arc_sine>>},
                           {"acos", guarded<unary<arc_cosine>>},
                           {"atan", guarded<arc_tangent_of>},
                           {"sigmoid", guarded<unary<math::sigmoid>>},
                           {"logit", guarded<unary<math::logit>>},
                           {"random", guarded<random>},
                           {"randomseed", guarded<random_seed>},
                           {nullptr, nullptr}};
  luaL_setfuncs(L, ours, 0);
  lua_remove(L, -2);
}

}  // namespace polyclinic::script
