// Editor stubs in the annotations of the Lua language server (LuaLS): classes with their fields.
#include <fmt/format.h>

#include <algorithm>

#include "script/docs.hpp"
#include "script/words.hpp"

namespace polyclinic::script {

namespace {

using Kind = Type::Kind;

std::string stub_type(const Type& type);

std::string stub_alternative(const Type::Alternative& a) {
  switch (a.kind) {
    case Kind::boolean: return "boolean";
    case Kind::integer: return "integer";
    case Kind::number: return "number";
    case Kind::text: return "string";
    case Kind::choice: {
      std::string text;
      for (const std::string& name : a.names) text += (text.empty() ? "\"" : "|\"") + name + "\"";
      return text;
    }
    case Kind::quantity: return std::string(dimension_name(a.dimension));
    case Kind::distribution:
      return a.dimension == Dimension::none
                 ? "number|distribution"
                 : std::string(dimension_name(a.dimension)) + "|distribution";
    case Kind::part: {
      std::string text;
      for (const std::string& name : a.names) text += (text.empty() ? "" : "|") + name + "_part";
      return text;
    }
    case Kind::list: return "(" + stub_type(*a.element) + ")[]";
    case Kind::table: return "table<string, " + stub_type(*a.element) + ">";
    case Kind::file: return "file|string";
    case Kind::function: return "function";
    case Kind::moment: return "moment";
    case Kind::numbers: return "vec|number[]";
    case Kind::all: return "all";
    case Kind::none: return "none|false";
    case Kind::any: return "any";
  }
  return "any";
}

std::string stub_type(const Type& type) {
  std::string text;
  for (const auto& a : type.alternatives) text += (text.empty() ? "" : "|") + stub_alternative(a);
  return text;
}

std::string class_name(const Schema& schema) {
  std::string name = schema.full_name();
  std::replace(name.begin(), name.end(), '.', '_');
  return name + "_fields";
}

std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

std::string class_text(const Schema& schema) {
  std::string text = fmt::format("---@class {}\n", class_name(schema));
  for (const Field& field : schema.fields) {
    std::string doc = one_line(field.doc);
    if (const std::string standard = default_text(field); !standard.empty()) {
      doc += fmt::format(" (default: {})", standard);
    }
    text += fmt::format("---@field {}{} {} {}\n", field.name, field.required ? "" : "?",
                        stub_type(field.type), doc);
  }
  if (!schema.items_field.empty()) {
    text += fmt::format("---@field [integer] any items of {}\n", schema.items_field);
  }
  return text;
}

std::string result_type(const Schema& schema) {
  return schema.kind == "distribution" ? "distribution" : schema.kind + "_part";
}

std::string word_of(const Schema& schema) {
  return schema.kind == "composition" ? "compose" : schema.full_name();
}

// A callable of the vocabulary.
std::string function_text(const Schema& schema) {
  std::string text = class_text(schema);
  text += fmt::format("\n---{}\n", one_line(schema.doc));
  if (!schema.paper.empty()) text += fmt::format("---{}\n", one_line(schema.paper));
  const std::string argument = class_name(schema);
  if (!schema.positional || schema.fields.empty()) {
    text += fmt::format("---@param fields? {}\n---@return {}\nfunction {}(fields) end\n", argument,
                        result_type(schema), word_of(schema));
    return text;
  }
  std::string names;
  for (std::size_t i = 0; i < schema.fields.size(); ++i) {
    const Field& field = schema.fields[i];
    const std::string type = stub_type(field.type) + (i == 0 ? "|" + argument : "");
    // `end` and the like are no names for parameters; none of the vocabulary's fields is one
    text += fmt::format("---@param {}{} {}\n", field.name, i == 0 ? "" : "?", type);
    names += (i > 0 ? ", " : "") + field.name;
  }
  text += fmt::format("---@return {}\nfunction {}({}) end\n", result_type(schema), word_of(schema),
                      names);
  return text;
}

constexpr const char* kHead = R"(---@meta
-- Generated from the schemas by `polyclinic docs --write`; do not edit.

---@class quantity
---@operator add(quantity): quantity
---@operator sub(quantity): quantity
---@operator mul(number): quantity
---@operator div(number): quantity
---@operator unm: quantity
---@class time: quantity
---@class data_size: quantity
---@class bandwidth: quantity
---@class speed: quantity
---@class fraction: quantity
---@class distribution
---@class moment
---@class file
---@class part
---@class none
---@class all

---@type none
none = nil
---@type all
all = nil
)";

std::string units_text() {
  std::string text;
  for (const Unit& unit : units()) {
    const std::string type = unit.dimension == Dimension::data
                                 ? "data_size"
                                 : std::string(dimension_name(unit.dimension));
    text += fmt::format("\n---{}\n---@param x number\n---@return {}\nfunction {}(x) end\n",
                        unit.doc, type, unit.name);
  }
  return text;
}

// The operators and items of a class, beside its members.
std::string class_extras(std::string_view object) {
  if (object != "vec") return "";
  return "---@operator add(vec|number): vec\n---@operator sub(vec|number): vec\n"
         "---@operator mul(vec|number): vec\n---@operator div(vec|number): vec\n"
         "---@operator pow(vec|number): vec\n---@operator unm: vec\n---@operator len: integer\n"
         "---@field [integer] number\n";
}

std::string object_stub(const Object& object) {
  std::string text =
      fmt::format("\n---{}\n---@class {}\n", one_line(std::string(object.doc)), object.name);
  text += class_extras(object.name);
  std::string methods;
  for (const Member& member : members()) {
    if (member.object != object.name) continue;
    if (member.arguments.empty()) {
      text += fmt::format("---@field {} {} {}\n", member.name, member.result, member.doc);
      continue;
    }
    methods += fmt::format("---{}\n", member.doc);
    if (!member.result.empty()) methods += fmt::format("---@return {}\n", member.result);
    methods += fmt::format("function a_{}:{}{} end\n", object.name, member.name, member.arguments);
  }
  return text + fmt::format("local a_{} = {{}}\n", object.name) + methods;
}

std::string objects_text() {
  std::string text;
  for (const Object& object : objects()) text += object_stub(object);
  return text;
}

std::string words_text() {
  std::string text;
  for (const Word& word : words()) {
    text += fmt::format("\n---{}\n", word.doc);
    if (!word.result.empty()) text += fmt::format("---@return {}\n", word.result);
    // vec is a table that can be called
    if (word.name == "vec") {
      text += "---@overload fun(numbers: number[]): vec\nvec = {}\n";
    } else {
      text += fmt::format("function {}({}) end\n", word.name, word.arguments);
    }
  }
  return text;
}

}  // namespace

std::string editor_stub(const Catalogue& catalogue) {
  std::string text = kHead;
  text += objects_text();
  text += units_text();
  text += words_text();
  for (const std::string& kind : catalogue.kinds()) {
    if (kind != "distribution") text += fmt::format("\n---@class {}_part: part\n", kind);
    const bool is_namespace = std::any_of(
        catalogue.all().begin(), catalogue.all().end(),
        [&](const Schema& s) { return s.kind == kind && !s.name.empty() && s.word.empty(); });
    const Schema* plain = catalogue.find(kind, "");
    if (is_namespace && !plain) text += fmt::format("{} = {{}}\n", kind);
    for (const Schema& schema : catalogue.all()) {
      if (schema.kind != kind || (kind == "happening" && schema.name.empty())) continue;
      text += "\n" + function_text(schema);
    }
  }
  return text;
}

}  // namespace polyclinic::script
