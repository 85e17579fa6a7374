#include "base/quantity.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <set>
#include <vector>

#include "base/stream.hpp"

using namespace polyclinic;

namespace {

void check_parses(std::string_view text, double value, Dimension dimension) {
  CAPTURE(text);
  const auto quantity = parse_quantity(text);
  REQUIRE(quantity.has_value());
  CHECK(quantity->value == value);
  CHECK(quantity->dimension == dimension);
}

}  // namespace

TEST_CASE("parse_quantity reads numbers with a unit's name, symbol or usual spelling") {
  check_parses("40ms", 40e6, Dimension::time);
  check_parses("40 ms", 40e6, Dimension::time);
  check_parses("  2.5 hours ", 9e12, Dimension::time);
  check_parses("1 day", 86400e9, Dimension::time);
  check_parses("2 weeks", 14 * 86400e9, Dimension::time);
  check_parses("5min", 300e9, Dimension::time);
  check_parses("1e3us", 1e6, Dimension::time);
  check_parses("-5 s", -5e9, Dimension::time);
  check_parses("20mbit", 2.5e6, Dimension::bandwidth);
  check_parses("20 Mbit/s", 2.5e6, Dimension::bandwidth);
  check_parses("3 MB_per_s", 3e6, Dimension::bandwidth);
  check_parses("3 MB/s", 3e6, Dimension::bandwidth);
  check_parses("1 KiB", 1024, Dimension::data);
  check_parses("1.5MB", 1.5e6, Dimension::data);
  check_parses("50 gflops", 50e9, Dimension::speed);
  check_parses("75%", 0.75, Dimension::fraction);
  check_parses("0.75 fraction", 0.75, Dimension::fraction);
}

TEST_CASE("percent is exact: 7 percent is the double 0.07, which 7 * 0.01 is not") {
  for (int i = 0; i <= 1000; ++i) {
    const double expected = static_cast<double>(i) / 100;
    CHECK(make_quantity(i, *find_unit("percent")).value == expected);
  }
}

TEST_CASE("parse_quantity refuses what is no number with a unit") {
  for (const char* text : {"", "ms", "40", "40 parsecs", "40 mss", "ms 40", "1,5 s", "inf s",
                           "nan ms", "1e400 s", "1e300 weeks", "4 0 ms", "40 MS", "0x10 s"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_quantity(text).has_value());
  }
}

TEST_CASE("to_text takes the largest unit in which the value is short") {
  const auto text = [](double value, Dimension d) { return to_text(Quantity{value, d}); };
  CHECK(text(40e6, Dimension::time) == "40 ms");
  CHECK(text(90 * 60e9, Dimension::time) == "1.5 h");
  CHECK(text(100 * 60e9, Dimension::time) == "100 min");
  CHECK(text(3601e9, Dimension::time) == "3601 s");
  CHECK(text(14 * 86400e9, Dimension::time) == "14 days");
  CHECK(text(0, Dimension::time) == "0 ns");
  CHECK(text(0.5, Dimension::time) == "0.5 ns");
  CHECK(text(-40e6, Dimension::time) == "-40 ms");
  CHECK(text(1234567890123, Dimension::time) == "20.5761 min");
  CHECK(text(2.5e6, Dimension::bandwidth) == "20 Mbit/s");
  CHECK(text(1.5e6, Dimension::data) == "1.5 MB");
  CHECK(text(5e12, Dimension::data) == "5000 GB");
  CHECK(text(50e9, Dimension::speed) == "50 GFLOP/s");
  CHECK(text(0.75, Dimension::fraction) == "75 %");
  CHECK(text(0.07, Dimension::fraction) == "7 %");
  CHECK(text(2.5, Dimension::none) == "2.5");
  CHECK(text(1e6, Dimension::none) == "1000000");
  CHECK(to_text(TimeNs{300'000'000'000}) == "5 min");
}

TEST_CASE("what to_text prints, parse_quantity reads back, exactly up to six digits") {
  Stream stream(make_run_key(1, 0), Purpose::kTest, 1);
  for (const Unit& unit : units()) {
    for (int i = 0; i < 200; ++i) {
      const double amount = static_cast<double>(1 + stream.below(999'999)) / 1000;
      const Quantity quantity = make_quantity(amount, unit);
      const auto back = parse_quantity(to_text(quantity));
      CAPTURE(to_text(quantity));
      REQUIRE(back.has_value());
      CHECK(back->dimension == quantity.dimension);
      // weeks, KiB and the like print in another unit, where they may need more than six digits
      const double tolerance = unit.prints ? 1e-15 : 5.01e-6;
      CHECK(std::fabs(back->value - quantity.value) <= tolerance * quantity.value);
    }
  }
}

TEST_CASE("every unit is documented, unique, and found by name; every dimension has an example") {
  std::set<std::string_view> names;
  for (const Unit& unit : units()) {
    CHECK(names.insert(unit.name).second);
    CHECK(find_unit(unit.name) == &unit);
    CHECK_FALSE(unit.doc.empty());
    CHECK(unit.dimension != Dimension::none);
  }
  CHECK(find_unit("parsec") == nullptr);
  // within a dimension, smallest first and without gaps
  for (std::size_t i = 1; i < units().size(); ++i) {
    if (units()[i].dimension == units()[i - 1].dimension)
      CHECK(units()[i].factor > units()[i - 1].factor);
  }
  for (auto dimension : {Dimension::time, Dimension::data, Dimension::bandwidth, Dimension::speed,
                         Dimension::fraction}) {
    CHECK_FALSE(dimension_name(dimension).empty());
    const std::string_view call = example_call(dimension);
    const Unit* unit = find_unit(call.substr(0, call.find('(')));
    REQUIRE(unit != nullptr);
    CHECK(unit->dimension == dimension);
  }
  CHECK(dimension_name(Dimension::none) == "number");
}
