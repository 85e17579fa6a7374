// change.*: what a timeline can do to data, declared and read.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <vector>

#include "base/check.hpp"
#include "base/math.hpp"
#include "data/change.hpp"

namespace polyclinic {

namespace {

using Kind = DataChange::Kind;

constexpr std::int64_t kStepsMost = 100;

std::vector<std::string> names_of(const DataFacts& facts) {
  std::vector<std::string> names;
  for (const ColumnFacts& column : facts.columns) names.push_back(column.name);
  return names;
}

std::int32_t column_named(const Part& part, std::string_view field, const std::string& name,
                          const DataFacts& facts) {
  const std::vector<std::string> names = names_of(facts);
  const auto found = std::find(names.begin(), names.end(), name);
  if (found != names.end()) return static_cast<std::int32_t>(found - names.begin());
  const std::string near = did_you_mean(name, names);
  throw part.mistake(field, fmt::format("the cohort has no feature '{}'", name),
                     (near.empty() ? "" : near + "\n") + "there are " + join_names(names));
}

const ColumnFacts& facts_of(const DataFacts& facts, std::int32_t column) {
  return facts.columns[static_cast<std::size_t>(column)];
}

// Columns of numbers by name.
std::vector<std::int32_t> numeric_columns(const Part& part, const DataFacts& facts) {
  std::vector<std::int32_t> columns;
  for (const Value& item : part.list("features")) {
    const std::int32_t column = column_named(part, "features", item.as<std::string>(), facts);
    if (facts_of(facts, column).kind != ColumnKind::numeric) {
      throw part.mistake("features",
                         fmt::format("'{}' holds codes, no amounts: no instrument reads it",
                                     item.as<std::string>()),
                         "change.coding replaces codes");
    }
    columns.push_back(column);
  }
  std::sort(columns.begin(), columns.end());
  columns.erase(std::unique(columns.begin(), columns.end()), columns.end());
  return columns;
}

std::string names_text(const std::vector<std::int32_t>& columns, const DataFacts& facts) {
  std::vector<std::string> names;
  names.reserve(columns.size());
  for (const std::int32_t column : columns) names.push_back(facts_of(facts, column).name);
  return join_names(names);
}

void read_scanner(const Part& part, const DataFacts& facts, DataChange& change) {
  change.columns = numeric_columns(part, facts);
  if (change.columns.empty()) {
    throw part.mistake("features", "change.scanner: 'features' names none",
                       "for example: features = { \"" + facts.columns.front().name + "\" }");
  }
  change.scale = part.number("scale");
  change.add = part.number("add");
  change.text = "scanner, " + names_text(change.columns, facts) + ": ";
  if (change.scale != 1) change.text += fmt::format("{:g} ", change.scale);
  change.text += "x";
  if (change.add != 0) {
    change.text += fmt::format(" {} {:g}", change.add < 0 ? "-" : "+", std::abs(change.add));
  }
}

void read_recalibration(const Part& part, const DataFacts& facts, DataChange& change) {
  change.text = "recalibration";
  if (part.at("features").get_if<All>() != nullptr) {
    for (std::size_t c = 0; c < facts.columns.size(); ++c) {
      if (facts.columns[c].kind == ColumnKind::numeric) {
        change.columns.push_back(static_cast<std::int32_t>(c));
      }
    }
    return;
  }
  change.columns = numeric_columns(part, facts);
  change.text += ", " + names_text(change.columns, facts);
}

std::string code_text(const Value& value) {
  if (const auto* text = value.get_if<std::string>()) return *text;
  return fmt::format("{:g}", *value.number());
}

// The number by which a column's cells hold a code.
double code_of(const Part& part, std::string_view field, const std::string& code,
               const ColumnFacts& column) {
  std::vector<std::string> known = column.levels;
  if (column.kind == ColumnKind::boolean) known = {"0", "1"};
  const auto found = std::find(known.begin(), known.end(), code);
  if (found != known.end()) return static_cast<double>(found - known.begin());
  const std::string near = did_you_mean(code, known);
  throw part.mistake(field, fmt::format("'{}' has no code '{}'", column.name, code),
                     (near.empty() ? "" : near + "\n") + "its codes are " + join_names(known));
}

void read_coding(const Part& part, const DataFacts& facts, DataChange& change) {
  const std::string& name = part.text("feature");
  change.columns = {column_named(part, "feature", name, facts)};
  const ColumnFacts& column = facts_of(facts, change.columns.front());
  if (column.kind == ColumnKind::numeric) {
    throw part.mistake("feature", fmt::format("'{}' holds amounts, no codes", name),
                       "change.scanner changes amounts: a factor of 88.4 is another unit");
  }
  const Value* from = part.find("from");
  const Value* to = part.find("to");
  const Value* codes = part.find("codes");
  const bool one = from != nullptr && to != nullptr && codes == nullptr;
  const bool several = from == nullptr && to == nullptr && codes != nullptr;
  if (!one && !several) {
    throw part.mistake("", "change.coding takes 'from' and 'to', or 'codes'",
                       "codes = { A = \"B\", B = \"A\" } replaces several at once");
  }
  std::vector<std::pair<std::string, std::string>> pairs;
  if (one) pairs.emplace_back(code_text(*from), code_text(*to));
  if (several) {
    for (const auto& [code, becomes] : codes->as<Table>()) {
      pairs.emplace_back(code, code_text(becomes));
    }
  }
  change.share = part.number("share");
  std::vector<std::string> texts;
  for (const auto& [code, becomes] : pairs) {
    change.codes.emplace_back(code_of(part, one ? "from" : "codes", code, column),
                              code_of(part, one ? "to" : "codes", becomes, column));
    texts.push_back(fmt::format("{} as {}", code, becomes));
  }
  change.text = fmt::format("coding, {}: {}", name, join_names(texts));
  if (change.share < 1) change.text += fmt::format(" in {:g} %", 100 * change.share);
}

bool has_classes(const DataFacts& facts) {
  return facts.task == OutcomeKind::binary || facts.task == OutcomeKind::multiclass;
}

std::int32_t class_at(const Part& part, std::string_view field, const DataFacts& facts) {
  const std::int64_t number = part.integer(field);
  const std::int32_t classes = facts.task == OutcomeKind::binary ? 2 : facts.classes;
  if (number < classes) return static_cast<std::int32_t>(number);
  throw part.mistake(field, fmt::format("the outcome has no class {}", number),
                     fmt::format("classes are 0 to {}", classes - 1));
}

void read_labels(const Part& part, const DataFacts& facts, DataChange& change) {
  if (!has_classes(facts)) {
    throw part.mistake("", fmt::format("change.labels records one class as another, and this "
                                       "outcome, {}, has none",
                                       name(facts.task)));
  }
  change.from = static_cast<float>(class_at(part, "from", facts));
  change.to = static_cast<float>(class_at(part, "to", facts));
  change.share = part.number("share");
  change.text = fmt::format("labels: {:g} % of class {} recorded as {}", 100 * change.share,
                            change.from, change.to);
}

void read_patients(const Part& part, const DataFacts& facts, DataChange& change) {
  const double factor = part.number("prevalence");
  if (factor != 1 && !has_classes(facts)) {
    throw part.mistake("prevalence",
                       fmt::format("this outcome, {}, has no prevalence", name(facts.task)),
                       "prevalence = 1, and mix = { ... } says which patients come");
  }
  if (factor != 1) {
    change.of = class_at(part, "class", facts);
    change.log_odds = math::log(factor);
  }
  change.severity = part.number("severity");
  change.age_years = part.number("age");
  for (const char* field : {"severity", "age"}) {
    if (part.number(field) == 0 || facts.makes_patients) continue;
    throw part.mistake(field,
                       fmt::format("'{}' is of generated patients, and these are drawn from "
                                   "those that there are",
                                   field),
                       "mix = { age = 0.5 } draws older ones more often");
  }
  if (const Value* mix = part.find("mix")) {
    if (facts.makes_patients) {
      throw part.mistake("mix",
                         "'mix' draws from the patients that there are, and these are "
                         "generated",
                         "severity = 0.5 and age = 5 make other patients");
    }
    for (const auto& [column, weight] : mix->as<Table>()) {
      const std::int32_t c = column_named(part, "mix", column, facts);
      if (facts_of(facts, c).kind == ColumnKind::categorical) {
        throw part.mistake("mix", fmt::format("'{}' holds codes, no amounts", column),
                           "columns of numbers, and of 0 and 1, can be weighed");
      }
      change.mix.emplace_back(c, *weight.number());
    }
  }
}

void read_wave(const Part& part, const DataFacts& facts, DataChange& change) {
  read_patients(part, facts, change);
  change.busy = part.number("busy");
  change.rise = part.time("rise");
  change.hold = part.time("hold");
  change.fall = part.time("fall");
  change.steps = part.integer("steps");
  const double whole = change.rise.seconds() + change.hold.seconds() + change.fall.seconds();
  if (!(whole <= kTimeMax.seconds())) {
    throw part.mistake("rise", "change.wave lasts longer than 100 years");
  }
  if (change.whole().ns == 0) {
    throw part.mistake("rise", "change.wave lasts no time", "for example: rise = days(14)");
  }
  change.text = fmt::format("wave over {}", to_text(change.whole()));
  if (change.log_odds != 0) {
    change.text += fmt::format(", odds of the outcome x {:g}", part.number("prevalence"));
  }
  if (change.busy != 1) change.text += fmt::format(", everything {:g} times as slow", change.busy);
}

}  // namespace

DataChange read_change(const Part& part, const DataFacts& facts) {
  DataChange change;
  if (part.name == "scanner") {
    change.kind = Kind::scanner;
    read_scanner(part, facts, change);
  } else if (part.name == "recalibration") {
    change.kind = Kind::recalibration;
    read_recalibration(part, facts, change);
  } else if (part.name == "coding") {
    change.kind = Kind::coding;
    read_coding(part, facts, change);
  } else if (part.name == "labels") {
    change.kind = Kind::labels;
    read_labels(part, facts, change);
  } else if (part.name == "standardisation") {
    change.kind = Kind::standardisation;
    change.text = "preparation fitted anew";
    if (!facts.prepares) {
      throw part.mistake("", "no hospital of this cohort prepares its rows by itself",
                         "cohort.csv and cohort.ehr with standardise = \"per_hospital\" do");
    }
  } else {
    ENSURE(part.name == "wave", "every change.* of the schemas is read here");
    change.kind = Kind::wave;
    read_wave(part, facts, change);
  }
  return change;
}

namespace {

Value days(double n) {
  return Quantity{n * static_cast<double>(kDay.ns), Dimension::time};
}

Schema coding_schema() {
  const Type code = type::text() | type::number();
  return Schema{
      .kind = "change",
      .name = "coding",
      .doc =
          "Codes of a feature are recorded as others: another classification, another habit of "
          "coding. Of columns that are categorical, or 0 and 1.",
      .fields = {Field{"feature", type::text(), {}, "the column", true},
                 Field{"from", code, {}, "the code that was"},
                 Field{"to", code, {}, "the code that is"},
                 Field{"codes", type::table(code), {}, "several at once: { A = \"B\", B = \"A\" }"},
                 Field{"share", type::number().between(0, 1), 1.0,
                       "of the rows that it concerns, chosen at random once and for all"}},
      .example = "change.coding { feature = \"diabetes\", from = 1, to = 0, share = 0.6 }"};
}

Schema wave_schema() {
  const Type time = type::quantity(Dimension::time).at_least(0);
  return Schema{
      .kind = "change",
      .name = "wave",
      .doc =
          "For some time other patients come: more of them with the outcome, sicker, older. It "
          "rises and falls in steps; as many patients as before. Generated patients are made "
          "anew with the hospital's new traits; those of a table are drawn, with repetition, "
          "from the same split of the same hospital.",
      .fields = {Field{"prevalence", type::number().above(0), 1.0,
                       "factor on the odds of the outcome at the height"},
                 Field{"class", type::integer().at_least(0), std::int64_t{1},
                       "the class whose odds they are"},
                 Field{"severity", type::number().between(-5, 5), 0.0,
                       "cohort.ehr: shift of the respiratory and the inflammatory factor, in their "
                       "standard deviations"},
                 Field{"age", type::number().between(-40, 40), 0.0,
                       "cohort.ehr: years by which patients are older"},
                 Field{
                     "mix",
                     type::table(type::number()),
                     {},
                     "other cohorts: logarithm of how much more often a patient is drawn for each "
                     "standard deviation of a feature"},
                 Field{"busy", type::number().between(1, 1000), 1.0,
                       "factor on queues and trainings that begin at the height"},
                 Field{"rise", time, days(14), "from its beginning to its height"},
                 Field{"hold", time, days(0), "how long it stays there"},
                 Field{"fall", time, days(28), "until all is as before"},
                 Field{"steps", type::integer().between(1, kStepsMost), std::int64_t{5},
                       "in which it rises, and falls; the first is at once"},
                 Field{"delay", time, days(0), "after which it reaches the next"},
                 Field{"by", type::choice({"hospital", "region"}), "hospital",
                       "what it travels by, in the order of the scenario"},
                 Field{"from",
                       type::text(),
                       {},
                       "the hospital or region where it begins",
                       false,
                       "the first"}},
      .example =
          "change.wave { prevalence = 3, severity = 0.5, rise = days(10), delay = days(2) }"};
}

}  // namespace

std::vector<Schema> change_schemas() {
  const Type features = type::list(type::text());
  return {
      Schema{.kind = "change",
             .name = "scanner",
             .doc = "An instrument is replaced: the record's numbers become scale * x + add, in "
                    "the record's own units, before anything is imputed or standardised. Also "
                    "another unit, or a laboratory's new method.",
             .fields = {Field{"features", features, {}, "columns of numbers", true},
                        Field{"scale", type::number().above(0), 1.0, "factor"},
                        Field{"add", type::number(), 0.0, "what is added after it"}},
             .example = "change.scanner { features = { \"creatinine\" }, scale = 1.3, add = 0.1 }"},
      Schema{.kind = "change",
             .name = "recalibration",
             .doc = "Instruments read as at the beginning again: what change.scanner did is over.",
             .fields = {Field{"features", features | type::all(), All{}, "columns of numbers"}},
             .example = "change.recalibration {}"},
      coding_schema(),
      Schema{.kind = "change",
             .name = "labels",
             .doc = "A share of one class is recorded as another. What truly happened, where a "
                    "generator knows it, stays.",
             .fields = {Field{"from", type::integer().at_least(0), std::int64_t{1}, "the class"},
                        Field{"to", type::integer().at_least(0), std::int64_t{0},
                              "what it is recorded as"},
                        Field{"share", type::number().between(0, 1), 1.0,
                              "of its rows, chosen at random once and for all"}},
             .example = "change.labels { from = 1, to = 0, share = 0.3 }"},
      Schema{.kind = "change",
             .name = "standardisation",
             .doc = "The hospital fits its preparation (what missing values become, means, scales) "
                    "anew, on its training rows as they are. Otherwise it stays as it was fitted "
                    "at the beginning: that is how drift is seen.",
             .example = "change.standardisation {}"},
      wave_schema()};
}

}  // namespace polyclinic
