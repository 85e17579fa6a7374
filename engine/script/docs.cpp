#include "script/docs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "learn/metrics.hpp"
#include "script/scenario_script.hpp"
#include "script/words.hpp"

namespace polyclinic::script {

namespace {

using Kind = Type::Kind;

std::string bound_text(const Type::Alternative& a, double bound) {
  return a.dimension == Dimension::none ? fmt::format("{}", bound)
                                        : to_text(Quantity{bound, a.dimension});
}

std::string range_text(const Type::Alternative& a) {
  const bool low = std::isfinite(a.low);
  const bool high = std::isfinite(a.high);
  if (low && high && !a.low_open && !a.high_open) {
    return fmt::format(", {} to {}", bound_text(a, a.low), bound_text(a, a.high));
  }
  std::string text;
  if (low) text += fmt::format(", {} {}", a.low_open ? "above" : "at least", bound_text(a, a.low));
  if (high) {
    text += fmt::format(", {} {}", a.high_open ? "below" : "at most", bound_text(a, a.high));
  }
  return text;
}

std::string alternative_text(const Type::Alternative& a) {
  switch (a.kind) {
    case Kind::boolean: return "true or false";
    case Kind::integer: return "whole number" + range_text(a);
    case Kind::number: return "number" + range_text(a);
    case Kind::text: return "text";
    case Kind::choice: {
      std::string text;
      for (const std::string& name : a.names) text += (text.empty() ? "\"" : ", \"") + name + "\"";
      return text;
    }
    case Kind::quantity: return std::string(dimension_name(a.dimension)) + range_text(a);
    case Kind::distribution:
      return (a.dimension == Dimension::none ? "number"
                                             : std::string(dimension_name(a.dimension))) +
             range_text(a) + ", or a distribution of it";
    case Kind::part: {
      std::string text;
      for (const std::string& name : a.names) text += (text.empty() ? "" : " or ") + name;
      return text + " part";
    }
    case Kind::list: return "list of " + type_text(*a.element);
    case Kind::table: return "names to " + type_text(*a.element);
    case Kind::file: return "file";
    case Kind::function: return "function";
    case Kind::moment: return "moment";
    case Kind::numbers: return "vec or list of numbers";
    case Kind::all: return "`all`";
    case Kind::none: return "`none`";
    case Kind::any: return "anything";
  }
  return {};
}

// Dimensions that all stand side by side are one thing to a reader: any quantity.
bool is_any_quantity(const Type& type) {
  const auto count = std::count_if(type.alternatives.begin(), type.alternatives.end(),
                                   [](const auto& a) { return a.kind == Kind::quantity; });
  return count == 5;
}

// | and line breaks would end a cell of a table.
std::string cell(std::string text) {
  std::string result;
  for (const char c : text) {
    if (c == '|') result += '\\';
    result += c == '\n' ? ' ' : c;
  }
  return result;
}

std::string capitalised(std::string_view text) {
  std::string result(text);
  if (!result.empty() && result[0] >= 'a' && result[0] <= 'z') {
    result[0] = static_cast<char>(result[0] - 'a' + 'A');
  }
  return result;
}

std::string sentence(const std::string& text) {
  if (text.empty() || text.back() == '.' || text.back() == ':') return text;
  return text + ".";
}

std::string field_table(const Schema& schema) {
  if (schema.fields.empty()) return "It has no fields.\n";
  std::string text = "| field | type | default | |\n| --- | --- | --- | --- |\n";
  for (const Field& field : schema.fields) {
    const std::string standard = field.required ? "required" : default_text(field);
    text += fmt::format("| `{}` | {} | {} | {} |\n", field.name, cell(type_text(field.type)),
                        cell(standard), cell(field.doc));
  }
  return text;
}

// As a scenario writes it.
std::string word_of(const Schema& schema) {
  return schema.kind == "composition" ? "compose" : schema.full_name();
}

std::string schema_text(const Schema& schema, int level) {
  std::string text = fmt::format("{} {}\n\n{}\n", std::string(static_cast<std::size_t>(level), '#'),
                                 word_of(schema), sentence(schema.doc));
  if (!schema.example.empty()) text += fmt::format("\n```lua\n{}\n```\n", schema.example);
  text += "\n" + field_table(schema);
  if (schema.positional && !schema.fields.empty()) {
    text += fmt::format("\nValues may be given by position, the first is `{}`.\n",
                        schema.fields[0].name);
  }
  if (!schema.items_field.empty()) {
    text += fmt::format("\nItems without a name go to `{}`.\n", schema.items_field);
  }
  if (!schema.paper.empty()) text += fmt::format("\nSource: {}\n", sentence(schema.paper));
  return text;
}

std::string unit_text(const Unit& unit) {
  return fmt::format("{}(number): {}, {}.", unit.name, dimension_name(unit.dimension), unit.doc);
}

std::string word_text(const Word& word, int level) {
  return fmt::format("{} {}({})\n\n{}\n\n```lua\n{}\n```\n",
                     std::string(static_cast<std::size_t>(level), '#'), word.name, word.arguments,
                     word.doc, word.example);
}

std::string object_text(const Object& object, int level) {
  std::string text = fmt::format(
      "{} {}\n\n{}\n\n```lua\n{}\n```\n\n| member | gives | |\n| --- | --- | --- |\n",
      std::string(static_cast<std::size_t>(level), '#'), object.name, object.doc, object.example);
  for (const Member& member : members()) {
    if (member.object != object.name) continue;
    text += fmt::format("| `{}{}{}` | {} | {} |\n", member.arguments.empty() ? "." : ":",
                        member.name, member.arguments, cell(std::string(member.result)),
                        cell(std::string(member.doc)));
  }
  return text;
}

std::string better_text(metrics::Better better) {
  switch (better) {
    case metrics::Better::larger: return "larger";
    case metrics::Better::smaller: return "smaller";
    case metrics::Better::zero: return "0";
    case metrics::Better::one: return "1";
    case metrics::Better::neither: return "neither";
  }
  return {};
}

std::string metric_text(const metrics::MetricInfo& metric, int level) {
  std::string tasks;
  for (const metrics::TaskKind task : metric.tasks) {
    tasks += (tasks.empty() ? "" : ", ") + std::string(metrics::task_name(task));
  }
  std::string text = fmt::format(
      "{} {}\n\n{}.\n\n```lua\nmeasure = measure {{ \"{}\" }}\n```\n\nFor outcomes: {}.\n\n| value "
      "| "
      "better | |\n| --- | --- | --- |\n",
      std::string(static_cast<std::size_t>(level), '#'), metric.name, capitalised(metric.doc),
      metric.name, tasks);
  for (const metrics::ValueInfo& value : metric.values) {
    text += fmt::format("| `{}` | {} | {} |\n", value.name, better_text(value.better),
                        cell(std::string(value.doc)));
  }
  if (!metric.paper.empty()) text += fmt::format("\nSource: {}.\n", metric.paper);
  return text;
}

// A metric by its own name or that of one of its values: brier_resolution is of brier.
const metrics::MetricInfo* metric_of(const std::string& name) {
  for (const metrics::MetricInfo& metric : metrics::all_metrics()) {
    if (metric.name == name) return &metric;
    for (const metrics::ValueInfo& value : metric.values) {
      if (value.name == name) return &metric;
    }
  }
  return nullptr;
}

bool is_documented(const Schema& schema) {
  // the bare kind of a timeline's entries is not a word
  return !(schema.kind == "happening" && schema.name.empty());
}

}  // namespace

std::string type_text(const Type& type) {
  if (is_any_quantity(type)) return "number or quantity";
  std::string text;
  for (const auto& a : type.alternatives) {
    if (!text.empty()) text += "; or ";
    text += alternative_text(a);
  }
  return text;
}

std::string default_text(const Field& field) {
  if (!field.standard_text.empty()) return field.standard_text;
  if (field.standard.absent()) return "";
  if (const auto* quantity = field.standard.get_if<Quantity>()) return to_text(*quantity);
  return "`" + to_text(field.standard) + "`";
}

std::string kind_page(const Catalogue& catalogue, const std::string& kind) {
  const Schema* plain = catalogue.find(kind, "");
  if (plain && is_documented(*plain) && catalogue.names(kind).size() == 1) {
    return schema_text(*plain, 1);
  }
  std::string text = fmt::format("# {}\n", kind);
  for (const Schema& schema : catalogue.all()) {
    if (schema.kind != kind || !is_documented(schema)) continue;
    text += "\n" + schema_text(schema, 2);
  }
  return text;
}

std::string units_page() {
  std::string text =
      "# Units\n\nA number with its unit is a value: `+` and `-` between equals, `*` and `/` with "
      "numbers, comparisons. On the command line the same words follow the number: `--set "
      "latency=40ms`.\n\n| call | kind | |\n| --- | --- | --- |\n";
  for (const Unit& unit : units()) {
    text +=
        fmt::format("| `{}(x)` | {} | {} |\n", unit.name, dimension_name(unit.dimension), unit.doc);
  }
  return text;
}

std::string functions_page() {
  std::string text =
      "# Functions\n\nBeside these there are Lua's `math`, `string`, `table` and `utf8`, and of "
      "its "
      "basic functions those that read neither the machine nor the clock. `pairs` goes in sorted "
      "order; `math.random` draws from the run's own stream. `math.pow(x, y)` gives the same bits "
      "on "
      "every machine, `x ^ y` those of its C library.\n";
  for (const Word& word : words()) text += "\n" + word_text(word, 2);
  return text;
}

std::string objects_page() {
  std::string text =
      "# Objects\n\nWhat functions of a scenario are handed. A field is read with a dot, a method "
      "called with a colon.\n";
  for (const Object& object : objects()) text += "\n" + object_text(object, 2);
  return text;
}

std::string metrics_page() {
  std::string text =
      "# Metrics\n\nWhat `measure { ... }` takes by name, each with the values that it adds to the "
      "results; others are written as [metric.custom](metric.md). Values are computed per "
      "hospital, "
      "then averaged (macro) with the worst beside it.\n";
  for (const metrics::MetricInfo& metric : metrics::all_metrics()) {
    text += "\n" + metric_text(metric, 2);
  }
  return text;
}

std::string index_page(const Catalogue& catalogue) {
  std::string text =
      "# Reference\n\nGenerated from the schemas by `polyclinic docs --write`; every name here is "
      "also `polyclinic docs NAME`.\n\n- [Functions](functions.md)\n- [Metrics](metrics.md)\n- "
      "[Objects](objects.md): what functions are handed\n- [Units](units.md)\n";
  for (const std::string& kind : catalogue.kinds()) {
    std::string names;
    for (const Schema& schema : catalogue.all()) {
      if (schema.kind != kind || !is_documented(schema)) continue;
      names += (names.empty() ? "`" : ", `") + word_of(schema) + "`";
    }
    if (!names.empty()) text += fmt::format("- [{}]({}.md): {}\n", kind, kind, names);
  }
  return text;
}

std::string page_of(const Catalogue& catalogue, const std::string& name) {
  if (const Schema* schema = catalogue.find(name); schema && is_documented(*schema)) {
    std::string text = schema_text(*schema, 1);
    // a plain word that is a namespace too: its members are named
    for (const Schema& other : catalogue.all()) {
      if (schema->name.empty() && other.kind == name && &other != schema) {
        text += "\n" + schema_text(other, 2);
      }
    }
    return text;
  }
  if (name == "compose") {
    const Schema* schema = catalogue.find("composition", "");
    return schema ? schema_text(*schema, 1) : "";
  }
  for (const Word& word : words()) {
    if (word.name == name && word.name != "vec") return word_text(word, 1);
  }
  for (const Object& object : objects()) {
    if (object.name == name) return object_text(object, 1);
  }
  if (const metrics::MetricInfo* metric = metric_of(name)) return metric_text(*metric, 1);
  for (const Unit& unit : units()) {
    if (unit.name == name) return fmt::format("# {}\n\n{}\n", unit.name, unit_text(unit));
  }
  if (name == "units") return units_page();
  if (name == "functions") return functions_page();
  if (name == "objects") return objects_page();
  if (name == "metrics") return metrics_page();
  const std::vector<std::string> kinds = catalogue.kinds();
  if (std::find(kinds.begin(), kinds.end(), name) != kinds.end()) return kind_page(catalogue, name);
  return "";
}

}  // namespace polyclinic::script

namespace polyclinic {

std::string docs_page(const Catalogue& catalogue, const std::string& name) {
  return script::page_of(catalogue, name);
}

std::vector<std::pair<std::string, std::string>> generated_files(const Catalogue& catalogue) {
  std::vector<std::pair<std::string, std::string>> files;
  files.emplace_back("docs/reference/README.md", script::index_page(catalogue));
  files.emplace_back("docs/reference/functions.md", script::functions_page());
  files.emplace_back("docs/reference/metrics.md", script::metrics_page());
  files.emplace_back("docs/reference/objects.md", script::objects_page());
  files.emplace_back("docs/reference/units.md", script::units_page());
  for (const std::string& kind : catalogue.kinds()) {
    files.emplace_back("docs/reference/" + kind + ".md", script::kind_page(catalogue, kind));
  }
  files.emplace_back("scripts/meta/polyclinic.lua", script::editor_stub(catalogue));
  files.emplace_back(".luarc.json",
                     "{\n  \"runtime.version\": \"Lua 5.4\",\n  \"workspace.library\": "
                     "[\"scripts/meta\"],\n  \"diagnostics.disable\": [\"lowercase-global\"]\n}\n");
  return files;
}

}  // namespace polyclinic
