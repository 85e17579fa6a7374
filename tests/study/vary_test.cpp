// System: --vary. Expectation: lists, ranges with both ends, units; every mistake in one sentence.
#include <doctest/doctest.h>

#include "study/plan.hpp"

namespace polyclinic {
namespace {

using Values = std::vector<std::string>;

std::string mistake_of(const std::string& text) {
  try {
    parse_variation(text);
  } catch (const ScenarioError& error) {
    return error.mistakes().front().message;
  }
  return "";
}

TEST_CASE("values are listed, or counted from one end to the other") {
  CHECK(parse_variation("noise=0.5,1,2").name == "noise");
  CHECK(parse_variation("noise=0.5,1,2").values == Values{"0.5", "1", "2"});
  CHECK(parse_variation("skew=0.1:1.0:4").values == Values{"0.1", "0.4", "0.7", "1"});
  CHECK(parse_variation("n=1:10:10").values ==
        Values{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10"});
  CHECK(parse_variation("delay=10ms:40ms:4").values == Values{"10ms", "20ms", "30ms", "40ms"});
  CHECK(parse_variation("x=0,1:2:3").values == Values{"0", "1", "1.5", "2"});
  CHECK(parse_variation("x=2:1:2").values == Values{"2", "1"});
  // what begins with no number is text, colons and all
  CHECK(parse_variation("file=a:b:c,none").values == Values{"a:b:c", "none"});
}

TEST_CASE("mistakes in --vary") {
  CHECK(mistake_of("noise") == "--vary noise: it has no name and '='");
  CHECK(mistake_of("=1") == "--vary =1: it has no name and '='");
  CHECK(mistake_of("a=") == "--vary a=: a value is empty");
  CHECK(mistake_of("a=1,,2") == "--vary a=1,,2: a value is empty");
  CHECK(mistake_of("a=1:2") == "--vary a=1:2: a range is from:to:count");
  CHECK(mistake_of("a=1:x:3") == "--vary a=1:x:3: the ends of a range are numbers");
  CHECK(mistake_of("a=1ms:2s:3") ==
        "--vary a=1ms:2s:3: write both ends of a range in the same unit");
  CHECK(mistake_of("a=1:2:1") == "--vary a=1:2:1: a range has 2 to 100000 values");
  CHECK(mistake_of("a=1:2:2.5") == "--vary a=1:2:2.5: a range has 2 to 100000 values");
  CHECK(mistake_of("a=1,2,1") == "--vary a=1,2,1: the value 1 is there twice");
}

}  // namespace
}  // namespace polyclinic
