// Sums and binomials kept as logarithms, where the numbers themselves would overflow.
#pragma once

#include <cmath>
#include <limits>

#include "base/math.hpp"

namespace polyclinic::privacy {

inline constexpr double kMinusInfinity = -std::numeric_limits<double>::infinity();
inline constexpr double kPlusInfinity = std::numeric_limits<double>::infinity();

// log(exp(a) + exp(b)).
inline double log_add(double a, double b) {
  const double high = a > b ? a : b;
  const double low = a > b ? b : a;
  if (low == kMinusInfinity || high == kPlusInfinity) return high;
  return high + math::log1p(math::exp(low - high));
}

// log(exp(x) - 1) for x > 0.
inline double log_expm1(double x) {
  return x > 1 ? x + math::log1p(-math::exp(-x)) : math::log(math::expm1(x));
}

// log |C(n, k)| for real n and whole k.
inline double log_binomial(double n, double k) {
  return math::lgamma(n + 1) - math::lgamma(k + 1) - math::lgamma(n - k + 1);
}

// Adds numbers given by their logarithms, in the order given, rescaling when a larger one comes.
class LogSum {
 public:
  void add(double log_term) {
    if (log_term <= largest_) {
      if (log_term > largest_ - 60) sum_ += math::exp(log_term - largest_);
      return;
    }
    sum_ = sum_ * math::exp(largest_ - log_term) + 1;
    largest_ = log_term;
  }
  // The logarithm of the sum; -infinity for no terms.
  [[nodiscard]] double log() const { return sum_ > 0 ? largest_ + math::log(sum_) : largest_; }

 private:
  double largest_ = kMinusInfinity;
  double sum_ = 0;
};

}  // namespace polyclinic::privacy
