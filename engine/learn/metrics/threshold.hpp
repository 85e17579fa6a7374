// Metrics of decisions: scores cut at a threshold, or the class with the largest score.
#pragma once

#include <optional>

#include "learn/metrics/types.hpp"

namespace polyclinic::metrics {

// Largest threshold at which at least `sensitivity` of the events score at or above it; nullopt
// without events. To be found on validation data and used on test data. Default of science.md: .8.
std::optional<double> threshold_for_sensitivity(NumberView scores, NumberView labels,
                                                double sensitivity = 0.8);

// Counts of decisions, where `score >= threshold` predicts the event.
struct Confusion {
  std::int64_t true_positive = 0;
  std::int64_t false_positive = 0;
  std::int64_t true_negative = 0;
  std::int64_t false_negative = 0;

  [[nodiscard]] std::int64_t events() const { return true_positive + false_negative; }
  [[nodiscard]] std::int64_t non_events() const { return false_positive + true_negative; }
};
Confusion confusion(NumberView scores, NumberView labels, double threshold);

// Share of right decisions; Wilson interval.
MetricValue accuracy(NumberView scores, NumberView labels, const MetricOptions& options = {});
// TP / (TP + FN) and TN / (TN + FP); Wilson intervals. Null with fewer than min_events of the class
// they are shares of.
MetricValue sensitivity(NumberView scores, NumberView labels, const MetricOptions& options = {});
MetricValue specificity(NumberView scores, NumberView labels, const MetricOptions& options = {});
// Share of patients at or above the threshold (selection rate, alert rate); Wilson interval.
MetricValue positive_rate(NumberView scores, NumberView labels, const MetricOptions& options = {});
// (sensitivity + specificity) / 2; MOVER over their Wilson intervals.
MetricValue balanced_accuracy(NumberView scores, NumberView labels,
                              const MetricOptions& options = {});
// 2 TP / (2 TP + FP + FN), the harmonic mean of precision and sensitivity. Interval: F1 / (2 - F1)
// = TP / (TP + FP + FN) is a proportion; its Wilson limits are mapped back by J -> 2 J / (1 + J).
MetricValue f1(NumberView scores, NumberView labels, const MetricOptions& options = {});

// The same for several classes; the decision is the column with the largest score, the first of
// equals. REQUIRES: scores.size() == labels.size() * classes.
MetricValue accuracy_multiclass(NumberView scores, NumberView labels, int classes,
                                const MetricOptions& options = {});
// Mean sensitivity over the classes that occur among the labels; null when only one does.
MetricValue balanced_accuracy_multiclass(NumberView scores, NumberView labels, int classes,
                                         const MetricOptions& options = {});
// Mean F1 over the classes that occur among the labels or the decisions (macro F1); no analytic
// interval. Null when only one class occurs among the labels.
MetricValue f1_multiclass(NumberView scores, NumberView labels, int classes,
                          const MetricOptions& options = {});

}  // namespace polyclinic::metrics
