// Mean errors per patient: logarithmic, squared, absolute, deviance. Smaller is better; intervals
// are Student's t of the patients' errors, cut at 0.
#pragma once

#include "learn/metrics/types.hpp"

namespace polyclinic::metrics {

// -mean(y log p + (1 - y) log(1 - p)) in nats, p moved into [floor, 1 - floor] (kProbabilityFloor).
MetricValue log_loss(NumberView scores, NumberView labels, const MetricOptions& options = {});
// -mean(log p of the true class), p moved to at least kProbabilityFloor.
MetricValue cross_entropy(NumberView scores, NumberView labels, int classes,
                          const MetricOptions& options = {});
MetricValue mean_squared_error(NumberView scores, NumberView labels,
                               const MetricOptions& options = {});
// Root of the mean squared error; the limits are the roots of that one's.
MetricValue rmse(NumberView scores, NumberView labels, const MetricOptions& options = {});
MetricValue mean_absolute_error(NumberView scores, NumberView labels,
                                const MetricOptions& options = {});
// 2 mean(y log(y / m) - (y - m)), with 0 log 0 = 0. Null unless expected counts m are above 0.
MetricValue poisson_deviance(NumberView scores, NumberView labels,
                             const MetricOptions& options = {});
// mean(m - y log m): minus the Poisson log-likelihood without log y!, which no model can change.
// May be negative.
MetricValue poisson_loss(NumberView scores, NumberView labels, const MetricOptions& options = {});

}  // namespace polyclinic::metrics
