// System: docs/traps.md. Expectation: every test that it names is in the file that it names.
// Reason: a table of safeguards is worth what stands behind it (tests are renamed, and tables are
// not).
#include <doctest/doctest.h>

#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <string>

namespace {

const std::string kSource = POLYCLINIC_SOURCE_DIR;

std::string text_of(const std::string& file) {
  std::ifstream in(kSource + "/" + file);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// Whether that file has these words, however its lines are broken.
bool names(const std::string& file, const std::string& words) {
  static const std::regex seam("\"\\s*\"");
  return std::regex_replace(text_of(file), seam, "").find(words) != std::string::npos;
}

}  // namespace

TEST_CASE("every trap of privacy has the test that docs/traps.md names") {
  std::istringstream lines(text_of("docs/traps.md"));
  const std::regex row("\\| (\\d+) \\|.*\\| `(tests/[^`]+)`: (.+) \\|");
  std::set<int> traps;
  std::smatch found;
  for (std::string line; std::getline(lines, line);) {
    if (!std::regex_match(line, found, row)) continue;
    traps.insert(std::stoi(found[1]));
    CAPTURE(line);
    CHECK(names(found[2], found[3]));
  }
  // the page says why two have none
  const std::set<int> untested{23, 24};
  for (int trap = 1; trap <= 28; ++trap) {
    CAPTURE(trap);
    CHECK(traps.contains(trap) != untested.contains(trap));
  }
  CHECK_FALSE(names("tests/house/traps_test.cpp", std::string("a test that nobody ") + "wrote"));
}
