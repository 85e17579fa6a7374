// System: texts for tables. Expectation: control characters are found and shown, all else stays.
#include "base/plain_text.hpp"

#include <doctest/doctest.h>

namespace polyclinic {
namespace {

TEST_CASE("control characters are found and escaped; other text stays as it is") {
  for (const char* text : {"Lyon", "", "Hôpital, \"A\"", "münchen \\n", "\u00a0\u4e2d"}) {
    CHECK(is_plain(text));
    CHECK(escaped(text) == text);
  }
  CHECK(escaped("a\nb\tc\x1b[31m\x7f") == "a\\nb\\tc\\x1b[31m\\x7f");
  // C1: the terminal's one-character CSI
  CHECK(escaped("a\u009bb") == "a\\x9bb");
  for (const char* text : {"a\nb", "\x1b[31m", "\x7f", "\r", "\u009b"}) CHECK(!is_plain(text));
  CHECK(!is_plain(std::string_view("\0", 1)));
  CHECK(not_plain("'title'", "a\nb") == "'title' holds a control character: a\\nb");
}

}  // namespace
}  // namespace polyclinic
