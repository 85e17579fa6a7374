// System: a small hierarchical federation of which one party is killed: every hospital, a region's
// line, the server's links, the run; at every event in turn; for ever or for a while. Expectation:
// every run ends in time; each invitation ends in exactly one of "part of a version" and "dropped,
// because ..."; nothing counts twice; what crosses is models and sums of two hospitals at least;
// the same kill gives the same bits again, whatever the threads. Reason: an update that is in a
// regional sum has two more chances to be lost.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>

#include "chaos_run.hpp"

namespace polyclinic {
namespace {

using namespace testing;  // NOLINT: the vocabulary of these tests

constexpr double kDeadline = 1800;  // seconds, of a regional round
constexpr std::int64_t kRegional = 2;
constexpr TimeNs kWhile{400 * kNsPerSecond};

// own: the aggregators are hospitals' machines.
WorldSpec tree_world(bool own) {
  const auto in = [](const char* region) { return Value(Table{{"region", Value(region)}}); };
  const Fields hospitals = chaos_hospitals(
      {{"availability", part("availability", "always")},
       {"site",
        Value(Table{
            {"Lyon", in("EU")}, {"Oslo", in("EU")}, {"Graz", in("US")}, {"Gent", in("US")}})}});
  FunctionRef rule;
  rule.id = 1;
  Fields protocol{{"regional_rounds", kRegional}, {"minimum_regions", 1}};
  if (own) {
    protocol.emplace_back("aggregators",
                          Value(Table{{"EU", Value("Lyon")}, {"US", Value("Graz")}}));
  }
  return three_rounds(
      kDeadline, hospitals,
      {{"network", part("network", "regions", {{"latency", seconds(1)}, {"up", mbit(0.05)}})},
       {"aggregation", part("aggregation", "custom", {{"rule", Value(rule)}})},
       {"protocol", part("protocol", "hierarchical", protocol)}});
}

// A line for each mistake in what a run says of itself.
class Audit {
 public:
  explicit Audit(const Story& told) : told_(told) {
    const Listener& heard = told.heard;
    complain(heard.ends != 1 || heard.reason.empty(), "the run did not end once, with a reason");
    complain(heard.time_went_back, "time went back");
    const auto again = static_cast<double>(heard.count(HappeningKind::went_back));
    const auto crashes = static_cast<double>(heard.count(HappeningKind::server_crashed));
    const double most =
        (1 + again) * kChaosRounds * (kRegional + 1) * kDeadline + crashes * kWhile.seconds();
    complain(told.result.ended.seconds() > most, "it lasted longer than its rounds may");
    for (const std::string& complaint : told.host.complaints) complain(true, complaint);
    for (const auto& [place, round] : heard.regional) check_regional(place.first, round);
    for (const auto& [place, drops] : heard.drops) {
      complain(seen_.count(place) == 0, "a drop of no invitation");
      complain(drops.size() != 1, "an invitation ended twice");
    }
    check_crossings();
    check_versions();
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  void complain(bool wrong, const std::string& what) {
    if (wrong) text_ += what + "\n";
  }

  void check_regional(std::int64_t number, const Listener::Round& round) {
    for (const HospitalId id : round.invited) {
      const Listener::Place place{number, id.value};
      complain(!seen_.insert(place).second, "a hospital was invited twice to a round");
      ++invited_[id.value];
      if (told_.heard.drops.count(place) > 0) {
        ++dropped_[id.value];
        continue;
      }
      ++used_[id.value];
      ++used_all_;
      const auto arrived = told_.heard.arrivals.find(place);
      const auto sent = told_.heard.sent.find(place);
      complain(arrived == told_.heard.arrivals.end() || arrived->second != 1,
               "an update was used that did not arrive once");
      complain(sent == told_.heard.sent.end() || sent->second != 1,
               "an update was used that was not sent once");
      complain(round.failed || round.aggregated < 2, "a failed regional round was used");
    }
  }

  void check_crossings() {
    std::map<std::pair<std::int64_t, std::string>, int> sums;
    for (const BorderCrossed& message : told_.heard.crossings) {
      const bool up = message.direction == TransferDirection::up;
      if (!up) continue;
      complain(message.hospitals < 2, "a sum of one hospital went up");
      complain(++sums[{message.round, message.region}] > 1, "a region sent two sums in a round");
    }
  }

  void check_versions() {
    std::int64_t said = 0;
    std::int64_t versions = 0;
    for (const auto& [number, round] : told_.heard.rounds) {
      said += std::max<std::int64_t>(round.aggregated, 0);
      if (round.aggregated >= 0 && !round.failed) ++versions;
      complain(round.failed && round.aggregated > 0, "a failed round used updates");
    }
    complain(said != used_all_, fmt::format("{} were used, rounds say {}", used_all_, said));
    const std::int64_t again = told_.heard.count(HappeningKind::went_back);
    complain(versions + again != told_.result.versions,
             "the result has another number of versions");
    double weights = 0;
    std::int64_t up = 0;
    std::int64_t down = 0;
    for (const HospitalAccount& account : told_.result.hospitals) {
      const std::uint32_t id = account.hospital.value;
      std::int64_t drops = 0;
      for (const auto& [reason, count] : account.drops) drops += count;
      complain(account.invitations != invited_[id], account.name + ": invitations differ");
      complain(account.participations != used_[id], account.name + ": participations differ");
      complain(drops != dropped_[id], account.name + ": drops differ");
      weights += account.weight;
      up += account.bytes_up;
      down += account.bytes_down;
    }
    if (versions > 0) complain(std::abs(weights - 1) > 1e-12, "weights do not sum to 1");
    complain(up != told_.result.bytes_up, "bytes up do not add up");
    complain(down != told_.result.bytes_down, "bytes down do not add up");
  }

  const Story& told_;
  std::set<Listener::Place> seen_;
  std::map<std::uint32_t, std::int64_t> invited_, used_, dropped_;
  std::int64_t used_all_ = 0;
  std::string text_;
};

void check(const Story& told, const std::string& what) {
  const std::string wrong = Audit(told).text();
  CHECK_MESSAGE(wrong.empty(), what << ": " << wrong);
}

// Kills at each event, for ever and for a while; what drops said.
Reasons kill(const WorldSpec& spec, const std::string& who, const Act& act, const Act& back) {
  Reasons reasons;
  const auto calm = run_chaos(spec, {});
  check(*calm, "nobody is killed");
  CHECK(calm->result.versions == kChaosRounds);
  for (std::uint64_t at = 0; at < calm->result.events_dispatched; ++at) {
    for (const bool comes_back : {false, true}) {
      const Act both = comes_back ? back_after(kWhile, act, back) : act;
      const auto told = run_chaos(spec, {at, both});
      const std::string what = fmt::format("{} at event {}", who, at);
      check(*told, what);
      CHECK_MESSAGE(told->heard.reason == "all 3 rounds are done", what << told->heard.reason);
      reasons.add(*told);
      if (at % 11 == 3) {
        CHECK(run_chaos(spec, {at, both}, 3)->result.fingerprint == told->result.fingerprint);
      }
    }
  }
  return reasons;
}

TEST_CASE("a hospital of a hierarchical federation is cut off at each event") {
  for (const bool own : {false, true}) {
    for (const std::string name : {"Lyon", "Oslo"}) {
      const auto reasons = kill(
          tree_world(own), name, [&](WorldControl& world, Story&) { world.disconnect(name); },
          [&](WorldControl& world, Story&) { world.reconnect(name); });
      reasons.check_seen({DropReason::round_failed});
      // with its aggregator a region's sum is lost
      CHECK(reasons.seen(DropReason::sum_lost) == (own && name == "Lyon"));
    }
  }
}

TEST_CASE("a region's line and the server's links are cut at each event") {
  const WorldSpec spec = tree_world(false);
  const auto set = [](const char* link, TransferDirection direction, double rate) {
    return [=](WorldControl& world, Story&) { world.set_link(link, direction, rate); };
  };
  for (const TransferDirection direction : {TransferDirection::up, TransferDirection::down}) {
    for (const char* link : {"EU", "server"}) {
      const auto reasons = kill(spec, link, set(link, direction, 0), set(link, direction, 6250));
      CHECK(reasons.seen(DropReason::sum_lost) == (direction == TransferDirection::up));
    }
  }
}

TEST_CASE("a hospital of a hierarchical federation leaves at each event") {
  for (const std::string& name : kHospitals) {
    const auto reasons = kill(
        tree_world(false), name, [&](WorldControl& world, Story&) { world.leave(name); },
        [&](WorldControl& world, Story&) { world.join(name); });
    reasons.check_seen({DropReason::left});
  }
}

TEST_CASE("the server of a hierarchical federation crashes, and forgets, at each event") {
  const WorldSpec spec = tree_world(false);
  const std::uint64_t events = run_chaos(spec, {})->result.events_dispatched;
  Reasons reasons;
  for (std::uint64_t at = 0; at < events; ++at) {
    const auto look = [&](const Story& told, const std::string& what) {
      check(told, fmt::format("{} at event {}", what, at));
      CHECK(told.heard.reason == "all 3 rounds are done");
      reasons.add(told);
    };
    const auto crashed =
        run_chaos(spec, {at, [](WorldControl& world, Story&) { world.crash_server(kWhile); }});
    look(*crashed, "the server");
    CHECK(crashed->result.versions >= kChaosRounds - 1);
    const auto dark =
        run_chaos(spec, {at, [](WorldControl& world, Story&) { world.outage_in("EU", kWhile); }});
    look(*dark, "EU down");
    for (const std::string& name : kHospitals) {
      const Act act = [&](WorldControl& world, Story&) { world.forget(name); };
      const auto told = run_chaos(spec, {at, act});
      look(*told, name + " forgotten");
      if (told->result.forgotten.empty()) continue;
      const ForgettingRecord& record = told->result.forgotten.front();
      CHECK(record.to_version == 0);
      CHECK((told->heard.count(HappeningKind::went_back) == 1) == (record.participations > 0));
      if (at % 11 == 3) {
        CHECK(run_chaos(spec, {at, act}, 3)->result.fingerprint == told->result.fingerprint);
      }
    }
  }
  reasons.check_seen({DropReason::gone_back});
  reasons.check_seen({DropReason::server_crashed});
}

TEST_CASE("a hierarchical run is ended, interrupted and broken at each event") {
  const WorldSpec spec = tree_world(true);
  const std::uint64_t events = run_chaos(spec, {})->result.events_dispatched;
  bool sums_pending = false;
  for (std::uint64_t at = 0; at < events; ++at) {
    const auto stopped =
        end_in_three_ways(spec, at, [](const Story& told) { return Audit(told).text(); });
    const auto& regional = stopped->heard.regional;
    for (const auto& [place, round] : regional) {
      for (const HospitalId id : round.invited) {
        const auto drop = stopped->heard.drops.find({place.first, id.value});
        const bool over = round.aggregated > 0 && drop != stopped->heard.drops.end();
        sums_pending = sums_pending || (over && drop->second.front() == DropReason::run_ended);
      }
    }
  }
  // updates in a sum that had not come yet were accounted for too
  CHECK(sums_pending);
}

}  // namespace
}  // namespace polyclinic
