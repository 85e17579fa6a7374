#include "learn/metrics/error.hpp"

#include <algorithm>
#include <cmath>

#include "base/math.hpp"
#include "learn/metrics/common.hpp"

namespace polyclinic::metrics {

namespace {

// Mean of error(score, label) over patients with its interval; errors that cannot be negative have
// no negative limit.
template <class Error>
MetricValue mean_error(NumberView scores, NumberView labels, const ClassCounts& counts,
                       double level, Error error) {
  std::vector<double> errors(labels.size());
  for (std::size_t i = 0; i < errors.size(); ++i) errors[i] = error(scores[i], labels[i]);
  MeanEstimate mean = mean_estimate(errors, level);
  if (mean.limits && *std::min_element(errors.begin(), errors.end()) >= 0) {
    mean.limits->low = std::max(0.0, mean.limits->low);
  }
  return value_with(counts, mean.mean, mean.limits);
}

ClassCounts patients(NumberView labels) {
  return {static_cast<std::int64_t>(labels.size()), 0};
}

std::string unusable_counts(NumberView scores, NumberView labels) {
  std::string reason = unusable_numbers(scores, labels);
  if (!reason.empty()) return reason;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] < 0) return "labels are not counts";
    if (scores[i] <= 0) return "expected counts are not above 0";
  }
  return "";
}

}  // namespace

MetricValue log_loss(NumberView scores, NumberView labels, const MetricOptions& options) {
  const ClassCounts counts = count_classes(labels);
  std::string reason = unusable_probabilities(scores, labels);
  if (!reason.empty()) return null_value(counts, std::move(reason));
  return mean_error(scores, labels, counts, options.level, [](double p, double y) {
    const double inside = inside_floor(p);
    return y > 0.5 ? -math::log(inside) : -math::log1p(-inside);
  });
}

MetricValue cross_entropy(NumberView scores, NumberView labels, int classes,
                          const MetricOptions& options) {
  std::string reason = unusable_multiclass(scores, labels, classes);
  if (!reason.empty()) return null_value(patients(labels), std::move(reason));
  std::vector<double> of_truth(labels.size());
  for (std::size_t i = 0; i < of_truth.size(); ++i) {
    of_truth[i] =
        scores[i * static_cast<std::size_t>(classes) + static_cast<std::size_t>(labels[i])];
  }
  return mean_error(of_truth, labels, patients(labels), options.level,
                    [](double p, double) { return -math::log(std::max(p, kProbabilityFloor)); });
}

MetricValue mean_squared_error(NumberView scores, NumberView labels, const MetricOptions& options) {
  std::string reason = unusable_numbers(scores, labels);
  if (!reason.empty()) return null_value(patients(labels), std::move(reason));
  return mean_error(scores, labels, patients(labels), options.level,
                    [](double m, double y) { return (m - y) * (m - y); });
}

MetricValue rmse(NumberView scores, NumberView labels, const MetricOptions& options) {
  MetricValue result = mean_squared_error(scores, labels, options);
  for (std::optional<double>* part : {&result.value, &result.low, &result.high}) {
    if (*part) *part = std::sqrt(**part);
  }
  return result;
}

MetricValue mean_absolute_error(NumberView scores, NumberView labels,
                                const MetricOptions& options) {
  std::string reason = unusable_numbers(scores, labels);
  if (!reason.empty()) return null_value(patients(labels), std::move(reason));
  return mean_error(scores, labels, patients(labels), options.level,
                    [](double m, double y) { return std::fabs(m - y); });
}

MetricValue poisson_deviance(NumberView scores, NumberView labels, const MetricOptions& options) {
  std::string reason = unusable_counts(scores, labels);
  if (!reason.empty()) return null_value(patients(labels), std::move(reason));
  return mean_error(scores, labels, patients(labels), options.level, [](double m, double y) {
    const double logarithm = y > 0 ? y * math::log(y / m) : 0;
    return std::max(0.0, 2 * (logarithm - (y - m)));
  });
}

MetricValue poisson_loss(NumberView scores, NumberView labels, const MetricOptions& options) {
  std::string reason = unusable_counts(scores, labels);
  if (!reason.empty()) return null_value(patients(labels), std::move(reason));
  return mean_error(scores, labels, patients(labels), options.level,
                    [](double m, double y) { return m - y * math::log(m); });
}

}  // namespace polyclinic::metrics
