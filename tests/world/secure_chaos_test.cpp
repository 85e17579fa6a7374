// System: a small federation under a secure sum, of which one hospital's link is cut at every event
// in turn, for ever or for a while: in every phase of the protocol. Expectation: every run ends in
// time; each invitation ends once; a round has its sum or its reason; and since a run ends with an
// error where the unmasked sum is not that of what was masked, every sum is right. Reason: the
// phases are where a secure sum breaks.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <functional>

#include "chaos.hpp"

namespace polyclinic {
namespace {

using namespace testing;  // NOLINT: the vocabulary of these tests

constexpr double kDeadline = 1800;  // seconds
constexpr TimeNs kWhile{100 * kNsPerSecond};

WorldSpec secure_world(const Fields& sum, const char* kind = "pairwise") {
  const Fields hospitals{{"overhead", seconds(120)},
                         {"latency", seconds(1)},
                         {"uplink", mbit(0.05)},
                         {"downlink", mbit(0.05)},
                         {"speed", gflops(1e-8)}};
  return small_world(
      {{"rounds", kChaosRounds},
       {"cohort", chaos_cohort()},
       {"model", part("model", "linear")},
       {"training", part("training", "sgd", {{"rate", 0.01}, {"batch", 4}})},
       {"deadline", seconds(kDeadline)},
       {"hospitals", part("hospitals", "", hospitals)},
       {"secure", part("secure", kind, sum)},
       {"measure", part("measure", "", {{"metrics", list({"rmse"})}, {"every", "end"}})}});
}

using Act = std::function<void(WorldControl&, ChaosHost&)>;

struct Told {
  Listener heard;
  RunResult result;
};

std::unique_ptr<Told> run_with(const WorldSpec& spec, std::uint64_t at, const Act& act) {
  auto told = std::make_unique<Told>();
  ChaosHost host;
  RunOptions options;
  options.observers.push_back(&told->heard);
  options.before_event = [&](WorldControl& world, std::uint64_t dispatched) {
    if (dispatched == at && act) act(world, host);
  };
  World world(spec, &host, options);
  world.run();
  told->result = world.result();
  return told;
}

std::string complaints(const Told& told) {
  std::string text;
  const auto complain = [&](bool wrong, const std::string& what) {
    if (wrong) text += what + "; ";
  };
  const Listener& heard = told.heard;
  const RunResult& result = told.result;
  complain(heard.ends != 1, "it did not end once");
  complain(heard.time_went_back, "time went back");
  // a sum that is told at the deadline is computed after it
  complain(result.ended.seconds() > kChaosRounds * kDeadline + 1, "it lasted too long");
  std::int64_t sums = 0;
  for (const auto& [number, round] : heard.rounds) {
    std::int64_t used = 0;
    for (const HospitalId id : round.invited) {
      const auto drops = heard.drops.find({number, id.value});
      if (drops == heard.drops.end()) {
        ++used;
      } else {
        complain(drops->second.size() != 1, fmt::format("hospital {} was dropped twice", id.value));
      }
    }
    complain(used != round.aggregated, fmt::format("round {}: {} used", number, used));
    complain(!round.failed && used < 3, "a sum below the threshold");
    sums += round.failed ? 0 : 1;
  }
  complain(heard.rounds.size() != kChaosRounds, "rounds are missing");
  complain(!result.secure || result.secure->sums != sums, "the account counts other sums");
  for (const RoundRecord& record : result.round_records) {
    complain(record.failed == record.reason.empty(), "a failed round has no reason");
  }
  return text;
}

TEST_CASE("each hospital's link is cut at each event of a secure sum") {
  const WorldSpec spec = secure_world({{"fidelity", "real"}});
  const auto calm = run_with(spec, 0, {});
  CHECK(complaints(*calm) == "");
  CHECK(calm->result.versions == kChaosRounds);
  secure::Phase deepest = secure::Phase::advertise;
  std::int64_t lost = 0;
  int failed = 0;
  for (std::uint64_t at = 0; at < calm->result.events_dispatched; ++at) {
    const std::string name = kHospitals[at % kHospitals.size()];
    for (const bool comes_back : {false, true}) {
      const Act cut = [&](WorldControl& world, ChaosHost& host) {
        world.disconnect(name);
        if (!comes_back) return;
        host.on_wake = [&world, &name] { world.reconnect(name); };
        world.wake_at(world.now() + kWhile, 0);
      };
      const auto told = run_with(spec, at, cut);
      const std::string wrong = complaints(*told);
      CHECK_MESSAGE(wrong.empty(), name << " before event " << at << ": " << wrong);
      lost += told->result.secure->lost_after_sharing;
      const auto& answered = told->result.secure->answered;
      constexpr auto kUnmask = static_cast<std::size_t>(secure::Phase::unmask);
      if (answered[kUnmask] < answered[2]) deepest = secure::Phase::unmask;
      failed += told->result.versions < kChaosRounds ? 1 : 0;
      // one in seven without cryptography: the same run
      if (at % 7 == 3) {
        const auto cheap = run_with(secure_world({{"fidelity", "cost"}}), at, cut);
        CHECK(cheap->result.fingerprint == told->result.fingerprint);
      }
    }
  }
  // three of four suffice: one that is lost never fails a round
  CHECK(failed == 0);
  CHECK(lost > 0);
  CHECK(deepest == secure::Phase::unmask);
}

TEST_CASE("each hospital's link is cut at each event of a secure sum between neighbours") {
  // of four one may collude and one be lost: all are neighbours, and two of three shares suffice
  const Fields fields{{"colluding", 1}, {"dropouts", 1}};
  const Fields cheaply{{"colluding", 1}, {"dropouts", 1}, {"fidelity", "cost"}};
  const WorldSpec spec = secure_world(fields, "secagg_plus");
  const auto calm = run_with(spec, 0, {});
  CHECK(complaints(*calm) == "");
  CHECK(calm->result.secure->degree_least == 3);
  CHECK(calm->result.secure->shares_least == 2);
  std::int64_t lost = 0;
  for (std::uint64_t at = 0; at < calm->result.events_dispatched; ++at) {
    const std::string name = kHospitals[at % kHospitals.size()];
    const Act cut = [&](WorldControl& world, ChaosHost&) { world.disconnect(name); };
    const auto told = run_with(spec, at, cut);
    const std::string wrong = complaints(*told);
    CHECK_MESSAGE(wrong.empty(), name << " before event " << at << ": " << wrong);
    CHECK(told->result.versions == kChaosRounds);
    lost += told->result.secure->lost_after_sharing;
    if (at % 7 != 3) continue;
    const auto cheap = run_with(secure_world(cheaply, "secagg_plus"), at, cut);
    CHECK(cheap->result.fingerprint == told->result.fingerprint);
  }
  CHECK(lost > 0);
}

// One link is cut at each event; how many runs lost somebody and had all their sums.
int sums_without_one(const char* kind, const Fields& fields) {
  Fields cheaply = fields;
  cheaply.emplace_back("fidelity", "cost");
  const WorldSpec real = secure_world(fields, kind);
  const WorldSpec cost = secure_world(cheaply, kind);
  const auto calm = run_with(cost, 0, {});
  CHECK(complaints(*calm) == "");
  CHECK(calm->result.versions == kChaosRounds);
  int lost = 0;
  for (std::uint64_t at = 0; at < calm->result.events_dispatched; ++at) {
    const std::string name = kHospitals[at % kHospitals.size()];
    const Act cut = [&](WorldControl& world, ChaosHost&) { world.disconnect(name); };
    const auto told = run_with(cost, at, cut);
    const std::string wrong = complaints(*told);
    CHECK_MESSAGE(wrong.empty(), name << " before event " << at << ": " << wrong);
    CHECK(told->result.versions == kChaosRounds);
    lost += told->result.fingerprint == calm->result.fingerprint ? 0 : 1;
    if (at % 5 != 3) continue;
    const auto dear = run_with(real, at, cut);
    CHECK(dear->result.fingerprint == told->result.fingerprint);
  }
  return lost;
}

TEST_CASE("each hospital's link is cut at each event of a sum in coded pieces") {
  CHECK(sums_without_one("light", {{"colluding", 1}, {"dropouts", 1}}) > 0);
}

TEST_CASE("each hospital's link is cut at each event of an encrypted sum") {
  const Fields shares{{"key_bits", 1024}, {"threshold", 3}};
  const Fields everybodys{{"key_bits", 1024}, {"threshold", 3}, {"key", "hospitals"}};
  const Fields servers{{"key_bits", 1024}, {"threshold", 3}, {"key", "coordinator"}};
  for (const Fields& fields : {shares, everybodys, servers}) {
    CHECK(sums_without_one("paillier", fields) > 0);
  }
}

TEST_CASE("two links are cut at each event of a secure sum: rounds fail with their reason") {
  const WorldSpec spec = secure_world({{"fidelity", "real"}});
  const auto calm = run_with(spec, 0, {});
  SecureAccount::PerPhase missed{};
  for (std::uint64_t at = 0; at < calm->result.events_dispatched; ++at) {
    const Act cut = [&](WorldControl& world, ChaosHost& host) {
      world.disconnect("Lyon");
      world.disconnect("Gent");
      host.on_wake = [&world] {
        world.reconnect("Lyon");
        world.reconnect("Gent");
      };
      world.wake_at(world.now() + TimeNs{1800 * kNsPerSecond}, 0);
    };
    const auto told = run_with(spec, at, cut);
    const std::string wrong = complaints(*told);
    CHECK_MESSAGE(wrong.empty(), "before event " << at << ": " << wrong);
    for (std::size_t p = 0; p < secure::kPhases; ++p) missed[p] += told->result.secure->missed[p];
  }
  for (const secure::Phase phase : secure::phases(false)) {
    CHECK_MESSAGE(missed[static_cast<std::size_t>(phase)] > 0,
                  "no round failed in phase " << secure::name(phase));
  }
}

}  // namespace
}  // namespace polyclinic
