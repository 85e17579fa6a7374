#include "base/time.hpp"

#include <cmath>

#include "base/check.hpp"

namespace polyclinic {

TimeNs ceil_to_ns(double seconds) {
  ENSURE(seconds >= 0 && seconds <= 3.2e9, "a duration lies between zero and a hundred years");
  const double ns = seconds * 1e9;

  // 0.3 s reached as 0.1 + 0.2 is 300000000.00000006 ns: a value within four rounding errors above
  // a whole nanosecond is that nanosecond, else sums of round numbers would all be one too late
  const double whole = std::floor(ns);
  const double tolerance = ns * 0x1p-51;
  return {static_cast<std::int64_t>(ns - whole <= tolerance ? whole : whole + 1)};
}

}  // namespace polyclinic
