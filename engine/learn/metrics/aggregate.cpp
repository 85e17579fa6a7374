#include "learn/metrics/aggregate.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/statistics.hpp"
#include "learn/metrics/common.hpp"

namespace polyclinic::metrics {

namespace {

// An observed calibration error is too large on average, and its interval allows for that: what is
// systematic adds up, and does not average out as chance does.
bool biased(std::string_view name) {
  return name == "ece";
}

// Limits of the sum of weights * values; of biased ones the sum of the limits, which is safe.
Limits joint_limits(std::string_view name, std::span<const double> weights,
                    std::span<const double> values, std::span<const Limits> limits) {
  if (!biased(name)) return mover(weights, values, limits);
  Limits sum;
  for (std::size_t i = 0; i < limits.size(); ++i) {
    sum.low += weights[i] * limits[i].low;
    sum.high += weights[i] * limits[i].high;
  }
  return sum;
}

// sum of weights * values with limits, those only when every part has some.
MetricValue weighted_mean(std::string_view name, std::span<const MetricValue> parts,
                          std::span<const double> weights) {
  MetricValue result;
  std::vector<double> values;
  std::vector<Limits> limits;
  double sum = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    result.n += parts[i].n;
    result.events += parts[i].events;
    sum += weights[i] * *parts[i].value;
    values.push_back(*parts[i].value);
    if (parts[i].low && parts[i].high) limits.push_back({*parts[i].low, *parts[i].high});
  }
  result.value = sum;
  if (limits.size() == parts.size()) {
    const Limits joint = joint_limits(name, weights, values, limits);
    result.low = joint.low;
    result.high = joint.high;
  }
  if (!parts.empty()) result.threshold = parts.front().threshold;
  return result;
}

// How values differ between hospitals.
void add_spread(std::span<const MetricValue> counted, double level, Summary& summary) {
  const std::size_t n = counted.size();
  if (n < 2 || summary.better == Better::neither) return;
  const auto count = static_cast<double>(n);
  std::vector<double> values;
  double squares = 0;
  double errors = 0;
  bool limited = !biased(summary.name);
  for (const MetricValue& value : counted) {
    values.push_back(*value.value);
    squares += *value.value * *value.value;
    limited = limited && value.low && value.high;
    if (!limited) continue;
    const double se = (*value.high - *value.low) / (2 * normal_z(level));
    errors += se * se;
  }
  summary.spread = statistics::sd(values);
  if (limited) summary.spread_chance = std::sqrt(errors / count);

  // a value whose best lies in the middle has two bad ends, and no tenth of them
  if (summary.better != Better::larger && summary.better != Better::smaller) return;
  std::sort(values.begin(), values.end(),
            [&](double x, double y) { return worse(x, y, summary.better); });
  const std::size_t tenth = (n + 9) / 10;
  summary.bottom_decile = statistics::mean(std::span(values).first(tenth));
  const bool below_zero = std::any_of(values.begin(), values.end(), [](double x) { return x < 0; });
  if (squares <= 0 || below_zero) return;
  const double sum = count * statistics::mean(values);
  summary.jain = sum * sum / (count * squares);
}

}  // namespace

Summary summarise(std::span<const NamedValue> hospitals, const MetricValue& micro, double level) {
  Summary summary;
  summary.micro = micro;
  std::vector<MetricValue> counted;
  for (std::size_t h = 0; h < hospitals.size(); ++h) {
    const MetricValue& value = hospitals[h].metric;
    summary.name = hospitals[h].name;
    summary.better = hospitals[h].better;
    if (!value.value) {
      ++summary.hospitals_null;
      ++summary.null_reasons[value.reason];
      continue;
    }
    counted.push_back(value);
    const bool judged = summary.better != Better::neither;
    if (judged &&
        (!summary.worst.value || worse(*value.value, *summary.worst.value, summary.better))) {
      summary.worst = value;
      summary.worst_hospital = h;
    }
  }
  summary.hospitals_counted = static_cast<std::int64_t>(counted.size());
  if (!summary.worst.value) {
    summary.worst.reason = counted.empty() ? "no hospital has a value" : "has no worse side";
  }
  if (counted.empty()) {
    summary.macro.reason = summary.weighted.reason = "no hospital has a value";
    return summary;
  }

  std::int64_t patients = 0;
  for (const MetricValue& value : counted) patients += value.n;
  const std::vector<double> equal(counted.size(), 1.0 / static_cast<double>(counted.size()));
  std::vector<double> by_size;
  by_size.reserve(counted.size());
  for (const MetricValue& value : counted) {
    by_size.push_back(static_cast<double>(value.n) / static_cast<double>(patients));
  }
  summary.macro = weighted_mean(summary.name, counted, equal);
  summary.weighted = weighted_mean(summary.name, counted, by_size);
  add_spread(counted, level, summary);
  return summary;
}

Pool::Pool(std::span<const Predictions> parts) {
  if (!parts.empty()) {
    task_ = parts.front().task;
    classes_ = parts.front().classes;
  }
  const auto append = [](std::vector<double>& to, NumberView from) {
    for (std::size_t i = 0; i < from.size(); ++i) to.push_back(from[i]);
  };
  for (const Predictions& part : parts) {
    ENSURE(part.task == task_, "hospitals of one federation predict the same");
    ENSURE(part.classes == classes_, "hospitals of one federation have the same classes");
    append(scores_, part.scores);
    append(labels_, part.labels);
    append(seen_, part.seen);
  }
}

Predictions Pool::predictions() const {
  return {task_, classes_, scores_, labels_, seen_};
}

HospitalMetrics over_hospitals(Metric metric, std::span<const Predictions> hospitals,
                               const MetricOptions& options) {
  HospitalMetrics result;
  for (const Predictions& hospital : hospitals) {
    result.per_hospital.push_back(compute(metric, hospital, options));
  }
  if (hospitals.empty()) return result;
  const Pool pool(hospitals);
  const std::vector<NamedValue> micro = compute(metric, pool.predictions(), options);
  for (std::size_t v = 0; v < micro.size(); ++v) {
    std::vector<NamedValue> values;
    for (const std::vector<NamedValue>& hospital : result.per_hospital) {
      values.push_back(hospital[v]);
    }
    result.summaries.push_back(summarise(values, micro[v].metric, options.level));
  }
  return result;
}

namespace {

// Chosen rows of predictions, owned.
class RowSelection {
 public:
  explicit RowSelection(const Predictions& all) : all_(all) {}

  // The chosen rows; valid until the next call.
  template <class Row>
  Predictions choose(std::span<const Row> rows) {
    const auto width =
        all_.task == TaskKind::multiclass ? static_cast<std::size_t>(all_.classes) : 1;
    scores_.clear();
    labels_.clear();
    seen_.clear();
    for (const Row chosen : rows) {
      const auto row = static_cast<std::size_t>(chosen);
      for (std::size_t c = 0; c < width; ++c) scores_.push_back(all_.scores[row * width + c]);
      labels_.push_back(all_.labels[row]);
      if (!all_.seen.empty()) seen_.push_back(all_.seen[row]);
    }
    return {all_.task, all_.classes, scores_, labels_, seen_};
  }

 private:
  const Predictions& all_;
  std::vector<double> scores_;
  std::vector<double> labels_;
  std::vector<double> seen_;
};

// Limits of the gap between two groups, whose own limits are wide enough for all pairs.
void add_gap_limits(std::string_view name, const MetricValue& largest, const MetricValue& smallest,
                    MetricValue& gap) {
  if (!largest.low || !largest.high || !smallest.low || !smallest.high) return;
  const Limits above{*largest.low, *largest.high};
  const Limits below{*smallest.low, *smallest.high};
  const Limits limits = biased(name)
                            ? Limits{above.low - below.high, above.high - below.low}
                            : mover_difference(*largest.value, above, *smallest.value, below);
  gap.low = limits.low;
  gap.high = limits.high;
}

// `wide`: the values again, with limits for all pairs of groups.
GroupMetrics::Gap gap_between(const std::vector<std::uint8_t>& codes,
                              const std::vector<std::vector<NamedValue>>& per_group,
                              const std::vector<std::vector<NamedValue>>& wide, std::size_t value) {
  GroupMetrics::Gap result;
  double low = 0;
  double high = 0;
  std::size_t largest = 0;
  std::size_t smallest = 0;
  for (std::size_t g = 0; g < codes.size(); ++g) {
    const NamedValue& named = per_group[g][value];
    result.name = named.name;
    if (!named.metric.value) continue;
    const double x = *named.metric.value;
    if (!result.largest || x > high) {
      high = x;
      result.largest = codes[g];
      largest = g;
    }
    if (!result.smallest || x < low) {
      low = x;
      result.smallest = codes[g];
      smallest = g;
    }
    ++result.groups_counted;
    result.gap.n += named.metric.n;
    result.gap.events += named.metric.events;
    result.gap.threshold = named.metric.threshold;
  }
  if (result.groups_counted >= 2) {
    result.gap.value = high - low;
    add_gap_limits(result.name, wide[largest][value].metric, wide[smallest][value].metric,
                   result.gap);
  } else {
    result.gap.reason = "fewer than two groups have a value";
  }
  return result;
}

}  // namespace

GroupMetrics over_groups(Metric metric, const Predictions& predictions,
                         std::span<const std::uint8_t> groups, const MetricOptions& options) {
  ENSURE(groups.size() == predictions.size(), "one group level per patient");
  const std::set<std::uint8_t> occurring(groups.begin(), groups.end());
  GroupMetrics result;
  result.codes.assign(occurring.begin(), occurring.end());
  const auto k = static_cast<double>(result.codes.size());
  const double pairs = k * (k - 1) / 2;
  MetricOptions for_pairs = options;
  if (pairs > 1) for_pairs.level = 1 - (1 - options.level) / pairs;
  RowSelection selection(predictions);
  std::vector<std::vector<NamedValue>> wide;
  for (const std::uint8_t code : result.codes) {
    std::vector<std::size_t> rows;
    for (std::size_t i = 0; i < groups.size(); ++i) {
      if (groups[i] == code) rows.push_back(i);
    }
    const Predictions chosen = selection.choose(std::span<const std::size_t>(rows));
    result.per_group.push_back(compute(metric, chosen, options));
    wide.push_back(pairs > 1 ? compute(metric, chosen, for_pairs) : result.per_group.back());
  }
  for (std::size_t v = 0; v < info(metric).values.size(); ++v) {
    result.gaps.push_back(gap_between(result.codes, result.per_group, wide, v));
  }
  return result;
}

void bootstrap_intervals(Metric metric, const Predictions& predictions,
                         const MetricOptions& options, const Stream& stream,
                         std::vector<NamedValue>& values,
                         const BootstrapOptions& bootstrap_options) {
  if (metric == Metric::ece) return;
  RowSelection selection(predictions);
  for (std::size_t v = 0; v < values.size(); ++v) {
    MetricValue& value = values[v].metric;
    if (!value.value || value.low) continue;
    const std::optional<Limits> limits = bootstrap(
        predictions.size(), stream,
        [&](std::span<const std::int32_t> rows) {
          return compute(metric, selection.choose(rows), options)[v].metric.value;
        },
        bootstrap_options);
    if (!limits) continue;
    value.low = limits->low;
    value.high = limits->high;
  }
}

}  // namespace polyclinic::metrics
