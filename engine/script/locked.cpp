// Tables that scripts read and cannot change: the namespaces of the vocabulary, the libraries, the
// globals, the parameters.
#include <fmt/format.h>
#include <lauxlib.h>
#include <lua.h>

#include <algorithm>

#include "script/sandbox.hpp"
#include "script/values.hpp"

namespace polyclinic::script {

namespace {

// Marks the metatable of a locked table; the value is its contents. Scripts cannot make this key.
const char kContentsKey = 0;

std::vector<std::string> names_in(lua_State* L, int index) {
  std::vector<std::string> names;
  lua_pushnil(L);
  while (lua_next(L, index) != 0) {
    lua_pop(L, 1);
    if (lua_type(L, -1) == LUA_TSTRING) names.emplace_back(lua_tostring(L, -1));
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string suggestion(const std::string& word, const std::vector<std::string>& names) {
  std::string hint = did_you_mean(word, names);
  constexpr std::size_t kListed = 30;
  if (names.empty() || names.size() > kListed) return hint;
  if (!hint.empty()) hint += '\n';
  if (names.size() == 1) return hint + "there is only " + names[0];
  return hint + "there are " + join_names(names);
}

// What Lua has elsewhere and a scenario has not.
std::string why_absent(const std::string& word) {
  for (const char* name : {"io", "os", "debug", "package", "coroutine", "load", "loadfile",
                           "dofile", "loadstring", "collectgarbage", "_G", "warn"}) {
    if (word != name) continue;
    if (word == "coroutine")
      return "a scenario has no coroutines but those of its timeline: wait, spawn";
    if (word == "io" || word == "dofile" || word == "loadfile") {
      return "a scenario reads files by data \"...\" and require \"...\" only";
    }
    return "a scenario cannot use this part of Lua: see polyclinic docs functions";
  }
  return {};
}

// __index of the contents: upvalue 1 is what they are called, "" for the globals.
int missing(lua_State* L) {
  const std::string what = lua_tostring(L, lua_upvalueindex(1));
  auto& sandbox = Sandbox::of(L);
  if (lua_type(L, 2) != LUA_TSTRING) {
    fail(L, fmt::format("{} has no {}", what, describe_argument(L, 2)));
  }
  const std::string word = lua_tostring(L, 2);
  const std::vector<std::string> names = names_in(L, 1);
  if (what.empty()) {
    std::string hint = why_absent(word);
    if (hint.empty()) hint = did_you_mean(word, names);
    throw Failure({{sandbox.point_at(sandbox.where(L), word, false),
                    fmt::format("unknown name '{}'", word), std::move(hint)}});
  }
  throw Failure({{sandbox.point_at(sandbox.where(L), word, true),
                  fmt::format("{} has no '{}'", what, word), suggestion(word, names)}});
}

int refuse_change(lua_State* L) {
  const std::string what = lua_tostring(L, lua_upvalueindex(1));
  auto& sandbox = Sandbox::of(L);
  const std::string word = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "?";
  if (what.empty()) {
    throw Failure(
        {{sandbox.point_at(sandbox.where(L), word, false),
          fmt::format("'{}' is not declared", word), fmt::format("write: local {} = ...", word)}});
  }
  throw Failure({{sandbox.point_at(sandbox.where(L), word, true),
                  fmt::format("{} cannot be changed", what), "make a table of your own"}});
}

}  // namespace

void push_locked(lua_State* L, const std::string& what, bool call) {
  const int contents = lua_gettop(L);
  lua_createtable(L, 0, 2);
  lua_pushlstring(L, what.data(), what.size());
  lua_pushcclosure(L, guarded<missing>, 1);
  lua_setfield(L, -2, "__index");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_setmetatable(L, contents);

  lua_createtable(L, 0, 0);
  lua_createtable(L, 0, 5);
  lua_pushvalue(L, contents);
  lua_setfield(L, -2, "__index");
  lua_pushlstring(L, what.data(), what.size());
  lua_pushcclosure(L, guarded<refuse_change>, 1);
  lua_setfield(L, -2, "__newindex");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_pushvalue(L, contents);
  lua_rawsetp(L, -2, &kContentsKey);
  if (call) {
    lua_pushvalue(L, contents - 1);
    lua_setfield(L, -2, "__call");
  }
  lua_setmetatable(L, -2);
  lua_replace(L, contents);
  if (call) lua_remove(L, contents - 1);
}

bool push_contents(lua_State* L, int index) {
  if (lua_type(L, index) != LUA_TTABLE || lua_getmetatable(L, index) == 0) return false;
  if (lua_rawgetp(L, -1, &kContentsKey) == LUA_TNIL) {
    lua_pop(L, 2);
    return false;
  }
  lua_remove(L, -2);
  return true;
}

}  // namespace polyclinic::script
