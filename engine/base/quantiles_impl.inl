// Normal quantiles, eight at a time, in the widest registers that the including file is compiled
// for. Everything is in an unnamed namespace: code for one instruction set must not be shared with
// another's.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "base/log_series.hpp"
#include "base/math.hpp"
#include "base/normal_formula.hpp"
#include "base/quantiles.hpp"

namespace polyclinic::math {
namespace {

#ifdef __AVX2__
constexpr std::size_t kLaneBytes = 32;
#else
constexpr std::size_t kLaneBytes = 16;
#endif
using Lane = double __attribute__((vector_size(kLaneBytes)));
using Word = std::uint64_t __attribute__((vector_size(kLaneBytes)));
using Mask = std::int64_t __attribute__((vector_size(kLaneBytes)));
constexpr std::size_t kPerLane = kLaneBytes / sizeof(double);
constexpr std::size_t kLanes = 8 / kPerLane;

inline Lane lane(double x) {
  Lane all;
  for (std::size_t i = 0; i < kPerLane; ++i) all[i] = x;
  return all;
}

// As they lie in an array of numbers. A copy in smaller pieces would be read back before it is
// whole.
using LaneInArray = double __attribute__((vector_size(kLaneBytes), aligned(8), may_alias));
using MaskInArray = std::int64_t __attribute__((vector_size(kLaneBytes), aligned(8), may_alias));

// Eight doubles: the operations of one, on each.
struct Eight {
  Lane part[kLanes];
};
template <class Operation>
inline Eight each(Operation operation) {
  Eight result;
  for (std::size_t i = 0; i < kLanes; ++i) result.part[i] = operation(i);
  return result;
}
inline Eight operator+(const Eight& x, const Eight& y) {
  return each([&](std::size_t i) { return x.part[i] + y.part[i]; });
}
inline Eight operator-(const Eight& x, const Eight& y) {
  return each([&](std::size_t i) { return x.part[i] - y.part[i]; });
}
inline Eight operator*(const Eight& x, const Eight& y) {
  return each([&](std::size_t i) { return x.part[i] * y.part[i]; });
}
inline Eight operator/(const Eight& x, const Eight& y) {
  return each([&](std::size_t i) { return x.part[i] / y.part[i]; });
}
inline Eight operator+(const Eight& x, double y) {
  return each([&](std::size_t i) { return x.part[i] + y; });
}
inline Eight operator*(const Eight& x, double y) {
  return each([&](std::size_t i) { return x.part[i] * y; });
}
inline Eight load_eight(const double* from) {
  return each([&](std::size_t i) -> Lane {
    return *reinterpret_cast<const LaneInArray*>(from + i * kPerLane);
  });
}
inline void store_eight(const Eight& x, double* to) {
  for (std::size_t i = 0; i < kLanes; ++i) {
    *reinterpret_cast<LaneInArray*>(to + i * kPerLane) = x.part[i];
  }
}
template <std::size_t N>
inline Eight polynomial(const std::array<double, N>& coefficients, const Eight& x) {
  Eight sum = each([&](std::size_t) { return lane(coefficients[0]); });
  for (std::size_t i = 1; i < N; ++i) sum = sum * x + coefficients[i];
  return sum;
}

inline Lane as_double(Word bits) {
  Lane x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}
inline Word as_bits(Lane x) {
  Word bits;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
}
inline Lane root(Lane x) {
  for (std::size_t i = 0; i < kPerLane; ++i) x[i] = __builtin_sqrt(x[i]);
  return x;
}

// sqrt(-log(p)) of each: the same operations as those of log for a normal number below one half.
inline Eight root_of_minus_log(const Eight& p) {
  constexpr std::uint64_t kMantissa = 0x000FFFFFFFFFFFFFULL;
  constexpr std::uint64_t kOne = 0x3FF0000000000000ULL;
  constexpr std::uint64_t kTwoTo52 = 0x4330000000000000ULL;
  Eight f;
  Eight k;
  for (std::size_t i = 0; i < kLanes; ++i) {
    const Word bits = as_bits(p.part[i]);
    const Lane m = as_double((bits & kMantissa) | kOne);
    const Mask large = m >= lane(kSqrt2);
    f.part[i] = (large ? m * 0.5 : m) - 1.0;
    // a small whole number is what its bits in the last places of 2^52 add to it
    const Lane exponent = as_double((bits >> 52U) | kTwoTo52) - 0x1p52;
    k.part[i] = (exponent - 1023.0) + (large ? lane(1) : lane(0));
  }
  const Eight log = log_scaled(f, k, Eight{});
  return each([&](std::size_t i) { return root(-log.part[i]); });
}

// Quantiles of eight probabilities outside the centre, in place.
inline void tail_quantiles(double* p) {
  const Eight given = load_eight(p);
  const Eight root = root_of_minus_log(each([&](std::size_t i) {
    const Lane x = given.part[i];
    return x < 0.5 ? x : 1.0 - x;
  }));
  const Eight r = root + -1.6;
  const Eight size = polynomial(kTailP, r) / polynomial(kTailQ, r);
  store_eight(
      each([&](std::size_t i) { return given.part[i] < 0.5 ? -size.part[i] : size.part[i]; }), p);
  // the extreme tail, and what is no probability
  Mask near = root.part[0] <= lane(kTailMost);
  for (std::size_t i = 1; i < kLanes; ++i) near &= root.part[i] <= lane(kTailMost);
  bool all_near = true;
  for (std::size_t i = 0; i < kPerLane; ++i) all_near &= near[i] != 0;
  if (all_near) return;
  double far[8];
  store_eight(given, far);
  for (std::size_t i = 0; i < 8; ++i) {
    if (!(far[i] >= 1e-10 && far[i] <= 1 - 1e-10)) p[i] = normal_quantile(far[i]);
  }
}

// The centre's formula for eight; -1 where a probability lies outside the centre.
inline Eight centre_quantiles(const Eight& p, std::int64_t* outside) {
  const Eight q = p + -0.5;
  for (std::size_t i = 0; i < kLanes; ++i) {
    const Mask inside = (q.part[i] <= lane(kCentre)) & (q.part[i] >= lane(-kCentre));
    *reinterpret_cast<MaskInArray*>(outside + i * kPerLane) = ~inside;
  }
  const Eight r = each([&](std::size_t i) { return kCentreSquare - q.part[i] * q.part[i]; });
  return q * polynomial(kCentreP, r) / polynomial(kCentreQ, r);
}

inline void quantiles(std::span<double> p) {
  // the centre's formula for all; those that lie outside, three in twenty, are noted on the way
  constexpr std::size_t kMost = 512;
  double given[kMost + 8];
  std::uint32_t where[kMost];
  while (!p.empty()) {
    const std::size_t count = p.size() < kMost ? p.size() : kMost;
    std::size_t outside = 0;
    std::size_t i = 0;
    for (; i + 8 <= count; i += 8) {
      double before[8];
      std::int64_t apart[8];
      const Eight eight = load_eight(p.data() + i);
      store_eight(eight, before);
      store_eight(centre_quantiles(eight, apart), p.data() + i);
      for (std::size_t k = 0; k < 8; ++k) {
        given[outside] = before[k];
        where[outside] = static_cast<std::uint32_t>(i + k);
        outside += static_cast<std::size_t>(-apart[k]);
      }
    }
    for (; i < count; ++i) p[i] = normal_quantile(p[i]);

    for (std::size_t k = outside; k < outside + 8; ++k) given[k] = 0.01;
    for (std::size_t k = 0; k < outside; k += 8) {
      tail_quantiles(given + k);
      for (std::size_t t = k; t < k + 8 && t < outside; ++t) p[where[t]] = given[t];
    }
    p = p.subspan(count);
  }
}

}  // namespace
}  // namespace polyclinic::math
