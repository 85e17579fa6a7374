// System: a whole world, assembled from parts and run. Expectation: it trains, accounts for every
// invitation, and gives the same bits for any number of threads.
#include <doctest/doctest.h>

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

}  // namespace
}  // namespace polyclinic
