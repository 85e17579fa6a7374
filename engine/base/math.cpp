// Exponentials, logarithms and what is made of them.
//
// Method throughout: reduce the argument exactly to a small interval, sum the Taylor series there
// to well below half an ulp (the bound stands at each series), and put the result together so that
// the last addition dominates the error. Only + - * / and bit operations, so the bits are the same
// wherever IEEE 754 doubles are.
#include "base/math.hpp"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "base/double_double.hpp"
#include "base/log_series.hpp"

namespace polyclinic::math {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// 2^k. REQUIRES: -1022 <= k <= 1023.
double power_of_two(int k) {
  return std::bit_cast<double>(static_cast<std::uint64_t>(k + 1023) << 52U);
}

// y * 2^k with one rounding, for 0.5 < |y| < 4 and any k of an exponent reduction.
double scale(double y, int k) {
  if (k > 1021) return y * power_of_two(1021) * power_of_two(k - 1021);
  if (k < -1000) return y * power_of_two(k + 100) * 0x1p-100;
  return y * power_of_two(k);
}

// x = 2^k * mantissa with mantissa in [sqrt(1/2), sqrt(2)). REQUIRES: 0 < x < infinity.
struct Binary {
  double mantissa;
  int k;
};
Binary decompose(double x) {
  int k = 0;
  if (x < std::numeric_limits<double>::min()) {
    x *= 0x1p54;
    k = -54;
  }
  const auto bits = std::bit_cast<std::uint64_t>(x);
  k += static_cast<int>(bits >> 52U) - 1023;
  double m = std::bit_cast<double>((bits & 0x000FFFFFFFFFFFFFULL) | 0x3FF0000000000000ULL);
  if (m >= kSqrt2) {
    m *= 0.5;
    ++k;
  }
  return {m, k};
}

// An argument of exp, reduced: x = k ln 2 + high - low with |high - low| <= ln(2) / 2 + 2^-40.
struct Reduced {
  double high;
  double low;
  int k;
};
Reduced reduce(double x, double x_low) {
  const double k = std::floor(x * (1 / 0.6931471805599453) + 0.5);
  return {x - k * kLn2High, k * kLn2Low - x_low, static_cast<int>(k)};
}

// (exp(r) - 1 - r) / r^2 = 1/2! + r/3! + r^2/4! + ...; the first omitted term, r^13/15!, is below
// 2^-59 of the sum for |r| <= 0.3466.
double exp_tail(double r) {
  double sum = 1.0 / 87178291200;
  sum = sum * r + 1.0 / 6227020800;
  sum = sum * r + 1.0 / 479001600;
  sum = sum * r + 1.0 / 39916800;
  sum = sum * r + 1.0 / 3628800;
  sum = sum * r + 1.0 / 362880;
  sum = sum * r + 1.0 / 40320;
  sum = sum * r + 1.0 / 5040;
  sum = sum * r + 1.0 / 720;
  sum = sum * r + 1.0 / 120;
  sum = sum * r + 1.0 / 24;
  sum = sum * r + 1.0 / 6;
  return sum * r + 0.5;
}

// k ln 2 + log(1 + f) + correction, for f in the reduced interval.
double log_reduced(double f, int k, double correction) {
  if (k != 0) return log_scaled<double>(f, k, correction);
  const LogTerms<double> terms = log_terms(f);
  return f - (terms.half_square - (terms.rest + correction));
}

constexpr DoubleDouble kTwoThirds{0x1.5555555555555p-1, 0x1.5555555555555p-55};

// log(x) with an error near 2^-63 of the result. REQUIRES: 0 < x < infinity.
DoubleDouble log_precise(double x) {
  const auto [m, k] = decompose(x);
  const double f = m - 1;

  // s = f / (2 + f) with its remainder; 2 + f is exact only as a sum of two
  const DoubleDouble divisor = fast_two_sum(2, f);
  const double s = f / divisor.hi;
  const DoubleDouble back = two_product(s, divisor.hi);
  const double s_low = ((f - back.hi) - back.lo - s * divisor.lo) / divisor.hi;

  // 2 s + 2/3 s^3 in two doubles each; the rest is below 2^-11 of the sum, so one will do
  const DoubleDouble root{s, s_low};
  const DoubleDouble cubic = root * (root * root) * kTwoThirds;
  const double rest = s * log_series_tail(s * s);
  const DoubleDouble high = two_sum(k * kLn2High, 2 * s);
  const DoubleDouble sum = two_sum(high.hi, cubic.hi);
  return fast_two_sum(sum.hi, sum.lo + (high.lo + (2 * s_low + cubic.lo + rest + k * kLn2Low)));
}

// x^n by repeated squaring in twice the precision: exact whenever the power is a double.
double small_integer_power(double x, int n) {
  DoubleDouble result{1, 0};
  DoubleDouble square{x, 0};
  for (int rest = n < 0 ? -n : n; rest > 0; rest /= 2) {
    if (rest % 2 == 1) result = result * square;
    if (rest > 1) square = square * square;
  }
  if (n >= 0) return result.hi;
  // one step of Newton's on 1 / hi: the rounding of the reciprocal and the low part together
  const double inverse = 1 / result.hi;
  const DoubleDouble back = two_product(inverse, result.hi);
  return inverse + inverse * (((1 - back.hi) - back.lo) - inverse * result.lo);
}

bool is_integer(double y) {
  return std::floor(y) == y;
}
bool is_odd(double y) {
  return is_integer(y) && std::floor(y * 0.5) * 2 != y;
}

// pow for zero, infinite and NaN arguments, as C99 annex F.9.4.4 lists them.
double pow_special(double x, double y) {
  if (y == 0 || x == 1) return 1;
  if (std::isnan(x) || std::isnan(y)) return kNaN;
  const double size = std::fabs(x);
  if (std::isinf(y)) {
    if (size == 1) return 1;
    return (size > 1) == (y > 0) ? kInfinity : 0.0;
  }
  const double magnitude = (size == 0) == (y > 0) ? 0.0 : kInfinity;
  return std::signbit(x) && is_odd(y) ? -magnitude : magnitude;
}

}  // namespace

double exp_of_sum(DoubleDouble x) {
  if (x.hi > 709.79) return kInfinity;
  if (x.hi < -745.2) return 0;
  const Reduced reduced = reduce(x.hi, x.lo);
  const double r = reduced.high - reduced.low;
  return scale(1 + (reduced.high - (reduced.low - r * r * exp_tail(r))), reduced.k);
}

double exp(double x) {
  if (std::isnan(x)) return x;
  return exp_of_sum({x, 0});
}

double expm1(double x) {
  if (std::isnan(x) || std::fabs(x) < 0x1p-54) return x;
  if (x > 709.79) return kInfinity;
  if (x < -38) return -1;
  if (std::fabs(x) <= 0.3465) return x + x * x * exp_tail(x);
  const auto [high, low, k] = reduce(x, 0);
  const double r = high - low;
  const double rest = r * r * exp_tail(r) - low;

  // 2^k (exp(r) - 2^-k) = 2^k ((1 - 2^-k) + r + ...), the first sum with its rounding error
  const DoubleDouble sum = two_sum(1 - (k > 1000 ? 0.0 : power_of_two(-k)), high);
  return scale(sum.hi + (sum.lo + rest), k);
}

double log(double x) {
  if (std::isnan(x) || x == kInfinity) return x;
  if (x < 0) return kNaN;
  if (x == 0) return -kInfinity;
  const auto [m, k] = decompose(x);
  return log_reduced(m - 1, k, 0);
}

double log1p(double x) {
  if (std::isnan(x) || x == kInfinity || std::fabs(x) < 0x1p-54) return x;
  if (x < -1) return kNaN;
  if (x == -1) return -kInfinity;
  if (x >= -0.292 && x <= 0.414) return log_reduced(x, 0, 0);

  // log(1 + x) = log(u) + (what rounding 1 + x to u has lost) / u
  const DoubleDouble u = two_sum(1, x);
  const auto [m, k] = decompose(u.hi);
  return log_reduced(m - 1, k, u.lo / u.hi);
}

double pow(double x, double y) {
  if (y == 0 || x == 1 || x == 0 || !std::isfinite(x) || !std::isfinite(y)) {
    return pow_special(x, y);
  }
  if (x < 0 && !is_integer(y)) return kNaN;
  const double size = std::fabs(x);
  const double sign = x < 0 && is_odd(y) ? -1 : 1;
  if (size == 1) return sign;
  const DoubleDouble logarithm = log_precise(size);
  const double rough = logarithm.hi * y;
  if (rough > 710) return sign * kInfinity;
  if (rough < -746) return sign * 0.0;

  // far from overflow and underflow, where the exact products stay exact
  if (is_integer(y) && std::fabs(y) <= 64 && std::fabs(rough) < 600) {
    return small_integer_power(x, static_cast<int>(y));
  }
  const DoubleDouble product = two_product(logarithm.hi, y);
  return sign * exp_of_sum(fast_two_sum(product.hi, product.lo + logarithm.lo * y));
}

double tanh(double x) {
  if (std::isnan(x)) return x;
  const double size = std::fabs(x);
  double result = 1;
  if (size < 0x1p-28) {
    result = size;
  } else if (size < 0.55) {
    // tanh x = e / (e + 2), e = exp(2 x) - 1, each with its rounding error
    const double y = 2 * size;
    const auto [high, low, k] = reduce(y, 0);
    const double r = high - low;
    const double rest = r * r * exp_tail(r) - low;
    const double power = power_of_two(k);
    const DoubleDouble head = two_sum(power - 1, power * high);
    const DoubleDouble e = fast_two_sum(head.hi, head.lo + power * rest);
    const DoubleDouble divisor = fast_two_sum(2, e.hi);
    const double quotient = e.hi / divisor.hi;
    const DoubleDouble back = two_product(quotient, divisor.hi);
    result = quotient +
             (((e.hi - back.hi) - back.lo) + (e.lo - quotient * (divisor.lo + e.lo))) / divisor.hi;
  } else if (size < 22) {
    result = 1 - 2 / (expm1(2 * size) + 2);
  }
  return std::signbit(x) ? -result : result;
}

double sigmoid(double x) {
  if (x >= 0) return 1 / (1 + exp(-x));
  const double e = exp(x);
  return e / (1 + e);
}

double logit(double p) {
  if (!(p >= 0 && p <= 1)) return kNaN;
  if (p == 0) return -kInfinity;
  if (p == 1) return kInfinity;

  // log of the quotient p / (1 - p), with what its two roundings have lost: near p = 1/2 the
  // logarithm is so small that they would show
  const DoubleDouble divisor = two_sum(1, -p);
  const double quotient = p / divisor.hi;
  const DoubleDouble back = two_product(quotient, divisor.hi);
  const double lost = ((p - back.hi) - back.lo - quotient * divisor.lo) / p;
  const auto [m, k] = decompose(quotient);
  return log_reduced(m - 1, k, lost);
}

double softplus(double x) {
  return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

}  // namespace polyclinic::math
