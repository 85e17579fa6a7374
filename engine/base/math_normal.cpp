// lgamma, the error function and the normal law.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "base/double_double.hpp"
#include "base/math.hpp"
#include "base/normal_formula.hpp"

namespace polyclinic::math {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kPi = 3.141592653589793;

// Horner, highest coefficient first.
template <std::size_t N>
double polynomial(const std::array<double, N>& coefficients, double x) {
  double sum = coefficients[0];
  for (std::size_t i = 1; i < N; ++i) sum = sum * x + coefficients[i];
  return sum;
}

// (zeta(n) - 1) / n, computed to 50 digits by Euler and Maclaurin's formula, for n = 33 down to 2.
constexpr std::array<double, 32> kZeta = {
    3.527742476575915e-12,  7.275974480239079e-12,  1.5021384080754142e-11, 3.1044247747322276e-11,
    6.4229645638381e-11,    1.330476437424449e-10,  2.7595228851242334e-10, 5.731367241678862e-10,
    1.1921401405860912e-09, 2.4836745438024785e-09, 5.183475041970047e-09,  1.0838659214896955e-08,
    2.2711094608943164e-08, 4.7698101693639804e-08, 1.0043224823968099e-07, 2.1207184805554665e-07,
    4.492469198764566e-07,  9.55141213040742e-07,   2.039215753801366e-06,  4.374866789907488e-06,
    9.439488275268397e-06,  2.050721277567069e-05,  4.492623673813314e-05,  9.945751278180853e-05,
    0.00022315475845357939, 0.0005096695247430425,  0.001192753911703261,   0.0028905103307415234,
    0.007385551028673986,   0.020580808427784546,   0.0673523010531981,     0.3224670334241132};

// log Gamma(2 + z) = (1 - Euler's gamma) z + sum over n >= 2 of (zeta(n) - 1) (-z)^n / n, |z| <=
// 1/2 (DLMF 5.7.3); what is left out is below 2^-70.
double lgamma_near_two(double z) {
  constexpr double kOneMinusEuler = 0.42278433509846713;
  return z * kOneMinusEuler + z * z * polynomial(kZeta, -z);
}

double lgamma_positive(double x) {
  if (x >= 10) {
    // Stirling's series (DLMF 5.11.1)
    constexpr double kHalfLog2Pi = 0.9189385332046728;
    if (x > 1e17) return x * (log(x) - 1);
    return (x - 0.5) * log(x) - x + (kHalfLog2Pi + stirling_remainder(x));
  }
  if (x < 0.5) return lgamma_near_two(x) - log1p(x) - log(x);
  if (x < 1.5) return lgamma_near_two(x - 1) - log1p(x - 1);
  // Gamma(x) = (x - 1) (x - 2) ... Gamma(2 + z)
  double product = 1;
  while (x > 2.5) {
    x -= 1;
    product *= x;
  }
  return log(product) + lgamma_near_two(x - 2);
}

// Rational Chebyshev approximations of exp(x^2) erfc(x) on (0.46875, 4] and (4, inf): Cody 1969,
// "Rational Chebyshev approximations for the error function", Math. Comp. 23.
constexpr std::array kMiddleP = {
    2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594e0,
    6.61191906371416295e1,  2.98635138197400131e2,  8.81952221241769090e2,
    1.71204761263407058e3,  2.05107837782607147e3,  1.23033935479799725e3};
constexpr std::array kMiddleQ = {1.0,
                                 1.57449261107098347e1,
                                 1.17693950891312499e2,
                                 5.37181101862009858e2,
                                 1.62138957456669019e3,
                                 3.29079923573345963e3,
                                 4.36261909014324716e3,
                                 3.43936767414372164e3,
                                 1.23033935480374942e3};
constexpr std::array kFarP = {1.63153871373020978e-2, 3.05326634961232344e-1,
                              3.60344899949804439e-1, 1.25781726111229246e-1,
                              1.60837851487422766e-2, 6.58749161529837803e-4};
constexpr std::array kFarQ = {1.0,
                              2.56852019228982242e0,
                              1.87295284992346725e0,
                              5.27905102951428412e-1,
                              6.05183413124413191e-2,
                              2.33520497626869185e-3};
// erf(x) = 2/sqrt(pi) (x - x^3/3 + x^5/(2! 5) - ...) (DLMF 7.6.1), for |x| <= 1: the first omitted
// term is below 2^-59 of x. The leading x is exact, so the last sum alone rounds visibly.
double erf_series(double x) {
  constexpr double kTwoOverSqrtPi = 1.1283791670955126;
  constexpr double kTwoOverSqrtPiMinusOne = 0.12837916709551257;
  const double z = x * x;
  double factorial = 355687428096000;  // 17!
  double sum = 0;
  for (int n = 17; n >= 1; --n) {
    sum = (n % 2 == 0 ? 1 : -1) / (factorial * (2 * n + 1)) + sum * z;
    factorial /= n;
  }
  return x + x * (kTwoOverSqrtPiMinusOne + kTwoOverSqrtPi * (z * sum));
}

// exp(x^2) erfc(x). REQUIRES: x > 0.46875.
double erfc_scaled(double x) {
  if (x <= 4) return polynomial(kMiddleP, x) / polynomial(kMiddleQ, x);
  constexpr double kInverseSqrtPi = 0.5641895835477563;
  const double z = 1 / (x * x);
  return (kInverseSqrtPi - z * polynomial(kFarP, z) / polynomial(kFarQ, z)) / x;
}

// exp(-factor x^2), with the square's rounding error. REQUIRES: factor is a power of two.
double exp_minus_square(double x, double factor) {
  if (x > 1e4) return 0;
  const DoubleDouble square = two_product(x, x);
  return exp_of_sum({-factor * square.hi, -factor * square.lo});
}

}  // namespace

double stirling_remainder(double x) {
  // Bernoulli(2n) / (2n (2n - 1) x^(2n - 1)), DLMF 5.11.1; the first omitted term is 3e-17 at 10
  constexpr std::array kCoefficients = {1.0 / 156,  -691.0 / 360360, 1.0 / 1188, -1.0 / 1680,
                                        1.0 / 1260, -1.0 / 360,      1.0 / 12};
  const double inverse = 1 / x;
  return inverse * polynomial(kCoefficients, inverse * inverse);
}

double lgamma(double x) {
  if (std::isnan(x)) return x;
  if (std::isinf(x)) return kInfinity;
  if (x > 0) return x < 1e-300 ? -log(x) : lgamma_positive(x);
  const double fraction = x - std::floor(x);
  if (fraction == 0) return kInfinity;
  // reflection: Gamma(x) Gamma(1 - x) = pi / sin(pi x)
  const double sine = sin(kPi * std::fmin(fraction, 1 - fraction));
  if (x > -1e-300) return -log(-x);
  return log(kPi / sine) - lgamma_positive(1 - x);
}

double erf(double x) {
  if (std::isnan(x)) return x;
  const double size = std::fabs(x);
  if (size <= 1) return erf_series(x);
  const double value = size > 6 ? 1 : 1 - exp_minus_square(size, 1) * erfc_scaled(size);
  return x < 0 ? -value : value;
}

double erfc(double x) {
  if (std::isnan(x)) return x;
  const double size = std::fabs(x);
  if (size <= 0.5) return 1 - erf_series(x);
  if (size > 27.5) return x < 0 ? 2 : 0;
  const double value = exp_minus_square(size, 1) * erfc_scaled(size);
  return x < 0 ? 2 - value : value;
}

double normal_cdf(double x) {
  if (std::isnan(x)) return x;
  constexpr double kInverseSqrt2 = 0.7071067811865476;
  const double size = std::fabs(x);
  if (size * kInverseSqrt2 <= 0.5) return 0.5 + 0.5 * erf_series(x * kInverseSqrt2);
  // the exponential of x itself: rounding x / sqrt(2) first would cost x^2 ulp in the tail
  const double tail =
      size > 39 ? 0 : 0.5 * exp_minus_square(size, 0.5) * erfc_scaled(size * kInverseSqrt2);
  return x < 0 ? tail : 1 - tail;
}

double log_normal_cdf(double x) {
  constexpr double kInverseSqrt2 = 0.7071067811865476;
  if (x > 0) return log1p(-normal_cdf(-x));
  if (x > -2) return log(normal_cdf(x));
  if (std::isinf(x)) return x;
  // Phi(x) = exp(-x^2/2) erfc_scaled(-x/sqrt 2) / 2; NaN passes through
  return log(0.5 * erfc_scaled(-x * kInverseSqrt2)) - 0.5 * x * x;
}

double normal_quantile(double p) {
  if (!(p >= 0 && p <= 1)) return kNaN;
  if (p == 0) return -kInfinity;
  if (p == 1) return kInfinity;
  const double q = p - 0.5;
  if (std::fabs(q) <= kCentre) {
    const double r = kCentreSquare - q * q;
    return q * polynomial(kCentreP, r) / polynomial(kCentreQ, r);
  }
  const double r = std::sqrt(-log(q < 0 ? p : 1 - p));
  const double x = r <= kTailMost ? polynomial(kTailP, r - 1.6) / polynomial(kTailQ, r - 1.6)
                                  : polynomial(kExtremeP, r - 5) / polynomial(kExtremeQ, r - 5);
  return q < 0 ? -x : x;
}

}  // namespace polyclinic::math
