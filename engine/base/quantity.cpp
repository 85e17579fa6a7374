#include "base/quantity.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace polyclinic {

namespace {

using enum Dimension;

// Bandwidth is printed in bits, data in powers of ten, time in days at most: one way for each.
constexpr std::array kUnits{
    Unit{"ns", time, 1, "ns", "nanoseconds: the grain of simulated time"},
    Unit{"us", time, 1e3, "us", "microseconds"},
    Unit{"ms", time, 1e6, "ms", "milliseconds, such as the latency of a link"},
    Unit{"seconds", time, 1e9, "s", "seconds"},
    Unit{"minutes", time, 60e9, "min", "minutes of 60 seconds"},
    Unit{"hours", time, 3600e9, "h", "hours of 60 minutes"},
    Unit{"days", time, 86400e9, "days", "days of 24 hours"},
    Unit{"weeks", time, 604800e9, "weeks", "weeks of 7 days", false},

    Unit{"B", data, 1, "B", "bytes"},
    Unit{"kB", data, 1e3, "kB", "kilobytes of 1000 bytes"},
    Unit{"KiB", data, 1024, "KiB", "kibibytes of 1024 bytes", false},
    Unit{"MB", data, 1e6, "MB", "megabytes of 1000 kB"},
    Unit{"MiB", data, 1024. * 1024, "MiB", "mebibytes of 1024 KiB", false},
    Unit{"GB", data, 1e9, "GB", "gigabytes of 1000 MB"},
    Unit{"GiB", data, 1024. * 1024 * 1024, "GiB", "gibibytes of 1024 MiB", false},

    Unit{"kbit", bandwidth, 125, "kbit/s", "kilobits per second: 125 bytes per second"},
    Unit{"kB_per_s", bandwidth, 1e3, "kB/s", "kilobytes per second", false},
    Unit{"mbit", bandwidth, 125e3, "Mbit/s", "megabits per second, as links are sold"},
    Unit{"MB_per_s", bandwidth, 1e6, "MB/s", "megabytes per second", false},
    Unit{"gbit", bandwidth, 125e6, "Gbit/s", "gigabits per second"},

    Unit{"mflops", speed, 1e6, "MFLOP/s", "million floating-point operations per second"},
    Unit{"gflops", speed, 1e9, "GFLOP/s", "billion floating-point operations per second"},
    Unit{"tflops", speed, 1e12, "TFLOP/s", "trillion floating-point operations per second"},

    Unit{"percent", fraction, 0.01, "%", "a share in hundredths: percent(75) is three quarters"},
    Unit{"fraction", fraction, 1, "", "a share of something: fraction(0.75) is three quarters",
         false},
};

// Further spellings on the command line, beside a unit's name and symbol.
constexpr std::array<std::pair<std::string_view, std::string_view>, 18> kSpellings{{
    {"second", "seconds"},
    {"sec", "seconds"},
    {"minute", "minutes"},
    {"hour", "hours"},
    {"day", "days"},
    {"d", "days"},
    {"week", "weeks"},
    {"w", "weeks"},
    {"bytes", "B"},
    {"byte", "B"},
    {"kbps", "kbit"},
    {"mbps", "mbit"},
    {"gbps", "gbit"},
    {"Kbit", "kbit"},
    {"Mbit", "mbit"},
    {"Gbit", "gbit"},
    {"Mbps", "mbit"},
    {"Gbps", "gbit"},
}};

const Unit* find_spelling(std::string_view text) {
  if (const Unit* unit = find_unit(text)) return unit;
  for (const Unit& unit : kUnits) {
    if (!text.empty() && unit.symbol == text) return &unit;
  }
  for (const auto& [spelling, name] : kSpellings) {
    if (spelling == text) return find_unit(name);
  }
  return nullptr;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

double parsed(std::string_view text) {
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// A number read by a person: rounded to six significant digits, no exponent while that is short.
std::string number_text(double value) {
  std::string text = fmt::format("{:.6g}", value);
  if (text.find('e') != std::string::npos && std::fabs(value) >= 1 && std::fabs(value) < 1e15) {
    text = fmt::format("{:.0f}", parsed(text));
  }
  return text;
}

}  // namespace

std::span<const Unit> units() {
  return kUnits;
}

const Unit* find_unit(std::string_view name) {
  for (const Unit& unit : kUnits) {
    if (unit.name == name) return &unit;
  }
  return nullptr;
}

Quantity make_quantity(double value, const Unit& unit) {
  // dividing by 100 is correctly rounded, multiplying by the rounded 0.01 is not
  if (unit.factor < 1) return {value / std::floor(1 / unit.factor + 0.5), unit.dimension};
  return {value * unit.factor, unit.dimension};
}

std::string_view dimension_name(Dimension dimension) {
  switch (dimension) {
    case none: return "number";
    case time: return "time";
    case data: return "data";
    case bandwidth: return "bandwidth";
    case speed: return "speed";
    case fraction: return "fraction";
  }
  return {};
}

std::string_view example_call(Dimension dimension) {
  switch (dimension) {
    case none: return "5";
    case time: return "minutes(5)";
    case data: return "MB(1)";
    case bandwidth: return "mbit(20)";
    case speed: return "gflops(5)";
    case fraction: return "fraction(0.75)";
  }
  return {};
}

std::optional<Quantity> parse_quantity(std::string_view text) {
  text = trim(text);
  double value = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (status != std::errc{} || !std::isfinite(value)) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  const Unit* unit = find_spelling(trim(text));
  if (!unit) return std::nullopt;
  const Quantity quantity = make_quantity(value, *unit);
  if (!std::isfinite(quantity.value)) return std::nullopt;
  return quantity;
}

std::string to_text(Quantity quantity) {
  if (quantity.dimension == none) return fmt::format("{}", quantity.value);

  // the units in question: the largest of which there is at least one, and those below it
  const Unit* smallest = nullptr;
  const Unit* largest = nullptr;
  for (const Unit& unit : kUnits) {
    if (unit.dimension != quantity.dimension || !unit.prints) continue;
    if (!smallest) smallest = &unit;
    if (unit.factor <= std::fabs(quantity.value)) largest = &unit;
  }
  if (!largest) largest = smallest;

  // 6000 s is 100 min rather than 1.66667 h: the largest one in which six digits say it exactly
  for (auto i = static_cast<std::size_t>(largest - kUnits.data()) + 1; i-- > 0;) {
    const Unit& unit = kUnits[i];
    if (unit.dimension != quantity.dimension || !unit.prints) continue;
    const std::string text = number_text(quantity.value / unit.factor);
    if (make_quantity(parsed(text), unit) == quantity) {
      return fmt::format("{} {}", text, unit.symbol);
    }
  }
  return fmt::format("{} {}", number_text(quantity.value / largest->factor), largest->symbol);
}

std::string to_text(TimeNs duration) {
  return to_text(Quantity{static_cast<double>(duration.ns), time});
}

}  // namespace polyclinic
