#include "base/schema.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/utf8.hpp"

namespace polyclinic {

namespace {

using Alternative = Type::Alternative;
using Kind = Type::Kind;

Type one(Alternative alternative) {
  return Type{{std::move(alternative)}};
}

Type one(Kind kind) {
  Alternative alternative;
  alternative.kind = kind;
  return one(std::move(alternative));
}

Type with_range(Type type, double low, double high, bool low_open, bool high_open) {
  for (Alternative& a : type.alternatives) {
    a.low = low;
    a.high = high;
    a.low_open = low_open;
    a.high_open = high_open;
  }
  return type;
}

// A number as the documentation and messages print it, in the alternative's dimension.
std::string bound_text(const Alternative& a, double bound) {
  if (a.dimension == Dimension::none) return fmt::format("{}", bound);
  return to_text(Quantity{bound, a.dimension});
}

std::string range_text(const Alternative& a) {
  const bool has_low = std::isfinite(a.low);
  const bool has_high = std::isfinite(a.high);
  if (!has_low && !has_high) return {};
  if (has_low && has_high) {
    if (!a.low_open && !a.high_open) {
      return fmt::format(" from {} to {}", bound_text(a, a.low), bound_text(a, a.high));
    }
    return fmt::format(" {} {} and {} {}", a.low_open ? "above" : "at least", bound_text(a, a.low),
                       a.high_open ? "below" : "at most", bound_text(a, a.high));
  }
  if (has_low)
    return fmt::format(" {} {}", a.low_open ? "above" : "of at least", bound_text(a, a.low));
  return fmt::format(" {} {}", a.high_open ? "below" : "of at most", bound_text(a, a.high));
}

bool in_range(const Alternative& a, double x) {
  if (!std::isfinite(x)) return false;
  const bool low_ok = a.low_open ? x > a.low : x >= a.low;
  const bool high_ok = a.high_open ? x < a.high : x <= a.high;
  return low_ok && high_ok;
}

std::string part_names(const std::vector<std::string>& kinds) {
  std::string text;
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    if (i > 0) text += i + 1 == kinds.size() ? " or " : ", ";
    text += kinds[i] + ".*";
  }
  return text;
}

std::string describe(const Alternative& a) {
  switch (a.kind) {
    case Kind::boolean: return "true or false";
    case Kind::integer: return "a whole number" + range_text(a);
    case Kind::number: return "a number" + range_text(a);
    case Kind::text: return "a string";
    case Kind::choice: {
      std::string text = a.names.size() == 1 ? "" : "one of ";
      for (std::size_t i = 0; i < a.names.size(); ++i) {
        if (i > 0) text += i + 1 == a.names.size() ? " and " : ", ";
        text += '"' + a.names[i] + '"';
      }
      return text;
    }
    case Kind::quantity:
      return fmt::format("a {} such as {}{}", dimension_name(a.dimension),
                         example_call(a.dimension), range_text(a));
    case Kind::distribution:
      return a.dimension == Dimension::none
                 ? "a number" + range_text(a) + " or a distribution of numbers"
                 : fmt::format("a {} such as {} or a distribution of it",
                               dimension_name(a.dimension), example_call(a.dimension));
    case Kind::part: return "a part " + part_names(a.names);
    case Kind::list: return "a list of " + polyclinic::describe(*a.element);
    case Kind::table: return "a table of names to " + polyclinic::describe(*a.element);
    case Kind::file: return "a file such as data \"patients.csv\"";
    case Kind::function: return "a function";
    case Kind::moment: return "a moment such as from_version(10)";
    case Kind::numbers: return "a vec or a list of numbers";
    case Kind::all: return "all";
    case Kind::none: return "none";
    case Kind::any: return "any value";
  }
  return {};
}

// How an attempt to fit one alternative ended.
struct Attempt {
  bool fits = false;
  // Something of the right type was found but its value is wrong: the best message to show.
  std::optional<std::string> close;
};

Attempt fits() {
  return {true, std::nullopt};
}
Attempt misses() {
  return {};
}
Attempt close_miss(std::string why) {
  return {false, std::move(why)};
}

Attempt in_range_or_close(const Alternative& a, double x, const Value& value) {
  if (in_range(a, x)) return fits();
  return close_miss(fmt::format("expected {}, found {}", describe(a), polyclinic::describe(value)));
}

Attempt fit_integer(const Alternative& a, Value& value) {
  const auto integer = value.integer();
  if (!integer) return misses();
  Attempt attempt = in_range_or_close(a, static_cast<double>(*integer), value);
  if (attempt.fits) value = Value(*integer);
  return attempt;
}

Attempt fit_number(const Alternative& a, const Value& value) {
  const auto number = value.number();
  return number ? in_range_or_close(a, *number, value) : misses();
}

Attempt fit_choice(const Alternative& a, const Value& value) {
  const auto* text = value.get_if<std::string>();
  if (!text) return misses();
  if (std::find(a.names.begin(), a.names.end(), *text) != a.names.end()) return fits();
  std::string message = fmt::format("expected {}, found \"{}\"", describe(a), *text);
  const std::string suggestion = did_you_mean(*text, a.names);
  return close_miss(suggestion.empty() ? message : message + "; " + suggestion);
}

Attempt fit_quantity(const Alternative& a, const Value& value) {
  if (const auto* q = value.get_if<Quantity>()) {
    if (q->dimension != a.dimension) return misses();
    return in_range_or_close(a, q->value, value);
  }
  if (const auto number = value.number()) {
    return close_miss(fmt::format("expected a {} with its unit, found {}: write for example {}",
                                  dimension_name(a.dimension), polyclinic::describe(value),
                                  example_call(a.dimension)));
  }
  return misses();
}

Attempt fit_distribution(const Alternative& a, Value& value) {
  if (const auto* d = value.get_if<Distribution>()) {
    if (d->dimension == a.dimension) {
      const bool bounded = std::isfinite(a.low) || std::isfinite(a.high);
      if (!bounded) return fits();
      // what the law can give must lie in the range; its extremes are checked
      if (in_range(a, d->quantile(1e-12)) && in_range(a, d->quantile(1.0 - 1e-12))) return fits();
      return close_miss(fmt::format("expected values{}, but {} reaches from {} to {}",
                                    range_text(a), to_text(*d), bound_text(a, d->quantile(1e-12)),
                                    bound_text(a, d->quantile(1.0 - 1e-12))));
    }
    return misses();
  }
  Attempt attempt = a.dimension == Dimension::none ? fit_number(a, value) : fit_quantity(a, value);
  if (attempt.fits) {
    const auto* q = value.get_if<Quantity>();
    value = Value(Distribution::constant(q ? q->value : *value.number(), a.dimension));
  }
  return attempt;
}

Attempt fit_part(const Alternative& a, const Value& value) {
  const Part* part = value.part();
  if (!part) return misses();
  return std::find(a.names.begin(), a.names.end(), part->kind) != a.names.end() ? fits() : misses();
}

// Text goes into files and onto terminals that know one encoding.
Attempt fit_text(const Value& value) {
  const auto* text = value.get_if<std::string>();
  if (!text) return misses();
  if (is_utf8(*text)) return fits();
  return close_miss(
      fmt::format("expected a string of UTF-8 text, found {}", polyclinic::describe(value)));
}

Attempt fit_list(const Alternative& a, Value& value) {
  const auto* items = value.get_if<List>();
  if (!items) {
    // an empty Lua table is an empty list too
    const auto* table = value.get_if<Table>();
    if (!table || !table->empty()) return misses();
    value = Value(List{});
    return fits();
  }
  List fitted = *items;
  for (std::size_t i = 0; i < fitted.size(); ++i) {
    if (auto why = fit(*a.element, fitted[i])) {
      return close_miss(fmt::format("item {} of the list: {}", i + 1, *why));
    }
  }
  value = Value(std::move(fitted));
  return fits();
}

Attempt fit_table(const Alternative& a, Value& value) {
  const auto* entries = value.get_if<Table>();
  if (!entries) {
    const auto* list = value.get_if<List>();
    if (!list || !list->empty()) return misses();
    value = Value(Table{});
    return fits();
  }
  Table fitted = *entries;
  for (auto& [name, item] : fitted) {
    if (auto why = fit(*a.element, item)) return close_miss(fmt::format("'{}': {}", name, *why));
  }
  value = Value(std::move(fitted));
  return fits();
}

Attempt fit_numbers(Value& value) {
  if (value.get_if<Numbers>()) return fits();
  const auto* items = value.get_if<List>();
  if (!items) return misses();
  std::vector<double> numbers;
  numbers.reserve(items->size());
  for (const Value& item : *items) {
    const auto number = item.number();
    if (!number) return misses();
    numbers.push_back(*number);
  }
  value = Value(std::make_shared<const std::vector<double>>(std::move(numbers)));
  return fits();
}

bool is_none(const Value& value) {
  const auto* flag = value.get_if<bool>();
  return value.get_if<None>() || (flag && !*flag);
}

Attempt fit_alternative(const Alternative& a, Value& value) {
  const auto when = [](bool condition) { return condition ? fits() : misses(); };
  switch (a.kind) {
    case Kind::boolean: return when(value.get_if<bool>() != nullptr);
    case Kind::integer: return fit_integer(a, value);
    case Kind::number: return fit_number(a, value);
    case Kind::text: return fit_text(value);
    case Kind::choice: return fit_choice(a, value);
    case Kind::quantity: return fit_quantity(a, value);
    case Kind::distribution: return fit_distribution(a, value);
    case Kind::part: return fit_part(a, value);
    case Kind::list: return fit_list(a, value);
    case Kind::table: return fit_table(a, value);
    case Kind::file:
      return when(value.get_if<FilePath>() != nullptr || value.get_if<std::string>() != nullptr);
    case Kind::function: return when(value.get_if<FunctionRef>() != nullptr);
    case Kind::moment: return when(value.get_if<Moment>() != nullptr);
    case Kind::numbers: return fit_numbers(value);
    case Kind::all: return when(value.get_if<All>() != nullptr);
    case Kind::none:
      if (!is_none(value)) return misses();
      value = Value(None{});
      return fits();
    case Kind::any: return fits();
  }
  return misses();
}

}  // namespace

Type operator|(Type a, const Type& b) {
  a.alternatives.insert(a.alternatives.end(), b.alternatives.begin(), b.alternatives.end());
  return a;
}

Type Type::between(double low, double high) const {
  return with_range(*this, low, high, false, false);
}
Type Type::at_least(double low) const {
  return with_range(*this, low, std::numeric_limits<double>::infinity(), false, false);
}
Type Type::above(double low) const {
  return with_range(*this, low, std::numeric_limits<double>::infinity(), true, false);
}
Type Type::inside(double low, double high) const {
  return with_range(*this, low, high, true, true);
}

namespace type {

Type boolean() {
  return one(Kind::boolean);
}
Type integer() {
  return one(Kind::integer);
}
Type number() {
  return one(Kind::number);
}
Type text() {
  return one(Kind::text);
}
Type choice(std::vector<std::string> names) {
  Alternative a;
  a.kind = Kind::choice;
  a.names = std::move(names);
  return one(std::move(a));
}
Type quantity(Dimension dimension) {
  Alternative a;
  a.kind = Kind::quantity;
  a.dimension = dimension;
  return one(std::move(a));
}
Type distribution(Dimension dimension) {
  Alternative a;
  a.kind = Kind::distribution;
  a.dimension = dimension;
  return one(std::move(a));
}
Type part(std::string kind) {
  Alternative a;
  a.kind = Kind::part;
  a.names.push_back(std::move(kind));
  return one(std::move(a));
}
Type list(Type element) {
  Alternative a;
  a.kind = Kind::list;
  a.element = std::make_shared<const Type>(std::move(element));
  return one(std::move(a));
}
Type table(Type element) {
  Alternative a;
  a.kind = Kind::table;
  a.element = std::make_shared<const Type>(std::move(element));
  return one(std::move(a));
}
Type file() {
  return one(Kind::file);
}
Type function() {
  return one(Kind::function);
}
Type moment() {
  return one(Kind::moment);
}
Type numbers() {
  return one(Kind::numbers);
}
Type all() {
  return one(Kind::all);
}
Type none() {
  return one(Kind::none);
}
Type any() {
  return one(Kind::any);
}

}  // namespace type

std::string Schema::full_name() const {
  if (!word.empty()) return word;
  if (name.empty()) return kind;
  return kind.empty() ? name : kind + "." + name;
}

const Field* Schema::find(std::string_view field) const {
  const auto it =
      std::find_if(fields.begin(), fields.end(), [&](const Field& f) { return f.name == field; });
  return it == fields.end() ? nullptr : &*it;
}

std::optional<std::string> fit(const Type& type, Value& value) {
  std::optional<std::string> close;
  for (const Alternative& a : type.alternatives) {
    const Attempt attempt = fit_alternative(a, value);
    if (attempt.fits) return std::nullopt;
    if (attempt.close && !close) close = attempt.close;
  }
  if (close && type.alternatives.size() == 1) return close;
  // of several alternatives the full list is shown unless a value of the right type was out of
  // range
  if (close && !value.number()) return close;
  return fmt::format("expected {}, found {}", describe(type), describe(value));
}

std::string describe(const Type& type) {
  std::string text;
  for (std::size_t i = 0; i < type.alternatives.size(); ++i) {
    if (i > 0) text += i + 1 == type.alternatives.size() ? " or " : ", ";
    text += describe(type.alternatives[i]);
  }
  return text;
}

namespace {

Mistake unknown_field(const Schema& schema, const FieldValue& found) {
  std::vector<std::string> names;
  for (const Field& field : schema.fields) names.push_back(field.name);
  std::string hint = did_you_mean(found.name, names);
  const std::string allowed =
      names.empty() ? "it has no fields" : "its fields are " + join_names(names);
  hint = hint.empty() ? allowed : hint + "\n" + allowed;
  return {found.where, fmt::format("{} has no field '{}'", schema.full_name(), found.name), hint};
}

void resolve_field(const Schema& schema, const Field& field, FieldValue& value,
                   std::vector<Mistake>& mistakes) {
  if (auto why = fit(field.type, value.value)) {
    mistakes.push_back({value.where,
                        fmt::format("{}: '{}' {}", schema.full_name(), field.name, *why),
                        fmt::format("{}: {}", field.name, field.doc)});
  }
}

}  // namespace

Part Schema::resolve(std::vector<FieldValue> given, const SourcePosition& where,
                     std::vector<Mistake>& mistakes) const {
  Part part;
  part.kind = kind;
  part.name = name;
  part.where = where;
  for (FieldValue& value : given) {
    value.given = true;
    if (!find(value.name) && !any_fields) mistakes.push_back(unknown_field(*this, value));
  }
  for (const Field& field : fields) {
    const auto it = std::find_if(given.begin(), given.end(),
                                 [&](const FieldValue& v) { return v.name == field.name; });
    if (it != given.end() && !it->value.absent()) {
      resolve_field(*this, field, *it, mistakes);
      part.fields.push_back(std::move(*it));
      continue;
    }
    if (field.required) {
      mistakes.push_back({where, fmt::format("{} needs the field '{}'", full_name(), field.name),
                          fmt::format("{}: {} ({})", field.name, field.doc, describe(field.type))});
    }
    part.fields.push_back({field.name, field.standard, where, false});
  }
  if (any_fields) {
    for (FieldValue& value : given) {
      if (!find(value.name)) part.fields.push_back(std::move(value));
    }
  }
  return part;
}

}  // namespace polyclinic
