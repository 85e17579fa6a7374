#include "learn/metrics/common.hpp"

#include <algorithm>
#include <cmath>

namespace polyclinic::metrics {

namespace {

bool all_finite(NumberView values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) return false;
  }
  return true;
}

bool all_probabilities(NumberView values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] < 0 || values[i] > 1) return false;
  }
  return true;
}

}  // namespace

std::string_view task_name(TaskKind task) {
  switch (task) {
    case TaskKind::binary:
      return "binary";
    case TaskKind::multiclass:
      return "multiclass";
    case TaskKind::regression:
      return "regression";
    case TaskKind::count:
      return "count";
    case TaskKind::survival:
      return "survival";
  }
  ENSURE(false, "every task has a name");
}

ClassCounts count_classes(NumberView labels) {
  ClassCounts counts{static_cast<std::int64_t>(labels.size()), 0};
  for (std::size_t i = 0; i < labels.size(); ++i) counts.events += labels[i] > 0.5 ? 1 : 0;
  return counts;
}

std::string unusable_binary(NumberView scores, NumberView labels) {
  std::string reason = unusable_numbers(scores, labels);
  if (!reason.empty()) return reason;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] != 0 && labels[i] != 1) return "labels are not 0 or 1";
  }
  return "";
}

std::string unusable_probabilities(NumberView scores, NumberView labels) {
  std::string reason = unusable_binary(scores, labels);
  if (!reason.empty()) return reason;
  return all_probabilities(scores) ? "" : "predictions are not probabilities";
}

std::string unusable_multiclass(NumberView scores, NumberView labels, int classes) {
  ENSURE(classes >= 2, "several classes");
  ENSURE(scores.size() == labels.size() * static_cast<std::size_t>(classes),
         "one score per patient and class");
  if (labels.empty()) return "no patients";
  if (!all_finite(scores)) return "predictions are not finite";
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const double label = labels[i];
    // also false for NaN
    if (!(label >= 0 && label < classes && label == std::floor(label))) {
      return "labels are not classes";
    }
  }
  return all_probabilities(scores) ? "" : "predictions are not probabilities";
}

std::string unusable_numbers(NumberView scores, NumberView labels) {
  ENSURE(scores.size() == labels.size(), "one score and one label per patient");
  if (labels.empty()) return "no patients";
  if (!all_finite(scores)) return "predictions are not finite";
  return all_finite(labels) ? "" : "labels are not finite";
}

std::string too_few(const ClassCounts& counts, std::int64_t min_events) {
  if (counts.events == 0 || counts.non_events() == 0) return "one class only";
  if (counts.events < min_events) return "fewer than " + std::to_string(min_events) + " events";
  if (counts.non_events() < min_events) {
    return "fewer than " + std::to_string(min_events) + " non-events";
  }
  return "";
}

MetricValue null_value(const ClassCounts& counts, std::string reason) {
  MetricValue result;
  result.n = counts.n;
  result.events = counts.events;
  result.reason = std::move(reason);
  return result;
}

MetricValue value_with(const ClassCounts& counts, double value,
                       const std::optional<Limits>& limits) {
  MetricValue result;
  result.n = counts.n;
  result.events = counts.events;
  result.value = value;
  if (limits) {
    result.low = limits->low;
    result.high = limits->high;
  }
  return result;
}

double inside_floor(double probability) {
  return std::clamp(probability, kProbabilityFloor, 1 - kProbabilityFloor);
}

int decided_class(NumberView scores, std::size_t row, int classes) {
  const std::size_t start = row * static_cast<std::size_t>(classes);
  int best = 0;
  for (int c = 1; c < classes; ++c) {
    if (scores[start + static_cast<std::size_t>(c)] >
        scores[start + static_cast<std::size_t>(best)]) {
      best = c;
    }
  }
  return best;
}

}  // namespace polyclinic::metrics
