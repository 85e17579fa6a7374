#include "privacy/composition.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/check.hpp"
#include "privacy/log_math.hpp"

namespace polyclinic::privacy {

namespace {

// The least of f over orders above 1, on a logarithmic scale of order - 1; f has one valley.
template <class F>
AtOrder least_over_orders(F f) {
  constexpr double kGolden = 0.6180339887498949;
  double low = math::log(1e-6);
  double high = math::log(1e9);
  AtOrder best{kPlusInfinity, 0};
  const auto value = [&](double log_excess) {
    const double order = 1 + math::exp(log_excess);
    const double at = f(order);
    if (at < best.value) best = {at, order};
    return at;
  };
  double a = high - kGolden * (high - low);
  double b = low + kGolden * (high - low);
  double at_a = value(a);
  double at_b = value(b);
  while (high - low > 1e-9) {
    if (at_a < at_b) {
      high = b;
      b = a;
      at_b = at_a;
      a = high - kGolden * (high - low);
      at_a = value(a);
    } else {
      low = a;
      a = b;
      at_a = at_b;
      b = low + kGolden * (high - low);
      at_b = value(b);
    }
  }
  return best;
}

// log of delta_i = sum over l < i of C(k, l) (exp((k - l) e) - exp((k - 2i + l) e)) / (1 +
// exp(e))^k.
double log_composed_delta(double epsilon, std::int64_t steps, std::int64_t i) {
  const auto k = static_cast<double>(steps);
  const double log_norm = k * math::softplus(epsilon);
  LogSum sum;
  // the terms are largest near l = k / (1 + exp(e)): from there down, until they vanish
  const double log_factorial = math::lgamma(k + 1);
  double largest = kMinusInfinity;
  for (std::int64_t l = i - 1; l >= 0; --l) {
    const auto ll = static_cast<double>(l);
    const double first = (k - ll) * epsilon;
    const double gap = (2 * static_cast<double>(i - l)) * epsilon;
    const double term = log_factorial - math::lgamma(ll + 1) - math::lgamma(k - ll + 1) + first -
                        log_norm + math::log(-math::expm1(-gap));
    sum.add(term);
    largest = std::max(largest, term);
    if (term < largest - 60) break;
  }
  return sum.log();
}

}  // namespace

AtOrder zcdp_epsilon(double rho, double delta) {
  const double log_delta = math::log(delta);
  AtOrder best = least_over_orders([&](double alpha) {
    return alpha * rho + math::log1p(-1 / alpha) - (log_delta + math::log(alpha)) / (alpha - 1);
  });
  best.value = std::max(0.0, best.value);
  return best;
}

AtOrder zcdp_delta(double rho, double epsilon) {
  AtOrder best = least_over_orders([&](double alpha) {
    return (alpha - 1) * (alpha * rho - epsilon + math::log1p(-1 / alpha)) - math::log(alpha);
  });
  best.value = std::min(1.0, math::exp(best.value));
  return best;
}

double optimal_composition(EpsilonDelta step, std::int64_t steps, double delta) {
  ENSURE(steps >= 1 && step.epsilon >= 0, "steps are made, each with an epsilon");
  // 1 - (1 - delta_0)^k (1 - delta_i) <= delta
  const double log_rest = static_cast<double>(steps) * math::log1p(-step.delta);
  const double left = -math::expm1(math::log1p(-delta) - log_rest);  // the largest delta_i
  if (!(left >= 0)) return kPlusInfinity;
  const double log_left = math::log(left);
  // delta_i rises with i: the largest i that is allowed
  std::int64_t low = 0;
  std::int64_t high = steps / 2;
  while (low < high) {
    const std::int64_t middle = low + (high - low + 1) / 2;
    if (log_composed_delta(step.epsilon, steps, middle) <= log_left) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return static_cast<double>(steps - 2 * low) * step.epsilon;
}

double advanced_composition(const std::vector<EpsilonDelta>& steps,
                            const std::vector<std::int64_t>& counts, double delta) {
  ENSURE(steps.size() == counts.size(), "every step has its count");
  double sum = 0;
  double squares = 0;
  double drift = 0;
  double log_rest = 0;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const auto n = static_cast<double>(counts[i]);
    const double e = steps[i].epsilon;
    sum += n * e;
    squares += n * e * e;
    // (exp(e) - 1) e / (exp(e) + 1)
    drift += n * e * math::tanh(e / 2);
    log_rest += n * math::log1p(-steps[i].delta);
  }
  const double left = -math::expm1(math::log1p(-delta) - log_rest);
  if (!(left > 0)) return kPlusInfinity;
  const double root = std::sqrt(2 * squares * math::log(1 / left));
  const double other = std::sqrt(2 * squares * math::log(math::exp(1) + std::sqrt(squares) / left));
  return std::min({sum, drift + root, drift + other});
}

EpsilonDelta amplified_by_sampling(EpsilonDelta step, double q) {
  return {math::log1p(q * math::expm1(step.epsilon)), q * step.delta};
}

double amplified_by_shuffling(double epsilon_0, double n, double delta) {
  if (!(epsilon_0 <= math::log(n / (16 * math::log(2 / delta))))) return kPlusInfinity;
  const double e0 = math::exp(epsilon_0);
  const double inside = 8 * std::sqrt(e0 * math::log(4 / delta)) / std::sqrt(n) + 8 * e0 / n;
  return math::log1p((e0 - 1) / (e0 + 1) * inside);
}

AtOrder group_epsilon(std::span<const double> orders, const Curve& curve, int k, double delta) {
  const auto kk = static_cast<double>(k);
  // log of (exp(k e) - 1) / (exp(e) - 1), whose limit at 0 is k
  const auto log_factor = [&](double e) {
    return e < 1e-12 ? math::log(kk) : log_expm1(kk * e) - log_expm1(e);
  };
  const auto fits = [&](double e) {
    const double one = rdp_delta(orders, curve, e).value;
    return math::log(one) + log_factor(e) <= math::log(delta);
  };
  double high = 1;
  while (!fits(high)) {
    high *= 2;
    if (high > 1e9) return {kPlusInfinity, orders.back()};
  }
  double low = 0;
  while (high - low > 1e-13 * high) {
    const double middle = 0.5 * (low + high);
    if (middle <= low || middle >= high) break;
    (fits(middle) ? high : low) = middle;
  }
  return {kk * high, rdp_delta(orders, curve, high).order};
}

double tree_sensitivity_square(std::int64_t steps) {
  ENSURE(steps >= 1, "a tree has a leaf");
  // floor(log2 steps) + 1
  return static_cast<double>(std::bit_width(static_cast<std::uint64_t>(steps)));
}

}  // namespace polyclinic::privacy
