// System: the folder of a study. Expectation: a row per run with its arm and values, committed as
// runs end; files that agree with the object; a folder with results is refused; what was committed
// before a sudden end is there.
#include "study/study_folder.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>

#include "record/sqlite.hpp"
#include "record/stored_run.hpp"
#include "studies.hpp"
#include "study/runner.hpp"

namespace polyclinic {
namespace {

namespace fs = std::filesystem;

class Folder {
 public:
  Folder() : path_(fs::temp_directory_path() / ("polyclinic-study-" + std::to_string(::getpid()))) {
    fs::remove_all(path_);
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] std::string path(const std::string& name = {}) const {
    return name.empty() ? path_.string() : (path_ / name).string();
  }
  [[nodiscard]] std::string read(const std::string& name) const {
    std::ifstream in(path_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

 private:
  fs::path path_;
};

struct Fixture {
  Fixture() {
    const LoadStudy load = testing::loader_of(testing::study_part(
        testing::busy_scenario(),
        {testing::arm_part("plain"),
         testing::arm_part("pooled", {{"strategy", testing::part("baseline", "pooled")}})}));
    PlanOptions options;
    options.file = "study.lua";
    options.seeds = 2;
    result.plan = make_plan(options, load);
    result.runs = run_study(result.plan, load, {});
    result.provenance = {{"version", "a test"}};
  }
  StudyResult result;
};

std::string mistake_of(const std::string& folder) {
  try {
    const StudyFolder again(folder);
  } catch (const ScenarioError& error) {
    return error.mistakes().front().message;
  }
  return "";
}

TEST_CASE("a whole study is in the database and the files") {
  const Fixture fixture;
  const StudyResult& result = fixture.result;
  const Folder folder;
  StudyFolder kept(folder.path());
  kept.open(result.plan);
  for (const StudyRun& run : result.runs) kept.add(run);
  kept.finish(result);
  CHECK(folder.read("study.json") == study_json(result, 2) + "\n");
  CHECK(folder.read("runs.csv") == runs_csv(result));
  CHECK(folder.read("arms.csv") == arms_csv(result));
  CHECK(folder.read("README.txt").find("not for clinical use") != std::string::npos);

  const Sqlite file(database_path(folder.path()), Sqlite::Mode::read_only);
  SqliteStatement rows = file.prepare(
      "SELECT s.run, s.study_arm, s.replication, s.seed, s.state, s.fingerprint, s.bytes_up, "
      "m.value "
      "FROM study_named s JOIN metrics_named m USING (run) "
      "WHERE m.metric = 'auroc' AND m.average = 'macro' ORDER BY s.run");
  std::size_t n = 0;
  for (; rows.step(); ++n) {
    REQUIRE(n < result.runs.size());
    const StudyRun& run = result.runs[n];
    CHECK(rows.integer(0) == run.run);
    CHECK(rows.text(1) == result.plan.arms[run.arm].name);
    CHECK(rows.integer(2) == run.replication);
    CHECK(rows.text(3) == std::to_string(run.seed));
    CHECK(rows.text(4) == "done");
    CHECK(rows.text(5) == run.fingerprint);
    CHECK(rows.null(6) == !run.bytes_up);
    CHECK(rows.number(7) == *value_of(run, "auroc"));
  }
  CHECK(n == 4);
  SqliteStatement study = file.prepare("SELECT state, runs_planned, metric FROM study");
  REQUIRE(study.step());
  CHECK(study.text(0) == "done");
  CHECK(study.integer(1) == 4);
  CHECK(study.text(2) == "auroc");
  CHECK(mistake_of(folder.path()) ==
        folder.path() + " already holds results: study.lua, a study: 4 of 4 runs have ended");
  CHECK_THROWS_AS(read_stored_run(database_path(folder.path())), ScenarioError);
}

TEST_CASE("what was committed before the end came is there, and no file is half-written") {
  const Fixture fixture;
  const StudyResult& result = fixture.result;
  const Folder folder;
  {
    StudyFolder kept(folder.path());
    kept.open(result.plan);
    for (std::size_t i = 0; i < 3; ++i) kept.add(result.runs[i]);
  }
  CHECK(mistake_of(folder.path()) == folder.path() +
                                         " already holds results: study.lua, a study: 3 of 4 runs "
                                         "have ended; it was killed or still runs");
  CHECK(!fs::exists(folder.path("runs.csv")));
  CHECK(!fs::exists(folder.path("study.json")));
}

TEST_CASE("a folder that cannot be made is the user's mistake") {
  const Fixture fixture;
  StudyFolder kept("/proc/no/such/place");
  CHECK_THROWS_AS(kept.open(fixture.result.plan), ScenarioError);
}

}  // namespace
}  // namespace polyclinic
