// System: a small federation whose updates go in shares to three servers. Expectation: whichever
// hospital's link is cut at whichever event, and whenever a server goes down, every run ends in
// time, each invitation ends once, and a round has its sum or its reason; since a run ends with an
// error where the sum of the shares is not that of what was split, every sum is right. Reason: a
// hospital that only some servers heard must be left out by all.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "chaos_audit.hpp"

namespace polyclinic {
namespace {

using namespace testing;  // NOLINT: the vocabulary of these tests

constexpr double kDeadline = 1800;  // seconds
constexpr TimeNs kWhile{100 * kNsPerSecond};

WorldSpec shares_world(const Fields& sum, const char* rule = "mean") {
  Fields fields{{"servers", 3}, {"threshold", 3}};
  fields.insert(fields.end(), sum.begin(), sum.end());
  return three_rounds(
      kDeadline, chaos_hospitals(),
      {{"aggregation", part("aggregation", rule)}, {"secure", part("secure", "shares", fields)}});
}

std::string complaints(const Story& told) {
  return complaints_of_sums(told, kChaosRounds * kDeadline + 1, 3);
}

TEST_CASE("each hospital's link is cut at each event of a sum in shares") {
  for (const char* rule : {"mean", "median"}) {
    const WorldSpec spec = shares_world({}, rule);
    const auto calm = run_chaos(spec, {});
    CHECK(complaints(*calm) == "");
    CHECK(calm->result.versions == kChaosRounds);
    std::int64_t incomplete = 0;
    int failed = 0;
    // comparisons are many events among servers, which no hospital's link touches
    const std::uint64_t step = std::string(rule) == "mean" ? 1 : 7;
    for (std::uint64_t at = 0; at < calm->result.events_dispatched; at += step) {
      const std::string name = kHospitals[at % kHospitals.size()];
      for (const bool comes_back : {false, true}) {
        const Act cut = comes_back ? cut_off_for(kWhile, name) : cut_off(name);
        const auto told = run_chaos(spec, {at, cut});
        const std::string wrong = complaints(*told);
        CHECK_MESSAGE(wrong.empty(), name << " before event " << at << ": " << wrong);
        incomplete += told->result.secure->incomplete;
        failed += told->result.versions < kChaosRounds ? 1 : 0;
        if (at % 7 != 3) continue;
        const auto cheap = run_chaos(shares_world({{"fidelity", "cost"}}, rule), {at, cut});
        CHECK(cheap->result.fingerprint == told->result.fingerprint);
        CHECK(cheap->result.secure->bytes_between == told->result.secure->bytes_between);
      }
    }
    // three of four suffice: one that is lost never fails a round
    CHECK(failed == 0);
    CHECK(incomplete == 0);
  }
}

TEST_CASE("a server is down for a while, from any time on") {
  const test::TemporaryFolder folder;
  std::int64_t incomplete = 0;
  std::int64_t lost = 0;
  int calm = 0;
  // a round takes about 160 seconds
  for (int from = 1; from < 600; from += 7) {
    const std::string path =
        folder.write("down.csv", fmt::format("hospital,time,state\n*,0,up\nserver 3,0,up\n"
                                             "server 3,{},down\nserver 3,{},up\n",
                                             from, from + 40));
    const Part trace = part("availability", "trace", {{"file", Value(FilePath{"down.csv", path})}});
    for (const double wait : {10.0, 100.0}) {
      const auto told =
          run_chaos(shares_world({{"availability", Value(trace)}, {"wait", seconds(wait)}}), {});
      const std::string wrong = complaints(*told);
      CHECK_MESSAGE(wrong.empty(), "down from second " << from << ": " << wrong);
      incomplete += told->result.secure->incomplete;
      lost += told->result.secure->servers_lost;
      calm += told->result.versions == kChaosRounds ? 1 : 0;
      for (const RoundRecord& record : told->result.round_records) {
        if (!record.failed) continue;
        const bool says = record.reason.find("server") != std::string::npos;
        CHECK_MESSAGE(says, record.reason);
      }
    }
  }
  // some miss it and are left out, some rounds fail, and some do not need it just then
  CHECK(incomplete > 0);
  CHECK(lost > 0);
  CHECK(calm > 0);
}

}  // namespace
}  // namespace polyclinic
