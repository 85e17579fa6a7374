#include "learn/metrics/aggregate.hpp"

#include <algorithm>
#include <set>

#include "learn/metrics/common.hpp"

namespace polyclinic::metrics {

namespace {

// sum of weights * values with MOVER limits, those only when every part has some.
MetricValue weighted_mean(std::span<const MetricValue> parts, std::span<const double> weights) {
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
    const Limits joint = mover(weights, values, limits);
    result.low = joint.low;
    result.high = joint.high;
  }
  if (!parts.empty()) result.threshold = parts.front().threshold;
  return result;
}

}  // namespace

Summary summarise(std::span<const NamedValue> hospitals, const MetricValue& micro) {
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
  for (const MetricValue& value : counted) {
    by_size.push_back(static_cast<double>(value.n) / static_cast<double>(patients));
  }
  summary.macro = weighted_mean(counted, equal);
  summary.weighted = weighted_mean(counted, by_size);
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
    result.summaries.push_back(summarise(values, micro[v].metric));
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

GroupMetrics::Gap gap_between(const std::vector<std::uint8_t>& codes,
                              const std::vector<std::vector<NamedValue>>& per_group,
                              std::size_t value) {
  GroupMetrics::Gap result;
  double low = 0;
  double high = 0;
  for (std::size_t g = 0; g < codes.size(); ++g) {
    const NamedValue& named = per_group[g][value];
    result.name = named.name;
    if (!named.metric.value) continue;
    const double x = *named.metric.value;
    if (!result.largest || x > high) {
      high = x;
      result.largest = codes[g];
    }
    if (!result.smallest || x < low) {
      low = x;
      result.smallest = codes[g];
    }
    ++result.groups_counted;
    result.gap.n += named.metric.n;
    result.gap.events += named.metric.events;
    result.gap.threshold = named.metric.threshold;
  }
  if (result.groups_counted >= 2) {
    result.gap.value = high - low;
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
  RowSelection selection(predictions);
  for (const std::uint8_t code : result.codes) {
    std::vector<std::size_t> rows;
    for (std::size_t i = 0; i < groups.size(); ++i) {
      if (groups[i] == code) rows.push_back(i);
    }
    result.per_group.push_back(
        compute(metric, selection.choose(std::span<const std::size_t>(rows)), options));
  }
  for (std::size_t v = 0; v < info(metric).values.size(); ++v) {
    result.gaps.push_back(gap_between(result.codes, result.per_group, v));
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
