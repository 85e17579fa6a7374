// Calibration: do predicted risks agree with what happens?
#pragma once

#include <span>

#include "learn/metrics/groups.hpp"
#include "learn/metrics/types.hpp"

namespace polyclinic::metrics {

// Logistic recalibration (Cox 1958; Steyerberg 2019) with x = logit(score), scores moved into
// [kProbabilityFloor, 1 - kProbabilityFloor]:
//   intercept  "calibration in the large": a of logit P(event) = a + x, slope fixed at 1. Ideal 0;
//              above 0 the model predicts too little risk.
//   slope      b of logit P(event) = a + b x, both free. Ideal 1; below 1 too extreme.
// Newton to convergence; Wald intervals. Null with its reason below min_events; the slope also
// where scores do not vary or separate the classes: then no finite maximum exists (Albert and
// Anderson 1984).
struct Recalibration {
  MetricValue intercept;
  MetricValue slope;
  double intercept_se = 0;  // standard errors; 0 where the value is null
  double slope_se = 0;
  double free_intercept = 0;  // a of the two-parameter fit
};
Recalibration recalibrate(NumberView scores, NumberView labels, const MetricOptions& options = {});

// Mean squared difference of probability and label, with its decomposition over equal_count_bins
// after Stephenson, Coelho and Jolliffe 2008: the parts sum exactly to the score, and the within
// terms are 0 where every bin holds one distinct score,
//   score = reliability - resolution + uncertainty + within_variance - within_covariance
// with, over bins k of n_k patients with mean score f_k and event share o_k, o the overall share:
//   reliability = sum n_k (f_k - o_k)^2 / n         resolution = sum n_k (o_k - o)^2 / n
//   uncertainty = o (1 - o)                         within_variance = sum (f - f_k)^2 / n
//   within_covariance = 2 sum (f - f_k) (y - o_k) / n
// Interval of the score: Student's t of the patients' squared errors.
struct Brier {
  MetricValue score;
  double reliability = 0;
  double resolution = 0;
  double uncertainty = 0;
  double within_variance = 0;
  double within_covariance = 0;
};
Brier brier(NumberView scores, NumberView labels, const MetricOptions& options = {});
// Sum over classes of the squared differences, averaged over patients (Brier 1950): 0 to 2.
MetricValue brier_multiclass(NumberView scores, NumberView labels, int classes,
                             const MetricOptions& options = {});

// Expected calibration error: sum over equal-count bins of n_k / n * |o_k - f_k|, and what a
// perfectly calibrated model with these very scores shows on average, since bins are finite.
//
// Interval of the error in these bins that infinitely many patients would show, theta = sum_k w_k
// |d_k| with w_k = n_k / n and d_k the true difference. The observed D_k = d_k + e_k has noise e_k
// of variance v_k / n_k^2, independent over bins, so that
//   |d_k| <= E |D_k| <= |d_k| + E |e_k|        (Jensen; triangle)
// and the observed sum has at most the variance sum_k v_k / n^2 (an absolute value spreads less):
//   observed - sum_k w_k E |e_k| - z s  <=  theta  <=  observed + z s,    s = sqrt(sum_k v_k) / n.
// It covers at least as often as it says (conservative, and asymmetric: the observed error is too
// large on average). A bootstrap does not: resamples repeat patients, which raises the error. v_k
// is the larger of what scores and observed share say.
struct CalibrationError {
  MetricValue observed;
  MetricValue expected;  // no interval
};
CalibrationError expected_calibration_error(NumberView scores, NumberView labels,
                                            const MetricOptions& options = {});

// E |S - E S| for S a sum of independent 0/1 variables with these probabilities, `counts[i]` of
// each. Exact (the distribution of S by convolution, trimmed where below 1e-20) up to variance 128;
// above, sqrt(2 variance / pi), whose relative error is below 1 / (4 variance) (tested against the
// exact). REQUIRES: equal lengths, probabilities in [0, 1].
double mean_absolute_deviation(std::span<const double> probabilities,
                               std::span<const std::int64_t> counts);

// Definition of the bins in words, for outputs: "10 equal-count bins, ties together".
std::string bins_text(const MetricOptions& options);

}  // namespace polyclinic::metrics
