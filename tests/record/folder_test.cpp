// System: the folder of `run --out`. Expectation: whole files or none, what RunResult says in each
// of them, and a second run refused with what was found.
#include "record/results_folder.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.hpp"
#include "data/npz.hpp"
#include "record/csv_export.hpp"
#include "record/drop_reasons.hpp"
#include "record/json_report.hpp"
#include "samples.hpp"

namespace polyclinic {
namespace {

void fill(const std::string& path) {
  ResultsFolder folder(path);
  folder.open(test::profile);
  test::feed(folder.observer(), 3);
  folder.finish(test::result(), "done");
}

Mistake refusal(const std::string& path) {
  try {
    const ResultsFolder folder(path);
  } catch (const ScenarioError& error) {
    return error.mistakes().at(0);
  }
  return {};
}

TEST_CASE("everything is there and nothing else") {
  const test::Folder folder;
  const std::string out = folder.path("deep/er");
  fill(out);
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(out)) {
    names.insert(entry.path().filename().string());
  }
  CHECK(names == std::set<std::string>{"README.txt", "hospitals.csv", "metrics.csv", "model.npz",
                                       "result.json", "results.sqlite", "rounds.csv"});
  const auto json = nlohmann::json::parse(test::read_file(out + "/result.json"));
  CHECK(json["note"] == "simulation, not for clinical use");
  CHECK(test::read_file(out + "/README.txt").find("Simulation, not for clinical use.") !=
        std::string::npos);
  const auto arrays = read_npz(out + "/model.npz", {});
  REQUIRE(arrays.size() == 2);
  CHECK(arrays[0].name == "weight");
  CHECK(arrays[0].shape == std::vector<std::int64_t>{1, 2});
  CHECK(arrays[0].values == std::vector<float>{0.5F, -1.0F});
  CHECK(arrays[1].values == std::vector<float>{0.25F});
}

TEST_CASE("a second run into the same folder says what is there and changes nothing") {
  const test::Folder folder;
  const std::string out = folder.path("a");
  fill(out);
  const std::string before = test::read_file(out + "/result.json");
  const Mistake mistake = refusal(out);
  CHECK(mistake.message == out +
                               " already holds results: Two hospitals (two.lua), seed 7: 3 of 3 "
                               "rounds; all rounds are done");
  CHECK(mistake.hint == "`polyclinic explain " + out +
                            "` tells what happened in it; give another folder with --out DIR, or "
                            "remove this one");
  CHECK(test::read_file(out + "/result.json") == before);
}

TEST_CASE("of two runs that begin at once in one folder, the second leaves the first's alone") {
  const test::Folder folder;
  const std::string out = folder.path("a");
  ResultsFolder first(out);
  ResultsFolder second(out);  // nothing is there yet
  first.open(test::profile);
  std::string message;
  try {
    second.open(test::profile);
  } catch (const ScenarioError& error) {
    message = error.mistakes().at(0).message;
  }
  CHECK(message.find(out + " already holds results: ") == 0);
  test::feed(first.observer(), 3);
  first.finish(test::result(), "done");
  CHECK(refusal(out).message.find("3 of 3 rounds") != std::string::npos);
}

TEST_CASE("what cannot be a results folder is refused before anything runs") {
  const test::Folder folder;
  const std::string file = folder.path("file");
  std::ofstream(file) << "x";
  CHECK(refusal(file).message == "--out " + file + " is a file, not a folder");
  std::filesystem::create_directories(folder.path("b"));
  std::ofstream(folder.path("b/results.sqlite")) << std::string(200, 'x');
  CHECK(refusal(folder.path("b")).message ==
        folder.path("b") + " already holds results: " + folder.path("b/results.sqlite") +
            " is no results database: file is not a database");
  // an empty folder is fine
  std::filesystem::create_directories(folder.path("c"));
  CHECK_NOTHROW(fill(folder.path("c")));
}

TEST_CASE("a folder that must not be written is refused with the reason") {
  const test::Folder folder;
  ResultsFolder below_file("/dev/null/results");
  try {
    below_file.open(test::profile);
    CHECK(false);
  } catch (const ScenarioError& error) {
    CHECK(error.mistakes().at(0).message ==
          "the folder /dev/null/results cannot be made: Not a directory");
  }
  // root may write anywhere: become nobody for a moment
  REQUIRE(chmod(folder.path().c_str(), 0555) == 0);
  const bool root = geteuid() == 0;
  if (root) REQUIRE(seteuid(65534) == 0);
  ResultsFolder read_only(folder.path("x"));
  std::string message;
  try {
    read_only.open(test::profile);
  } catch (const ScenarioError& error) {
    message = error.mistakes().at(0).message;
  }
  ResultsFolder existing(folder.path());
  std::string message_existing;
  try {
    existing.open(test::profile);
  } catch (const ScenarioError& error) {
    message_existing = error.mistakes().at(0).message;
  }
  if (root) REQUIRE(seteuid(0) == 0);
  REQUIRE(chmod(folder.path().c_str(), 0755) == 0);
  CHECK(message == "the folder " + folder.path("x") + " cannot be made: Permission denied");
  CHECK(message_existing ==
        "the folder " + folder.path() + " cannot be written: Permission denied");
}

TEST_CASE("CSV says what the result says") {
  const RunResult result = test::result();
  const std::string metrics = metrics_csv(result);
  CHECK(metrics.find("arm,metric,average,hospital,value,low,high,n,events,hospitals_counted,"
                     "reason,note\n") == 0);
  CHECK(
      metrics.find("federated,auroc,macro,,0.75,0.7,0.8,,,1,,simulation not for clinical use\n") !=
      std::string::npos);
  CHECK(metrics.find("federated,auroc,worst,Lyon,0.75,,,,,1,,") != std::string::npos);
  CHECK(metrics.find("federated,auroc,,\"Malm\xc3\xb6, \"\"S\"\"\",,,,12,0,,one class only,") !=
        std::string::npos);
  CHECK(metrics.find("local_only,auroc,macro,,0.72,") != std::string::npos);
  // as many cells in each line as in the head: 12, and commas inside quotes are none
  const std::string hospitals = hospitals_csv(result);
  CHECK(
      hospitals.find(
          "hospital,region,role,patients,train_rows,weight,invitations,"
          "participations,dropped_unreachable,dropped_not_approved,"
          "dropped_window_closed,dropped_train_interrupted,dropped_send_failed,"
          "dropped_late,dropped_not_needed,dropped_diverged,dropped_too_few_rows,"
          "dropped_round_failed,dropped_run_ended,dropped_partial_work,dropped_budget_"
          "spent,dropped_too_stale,dropped_sum_lost,dropped_resting,dropped_left,dropped_gone_back,"
          "dropped_server_crashed,dropped_refused,bytes_up,") == 0);
  CHECK(hospitals.find("Lyon,EU,member,500,300,1,3,3,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,15000,"
                       "15000,0,31.5,0,0,,"
                       "simulation not for clinical use\n") != std::string::npos);
  CHECK(hospitals.find(
            "\"Malm\xc3\xb6, \"\"S\"\"\",EU,member,501,300,0,3,0,0,0,0,0,0,3,0,0,0,0,0,0,") !=
        std::string::npos);
  CHECK(rounds_csv(result).find("2,2,100,200,2,1,0,,,simulation not for clinical use\n") !=
        std::string::npos);
}

TEST_CASE("every reason to be left out has a name, a sentence, a column and a key") {
  const std::vector<DropReason> reasons = drop_reasons();
  // the first and the last of the enumeration, and all between
  CHECK(reasons.front() == DropReason::unreachable);
  CHECK(reasons.back() == DropReason::refused);
  REQUIRE(reasons.size() == static_cast<std::size_t>(DropReason::refused) + 1);
  RunResult result = test::result();
  std::int64_t count = 100;
  for (DropReason reason : reasons) result.hospitals[0].drops[reason] = ++count;
  const std::string csv = hospitals_csv(result);
  const auto json = nlohmann::json::parse(to_json(result));
  std::string cells = ",3,3";
  count = 100;
  for (DropReason reason : reasons) {
    CHECK(!describe(reason).empty());
    CHECK(csv.find(",dropped_" + std::string(name(reason)) + ",") != std::string::npos);
    CHECK(json["hospitals"][0]["drop_reasons"][std::string(name(reason))] == ++count);
    cells += "," + std::to_string(count);
  }
  CHECK(csv.find(cells + ",15000,15000,") != std::string::npos);
}

TEST_CASE("JSON is one object of the documented shape") {
  const auto json = nlohmann::json::parse(to_json(test::result()));
  for (const char* key :
       {"scenario", "title", "seed", "versions", "sim_seconds", "metrics", "hospitals", "bytes_up",
        "bytes_down", "baselines", "fingerprint", "provenance"}) {
    CHECK_MESSAGE(json.contains(key), key);
  }
  for (const char* key : {"macro", "weighted", "micro", "worst", "hospitals_counted"}) {
    CHECK_MESSAGE(json["metrics"]["auroc"].contains(key), key);
    CHECK_MESSAGE(json["baselines"]["pooled"]["auroc"].contains(key), key);
    CHECK_MESSAGE(json["baselines"]["local_only"]["auroc"].contains(key), key);
  }
  const auto& lyon = json["hospitals"][0];
  for (const char* key :
       {"name", "patients", "metrics", "bytes_up", "bytes_down", "participations", "drops"}) {
    CHECK_MESSAGE(lyon.contains(key), key);
  }
  for (const char* key : {"value", "low", "high", "n", "events"}) {
    CHECK_MESSAGE(lyon["metrics"]["auroc"].contains(key), key);
  }
  CHECK(json["metrics"]["auroc"]["macro"] == 0.75);
  CHECK(json["hospitals"][1]["metrics"]["auroc"]["value"].is_null());
  CHECK(json["hospitals"][1]["metrics"]["auroc"]["reason"] == "one class only");
  CHECK(json["hospitals"][1]["drops"] == 3);
  CHECK(json["hospitals"][1]["drop_reasons"]["late"] == 3);
  CHECK(json["provenance"]["threads"] == "1");
  CHECK(json["sim_seconds"] == 300.0);
}

}  // namespace
}  // namespace polyclinic
