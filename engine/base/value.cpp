#include "base/value.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/check.hpp"

namespace polyclinic {

Value::Value(Part part) : data_(std::make_shared<const Part>(std::move(part))) {}

const Part* Value::part() const {
  const auto* shared = get_if<std::shared_ptr<const Part>>();
  return shared ? shared->get() : nullptr;
}

std::optional<double> Value::number() const {
  if (const auto* i = get_if<std::int64_t>()) return static_cast<double>(*i);
  if (const auto* d = get_if<double>()) return *d;
  return std::nullopt;
}

std::optional<std::int64_t> Value::integer() const {
  if (const auto* i = get_if<std::int64_t>()) return *i;
  const auto* d = get_if<double>();
  if (d && *d == std::floor(*d) && std::fabs(*d) < 9e15) return static_cast<std::int64_t>(*d);
  return std::nullopt;
}

const Value* Part::find(std::string_view field) const {
  const auto it = std::find_if(fields.begin(), fields.end(),
                               [&](const FieldValue& f) { return f.name == field; });
  return it == fields.end() || it->value.absent() ? nullptr : &it->value;
}

bool Part::given(std::string_view field) const {
  return std::any_of(fields.begin(), fields.end(),
                     [&](const FieldValue& f) { return f.name == field && f.given; });
}

SourcePosition Part::where_of(std::string_view field) const {
  for (const FieldValue& f : fields) {
    if (f.name == field && f.where.line > 0) return f.where;
  }
  return where;
}

const Value& Part::at(std::string_view field) const {
  const Value* value = find(field);
  ENSURE(value != nullptr, "a schema gives every required field a value");
  return *value;
}

double Part::number(std::string_view field) const {
  const auto value = at(field).number();
  ENSURE(value.has_value(), "a schema has checked that this is a number");
  return *value;
}

std::int64_t Part::integer(std::string_view field) const {
  const auto value = at(field).integer();
  ENSURE(value.has_value(), "a schema has checked that this is an integer");
  return *value;
}

bool Part::flag(std::string_view field) const {
  return at(field).as<bool>();
}

const std::string& Part::text(std::string_view field) const {
  return at(field).as<std::string>();
}

TimeNs Part::time(std::string_view field) const {
  return {std::llround(at(field).as<Quantity>().value)};
}

double Part::quantity(std::string_view field) const {
  return at(field).as<Quantity>().value;
}

Distribution Part::distribution(std::string_view field) const {
  const Value& value = at(field);
  if (const auto* d = value.get_if<Distribution>()) return *d;
  if (const auto* q = value.get_if<Quantity>())
    return Distribution::constant(q->value, q->dimension);
  return Distribution::constant(number(field));
}

const Part* Part::part(std::string_view field) const {
  const Value* value = find(field);
  return value ? value->part() : nullptr;
}

List Part::list(std::string_view field) const {
  const Value* value = find(field);
  const List* items = value ? value->get_if<List>() : nullptr;
  return items ? *items : List{};
}

ScenarioError Part::mistake(std::string_view field, std::string message, std::string hint) const {
  return {where_of(field), std::move(message), std::move(hint)};
}

namespace {

struct HashVisitor {
  Hasher& hasher;
  void operator()(std::monostate) const {}
  void operator()(None) const {}
  void operator()(All) const {}
  void operator()(bool value) const { hasher.word(value ? 1 : 0); }
  void operator()(std::int64_t value) const { hasher.word(static_cast<std::uint64_t>(value)); }
  void operator()(double value) const { hasher.number(value); }
  void operator()(const std::string& value) const { hasher.text(value); }
  void operator()(const Quantity& value) const {
    hasher.word(static_cast<std::uint64_t>(value.dimension));
    hasher.number(value.value);
  }
  void operator()(const Distribution& value) const {
    hasher.word(static_cast<std::uint64_t>(value.kind));
    hasher.word(static_cast<std::uint64_t>(value.dimension));
    hasher.number(value.a);
    hasher.number(value.b);
    for (double x : value.values) hasher.number(x);
    for (double x : value.weights) hasher.number(x);
    if (value.low) hasher.number(*value.low);
    if (value.high) hasher.number(*value.high);
  }
  void operator()(const Moment& value) const {
    hasher.word(static_cast<std::uint64_t>(value.kind));
    hasher.word(static_cast<std::uint64_t>(value.time.ns));
    hasher.word(static_cast<std::uint64_t>(value.version));
  }
  void operator()(const FilePath& value) const { hasher.text(value.asked); }
  void operator()(const FunctionRef& value) const { hasher.word(value.code_hash); }
  void operator()(const Numbers& value) const {
    hasher.word(value->size());
    for (double x : *value) hasher.number(x);
  }
  void operator()(const List& value) const {
    hasher.word(value.size());
    for (const Value& item : value) hash_value(hasher, item);
  }
  void operator()(const Table& value) const {
    hasher.word(value.size());
    for (const auto& [name, item] : value) {
      hasher.text(name);
      hash_value(hasher, item);
    }
  }
  void operator()(const std::shared_ptr<const Part>& value) const { hash_part(hasher, *value); }
};

struct TextVisitor {
  std::string operator()(std::monostate) const { return "nil"; }
  std::string operator()(None) const { return "none"; }
  std::string operator()(All) const { return "all"; }
  std::string operator()(bool value) const { return value ? "true" : "false"; }
  std::string operator()(std::int64_t value) const { return fmt::format("{}", value); }
  std::string operator()(double value) const { return fmt::format("{}", value); }
  std::string operator()(const std::string& value) const { return fmt::format("\"{}\"", value); }
  std::string operator()(const Quantity& value) const { return to_text(value); }
  std::string operator()(const Distribution& value) const { return to_text(value); }
  std::string operator()(const Moment& value) const {
    switch (value.kind) {
      case Moment::Kind::at: return fmt::format("at({})", to_text(value.time));
      case Moment::Kind::every: return fmt::format("every({})", to_text(value.time));
      case Moment::Kind::from_version: return fmt::format("from_version({})", value.version);
    }
    return {};
  }
  std::string operator()(const FilePath& value) const {
    return fmt::format("data \"{}\"", value.asked);
  }
  std::string operator()(const FunctionRef& value) const {
    return fmt::format("function at line {}", value.where.line);
  }
  std::string operator()(const Numbers& value) const {
    return fmt::format("vec of {} numbers", value->size());
  }
  std::string operator()(const List& value) const {
    std::string text = "{ ";
    for (const Value& item : value) text += to_text(item) + ", ";
    if (text.size() > 2) text.erase(text.size() - 2);
    return text + " }";
  }
  std::string operator()(const Table& value) const {
    std::string text = "{ ";
    for (const auto& [name, item] : value) text += name + " = " + to_text(item) + ", ";
    if (text.size() > 2) text.erase(text.size() - 2);
    return text + " }";
  }
  std::string operator()(const std::shared_ptr<const Part>& value) const { return to_text(*value); }
};

struct DescribeVisitor {
  std::string operator()(std::monostate) const { return "nothing"; }
  std::string operator()(None) const { return "none"; }
  std::string operator()(All) const { return "all"; }
  std::string operator()(bool value) const { return value ? "true" : "false"; }
  std::string operator()(std::int64_t value) const {
    return fmt::format("the plain number {}", value);
  }
  std::string operator()(double value) const {
    if (std::isnan(value)) return "something that is no number (0/0 and the like)";
    if (std::isinf(value)) return "an infinite number";
    return fmt::format("the plain number {}", value);
  }
  std::string operator()(const std::string& value) const {
    return fmt::format("the string \"{}\"",
                       value.size() > 60 ? value.substr(0, 57) + "..." : value);
  }
  std::string operator()(const Quantity& value) const {
    return fmt::format("{} ({})", to_text(value), dimension_name(value.dimension));
  }
  std::string operator()(const Distribution& value) const {
    return fmt::format("a distribution of {}", value.dimension == Dimension::none
                                                   ? std::string_view("plain numbers")
                                                   : dimension_name(value.dimension));
  }
  std::string operator()(const Moment&) const { return "a moment"; }
  std::string operator()(const FilePath& value) const {
    return fmt::format("the file \"{}\"", value.asked);
  }
  std::string operator()(const FunctionRef&) const { return "a function"; }
  std::string operator()(const Numbers&) const { return "a vec"; }
  std::string operator()(const List&) const { return "a list"; }
  std::string operator()(const Table&) const { return "a table"; }
  std::string operator()(const std::shared_ptr<const Part>& value) const {
    return value->name.empty() ? value->kind : value->kind + "." + value->name;
  }
};

}  // namespace

void hash_value(Hasher& hasher, const Value& value) {
  hasher.word(value.data().index());
  std::visit(HashVisitor{hasher}, value.data());
}

void hash_part(Hasher& hasher, const Part& part) {
  hasher.text(part.kind);
  hasher.text(part.name);
  for (const FieldValue& field : part.fields) {
    hasher.text(field.name);
    hash_value(hasher, field.value);
  }
}

std::string to_text(const Value& value) {
  return std::visit(TextVisitor{}, value.data());
}

std::string to_text(const Part& part) {
  std::string text = part.name.empty() ? part.kind : part.kind + "." + part.name;
  text += " { ";
  bool first = true;
  for (const FieldValue& field : part.fields) {
    if (field.value.absent()) continue;
    text += (first ? "" : ", ") + field.name + " = " + to_text(field.value);
    first = false;
  }
  return text + (first ? "}" : " }");
}

std::string describe(const Value& value) {
  return std::visit(DescribeVisitor{}, value.data());
}

}  // namespace polyclinic
