// The globals of a scenario: Lua's libraries, units, and a callable for every schema.
#include <fmt/format.h>
#include <lauxlib.h>
#include <lua.h>

#include <algorithm>

#include "base/check.hpp"
#include "privacy/account.hpp"
#include "privacy/mechanisms.hpp"
#include "script/interpreter.hpp"
#include "script/libraries.hpp"
#include "script/values.hpp"
#include "script/vec.hpp"

namespace polyclinic::script {

namespace {

constexpr const char* kNamespacesKey = "polyclinic.namespaces";
constexpr const char* kGlobalsKey = "polyclinic.globals.contents";

// upvalues: kind and name of the schema.
int make_part(lua_State* L) {
  auto& interpreter = Interpreter::of(L);
  const Schema* schema = interpreter.catalogue.find(lua_tostring(L, lua_upvalueindex(1)),
                                                    lua_tostring(L, lua_upvalueindex(2)));
  ENSURE(schema != nullptr, "every word has its schema");
  push_value(L, Value(read_part(L, *schema, 1)));
  return 1;
}

// A namespace that is a word too: cohort { } beside cohort.ehr { }. The table itself is argument 1.
int call_namespace(lua_State* L) {
  lua_remove(L, 1);
  return make_part(L);
}

void push_maker(lua_State* L, const Schema& schema, lua_CFunction function) {
  lua_pushlstring(L, schema.kind.data(), schema.kind.size());
  lua_pushlstring(L, schema.name.data(), schema.name.size());
  lua_pushcclosure(L, function, 2);
}

void set_function(lua_State* L, const char* name, lua_CFunction function) {
  lua_pushcfunction(L, function);
  lua_setfield(L, -2, name);
}

// compose { ... }: a part with the fields that were written, no others.
int compose(lua_State* L) {
  auto& interpreter = Interpreter::of(L);
  const Schema* schema = interpreter.catalogue.find("composition", "");
  ENSURE(schema != nullptr, "fed declares the composition");
  Schema named = *schema;
  named.word = "compose";
  Part part = read_part(L, named, 1);
  std::erase_if(part.fields, [](const FieldValue& field) { return !field.given; });
  push_value(L, Value(std::move(part)));
  return 1;
}

// at(when, f) and every(when, f): upvalue 1 is the word.
int make_happening(lua_State* L) {
  auto& interpreter = Interpreter::of(L);
  const std::string word = lua_tostring(L, lua_upvalueindex(1));
  const Schema* schema = interpreter.catalogue.find("happening", word);
  ENSURE(schema != nullptr, "at and every have schemas");
  bool good = false;
  Part part = read_part(L, *schema, 1, &good);
  if (good) {
    // a time becomes a moment, which says whether it comes again
    for (FieldValue& field : part.fields) {
      const auto* time = field.value.get_if<Quantity>();
      if (!time) continue;
      if (!(time->value <= static_cast<double>(kTimeMax.ns))) {
        throw part.mistake("when",
                           fmt::format("{}: {} is longer than 100 years", word, to_text(*time)));
      }
      const auto kind = word == "every" ? Moment::Kind::every : Moment::Kind::at;
      field.value = Moment{kind, TimeNs{static_cast<std::int64_t>(time->value)}, 0};
    }
  }
  push_value(L, Value(std::move(part)));
  return 1;
}

// privacy.account { ... }: no part, but its answer at once, a list of tables.
int account_privacy(lua_State* L) {
  auto& interpreter = Interpreter::of(L);
  const Schema* schema = interpreter.catalogue.find("privacy", "account");
  ENSURE(schema != nullptr, "the floor privacy declares it");
  bool good = false;
  const Part part = read_part(L, *schema, 1, &good);
  if (!good) {
    lua_newtable(L);  // its mistakes are reported at the end of the file
    return 1;
  }
  const privacy::AccountRequest request = privacy::request_of(part);
  push_value(L, privacy::to_value(request, privacy::account(request)));
  return 1;
}

// mechanism.* { ... }: the noised answer at once.
int call_mechanism(lua_State* L) {
  auto& interpreter = Interpreter::of(L);
  const Schema* schema =
      interpreter.catalogue.find("mechanism", lua_tostring(L, lua_upvalueindex(2)));
  ENSURE(schema != nullptr, "every word has its schema");
  bool good = false;
  const Part part = read_part(L, *schema, 1, &good);
  if (!good) {
    lua_newtable(L);  // its mistakes are reported at the end of the file
    return 1;
  }
  push_value(L, privacy::answer_of(part));
  return 1;
}

int from_version(lua_State* L) {
  int exact = 0;
  const lua_Integer version = lua_tointegerx(L, 1, &exact);
  if (exact == 0 || version < 0 || lua_type(L, 1) != LUA_TNUMBER) {
    fail(L, fmt::format("from_version takes a whole number, found {}", describe_argument(L, 1)),
         "for example: from_version(10)");
  }
  push_value(L, Value(Moment{Moment::Kind::from_version, {}, version}));
  return 1;
}

void add_libraries(lua_State* L) {
  push_string_library(L);
  push_locked(L, "string");
  lua_setfield(L, -2, "string");
  push_table_library(L);
  push_locked(L, "table");
  lua_setfield(L, -2, "table");
  push_math_library(L);
  push_locked(L, "math");
  lua_setfield(L, -2, "math");
  push_utf8_library(L);
  push_locked(L, "utf8");
  lua_setfield(L, -2, "utf8");
  push_vec_library(L);
  lua_setfield(L, -2, "vec");
}

void add_functions(lua_State* L) {
  set_function(L, "params", guarded<declare_params>);
  set_function(L, "require", guarded<require_module>);
  set_function(L, "inspect", guarded<inspect_value>);
  set_function(L, "from_version", guarded<from_version>);
  set_function(L, "compose", guarded<compose>);
  set_function(L, "wait", guarded<wait_for>);
  set_function(L, "spawn", guarded<spawn_function>);
  for (const char* word : {"data", "file"}) {
    lua_pushstring(L, word);
    lua_pushcclosure(L, guarded<data_file>, 1);
    lua_setfield(L, -2, word);
  }
  for (const char* word : {"at", "every"}) {
    lua_pushstring(L, word);
    lua_pushcclosure(L, guarded<make_happening>, 1);
    lua_setfield(L, -2, word);
  }
  lua_newtable(L);
  set_function(L, "strategy", guarded<define_strategy>);
  push_locked(L, "define");
  lua_setfield(L, -2, "define");
  push_value(L, Value(None{}));
  lua_setfield(L, -2, "none");
  push_value(L, Value(All{}));
  lua_setfield(L, -2, "all");
}

// Pushes the contents of the namespace of this kind, which is made on first use.
void push_namespace(Interpreter& interpreter, const std::string& kind) {
  lua_State* L = interpreter.lua();
  luaL_getsubtable(L, LUA_REGISTRYINDEX, kNamespacesKey);
  if (lua_getfield(L, -1, kind.c_str()) != LUA_TNIL) {
    lua_remove(L, -2);
    return;
  }
  lua_pop(L, 1);
  const Schema* plain = interpreter.catalogue.find(kind, "");
  const bool callable = plain != nullptr && plain->word.empty();
  if (callable) push_maker(L, *plain, guarded<call_namespace>);
  lua_newtable(L);
  lua_pushvalue(L, -1);
  lua_setfield(L, callable ? -4 : -3, kind.c_str());
  push_locked(L, kind, callable);
  lua_getfield(L, LUA_REGISTRYINDEX, kGlobalsKey);
  lua_insert(L, -2);
  lua_setfield(L, -2, kind.c_str());
  lua_pop(L, 1);
  lua_getfield(L, -1, kind.c_str());
  lua_remove(L, -2);
}

}  // namespace

void add_word(Interpreter& interpreter, const Schema& schema) {
  lua_State* L = interpreter.lua();
  // these have makers of their own
  for (const char* kind : {"happening", "composition", "define"}) {
    if (schema.kind == kind) return;
  }
  const bool is_law = schema.kind == "distribution";
  if (schema.name.empty() || !schema.word.empty()) {
    lua_getfield(L, LUA_REGISTRYINDEX, kGlobalsKey);
    const std::string word = schema.full_name();
    lua_pushlstring(L, word.data(), word.size());
    // a namespace of the same name is callable instead
    if (lua_pushvalue(L, -1), lua_rawget(L, -3) == LUA_TNIL) {
      lua_pop(L, 1);
      if (is_law) {
        lua_pushlstring(L, schema.name.data(), schema.name.size());
        lua_pushcclosure(L, guarded<make_distribution>, 1);
      } else {
        push_maker(L, schema, guarded<make_part>);
      }
      lua_rawset(L, -3);
      lua_pop(L, 1);
    } else {
      lua_pop(L, 3);
    }
    return;
  }
  push_namespace(interpreter, schema.kind);
  const bool answers = schema.kind == "privacy" && schema.name == "account";
  lua_CFunction maker = answers ? guarded<account_privacy> : guarded<make_part>;
  if (schema.kind == "mechanism") maker = guarded<call_mechanism>;
  push_maker(L, schema, maker);
  lua_setfield(L, -2, schema.name.c_str());
  lua_pop(L, 1);
}

void add_strategy(lua_State* L, const std::string& name) {
  luaL_getsubtable(L, LUA_REGISTRYINDEX, kNamespacesKey);
  lua_getfield(L, -1, "strategy");
  lua_pushlstring(L, name.data(), name.size());
  lua_pushvalue(L, -4);
  lua_rawset(L, -3);
  lua_pop(L, 3);
}

void push_vocabulary(lua_State* L) {
  lua_getfield(L, LUA_REGISTRYINDEX, kGlobalsKey);
}

void push_globals(Interpreter& interpreter) {
  lua_State* L = interpreter.lua();
  push_base_library(L);
  lua_pushvalue(L, -1);
  lua_setfield(L, LUA_REGISTRYINDEX, kGlobalsKey);
  add_libraries(L);
  add_units(L);
  // namespaces first: a plain word of the same name belongs to one
  for (const bool plain : {false, true}) {
    for (const Schema& schema : interpreter.catalogue.all()) {
      if ((schema.name.empty() || !schema.word.empty()) == plain) add_word(interpreter, schema);
    }
  }
  add_functions(L);
  // strategies that scripts define need their namespace
  push_namespace(interpreter, "strategy");
  lua_pop(L, 1);
}

}  // namespace polyclinic::script
