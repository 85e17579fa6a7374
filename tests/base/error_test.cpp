#include "base/error.hpp"

#include <doctest/doctest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

using namespace polyclinic;

namespace {

// A file that is there while the test runs.
class TemporaryFile {
 public:
  TemporaryFile(const char* name, const std::string& text)
      : path_(std::filesystem::temp_directory_path() / name) {
    std::ofstream(path_) << text;
  }
  ~TemporaryFile() { std::filesystem::remove(path_); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  [[nodiscard]] std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace

TEST_CASE("a mistake prints with its source line, a caret and an indented hint") {
  const TemporaryFile file("polyclinic_error_test_1.lua",
                           "return scenario {\n  roundz = 5,\n\tlatency = 3, \r\n}\n");
  CHECK(to_text(Mistake{{file.path(), 2, 3},
                        "scenario has no field 'roundz'",
                        "did you mean 'rounds'?\nfields: rounds, seed"}) ==
        file.path() +
            ":2: scenario has no field 'roundz'\n"
            "      roundz = 5,\n"
            "      ^\n"
            "    did you mean 'rounds'?\n"
            "    fields: rounds, seed");

  SUBCASE("a tab before the caret stays a tab") {
    CHECK(to_text(Mistake{{file.path(), 3, 12}, "no unit", ""}) ==
          file.path() + ":3: no unit\n    \tlatency = 3,\n    \t          ^");
  }
  SUBCASE("without a column there is no caret") {
    CHECK(to_text(Mistake{{file.path(), 2, 0}, "no", ""}) ==
          file.path() + ":2: no\n      roundz = 5,");
  }
  SUBCASE("a column beyond the line is its end") {
    CHECK(to_text(Mistake{{file.path(), 4, 50}, "no", ""}) ==
          file.path() + ":4: no\n    }\n     ^");
  }
  SUBCASE("a line beyond the file is left out") {
    CHECK(to_text(Mistake{{file.path(), 99, 1}, "no", "yes"}) == file.path() + ":99: no\n    yes");
  }
}

TEST_CASE("the caret counts characters, not bytes, and long lines are shown in part") {
  const TemporaryFile file("polyclinic_error_test_2.lua", "name = \"Krankenh\xC3\xA4user\" x\n" +
                                                              std::string(300, 'a') + "!" +
                                                              std::string(300, 'b') + "\n");
  // 18 characters in 19 bytes stand before the 'x' in column 24
  CHECK(to_text(Mistake{{file.path(), 1, 24}, "no", ""}) ==
        file.path() + ":1: no\n    name = \"Krankenh\xC3\xA4user\" x\n    " + std::string(22, ' ') +
            "^");
  CHECK(to_text(Mistake{{file.path(), 2, 301}, "no", ""}) ==
        file.path() + ":2: no\n    ..." + std::string(50, 'a') + "!" + std::string(49, 'b') +
            "...\n    " + std::string(53, ' ') + "^");
}

TEST_CASE("mistakes without a readable place") {
  CHECK(to_text(Mistake{{}, "unknown option", "see --help"}) == "unknown option\n    see --help");
  CHECK(to_text(Mistake{{"/no/such/file.csv", 7, 2}, "no number", ""}) ==
        "/no/such/file.csv:7: no number");
  CHECK(to_text(Mistake{{"/no/such/file.csv", 0, 0}, "cannot be read", ""}) ==
        "/no/such/file.csv: cannot be read");
}

TEST_CASE("what() of the exceptions names every mistake") {
  const ScenarioError both({{{"a.lua", 1, 2}, "first", "hint"}, {{"a.lua", 3, 0}, "second", ""}});
  CHECK(std::string(both.what()) == "a.lua:1: first\na.lua:3: second");
  CHECK(both.mistakes().size() == 2);
  const ScenarioError one({"b.lua", 4, 1}, "wrong", "do this");
  CHECK(std::string(one.what()) == "b.lua:4: wrong");
  CHECK(one.mistakes().at(0).hint == "do this");
  const RunError run({"c.lua", 5, 0}, "failed", "look");
  CHECK(std::string(run.what()) == "c.lua:5: failed");
  CHECK(run.mistake().hint == "look");
}

TEST_CASE("nearest_names: edits and swaps up to a third of the word, best first") {
  const std::vector<std::string> fields{"rounds", "round", "bounds", "latency",
                                        "MB",     "mbit",  "grounds"};
  CHECK(nearest_names("roundz", fields) == std::vector<std::string>{"round", "rounds", "bounds"});
  CHECK(nearest_names("latnecy", fields) == std::vector<std::string>{"latency"});
  CHECK(nearest_names("mb", fields) == std::vector<std::string>{"MB"});
  CHECK(nearest_names("wavelength", fields).empty());
  CHECK(nearest_names("", fields).empty());
  CHECK(nearest_names("x", {"y", "z"}).empty());
  // a swap costs one, so "ab" -> "ba" is within the one edit that a short word is allowed
  CHECK(nearest_names("ab", {"ba", "cd"}) == std::vector<std::string>{"ba"});
}

TEST_CASE("a page of text is no misspelt name, and a hundred thousand names are no sentence") {
  // two texts of a mebibyte: their distance would take 10^12 steps
  const std::string page(std::size_t{1} << 20U, 'x');
  CHECK(nearest_names(page, {page + "y"}).empty());
  CHECK(nearest_names("rounds", {page, "round"}) == std::vector<std::string>{"round"});
  std::vector<std::string> many(100'000, "c");
  CHECK(join_names(many).ends_with(", c and 99940 more"));
  many.resize(60);
  CHECK(join_names(many).ends_with(", c and c"));
}

TEST_CASE("did_you_mean and join_names") {
  CHECK(did_you_mean("fedavgg", {"fedavg", "fedavgm", "scaffold"}) ==
        "did you mean 'fedavg' or 'fedavgm'?");
  CHECK(did_you_mean("lantecy", {"latency"}) == "did you mean 'latency'?");
  CHECK(did_you_mean("zzz", {"latency"}).empty());
  CHECK(join_names({}).empty());
  CHECK(join_names({"a"}) == "a");
  CHECK(join_names({"a", "b"}, true) == "'a' and 'b'");
  CHECK(join_names({"a", "b", "c"}) == "a, b and c");
}

TEST_CASE("a message shows no escape codes and no broken characters") {
  const Mistake mistake{{}, "the cell \"\x1b[31mred\xFF\xC3\xBC\" is no number", "caf\xE9"};
  CHECK(to_text(mistake) ==
        "the cell \"\xEF\xBF\xBD[31mred\xEF\xBF\xBD\xC3\xBC\" is no number\n    caf\xEF\xBF\xBD");
}
