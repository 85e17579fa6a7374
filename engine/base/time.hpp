// Simulated time: whole nanoseconds since the start of the run, and differences of such times.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>

namespace polyclinic {

struct TimeNs {
  std::int64_t ns = 0;

  friend constexpr auto operator<=>(TimeNs, TimeNs) = default;
  constexpr TimeNs& operator+=(TimeNs other) {
    ns += other.ns;
    return *this;
  }
  friend constexpr TimeNs operator+(TimeNs a, TimeNs b) { return {a.ns + b.ns}; }
  friend constexpr TimeNs operator-(TimeNs a, TimeNs b) { return {a.ns - b.ns}; }

  [[nodiscard]] constexpr double seconds() const { return static_cast<double>(ns) / 1e9; }
};

inline constexpr TimeNs kNever{std::numeric_limits<std::int64_t>::max()};
inline constexpr std::int64_t kNsPerSecond = 1'000'000'000;
inline constexpr TimeNs kDay{86'400 * kNsPerSecond};
// No duration or simulated time may exceed a hundred years: longer is a mistake in a unit.
inline constexpr TimeNs kTimeMax{std::int64_t{36'525} * 86'400 * kNsPerSecond};

// The first whole nanosecond not before `seconds`. REQUIRES: 0 <= seconds <= a hundred years.
TimeNs ceil_to_ns(double seconds);

}  // namespace polyclinic
