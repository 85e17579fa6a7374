// Inside the net floor: exact sums and rounded durations for the solvers.
//
// Sums of rates and weights are fixed-point numbers: adding and taking away is exact, so nothing
// drifts and no order matters.
#pragma once

#include <cmath>
#include <cstdint>

#include "base/time.hpp"

namespace polyclinic {

__extension__ using Wide = __int128;

// Resolution of the fixed-point numbers: finer than a double for anything above 1 B/s, 1e-3 of
// weight and 0.1 byte, and far from overflow for 1e16 B/s, a million flows and 1e20 bytes.
inline constexpr double kCapUnit = 0x1p-40;
inline constexpr double kWeightUnit = 0x1p-56;
inline constexpr double kVirtualUnit = 0x1p-56;

// Rounds to the nearest. In two halves, each exact in itself: compilers call a library function for
// a whole of 128 bits, and for std::floor. REQUIRES: |value / unit| < 2^122.
inline Wide to_fixed(double value, double unit) {
  constexpr int kHalf = 60;
  const double units = value / unit + 0.5;
  const auto high = static_cast<std::int64_t>(units * 0x1p-60);
  const double rest = units - static_cast<double>(high) * 0x1p60;
  auto low = static_cast<std::int64_t>(rest);
  if (static_cast<double>(low) > rest) --low;  // a cast rounds towards 0, this is a floor
  return static_cast<Wide>(high) * (Wide{1} << kHalf) + low;
}
inline double from_fixed(Wide value, double unit) {
  return static_cast<double>(value) * unit;
}

// Nanoseconds that `bytes` take at `rate`, rounded up; what is within rounding errors above a whole
// nanosecond is that nanosecond. kNever beyond a hundred years.
inline TimeNs duration_of(double bytes, double rate) {
  if (bytes <= 0) return {};
  const double exact_ns = bytes * 1e9 / rate;
  if (!(exact_ns < static_cast<double>(kTimeMax.ns))) return kNever;
  const double below = std::floor(exact_ns);
  // three roundings of 2^-53 each lie between the true value and this one
  const bool whole = exact_ns - below <= exact_ns * 0x1p-51 && below > 0;
  return {static_cast<std::int64_t>(below) + (whole ? 0 : 1)};
}

inline TimeNs later(TimeNs start, TimeNs duration) {
  return duration == kNever ? kNever : start + duration;
}

}  // namespace polyclinic
