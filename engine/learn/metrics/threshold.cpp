#include "learn/metrics/threshold.hpp"

#include <algorithm>
#include <cmath>

#include "learn/metrics/common.hpp"

namespace polyclinic::metrics {

std::optional<double> threshold_for_sensitivity(NumberView scores, NumberView labels,
                                                double sensitivity) {
  ENSURE(sensitivity > 0 && sensitivity <= 1, "a sensitivity is a share");
  const std::vector<TieGroup> groups = tie_groups(scores, labels);
  std::int64_t events = 0;
  for (const TieGroup& group : groups) events += group.events;
  // the slack keeps .8 of 5 events at 4 whatever rounding says
  const double needed = sensitivity * static_cast<double>(events) - 1e-9;
  std::int64_t found = 0;
  for (auto group = groups.rbegin(); group != groups.rend(); ++group) {
    found += group->events;
    if (group->events > 0 && static_cast<double>(found) >= needed) return group->score;
  }
  return std::nullopt;
}

Confusion confusion(NumberView scores, NumberView labels, double threshold) {
  ENSURE(scores.size() == labels.size(), "one score and one label per patient");
  Confusion counts;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const bool predicted = scores[i] >= threshold;
    if (labels[i] > 0.5) {
      ++(predicted ? counts.true_positive : counts.false_negative);
    } else {
      ++(predicted ? counts.false_positive : counts.true_negative);
    }
  }
  return counts;
}

namespace {

struct Share {
  double value = 0;
  Limits limits;
};

Share share(std::int64_t successes, std::int64_t trials, double level) {
  const auto s = static_cast<double>(successes);
  const auto t = static_cast<double>(trials);
  return {s / t, wilson(s, t, level)};
}

MetricValue at_threshold(MetricValue value, const MetricOptions& options) {
  value.threshold = options.threshold;
  return value;
}

// "no events", "fewer than 5 events", or "".
std::string too_few_of(std::int64_t count, std::int64_t minimum, const std::string& what) {
  if (count == 0) return "no " + what;
  return count < minimum ? "fewer than " + std::to_string(minimum) + " " + what : "";
}

}  // namespace

MetricValue accuracy(NumberView scores, NumberView labels, const MetricOptions& options) {
  const ClassCounts counts = count_classes(labels);
  std::string reason = unusable_binary(scores, labels);
  if (!reason.empty()) return at_threshold(null_value(counts, std::move(reason)), options);
  const Confusion table = confusion(scores, labels, options.threshold);
  const Share right = share(table.true_positive + table.true_negative, counts.n, options.level);
  return at_threshold(value_with(counts, right.value, right.limits), options);
}

MetricValue sensitivity(NumberView scores, NumberView labels, const MetricOptions& options) {
  const ClassCounts counts = count_classes(labels);
  std::string reason = unusable_binary(scores, labels);
  if (reason.empty()) reason = too_few_of(counts.events, options.min_events, "events");
  if (!reason.empty()) return at_threshold(null_value(counts, std::move(reason)), options);
  const Confusion table = confusion(scores, labels, options.threshold);
  const Share found = share(table.true_positive, table.events(), options.level);
  return at_threshold(value_with(counts, found.value, found.limits), options);
}

MetricValue specificity(NumberView scores, NumberView labels, const MetricOptions& options) {
  const ClassCounts counts = count_classes(labels);
  std::string reason = unusable_binary(scores, labels);
  if (reason.empty()) reason = too_few_of(counts.non_events(), options.min_events, "non-events");
  if (!reason.empty()) return at_threshold(null_value(counts, std::move(reason)), options);
  const Confusion table = confusion(scores, labels, options.threshold);
  const Share spared = share(table.true_negative, table.non_events(), options.level);
  return at_threshold(value_with(counts, spared.value, spared.limits), options);
}

MetricValue positive_rate(NumberView scores, NumberView labels, const MetricOptions& options) {
  const ClassCounts counts = count_classes(labels);
  std::string reason = unusable_binary(scores, labels);
  if (!reason.empty()) return at_threshold(null_value(counts, std::move(reason)), options);
  const Confusion table = confusion(scores, labels, options.threshold);
  const Share flagged = share(table.true_positive + table.false_positive, counts.n, options.level);
  return at_threshold(value_with(counts, flagged.value, flagged.limits), options);
}

MetricValue balanced_accuracy(NumberView scores, NumberView labels, const MetricOptions& options) {
  const ClassCounts counts = count_classes(labels);
  std::string reason = unusable_binary(scores, labels);
  if (reason.empty()) reason = too_few(counts, options.min_events);
  if (!reason.empty()) return at_threshold(null_value(counts, std::move(reason)), options);
  const Confusion table = confusion(scores, labels, options.threshold);
  const Share found = share(table.true_positive, table.events(), options.level);
  const Share spared = share(table.true_negative, table.non_events(), options.level);
  const double half[] = {0.5, 0.5};
  const double values[] = {found.value, spared.value};
  const Limits limits[] = {found.limits, spared.limits};
  return at_threshold(
      value_with(counts, (found.value + spared.value) / 2, mover(half, values, limits)), options);
}

MetricValue f1(NumberView scores, NumberView labels, const MetricOptions& options) {
  const ClassCounts counts = count_classes(labels);
  std::string reason = unusable_binary(scores, labels);
  if (reason.empty()) reason = too_few(counts, options.min_events);
  if (!reason.empty()) return at_threshold(null_value(counts, std::move(reason)), options);
  const Confusion table = confusion(scores, labels, options.threshold);
  const std::int64_t trials = table.true_positive + table.false_positive + table.false_negative;

  // F1 = 2 J / (1 + J) with J = TP / (TP + FP + FN), a share of `trials` (the indirect method of
  // Lam, Gopal and Qian 2023)
  const Share jaccard = share(table.true_positive, trials, options.level);
  const auto from_jaccard = [](double j) { return 2 * j / (1 + j); };
  const double value = 2 * static_cast<double>(table.true_positive) /
                       static_cast<double>(trials + table.true_positive);
  const Limits limits{from_jaccard(jaccard.limits.low), from_jaccard(jaccard.limits.high)};
  return at_threshold(value_with(counts, value, limits), options);
}

namespace {

// Per class: patients of it, decisions for it, and both at once.
struct ClassTable {
  std::vector<std::int64_t> occurred;
  std::vector<std::int64_t> decided;
  std::vector<std::int64_t> right;
  int occurring = 0;  // classes with patients
};

ClassTable class_table(NumberView scores, NumberView labels, int classes) {
  const auto k = static_cast<std::size_t>(classes);
  ClassTable table{std::vector<std::int64_t>(k), std::vector<std::int64_t>(k),
                   std::vector<std::int64_t>(k), 0};
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto truth = static_cast<std::size_t>(labels[i]);
    const auto decision = static_cast<std::size_t>(decided_class(scores, i, classes));
    ++table.occurred[truth];
    ++table.decided[decision];
    if (truth == decision) ++table.right[truth];
  }
  for (const std::int64_t n : table.occurred) table.occurring += n > 0 ? 1 : 0;
  return table;
}

}  // namespace

MetricValue accuracy_multiclass(NumberView scores, NumberView labels, int classes,
                                const MetricOptions& options) {
  const ClassCounts counts{static_cast<std::int64_t>(labels.size()), 0};
  std::string reason = unusable_multiclass(scores, labels, classes);
  if (!reason.empty()) return null_value(counts, std::move(reason));
  const ClassTable table = class_table(scores, labels, classes);
  std::int64_t right = 0;
  for (const std::int64_t n : table.right) right += n;
  const Share result = share(right, counts.n, options.level);
  return value_with(counts, result.value, result.limits);
}

MetricValue balanced_accuracy_multiclass(NumberView scores, NumberView labels, int classes,
                                         const MetricOptions& options) {
  const ClassCounts counts{static_cast<std::int64_t>(labels.size()), 0};
  std::string reason = unusable_multiclass(scores, labels, classes);
  if (!reason.empty()) return null_value(counts, std::move(reason));
  const ClassTable table = class_table(scores, labels, classes);
  if (table.occurring < 2) return null_value(counts, "one class only");
  std::vector<double> weights;
  std::vector<double> values;
  std::vector<Limits> limits;
  double sum = 0;
  for (std::size_t c = 0; c < table.occurred.size(); ++c) {
    if (table.occurred[c] == 0) continue;
    const Share found = share(table.right[c], table.occurred[c], options.level);
    weights.push_back(1.0 / table.occurring);
    values.push_back(found.value);
    limits.push_back(found.limits);
    sum += found.value;
  }
  return value_with(counts, sum / table.occurring, mover(weights, values, limits));
}

MetricValue f1_multiclass(NumberView scores, NumberView labels, int classes,
                          const MetricOptions& /*options*/) {
  const ClassCounts counts{static_cast<std::int64_t>(labels.size()), 0};
  std::string reason = unusable_multiclass(scores, labels, classes);
  if (!reason.empty()) return null_value(counts, std::move(reason));
  const ClassTable table = class_table(scores, labels, classes);
  if (table.occurring < 2) return null_value(counts, "one class only");
  double sum = 0;
  int counted = 0;
  for (std::size_t c = 0; c < table.occurred.size(); ++c) {
    const std::int64_t both = table.occurred[c] + table.decided[c];
    if (both == 0) continue;
    sum += 2 * static_cast<double>(table.right[c]) / static_cast<double>(both);
    ++counted;
  }
  return value_with(counts, sum / counted, std::nullopt);
}

}  // namespace polyclinic::metrics
