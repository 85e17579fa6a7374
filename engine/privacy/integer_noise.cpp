#include "privacy/integer_noise.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

#include "base/check.hpp"
#include "privacy/log_math.hpp"

namespace polyclinic::privacy {

namespace {

constexpr double kPi = 3.141592653589793;

// exp(-x^2 / (2 sigma^2)) beyond this is below 1e-40 of its largest.
std::int64_t reach(double sigma) {
  return static_cast<std::int64_t>(std::ceil(14 * sigma)) + 2;
}

// Squared norm in the scaled domain, rounding included, and the first norm.
struct ScaledNorms {
  double l2 = 0;
  double l1 = 0;
};
ScaledNorms scaled_norms(const IntegerRelease& release) {
  ScaledNorms norms;
  norms.l2 = rounded_l2_norm(release.l2 * release.scale, release.beta, release.dim);
  norms.l1 = rounded_l1_norm(norms.l2, release.dim);
  return norms;
}

// The curve of f at these orders, sampling taken in.
Curve sampled_curve(double q, std::span<const double> orders,
                    const std::function<double(double)>& f) {
  double largest = 2;
  for (const double alpha : orders) largest = std::max(largest, alpha);
  std::vector<double> at_integers;
  for (int alpha = 2; alpha <= static_cast<int>(largest); ++alpha) at_integers.push_back(f(alpha));
  return poisson_rdp_bound(q, at_integers, orders);
}

}  // namespace

double discrete_gaussian_variance(double sigma) {
  double sum = 0;
  double squares = 0;
  for (std::int64_t x = reach(sigma); x >= 1; --x) {
    const auto xx = static_cast<double>(x);
    const double mass = 2 * math::exp(-xx * xx / (2 * sigma * sigma));
    sum += mass;
    squares += mass * xx * xx;
  }
  return squares / (sum + 1);
}

double discrete_gaussian_delta(double sigma, std::int64_t sensitivity, double epsilon) {
  const std::int64_t far = reach(sigma) + sensitivity;
  const double variance = sigma * sigma;
  double sum = 0;
  double excess = 0;
  const auto shift = static_cast<double>(sensitivity);
  for (std::int64_t x = -far; x <= far; ++x) {
    const auto xx = static_cast<double>(x);
    const double mass = math::exp(-xx * xx / (2 * variance));
    sum += mass;
    // P(x) against P(x + shift): loss (2 x shift + shift^2) / (2 sigma^2), reversed in sign of x
    const double loss = (2 * xx * shift + shift * shift) / (2 * variance);
    if (loss > epsilon) excess += mass * -math::expm1(epsilon - loss);
  }
  return excess / sum;
}

double rounded_l2_norm(double l2, double beta, double dim) {
  ENSURE(l2 > 0 && beta >= 0 && beta < 1 && dim >= 1, "norms and dimensions are positive");
  const double any = l2 + std::sqrt(dim);
  if (beta == 0) return any;
  const double square =
      l2 * l2 + 0.25 * dim + std::sqrt(2 * math::log(1 / beta)) * (l2 + 0.5 * std::sqrt(dim));
  return std::min(any, std::sqrt(square));
}

double rounded_l1_norm(double l2, double dim) {
  return l2 * std::min(std::sqrt(dim), l2);
}

Curve distributed_gaussian_rdp(const IntegerRelease& release, double local_deviation,
                               std::int64_t hospitals, std::span<const double> orders) {
  ENSURE(local_deviation > 0 && hospitals >= 1, "hospitals add noise");
  const ScaledNorms norms = scaled_norms(release);
  const double scaled = local_deviation * release.scale;
  double tau = 0;
  for (std::int64_t k = 1; k < hospitals; ++k) {
    const auto kk = static_cast<double>(k);
    tau += math::exp(-2 * kPi * kPi * scaled * scaled * (kk / (kk + 1)));
  }
  tau *= 10;
  const double deviation = std::sqrt(static_cast<double>(hospitals)) * scaled;
  const double l1 = norms.l1 / deviation;
  const double l2 = norms.l2 / deviation;
  return sampled_curve(release.q, orders, [&](double alpha) {
    const double third = l2 + std::sqrt(release.dim) * tau;
    return std::min({alpha / 2 * l2 * l2 + tau * release.dim,
                     alpha / 2 * (l2 * l2 + 2 * l1 * tau + tau * tau * release.dim),
                     alpha / 2 * third * third});
  });
}

Curve skellam_rdp(const IntegerRelease& release, double deviation, std::span<const double> orders) {
  ENSURE(deviation > 0, "there is noise");
  const ScaledNorms norms = scaled_norms(release);
  // in the scaled domain, where the law's variance is mu
  const double mu = deviation * deviation * release.scale * release.scale;
  const double square = norms.l2 * norms.l2;
  return sampled_curve(release.q, orders, [&](double alpha) {
    return alpha * square / (2 * mu) +
           std::min(((2 * alpha - 1) * square + 6 * norms.l1) / (4 * mu * mu),
                    3 * norms.l1 / (2 * mu));
  });
}

}  // namespace polyclinic::privacy
