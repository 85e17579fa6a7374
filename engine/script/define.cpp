// define.strategy: a named composition with fields of its own, declared like the engine's parts.
#include <fmt/format.h>
#include <lauxlib.h>
#include <lua.h>

#include <algorithm>
#include <cctype>
#include <limits>
#include <optional>

#include "base/check.hpp"
#include "script/interpreter.hpp"
#include "script/values.hpp"

namespace polyclinic::script {

namespace {

const Value* find(const Table& table, std::string_view name) {
  const auto it = std::find_if(table.begin(), table.end(),
                               [&](const auto& entry) { return entry.first == name; });
  return it == table.end() ? nullptr : &it->second;
}

Type type_of_default(const Value& standard) {
  if (standard.number()) return type::number();
  if (standard.get_if<bool>()) return type::boolean();
  if (standard.get_if<std::string>()) return type::text();
  if (const auto* quantity = standard.get_if<Quantity>()) {
    return type::quantity(quantity->dimension);
  }
  if (const Part* part = standard.part()) return type::part(part->kind);
  return type::any();
}

std::optional<double> bound(const Table& spec, std::string_view name) {
  const Value* value = find(spec, name);
  if (!value) return std::nullopt;
  if (const auto* quantity = value->get_if<Quantity>()) return quantity->value;
  return value->number();
}

// One of `params`: { default = 0.01, low = 0, doc = "..." }, or the default alone.
Field declared_field(const Part& declaration, const std::string& name, const Value& value) {
  Field field{name, type::any(), {}, "", false, ""};
  const auto* spec = value.get_if<Table>();
  if (!spec) {
    field.standard = value;
    field.type = type_of_default(value);
    return field;
  }
  for (const auto& [key, ignored] : *spec) {
    const std::vector<std::string> known{"default", "low", "high", "doc", "one_of", "whole"};
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    const std::string near = did_you_mean(key, known);
    throw declaration.mistake("params", fmt::format("the param '{}' has no '{}'", name, key),
                              (near.empty() ? "" : near + "\n") + "there are " + join_names(known));
  }
  if (const Value* standard = find(*spec, "default")) field.standard = *standard;
  field.required = field.standard.absent();
  field.type = type_of_default(field.standard);
  if (const Value* doc = find(*spec, "doc"); doc && doc->get_if<std::string>()) {
    field.doc = doc->as<std::string>();
  }
  const Value* whole = find(*spec, "whole");
  if (whole && whole->get_if<bool>() && whole->as<bool>()) field.type = type::integer();
  if (const Value* names = find(*spec, "one_of"); names && names->get_if<List>()) {
    std::vector<std::string> choices;
    for (const Value& choice : names->as<List>()) {
      if (choice.get_if<std::string>()) choices.push_back(choice.as<std::string>());
    }
    field.type = type::choice(std::move(choices));
  }
  const auto low = bound(*spec, "low");
  const auto high = bound(*spec, "high");
  if (low || high) {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    field.type = field.type.between(low.value_or(-kInfinity), high.value_or(kInfinity));
  }
  if (!field.standard.absent()) {
    if (const auto why = fit(field.type, field.standard)) {
      throw declaration.mistake("params", fmt::format("the default of '{}': {}", name, *why));
    }
  }
  return field;
}

// rounds, participants and deadline belong to the scenario and are accepted as a shorthand.
void add_shorthands(const Catalogue& catalogue, Schema& schema) {
  const Schema* scenario = catalogue.find("scenario", "");
  if (!scenario) return;
  for (const char* name : {"rounds", "participants", "deadline"}) {
    const Field* field = scenario->find(name);
    if (!field || schema.find(name)) continue;
    schema.fields.push_back(
        {name, field->type, {}, "the scenario's field of that name", false, "the scenario's"});
  }
}

// Calls the build function at the top of the stack, which it pops: the strategy's fields become its
// composition.
void add_composition(lua_State* L, const Schema& schema, Part& part) {
  Table params;
  for (const FieldValue& field : part.fields) params.emplace_back(field.name, field.value);
  push_value(L, Value(std::move(params)));
  push_locked(L, "p");
  lua_call(L, 1, 1);
  const Value* result = to_boxed(L, -1);
  if (result == nullptr || result->part() == nullptr || result->part()->kind != "composition") {
    fail(L,
         fmt::format("the build function of {} returned {}", schema.full_name(),
                     describe_argument(L, -1)),
         "it returns compose { ... }");
  }
  part.fields.push_back({"composition", *result, part.where, true});
  lua_pop(L, 1);
}

// upvalues: the strategy's name, its build function.
int make_strategy(lua_State* L) {
  auto& interpreter = Interpreter::of(L);
  const Schema* schema =
      interpreter.catalogue.find("strategy", lua_tostring(L, lua_upvalueindex(1)));
  ENSURE(schema != nullptr, "the strategy was declared");
  bool good = false;
  Part part = read_part(L, *schema, 1, &good);
  if (good) {
    lua_pushvalue(L, lua_upvalueindex(2));
    add_composition(L, *schema, part);
  }
  push_value(L, Value(std::move(part)));
  return 1;
}

void check_name(const Part& declaration, const Catalogue& catalogue) {
  const std::string& name = declaration.text("name");
  const bool good = !name.empty() && std::isdigit(static_cast<unsigned char>(name[0])) == 0 &&
                    std::all_of(name.begin(), name.end(), [](char c) {
                      return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
                    });
  if (!good) {
    throw declaration.mistake("name", fmt::format("\"{}\" is no name for a strategy", name),
                              "letters, digits and _");
  }
  if (catalogue.find("strategy", name)) {
    throw declaration.mistake("name", fmt::format("strategy.{} is there already", name),
                              "choose another name");
  }
}

// Argument 1: a light pointer to a strategy whose fields were changed.
int rebuild_composition(lua_State* L) {
  auto& interpreter = Interpreter::of(L);
  auto& part = *static_cast<Part*>(lua_touserdata(L, 1));
  const Schema* schema = interpreter.catalogue.find("strategy", part.name);
  ENSURE(schema != nullptr, "a strategy was declared before it was used");
  std::erase_if(part.fields, [](const FieldValue& field) { return field.name == "composition"; });
  interpreter.push_function(L, interpreter.strategy_builds.at(part.name));
  add_composition(L, *schema, part);
  return 0;
}

}  // namespace

void rebuild_strategy(Interpreter& interpreter, Part& strategy) {
  if (!interpreter.strategy_builds.contains(strategy.name)) return;
  lua_State* L = interpreter.lua();
  lua_pushcfunction(L, guarded<rebuild_composition>);
  lua_pushlightuserdata(L, &strategy);
  interpreter.call(1, 0);
}

int define_strategy(lua_State* L) {
  auto& interpreter = Interpreter::of(L);
  if (interpreter.phase == Interpreter::Phase::running) {
    fail(L, "strategies cannot be declared while the world runs");
  }
  bool good = false;
  const Schema* own = interpreter.catalogue.find("define", "strategy");
  ENSURE(own != nullptr, "define.strategy has a schema");
  const Part declaration = read_part(L, *own, 1, &good);
  if (!good) return 0;
  check_name(declaration, interpreter.catalogue);
  Schema schema{.kind = "strategy",
                .name = declaration.text("name"),
                .doc = declaration.text("doc"),
                .paper = declaration.text("paper")};
  if (const Value* params = declaration.find("params")) {
    for (const auto& [name, value] : params->as<Table>()) {
      schema.fields.push_back(declared_field(declaration, name, value));
    }
  }
  add_shorthands(interpreter.catalogue, schema);
  schema.example = fmt::format("strategy = strategy.{} {{}}", schema.name);
  const std::string name = schema.name;
  interpreter.catalogue.add(std::move(schema));

  lua_pushlstring(L, name.data(), name.size());
  const FunctionRef build = declaration.at("build").as<FunctionRef>();
  interpreter.strategy_builds.emplace(name, build);
  interpreter.push_function(L, build);
  lua_pushcclosure(L, guarded<make_strategy>, 2);
  lua_pushvalue(L, -1);
  add_strategy(L, name);
  return 1;
}

}  // namespace polyclinic::script
