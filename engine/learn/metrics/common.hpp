// Shared by the metrics' implementations: checks that turn unusable input into a reason.
#pragma once

#include <string>

#include "learn/metrics/groups.hpp"
#include "learn/metrics/intervals.hpp"
#include "learn/metrics/types.hpp"

namespace polyclinic::metrics {

struct ClassCounts {
  std::int64_t n = 0;
  std::int64_t events = 0;
  [[nodiscard]] std::int64_t non_events() const { return n - events; }
};
ClassCounts count_classes(NumberView labels);

// Why no metric can be computed ("no patients", "predictions are not finite", "labels are not 0 or
// 1"), or "".
std::string unusable_binary(NumberView scores, NumberView labels);
// The same, and scores outside [0, 1].
std::string unusable_probabilities(NumberView scores, NumberView labels);
// For several classes: labels are classes, scores probabilities.
std::string unusable_multiclass(NumberView scores, NumberView labels, int classes);
// For regression and counts: both finite.
std::string unusable_numbers(NumberView scores, NumberView labels);

// Why discrimination cannot be judged ("one class only", "fewer than 5 events"), or "".
std::string too_few(const ClassCounts& counts, std::int64_t min_events);

MetricValue null_value(const ClassCounts& counts, std::string reason);
MetricValue value_with(const ClassCounts& counts, double value,
                       const std::optional<Limits>& limits);

// Moves a probability into [kProbabilityFloor, 1 - kProbabilityFloor].
double inside_floor(double probability);

// Column of the largest score of row i, the first of equals.
int decided_class(NumberView scores, std::size_t row, int classes);

}  // namespace polyclinic::metrics
