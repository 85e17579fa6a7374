// System: the program where the machine is in its way: files of a hundred megabytes, folders that
// cannot be written, a disk that fills up, a kill in the middle. Expectation: one message, the
// right exit code, and nothing half-written that looks whole.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "program.hpp"
#include "record/sqlite.hpp"

namespace polyclinic {
namespace {

// A file of so many bytes that takes no room on the disk: after `begin` come zeros.
void write_large(const test::Folder& folder, const std::string& name, const std::string& begin,
                 std::uintmax_t bytes) {
  std::filesystem::resize_file(folder.write(name, begin), bytes);
}

constexpr std::uintmax_t kHundredMegabytes = 100'000'000;

TEST_CASE("a scenario of a hundred megabytes is not read") {
  const test::Folder folder;
  write_large(folder, "a.lua", "return scenario {}\n", kHundredMegabytes);
  const test::Outcome outcome = test::run(folder, {"run", "a.lua", "--out", "r"});
  CHECK(outcome.exit == 2);
  CHECK(outcome.out.empty());
  CHECK(outcome.error ==
        "a.lua: the file has 100 MB, and a scenario at most 4 MiB\n"
        "    data belong into files of their own: data \"...\"\n");
  CHECK(!folder.has("r"));
  folder.write("b.lua", "return require \"part\"\n");
  write_large(folder, "part.lua", "return 1\n", kHundredMegabytes);
  const test::Outcome module = test::run(folder, {"run", "b.lua"});
  CHECK(module.exit == 2);
  CHECK(module.error ==
        "b.lua:1: ./part.lua is too large for a Lua source: more than 4 MiB\n"
        "    return require \"part\"\n"
        "           ^\n"
        "    data belong into files: data \"...\"\n");
}

TEST_CASE("a table of a hundred megabytes that is none ends in its second row") {
  const test::Folder folder;
  write_large(folder, "a.csv", "age,died\n30,0\n", kHundredMegabytes);
  folder.write("a.lua",
               "return scenario { cohort = cohort.csv { files = { A = data \"a.csv\" }, outcome = "
               "positive \"died\" } }\n");
  const test::Outcome outcome = test::run(folder, {"run", "a.lua", "--out", "r"});
  CHECK(outcome.exit == 2);
  std::string quoted;  // the row's zeros, as far as a line shows them
  for (int i = 0; i < 100; ++i) quoted += "\xEF\xBF\xBD";
  CHECK(outcome.error == "./a.csv:3: there is a zero byte in this row: the file is no text\n    " +
                             quoted +
                             "...\n    UTF-16 text is turned to UTF-8 by: iconv -f utf-16 -t utf-8 "
                             "FILE\n");
  CHECK(!folder.has("r"));
}

TEST_CASE("a table of twenty thousand columns is read in time, and its mistakes are a page") {
  const test::Folder folder;
  std::string header = "died";
  std::string row = "1";
  std::string words = "0";
  for (int i = 0; i < 20'000; ++i) {
    header += ",c" + std::to_string(i);
    row += "," + std::to_string(i % 7);
    words += ",x";
  }
  folder.write("a.csv", header + "\n" + row + "\n" + words + "\n");
  folder.write("a.lua",
               "return scenario { cohort = cohort.csv { files = { A = data \"a.csv\" }, outcome = "
               "positive \"died\" } }\n");
  const test::Outcome outcome = test::run(folder, {"run", "a.lua"});
  CHECK(outcome.exit == 2);
  CHECK(outcome.error.find("./a.csv:3: 'x' in column 'c0' is not a number\n") == 0);
  CHECK(outcome.error.size() < 10'000);
  folder.write("b.lua",
               "return scenario { cohort = cohort.csv { files = { A = data \"a.csv\" }, outcome = "
               "positive \"dead\" } }\n");
  const test::Outcome column = test::run(folder, {"run", "b.lua"});
  CHECK(column.exit == 2);
  CHECK(column.error.find("c57, c58 and 19941 more\n") != std::string::npos);
}

TEST_CASE("a results folder that cannot be made is said before anything runs") {
  const test::Folder folder;
  folder.write("a.lua", test::kSmall);
  const test::Outcome outcome = test::run(folder, {"run", "a.lua", "--out", "/dev/null/r"});
  CHECK(outcome.exit == 2);
  CHECK(outcome.out.empty());
  CHECK(outcome.error ==
        "the folder /dev/null/r cannot be made: Not a directory\n"
        "    give a folder that can be written with --out DIR\n");
}

TEST_CASE("a disk that is full from the start leaves no folder; one that fills up ends the run") {
  const test::Folder folder;
  folder.write("a.lua", test::kLong);
  test::Disturbance full;
  full.file_bytes_max = 20'000;
  const test::Outcome nothing = test::run(folder, {"run", "a.lua", "--quiet", "--out", "r"}, full);
  CHECK(nothing.exit == 2);
  CHECK(nothing.error ==
        "r/results.sqlite cannot be created: disk I/O error (File too large)\n"
        "    give a folder that can be written with --out DIR\n");
  CHECK(!folder.has("r/results.sqlite"));
  CHECK(!folder.has("r/result.json"));

  test::Disturbance fills;
  fills.file_bytes_max = 300'000;
  const test::Outcome part = test::run(folder, {"run", "a.lua", "--quiet", "--out", "s"}, fills);
  CHECK(part.exit == 1);
  // SQLite 3.46 still knows the system's reason here, 3.40 does not
  std::string error = part.error;
  const std::string reason = " (File too large)";
  if (const auto at = error.find(reason); at != std::string::npos) error.erase(at, reason.size());
  CHECK(error ==
        "s/results.sqlite cannot be written any more: disk I/O error\n"
        "    what was committed before is kept there; give another folder with --out DIR\n");
  // what was committed can be read
  const test::Outcome story = test::run(folder, {"explain", "s"});
  CHECK(story.exit == 0);
  CHECK(story.out.find("Long (a.lua), seed 1. Simulation, not for clinical use.\n") == 0);
}

// The rows that a query gives, a line each.
std::string lines(const std::string& database, const std::string& sql) {
  const Sqlite file(database, Sqlite::Mode::read_only);
  SqliteStatement rows = file.prepare(sql);
  std::string text;
  while (rows.step()) text += rows.text(0) + "\n";
  return text;
}

// All that happened in the rounds of a run, in order.
std::string story_of(const std::string& database) {
  return lines(database,
               "SELECT round || ' ' || opened_ns || ' ' || deadline_ns || ' ' || start_version || "
               "' ' || closed_ns || ' ' || version || ' ' || aggregated || ' ' || mean_loss FROM "
               "rounds ORDER BY round") +
         lines(database,
               "SELECT round || ' ' || hospital || ' ' || training_started_ns || ' ' || "
               "training_ns || ' ' || arrived_ns FROM participants ORDER BY round, hospital") +
         lines(database,
               "SELECT round || ' ' || hospital || ' ' || direction || ' ' || started_ns || ' ' || "
               "ended_ns || ' ' || bytes_moved FROM transfers ORDER BY rowid") +
         lines(database, "SELECT version || ' ' || round || ' ' || made_ns FROM versions");
}

TEST_CASE("kill -9 leaves every round that was committed as a whole run of these rounds has it") {
  const test::Folder folder;
  folder.write("a.lua", R"LUA(
local p = params { rounds = 100000 }
return scenario {
  title = "Killed", hospitals = hospitals { count = 4, patients = 200 }, cohort = cohort.ehr {},
  rounds = p.rounds, baselines = false, measure = measure { every = "end" },
}
)LUA");
  test::Disturbance killed;
  killed.signal = SIGKILL;
  killed.when = [&] { return test::keeps_rounds(folder, "r"); };
  CHECK(test::run(folder, {"run", "a.lua", "--quiet", "--out", "r"}, killed).exit == -SIGKILL);
  const std::string left = folder.path("r/results.sqlite");
  CHECK(lines(left, "PRAGMA integrity_check") == "ok\n");
  std::string count = lines(left, "SELECT count(*) FROM rounds WHERE closed_ns IS NOT NULL");
  count.pop_back();
  CHECK(count != "0");
  // what the same command says about it
  const test::Outcome again = test::run(folder, {"run", "a.lua", "--out", "r"});
  CHECK(again.exit == 2);
  CHECK(again.out.empty());
  CHECK(again.error == "r already holds results: Killed (a.lua), seed 1: " + count +
                           " of 100000 rounds; it was killed or still runs\n" +
                           "    `polyclinic explain r` tells what happened in it; give another "
                           "folder with --out DIR, "
                           "or remove this one\n");
  // the rounds are those of a run that ends after them
  CHECK(test::run(folder, {"run", "a.lua", "--quiet", "--out", "s", "--set", "rounds=" + count})
            .exit == 0);
  CHECK(story_of(left) == story_of(folder.path("s/results.sqlite")));
}

}  // namespace
}  // namespace polyclinic
