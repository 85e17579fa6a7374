#include "privacy/rdp.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>

#include "base/check.hpp"
#include "privacy/log_math.hpp"

namespace polyclinic::privacy {

namespace {

constexpr double kPi = 3.141592653589793;
// Below this the integrand turns too sharply for a few hundred points; the series is used.
constexpr double kQuadratureSigma = 0.25;
// Densities end where the normal tail is below 1e-21.
constexpr double kReach = 9.5;

bool is_whole(double order) {
  return order == std::floor(order);
}

// log(A - 1), A = sum over k of C(alpha, k) (1 - q)^(alpha - k) q^k exp((k^2 - k) / (2 sigma^2)),
// for a whole alpha (section 3.3, equation (6) there). The terms 0 and 1 give A its 1: the weights
// add up to 1, so A - 1 is the sum over k >= 2 with the exponential less 1, without cancellation.
double log_excess_whole(double q, double sigma, double alpha,
                        std::span<const double> log_factorial) {
  const double log_q = math::log(q);
  const double log_rest = math::log1p(-q);
  const auto n = static_cast<std::size_t>(alpha);
  LogSum sum;
  for (std::size_t k = 2; k <= n; ++k) {
    const auto kk = static_cast<double>(k);
    const double exponent = kk * (kk - 1) / (2 * sigma * sigma);
    const double log_weight = log_factorial[n] - log_factorial[k] - log_factorial[n - k] +
                              kk * log_q + (alpha - kk) * log_rest;
    sum.add(log_weight + (exponent > 40 ? exponent : log_expm1(exponent)));
  }
  return sum.log();
}

// log of the factorials of 0 to n.
std::vector<double> log_factorials(double n) {
  std::vector<double> table(static_cast<std::size_t>(n) + 1);
  for (std::size_t i = 0; i < table.size(); ++i) {
    table[i] = math::lgamma(static_cast<double>(i) + 1);
  }
  return table;
}

// (1 + w)^alpha - 1 - alpha w, given log(1 + w): at least 0 for alpha > 1.
double power_excess(double alpha, double w, double log_one_plus_w) {
  if (std::fabs(w) < 1e-3) {
    // its series: the first omitted term is below 1e-15 of the sum for alpha up to 20
    const double a = alpha;
    return a * (a - 1) / 2 * w * w *
           (1 + (a - 2) / 3 * w * (1 + (a - 3) / 4 * w * (1 + (a - 4) / 5 * w)));
  }
  return math::expm1(alpha * log_one_plus_w) - alpha * w;
}

// log(A - 1) at fractional orders, A = E under N(0, sigma^2) of (P/Q)^alpha, P/Q = 1 + w. E of w is
// 0, so A - 1 = E of ((1 + w)^alpha - 1 - alpha w), whose terms are positive. Trapezoid rule: the
// integrand is analytic up to the imaginary part pi sigma^2, where 1 + w is 0, so a step s errs by
// exp(-2 pi^2 sigma^2 / s) of the peak, below 1e-15 here.
class FractionalOrders {
 public:
  FractionalOrders(double q, double sigma, double largest_order) : sigma_(sigma) {
    step_ = std::min(sigma / 3, 0.54 * sigma * sigma);
    low_ = -kReach * sigma;
    const double high = largest_order + kReach * sigma;
    const auto count = static_cast<std::size_t>((high - low_) / step_) + 2;
    points_.reserve(count);
    const double log_scale = math::log(step_ / (sigma * std::sqrt(2 * kPi)));
    for (std::size_t i = 0; i < count; ++i) {
      const double x = low_ + static_cast<double>(i) * step_;
      const double u = (2 * x - 1) / (2 * sigma * sigma);
      Point point;
      point.log_density = log_scale - x * x / (2 * sigma * sigma);
      if (u < 600) {
        point.w = q * math::expm1(u);
        point.loss = math::log1p(point.w);
      } else {
        point.w = kPlusInfinity;
        point.loss = math::log(q) + u;
      }
      points_.push_back(point);
    }
  }

  [[nodiscard]] double log_excess(double alpha) const {
    const double high = alpha + kReach * sigma_;
    const auto end = std::min(points_.size(), static_cast<std::size_t>((high - low_) / step_) + 2);
    LogSum large;
    double small = 0;
    for (std::size_t i = 0; i < end; ++i) {
      const Point& point = points_[i];
      const double exponent = alpha * point.loss;
      if (exponent < 30) {
        small += math::exp(point.log_density) * power_excess(alpha, point.w, point.loss);
      } else {
        large.add(point.log_density + exponent);
      }
    }
    return log_add(large.log(), math::log(small));
  }

 private:
  struct Point {
    double log_density = 0;  // of N(0, sigma^2), times the step
    double w = 0;            // P/Q - 1
    double loss = 0;         // log(P/Q)
  };
  double sigma_;
  double step_ = 0;
  double low_ = 0;
  std::vector<Point> points_;
};

// log A at a fractional order by the two series of section 3.3 (A split at z0, where both terms of
// P weigh the same), with the binomials' signs; nullopt where they have not converged.
// `with_signs` false: the terms' absolute values.
std::optional<double> log_moment_series(double q, double sigma, double alpha,
                                        bool with_signs = true) {
  constexpr int kTerms = 1000;
  const double variance = sigma * sigma;
  const double log_q = math::log(q);
  const double log_rest = math::log1p(-q);
  const double z0 = variance * (log_rest - log_q) + 0.5;
  LogSum positive;
  LogSum negative;
  double last_left = kPlusInfinity;
  double last_right = kPlusInfinity;
  for (int i = 0; i < kTerms; ++i) {
    const double j = alpha - i;
    // C(alpha, i) changes its sign with every i beyond alpha + 1
    const bool minus =
        with_signs && i > alpha + 1 && (i - static_cast<int>(std::ceil(alpha))) % 2 != 0;
    const double log_coefficient = log_binomial(alpha, i);
    const double left = log_coefficient + i * log_q + j * log_rest +
                        (static_cast<double>(i) * i - i) / (2 * variance) +
                        math::log_normal_cdf((z0 - i) / sigma);
    const double right = log_coefficient + j * log_q + i * log_rest + (j * j - j) / (2 * variance) +
                         math::log_normal_cdf((j - z0) / sigma);
    (minus ? negative : positive).add(left);
    (minus ? negative : positive).add(right);
    const double total = positive.log();
    // what follows is below exp(-30) of the sum, as in the papers' programs
    if (left < last_left && right < last_right && std::max(left, right) < total - 30) {
      const double share = math::exp(negative.log() - total);
      return total + math::log1p(-share);
    }
    last_left = left;
    last_right = right;
  }
  return std::nullopt;
}

// E under N(0, sigma^2) of (P/Q - 1)^l for the plain Gaussian, l even: its logarithm.
double log_central_moment(double sigma, int l) {
  const double step = std::min(sigma / 3, 0.54 * sigma * sigma);
  const double low = -kReach * sigma;
  const auto count = static_cast<int>((l + kReach * sigma - low) / step) + 2;
  const double log_scale = math::log(step / (sigma * std::sqrt(2 * kPi)));
  LogSum sum;
  for (int i = 0; i < count; ++i) {
    const double x = low + i * step;
    const double u = (2 * x - 1) / (2 * sigma * sigma);
    if (u == 0) continue;
    const double log_size = u > 0 ? log_expm1(u) : math::log(-math::expm1(u));
    sum.add(log_scale - x * x / (2 * sigma * sigma) + l * log_size);
  }
  return sum.log();
}

// log A for the whole orders 0 to `largest` without replacement.
std::vector<double> without_replacement_moments(double q, double sigma, int largest) {
  const double log_q = math::log(q);
  // beyond this order the factor 2 exp(...) is smaller anyway
  constexpr int kCentralMax = 256;
  std::vector<double> central(static_cast<std::size_t>(std::min(largest, kCentralMax)) + 3,
                              kPlusInfinity);
  for (int l = 2; l < static_cast<int>(central.size()); l += 2) {
    central[static_cast<std::size_t>(l)] = log_central_moment(sigma, l);
  }
  // log of the factor that belongs to j records' moments
  std::vector<double> factor(static_cast<std::size_t>(largest) + 1);
  const double log2 = math::log(2);
  for (int j = 2; j <= largest; ++j) {
    const double plain = log2 + static_cast<double>(j) * (j - 1) / (2 * sigma * sigma);
    double refined = plain;
    if (j == 2) {
      refined = 2 * log2 + log_expm1(1 / (sigma * sigma));
    } else if (j <= kCentralMax) {
      const auto even_below = static_cast<std::size_t>(j / 2 * 2);
      const auto even_above = static_cast<std::size_t>((j + 1) / 2 * 2);
      refined = 2 * log2 + 0.5 * (central[even_below] + central[even_above]);
    }
    factor[static_cast<std::size_t>(j)] = std::min(plain, refined);
  }
  const std::vector<double> log_factorial = log_factorials(largest);
  std::vector<double> moments(static_cast<std::size_t>(largest) + 1, 0.0);
  for (std::size_t n = 2; n < moments.size(); ++n) {
    LogSum excess;
    for (std::size_t j = 2; j <= n; ++j) {
      excess.add(static_cast<double>(j) * log_q + log_factorial[n] - log_factorial[j] -
                 log_factorial[n - j] + factor[j]);
    }
    moments[n] = math::softplus(excess.log());
  }
  return moments;
}

// The divergence of one direction at one order, by the trapezoid rule over a fixed grid.
double pair_divergence(const MixturePair& pair, double alpha) {
  // (P/Q)^alpha Q peaks between the means and alpha times the largest distance
  double reach = 0;
  for (const Component& c : pair.p) reach = std::max(reach, c.mean);
  for (const Component& c : pair.q) reach = std::max(reach, -c.mean);
  const double step = std::min(pair.sigma / 3, 0.54 * pair.sigma * pair.sigma / (2 * reach));
  const double low = -(alpha + 1) * reach - kReach * pair.sigma;
  const double high = (2 * alpha + 1) * reach + kReach * pair.sigma;
  const auto count = static_cast<std::int64_t>((high - low) / step) + 2;
  const double variance = pair.sigma * pair.sigma;
  const double log_scale = math::log(step / (pair.sigma * std::sqrt(2 * kPi)));
  const auto log_ratio = [&](const std::vector<Component>& mixture, double x) {
    LogSum sum;
    for (const Component& c : mixture) {
      sum.add(math::log(c.weight) + c.mean * (x - 0.5 * c.mean) / variance);
    }
    return sum.log();
  };
  LogSum sum;
  for (std::int64_t i = 0; i < count; ++i) {
    const double x = low + static_cast<double>(i) * step;
    const double log_p = log_ratio(pair.p, x);
    const double log_q = log_ratio(pair.q, x);
    sum.add(log_scale - x * x / (2 * variance) + alpha * log_p + (1 - alpha) * log_q);
  }
  return std::max(0.0, sum.log() / (alpha - 1));
}

}  // namespace

const Orders& standard_orders() {
  static const Orders orders = [] {
    Orders all;
    for (int i = 11; i <= 109; ++i) all.push_back(i / 10.0);
    for (int i = 11; i <= 63; ++i) all.push_back(i);
    for (const double large : {128.0, 256.0, 512.0, 1024.0}) all.push_back(large);
    return all;
  }();
  return orders;
}

Curve gaussian_rdp(double sigma, std::span<const double> orders) {
  Curve curve;
  curve.reserve(orders.size());
  for (const double alpha : orders) curve.push_back(alpha / (2 * sigma * sigma));
  return curve;
}

Curve poisson_gaussian_rdp(double q, double sigma, std::span<const double> orders) {
  ENSURE(q >= 0 && q <= 1 && sigma > 0, "rates and noise are checked where they are read");
  if (q == 0) return Curve(orders.size(), 0.0);
  if (q == 1) return gaussian_rdp(sigma, orders);
  double largest_whole = 2;
  double largest_fraction = 1;
  for (const double alpha : orders) {
    double& largest = is_whole(alpha) ? largest_whole : largest_fraction;
    largest = std::max(largest, alpha);
  }
  const std::vector<double> log_factorial = log_factorials(largest_whole);
  std::optional<FractionalOrders> quadrature;
  Curve curve;
  curve.reserve(orders.size());
  for (const double alpha : orders) {
    if (is_whole(alpha)) {
      const double excess = log_excess_whole(q, sigma, alpha, log_factorial);
      curve.push_back(math::softplus(excess) / (alpha - 1));
      continue;
    }
    if (sigma < kQuadratureSigma) {
      if (const auto moment = log_moment_series(q, sigma, alpha)) {
        curve.push_back(std::max(0.0, *moment) / (alpha - 1));
        continue;
      }
    }
    if (!quadrature) quadrature.emplace(q, sigma, largest_fraction);
    curve.push_back(math::softplus(quadrature->log_excess(alpha)) / (alpha - 1));
  }
  return curve;
}

Curve poisson_gaussian_rdp_unsigned(double q, double sigma, std::span<const double> orders) {
  Curve curve = poisson_gaussian_rdp(q, sigma, orders);
  if (q == 0 || q == 1) return curve;
  for (std::size_t i = 0; i < orders.size(); ++i) {
    if (is_whole(orders[i])) continue;
    const auto moment = log_moment_series(q, sigma, orders[i], false);
    curve[i] = moment ? *moment / (orders[i] - 1) : kPlusInfinity;
  }
  return curve;
}

Curve mixture_rdp(const MixturePair& pair, std::span<const double> orders) {
  const MixturePair other = reversed(pair);
  Curve curve;
  curve.reserve(orders.size());
  for (const double alpha : orders) {
    curve.push_back(std::max(pair_divergence(pair, alpha), pair_divergence(other, alpha)));
  }
  return curve;
}

Curve without_replacement_rdp(double q, double sigma, std::span<const double> orders) {
  ENSURE(q >= 0 && q <= 1 && sigma > 0, "rates and noise are checked where they are read");
  if (q == 0) return Curve(orders.size(), 0.0);
  if (q == 1) return gaussian_rdp(sigma, orders);
  double largest = 2;
  for (const double alpha : orders) largest = std::max(largest, std::ceil(alpha));
  const std::vector<double> moments =
      without_replacement_moments(q, sigma, static_cast<int>(largest));
  Curve curve;
  curve.reserve(orders.size());
  for (const double alpha : orders) {
    // the cumulant (alpha - 1) rdp(alpha) is convex: between whole orders the chord bounds it
    const auto floor = static_cast<std::size_t>(std::floor(alpha));
    const double share = alpha - std::floor(alpha);
    const double above_it = share > 0 ? share * moments[floor + 1] : 0.0;
    const double cumulant = (1 - share) * moments[floor] + above_it;
    // never above the step without sampling
    curve.push_back(std::min(cumulant / (alpha - 1), alpha / (2 * sigma * sigma)));
  }
  return curve;
}

Curve poisson_rdp_bound(double q, std::span<const double> at_integers,
                        std::span<const double> orders) {
  const double log_q = math::log(q);
  const double log_rest = q < 1 ? math::log1p(-q) : kMinusInfinity;
  Curve curve;
  curve.reserve(orders.size());
  for (const double alpha : orders) {
    ENSURE(is_whole(alpha) && alpha >= 2, "this bound holds at whole orders");
    const auto n = static_cast<std::size_t>(alpha);
    ENSURE(at_integers.size() + 1 >= n, "the curve reaches the largest order");
    const double plain = at_integers[n - 2];
    if (q == 1) {
      curve.push_back(plain);
      continue;
    }
    LogSum sum;
    sum.add((alpha - 1) * log_rest + math::log(alpha * q - q + 1));
    for (std::size_t l = 2; l <= n; ++l) {
      const auto ll = static_cast<double>(l);
      const double factor = l == 2 ? 0 : math::log(3);
      sum.add(factor + (ll - 1) * at_integers[l - 2] + log_binomial(alpha, ll) +
              (alpha - ll) * log_rest + ll * log_q);
    }
    curve.push_back(std::min(plain, sum.log() / (alpha - 1)));
  }
  return curve;
}

Curve laplace_rdp(double scale, std::span<const double> orders) {
  Curve curve;
  curve.reserve(orders.size());
  for (const double a : orders) {
    const double first = math::log(a / (2 * a - 1)) + (a - 1) / scale;
    const double second = math::log((a - 1) / (2 * a - 1)) - a / scale;
    curve.push_back(log_add(first, second) / (a - 1));
  }
  return curve;
}

void compose(Curve& curve, const Curve& step, double steps) {
  ENSURE(curve.size() == step.size(), "curves are known at the same orders");
  for (std::size_t i = 0; i < curve.size(); ++i) curve[i] += steps * step[i];
}

AtOrder rdp_epsilon(std::span<const double> orders, const Curve& curve, double delta,
                    Conversion conversion) {
  ENSURE(orders.size() == curve.size() && !orders.empty(), "a curve has a value per order");
  AtOrder best{kPlusInfinity, 0};
  for (std::size_t i = 0; i < orders.size(); ++i) {
    const double alpha = orders[i];
    double epsilon = curve[i] - math::log(delta) / (alpha - 1);
    if (conversion == Conversion::tight) {
      epsilon += math::log1p(-1 / alpha) - math::log(alpha) / (alpha - 1);
      // delta <= sqrt(1 - exp(-KL)), and KL is at most this divergence
      if (delta * delta + math::expm1(-curve[i]) > 0) epsilon = 0;
    }
    if (epsilon < best.value || best.order == 0) best = {epsilon, alpha};
  }
  best.value = std::max(0.0, best.value);
  return best;
}

AtOrder rdp_delta(std::span<const double> orders, const Curve& curve, double epsilon) {
  ENSURE(orders.size() == curve.size() && !orders.empty(), "a curve has a value per order");
  AtOrder best{1, 0};
  for (std::size_t i = 0; i < orders.size(); ++i) {
    const double alpha = orders[i];
    const double by_kl = std::sqrt(-math::expm1(-curve[i]));
    const double log_delta =
        (alpha - 1) * (curve[i] - epsilon + math::log1p(-1 / alpha)) - math::log(alpha);
    const double delta = std::min(by_kl, math::exp(std::min(0.0, log_delta)));
    if (delta < best.value || best.order == 0) best = {std::min(1.0, delta), alpha};
  }
  return best;
}

}  // namespace polyclinic::privacy
