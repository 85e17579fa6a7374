// System: a whole world, assembled from parts and run. Expectation: it trains, accounts for every
// invitation, and gives the same bits for any number of threads.
#include <doctest/doctest.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "parts.hpp"

namespace polyclinic {
namespace {

using namespace testing;  // NOLINT: the vocabulary of these tests

TEST_CASE("a small federation trains and is better than a coin") {
  const RunResult result = run(small_world({{"rounds", 10}}));
  CHECK(result.rounds == 10);
  CHECK(result.hospitals.size() == 8);
  REQUIRE(!result.federated.averages.empty());
  CHECK(result.federated.averages[0].metric == "auroc");
  REQUIRE(result.federated.averages[0].macro);
  CHECK(*result.federated.averages[0].macro > 0.6);
  CHECK(result.stop_reason == "all 10 rounds are done");
}

TEST_CASE("every invitation ends in an update or in a drop with a reason") {
  const RunResult result = run(small_world(
      {{"rounds", 12},
       {"deadline", seconds(600)},
       {"hospitals",
        part("hospitals", "",
             {{"availability", part("availability", "markov",
                                    {{"up", seconds(3000)}, {"down", seconds(900)}})}})}}));
  std::int64_t drops = 0;
  for (const HospitalAccount& hospital : result.hospitals) {
    std::int64_t dropped = 0;
    for (const auto& [reason, count] : hospital.drops) dropped += count;
    CHECK(hospital.invitations == hospital.participations + dropped);
    drops += dropped;
  }
  CHECK(drops > 0);
  std::int64_t aggregated = 0;
  for (const RoundRecord& round : result.round_records) aggregated += round.aggregated;
  std::int64_t participations = 0;
  for (const HospitalAccount& hospital : result.hospitals)
    participations += hospital.participations;
  CHECK(aggregated == participations);
  std::int64_t up = 0;
  std::int64_t down = 0;
  for (const HospitalAccount& hospital : result.hospitals) {
    up += hospital.bytes_up;
    down += hospital.bytes_down;
  }
  CHECK(up == result.bytes_up);
  CHECK(down == result.bytes_down);
}

TEST_CASE("the fingerprint does not depend on threads") {
  const WorldSpec spec = small_world({{"rounds", 4}, {"baselines", true}});
  RunOptions options;
  const RunResult one = run(spec, options);
  for (int threads : {2, 3, 8}) {
    options.threads = threads;
    CHECK(run(spec, options).fingerprint == one.fingerprint);
  }
  const WorldSpec other = small_world({{"rounds", 4}, {"baselines", true}}, 2);
  CHECK(run(other).fingerprint != one.fingerprint);
}

TEST_CASE("a federation that ends early says so of the hospitals at work") {
  const RunResult result =
      run(small_world({{"rounds", 5}, {"stop", part("stop", "", {{"after", seconds(30)}})}}));
  CHECK(result.stop_reason == "30 s have passed");
  std::int64_t ended = 0;
  for (const HospitalAccount& hospital : result.hospitals) {
    const auto it = hospital.drops.find(DropReason::run_ended);
    if (it != hospital.drops.end()) ended += it->second;
  }
  CHECK(ended == 8);
}

TEST_CASE("a run that fails in the middle of a round accounts for its hospitals") {
  // a server rate of 1e38 makes the first aggregate overflow the model: a RunError inside the round
  World world(small_world({{"server", part("server", "sgd", {{"rate", 1e38}})},
                           {"training", part("training", "sgd", {{"rate", 50.0}})}}),
              nullptr, {});
  CHECK_THROWS_AS(world.run(), RunError);
  const RunResult& result = world.result();
  CHECK(result.versions == 0);
  for (const HospitalAccount& hospital : result.hospitals) {
    std::int64_t dropped = 0;
    for (const auto& [reason, count] : hospital.drops) dropped += count;
    CHECK(hospital.invitations == 1);
    CHECK(hospital.participations == 0);
    CHECK(dropped == 1);
    CHECK(hospital.weight == 0.0);
  }
}

TEST_CASE("weights are mean shares of the versions made, also where hospitals were missing") {
  const RunResult result = run(small_world({{"rounds", 12}, {"deadline", seconds(500)}}));
  double sum = 0;
  std::int64_t participations = 0;
  for (const HospitalAccount& hospital : result.hospitals) {
    sum += hospital.weight;
    participations += hospital.participations;
    CHECK((hospital.weight > 0) == (hospital.participations > 0));
  }
  CHECK(participations < 8 * 12);
  CHECK(sum == doctest::Approx(1.0).epsilon(1e-12));
}

TEST_CASE("no time lies between the last round and the end of a run") {
  const RunResult result = run(small_world(
      {{"rounds", 3}, {"protocol", part("protocol", "sync", {{"pause", seconds(600)}})}}));
  REQUIRE(result.round_records.size() == 3);
  CHECK(result.round_records[1].opened ==
        result.round_records[0].closed + TimeNs{600 * kNsPerSecond});
  CHECK(result.ended == result.round_records[2].closed);
}

TEST_CASE("what could never work is refused before the run") {
  const auto refused = [](const Fields& fields) {
    try {
      World world(small_world(fields), nullptr, {});
    } catch (const ScenarioError& error) {
      return error.mistakes().front().message;
    }
    return std::string("accepted");
  };
  const Part four = part("protocol", "sync", {{"minimum_replies", 4}});
  CHECK(refused({{"participants", 3}, {"protocol", four}}) ==
        "minimum_replies is 4, but a round waits for 3 hospitals");
  CHECK(refused({{"participants", 4}, {"protocol", four}}) == "accepted");
  CHECK(refused({{"deadline", seconds(4e9)}}).find("longer than 100 years") != std::string::npos);
  CHECK(refused({{"measure", part("measure", "", {{"metrics", list({"auroc", "auroc"})}})}}) ==
        "two metrics have the name \"auroc\"");
  CHECK(refused({{"stop", part("stop", "", {{"auroc", 0.9}})},
                 {"measure", part("measure", "", {{"every", "end"}})}}) ==
        "stop looks at 'auroc', which only the end measures");
}

TEST_CASE("a stop at the very end of a round keeps that round's record") {
  // every round lasts to its deadline: the one hospital that cannot be reached holds it open
  const Part down = part("availability", "markov", {{"up", seconds(1)}, {"down", seconds(3.0e8)}});
  const RunResult result = run(small_world(
      {{"rounds", 9},
       {"deadline", seconds(1800)},
       {"hospitals",
        part("hospitals", "",
             {{"overhead", seconds(60)},
              {"jitter", 0.0},
              {"names", list({"Lyon", "Oslo", "Graz", "Gent"})},
              {"site", Value(Table{{"Lyon", Value(Table{{"availability", Value(down)}})}})}})},
       {"stop", part("stop", "", {{"after", seconds(3600)}})}}));
  CHECK(result.stop_reason == "1 h have passed");
  CHECK(result.versions == 2);
  CHECK(result.round_records.size() == 2);
}

TEST_CASE("references visit each row as often as the federation did, also less than once") {
  // 2 of 8 hospitals in 2 rounds: about half a visit per row; the reference may not make a whole
  // one
  const Fields few{{"rounds", 2}, {"participants", 2}, {"baselines", true}};
  const Fields more{{"rounds", 2}, {"participants", 4}, {"baselines", true}};
  const RunResult half = run(small_world(few));
  const RunResult whole = run(small_world(more));
  REQUIRE(half.baselines.size() == 2);
  CHECK(half.baselines[0].averages[0].macro != whole.baselines[0].averages[0].macro);
}

// Three hospitals; the values of the third are too large for the learning rate.
std::string write_extreme_table() {
  std::string path =
      (std::filesystem::temp_directory_path() / "polyclinic-extreme-XXXXXX").string();
  const int file = mkstemp(path.data());
  REQUIRE(file >= 0);
  close(file);
  std::ofstream out(path);
  out << "site,x,y\n";
  for (int i = 0; i < 60; ++i) {
    out << "A," << i % 7 << ',' << i % 7 + i % 3 << "\nB," << i % 5 << ',' << i % 5 + i % 2
        << "\nC," << 1e9 * (i % 11) << ',' << 1e9 * (i % 13) << '\n';
  }
  return path;
}

TEST_CASE("a reference that overflows has no values and says so") {
  const std::string path = write_extreme_table();
  const Part cohort = part("cohort", "csv",
                           {{"file", Value(FilePath{"t.csv", path})},
                            {"hospital", part("column", "", {{"name", "site"}})},
                            {"outcome", part("column", "", {{"name", "y"}})},
                            {"task", "regression"},
                            {"standardise", "none"}});
  const Part protocol = part("protocol", "sync", {{"minimum_replies", 2}});
  const RunResult result =
      run(small_world({{"cohort", cohort},
                       {"rounds", 4},
                       {"protocol", protocol},
                       {"baselines", true},
                       {"measure", part("measure", "", {{"metrics", list({"rmse"})}})},
                       {"model", part("model", "linear")},
                       {"training", part("training", "sgd", {{"rate", 0.01}})}}));
  std::filesystem::remove(path);
  CHECK(result.hospitals[2].drops.at(DropReason::diverged) == 4);
  CHECK(result.hospitals[0].participations > 0);
  REQUIRE(result.baselines.size() == 2);
  CHECK(result.baselines[0].overflowed == 1);
  CHECK_FALSE(result.baselines[0].averages[0].macro.has_value());
  CHECK(result.baselines[1].overflowed == 1);
  const auto says = [&](const std::string& text) {
    return std::find(result.remarks.begin(), result.remarks.end(), text) != result.remarks.end();
  };
  CHECK(says("the pooled training overflowed: it has no values"));
  CHECK(says("1 trainings of local_only overflowed: they have no values"));
}

TEST_CASE("references of a federation that learnt nothing say that they were not trained") {
  const RunResult result =
      run(small_world({{"rounds", 2},
                       {"baselines", true},
                       {"training", part("training", "sgd", {{"rate", 1e38}})}}));
  CHECK(result.versions == 0);
  CHECK(std::find(result.remarks.begin(), result.remarks.end(),
                  "the references were not trained: no update of the federation was used") !=
        result.remarks.end());
}

TEST_CASE("a hospital whose approval has not come says so, and time passes") {
  const RunResult result = run(small_world(
      {{"rounds", 2}, {"hospitals", part("hospitals", "", {{"approval", seconds(86400 * 14)}})}}));
  for (const HospitalAccount& hospital : result.hospitals) {
    CHECK(hospital.drops.at(DropReason::not_approved) == 2);
  }
  // two failed rounds of half an hour, not two instants
  CHECK(result.ended == TimeNs{3600 * kNsPerSecond});
}

}  // namespace
}  // namespace polyclinic
