#include "data/csv_labels.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/check.hpp"

namespace polyclinic {

namespace {

ScenarioError at_row(const CsvTable& table, const CsvOptions& options, std::size_t row,
                     std::string message, std::string hint) {
  return {{options.sources[static_cast<std::size_t>(table.source[row])].path, table.line[row], 0},
          std::move(message),
          std::move(hint)};
}

// The levels that the outcome positive { values } counts as events.
std::vector<std::uint8_t> positive_levels(const CsvColumn& column, const CsvOptions& options) {
  std::vector<std::uint8_t> positive(column.levels.size(), 0);
  for (const std::string& value : options.outcome.values) {
    const auto number = parse_number(value);
    const auto found =
        std::find_if(column.levels.begin(), column.levels.end(), [&](const auto& level) {
          return level == value || (number && parse_number(level) == number);
        });
    if (found == column.levels.end()) {
      std::string hint = did_you_mean(value, column.levels);
      if (!hint.empty()) hint += "\n";
      throw options.part.mistake("outcome",
                                 fmt::format("column '{}' never holds '{}'", column.name, value),
                                 hint + "its values are " + join_names(column.levels, true));
    }
    positive[static_cast<std::size_t>(found - column.levels.begin())] = 1;
  }
  return positive;
}

void label_binary(const CsvTable& table, const CsvOptions& options, CsvLabels& labels) {
  const CsvOutcome& outcome = options.outcome;
  const CsvColumn& column = table.column(outcome.column);
  const std::vector<std::uint8_t> positive = positive_levels(column, options);
  for (std::size_t row = 0; row < labels.label.size(); ++row) {
    bool event = false;
    if (!outcome.values.empty()) {
      labels.known[row] = column.level[row] >= 0;
      event = labels.known[row] != 0 && positive[static_cast<std::size_t>(column.level[row])] != 0;
    } else {
      const double value = column.numbers[row];
      labels.known[row] = !std::isnan(value);
      event = value > outcome.above.value_or(0.0);
      if (!outcome.above && labels.known[row] != 0 && value != 0 && value != 1) {
        throw at_row(
            table, options, row,
            fmt::format("the outcome '{}' is {} here: it holds more than 0 and 1", column.name,
                        value),
            fmt::format("an event is a value above 0: outcome = positive \"{}\"\n"
                        "it is no yes or no: task = \"multiclass\", \"regression\" or \"count\"",
                        column.name));
      }
    }
    labels.stratum[row] = event ? 1 : 0;
    labels.label[row] = event ? 1.0F : 0.0F;
  }
}

void label_numbers(const CsvTable& table, const CsvOptions& options, CsvLabels& labels) {
  const CsvColumn& column = table.column(options.outcome.column);
  for (std::size_t row = 0; row < labels.label.size(); ++row) {
    const double value = column.numbers[row];
    labels.known[row] = !std::isnan(value);
    if (labels.known[row] == 0) continue;
    if (labels.task == OutcomeKind::count && (value < 0 || value != std::floor(value))) {
      throw at_row(table, options, row,
                   fmt::format("the outcome '{}' is {} here: it is no count", column.name, value),
                   "task = \"regression\" takes any number");
    }
    labels.label[row] = static_cast<float>(value);
  }
}

void label_classes(const CsvTable& table, const CsvOptions& options, CsvLabels& labels) {
  const CsvColumn& column = table.column(options.outcome.column);
  labels.classes = static_cast<std::int32_t>(column.levels.size());
  for (std::size_t row = 0; row < labels.label.size(); ++row) {
    labels.known[row] = column.level[row] >= 0;
    labels.stratum[row] = std::max(column.level[row], 0);
    labels.label[row] = static_cast<float>(labels.stratum[row]);
  }
}

void label_survival(const CsvTable& table, const CsvOptions& options, CsvLabels& labels) {
  const CsvColumn& time = table.column(options.outcome.column);
  const CsvColumn& event = table.column(options.outcome.event);
  labels.event.assign(labels.label.size(), 0.0F);
  for (std::size_t row = 0; row < labels.label.size(); ++row) {
    labels.known[row] = !std::isnan(time.numbers[row]) && !std::isnan(event.numbers[row]);
    if (labels.known[row] == 0) continue;
    const double seen = event.numbers[row];
    if (seen != 0 && seen != 1) {
      throw at_row(
          table, options, row,
          fmt::format("the event '{}' is {} here: it must be 0 (censored) or 1 (seen)", event.name,
                      seen),
          fmt::format("true and false are read by: types = {{ {} = \"boolean\" }}", event.name));
    }
    if (time.numbers[row] <= 0) {
      throw at_row(
          table, options, row,
          fmt::format("the time '{}' is {} here: it must be above 0", time.name, time.numbers[row]),
          "an event on the day of arrival is usually set to half a day");
    }
    labels.label[row] = static_cast<float>(time.numbers[row]);
    labels.event[row] = static_cast<float>(seen);
    labels.stratum[row] = seen > 0 ? 1 : 0;
  }
}

// A table in which everybody has the same outcome teaches nothing, whatever the model.
void require_variety(const CsvOptions& options, const CsvLabels& labels) {
  const auto& varying = labels.task == OutcomeKind::survival ? labels.event : labels.label;
  std::set<float> values;
  for (std::size_t row = 0; row < varying.size() && values.size() < 2; ++row) {
    if (labels.known[row] != 0) values.insert(varying[row]);
  }
  if (values.empty()) {
    throw options.part.mistake(
        "outcome", fmt::format("the outcome '{}' is missing in every row", labels.name));
  }
  const bool never = labels.task == OutcomeKind::survival && *values.begin() == 0;
  if (values.size() > 1 || (labels.task == OutcomeKind::survival && !never)) return;
  throw options.part.mistake(
      "outcome",
      labels.task == OutcomeKind::survival
          ? fmt::format("the event '{}' was seen in no row", options.outcome.event)
          : fmt::format("the outcome '{}' is {} in every row of every hospital", labels.name,
                        *values.begin()),
      options.outcome.above
          ? fmt::format(
                "positive \"{}\" is a value above {}; positive {{ column = \"{}\", above = 5 }} "
                "cuts elsewhere",
                options.outcome.column, *options.outcome.above, options.outcome.column)
          : "");
}

}  // namespace

CsvLabels make_csv_labels(const CsvTable& table, const CsvOptions& options) {
  CsvLabels labels;
  labels.task = options.outcome.task.value_or(OutcomeKind::binary);
  labels.name = options.outcome.column;
  const auto rows = static_cast<std::size_t>(table.rows);
  labels.label.assign(rows, 0.0F);
  labels.stratum.assign(rows, 0);
  labels.known.assign(rows, 0);
  switch (labels.task) {
    case OutcomeKind::binary: label_binary(table, options, labels); break;
    case OutcomeKind::multiclass: label_classes(table, options, labels); break;
    case OutcomeKind::survival:
      labels.classes = 1;
      label_survival(table, options, labels);
      break;
    case OutcomeKind::regression:
    case OutcomeKind::count:
      labels.classes = 1;
      label_numbers(table, options, labels);
      break;
  }
  require_variety(options, labels);
  return labels;
}

}  // namespace polyclinic
