// lognormal { median = 600, spread = 0.6 } and its siblings: schemas, and the law they make.
#include <fmt/format.h>
#include <lauxlib.h>
#include <lua.h>

#include <array>
#include <cmath>
#include <optional>

#include "base/check.hpp"
#include "script/interpreter.hpp"
#include "script/values.hpp"

namespace polyclinic::script {

namespace {

using Law = Distribution::Kind;

Type scalar() {
  return type::number() | type::quantity(Dimension::time) | type::quantity(Dimension::data) |
         type::quantity(Dimension::bandwidth) | type::quantity(Dimension::speed) |
         type::quantity(Dimension::fraction);
}

Field required(const char* name, Type type, const char* doc) {
  return {name, std::move(type), {}, doc, true};
}

Schema law(Law kind, const char* doc, std::vector<Field> fields, const char* example) {
  Schema schema{.kind = "distribution",
                .name = std::string(kind_name(kind)),
                .doc = doc,
                .fields = std::move(fields),
                .positional = true,
                .example = example,
                .word = std::string(kind_name(kind))};
  if (kind != Law::uniform && kind != Law::constant && kind != Law::choice) {
    schema.fields.push_back({"low", scalar(), {}, "what is drawn below becomes this"});
    schema.fields.push_back({"high", scalar(), {}, "what is drawn above becomes this"});
  }
  return schema;
}

// A number or quantity; its dimension must be that of what was read before.
class ScalarReader {
 public:
  explicit ScalarReader(const Part& part) : part_(part) {}

  double read(std::string_view field) { return take(part_.at(field), field); }

  double take(const Value& value, std::string_view field) {
    const auto* quantity = value.get_if<Quantity>();
    const Dimension found = quantity ? quantity->dimension : Dimension::none;
    if (dimension_ && *dimension_ != found) {
      throw part_.mistake(
          field,
          fmt::format("{}: '{}' is {}, and what stands before it is a {}", part_.name, field,
                      describe(value), dimension_name(*dimension_)),
          "all values of one distribution are of one kind");
    }
    dimension_ = found;
    return quantity ? quantity->value : *value.number();
  }

  [[nodiscard]] Dimension dimension() const { return dimension_.value_or(Dimension::none); }

 private:
  const Part& part_;
  std::optional<Dimension> dimension_;
};

void check_choice(const Part& part, Distribution& law, ScalarReader& reader) {
  for (const Value& value : part.list("values")) {
    law.values.push_back(reader.take(value, "values"));
  }
  if (law.values.empty()) throw part.mistake("values", "choice: 'values' is empty");
  law.weights.assign(law.values.size(), 1.0);
  if (const Value* weights = part.find("weights")) {
    law.weights = *weights->as<Numbers>();
    if (law.weights.size() != law.values.size()) {
      throw part.mistake(
          "weights",
          fmt::format("choice: {} values and {} weights", law.values.size(), law.weights.size()),
          "a weight for each value");
    }
  }
  double sum = 0;
  for (const double weight : law.weights) {
    if (!(weight >= 0)) throw part.mistake("weights", "choice: a weight is negative");
    sum += weight;
  }
  if (!(sum > 0)) throw part.mistake("weights", "choice: the weights sum to 0");
  for (double& weight : law.weights) weight /= sum;
}

void check_range(const Part& part, const Distribution& law) {
  const auto demand = [&](bool good, const char* field, const char* what) {
    if (!good) throw part.mistake(field, fmt::format("{}: '{}' {}", part.name, field, what));
  };
  switch (law.kind) {
    case Law::uniform: demand(law.a <= law.b, "high", "is below 'low'"); break;
    case Law::normal: demand(law.b >= 0, "sd", "must not be negative"); break;
    case Law::lognormal: demand(law.a > 0, "median", "must be above 0"); break;
    case Law::logit_normal:
      demand(law.a > 0 && law.a < 1, "median", "must be between 0 and 1");
      break;
    case Law::gamma:
    case Law::weibull: demand(law.b > 0, "scale", "must be above 0"); break;
    case Law::exponential: demand(law.a > 0, "mean", "must be above 0"); break;
    case Law::poisson: demand(law.a >= 0, "mean", "must not be negative"); break;
    default: break;
  }
  if (law.low && law.high) demand(*law.low <= *law.high, "high", "is below 'low'");
}

struct ParameterNames {
  Law kind;
  const char* a;
  bool a_pure;
  const char* b;
  bool b_pure;
};

constexpr std::array kNames{
    ParameterNames{Law::constant, "value", false, nullptr, false},
    ParameterNames{Law::uniform, "low", false, "high", false},
    ParameterNames{Law::normal, "mean", false, "sd", false},
    ParameterNames{Law::lognormal, "median", false, "spread", true},
    ParameterNames{Law::logit_normal, "median", false, "spread", true},
    ParameterNames{Law::gamma, "shape", true, "scale", false},
    ParameterNames{Law::weibull, "shape", true, "scale", false},
    ParameterNames{Law::beta, "a", true, "b", true},
    ParameterNames{Law::exponential, "mean", false, nullptr, false},
    ParameterNames{Law::poisson, "mean", false, nullptr, false},
};

Distribution to_distribution(const Part& part) {
  Distribution law;
  ScalarReader reader(part);
  if (part.name == kind_name(Law::choice)) {
    law.kind = Law::choice;
    check_choice(part, law, reader);
  }
  for (const ParameterNames& names : kNames) {
    if (part.name != kind_name(names.kind)) continue;
    law.kind = names.kind;
    law.a = names.a_pure ? part.number(names.a) : reader.read(names.a);
    if (names.b) law.b = names.b_pure ? part.number(names.b) : reader.read(names.b);
    if (law.kind == Law::uniform || law.kind == Law::constant) break;
    if (part.find("low")) law.low = reader.read("low");
    if (part.find("high")) law.high = reader.read("high");
  }
  law.dimension = reader.dimension();
  // shares are plain numbers wherever a law of them is asked for
  if (law.dimension == Dimension::fraction) law.dimension = Dimension::none;
  check_range(part, law);
  return law;
}

}  // namespace

std::vector<Schema> distribution_schemas() {
  const Type pure = type::number().above(0);
  const Type spread = type::number().at_least(0);
  return {
      law(Law::constant, "Always the same value; a plain value means this too.",
          {required("value", scalar(), "the value")}, "constant(600)"),
      law(Law::uniform, "Every value between two is equally likely.",
          {required("low", scalar(), "the smallest"), required("high", scalar(), "the largest")},
          "uniform { low = 100, high = 900 }"),
      law(Law::normal, "The normal law.",
          {required("mean", scalar(), "its mean"),
           required("sd", scalar(), "its standard deviation")},
          "normal { mean = 60, sd = 10, low = 18 }"),
      law(Law::lognormal, "The logarithm is normal: sizes, speeds, durations.",
          {required("median", scalar(), "half of the values lie below it"),
           required("spread", spread, "standard deviation of the logarithm")},
          "lognormal { median = mbit(20), spread = 0.5 }"),
      law(Law::logit_normal, "The log-odds are normal: shares and prevalences.",
          {required("median", scalar(), "half of the values lie below it, between 0 and 1"),
           required("spread", spread, "standard deviation of the log-odds")},
          "logit_normal { median = 0.12, spread = 0.5 }"),
      law(Law::gamma, "The gamma law.",
          {required("shape", pure, "its shape"), required("scale", scalar(), "its scale")},
          "gamma { shape = 2, scale = minutes(3) }"),
      law(Law::beta, "The beta law, between 0 and 1.",
          {required("a", pure, "first shape"), required("b", pure, "second shape")},
          "beta { a = 2, b = 8 }"),
      law(Law::exponential, "The time to something that happens at a constant rate.",
          {required("mean", scalar(), "its mean")}, "exponential { mean = hours(20) }"),
      law(Law::weibull, "Waiting times whose rate rises (shape above 1) or falls.",
          {required("shape", pure, "its shape"), required("scale", scalar(), "its scale")},
          "weibull { shape = 1.5, scale = hours(20) }"),
      law(Law::poisson, "Counts of independent happenings.",
          {required("mean", scalar(), "its mean")}, "poisson { mean = 12 }"),
      law(Law::choice, "One of some values.",
          {required("values", type::list(scalar()), "the values"),
           Field{"weights",
                 type::numbers(),
                 {},
                 "how likely each is, in proportion",
                 false,
                 "all alike"}},
          "choice { values = { mbit(8), mbit(100) }, weights = { 3, 1 } }"),
  };
}

// upvalue 1: the law's name.
int make_distribution(lua_State* L) {
  auto& interpreter = Interpreter::of(L);
  const Schema* schema =
      interpreter.catalogue.find("distribution", lua_tostring(L, lua_upvalueindex(1)));
  ENSURE(schema != nullptr, "every law has a schema");
  std::vector<Mistake> mistakes;
  const Part part = resolve_call(L, *schema, 1, mistakes);
  // a law that is none cannot stand in for one: this is not put off
  if (!mistakes.empty()) throw Failure(std::move(mistakes));
  push_value(L, Value(to_distribution(part)));
  return 1;
}

}  // namespace polyclinic::script
