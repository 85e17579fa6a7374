#include "privacy/gaussian.hpp"

#include <cmath>

#include "privacy/least_epsilon.hpp"
#include "privacy/log_math.hpp"

namespace polyclinic::privacy {

double gaussian_delta(double mu, double epsilon) {
  // Phi(mu/2 - epsilon/mu) - exp(epsilon) Phi(-mu/2 - epsilon/mu), from its larger term
  const double first = math::log_normal_cdf(0.5 * mu - epsilon / mu);
  const double second = epsilon + math::log_normal_cdf(-0.5 * mu - epsilon / mu);
  return second >= first ? 0 : math::exp(first) * -math::expm1(second - first);
}

double gaussian_epsilon(double mu, double delta) {
  return least_epsilon([mu](double epsilon) { return gaussian_delta(mu, epsilon); }, delta);
}

double gaussian_mu(double epsilon, double delta) {
  double low = 1;
  while (gaussian_delta(low, epsilon) > delta) low /= 2;
  double high = 2 * low;
  while (gaussian_delta(high, epsilon) <= delta && high < 1e9) {
    low = high;
    high *= 2;
  }
  while (high - low > 1e-15 * high) {
    const double middle = 0.5 * (low + high);
    if (middle <= low || middle >= high) break;
    (gaussian_delta(middle, epsilon) > delta ? high : low) = middle;
  }
  return low;
}

double clt_mu_square_poisson(double q, double sigma) {
  return q * q * math::expm1(1 / (sigma * sigma));
}

double clt_mu_square_uniform(double q, double sigma) {
  // exp(1/s^2) Phi(1.5/s) + 3 Phi(-0.5/s) - 2, as Opacus and TensorFlow Privacy have it
  const double inside = math::exp(1 / (sigma * sigma)) * math::normal_cdf(1.5 / sigma) +
                        3 * math::normal_cdf(-0.5 / sigma) - 2;
  return 2 * q * q * inside;
}

std::optional<double> classic_sigma(double epsilon, double delta) {
  if (!(epsilon > 0 && epsilon < 1)) return std::nullopt;
  return std::sqrt(2 * math::log(1.25 / delta)) / epsilon;
}

std::optional<double> classic_epsilon(double sigma, double delta) {
  const double epsilon = std::sqrt(2 * math::log(1.25 / delta)) / sigma;
  if (!(epsilon < 1)) return std::nullopt;
  return epsilon;
}

}  // namespace polyclinic::privacy
