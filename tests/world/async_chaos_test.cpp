// System: small federations without common rounds of which one party is killed: every hospital, its
// link, the server's links, the whole run; at every event in turn; for ever or for a while.
// Expectation: every run ends; each visit ends in exactly one of "its update is part of a version"
// and "dropped, because ..."; nothing counts twice; bytes and weights add up; the same kill gives
// the same bits again, whatever the threads.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>
#include <functional>

#include "chaos_run.hpp"

namespace polyclinic {
namespace {

using namespace testing;  // NOLINT: the vocabulary of these tests

constexpr double kDeadline = 450;  // seconds: over in the middle of a run
constexpr TimeNs kWhile{400 * kNsPerSecond};

// buffered: a version of three updates of four hospitals, each held to a deadline. single: two at
// work, every update makes a version, interrupted work goes on, nothing but replies ends a visit.
// ticks: a version every ten minutes.
enum class Flavour : std::uint8_t { buffered, single, ticks };
constexpr Flavour kFlavours[] = {Flavour::buffered, Flavour::single, Flavour::ticks};

Part protocol_of(Flavour flavour) {
  switch (flavour) {
    case Flavour::buffered: return part("protocol", "buffered", {{"buffer", 3}});
    case Flavour::single: return part("protocol", "async", {{"concurrency", 2}});
    case Flavour::ticks: break;
  }
  return part("protocol", "semi_sync", {{"every", seconds(300)}});
}

WorldSpec chaos_world(Flavour flavour, const Fields& more_hospitals = {}) {
  Fields hospitals = chaos_hospitals(more_hospitals);
  FunctionRef rule;
  rule.id = 1;
  Fields fields{// rows one by one: two trainings from one version differ in the order of eight rows
                {"training", part("training", "sgd", {{"rate", 0.01}, {"batch", 1}})},
                {"protocol", protocol_of(flavour)},
                {"aggregation", part("aggregation", "custom", {{"rule", Value(rule)}})}};
  if (flavour == Flavour::single) {
    hospitals.emplace_back("interrupted", "resume");
    fields.emplace_back("network", part("network", "star", {{"interrupted", "resume"}}));
  }
  return three_rounds(flavour == Flavour::buffered ? std::optional(kDeadline) : std::nullopt,
                      hospitals, fields);
}

// Looks for mistakes in a story's account.
class Audit {
 public:
  explicit Audit(const Story& story)
      : heard_(story.heard), host_(story.host), result_(story.result) {
    complain(heard_.ends != 1, fmt::format("the run ended {} times", heard_.ends));
    complain(heard_.events_after_end() > 0, "something was said after the end");
    complain(heard_.reason.empty(), "nothing says why the run ended");
    complain(heard_.time_went_back, "time went back");
    complain(result_.ended < heard_.last, "the end is before what was said");
    for (const std::string& complaint : host_.complaints) complain(true, complaint);
    for (const auto& [place, times] : heard_.visits) check_visit(place, times);
    check_no_others();
    check_versions();
    check_hospitals();
  }
  // A line for each mistake; empty: it adds up.
  [[nodiscard]] const std::string& complaints() const { return text_; }

 private:
  void complain(bool wrong, const std::string& what) {
    if (wrong) text_ += what + "\n";
  }

  template <class T>
  static T of(const std::map<Listener::Place, T>& found, const Listener::Place& place) {
    const auto it = found.find(place);
    return it == found.end() ? T{} : it->second;
  }

  // A visit begins once and ends once.
  void check_visit(const Listener::Place& place, int times) {
    const std::string who = fmt::format("visit {} of hospital {}", place.first, place.second);
    complain(times != 1, who + " began more than once");
    ++invited_[place.second];
    complain(place.first != invited_[place.second], who + ": visits are numbered from 1");
    const auto used = of(heard_.used, place);
    const auto drops = of(heard_.drops, place);
    complain(
        used.size() + drops.size() != 1,
        fmt::format("{} was used {} times and dropped {} times", who, used.size(), drops.size()));
    for (const DropReason reason : drops) ++dropped_[place.second][reason];
    for (const std::int64_t version : used) {
      ++used_[place.second];
      ++updates_[version];
      complain(of(heard_.arrivals, place) != 1, who + " was used and did not arrive once");
      complain(of(heard_.sent, place) != 1, who + " was used and its upload did not end once");
    }
  }

  void check_no_others() {
    for (const auto& [place, drops] : heard_.drops) {
      complain(heard_.visits.count(place) == 0, "a drop of no visit");
    }
    for (const auto& [place, versions] : heard_.used) {
      complain(heard_.visits.count(place) == 0, "an update of no visit");
    }
  }

  // What the rounds say is what was used; the rule saw every version's updates, once.
  void check_versions() {
    std::int64_t versions = 0;
    std::int64_t made = 0;  // but for older ones that are the newest again
    std::size_t call = 0;
    for (const auto& [number, round] : heard_.rounds) {
      complain(round.failed && round.aggregated > 0, "a failed round used updates");
      if (round.aggregated < 0 || round.failed) continue;
      while (heard_.made_again(++versions)) {
      }
      ++made;
      complain(round.version != versions, "a version is missing");
      complain(updates_[versions] != round.aggregated, "a version says another number of updates");
      const bool seen = call < host_.counts.size() &&
                        host_.counts[call] == static_cast<std::size_t>(round.aggregated);
      complain(!seen, "the rule saw another number of updates");
      ++call;
    }
    complain(call != host_.counts.size(), "the rule was called for no version");
    if (heard_.made_again(versions + 1)) ++versions;
    complain(result_.versions != versions, "the result has another number of versions");
    complain(updates_.size() != static_cast<std::size_t>(made), "updates of no version");
    versions_ = made;
  }

  void check_hospitals() {
    double weights = 0;
    std::int64_t up = 0;
    std::int64_t down = 0;
    for (const HospitalAccount& account : result_.hospitals) {
      const std::uint32_t id = account.hospital.value;
      complain(account.invitations != invited_[id], account.name + ": invitations differ");
      complain(account.participations != used_[id], account.name + ": participations differ");
      complain(account.drops != dropped_[id], account.name + ": drops differ");
      weights += account.weight;
      up += account.bytes_up;
      down += account.bytes_down;
    }
    if (versions_ > 0) complain(std::abs(weights - 1) > 1e-12, "weights do not sum to 1");
    complain(up != result_.bytes_up, "bytes up do not add up");
    complain(down != result_.bytes_down, "bytes down do not add up");
    complain(heard_.bytes_moved_up > up, "more bytes up ended than were moved");
    complain(heard_.bytes_moved_down > down, "more bytes down ended than were moved");
  }

  const Listener& heard_;
  const ChaosHost& host_;
  const RunResult& result_;
  std::map<std::uint32_t, std::int64_t> used_;
  std::map<std::uint32_t, std::int64_t> invited_;
  std::map<std::uint32_t, std::map<DropReason, std::int64_t>> dropped_;
  std::map<std::int64_t, std::int64_t> updates_;  // of each version
  std::int64_t versions_ = 0;
  std::string text_;
};

std::string complaints(const Story& story) {
  return Audit(story).complaints();
}

// Runs the world with one kill, checks its account, and returns it.
std::unique_ptr<Story> check_kill(const WorldSpec& spec, Flavour flavour, const Kill& kill,
                                  const std::string& who, bool comes_back) {
  auto story = run_chaos(spec, kill);
  const std::string wrong = complaints(*story);
  const std::string name = fmt::format("{} killed before event {}", who, kill.at + 1);
  CHECK_MESSAGE(wrong.empty(), name << ": " << wrong);
  const bool done = story->heard.reason == "all 3 rounds are done";
  // a deadline ends visits and a tick makes a round; without either the run may say that nothing
  // can happen any more
  if (flavour != Flavour::single || comes_back) {
    CHECK_MESSAGE(done, name << ": " << story->heard.reason);
  }
  // a tick may come while the one whose update it would have is away
  if (comes_back && flavour != Flavour::ticks) {
    CHECK_MESSAGE(story->result.versions == kChaosRounds, name);
  }
  const bool stuck = story->failure == "nothing can happen any more, yet hospitals wait";
  const bool alone = story->heard.reason == "no hospital is left that could be invited";
  CHECK_MESSAGE(int{done} + int{stuck} + int{alone} == 1, name << ": " << story->failure);
  // one kill in seven is done again: the same bits, with three threads too
  if (kill.at % 7 == 3) {
    const auto again = run_chaos(spec, kill, 3);
    CHECK_MESSAGE(again->result.fingerprint == story->result.fingerprint, name);
  }
  return story;
}

std::unique_ptr<Story> undisturbed(const WorldSpec& spec) {
  auto story = run_chaos(spec, {});
  CHECK(complaints(*story) == "");
  CHECK(story->result.versions == kChaosRounds);
  CHECK(story->failure.empty());
  return story;
}

// Kills one party before each event of an undisturbed run, for ever and for a while.
void kill_at_each_event(Flavour flavour, const std::string& who, const Act& act, const Act& back,
                        Reasons& reasons) {
  const WorldSpec spec = chaos_world(flavour);
  const std::uint64_t events = undisturbed(spec)->result.events_dispatched;
  for (std::uint64_t at = 0; at < events; ++at) {
    Kill kill;
    kill.at = at;
    kill.act = act;
    reasons.add(*check_kill(spec, flavour, kill, who, false));
    kill.act = back_after(kWhile, act, back);
    reasons.add(*check_kill(spec, flavour, kill, who + " for a while", true));
  }
}

TEST_CASE("without common rounds: each hospital's link is cut at each event") {
  Reasons reasons;
  for (const Flavour flavour : kFlavours) {
    for (const std::string& name : kHospitals) {
      kill_at_each_event(
          flavour, name + "'s link", [&](WorldControl& world, Story&) { world.disconnect(name); },
          [&](WorldControl& world, Story&) { world.reconnect(name); }, reasons);
    }
  }
  reasons.check_seen({DropReason::unreachable, DropReason::send_failed, DropReason::run_ended});
}

TEST_CASE("without common rounds: the server's links are cut at each event") {
  using Directions = std::vector<TransferDirection>;
  const auto set = [](const Directions& directions, double bytes_per_s) {
    return [=](WorldControl& world, Story&) {
      for (const TransferDirection direction : directions) {
        world.set_link("server", direction, bytes_per_s);
      }
    };
  };
  Reasons reasons;
  for (const Flavour flavour : kFlavours) {
    for (const Directions& cut :
         {Directions{TransferDirection::up}, Directions{TransferDirection::down},
          Directions{TransferDirection::up, TransferDirection::down}}) {
      kill_at_each_event(flavour, fmt::format("{} links of the server", cut.size()), set(cut, 0),
                         set(cut, 125e6), reasons);
    }
  }
  reasons.check_seen({DropReason::late, DropReason::run_ended});
}

// When one hospital is down: from a moment on, for ever or for a while.
Value down(const test::TemporaryFolder& folder, const std::string& name, TimeNs from,
           bool comes_back) {
  const auto line = [&](TimeNs time, const char* state) {
    return fmt::format("{},{}.{:09},{}\n", name, time.ns / kNsPerSecond, time.ns % kNsPerSecond,
                       state);
  };
  const std::string path =
      folder.write("down.csv", "hospital,time,state\n*,0,up\n" + line(from, "down") +
                                   (comes_back ? line(from + kWhile, "up") : ""));
  return Value(part("availability", "trace", {{"file", FilePath{"down.csv", path}}}));
}

// An outage comes before all else in its nanosecond: the moments that differ are those of the
// events, and one nanosecond after them.
TEST_CASE("without common rounds: each hospital goes down at each moment") {
  const test::TemporaryFolder folder;
  Reasons reasons;
  for (const Flavour flavour : kFlavours) {
    const std::unique_ptr<Story> calm = undisturbed(chaos_world(flavour));
    std::set<TimeNs> moments;
    for (const TimeNs moment : calm->moments) {
      moments.insert(moment);
      moments.insert(moment + TimeNs{1});
    }
    for (const std::string& name : kHospitals) {
      for (const TimeNs moment : moments) {
        for (const bool comes_back : {false, true}) {
          const WorldSpec spec =
              chaos_world(flavour, {{"availability", down(folder, name, moment, comes_back)}});
          Kill kill;
          kill.at = static_cast<std::uint64_t>(moment.ns);  // says which are run twice
          reasons.add(*check_kill(
              spec, flavour, kill,
              fmt::format("{} at {}{}", name, to_text(moment), comes_back ? " for a while" : ""),
              comes_back));
        }
      }
    }
  }
  reasons.check_seen({DropReason::train_interrupted, DropReason::run_ended});
}

TEST_CASE("without common rounds: each hospital leaves at each event, for ever and for a while") {
  Reasons reasons;
  for (const Flavour flavour : kFlavours) {
    for (const std::string& name : kHospitals) {
      kill_at_each_event(
          flavour, name, [&](WorldControl& world, Story&) { world.leave(name); },
          [&](WorldControl& world, Story&) { world.join(name); }, reasons);
    }
  }
  reasons.check_seen({DropReason::left});
}

TEST_CASE("without common rounds: the server crashes, and hospitals are forgotten, at each event") {
  Reasons reasons;
  for (const Flavour flavour : kFlavours) {
    const WorldSpec spec = chaos_world(flavour);
    const std::uint64_t events = undisturbed(spec)->result.events_dispatched;
    for (std::uint64_t at = 0; at < events; ++at) {
      Kill kill;
      kill.at = at;
      kill.act = [](WorldControl& world, Story&) { world.crash_server(kWhile); };
      const auto crashed = check_kill(spec, flavour, kill, "the server", false);
      CHECK(crashed->heard.reason == "all 3 rounds are done");
      CHECK(crashed->result.versions >= kChaosRounds - 2);  // and an empty tick
      reasons.add(*crashed);
      for (const std::string& name : kHospitals) {
        kill.act = [&](WorldControl& world, Story&) { world.outage(name, kWhile); };
        reasons.add(*check_kill(spec, flavour, kill, name + " down", true));
        kill.act = [&](WorldControl& world, Story&) { world.forget(name); };
        const auto forgot = check_kill(spec, flavour, kill, name + " forgotten", false);
        reasons.add(*forgot);
        if (forgot->result.forgotten.empty()) continue;
        const ForgettingRecord& record = forgot->result.forgotten.front();
        CHECK(record.versions == record.from_version - record.to_version);
        // a tick may find nothing
        if (flavour != Flavour::ticks) CHECK(record.again.has_value());
        const bool back = forgot->heard.count(HappeningKind::went_back) == 1;
        CHECK(back == (record.participations > 0));
      }
    }
  }
  reasons.check_seen({DropReason::left, DropReason::gone_back, DropReason::server_crashed});
}

TEST_CASE("without common rounds: the run is ended at each event, by timeline and interruption") {
  Reasons reasons;
  for (const Flavour flavour : kFlavours) {
    const WorldSpec spec = chaos_world(flavour);
    const std::uint64_t events = undisturbed(spec)->result.events_dispatched;
    for (std::uint64_t at = 0; at < events; ++at) {
      end_in_three_ways(spec, at, complaints, &reasons);
    }
  }
  reasons.check_seen({DropReason::run_ended});
}

}  // namespace
}  // namespace polyclinic
