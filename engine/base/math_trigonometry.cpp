// Sine and cosine. The argument is reduced by integers: m 2^e * 2/pi modulo 4 needs 192 bits of
// 2/pi from the right place on (Payne and Hanek 1983), so huge arguments are as exact as small
// ones.
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "base/double_double.hpp"
#include "base/math.hpp"

namespace polyclinic::math {

namespace {

__extension__ using Wide = unsigned __int128;
__extension__ using SignedWide = __int128;

// The bits of 2/pi after the point, behind one word of zeros for the arguments below 2^53.
constexpr std::array<std::uint64_t, 21> kTwoOverPi = {0,
                                                      0xA2F9836E4E441529,
                                                      0xFC2757D1F534DDC0,
                                                      0xDB6295993C439041,
                                                      0xFE5163ABDEBBC561,
                                                      0xB7246E3A424DD2E0,
                                                      0x06492EEA09D1921C,
                                                      0xFE1DEB1CB129A73E,
                                                      0xE88235F52EBB4484,
                                                      0xE99C7026B45F7E41,
                                                      0x3991D639835339F4,
                                                      0x9C845F8BBDF9283B,
                                                      0x1FF897FFDE05980F,
                                                      0xEF2F118B5A0A6D1F,
                                                      0x6D367ECF27CB09B7,
                                                      0x4F463F669E5FEA2D,
                                                      0x7527BAC7EBE5F17B,
                                                      0x3D0739F78A5292EA,
                                                      0x6BFB5FB11F8D5D08,
                                                      0x56033046FC7B6BAB,
                                                      0xF0CFBC209AF4361D};

constexpr DoubleDouble kHalfPi{0x1.921fb54442d18p+0, 0x1.1a62633145c07p-54};

// 64 bits of the table, beginning with bit `first` (0 is the first bit of the word of zeros).
std::uint64_t table_bits(unsigned first) {
  const unsigned word = first / 64;
  const unsigned shift = first % 64;
  if (shift == 0) return kTwoOverPi[word];
  return kTwoOverPi[word] << shift | kTwoOverPi[word + 1] >> (64 - shift);
}

// x = quadrant * pi/2 + rest, |rest| <= pi/4.
struct Angle {
  unsigned quadrant = 0;
  DoubleDouble rest;
};

// REQUIRES: pi/4 < x < infinity.
Angle reduce(double x) {
  const auto bits = std::bit_cast<std::uint64_t>(x);
  const std::uint64_t m = (bits & 0x000FFFFFFFFFFFFFULL) | 0x0010000000000000ULL;
  const int e = static_cast<int>(bits >> 52U) - 1075;

  // Bits of 2/pi up to place e - 2 only add multiples of 4. From place e - 1 on, 192 of them times
  // m are x * 2/pi modulo 4 with 190 bits after the point, wrong by less than m 2^-190. No double
  // is nearer to a multiple of pi/2 than about 2^-61 (Muller, Elementary Functions, 11.2).
  const auto first = static_cast<unsigned>(e - 1 + 63);
  const std::uint64_t w0 = table_bits(first);
  const std::uint64_t w1 = table_bits(first + 64);
  const std::uint64_t w2 = table_bits(first + 128);
  const Wide low = Wide{m} * w2;
  const Wide middle = Wide{m} * w1 + static_cast<std::uint64_t>(low >> 64U);
  const std::uint64_t top = m * w0 + static_cast<std::uint64_t>(middle >> 64U);

  // the upper 128 bits: two before the point, rounded to the nearest quadrant
  const Wide turns = Wide{top} << 64U | static_cast<std::uint64_t>(middle);
  const auto quadrant = static_cast<unsigned>((turns + (Wide{1} << 125U)) >> 126U);
  const auto fraction = static_cast<SignedWide>(turns - (Wide{quadrant} << 126U));
  const auto high = static_cast<double>(fraction);
  const auto rest = static_cast<double>(fraction - static_cast<SignedWide>(high));
  return {quadrant & 3U, DoubleDouble{high * 0x1p-126, rest * 0x1p-126} * kHalfPi};
}

// Taylor's series; omitted: x^19/19! < 2^-63 x for |x| <= pi/4.
double sin_kernel(DoubleDouble x) {
  const double z = x.hi * x.hi;
  double sum = 1.0 / 355687428096000;
  sum = sum * z - 1.0 / 1307674368000;
  sum = sum * z + 1.0 / 6227020800;
  sum = sum * z - 1.0 / 39916800;
  sum = sum * z + 1.0 / 362880;
  sum = sum * z - 1.0 / 5040;
  sum = sum * z + 1.0 / 120;
  sum = sum * z - 1.0 / 6;
  // sin(hi + lo) = sin(hi) + lo cos(hi), cos(hi) = 1 - z/2 as lo is tiny
  return x.hi + (x.hi * z * sum + x.lo * (1 - 0.5 * z));
}

// Taylor's series; omitted: x^18/18! < 2^-58 for |x| <= pi/4.
double cos_kernel(DoubleDouble x) {
  const double z = x.hi * x.hi;
  double sum = 1.0 / 20922789888000;
  sum = sum * z - 1.0 / 87178291200;
  sum = sum * z + 1.0 / 479001600;
  sum = sum * z - 1.0 / 3628800;
  sum = sum * z + 1.0 / 40320;
  sum = sum * z - 1.0 / 720;
  sum = sum * z + 1.0 / 24;
  // 1 - z/2 with its rounding error; cos(hi + lo) = cos(hi) - lo sin(hi)
  const double half = 0.5 * z;
  const double head = 1 - half;
  return head + (((1 - head) - half) + (z * z * sum - x.hi * x.lo));
}

// The sine of x + shift * pi/2, x >= 0.
double shifted_sine(double x, unsigned shift) {
  constexpr double kQuarterPi = 0.7853981633974483;
  const Angle angle = x <= kQuarterPi ? Angle{0, {x, 0}} : reduce(x);
  const unsigned quadrant = (angle.quadrant + shift) & 3U;
  const double value = quadrant % 2 == 0 ? sin_kernel(angle.rest) : cos_kernel(angle.rest);
  return quadrant >= 2 ? -value : value;
}

}  // namespace

double sin(double x) {
  if (!std::isfinite(x)) return std::numeric_limits<double>::quiet_NaN();
  if (std::fabs(x) < 0x1p-27) return x;
  return x < 0 ? -shifted_sine(-x, 0) : shifted_sine(x, 0);
}

double cos(double x) {
  if (!std::isfinite(x)) return std::numeric_limits<double>::quiet_NaN();
  return shifted_sine(std::fabs(x), 1);
}

}  // namespace polyclinic::math
