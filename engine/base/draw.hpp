// Portable random draws from a Stream: the same bits on every machine and in every build.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/stream.hpp"

namespace polyclinic::draw {

double uniform(Stream& stream, double low, double high);
// Standard normal by inversion (one word per draw).
double normal(Stream& stream);
double normal(Stream& stream, double mean, double sd);
double lognormal(Stream& stream, double median, double spread);
double exponential(Stream& stream, double mean);
double weibull(Stream& stream, double shape, double scale);
// Marsaglia and Tsang 2000, with the boost for shape < 1.
double gamma(Stream& stream, double shape, double scale);
double beta(Stream& stream, double a, double b);
std::int64_t poisson(Stream& stream, double mean);
bool bernoulli(Stream& stream, double probability);
// Writes a point of the simplex. REQUIRES: concentration.size() == out.size(), all > 0.
void dirichlet(Stream& stream, std::span<const double> concentration, std::span<double> out);
// Index with probability proportional to its weight. REQUIRES: weights >= 0, sum > 0.
std::size_t categorical(Stream& stream, std::span<const double> weights);
// Fisher and Yates.
void shuffle(Stream& stream, std::span<std::int32_t> items);
// k of 0..n-1 without replacement, in increasing order (Floyd); O(k) space. REQUIRES: k <= n.
std::vector<std::int32_t> sample(Stream& stream, std::int32_t n, std::int32_t k);
std::vector<std::int32_t> sample_with_replacement(Stream& stream, std::int32_t n, std::int32_t k);

}  // namespace polyclinic::draw
