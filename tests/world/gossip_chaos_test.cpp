// System: a small federation without a server of which one party is killed: every hospital, the
// run; at every event in turn; for ever or for a while; both ways of exchange. Expectation: every
// run ends in time; each hospital's round ends in exactly one of "trained" and "dropped, because
// ..."; nothing counts twice; every message came or is counted as lost; the same kill gives the
// same bits again, whatever the threads.
#include <doctest/doctest.h>

#include "chaos_audit.hpp"

namespace polyclinic {
namespace {

using namespace testing;  // NOLINT: the vocabulary of these tests

constexpr double kDeadline = 1800;  // seconds
constexpr TimeNs kWhile{400 * kNsPerSecond};

WorldSpec gossip_world(const char* exchange, bool resume) {
  const char* interrupted = resume ? "resume" : "abort";
  return three_rounds(kDeadline,
                      chaos_hospitals({{"interrupted", interrupted},
                                       {"availability", part("availability", "always")}}),
                      {{"network", part("network", "star", {{"interrupted", interrupted}})},
                       {"protocol", part("protocol", "gossip", {{"exchange", exchange}})}});
}

std::string complaints(const Story& told) {
  Complaints complaints;
  complain_of_own_rounds(told, kChaosRounds * kDeadline, complaints);
  // what came is counted, and what did not is lost, also where the run was cut short
  const GossipAccount& account = *told.result.gossip;
  complaints.add(account.lost > account.messages, "more messages were lost than sent");
  std::int64_t ended = 0;
  for (const auto& [place, sent] : told.heard.sent) ended += sent;
  complaints.add(ended != account.messages - account.lost, "messages do not add up");
  return complaints.text();
}

TEST_CASE("a hospital without a server is cut off at each event") {
  for (const char* exchange : {"average", "push_sum"}) {
    for (const bool resume : {false, true}) {
      const WorldSpec spec = gossip_world(exchange, resume);
      const auto calm = run_chaos(spec, {});
      CHECK(complaints(*calm) == "");
      CHECK(calm->result.versions == kChaosRounds);
      bool lost = false;
      for (std::uint64_t at = 0; at < calm->result.events_dispatched; ++at) {
        for (const bool comes_back : {false, true}) {
          const Act act = comes_back ? cut_off_for(kWhile, "Oslo") : cut_off("Oslo");
          const auto told = run_chaos(spec, {at, act});
          const std::string wrong = complaints(*told);
          CHECK_MESSAGE(wrong.empty(), "at event " << at << ": " << wrong);
          CHECK(told->heard.reason == "all 3 rounds are done");
          CHECK(told->result.versions == kChaosRounds);
          lost = lost || told->result.gossip->lost > 0;
          if (at % 11 == 3) {
            CHECK(run_chaos(spec, {at, act}, 3)->result.fingerprint == told->result.fingerprint);
          }
        }
      }
      CHECK(lost);
    }
  }
}

TEST_CASE("a run without a server is ended, interrupted and broken at each event") {
  const WorldSpec spec = gossip_world("push_sum", false);
  const std::uint64_t events = run_chaos(spec, {})->result.events_dispatched;
  for (std::uint64_t at = 0; at < events; ++at) {
    end_in_three_ways(spec, at, complaints);
  }
}

}  // namespace
}  // namespace polyclinic
