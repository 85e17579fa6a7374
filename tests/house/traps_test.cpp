// System: docs/traps.md. Expectation: every test that it names is in the file that it names.
// Reason: a table of safeguards is worth what stands behind it (tests are renamed, and tables are
// not).
#include <doctest/doctest.h>

#include <fstream>
#include <optional>
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

// The text of literals that are written in parts: without `"`, white space, `"`.
std::string joined(const std::string& text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') {
      const std::size_t next = text.find_first_not_of(" \n", i + 1);
      if (next != std::string::npos && text[next] == '"') {
        i = next;
        continue;
      }
    }
    result += text[i];
  }
  return result;
}

// Whether that file has these words, however its lines are broken.
bool names(const std::string& file, const std::string& words) {
  return joined(text_of(file)).find(words) != std::string::npos;
}

struct Row {
  int trap = 0;
  std::string file;
  std::string words;
};

// A line of the table: | 7 | what | `tests/file`: words |; none for other lines.
std::optional<Row> row_of(const std::string& line) {
  const std::size_t file = line.find("| `tests/");
  if (line.rfind("| ", 0) != 0 || file == std::string::npos) return std::nullopt;
  const std::size_t from = file + 3;
  const std::size_t to = line.find("`: ", from);
  const std::size_t end = line.rfind(" |");
  if (to == std::string::npos || end == std::string::npos || end < to + 3) return std::nullopt;
  return Row{std::stoi(line.substr(2)), line.substr(from, to - from),
             line.substr(to + 3, end - to - 3)};
}

}  // namespace

TEST_CASE("every trap of privacy has the test that docs/traps.md names") {
  std::istringstream lines(text_of("docs/traps.md"));
  std::set<int> traps;
  for (std::string line; std::getline(lines, line);) {
    const std::optional<Row> row = row_of(line);
    if (!row) continue;
    traps.insert(row->trap);
    CAPTURE(line);
    CHECK(names(row->file, row->words));
  }
  for (int trap = 1; trap <= 28; ++trap) {
    CAPTURE(trap);
    CHECK(traps.contains(trap));
  }
  CHECK_FALSE(names("tests/house/traps_test.cpp", std::string("a test that nobody ") + "wrote"));
}
