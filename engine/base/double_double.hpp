// Sums and products of doubles with their rounding errors (Dekker 1971; Knuth, TAOCP 2, 4.2.2), for
// the places of base/math where one double is not enough. Needs no fused multiply-add.
#pragma once

namespace polyclinic::math {

// hi + lo, where lo is at most half a unit in the last place of hi.
struct DoubleDouble {
  double hi = 0;
  double lo = 0;
};

// a + b exactly.
inline DoubleDouble two_sum(double a, double b) {
  const double sum = a + b;
  const double b_part = sum - a;
  return {sum, (a - (sum - b_part)) + (b - b_part)};
}

// a + b exactly. REQUIRES: |a| >= |b| or a == 0.
inline DoubleDouble fast_two_sum(double a, double b) {
  const double sum = a + b;
  return {sum, b - (sum - a)};
}

// a * b exactly. REQUIRES: |a|, |b| < 2^995 and no underflow of the error.
inline DoubleDouble two_product(double a, double b) {
  // Veltkamp's splitting into halves of 26 bits, whose products are exact
  constexpr double kSplitter = 0x1p27 + 1;
  const double a_scaled = kSplitter * a;
  const double a_high = a_scaled - (a_scaled - a);
  const double a_low = a - a_high;
  const double b_scaled = kSplitter * b;
  const double b_high = b_scaled - (b_scaled - b);
  const double b_low = b - b_high;
  const double product = a * b;
  const double error =
      ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low;
  return {product, error};
}

inline DoubleDouble operator*(DoubleDouble a, DoubleDouble b) {
  const DoubleDouble product = two_product(a.hi, b.hi);
  return fast_two_sum(product.hi, product.lo + (a.hi * b.lo + a.lo * b.hi));
}

// exp(x.hi + x.lo), within 1 ulp of the result.
double exp_of_sum(DoubleDouble x);

}  // namespace polyclinic::math
