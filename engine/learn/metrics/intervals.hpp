// Intervals for metrics: closed forms, and a bootstrap for the rest. Two-sided, at `level`.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "base/stream.hpp"
#include "learn/metrics/types.hpp"

namespace polyclinic::metrics {

struct Limits {
  double low = 0;
  double high = 0;
};

// Half width of a normal interval in standard errors: 1.96 at .95. REQUIRES: 0 < level < 1.
double normal_z(double level);

// Wilson's score interval of a proportion (Wilson 1927; Newcombe 1998, method 3). `successes` need
// not be whole. REQUIRES: 0 <= successes <= trials, trials > 0.
Limits wilson(double successes, double trials, double level);

// expit(logit(value) +- z se / (value (1 - value))): stays inside (0, 1) (delta method; Pepe 2003).
// REQUIRES: 0 < value < 1, standard_error > 0.
Limits logit_interval(double value, double standard_error, double level);

// Newcombe 2006 (part 2, method 5) for an AUROC: the AUROCs whose Hanley-McNeil variance, evaluated
// at themselves, does not contradict the observed one. Needs no scores and never degenerates.
// REQUIRES: 0 <= auroc <= 1, events > 0, non_events > 0.
Limits newcombe_auroc(double auroc, std::int64_t events, std::int64_t non_events, double level);

// Mean of independent values with Student's t interval. Without limits below 2 values.
struct MeanEstimate {
  double mean = 0;
  std::optional<Limits> limits;
};
MeanEstimate mean_estimate(std::span<const double> values, double level);

// Limits of sum_i weights[i] * values[i] for independent estimates with limits of their own: MOVER
// (Zou and Donner 2008): the distance to the lower limit is the root of the sum of squared
// weighted distances to the parts' lower limits. REQUIRES: equal lengths, weights >= 0.
Limits mover(std::span<const double> weights, std::span<const double> values,
             std::span<const Limits> limits);

// Limits of a - b for independent estimates with limits of their own: MOVER (Zou and Donner 2008);
// of two proportions with Wilson limits it is Newcombe's (1998) method 10.
Limits mover_difference(double a, const Limits& of_a, double b, const Limits& of_b);

struct BootstrapOptions {
  int resamples = 1000;
  double level = 0.95;
};

// Percentile interval of statistic(rows) over resamples of n rows with replacement (Efron 1979).
// Resample b draws from lane b of `stream` (Purpose::kInterval, the hospital, the version), so the
// result depends on the address only. A resample without a value (one class only) is left out;
// nullopt when more than a tenth are, or when n < 2. REQUIRES: n fits int32, resamples >= 100.
std::optional<Limits> bootstrap(
    std::size_t n, const Stream& stream,
    const std::function<std::optional<double>(std::span<const std::int32_t> rows)>& statistic,
    const BootstrapOptions& options = {});

}  // namespace polyclinic::metrics
