// System: a small federation under a secure sum, of which one hospital's link is cut at every event
// in turn, for ever or for a while: in every phase of the protocol. Expectation: every run ends in
// time; each invitation ends once; a round has its sum or its reason; and since a run ends with an
// error where the unmasked sum is not that of what was masked, every sum is right. Reason: the
// phases are where a secure sum breaks.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "chaos_audit.hpp"

namespace polyclinic {
namespace {

using namespace testing;  // NOLINT: the vocabulary of these tests

constexpr double kDeadline = 1800;  // seconds
constexpr TimeNs kWhile{100 * kNsPerSecond};

WorldSpec secure_world(const Fields& sum, const char* kind = "pairwise") {
  return three_rounds(kDeadline, chaos_hospitals(), {{"secure", part("secure", kind, sum)}});
}

std::string complaints(const Story& told) {
  // a sum that is told at the deadline is computed after it
  return complaints_of_sums(told, kChaosRounds * kDeadline + 1, 3);
}

TEST_CASE("each hospital's link is cut at each event of a secure sum") {
  const char* adversary = "semi_honest";
  SUBCASE("that assumes an honest server") {}
  SUBCASE("that withstands a lying one") {
    adversary = "active";
  }
  const WorldSpec spec = secure_world({{"fidelity", "real"}, {"adversary", adversary}});
  const auto calm = run_chaos(spec, {});
  CHECK(complaints(*calm) == "");
  CHECK(calm->result.versions == kChaosRounds);
  secure::Phase deepest = secure::Phase::advertise;
  std::int64_t lost = 0;
  int failed = 0;
  for (std::uint64_t at = 0; at < calm->result.events_dispatched; ++at) {
    const std::string name = kHospitals[at % kHospitals.size()];
    for (const bool comes_back : {false, true}) {
      const Act cut = comes_back ? cut_off_for(kWhile, name) : cut_off(name);
      const auto told = run_chaos(spec, {at, cut});
      const std::string wrong = complaints(*told);
      CHECK_MESSAGE(wrong.empty(), name << " before event " << at << ": " << wrong);
      lost += told->result.secure->lost_after_sharing;
      const auto& answered = told->result.secure->answered;
      constexpr auto kUnmask = static_cast<std::size_t>(secure::Phase::unmask);
      if (answered[kUnmask] < answered[2]) deepest = secure::Phase::unmask;
      failed += told->result.versions < kChaosRounds ? 1 : 0;
      // one in seven without cryptography: the same run
      if (at % 7 == 3) {
        const auto cheap =
            run_chaos(secure_world({{"fidelity", "cost"}, {"adversary", adversary}}), {at, cut});
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
  const auto calm = run_chaos(spec, {});
  CHECK(complaints(*calm) == "");
  CHECK(calm->result.secure->degree_least == 3);
  CHECK(calm->result.secure->shares_least == 2);
  std::int64_t lost = 0;
  for (std::uint64_t at = 0; at < calm->result.events_dispatched; ++at) {
    const std::string name = kHospitals[at % kHospitals.size()];
    const Act cut = cut_off(name);
    const auto told = run_chaos(spec, {at, cut});
    const std::string wrong = complaints(*told);
    CHECK_MESSAGE(wrong.empty(), name << " before event " << at << ": " << wrong);
    CHECK(told->result.versions == kChaosRounds);
    lost += told->result.secure->lost_after_sharing;
    if (at % 7 != 3) continue;
    const auto cheap = run_chaos(secure_world(cheaply, "secagg_plus"), {at, cut});
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
  const auto calm = run_chaos(cost, {});
  CHECK(complaints(*calm) == "");
  CHECK(calm->result.versions == kChaosRounds);
  int lost = 0;
  for (std::uint64_t at = 0; at < calm->result.events_dispatched; ++at) {
    const std::string name = kHospitals[at % kHospitals.size()];
    const Act cut = cut_off(name);
    const auto told = run_chaos(cost, {at, cut});
    const std::string wrong = complaints(*told);
    CHECK_MESSAGE(wrong.empty(), name << " before event " << at << ": " << wrong);
    CHECK(told->result.versions == kChaosRounds);
    lost += told->result.fingerprint == calm->result.fingerprint ? 0 : 1;
    if (at % 5 != 3) continue;
    const auto dear = run_chaos(real, {at, cut});
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
  bool active = false;
  SUBCASE("an honest server") {}
  SUBCASE("a server that may lie") {
    active = true;
  }
  const WorldSpec spec =
      secure_world({{"fidelity", "real"}, {"adversary", active ? "active" : "semi_honest"}});
  const auto calm = run_chaos(spec, {});
  SecureAccount::PerPhase missed{};
  for (std::uint64_t at = 0; at < calm->result.events_dispatched; ++at) {
    const Act cut = [&](WorldControl& world, Story& story) {
      world.disconnect("Lyon");
      world.disconnect("Gent");
      story.host.on_wake = [&world] {
        world.reconnect("Lyon");
        world.reconnect("Gent");
      };
      world.wake_at(world.now() + TimeNs{1800 * kNsPerSecond}, 0);
    };
    const auto told = run_chaos(spec, {at, cut});
    const std::string wrong = complaints(*told);
    CHECK_MESSAGE(wrong.empty(), "before event " << at << ": " << wrong);
    for (std::size_t p = 0; p < secure::kPhases; ++p) missed[p] += told->result.secure->missed[p];
  }
  for (const secure::Phase phase : secure::phases(active)) {
    CHECK_MESSAGE(missed[static_cast<std::size_t>(phase)] > 0,
                  "no round failed in phase " << secure::name(phase));
  }
}

}  // namespace
}  // namespace polyclinic
