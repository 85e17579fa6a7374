// System: UTF-8. Expectation: well-formed text (Unicode 15, table 3-7) and nothing else is taken.
#include "base/utf8.hpp"

#include <doctest/doctest.h>

namespace polyclinic {
namespace {

TEST_CASE("UTF-8 is checked to the letter") {
  CHECK(is_utf8("Zürich, Genève, 東京, \xF0\x9F\x8F\xA5"));
  CHECK_FALSE(is_utf8("Z\xFCrich"));               // Latin-1
  CHECK_FALSE(is_utf8("\xC0\xAF"));                // a slash in two bytes
  CHECK_FALSE(is_utf8("\xED\xA0\x80"));            // half of a surrogate pair
  CHECK_FALSE(is_utf8("\xF4\x90\x80\x80"));        // beyond the last character
  CHECK_FALSE(is_utf8("\xE6\x9D"));                // cut off
  CHECK_FALSE(is_utf8(std::string_view("\x80")));  // no first byte
}

TEST_CASE("characters are as long as their first byte says") {
  CHECK(utf8_length("a") == 1);
  CHECK(utf8_length("\xC3\xBC") == 2);
  CHECK(utf8_length("\xE6\x9D\xB1!") == 3);
  CHECK(utf8_length("\xF0\x9F\x8F\xA5") == 4);
  CHECK(utf8_length("\xC3") == 0);
  CHECK(utf8_length("\xC1\x81") == 0);
}

}  // namespace
}  // namespace polyclinic
