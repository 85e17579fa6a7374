#include "script/user_words.hpp"

#include <fmt/format.h>
#include <lauxlib.h>
#include <lua.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "script/interpreter.hpp"
#include "script/values.hpp"

namespace polyclinic::script {

namespace {

using Kind = Type::Kind;

struct Wording {
  std::string_view ours;
  std::string_view theirs;
};

// The kinds whose parts are not written kind.name { ... }.
constexpr std::array<Wording, 9> kWordings{
    {{"a list of a part arm.*", "a list of arms { { name = ... }, ... }"},
     {"a part scenario.*", "scenario { ... }"},
     {"a part composition.*", "compose { ... }"},
     {"a part happening.*", "at(...) or every(...)"},
     {"a part column.*", "column \"...\""},
     {"a part positive.*", "positive \"...\""},
     {"found composition", "found compose { ... }"},
     {"happening.at", "at(...)"},
     {"happening.every", "every(...)"}}};

// The call of a word, with nothing filled in.
std::string bare_call(const Schema* schema, const std::string& word) {
  return schema == nullptr || schema->positional ? word + "(...)" : word + " {}";
}

// The name under which the table at the top of the stack holds the value at `index`, or "".
std::string name_in_table(lua_State* L, int index) {
  std::string name;
  lua_pushnil(L);
  while (lua_next(L, -2) != 0) {
    const bool same = lua_type(L, -2) == LUA_TSTRING && lua_rawequal(L, -1, index) != 0;
    if (same && (name.empty() || lua_tostring(L, -2) < name)) name = lua_tostring(L, -2);
    lua_pop(L, 1);
  }
  return name;
}

// The word of the vocabulary whose function lies at the top of the stack: "cohort.ehr", or "".
std::string word_of(lua_State* L) {
  const int index = lua_gettop(L);
  luaL_checkstack(L, 6, "words");
  const Catalogue& catalogue = Interpreter::of(L).catalogue;
  std::string word;
  for (const std::string& kind : catalogue.kinds()) {
    push_vocabulary(L);
    lua_pushlstring(L, kind.data(), kind.size());
    if (lua_rawget(L, -2) == LUA_TTABLE && push_contents(L, -1)) {
      const std::string name = name_in_table(L, index);
      if (!name.empty()) word = kind + "." + name;
    }
    lua_settop(L, index);
    if (!word.empty()) return word;
  }
  push_vocabulary(L);
  word = name_in_table(L, index);
  lua_settop(L, index);
  return word;
}

// strategy = "fedavg"
std::string named_part(const Catalogue& catalogue, const Type& type, const std::string& name) {
  std::string near;
  for (const Type::Alternative& a : type.alternatives) {
    if (a.kind != Kind::part) continue;
    for (const std::string& kind : a.names) {
      const Schema* schema = catalogue.find(kind, name);
      if (schema != nullptr && !name.empty() && schema->word.empty()) {
        return "write " + bare_call(schema, schema->full_name());
      }
      const std::vector<std::string> names = nearest_names(name, catalogue.names(kind));
      if (near.empty() && !names.empty() && !names[0].empty()) near = kind + "." + names[0];
    }
  }
  return near.empty() ? "" : "did you mean " + bare_call(catalogue.find(near), near) + "?";
}

// A part in short, a plain value as it is.
std::string in_short(const Catalogue& catalogue, const Value& value) {
  const Part* part = value.part();
  if (part == nullptr) return to_text(value);
  const Schema* schema = catalogue.find(part->kind, part->name);
  if (schema == nullptr) return describe(value);
  return schema->full_name() + (schema->positional ? "(...)" : " { ... }");
}

}  // namespace

std::string in_user_words(std::string message) {
  for (const Wording& wording : kWordings) {
    std::size_t at = 0;
    while ((at = message.find(wording.ours, at)) != std::string::npos) {
      message.replace(at, wording.ours.size(), wording.theirs);
      at += wording.theirs.size();
    }
  }
  return message;
}

void put_in_user_words(std::vector<Mistake>& mistakes) {
  for (Mistake& mistake : mistakes) {
    mistake.message = in_user_words(std::move(mistake.message));
    mistake.hint = in_user_words(std::move(mistake.hint));
  }
}

std::string repair(lua_State* L, const Type& type, const Value& value) {
  const Catalogue& catalogue = Interpreter::of(L).catalogue;
  if (lua_type(L, -1) == LUA_TFUNCTION) {
    const std::string word = word_of(L);
    return word.empty() ? "" : "call it: " + bare_call(catalogue.find(word), word);
  }
  for (const Type::Alternative& a : type.alternatives) {
    if (a.kind != Kind::list) continue;
    Value item = value;
    const bool one = !value.get_if<List>() && !value.get_if<Table>() && !value.absent();
    if (one && !fit(*a.element, item)) {
      return fmt::format("put it in a list: {{ {} }}", in_short(catalogue, value));
    }
    if (const auto* name = value.get_if<std::string>()) {
      const std::string hint = named_part(catalogue, *a.element, *name);
      if (!hint.empty()) return hint;
    }
  }
  const auto* name = value.get_if<std::string>();
  return name ? named_part(catalogue, type, *name) : "";
}

}  // namespace polyclinic::script
