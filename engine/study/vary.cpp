// --vary NAME=VALUES.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "study/plan.hpp"

namespace polyclinic {

namespace {

constexpr std::int64_t kValuesMost = 100'000;

ScenarioError mistake(const std::string& text, const std::string& what) {
  return {{},
          fmt::format("--vary {}: {}", text, what),
          "write --vary noise=0.5,1,2 or, from:to:count, --vary skew=0.1:1.0:4"};
}

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == at) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

// A number with the unit behind it: "10ms"; nullopt for other text.
struct Measure {
  double number = 0;
  std::string unit;
};

std::optional<Measure> measure_of(const std::string& text) {
  Measure measure;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, measure.number);
  if (error != std::errc() || !std::isfinite(measure.number)) return std::nullopt;
  measure.unit.assign(stopped, end);
  return measure;
}

// from:to:count, both ends included.
std::vector<std::string> range_of(const std::string& whole, const std::vector<std::string>& parts) {
  const auto from = measure_of(parts[0]);
  const auto to = measure_of(parts[1]);
  if (!from || !to) throw mistake(whole, "the ends of a range are numbers");
  if (from->unit != to->unit) throw mistake(whole, "write both ends of a range in the same unit");
  std::int64_t count = 0;
  const char* end = parts[2].data() + parts[2].size();
  const auto [stopped, error] = std::from_chars(parts[2].data(), end, count);
  if (error != std::errc() || stopped != end || count < 2 || count > kValuesMost) {
    throw mistake(whole, fmt::format("a range has 2 to {} values", kValuesMost));
  }
  std::vector<std::string> values;
  const auto last = static_cast<double>(count - 1);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto step = static_cast<double>(i);
    // twelve digits: 0.7, not 0.7000000000000001
    const double x = (from->number * (last - step) + to->number * step) / last;
    values.push_back(fmt::format("{:.12g}{}", x, from->unit));
  }
  return values;
}

}  // namespace

Variation parse_variation(const std::string& text) {
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0) throw mistake(text, "it has no name and '='");
  Variation vary;
  vary.name = text.substr(0, equals);
  for (const std::string& item : split(text.substr(equals + 1), ',')) {
    if (item.empty()) throw mistake(text, "a value is empty");
    const std::vector<std::string> parts = split(item, ':');
    const bool range = parts.size() > 1 && measure_of(parts[0]);
    if (range && parts.size() != 3) throw mistake(text, "a range is from:to:count");
    const auto values = range ? range_of(text, parts) : std::vector<std::string>{item};
    vary.values.insert(vary.values.end(), values.begin(), values.end());
  }
  std::vector<std::string> sorted = vary.values;
  std::sort(sorted.begin(), sorted.end());
  const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
  if (twice != sorted.end())
    throw mistake(text, fmt::format("the value {} is there twice", *twice));
  return vary;
}

}  // namespace polyclinic
