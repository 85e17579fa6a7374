// The incomplete gamma and beta functions and their inverses.
//
// Values: the convergent series or continued fraction on the side where it converges fast, times a
// leading term in the form of Loader (2000, "Fast and accurate computation of binomial
// probabilities"), which stays exact where logarithms of gamma functions would cancel.
// Inverses: Newton's method on the logarithm of the tail probability, which is concave in log x
// (gamma) and logit x (beta), so that the iteration is monotone from one side on.
#include <cmath>
#include <limits>

#include "base/math.hpp"

namespace polyclinic::math {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kEpsilon = 0x1p-54;
constexpr double kTwoPi = 6.283185307179586;
// From here on Stirling's remainder is exact to the last bit.
constexpr double kLarge = 10;

// t - log(1 + t) >= 0, without cancellation near 0. `ratio` is 1 + t, which near 0 says more than
// t.
double deviance(double t, double ratio) {
  if (t < -0.5 || t > 1) return t - log(ratio);
  // with s = t / (2 + t): log(1 + t) = 2 s + 2 s^3/3 + ..., t - 2 s = t s
  const double s = t / (2 + t);
  const double z = s * s;
  double sum = 0;
  double power = z;
  for (int n = 3; power > 0x1p-60 * n; n += 2) {
    sum += power / n;
    power *= z;
  }
  return s * (t - 2 * sum);
}

// Gamma(a, x) / (x^a exp(-x)) by its continued fraction (DLMF 8.9.2), Lentz's method. REQUIRES: x >
// a.
double gamma_fraction(double a, double x) {
  constexpr double kTiny = 1e-300;
  double b = x + 1 - a;
  double c = 1 / kTiny;
  double d = 1 / b;
  double value = d;
  for (double n = 1;; n += 1) {
    const double numerator = -n * (n - a);
    b += 2;
    d = 1 / (numerator * d + b);
    c = b + numerator / c;
    if (c == 0) c = kTiny;
    const double factor = c * d;
    value *= factor;
    if (std::fabs(factor - 1) < 2 * kEpsilon || !std::isfinite(value)) return value;
  }
}

// P(a, x) Gamma(a + 1) / (x^a exp(-x)) = 1 + x/(a+1) + x^2/((a+1)(a+2)) + ... (DLMF 8.11.4).
double gamma_series(double a, double x) {
  double term = 1;
  double sum = 1;
  for (double n = 1; term > kEpsilon * sum; n += 1) {
    term *= x / (a + n);
    sum += term;
  }
  return sum;
}

// Both tails at once: the smaller one is computed, the other is its complement.
struct Tails {
  double lower;
  double upper;
  double density;  // derivative of the lower tail by the iteration's variable (log x or logit x)
};

// REQUIRES: a > 0, 0 < x < infinity.
Tails gamma_tails(double a, double x) {
  const double term = gamma_term(a, x);
  if (x < a + 1) {
    const double lower = std::fmin(1, term * gamma_series(a, x));
    return {lower, 1 - lower, term * a};
  }
  const double upper = term > 0 ? std::fmin(1, term * a * gamma_fraction(a, x)) : 0;
  return {1 - upper, upper, term * a};
}

// x^a y^b / B(a, b) with y = 1 - x.
double beta_term(double a, double b, double x, double y) {
  if (a < b) return beta_term(b, a, y, x);
  const double n = a + b;
  if (b >= kLarge) {
    const double t = x * b - a * y;
    const double far = a * deviance(t / a, x * n / a) + b * deviance(-t / b, y * n / b);
    const double exponent =
        -far + stirling_remainder(n) - stirling_remainder(a) - stirling_remainder(b);
    return exp(exponent) * std::sqrt(a / n * b / kTwoPi);
  }
  const double a_log_x = a * (x > 0.5 ? log1p(-y) : log(x));
  if (a < kLarge) {
    return exp(a_log_x + b * (y > 0.5 ? log1p(-x) : log(y)) + lgamma(n) - lgamma(a) - lgamma(b));
  }
  // log Gamma(a + b) - log Gamma(a) by Stirling's formula, its large parts cancelled by hand
  const double exponent = a_log_x + b * log(y * n) + (a - 0.5) * log1p(b / a) - b +
                          stirling_remainder(n) - stirling_remainder(a) - lgamma(b);
  return exp(exponent);
}

// I_x(a, b) B(a, b) / (x^a y^b) by the continued fraction of Didonato and Morris 1992 ("Algorithm
// 708", equation 9), the even part of DLMF 8.17.22: its lambda = a y - b x does not cancel when x
// or y is tiny. Lentz's method. REQUIRES: x <= a / (a + b), y = 1 - x.
double beta_fraction(double a, double b, double x, double y) {
  constexpr double kTiny = 1e-300;
  const double lambda = a * y - b * x;
  double c = 1 / kTiny;
  double d = 1 / (a / (a + 1) * (lambda + 1));
  double value = d;
  for (double n = 1;; n += 1) {
    const double place = a + 2 * n - 1;
    const double alpha = (a + n - 1) / place * ((a + b + n - 1) / place) * n * (b - n) * x * x;
    const double beta =
        n + n * (b - n) * x / place + (a + n) / (place + 2) * (lambda + 1 + n * (1 + y));
    d = beta + alpha * d;
    d = 1 / (d == 0 ? kTiny : d);
    c = beta + alpha / c;
    if (c == 0) c = kTiny;
    const double factor = c * d;
    value *= factor;
    if (std::fabs(factor - 1) < 2 * kEpsilon || !std::isfinite(value)) return value;
  }
}

// REQUIRES: a, b > 0, 0 < x, y and x + y = 1.
Tails beta_tails(double a, double b, double x, double y) {
  const double term = beta_term(a, b, x, y);
  if (b * x <= a * y) {
    const double lower = term > 0 ? std::fmin(1, term * beta_fraction(a, b, x, y)) : 0;
    return {lower, 1 - lower, term};
  }
  const double upper = term > 0 ? std::fmin(1, term * beta_fraction(b, a, y, x)) : 0;
  return {1 - upper, upper, term};
}

// Solves lower(u) = p (or upper(u) = q when that is the smaller) for a law whose tails are
// log-concave in u. `tails(u)` must be increasing in its lower tail.
template <class Evaluate>
double solve_tails(double u, double p, double q, const Evaluate& tails) {
  const bool from_below = p <= q;
  const double target = from_below ? p : q;
  double low = -kInfinity;
  double high = kInfinity;
  double width = 1;
  for (int i = 0; i < 400; ++i) {
    const Tails at = tails(u);
    const double value = from_below ? at.lower : at.upper;
    if ((value < target) == from_below) {
      low = u;
    } else {
      high = u;
    }
    double next = u;
    if (value > 0 && at.density > 0) {
      const double step = log(value / target) * (value / at.density);
      next = from_below ? u - step : u + step;
      if (std::fabs(step) <= 0x1p-52 * std::fmax(1e-3, std::fabs(u))) return next;
    }

    // outside the bracket, or without a slope: halve it, or widen while one side is open
    if (!(next > low && next < high)) {
      if (low == -kInfinity) {
        next = high - width;
        width *= 2;
      } else if (high == kInfinity) {
        next = low + width;
        width *= 2;
      } else {
        next = low + 0.5 * (high - low);
      }
      if (next <= low || next >= high) return next;
    }
    u = next;
  }
  return u;
}

// The logit of the beta quantile. REQUIRES: a, b > 0, p + q = 1, both > 0.
double beta_logit_quantile(double a, double b, double p, double q) {
  return solve_tails(log(a / b), p, q,
                     [=](double u) { return beta_tails(a, b, sigmoid(u), sigmoid(-u)); });
}

}  // namespace

double gamma_term(double a, double x) {
  if (std::isnan(a) || std::isnan(x) || a < 0 || x < 0) return kNaN;
  if (x == 0) return a == 0 ? 1 : 0;
  if (a < kLarge) return exp(a * log(x) - x - lgamma(a + 1));
  return exp(-a * deviance((x - a) / a, x / a) - stirling_remainder(a)) / std::sqrt(kTwoPi * a);
}

double gamma_p(double a, double x) {
  if (!(a > 0) || !(x >= 0)) return kNaN;
  if (x == 0) return 0;
  return std::isinf(x) ? 1 : gamma_tails(a, x).lower;
}

double gamma_q(double a, double x) {
  if (!(a > 0) || !(x >= 0)) return kNaN;
  if (x == 0) return 1;
  return std::isinf(x) ? 0 : gamma_tails(a, x).upper;
}

double gamma_p_inverse(double a, double p) {
  if (!(a > 0) || !(p >= 0 && p <= 1)) return kNaN;
  if (p == 0) return 0;
  if (p == 1) return kInfinity;

  // begin with Wilson and Hilferty 1931, or where that fails with the leading term of P near 0
  const double spread = 1 / (9 * a);
  const double root = 1 - spread + normal_quantile(p) * std::sqrt(spread);
  double u = root > 0 ? log(a) + 3 * log(root) : -kInfinity;
  if (a < 1 || root < 0.3) u = std::fmax(u, (log(p) + lgamma(a + 1)) / a);
  if (u < -740) return exp(u);
  return exp(solve_tails(u, p, 1 - p, [=](double v) {
    const double x = exp(v);
    if (x == 0) return Tails{0, 1, 0};
    return std::isinf(x) ? Tails{1, 0, 0} : gamma_tails(a, x);
  }));
}

double beta_i(double a, double b, double x) {
  if (!(a > 0) || !(b > 0) || !(x >= 0 && x <= 1)) return kNaN;
  if (x == 0 || x == 1) return x;
  return beta_tails(a, b, x, 1 - x).lower;
}

double beta_i_inverse(double a, double b, double p) {
  if (!(a > 0) || !(b > 0) || !(p >= 0 && p <= 1)) return kNaN;
  if (p == 0 || p == 1) return p;
  return sigmoid(beta_logit_quantile(a, b, p, 1 - p));
}

double student_t_quantile(double p, double df) {
  if (!(df > 0) || !(p >= 0 && p <= 1)) return kNaN;
  if (p == 0) return -kInfinity;
  if (p == 1) return kInfinity;
  if (p == 0.5) return 0;
  if (std::isinf(df)) return normal_quantile(p);
  // P(|T| > t) = I_x(df/2, 1/2) at x = df / (df + t^2) (DLMF 8.17 and the law's definition), so
  // t^2 = df (1 - x) / x = df exp(-logit x)
  const double tail = p < 0.5 ? p : 1 - p;
  const double u = beta_logit_quantile(0.5 * df, 0.5, 2 * tail, 1 - 2 * tail);
  const double t = std::sqrt(df) * exp(-0.5 * u);
  return p < 0.5 ? -t : t;
}

double chi_squared_cdf(double x, double df) {
  return x <= 0 ? 0 : gamma_p(0.5 * df, 0.5 * x);
}

}  // namespace polyclinic::math
