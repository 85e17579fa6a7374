// System: a small federation in which hospitals take turns and one party is killed: every hospital,
// the run; at every event in turn; for ever or for a while. Expectation: every run ends in time;
// each hospital's round ends in exactly one of "part of a version" and "dropped, because ...";
// nothing counts twice; a round whose aggregator is gone makes no version; the same kill gives the
// same bits again, whatever the threads.
#include <doctest/doctest.h>

#include "chaos_audit.hpp"

namespace polyclinic {
namespace {

using namespace testing;  // NOLINT: the vocabulary of these tests

constexpr double kDeadline = 1800;  // seconds; of a turn, or of a round
constexpr TimeNs kWhile{400 * kNsPerSecond};

WorldSpec turns_world(const std::string& protocol, bool resume) {
  const char* interrupted = resume ? "resume" : "abort";
  return three_rounds(kDeadline,
                      chaos_hospitals({{"interrupted", interrupted},
                                       {"availability", part("availability", "always")}}),
                      {{"network", part("network", "star", {{"interrupted", interrupted}})},
                       {"protocol", part("protocol", protocol)}});
}

std::string complaints(const Story& told) {
  Complaints complaints;
  const bool cyclic = told.result.protocol == "cyclic";
  const double turns = cyclic ? static_cast<double>(kHospitals.size()) : 1.0;
  complain_of_own_rounds(told, kChaosRounds * kDeadline * turns, complaints);
  for (const RoundRecord& round : told.result.round_records) {
    complaints.add(round.aggregator.empty() != cyclic, "nobody gathered the updates of a round");
  }
  return complaints.text();
}

TEST_CASE("a hospital that takes turns is cut off at each event") {
  for (const char* protocol : {"cyclic", "swarm"}) {
    for (const bool resume : {false, true}) {
      const WorldSpec spec = turns_world(protocol, resume);
      const auto calm = run_chaos(spec, {});
      CHECK(complaints(*calm) == "");
      CHECK(calm->result.versions == kChaosRounds);
      bool skipped = false;
      bool lost_round = false;
      for (std::uint64_t at = 0; at < calm->result.events_dispatched; ++at) {
        // every party in turn, each for ever and for a while
        const std::string& victim = kHospitals[at % kHospitals.size()];
        for (const bool comes_back : {false, true}) {
          const Act act = comes_back ? cut_off_for(kWhile, victim) : cut_off(victim);
          const auto told = run_chaos(spec, {at, act});
          const std::string wrong = complaints(*told);
          CHECK_MESSAGE(wrong.empty(),
                        protocol << ", " << victim << " at event " << at << ": " << wrong);
          CHECK(told->heard.reason == "all 3 rounds are done");
          skipped = skipped || !told->heard.drops.empty();
          lost_round = lost_round || told->result.versions < kChaosRounds;
          if (at % 11 == 3) {
            CHECK(run_chaos(spec, {at, act}, 3)->result.fingerprint == told->result.fingerprint);
          }
        }
      }
      CHECK(skipped);
      // an aggregator that is gone takes its round with it
      if (std::string(protocol) == "swarm") CHECK(lost_round);
    }
  }
}

TEST_CASE("a run in which hospitals take turns is ended, interrupted and broken at each event") {
  for (const char* protocol : {"cyclic", "swarm"}) {
    const WorldSpec spec = turns_world(protocol, false);
    const std::uint64_t events = run_chaos(spec, {})->result.events_dispatched;
    for (std::uint64_t at = 0; at < events; ++at) {
      end_in_three_ways(spec, at, complaints);
    }
  }
}

}  // namespace
}  // namespace polyclinic
