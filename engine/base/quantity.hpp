// Numbers with a dimension: what `ms(40)` or `mbit(20)` is in a scenario.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/time.hpp"

namespace polyclinic {

enum class Dimension : std::uint8_t {
  none,       // a plain number
  time,       // nanoseconds
  data,       // bytes
  bandwidth,  // bytes per second
  speed,      // floating-point operations per second
  fraction,   // a share of something, 1 = all of it
};

// A number in the base unit of its dimension (see Dimension).
struct Quantity {
  double value = 0;
  Dimension dimension = Dimension::none;
  friend bool operator==(const Quantity&, const Quantity&) = default;
};

// A unit as scenarios write it: `ms(40)`, and 40ms on the command line.
struct Unit {
  std::string_view name;  // "ms"
  Dimension dimension;
  double factor;            // base units in one of these
  std::string_view symbol;  // how a value is printed: "ms"
  std::string_view doc;
  bool prints = true;  // to_text uses it; one family of units for each dimension
};

// All units, grouped by dimension, the smallest first.
std::span<const Unit> units();
const Unit* find_unit(std::string_view name);
// `value` of this unit. Use this rather than the factor: percent(7) is 0.07, and 7 * 0.01 is not.
Quantity make_quantity(double value, const Unit& unit);

// "time", "data", "bandwidth", "speed", "fraction", "number".
std::string_view dimension_name(Dimension dimension);
// A call a user could write for this dimension: "minutes(5)", "mbit(20)".
std::string_view example_call(Dimension dimension);

// Parses "40ms", "2.5 hours", "75%"; nullopt when the text is no number with a unit.
std::optional<Quantity> parse_quantity(std::string_view text);
// "40 ms", "20 Mbit/s", "1.5 MB", "50 GFLOP/s", "75 %": the largest unit of which there is at least
// 1 and in which six digits say it exactly ("100 min"), else the largest, rounded to six digits.
std::string to_text(Quantity quantity);
std::string to_text(TimeNs time);

}  // namespace polyclinic
