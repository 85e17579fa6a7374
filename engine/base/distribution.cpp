#include "base/distribution.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/check.hpp"
#include "base/math.hpp"

namespace polyclinic {

namespace {

using Kind = Distribution::Kind;

// P(X <= k) for Poisson's law: Q(k + 1, mean), DLMF 8.4.10.
double poisson_cdf(double k, double mean) {
  return k < 0 ? 0 : math::gamma_q(k + 1, mean);
}

// The smallest k with P(X <= k) >= u.
double poisson_quantile(double mean, double u) {
  if (mean == 0) return 0;

  // normal quantile with its first skewness term (Cornish and Fisher 1938)
  const double z = math::normal_quantile(u);
  double k = std::fmax(0, std::floor(mean + z * std::sqrt(mean) + (z * z - 1) / 6 + 0.5));

  // the exact law costs sqrt(mean) steps; from here on the expansion is right to 1e-9 of the mean
  if (mean > 1e9) return k;
  while (poisson_cdf(k, mean) < u) k += 1;
  while (k > 0 && poisson_cdf(k - 1, mean) >= u) k -= 1;
  return k;
}

double choice_quantile(const Distribution& d, double u) {
  // in the order of values, not of the list, so that the quantile is monotone
  std::vector<std::size_t> order(d.values.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return d.values[a] < d.values[b]; });
  double reached = 0;
  double value = d.values[order.front()];
  for (std::size_t i : order) {
    if (d.weights[i] <= 0) continue;
    value = d.values[i];
    reached += d.weights[i];
    if (u <= reached) break;
  }
  return value;
}

double pure_quantile(const Distribution& d, double u) {
  switch (d.kind) {
    case Kind::constant: return d.a;
    case Kind::uniform: return d.a + (d.b - d.a) * u;
    case Kind::normal: return d.a + d.b * math::normal_quantile(u);
    case Kind::lognormal: return d.a * math::exp(d.b * math::normal_quantile(u));
    case Kind::logit_normal:
      return math::sigmoid(math::logit(d.a) + d.b * math::normal_quantile(u));
    case Kind::gamma: return d.b * math::gamma_p_inverse(d.a, u);
    case Kind::beta: return math::beta_i_inverse(d.a, d.b, u);
    case Kind::exponential: return -d.a * math::log1p(-u);
    case Kind::weibull: return d.b * math::pow(-math::log1p(-u), 1 / d.a);
    case Kind::poisson: return poisson_quantile(d.a, u);
    case Kind::choice: return choice_quantile(d, u);
  }
  return std::numeric_limits<double>::quiet_NaN();
}

double limited(const Distribution& d, double x) {
  if (d.low) x = std::fmax(x, *d.low);
  if (d.high) x = std::fmin(x, *d.high);
  return x;
}

// The mean where it has a closed form; the limits do not count.
std::optional<double> closed_mean(const Distribution& d) {
  switch (d.kind) {
    case Kind::constant: return d.a;
    case Kind::uniform: return d.a + 0.5 * (d.b - d.a);
    case Kind::normal: return d.a;
    case Kind::lognormal: return d.a * math::exp(0.5 * d.b * d.b);
    case Kind::gamma: return d.a * d.b;
    case Kind::beta: return d.a / (d.a + d.b);
    case Kind::exponential: return d.a;
    case Kind::weibull: return d.b * math::exp(math::lgamma(1 + 1 / d.a));
    case Kind::poisson: return d.a;
    case Kind::logit_normal:
    case Kind::choice: return std::nullopt;
  }
  return std::nullopt;
}

double choice_mean(const Distribution& d) {
  double sum = 0;
  for (std::size_t i = 0; i < d.values.size(); ++i) sum += d.weights[i] * limited(d, d.values[i]);
  return sum;
}

// E[limited(X)] = sum of limited(k) P(X = k) over all k that matter.
double limited_poisson_mean(const Distribution& d) {
  const double first = std::fmax(0, std::floor(d.a - 10 * std::sqrt(d.a) - 10));
  const double last = std::ceil(d.a + 10 * std::sqrt(d.a) + 30);
  double sum = 0;
  for (double k = first; k <= last; k += 1) sum += limited(d, k) * math::gamma_term(k, d.a);
  return sum;
}

// E[X] as the integral of quantile(Phi(z)) phi(z) over z, by the trapezoid rule: for smooth laws
// the error falls exponentially with the step, a limit costs step^2 (Trefethen and Weideman 2014).
double integrated_mean(const Distribution& d) {
  constexpr int kStepsPerUnit = 256;
  constexpr int kReach = 8 * kStepsPerUnit;  // beyond eight sd lies a probability of 1e-15
  constexpr double kInverseSqrtTwoPi = 0.3989422804014327;
  double sum = 0;
  for (int i = -kReach; i <= kReach; ++i) {
    const double z = static_cast<double>(i) / kStepsPerUnit;
    const double density = kInverseSqrtTwoPi * math::exp(-0.5 * z * z);
    sum += d.quantile(math::normal_cdf(z)) * density;
  }
  return sum / kStepsPerUnit;
}

struct Parameters {
  const char* a;
  const char* b;  // nullptr: one parameter
};

Parameters parameter_names(Kind kind) {
  switch (kind) {
    case Kind::constant: return {"value", nullptr};
    case Kind::uniform: return {"low", "high"};
    case Kind::normal: return {"mean", "sd"};
    case Kind::lognormal:
    case Kind::logit_normal: return {"median", "spread"};
    case Kind::gamma:
    case Kind::weibull: return {"shape", "scale"};
    case Kind::beta: return {"a", "b"};
    case Kind::exponential:
    case Kind::poisson: return {"mean", nullptr};
    case Kind::choice: return {nullptr, nullptr};
  }
  return {nullptr, nullptr};
}

// Whether the parameter is a pure number even when the law has a dimension.
bool is_pure(Kind kind, bool first) {
  if (kind == Kind::lognormal || kind == Kind::logit_normal) return !first;
  if (kind == Kind::gamma || kind == Kind::weibull) return first;
  return kind == Kind::beta;
}

}  // namespace

Distribution Distribution::constant(double value, Dimension dimension) {
  Distribution d;
  d.a = value;
  d.dimension = dimension;
  return d;
}

double Distribution::quantile(double u) const {
  DENSURE(u > 0 && u < 1, "a quantile is asked for at a probability");
  return limited(*this, pure_quantile(*this, u));
}

double Distribution::draw(Stream& stream) const {
  return quantile(stream.uniform_open());
}

double Distribution::mean() const {
  if (kind == Kind::choice) return choice_mean(*this);
  if (kind == Kind::constant) return limited(*this, a);
  if (!low && !high) {
    if (const auto value = closed_mean(*this)) return *value;
  }
  return kind == Kind::poisson && a <= 1e9 ? limited_poisson_mean(*this) : integrated_mean(*this);
}

std::string_view kind_name(Distribution::Kind kind) {
  switch (kind) {
    case Kind::constant: return "constant";
    case Kind::uniform: return "uniform";
    case Kind::normal: return "normal";
    case Kind::lognormal: return "lognormal";
    case Kind::logit_normal: return "logit_normal";
    case Kind::gamma: return "gamma";
    case Kind::beta: return "beta";
    case Kind::exponential: return "exponential";
    case Kind::weibull: return "weibull";
    case Kind::poisson: return "poisson";
    case Kind::choice: return "choice";
  }
  return {};
}

std::string to_text(const Distribution& d) {
  const auto with_unit = [&](double x) { return to_text(Quantity{x, d.dimension}); };
  if (d.kind == Kind::constant && !d.low && !d.high) return with_unit(d.a);

  std::string text = fmt::format("{} {{ ", kind_name(d.kind));
  if (d.kind == Kind::choice) {
    for (std::size_t i = 0; i < d.values.size(); ++i) {
      text += fmt::format("{}{} with {}", i > 0 ? ", " : "", with_unit(d.values[i]), d.weights[i]);
    }
  } else {
    const Parameters names = parameter_names(d.kind);
    const auto parameter = [&](double x, bool first) {
      return is_pure(d.kind, first) ? fmt::format("{}", x) : with_unit(x);
    };
    text += fmt::format("{} = {}", names.a, parameter(d.a, true));
    if (names.b) text += fmt::format(", {} = {}", names.b, parameter(d.b, false));
  }
  if (d.low) text += fmt::format(", low = {}", with_unit(*d.low));
  if (d.high) text += fmt::format(", high = {}", with_unit(*d.high));
  return text + " }";
}

}  // namespace polyclinic
