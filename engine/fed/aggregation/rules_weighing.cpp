#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/check.hpp"
#include "base/math.hpp"
#include "fed/aggregation/rules.hpp"

namespace polyclinic::aggregation {

// z <- sum_i w_i x_i / sum_i w_i, w_i = a_i / max(floor, |x_i - z|)
void geometric_median(const VectorSet& set, std::span<const double> weights,
                      const GeometricMedianOptions& options, float* out) {
  const std::size_t n = set.count();
  std::vector<double> pull(weights.begin(), weights.end());
  double total = 0;
  for (const double w : weights) total += w;
  std::vector<double> squared;
  if (options.from_mean) {
    squared = set.sum_and_distances(pull, total, out);
  } else {
    std::fill(out, out + set.size(), 0.0F);
    squared = set.distances_to(out);
  }
  double before = -1;
  for (std::int64_t t = 0; t < options.iterations; ++t) {
    double objective = 0;
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const double distance = std::sqrt(squared[i]);
      objective += weights[i] * distance;
      pull[i] = weights[i] / std::max(options.floor, distance);
      sum += pull[i];
    }
    if (t > 0 && std::fabs(before - objective) < options.tolerance * objective) return;
    before = objective;
    if (t + 1 == options.iterations) {
      set.weighted_sum(pull, sum, out);
    } else {
      squared = set.sum_and_distances(pull, sum, out);
    }
  }
}

void centered_clipping(const VectorSet& set, double radius, std::int64_t iterations, float* point) {
  const auto n = static_cast<double>(set.count());
  FloatBuffer sum(set.size());
  for (std::int64_t t = 0; t < iterations; ++t) {
    std::vector<double> factors = set.distances_to(point);
    double moved = 0;
    for (double& factor : factors) {
      factor = std::min(1.0, radius / std::sqrt(factor));
      moved += factor;
    }
    // v + 1/n sum f_i (x_i - v) = (1 - mean f) v + 1/n sum f_i x_i
    set.weighted_sum(factors, n, sum.data());
    const double kept = 1.0 - moved / n;
    for (std::size_t i = 0; i < set.size(); ++i) {
      point[i] =
          static_cast<float>(kept * static_cast<double>(point[i]) + static_cast<double>(sum[i]));
    }
  }
}

std::vector<double> clipping_factors(std::span<const double> norms, double bound) {
  std::vector<double> factors;
  for (const double norm : norms) factors.push_back(norm > bound ? bound / norm : 1.0);
  return factors;
}

// TS_i = max(0, cos(x_i, g)); g <- sum TS_i (|g| / |x_i|) x_i / sum TS_i
std::vector<double> trust_factors(std::span<const double> norms, std::span<const double> dots,
                                  double trusted_norm) {
  std::vector<double> factors(norms.size(), 0.0);
  double sum = 0;
  for (std::size_t i = 0; i < norms.size(); ++i) {
    if (norms[i] <= 0 || trusted_norm <= 0) continue;
    const double trust = std::max(0.0, dots[i] / (norms[i] * trusted_norm));
    sum += trust;
    factors[i] = trust * trusted_norm / norms[i];
  }
  if (sum <= 0) return std::vector<double>(norms.size(), 0.0);
  for (double& factor : factors) factor /= sum;
  return factors;
}

std::vector<double> foolsgold_weights(const Square& squared_distances,
                                      std::span<const double> norms, double confidence) {
  const std::size_t n = norms.size();
  // cosines; the diagonal is zero, so that the nearest other is looked for
  Square cosines(n);
  std::vector<double> nearest(n, 0.0);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      if (i == j || norms[i] <= 0 || norms[j] <= 0) continue;
      const double dot =
          0.5 * (norms[i] * norms[i] + norms[j] * norms[j] - squared_distances(i, j));
      cosines(i, j) = dot / (norms[i] * norms[j]);
      nearest[i] = std::max(nearest[i], cosines(i, j));
    }
  }
  std::vector<double> weights(n);
  double largest = 0;
  for (std::size_t i = 0; i < n; ++i) {
    double closest = 0;
    for (std::size_t j = 0; j < n; ++j) {
      // pardoning: who is less alike to anybody than its neighbour is the honest one of the two
      const double share = nearest[j] > nearest[i] ? nearest[i] / nearest[j] : 1.0;
      closest = std::max(closest, cosines(i, j) * share);
    }
    weights[i] = std::clamp(1.0 - closest, 0.0, 1.0);
    largest = std::max(largest, weights[i]);
  }
  if (largest <= 0) return weights;
  for (double& weight : weights) {
    weight /= largest;
    if (weight >= 1) weight = 0.99;  // the logit of one is infinite
    weight = weight <= 0
                 ? 0.0
                 : std::clamp(confidence * (math::log(weight / (1 - weight)) + 0.5), 0.0, 1.0);
  }
  return weights;
}

}  // namespace polyclinic::aggregation
