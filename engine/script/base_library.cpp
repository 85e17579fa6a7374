// pairs in sorted order, errors that limits pass through, tostring without addresses, metatables
// without finalisers and weak tables.
#include <fmt/format.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include <algorithm>
#include <cstdio>

#include "script/interpreter.hpp"
#include "script/libraries.hpp"
#include "script/sandbox.hpp"
#include "script/values.hpp"

namespace polyclinic::script {

namespace {

constexpr const char* kOrdinalsKey = "polyclinic.ordinals";
// In the metatable a script's table really has: the one the script gave.
const char kOriginalKey = 0;

// Order of keys: numbers, then text by bytes, then false and true. Others have no order of their
// own.
enum class KeyKind : unsigned char { number, text, boolean, other };

KeyKind kind_of_key(lua_State* L, int index) {
  switch (lua_type(L, index)) {
    case LUA_TNUMBER: return KeyKind::number;
    case LUA_TSTRING: return KeyKind::text;
    case LUA_TBOOLEAN: return KeyKind::boolean;
    default: return KeyKind::other;
  }
}

bool text_less(lua_State* L, int a, int b) {
  std::size_t size_a = 0;
  std::size_t size_b = 0;
  const char* text_a = lua_tolstring(L, a, &size_a);
  const char* text_b = lua_tolstring(L, b, &size_b);
  return std::string_view(text_a, size_a) < std::string_view(text_b, size_b);
}

bool key_less(lua_State* L, int a, int b) {
  const KeyKind kind_a = kind_of_key(L, a);
  const KeyKind kind_b = kind_of_key(L, b);
  if (kind_a != kind_b) return kind_a < kind_b;
  switch (kind_a) {
    case KeyKind::number: return lua_compare(L, a, b, LUA_OPLT) != 0;
    case KeyKind::text: return text_less(L, a, b);
    case KeyKind::boolean: return lua_toboolean(L, a) < lua_toboolean(L, b);
    case KeyKind::other: break;
  }
  return false;
}

void check_order(lua_State* L, int others) {
  if (others > 1) {
    fail(L, "pairs over a table whose keys are tables or functions: they have no order",
         "use names or numbers as keys");
  }
}

// Pushes a list of the keys of the table at `index`, sorted; returns their number.
lua_Integer push_sorted_keys(lua_State* L, int index) {
  lua_newtable(L);
  const int keys = lua_gettop(L);
  lua_Integer count = 0;
  int others = 0;
  lua_pushnil(L);
  while (lua_next(L, index) != 0) {
    lua_pop(L, 1);
    if (kind_of_key(L, -1) == KeyKind::other) ++others;
    lua_pushvalue(L, -1);
    lua_rawseti(L, keys, ++count);
  }
  check_order(L, others);
  Sandbox::of(L).charge(L, 4 * count);

  std::vector<lua_Integer> order(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<lua_Integer>(i) + 1;
  std::sort(order.begin(), order.end(), [&](lua_Integer a, lua_Integer b) {
    lua_rawgeti(L, keys, a);
    lua_rawgeti(L, keys, b);
    const bool less = key_less(L, -2, -1);
    lua_pop(L, 2);
    return less;
  });
  lua_createtable(L, static_cast<int>(count), 0);
  for (std::size_t i = 0; i < order.size(); ++i) {
    lua_rawgeti(L, keys, order[i]);
    lua_rawseti(L, -2, static_cast<lua_Integer>(i) + 1);
  }
  lua_remove(L, keys);
  return count;
}

// upvalues: the table, its sorted keys, the position reached.
int pairs_step(lua_State* L) {
  lua_Integer i = lua_tointeger(L, lua_upvalueindex(3));
  while (true) {
    if (lua_rawgeti(L, lua_upvalueindex(2), ++i) == LUA_TNIL) return 1;
    lua_pushvalue(L, -1);
    // what was removed meanwhile is not met
    if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL) break;
    lua_pop(L, 2);
  }
  lua_pushinteger(L, i);
  lua_replace(L, lua_upvalueindex(3));
  return 2;
}

void check_table(lua_State* L, const char* what) {
  if (lua_type(L, 1) != LUA_TTABLE) {
    fail(L, fmt::format("{} takes a table, found {}", what, describe_argument(L, 1)));
  }
}

int pairs(lua_State* L) {
  if (luaL_getmetafield(L, 1, "__pairs") != LUA_TNIL) {
    lua_pushvalue(L, 1);
    lua_call(L, 1, 3);
    return 3;
  }
  check_table(L, "pairs");
  if (!push_contents(L, 1)) lua_pushvalue(L, 1);
  push_sorted_keys(L, lua_gettop(L));
  lua_pushinteger(L, 0);
  lua_pushcclosure(L, guarded<pairs_step>, 3);
  return 1;
}

// next(t [, key]): the smallest key above the given one.
int next(lua_State* L) {
  check_table(L, "next");
  lua_settop(L, 2);
  if (!push_contents(L, 1)) lua_pushvalue(L, 1);
  constexpr int kTable = 3;
  constexpr int kBest = 4;
  const bool from_start = lua_isnil(L, 2);
  lua_pushnil(L);  // kBest
  std::int64_t work = 0;
  int others = 0;
  lua_pushnil(L);
  while (lua_next(L, kTable) != 0) {
    lua_pop(L, 1);
    ++work;
    if (kind_of_key(L, -1) == KeyKind::other) ++others;
    const bool after = from_start || key_less(L, 2, -1);
    if (after && (lua_isnil(L, kBest) || key_less(L, -1, kBest))) {
      lua_copy(L, -1, kBest);
    }
  }
  check_order(L, others);
  Sandbox::of(L).charge(L, work);
  if (lua_isnil(L, kBest)) return 1;
  lua_pushvalue(L, kBest);
  lua_rawget(L, kTable);
  return 2;
}

int to_string(lua_State* L) {
  luaL_checkany(L, 1);
  const std::string text = text_of(L, 1);
  lua_pushlstring(L, text.data(), text.size());
  return 1;
}

int print(lua_State* L) {
  if (Interpreter::of(L).options.silent) return 0;
  std::string line;
  for (int i = 1; i <= lua_gettop(L); ++i) {
    if (i > 1) line += '\t';
    line += text_of(L, i);
  }
  line += '\n';
  std::fwrite(line.data(), 1, line.size(), stderr);
  return 0;
}

// A script sees errors of ours as text, like Lua's own.
void make_error_text(lua_State* L) {
  const auto* mistakes = to_failure(L, -1);
  if (mistakes == nullptr) return;
  const std::string text = Failure(*mistakes).what();
  lua_pop(L, 1);
  lua_pushlstring(L, text.data(), text.size());
}

// Of pcall(f, ...): below the results lies `true`.
int finish_pcall(lua_State* L, int status, lua_KContext) {
  if (status == LUA_OK || status == LUA_YIELD) return lua_gettop(L);
  if (Sandbox::of(L).exhausted(status)) return lua_error(L);
  make_error_text(L);
  lua_pushboolean(L, 0);
  lua_insert(L, -2);
  return 2;
}

// Not guarded: yields pass through it.
int pcall(lua_State* L) {
  luaL_checkany(L, 1);
  lua_pushboolean(L, 1);
  lua_insert(L, 1);
  const int status = lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 0, finish_pcall);
  return finish_pcall(L, status, 0);
}

// Of xpcall(f, handler, ...): below the results lie the handler and `true`.
int finish_xpcall(lua_State* L, int status, lua_KContext) {
  if (status == LUA_OK || status == LUA_YIELD) return lua_gettop(L) - 1;
  if (Sandbox::of(L).exhausted(status)) return lua_error(L);
  make_error_text(L);
  lua_pushboolean(L, 0);
  lua_pushvalue(L, 1);
  lua_pushvalue(L, 3);
  lua_call(L, 1, LUA_MULTRET);
  return lua_gettop(L) - 3;
}

// The handler runs after the failed call: there is no stack for it to look at.
int xpcall(lua_State* L) {
  luaL_checktype(L, 2, LUA_TFUNCTION);
  lua_pushboolean(L, 1);
  lua_insert(L, 1);  // true, f, handler, ...
  lua_pushvalue(L, 3);
  lua_insert(L, 1);  // handler, true, f, handler, ...
  lua_remove(L, 4);  // handler, true, f, ...
  const int status = lua_pcallk(L, lua_gettop(L) - 3, LUA_MULTRET, 0, 0, finish_xpcall);
  return finish_xpcall(L, status, 0);
}

int set_metatable(lua_State* L) {
  check_table(L, "setmetatable");
  const int type = lua_type(L, 2);
  if (type != LUA_TNIL && type != LUA_TTABLE) {
    fail(L, fmt::format("setmetatable takes a table or nil, found {}", describe_argument(L, 2)));
  }
  if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL) {
    fail(L, "this table's metatable cannot be changed");
  }
  lua_settop(L, 2);
  if (type == LUA_TNIL) {
    lua_setmetatable(L, 1);
    lua_settop(L, 1);
    return 1;
  }
  // the table gets a copy: what is added to the original later cannot bring in what is refused here
  lua_newtable(L);
  lua_pushnil(L);
  while (lua_next(L, 2) != 0) {
    const char* name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";
    const std::string_view key = name;
    for (const std::string_view refused : {"__gc", "__mode", "__metatable"}) {
      if (key != refused) continue;
      fail(L, fmt::format("a metatable cannot have {}", refused),
           "finalisers, weak tables and locked metatables are not there: their effect would depend "
           "on when memory is collected");
    }
    if (key.substr(0, 2) == "__") {
      lua_pushvalue(L, -2);
      lua_insert(L, -2);
      lua_rawset(L, 3);
    } else {
      lua_pop(L, 1);
    }
  }
  lua_pushvalue(L, 2);
  lua_rawsetp(L, 3, &kOriginalKey);
  lua_setmetatable(L, 1);
  lua_settop(L, 1);
  return 1;
}

int get_metatable(lua_State* L) {
  luaL_checkany(L, 1);
  if (lua_getmetatable(L, 1) == 0) {
    lua_pushnil(L);
    return 1;
  }
  if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL) return 1;
  lua_rawgetp(L, -1, &kOriginalKey);
  return 1;
}

int raw_set(lua_State* L) {
  check_table(L, "rawset");
  luaL_checkany(L, 2);
  luaL_checkany(L, 3);
  if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL) {
    fail(L, "this table cannot be changed", "make a table of your own");
  }
  lua_settop(L, 3);
  lua_rawset(L, 1);
  return 1;
}

// tonumber reads every digit of a long text without being counted.
int to_number(lua_State* L) {
  if (lua_type(L, 1) == LUA_TSTRING) {
    Sandbox::of(L).charge(L, static_cast<std::int64_t>(lua_rawlen(L, 1)) / 4);
  }
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
  return lua_gettop(L);
}

lua_Integer ordinal_of(lua_State* L, int index) {
  index = lua_absindex(L, index);
  if (lua_getfield(L, LUA_REGISTRYINDEX, kOrdinalsKey) == LUA_TNIL) {
    lua_pop(L, 1);
    lua_newtable(L);
    lua_newtable(L);
    lua_pushliteral(L, "k");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    lua_pushinteger(L, 0);
    lua_rawseti(L, -2, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, LUA_REGISTRYINDEX, kOrdinalsKey);
  }
  lua_pushvalue(L, index);
  if (lua_rawget(L, -2) == LUA_TNIL) {
    lua_rawgeti(L, -2, 0);
    const lua_Integer ordinal = lua_tointeger(L, -1) + 1;
    lua_pop(L, 2);
    lua_pushinteger(L, ordinal);
    lua_rawseti(L, -2, 0);
    lua_pushvalue(L, index);
    lua_pushinteger(L, ordinal);
    lua_rawset(L, -3);
    lua_pushinteger(L, ordinal);
  }
  const lua_Integer ordinal = lua_tointeger(L, -1);
  lua_pop(L, 2);
  return ordinal;
}

}  // namespace

std::string text_of(lua_State* L, int index) {
  index = lua_absindex(L, index);
  std::string text;
  const int type = lua_type(L, index);
  const bool plain =
      type == LUA_TNIL || type == LUA_TBOOLEAN || type == LUA_TNUMBER || type == LUA_TSTRING;
  if (plain || luaL_getmetafield(L, index, "__tostring") != LUA_TNIL) {
    if (!plain) lua_pop(L, 1);
    std::size_t length = 0;
    const char* converted = luaL_tolstring(L, index, &length);
    text.assign(converted, length);
    lua_pop(L, 1);
    return text;
  }
  return fmt::format("{}: {}", lua_typename(L, type), ordinal_of(L, index));
}

void push_base_library(lua_State* L) {
  luaL_requiref(L, "_G", luaopen_base, 0);
  const int original = lua_gettop(L);
  lua_newtable(L);
  for (const char* name :
       {"assert", "error", "ipairs", "rawequal", "rawget", "rawlen", "select", "type"}) {
    lua_getfield(L, original, name);
    lua_setfield(L, -2, name);
  }
  const luaL_Reg ours[] = {{"pairs", guarded<pairs>},
                           {"next", guarded<next>},
                           {"tostring", guarded<to_string>},
                           {"print", guarded<print>},
                           {"pcall", pcall},
                           {"xpcall", xpcall},
                           {"setmetatable", guarded<set_metatable>},
                           {"getmetatable", guarded<get_metatable>},
                           {"rawset", guarded<raw_set>},
                           {nullptr, nullptr}};
  luaL_setfuncs(L, ours, 0);
  lua_getfield(L, original, "tonumber");
  lua_pushcclosure(L, guarded<to_number>, 1);
  lua_setfield(L, -2, "tonumber");
  lua_remove(L, original);
}

}  // namespace polyclinic::script
