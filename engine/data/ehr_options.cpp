#include "data/ehr_options.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.hpp"
#include "data/ehr.hpp"

namespace polyclinic::ehr {

namespace {

// A value that is missing oftener than this at a typical site gets an indicator feature.
constexpr double kIndicatorBelow = 0.9;

void read_drop(const Part& part, Options& options) {
  const std::vector<std::string> names = column_names();
  for (const Value& value : part.list("drop")) {
    const auto& name = value.as<std::string>();
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      std::string hint = did_you_mean(name, names);
      if (!hint.empty()) hint += "\n";
      throw part.mistake("drop", fmt::format("cohort.ehr has no column '{}'", name),
                         hint + "columns: " + join_names(names));
    }
    options.drop.insert(name);
  }
  if (options.drop.size() == names.size()) {
    throw part.mistake("drop", "every column is dropped", "leave at least one to learn from");
  }
  for (std::size_t m = 0; m < kMeasurements; ++m) {
    options.spec.dropped[m] = options.drop.contains(std::string(kMeasurementTable[m].name));
  }
  for (std::size_t j = 0; j < kConditions; ++j) {
    options.spec.condition_dropped[j] = options.drop.contains(std::string(kConditionTable[j].name));
  }
}

void read_shares(const Part& part, SplitShares& shares) {
  const Part* split = part.part("split");
  if (!split) return;
  if (split->name != "stratified") {
    throw part.mistake(
        "split",
        fmt::format("split.{} needs columns of a file; cohort.ehr makes its own data", split->name),
        "split.stratified { train = 0.6, validation = 0.2, test = 0.2 }; patients "
        "always stay together");
  }
  const auto share = [&](std::string_view field) {
    const Value* value = split->find(field);
    return value ? value->number() : std::nullopt;
  };
  const auto train = share("train");
  const auto validation = share("validation");
  const auto test = share("test");
  if (train || validation || test) {
    // what is not given: no validation, and train or test take the rest
    shares.validation = validation.value_or(0.0);
    shares.test = test.value_or(train ? std::max(0.0, 1.0 - *train - shares.validation) : 0.2);
    shares.train = train.value_or(1.0 - shares.validation - shares.test);
  }
  if (const auto minimum = share("test_minimum")) {
    shares.test_minimum = static_cast<std::int32_t>(*minimum);
  }
  if (shares.train + shares.validation + shares.test > 1.0 + 1e-9 || shares.train <= 0) {
    throw split->mistake("train",
                         fmt::format("the shares train = {}, validation = {} and test = {} are no "
                                     "parts of one whole",
                                     shares.train, shares.validation, shares.test),
                         "they add up to at most 1, and train is above 0");
  }
}

// Share of true events that stay unrecorded where the scenario does not say: deaths are known,
// sepsis and readmissions elsewhere are missed.
double standard_label_error(Outcome outcome) {
  return outcome == Outcome::mortality ? 0.01 : 0.05;
}

}  // namespace

Options read_options(const Part& part) {
  Options options;
  Spec& spec = options.spec;
  const std::string& outcome = part.text("outcome");
  for (std::size_t o = 0; o < kOutcomes; ++o) {
    if (kOutcomeTable[o].name == outcome) spec.outcome = static_cast<Outcome>(o);
  }
  spec.prevalence = part.distribution("prevalence");
  spec.site_shift = part.number("site_shift");
  spec.signal = part.number("signal");
  const Value* error = part.find("label_error");
  spec.label_error =
      error && error->number() ? *error->number() : standard_label_error(spec.outcome);
  spec.missing = part.number("missing");
  spec.overlap = part.number("overlap");
  spec.encounters = part.number("encounters");
  options.preparation.standardise = standardisation_named(part.text("standardise"));
  options.preparation.indicators = part.flag("indicators");
  options.logarithms = part.text("scale") == "log";
  read_drop(part, options);
  read_shares(part, options.shares);

  // the middle of the law must be possible; its tails are moved to what is (kPrevalenceLow, high)
  const double high = prevalence_high(spec, encounter_law(spec, spec.overlap > 0));
  const double middle = spec.prevalence.quantile(0.5);
  if (!(middle >= kPrevalenceLow && middle <= high)) {
    throw part.mistake(
        "prevalence",
        fmt::format("half of the hospitals would have a prevalence {} {:.4g}",
                    middle < kPrevalenceLow ? "below" : "above", middle),
        fmt::format("a site's share of encounters with the outcome is from {} to "
                    "{:.3f} here, e.g. logit_normal {{ median = 0.12, spread = 0.5 }}",
                    kPrevalenceLow, high));
  }
  return options;
}

std::vector<std::string> column_names() {
  std::vector<std::string> names{"age", "female", "height", "weight", "emergency"};
  for (const Condition& condition : kConditionTable) names.emplace_back(condition.name);
  for (const Measurement& m : kMeasurementTable) names.emplace_back(m.name);
  names.emplace_back("unit");
  names.emplace_back("ecg");
  return names;
}

std::vector<RawColumn> raw_columns(const Options& options) {
  std::vector<RawColumn> columns;
  const auto add = [&](RawColumn column) {
    if (!options.drop.contains(column.name)) columns.push_back(std::move(column));
  };
  const auto binary = [&](std::string_view name) {
    add({.name = std::string(name), .kind = ColumnKind::boolean, .levels = {}});
  };
  add({.name = "age", .levels = {}});
  binary("female");
  add({.name = "height", .levels = {}, .may_be_missing = kHeightCharted < kIndicatorBelow});
  add({.name = "weight", .levels = {}, .may_be_missing = kWeightCharted < kIndicatorBelow});
  binary("emergency");
  for (const Condition& condition : kConditionTable) binary(condition.name);
  for (const Measurement& m : kMeasurementTable) {
    add({.name = std::string(m.name), .levels = {}, .may_be_missing = m.charted < kIndicatorBelow});
  }
  RawColumn unit{.name = "unit", .kind = ColumnKind::categorical, .levels = {}};
  for (const Unit& u : kUnitTable) unit.levels.emplace_back(u.name);
  add(std::move(unit));
  RawColumn ecg{.name = "ecg", .kind = ColumnKind::categorical, .levels = {}};
  for (const std::string_view finding : kEcgNames) ecg.levels.emplace_back(finding);
  add(std::move(ecg));

  // the names that results show: log(lactate) where the value is a logarithm
  if (options.logarithms) {
    for (RawColumn& column : columns) {
      for (const Measurement& m : kMeasurementTable) {
        if (m.name == column.name && m.shape == Shape::lognormal) {
          column.name = fmt::format("log({})", column.name);
          break;
        }
      }
    }
  }
  return columns;
}

}  // namespace polyclinic::ehr

namespace polyclinic {

std::vector<Schema> ehr_schemas() {
  Distribution prevalence;
  prevalence.kind = Distribution::Kind::logit_normal;
  prevalence.a = 0.12;
  prevalence.b = 0.5;
  Schema schema;
  schema.kind = "cohort";
  schema.name = "ehr";
  schema.doc =
      "Generated tables like those of intensive care units: 40 columns of demographics, vitals, "
      "laboratory values and comorbidities, outcomes from a latent severity whose achievable AUROC "
      "is "
      "known. Hospitals differ in prevalence, case mix, instruments, coding and missing values.";
  schema.paper =
      "figures: PhysioNet/CinC Challenge 2012, Diabetes-130 (Strack et al. 2014), UCI Heart "
      "Disease";
  schema.example =
      "cohort.ehr { outcome = \"sepsis\", prevalence = logit_normal { median = 0.12, spread = 0.5 "
      "} }";
  schema.fields = {
      {"outcome", type::choice({"sepsis", "mortality", "readmission"}), "sepsis",
       "what the label says of an encounter"},
      {"prevalence", type::distribution(), prevalence,
       "share of a hospital's encounters with the true outcome"},
      {"site_shift", type::number().between(0, 3), 0.3,
       "how far hospitals lie apart in case mix, instruments, coding, missing values and label "
       "error; "
       "0: not at all"},
      {"signal", type::number().between(0.05, 3), 1.0,
       "factor on what the patients' state says about the outcome (1: achievable AUROC about .80 "
       "for "
       "sepsis, .83 mortality, .67 readmission)"},
      {"label_error",
       type::number().between(0, 0.4),
       {},
       "share of true events that stay unrecorded at a typical hospital; as many non-events are "
       "recorded as events",
       false,
       "0.05; mortality 0.01"},
      {"missing", type::number().between(0, 10), 1.0,
       "factor on the odds of a value being missing; 0: complete tables"},
      {"overlap", type::number().between(0, 0.5), 0.03,
       "share of patients who are seen at a second hospital too"},
      {"encounters", type::number().between(1, 3), 1.42, "mean number per patient"},
      {"standardise", type::choice({"per_hospital", "federated", "none"}), "per_hospital",
       "how features are put on one scale"},
      {"indicators", type::boolean(), true,
       "adds a feature missing(x) for each value that is often missing"},
      {"scale", type::choice({"log", "natural"}), "log",
       "right-skewed values (creatinine, lactate, ...) as logarithms or as they are"},
      {"drop", type::list(type::text()), {}, "columns that the record does not hold"},
      {"split",
       type::part("split"),
       {},
       "train, validation and test, by patient; only split.stratified makes sense here",
       false,
       "split.stratified { train = 0.6, validation = 0.2, test = 0.2 }"},
  };
  return {schema};
}

}  // namespace polyclinic
