// Aggregation rules as plain functions over a set of vectors. Those that choose return whom they
// chose, in increasing order; those that weigh return the weights; the others write the aggregate.
// Vectors count from 0; of equal ones the lowest number wins. All are deterministic for any number
// of workers. REQUIRES everywhere: finite vectors, at least one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "fed/aggregation/vector_set.hpp"

namespace polyclinic::aggregation {

using Members = std::vector<std::size_t>;

// --- coordinate by coordinate (rules_coordinate.cpp) ---

// Mean of the two middle values where the count is even (Yin et al. 2018, Definition 1).
void median(const VectorSet& set, float* out);
// Without the f largest and the f smallest values (Yin et al. 2018, Definition 2). REQUIRES: 2f <
// n.
void trimmed_mean(const VectorSet& set, std::size_t f, float* out);
// The mean of the `keep` values nearest to the median: with keep = n - f, Xie et al. 2018, mean
// around median. Of two equally far the smaller value is kept. REQUIRES: 1 <= keep <= n.
void mean_around_median(const VectorSet& set, std::size_t keep, float* out);

// --- by distances (rules_distance.cpp) ---

struct KrumOptions {
  std::size_t byzantine = 0;
  // A score sums the distances to n - f - fewer others, at least one. Blanchard et al. 2017: 2.
  std::size_t fewer = 2;
  int power = 2;  // of the distances
};
std::vector<double> krum_scores(const Square& squared_distances, std::span<const std::size_t> among,
                                const KrumOptions& options);
std::size_t krum(const Square& squared_distances, const KrumOptions& options);
// The m with the lowest scores.
Members multi_krum(const Square& squared_distances, const KrumOptions& options, std::size_t m);
// Chosen one after the other, scores computed anew among the rest, until 2f + 2 are left
// (Shejwalkar and Houmansadr 2021).
Members iterated_krum(const Square& squared_distances, const KrumOptions& options,
                      std::size_t count);
// The count vectors with the least largest distance between two (El Mhamdi et al. 2018; Rousseeuw
// 1985), by search over all choices. REQUIRES: choices(n, n - count) <= kChoicesMost.
Members minimum_diameter(const Square& squared_distances, std::size_t count);
// The count vectors whose covariance has the least largest eigenvalue (Allouah et al. 2023).
Members smallest_eigenvalue(const Square& squared_distances, std::size_t count);
// Vectors whose pairs are held in memory: three squares of that many doubles, 400 MB.
constexpr std::size_t kPairsMost = 4'000;
constexpr double kChoicesMost = 5e6;
constexpr double kEigenChoicesMost = 2e5;
// n over k, as far as a double holds it.
double choices(std::size_t n, std::size_t k);
// The count nearest to one of them, which is among them.
Members nearest_to(const Square& squared_distances, std::size_t one, std::size_t count);

// --- iterative and weighing (rules_weighing.cpp) ---

struct GeometricMedianOptions {
  std::int64_t iterations = 4;
  double floor = 1e-5;      // of a distance, where it divides
  double tolerance = 1e-6;  // end when the objective changes by less than this share; 0: never
  bool from_mean = true;    // else from zero
};
// Smoothed Weiszfeld (Pillutla et al. 2022, Algorithm 2). weights > 0.
void geometric_median(const VectorSet& set, std::span<const double> weights,
                      const GeometricMedianOptions& options, float* out);
// `point` holds where it starts and becomes the aggregate: v <- v + 1/n sum (x_i - v) min(1,
// radius / |x_i - v|) (Karimireddy et al. 2021, Algorithm 2).
void centered_clipping(const VectorSet& set, double radius, std::int64_t iterations, float* point);
// Factors min(1, bound / |x_i|).
std::vector<double> clipping_factors(std::span<const double> norms, double bound);
// Of vectors with these norms and cosines to the trusted one (Cao et al. 2021, equation 4): factors
// of the vectors, which are also scaled to its length. All zero when none points its way.
std::vector<double> trust_factors(std::span<const double> norms, std::span<const double> dots,
                                  double trusted_norm);
// Weights in [0, 1] from the cosines between accumulated updates (Fung et al. 2020, Algorithm 1).
std::vector<double> foolsgold_weights(const Square& squared_distances,
                                      std::span<const double> norms, double confidence);

// --- spectral (rules_spectral.cpp) ---

// Weights whose mean has the covariance with the least largest eigenvalue on the way of the filter
// (Allouah et al. 2025, covariance-bound agnostic filter), at most 1,000 steps. Each step takes off
// shares of the farthest vector: of all, or (left_only) of those whose weight is not yet zero.
// REQUIRES: 2f < n.
std::vector<double> caf_weights(const Square& squared_distances, std::size_t f, bool left_only);
// Without the `drop` vectors that lie farthest along the top singular direction (Shejwalkar and
// Houmansadr 2021, Algorithm 2, one pass).
Members without_outliers(const Square& squared_distances, std::size_t drop);
// Largest eigenvalue of the covariance of some, uncentred by nothing but their own mean.
double largest_eigenvalue(const Square& squared_distances, std::span<const std::size_t> members);

}  // namespace polyclinic::aggregation
