#include "record/fairness_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <vector>

#include "base/plain_text.hpp"
#include "record/text_table.hpp"

namespace polyclinic {

namespace {

constexpr std::size_t kColumns = 120;
constexpr std::size_t kNameColumns = 18;
constexpr std::size_t kSitesMost = 12;  // of the table of models and hospitals

std::string number(const std::optional<double>& value) {
  return value ? fmt::format("{:.3f}", *value) : "-";
}

std::string with_interval(const MeasuredValue& v) {
  if (!v.value || !v.low || !v.high) return number(v.value);
  return fmt::format("{:.3f} ({:.3f} to {:.3f})", *v.value, *v.low, *v.high);
}

const MeasuredAverages* first_average(const ArmResult& arm, const RunResult& result) {
  for (const MeasuredAverages& a : arm.averages) {
    if (a.metric == result.federated.averages.front().metric) return &a;
  }
  return nullptr;
}

// Values of a group that have a column of their own, as the head calls them.
const std::vector<std::pair<std::string, std::string>>& group_columns() {
  static const std::vector<std::pair<std::string, std::string>> columns{
      {"positive_rate", "flagged"},
      {"sensitivity", "sensitivity"},
      {"specificity", "specificity"},
      {"calibration_intercept", "intercept"},
      {"calibration_slope", "slope"},
      {"auroc", "auroc"},
      {"rmse", "rmse"},
      {"c_index", "c_index"},
      {"deviance", "deviance"},
      {"accuracy", "accuracy"}};
  return columns;
}

const MeasuredValue* find(const GroupLevel& level, const std::string& metric) {
  for (const auto& [name, value] : level.metrics) {
    if (name == metric) return &value;
  }
  return nullptr;
}

bool has(const GroupResult& group, const std::string& metric) {
  return std::any_of(group.gaps.begin(), group.gaps.end(),
                     [&](const GroupGap& gap) { return gap.metric == metric; });
}

// The levels of every variable, by recorded labels or by the truth.
std::string levels_table(const RunResult& result, bool by_truth) {
  std::vector<std::pair<std::string, std::string>> columns;
  for (const auto& column : group_columns()) {
    if (has(result.federated.groups.front(), column.first)) columns.push_back(column);
  }
  TextTable table({true});
  std::vector<std::string> head{by_truth ? "by what truly happened" : "groups of patients",
                                "tested"};
  const bool events = has(result.federated.groups.front(), "sensitivity");
  if (events) head.insert(head.end(), {"events", "prevalence"});
  for (const auto& [metric, called] : columns) head.push_back(called);
  table.add(std::move(head));
  bool any = false;
  for (const GroupResult& group : result.federated.groups) {
    if (group.true_labels != by_truth) continue;
    any = true;
    for (const GroupLevel& level : group.levels) {
      std::vector<std::string> row{
          shortened(fmt::format("{}: {}", group.variable, level.level), 2 * kNameColumns),
          fmt::format("{}", level.rows)};
      if (events) {
        row.push_back(fmt::format("{}", level.events));
        row.push_back(fmt::format(
            "{:.3f}", static_cast<double>(level.events) / static_cast<double>(level.rows)));
      }
      for (const auto& [metric, called] : columns) {
        const MeasuredValue* value = find(level, metric);
        row.push_back(number(value ? value->value : std::nullopt));
      }
      table.add(std::move(row));
    }
  }
  return any ? table.text() : "";
}

std::string gaps_table(const RunResult& result) {
  TextTable table({true, true, true, true, true});
  table.add({"gap between groups", "by", "largest minus smallest (95 %)", "largest", "smallest"});
  bool truth = false;
  for (const GroupResult& group : result.federated.groups) {
    for (const auto& [metric, called] : group_columns()) {
      for (const GroupGap& gap : group.gaps) {
        if (gap.metric != metric || !gap.gap.value) continue;
        truth = truth || group.true_labels;
        table.add({called + (group.true_labels ? ", true outcome" : ""), group.variable,
                   with_interval(gap.gap), shortened(gap.largest, kNameColumns),
                   shortened(gap.smallest, kNameColumns)});
      }
    }
  }
  const std::string note =
      "flagged: demographic parity; sensitivity: equal opportunity, with specificity equalised "
      "odds; intercept: calibration, above 0 risks are too low. Patients of all hospitals "
      "together: "
      "a gap may come from where they are treated. Intervals hold for every pair of groups, and "
      "count rows as independent.";
  return table.text() + "  " + wrapped(note, kColumns - 2, 4) + "\n";
}

}  // namespace

std::string spread_table(const RunResult& result) {
  if (result.federated.averages.empty()) return {};
  TextTable table({true});
  table.add({fmt::format("{} between hospitals", result.federated.averages.front().metric), "mean",
             "worst", "bottom decile", "spread", "by chance alone", "Jain"});
  bool any = false;
  const auto add = [&](const ArmResult& arm) {
    const MeasuredAverages* a = first_average(arm, result);
    if (a == nullptr || !a->spread) return;
    any = true;
    table.add({arm.name, number(a->macro), number(a->worst), number(a->bottom_decile),
               number(a->spread), number(a->spread_chance), number(a->jain)});
  };
  add(result.federated);
  for (const ArmResult& arm : result.baselines) add(arm);
  return any ? "\n" + table.text() : "";
}

std::string group_tables(const RunResult& result) {
  if (result.federated.groups.empty()) return {};
  std::string text = "\n" + levels_table(result, false);
  const std::string truth = levels_table(result, true);
  if (!truth.empty()) text += "\n" + truth;
  return text + "\n" + gaps_table(result);
}

std::string cross_site_table(const RunResult& result) {
  if (!result.cross_site || result.cross_site->rows.empty()) return {};
  if (result.federated.averages.empty()) return {};
  const std::string& metric = result.federated.averages.front().metric;
  std::map<HospitalId, std::string> names;
  for (const HospitalAccount& a : result.hospitals) names[a.hospital] = a.name;
  const std::vector<CrossSite::Row>& rows = result.cross_site->rows;
  const std::size_t shown = std::min(rows.size(), kSitesMost);
  const std::size_t columns = std::min(rows.front().hospitals.size(), kSitesMost);
  TextTable table({true});
  std::vector<std::string> head{fmt::format("{}: model of, tested at", metric)};
  for (std::size_t c = 0; c < columns; ++c) {
    head.push_back(shortened(names[rows.front().hospitals[c].hospital], 10));
  }
  table.add(std::move(head));
  for (std::size_t r = 0; r < shown; ++r) {
    std::vector<std::string> row{shortened(names[rows[r].model], kNameColumns)};
    for (std::size_t c = 0; c < columns; ++c) {
      const HospitalMetrics& at = rows[r].hospitals[c];
      std::string cell = "-";
      for (const auto& [name, value] : at.metrics) {
        if (name == metric) cell = number(value.value);
      }
      if (at.hospital == rows[r].model) cell = fmt::format("[{}]", cell);
      row.push_back(std::move(cell));
    }
    table.add(std::move(row));
  }
  std::string text = "\n" + table.text();
  if (shown < rows.size() || columns < rows.front().hospitals.size()) {
    text += fmt::format("  ... {} models at {} hospitals are in --json and --out\n", rows.size(),
                        rows.front().hospitals.size());
  }
  return text;
}

}  // namespace polyclinic
