// Inside base: the logarithm near 1, for one double (math.cpp) or several at once
// (math_normal.cpp): V is double or has its operators.
#pragma once

namespace polyclinic::math {

// ln 2 in two parts; the first has 32 bits after the point, so that its product with any exponent
// of a double is exact.
inline constexpr double kLn2High = 0x1.62e42feep-1;
inline constexpr double kLn2Low = 0x1.a39ef35793c76p-33;
inline constexpr double kSqrt2 = 0x1.6a09e667f3bcdp+0;

// log((1 + s) / (1 - s)) = 2 s + s R(s^2), R(z) = 2/3 z + 2/5 z^2 + ...; z <= 0.0295 on the reduced
// interval, and the first omitted term, 2/25 z^12, is below 2^-64 of 2. This is 2/5 z^2 + ...
template <class V>
inline V log_series_tail(V z) {
  V sum = z * (2.0 / 23) + 2.0 / 21;
  sum = sum * z + 2.0 / 19;
  sum = sum * z + 2.0 / 17;
  sum = sum * z + 2.0 / 15;
  sum = sum * z + 2.0 / 13;
  sum = sum * z + 2.0 / 11;
  sum = sum * z + 2.0 / 9;
  sum = sum * z + 2.0 / 7;
  sum = sum * z + 2.0 / 5;
  return sum * z * z;
}

// For f in the reduced interval [sqrt(1/2) - 1, sqrt(2) - 1]: with s = f / (2 + f),
// log(1 + f) = 2 s + s R = f - f^2/2 + s (f^2/2 + R), whose first term is exact.
template <class V>
struct LogTerms {
  V half_square;  // f^2/2
  V rest;         // s (f^2/2 + R)
};
template <class V>
inline LogTerms<V> log_terms(V f) {
  const V s = f / (f + 2.0);
  const V half_square = f * 0.5 * f;
  const V z = s * s;
  return {half_square, s * (half_square + (z * (2.0 / 3) + log_series_tail(z)))};
}

// k ln 2 + log(1 + f) + correction for a whole number k other than 0.
template <class V>
inline V log_scaled(V f, V k, V correction) {
  const LogTerms<V> terms = log_terms(f);
  return k * kLn2High - ((terms.half_square - (terms.rest + (k * kLn2Low + correction))) - f);
}

}  // namespace polyclinic::math
