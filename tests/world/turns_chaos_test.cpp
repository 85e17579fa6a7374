// System: a small federation in which hospitals take turns and one party is killed: every hospital,
// the run; at every event in turn; for ever or for a while. Expectation: every run ends in time;
// each hospital's round ends in exactly one of "part of a version" and "dropped, because ...";
// nothing counts twice; a round whose aggregator is gone makes no version; the same kill gives the
// same bits again, whatever the threads.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <atomic>
#include <cmath>
#include <functional>
#include <memory>

#include "chaos.hpp"

namespace polyclinic {
namespace {

using namespace testing;  // NOLINT: the vocabulary of these tests

constexpr double kDeadline = 1800;  // seconds; of a turn, or of a round
constexpr TimeNs kWhile{400 * kNsPerSecond};

WorldSpec turns_world(const std::string& protocol, bool resume) {
  Fields hospitals{{"overhead", seconds(120)},
                   {"latency", seconds(1)},
                   {"uplink", mbit(0.05)},
                   {"downlink", mbit(0.05)},
                   {"speed", gflops(1e-8)},
                   {"interrupted", resume ? "resume" : "abort"},
                   {"availability", part("availability", "always")}};
  return small_world(
      {{"rounds", kChaosRounds},
       {"cohort", chaos_cohort()},
       {"model", part("model", "linear")},
       {"training", part("training", "sgd", {{"rate", 0.01}, {"batch", 4}})},
       {"deadline", seconds(kDeadline)},
       {"hospitals", part("hospitals", "", hospitals)},
       {"network", part("network", "star", {{"interrupted", resume ? "resume" : "abort"}})},
       {"protocol", part("protocol", protocol)},
       {"measure", part("measure", "", {{"metrics", list({"rmse"})}, {"every", "end"}})}});
}

struct Told {
  Listener heard;
  ChaosHost host;
  RunResult result;
  std::string failure;
};
using Act = std::function<void(WorldControl&, ChaosHost&)>;

std::unique_ptr<Told> run_with(const WorldSpec& spec, std::uint64_t at, const Act& act,
                               int threads = 1, std::atomic<bool>* interrupt = nullptr) {
  auto told = std::make_unique<Told>();
  RunOptions options;
  options.threads = threads;
  options.interrupt = interrupt;
  options.observers.push_back(&told->heard);
  options.before_event = [&](WorldControl& world, std::uint64_t dispatched) {
    if (dispatched == at && act) act(world, told->host);
  };
  World world(spec, &told->host, options);
  try {
    world.run();
  } catch (const RunError& error) {
    told->failure = error.mistake().message;
  }
  told->result = world.result();
  return told;
}

std::string complaints(const Told& told) {
  std::string text;
  const auto complain = [&](bool wrong, const std::string& what) {
    if (wrong) text += what + "\n";
  };
  const Listener& heard = told.heard;
  complain(heard.ends != 1 || heard.reason.empty(), "the run did not end once, with a reason");
  complain(heard.time_went_back, "time went back");
  const bool cyclic = told.result.protocol == "cyclic";
  const double most = kChaosRounds * kDeadline * (cyclic ? double(kHospitals.size()) : 1.0);
  complain(told.result.ended.seconds() > most, "it lasted too long");
  std::map<std::uint32_t, std::int64_t> used;
  std::int64_t versions = 0;
  for (const auto& [number, round] : heard.rounds) {
    std::int64_t here = 0;
    for (const HospitalId id : round.invited) {
      const Listener::Place place{number, id.value};
      const auto drops = heard.drops.find(place);
      if (drops != heard.drops.end()) {
        complain(drops->second.size() != 1, "a hospital's round ended twice");
        continue;
      }
      ++here;
      ++used[id.value];
      const auto arrived = heard.arrivals.find(place);
      complain(arrived == heard.arrivals.end() || arrived->second != 1,
               "a training was used that did not end once");
    }
    complain(here != std::max<std::int64_t>(round.aggregated, 0), "a round says another number");
    if (round.aggregated >= 0 && !round.failed) ++versions;
  }
  complain(versions != told.result.versions, "the result has another number of versions");
  double weights = 0;
  std::int64_t up = 0;
  std::int64_t down = 0;
  for (const HospitalAccount& account : told.result.hospitals) {
    complain(account.participations != used[account.hospital.value], "participations differ");
    weights += account.weight;
    up += account.bytes_up;
    down += account.bytes_down;
  }
  if (versions > 0) complain(std::abs(weights - 1) > 1e-12, "weights do not sum to 1");
  complain(up != told.result.bytes_up || down != told.result.bytes_down, "bytes do not add up");
  complain(up != down, "not all that was sent was received");
  for (const RoundRecord& round : told.result.round_records) {
    complain(round.aggregator.empty() != cyclic, "nobody gathered the updates of a round");
  }
  for (const float x : told.result.final_parameters) {
    complain(!std::isfinite(x), "a parameter is no number");
  }
  return text;
}

TEST_CASE("a hospital that takes turns is cut off at each event") {
  for (const char* protocol : {"cyclic", "swarm"}) {
    for (const bool resume : {false, true}) {
      const WorldSpec spec = turns_world(protocol, resume);
      const auto calm = run_with(spec, 0, {});
      CHECK(complaints(*calm) == "");
      CHECK(calm->result.versions == kChaosRounds);
      bool skipped = false;
      bool lost_round = false;
      for (std::uint64_t at = 0; at < calm->result.events_dispatched; ++at) {
        // every party in turn, each for ever and for a while
        const std::string& victim = kHospitals[at % kHospitals.size()];
        for (const bool comes_back : {false, true}) {
          const Act act = [&](WorldControl& world, ChaosHost& host) {
            world.disconnect(victim);
            if (!comes_back) return;
            host.on_wake = [&world, &victim] { world.reconnect(victim); };
            world.wake_at(world.now() + kWhile, 0);
          };
          const auto told = run_with(spec, at, act);
          const std::string wrong = complaints(*told);
          CHECK_MESSAGE(wrong.empty(),
                        protocol << ", " << victim << " at event " << at << ": " << wrong);
          CHECK(told->heard.reason == "all 3 rounds are done");
          skipped = skipped || !told->heard.drops.empty();
          lost_round = lost_round || told->result.versions < kChaosRounds;
          if (at % 11 == 3) {
            CHECK(run_with(spec, at, act, 3)->result.fingerprint == told->result.fingerprint);
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
    const std::uint64_t events = run_with(spec, 0, {})->result.events_dispatched;
    for (std::uint64_t at = 0; at < events; ++at) {
      const auto stopped =
          run_with(spec, at, [](WorldControl& world, ChaosHost&) { world.stop("it was ended"); });
      CHECK(complaints(*stopped) == "");
      CHECK(stopped->heard.reason == "it was ended");
      std::atomic<bool> interrupt = false;
      const auto interrupted = run_with(
          spec, at, [&](WorldControl&, ChaosHost&) { interrupt = true; }, 1, &interrupt);
      CHECK(complaints(*interrupted) == "");
      CHECK(interrupted->result.interrupted);
      const auto broken =
          run_with(spec, at, [](WorldControl&, ChaosHost&) { throw RunError({}, "it broke"); });
      CHECK(complaints(*broken) == "");
      CHECK(broken->failure == "it broke");
    }
  }
}

}  // namespace
}  // namespace polyclinic
