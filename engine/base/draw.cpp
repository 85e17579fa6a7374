#include "base/draw.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <unordered_set>

#include "base/check.hpp"
#include "base/math.hpp"
#include "base/normals.hpp"

namespace polyclinic::draw {

namespace {

// Logarithm of a standard gamma number: for small shapes the number itself underflows. Marsaglia
// and Tsang 2000, "A simple method for generating gamma variables", with a normal by inversion.
double log_gamma_draw(Stream& stream, double shape) {
  if (shape < 1) {
    // section 6 there: gamma(a) = gamma(a + 1) U^(1/a)
    const double boost = math::log(stream.uniform_open()) / shape;
    return log_gamma_draw(stream, shape + 1) + boost;
  }
  const double d = shape - 1.0 / 3;
  const double c = 1 / std::sqrt(9 * d);
  for (;;) {
    const double x = normal(stream);
    const double root = 1 + c * x;
    const double u = stream.uniform_open();
    if (root <= 0) continue;
    const double v = root * root * root;
    const double log_v = 3 * math::log(root);
    if (math::log(u) < 0.5 * x * x + d - d * v + d * log_v) return math::log(d) + log_v;
  }
}

// Poisson of a small mean by counting arrivals of a unit process (Devroye 1986, X.3): the product
// of uniforms falls below exp(-mean).
std::int64_t poisson_by_counting(Stream& stream, double mean) {
  const double bound = math::exp(-mean);
  double product = stream.uniform_open();
  std::int64_t count = 0;
  while (product > bound) {
    product *= stream.uniform_open();
    ++count;
  }
  return count;
}

// PTRS, the transformed rejection with squeeze of Hörmann 1993, "The transformed rejection method
// for generating Poisson random variables", for means of at least 10.
std::int64_t poisson_by_rejection(Stream& stream, double mean) {
  const double b = 0.931 + 2.53 * std::sqrt(mean);
  const double a = -0.059 + 0.02483 * b;
  const double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
  const double accept_at_once = 0.9277 - 3.6224 / (b - 2);
  for (;;) {
    const double u = stream.uniform_open() - 0.5;
    const double v = stream.uniform_open();
    const double us = 0.5 - std::fabs(u);
    const double k = std::floor((2 * a / us + b) * u + mean + 0.43);
    if (us >= 0.07 && v <= accept_at_once) return static_cast<std::int64_t>(k);
    if (k < 0 || (us < 0.013 && v > us)) continue;
    const double left = math::log(v * inverse_alpha / (a / (us * us) + b));
    if (left <= math::log(math::gamma_term(k, mean))) return static_cast<std::int64_t>(k);
  }
}

}  // namespace

double uniform(Stream& stream, double low, double high) {
  return low + (high - low) * stream.uniform();
}

double normal(Stream& stream) {
  return math::normal_quantile(stream.uniform_open());
}

double normal(Stream& stream, double mean, double sd) {
  return mean + sd * normal(stream);
}

void normals(Stream& stream, std::span<double> out) {
  stream.fill_open(out);
  math::normal_quantiles(out);
}

double lognormal(Stream& stream, double median, double spread) {
  return median * math::exp(spread * normal(stream));
}

double exponential(Stream& stream, double mean) {
  return -mean * math::log(stream.uniform_open());
}

double weibull(Stream& stream, double shape, double scale) {
  return scale * math::pow(-math::log(stream.uniform_open()), 1 / shape);
}

double gamma(Stream& stream, double shape, double scale) {
  ENSURE(shape > 0 && scale > 0, "a gamma law has a positive shape and scale");
  return scale * math::exp(log_gamma_draw(stream, shape));
}

double beta(Stream& stream, double a, double b) {
  ENSURE(a > 0 && b > 0, "a beta law has two positive shapes");
  const double x = log_gamma_draw(stream, a);
  const double y = log_gamma_draw(stream, b);
  // X / (X + Y), from logarithms
  return math::sigmoid(x - y);
}

std::int64_t poisson(Stream& stream, double mean) {
  ENSURE(mean >= 0 && mean < 0x1p62, "a Poisson law has a mean that an integer can hold");
  if (mean == 0) return 0;
  return mean < 10 ? poisson_by_counting(stream, mean) : poisson_by_rejection(stream, mean);
}

bool bernoulli(Stream& stream, double probability) {
  return stream.uniform() < probability;
}

void dirichlet(Stream& stream, std::span<const double> concentration, std::span<double> out) {
  ENSURE(concentration.size() == out.size() && !out.empty(), "one result for each concentration");
  // gamma numbers divided by their sum, in logarithms relative to the largest: with concentrations
  // such as 0.01 all of them may underflow
  for (std::size_t i = 0; i < out.size(); ++i) {
    ENSURE(concentration[i] > 0, "concentrations are positive");
    out[i] = log_gamma_draw(stream, concentration[i]);
  }
  const double largest = *std::max_element(out.begin(), out.end());
  double sum = 0;
  for (double& value : out) {
    value = math::exp(value - largest);
    sum += value;
  }
  for (double& value : out) value /= sum;
}

std::size_t categorical(Stream& stream, std::span<const double> weights) {
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  ENSURE(sum > 0, "one of the weights is positive");
  const double target = stream.uniform() * sum;
  double reached = 0;
  std::size_t last = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    reached += weights[i];
    if (target < reached) return i;
    if (weights[i] > 0) last = i;
  }
  // uniform * sum may round up to the sum itself
  return last;
}

void shuffle(Stream& stream, std::span<std::int32_t> items) {
  for (std::size_t i = items.size(); i > 1; --i) {
    std::swap(items[i - 1], items[static_cast<std::size_t>(stream.below(i))]);
  }
}

std::vector<std::int32_t> sample(Stream& stream, std::int32_t n, std::int32_t k) {
  ENSURE(k >= 0 && k <= n, "a sample without replacement is no larger than what it is from");
  // Floyd's algorithm (Bentley, "A sample of brilliance", CACM 1987): position j takes either a
  // random earlier number or, when that is taken, j itself. The set is only asked, never iterated.
  std::unordered_set<std::int32_t> taken;
  taken.reserve(static_cast<std::size_t>(k));
  std::vector<std::int32_t> result;
  result.reserve(static_cast<std::size_t>(k));
  for (std::int32_t j = n - k; j < n; ++j) {
    const auto candidate =
        static_cast<std::int32_t>(stream.below(static_cast<std::uint64_t>(j) + 1));
    const std::int32_t chosen = taken.insert(candidate).second ? candidate : j;
    if (chosen == j) taken.insert(j);
    result.push_back(chosen);
  }
  std::sort(result.begin(), result.end());
  return result;
}

std::vector<std::int32_t> sample_with_replacement(Stream& stream, std::int32_t n, std::int32_t k) {
  ENSURE(k >= 0 && (n > 0 || k == 0), "there is something to draw from");
  std::vector<std::int32_t> result(static_cast<std::size_t>(k));
  for (std::int32_t& item : result) {
    item = static_cast<std::int32_t>(stream.below(static_cast<std::uint64_t>(n)));
  }
  return result;
}

}  // namespace polyclinic::draw
