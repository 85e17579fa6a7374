#include "script/values.hpp"

#include <fmt/format.h>
#include <lauxlib.h>
#include <lua.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <new>

#include "base/check.hpp"
#include "script/interpreter.hpp"
#include "script/user_words.hpp"
#include "script/vec.hpp"

namespace polyclinic::script {

namespace {

constexpr const char* kValueType = "polyclinic.value";
constexpr const char* kNoneKey = "polyclinic.none";
constexpr const char* kAllKey = "polyclinic.all";
constexpr int kDepthMax = 60;

std::string described(const Value& value) {
  const Part* part = value.part();
  if (part != nullptr && part->kind == "composition") return "compose { ... }";
  return in_user_words(describe(value));
}

struct Box {
  Value value;
  std::int64_t bytes = 0;
};

// About what a value occupies outside Lua's heap.
struct FootprintVisitor {
  std::int64_t operator()(const List& list) const {
    std::int64_t bytes = 0;
    for (const Value& item : list) bytes += footprint(item);
    return bytes;
  }
  std::int64_t operator()(const Table& table) const {
    std::int64_t bytes = 0;
    for (const auto& [name, item] : table) bytes += 32 + footprint(item);
    return bytes;
  }
  std::int64_t operator()(const std::string& text) const {
    return static_cast<std::int64_t>(text.size());
  }
  std::int64_t operator()(const Distribution& law) const {
    return static_cast<std::int64_t>(16 * law.values.size());
  }
  // parts are shared: the field that holds one costs no more than a pointer
  std::int64_t operator()(const std::shared_ptr<const Part>&) const { return 16; }
  template <class T>
  std::int64_t operator()(const T&) const {
    return 0;
  }
  static std::int64_t footprint(const Value& value) {
    return static_cast<std::int64_t>(sizeof(Value)) + std::visit(FootprintVisitor{}, value.data());
  }
};

std::int64_t footprint(const Value& value) {
  std::int64_t bytes = FootprintVisitor::footprint(value);
  if (const Part* part = value.part()) {
    for (const FieldValue& field : part->fields) {
      bytes += 64 + FootprintVisitor::footprint(field.value);
    }
  }
  return bytes;
}

void push_boxed(lua_State* L, const Value& value) {
  const std::int64_t bytes = footprint(value);
  void* memory = lua_newuserdatauv(L, sizeof(Box), 0);
  Sandbox::of(L).adopt(L, bytes);
  new (memory) Box{value, bytes};
  luaL_setmetatable(L, kValueType);
}

int collect_boxed(lua_State* L) {
  auto* box = static_cast<Box*>(lua_touserdata(L, 1));
  Sandbox::of(L).release(box->bytes);
  box->~Box();
  return 0;
}

int boxed_text(lua_State* L) {
  const std::string text = to_text(*to_boxed(L, 1));
  lua_pushlstring(L, text.data(), text.size());
  return 1;
}

// part.field reads what was given or filled in.
int boxed_index(lua_State* L) {
  const Value& value = *to_boxed(L, 1);
  const char* name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : nullptr;
  const Part* part = value.part();
  if (part == nullptr || name == nullptr) {
    fail(L, fmt::format("{} has no field {}", described(value), describe_argument(L, 2)));
  }
  std::vector<std::string> names;
  for (const FieldValue& field : part->fields) {
    if (field.name == name) {
      push_value(L, field.value);
      return 1;
    }
    names.push_back(field.name);
  }
  auto& sandbox = Sandbox::of(L);
  throw Failure(
      {{sandbox.point_at(sandbox.where(L), name, true),
        fmt::format("{} has no field '{}'", described(value), name), did_you_mean(name, names)}});
}

int boxed_set(lua_State* L) {
  fail(L, fmt::format("{} cannot be changed", described(*to_boxed(L, 1))),
       "parts are values: write the field where the part is made");
}

// Parts, distributions, none: upvalue 1 says what was to be done with them.
int boxed_operator(lua_State* L) {
  fail(L, fmt::format("{} and {} cannot be {}", describe_argument(L, 1), describe_argument(L, 2),
                      lua_tostring(L, lua_upvalueindex(1))));
}

void add_operators(lua_State* L) {
  struct Operator {
    const char* metamethod;
    const char* deed;
  };
  for (const Operator o : {Operator{"__add", "added"}, Operator{"__sub", "subtracted"},
                           Operator{"__mul", "multiplied"}, Operator{"__div", "divided"},
                           Operator{"__concat", "joined"}, Operator{"__lt", "compared"},
                           Operator{"__le", "compared"}}) {
    lua_pushstring(L, o.deed);
    lua_pushcclosure(L, guarded<boxed_operator>, 1);
    lua_setfield(L, -2, o.metamethod);
  }
}

int boxed_call(lua_State* L) {
  return Interpreter::of(L).call_part(L);
}

class TableReader {
 public:
  explicit TableReader(lua_State* L) : L_(L) {}
  ~TableReader() { Sandbox::of(L_).release(adopted_); }
  TableReader(const TableReader&) = delete;
  TableReader& operator=(const TableReader&) = delete;

  Value read(int index) {
    index = lua_absindex(L_, index);
    // a table that is met many times is copied as often: the copies count while they are made
    constexpr std::int64_t kBytes = sizeof(Value) + 32;
    Sandbox::of(L_).adopt(L_, kBytes);
    adopted_ += kBytes;
    switch (lua_type(L_, index)) {
      case LUA_TNIL:
      case LUA_TNONE: return {};
      case LUA_TBOOLEAN: return lua_toboolean(L_, index) != 0;
      case LUA_TNUMBER:
        if (lua_isinteger(L_, index)) return static_cast<std::int64_t>(lua_tointeger(L_, index));
        return lua_tonumber(L_, index);
      case LUA_TSTRING: return read_text(index);
      case LUA_TTABLE: return read_table(index);
      case LUA_TFUNCTION: return Interpreter::of(L_).function_at(L_, index);
      default: return read_userdata(index);
    }
  }

  List read_list(int index, const std::string& what) {
    enter(index);
    const auto [count, names] = count_keys(index);
    if (names > 0) fail(L_, what + " takes a list, and this table has names", "write { a, b, c }");
    check_holes(index, count, what);
    List list;
    for (lua_Integer i = 1; i <= count; ++i) {
      lua_rawgeti(L_, index, i);
      // `cond and attack.x {}` may leave a false behind
      const bool skipped = lua_isboolean(L_, -1) && lua_toboolean(L_, -1) == 0;
      if (!skipped) list.push_back(read(-1));
      lua_pop(L_, 1);
    }
    --depth_;
    return list;
  }

 private:
  std::string read_text(int index) {
    std::size_t length = 0;
    const char* text = lua_tolstring(L_, index, &length);
    return {text, length};
  }

  Value read_userdata(int index) {
    if (const Quantity* quantity = to_quantity(L_, index)) return *quantity;
    if (const Value* boxed = to_boxed(L_, index)) return *boxed;
    if (const VecView vec = to_vec(L_, index); vec.valid()) {
      return Numbers(std::make_shared<const std::vector<double>>(vec.begin(), vec.end()));
    }
    fail(L_, fmt::format("{} cannot be stored in a scenario", describe_argument(L_, index)));
  }

  void enter(int index) {
    luaL_checkstack(L_, 10, "tables within tables");
    Sandbox::of(L_).charge(L_, 1);
    if (++depth_ <= kDepthMax) return;
    lua_pushvalue(L_, index);
    fail(L_, fmt::format("tables are nested more than {} deep", kDepthMax),
         "does a table contain itself?");
  }

  // Number of integer keys and of others.
  std::pair<lua_Integer, lua_Integer> count_keys(int index) {
    lua_Integer integers = 0;
    lua_Integer others = 0;
    lua_pushnil(L_);
    while (lua_next(L_, index) != 0) {
      lua_pop(L_, 1);
      ++(lua_isinteger(L_, -1) ? integers : others);
    }
    Sandbox::of(L_).charge(L_, integers + others);
    return {integers, others};
  }

  void check_holes(int index, lua_Integer count, const std::string& what) {
    for (lua_Integer i = 1; i <= count; ++i) {
      const bool hole = lua_rawgeti(L_, index, i) == LUA_TNIL;
      lua_pop(L_, 1);
      if (hole) {
        fail(L_, fmt::format("{} has a hole: item {} is nil", what, i),
             "an unknown variable? Use false for an item that is to be left out");
      }
    }
  }

  Value read_table(int index) {
    if (push_contents(L_, index)) {
      lua_replace(L_, index);  // of our own stack: the caller pops it
    }
    const auto [integers, others] = count_keys(index);
    if (others == 0) return read_list(index, "this list");
    if (integers > 0) {
      fail(L_, "a table has both names and list items", "keep names and lists apart");
    }
    enter(index);
    Table table;
    lua_pushnil(L_);
    while (lua_next(L_, index) != 0) {
      if (lua_type(L_, -2) != LUA_TSTRING) {
        fail(L_, fmt::format("a table's name is {}: only text can be", describe_argument(L_, -2)));
      }
      std::string name = read_text(-2);
      table.emplace_back(std::move(name), read(-1));
      lua_pop(L_, 1);
    }
    std::sort(table.begin(), table.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    --depth_;
    return table;
  }

  lua_State* L_;
  int depth_ = 0;
  std::int64_t adopted_ = 0;
};

void push_list(lua_State* L, const List& list) {
  luaL_checkstack(L, 5, "lists within lists");
  lua_createtable(L, static_cast<int>(std::min<std::size_t>(list.size(), 1U << 20U)), 0);
  lua_Integer i = 0;
  for (const Value& item : list) {
    push_value(L, item);
    lua_rawseti(L, -2, ++i);
  }
}

void push_table(lua_State* L, const Table& table) {
  luaL_checkstack(L, 5, "tables within tables");
  lua_createtable(L, 0, 0);
  for (const auto& [name, item] : table) {
    lua_pushlstring(L, name.data(), name.size());
    push_value(L, item);
    lua_rawset(L, -3);
  }
}

struct PushVisitor {
  lua_State* L;
  const Value& value;
  void operator()(std::monostate) const { lua_pushnil(L); }
  void operator()(None) const { lua_getfield(L, LUA_REGISTRYINDEX, kNoneKey); }
  void operator()(All) const { lua_getfield(L, LUA_REGISTRYINDEX, kAllKey); }
  void operator()(bool flag) const { lua_pushboolean(L, flag ? 1 : 0); }
  void operator()(std::int64_t number) const { lua_pushinteger(L, number); }
  void operator()(double number) const { lua_pushnumber(L, number); }
  void operator()(const std::string& text) const { lua_pushlstring(L, text.data(), text.size()); }
  void operator()(const Quantity& quantity) const { push_quantity(L, quantity); }
  void operator()(const FunctionRef& function) const {
    Interpreter::of(L).push_function(L, function);
  }
  void operator()(const Numbers& numbers) const { push_vec(L, *numbers); }
  void operator()(const List& list) const { push_list(L, list); }
  void operator()(const Table& table) const { push_table(L, table); }
  template <class T>
  void operator()(const T&) const {
    push_boxed(L, value);
  }
};

}  // namespace

void open_values(lua_State* L) {
  luaL_newmetatable(L, kValueType);
  const luaL_Reg methods[] = {
      {"__gc", collect_boxed},           {"__tostring", guarded<boxed_text>},
      {"__index", guarded<boxed_index>}, {"__newindex", guarded<boxed_set>},
      {"__call", guarded<boxed_call>},   {nullptr, nullptr}};
  luaL_setfuncs(L, methods, 0);
  add_operators(L);
  lua_pushliteral(L, "part");  // in Lua's own messages: "attempt to ... a part value"
  lua_setfield(L, -2, "__name");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
  // one value each, so that p.x == none works
  push_boxed(L, Value(None{}));
  lua_setfield(L, LUA_REGISTRYINDEX, kNoneKey);
  push_boxed(L, Value(All{}));
  lua_setfield(L, LUA_REGISTRYINDEX, kAllKey);
}

void push_value(lua_State* L, const Value& value) {
  luaL_checkstack(L, 5, "values");
  std::visit(PushVisitor{L, value}, value.data());
}

Value to_value(lua_State* L, int index) {
  // a copy on top: reading may replace it by the contents of a locked table
  lua_pushvalue(L, index);
  Value value = TableReader(L).read(-1);
  lua_pop(L, 1);
  return value;
}

List to_list(lua_State* L, int index, const std::string& what) {
  return TableReader(L).read_list(lua_absindex(L, index), what);
}

const Value* to_boxed(lua_State* L, int index) {
  const auto* box = static_cast<const Box*>(luaL_testudata(L, index, kValueType));
  return box ? &box->value : nullptr;
}

std::string describe_argument(lua_State* L, int index) {
  index = lua_absindex(L, index);
  switch (lua_type(L, index)) {
    case LUA_TNONE:
    case LUA_TNIL: return "nil";
    case LUA_TNUMBER:
    case LUA_TBOOLEAN:
    case LUA_TSTRING: return describe(to_value(L, index));
    case LUA_TTABLE: return "a table";
    case LUA_TFUNCTION: return "a function";
    default: break;
  }
  if (const Quantity* quantity = to_quantity(L, index)) return describe(Value(*quantity));
  if (const Value* boxed = to_boxed(L, index)) return described(*boxed);
  if (to_vec(L, index).valid()) return "a vec";
  if (luaL_getmetafield(L, index, "__name") == LUA_TSTRING) {
    std::string name = lua_tostring(L, -1);
    lua_pop(L, 1);
    return name;
  }
  return luaL_typename(L, index);
}

}  // namespace polyclinic::script
