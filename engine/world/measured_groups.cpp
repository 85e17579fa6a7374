// Groups of patients: what a model does to women and men, to the young and the old. All tested rows
// of all members count together, each as it was scored at its hospital.
#include <algorithm>

#include "learn/metrics/aggregate.hpp"
#include "world/measurement.hpp"
#include "world/measurement_scored.hpp"

namespace polyclinic {

namespace {

using metrics::Metric;

// What is looked at in every group: of decisions, how many are flagged (demographic parity), how
// many of the ill (equal opportunity) and of the healthy (with it, equalised odds; Hardt, Price and
// Srebro 2016); calibration; then what `measure` names.
std::vector<Metric> group_metrics(const MeasurePlan& plan, OutcomeKind task) {
  std::vector<Metric> chosen;
  if (task == OutcomeKind::binary) {
    chosen = {Metric::positive_rate, Metric::sensitivity, Metric::specificity, Metric::calibration,
              Metric::auroc};
  }
  for (const Metric metric : plan.metrics) {
    if (std::find(chosen.begin(), chosen.end(), metric) == chosen.end()) chosen.push_back(metric);
  }
  return chosen;
}

// The tested rows of all members, one after another.
struct PooledRows {
  std::vector<double> scores, labels, true_labels, seen;
  std::vector<std::vector<std::uint8_t>> groups;
  bool truth = true;     // every row says what truly happened
  bool differs = false;  // and somewhere it is not what was recorded

  [[nodiscard]] metrics::Predictions predictions(const DatasetInfo& info, bool by_truth) const {
    metrics::Predictions p;
    p.task = static_cast<metrics::TaskKind>(info.task);
    p.classes = info.classes;
    p.scores = metrics::NumberView(scores);
    p.labels = metrics::NumberView(by_truth ? true_labels : labels);
    p.seen = metrics::NumberView(seen);
    return p;
  }
};

PooledRows pool_rows(const std::vector<Measurement::Scored>& scored, std::size_t members,
                     std::size_t variables) {
  PooledRows pool;
  pool.groups.resize(variables);
  const auto append = [](auto& to, const auto& from) {
    to.insert(to.end(), from.begin(), from.end());
  };
  for (std::size_t i = 0; i < members; ++i) {
    const Dataset& test = scored[i].site->test;
    if (test.rows == 0) continue;
    append(pool.scores, scored[i].test);
    append(pool.labels, test.label);
    append(pool.true_labels, test.true_label);
    append(pool.seen, test.event);
    pool.truth = pool.truth && !test.true_label.empty();
    pool.differs = pool.differs || test.true_label != test.label;
    for (std::size_t g = 0; g < variables; ++g) append(pool.groups[g], test.groups[g]);
  }
  return pool;
}

MeasuredValue measured(const metrics::MetricValue& value) {
  return {value.value, value.low, value.high, value.n, value.events, value.reason};
}

// Adds one metric's values and gaps.
void take_values(const metrics::GroupMetrics& found, const GroupVariable& variable,
                 GroupResult& result) {
  for (std::size_t v = 0; v < found.gaps.size(); ++v) {
    const metrics::GroupMetrics::Gap& gap = found.gaps[v];
    GroupGap one;
    for (std::size_t g = 0; g < found.codes.size(); ++g) {
      const metrics::NamedValue& value = found.per_group[g][v];
      result.levels[g].metrics.emplace_back(value.name, measured(value.metric));
      one.metric = value.name;
      one.better = value.better;
    }
    one.gap = measured(gap.gap);
    one.levels_counted = gap.groups_counted;
    if (gap.gap.value) one.largest = variable.levels[*gap.largest];
    if (gap.gap.value) one.smallest = variable.levels[*gap.smallest];
    result.gaps.push_back(std::move(one));
  }
}

}  // namespace

void Measurement::add_groups(const std::vector<Measurement::Scored>& scored,
                             const metrics::MetricOptions& options, ArmResult& arm) const {
  if (s_.plan.groups.empty()) return;
  const DatasetInfo& info = s_.cohort->info();
  const PooledRows pool = pool_rows(scored, s_.members.size(), info.groups.size());
  if (pool.labels.empty()) return;
  const std::vector<Metric> chosen = group_metrics(s_.plan, info.task);
  const bool both = pool.truth && pool.differs;
  for (const std::size_t place : s_.plan.groups) {
    const GroupVariable& variable = info.groups[place];
    const std::vector<std::uint8_t>& codes = pool.groups[place];
    for (const bool by_truth : {false, true}) {
      if (by_truth && !both) continue;
      GroupResult result;
      result.variable = variable.name;
      result.true_labels = by_truth;
      const metrics::Predictions predictions = pool.predictions(info, by_truth);
      std::vector<metrics::GroupMetrics> found(chosen.size());
      s_.workers->for_each(chosen.size(), [&](std::size_t i, int) {
        found[i] = over_groups(chosen[i], predictions, codes, options);
      });
      const std::vector<double>& labels = by_truth ? pool.true_labels : pool.labels;
      for (std::size_t code = 0; code < variable.levels.size(); ++code) {
        GroupLevel level;
        level.level = variable.levels[code];
        for (std::size_t i = 0; i < codes.size(); ++i) {
          if (codes[i] != code) continue;
          ++level.rows;
          const bool counts = info.task == OutcomeKind::binary;
          level.events += counts && labels[i] > 0.5 ? 1 : 0;
        }
        if (level.rows > 0) result.levels.push_back(std::move(level));
      }
      for (const metrics::GroupMetrics& one : found) take_values(one, variable, result);
      arm.groups.push_back(std::move(result));
    }
  }
}

}  // namespace polyclinic
