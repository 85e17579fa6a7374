// System: a small federation of which one party is killed: every hospital, its link, the server's
// links, the server itself, the whole run; at every event in turn; for ever or for a while.
// Expectation: every run ends within the time its rounds may last; each invitation ends in exactly
// one of "its update is part of the version" and "dropped, because ..."; nothing counts twice;
// bytes and weights add up; the same kill gives the same bits again, whatever the threads.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>
#include <functional>

#include "chaos_run.hpp"

namespace polyclinic {
namespace {

using namespace testing;  // NOLINT: the vocabulary of these tests

constexpr double kDeadline = 1800;  // seconds
// how long who comes back is away: over a part of a round
constexpr TimeNs kWhile{400 * kNsPerSecond};

enum class Flavour : std::uint8_t { plain, patient, endless, attacked };

// plain: three of four must reply, work that is broken off is lost. patient: interrupted work goes
// on, three are wanted and all four invited. endless: nothing but replies closes a round.
// attacked: as plain, and two hospitals attack, of whom one looks at the honest updates.
WorldSpec chaos_world(Flavour flavour, const Fields& more_hospitals = {}) {
  Fields hospitals = chaos_hospitals(more_hospitals);
  FunctionRef rule;
  rule.id = 1;
  Fields fields{{"aggregation", part("aggregation", "custom", {{"rule", Value(rule)}})}};
  if (flavour == Flavour::endless) fields.emplace_back("deadline", None{});
  if (flavour == Flavour::patient) {
    hospitals.emplace_back("interrupted", "resume");
    fields.emplace_back("network", part("network", "star", {{"interrupted", "resume"}}));
    fields.emplace_back("participants", 3);
    fields.emplace_back("protocol", part("protocol", "sync", {{"over_selection", 1.34}}));
  }
  if (flavour == Flavour::attacked) {
    fields.emplace_back("attacks",
                        list({part("attack", "sign_flip", {{"who", "Oslo"}, {"of", "own"}}),
                              part("attack", "ipm", {{"who", "Gent"}, {"scale", 0.5}})}));
  }
  return three_rounds(kDeadline, hospitals, fields);
}

// Looks for mistakes in a story's account.
class Audit {
 public:
  Audit(const Story& story, Flavour flavour)
      : heard_(story.heard), host_(story.host), result_(story.result) {
    check_end(flavour);
    for (const std::string& complaint : host_.complaints) complain(true, complaint);
    for (const auto& [number, round] : heard_.rounds) check_round(number, round);
    complain(rules_ != host_.counts.size(), "the rule was called for no version");
    if (heard_.made_again(versions_ + 1)) ++versions_;
    complain(result_.versions != versions_, "the result has another number of versions");
    for (const auto& [place, drops] : heard_.drops) {
      complain(heard_.rounds.find(place.first) == heard_.rounds.end(), "a drop of no round");
    }
    check_hospitals();
  }
  // A line for each mistake; empty: it adds up.
  [[nodiscard]] const std::string& complaints() const { return text_; }

 private:
  void complain(bool wrong, const std::string& what) {
    if (wrong) text_ += what + "\n";
  }

  void check_end(Flavour flavour) {
    complain(heard_.ends != 1, fmt::format("the run ended {} times", heard_.ends));
    complain(heard_.events_after_end() > 0, "something was said after the end");
    complain(heard_.reason.empty(), "nothing says why the run ended");
    complain(heard_.time_went_back, "time went back");
    complain(result_.ended < heard_.last, "the end is before what was said");
    // each round lasts at most to its deadline; without one, until nothing can happen any more
    const double rounds = flavour == Flavour::endless ? 2 * kChaosRounds : kChaosRounds;
    const auto again = static_cast<double>(heard_.count(HappeningKind::went_back));
    const auto crashes = static_cast<double>(heard_.count(HappeningKind::server_crashed));
    const double most = (1 + again) * rounds * kDeadline + crashes * kWhile.seconds();
    complain(result_.ended.seconds() > most, "it lasted longer than its rounds may");
    complain(result_.events_dispatched > 2000, "it took too many events");
  }

  // Every invitation to a round ends once; what was used had arrived once.
  void check_round(std::int64_t number, const Listener::Round& round) {
    std::int64_t used_here = 0;
    std::set<std::uint32_t> once;
    for (const HospitalId id : round.invited) {
      complain(!once.insert(id.value).second, "a hospital was invited twice to a round");
      ++invited_[id.value];
      const Listener::Place place{number, id.value};
      const auto drops = heard_.drops.find(place);
      if (drops != heard_.drops.end()) {
        complain(drops->second.size() > 1, fmt::format("round {}: hospital {} was dropped {} times",
                                                       number, id.value, drops->second.size()));
        for (const DropReason reason : drops->second) ++dropped_[id.value][reason];
        continue;
      }
      ++used_here;
      ++used_[id.value];
      complain(count(heard_.arrivals, place) != 1, "an update was used that did not arrive once");
      complain(count(heard_.sent, place) != 1, "an update was used whose upload did not end once");
    }
    const std::int64_t said = std::max<std::int64_t>(round.aggregated, 0);
    complain(used_here != said,
             fmt::format("round {}: {} were used, and it says {}", number, used_here, said));
    complain(round.failed && said > 0, "a failed round used updates");
    if (round.aggregated < 0 || round.failed) return;
    next_version();
    complain(round.version != versions_, "a version is missing");
    const bool seen =
        rules_ < host_.counts.size() && host_.counts[rules_] == static_cast<std::size_t>(said);
    complain(!seen, "the rule saw another number of updates");
    ++rules_;
  }

  void next_version() {
    while (heard_.made_again(++versions_)) {
    }
  }

  // The account of each hospital says what was heard.
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
    // transfers that were abandoned are in the account, and end with no event of their own
    complain(heard_.bytes_moved_up > up, "more bytes up ended than were moved");
    complain(heard_.bytes_moved_down > down, "more bytes down ended than were moved");
  }

  static int count(const std::map<Listener::Place, int>& counts, const Listener::Place& place) {
    const auto it = counts.find(place);
    return it == counts.end() ? 0 : it->second;
  }

  const Listener& heard_;
  const ChaosHost& host_;
  const RunResult& result_;
  std::map<std::uint32_t, std::int64_t> used_;
  std::map<std::uint32_t, std::int64_t> invited_;
  std::map<std::uint32_t, std::map<DropReason, std::int64_t>> dropped_;
  std::int64_t versions_ = 0;
  std::size_t rules_ = 0;  // calls of the aggregation rule that versions account for
  std::string text_;
};

std::string complaints(const Story& story, Flavour flavour) {
  return Audit(story, flavour).complaints();
}

// Runs the world with one kill, checks its account, and returns it.
std::unique_ptr<Story> check_kill(const WorldSpec& spec, Flavour flavour, const Kill& kill,
                                  const std::string& who, bool comes_back) {
  auto story = run_chaos(spec, kill);
  const std::string wrong = complaints(*story, flavour);
  const std::string name = fmt::format("{} killed before event {}", who, kill.at + 1);
  CHECK_MESSAGE(wrong.empty(), name << ": " << wrong);
  const bool rounds_done = story->heard.reason == "all 3 rounds are done";
  // where a deadline closes rounds, and where the killed come back, all rounds take place; else
  // the run says that nothing can happen any more
  if (flavour != Flavour::endless || comes_back) {
    CHECK_MESSAGE(rounds_done, name << ": " << story->heard.reason);
  }
  const bool stuck = story->failure == "nothing can happen any more, yet hospitals wait";
  CHECK_MESSAGE(rounds_done != stuck, name << ": " << story->failure);
  // one kill in seven is done again: the same bits, with three threads too
  if (kill.at % 7 == 3) {
    const auto again = run_chaos(spec, kill, 3);
    CHECK_MESSAGE(again->result.fingerprint == story->result.fingerprint, name);
  }
  return story;
}

// The run that nobody disturbs.
std::unique_ptr<Story> undisturbed(const WorldSpec& spec, Flavour flavour) {
  auto story = run_chaos(spec, {});
  CHECK(complaints(*story, flavour) == "");
  CHECK(story->result.versions == kChaosRounds);
  CHECK(story->failure.empty());
  return story;
}

// Kills one party before each event of an undisturbed run, for ever and for a while.
void kill_at_each_event(Flavour flavour, const std::string& who, const Act& act, const Act& back,
                        Reasons& reasons) {
  const WorldSpec spec = chaos_world(flavour);
  const std::uint64_t events = undisturbed(spec, flavour)->result.events_dispatched;
  for (std::uint64_t at = 0; at < events; ++at) {
    Kill kill;
    kill.at = at;
    kill.act = act;
    reasons.add(*check_kill(spec, flavour, kill, who, false));
    kill.act = back_after(kWhile, act, back);
    reasons.add(*check_kill(spec, flavour, kill, who + " for a while", true));
  }
}

constexpr Flavour kFlavours[] = {Flavour::plain, Flavour::patient, Flavour::endless};
constexpr Flavour kAllFlavours[] = {Flavour::plain, Flavour::patient, Flavour::endless,
                                    Flavour::attacked};

TEST_CASE("each hospital's link is cut at each event") {
  Reasons reasons;
  for (const Flavour flavour : kAllFlavours) {
    for (const std::string& name : kHospitals) {
      kill_at_each_event(
          flavour, name + "'s link", [&](WorldControl& world, Story&) { world.disconnect(name); },
          [&](WorldControl& world, Story&) { world.reconnect(name); }, reasons);
    }
  }
  reasons.check_seen({DropReason::unreachable, DropReason::send_failed, DropReason::not_needed,
                      DropReason::run_ended});
}

TEST_CASE("the server's links are cut at each event") {
  using Directions = std::vector<TransferDirection>;
  const auto set = [](const Directions& directions, double bytes_per_s) {
    return [=](WorldControl& world, Story&) {
      for (const TransferDirection direction : directions) world.set_server(direction, bytes_per_s);
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

// An outage is the state of a hospital and comes before all else in its nanosecond: the moments
// that differ are those of the events, and one nanosecond after them.
TEST_CASE("each hospital goes down at each moment") {
  const test::TemporaryFolder folder;
  Reasons reasons;
  for (const Flavour flavour : kFlavours) {
    const std::unique_ptr<Story> calm = undisturbed(chaos_world(flavour), flavour);
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
          const auto story = check_kill(
              spec, flavour, kill,
              fmt::format("{} at {}{}", name, to_text(moment), comes_back ? " for a while" : ""),
              comes_back);
          reasons.add(*story);
        }
      }
    }
  }
  reasons.check_seen({DropReason::unreachable, DropReason::send_failed,
                      DropReason::train_interrupted, DropReason::not_needed,
                      DropReason::run_ended});
}

TEST_CASE("each hospital leaves at each event, for ever and for a while") {
  Reasons reasons;
  for (const Flavour flavour : kAllFlavours) {
    for (const std::string& name : kHospitals) {
      kill_at_each_event(
          flavour, name, [&](WorldControl& world, Story&) { world.leave(name); },
          [&](WorldControl& world, Story&) { world.join(name); }, reasons);
    }
  }
  reasons.check_seen({DropReason::left, DropReason::not_needed});
}

TEST_CASE("each hospital, and the region of two, goes down at each event for a while") {
  Reasons reasons;
  for (const Flavour flavour : kAllFlavours) {
    const Fields in_region{{"site", Table{{"Oslo", Table{{"region", "North"}}},
                                          {"Gent", Table{{"region", "North"}}}}}};
    const WorldSpec spec = chaos_world(flavour, in_region);
    const std::uint64_t events = undisturbed(spec, flavour)->result.events_dispatched;
    for (std::uint64_t at = 0; at < events; ++at) {
      Kill kill;
      kill.at = at;
      for (const std::string& name : kHospitals) {
        kill.act = [&](WorldControl& world, Story&) { world.outage(name, kWhile); };
        reasons.add(*check_kill(spec, flavour, kill, name + " down", true));
      }
      kill.act = [](WorldControl& world, Story&) { world.outage_in("North", kWhile); };
      reasons.add(*check_kill(spec, flavour, kill, "North down", true));
      // while its line is cut, and again before it is over
      kill.act = [](WorldControl& world, Story& told) {
        world.disconnect("Lyon");
        world.outage("Lyon", kWhile);
        told.host.on_wake = [&world] {
          world.outage("Lyon", kWhile);
          world.reconnect("Lyon");
        };
        world.wake_at(world.now() + TimeNs{kWhile.ns / 2}, 0);
      };
      reasons.add(*check_kill(spec, flavour, kill, "Lyon down twice", true));
    }
  }
  reasons.check_seen(
      {DropReason::train_interrupted, DropReason::send_failed, DropReason::unreachable});
}

// Data of one hospital, and of all, while a crash loses the round and a hospital leaves: nothing of
// the clock depends on what is learnt, and a run of three threads gives the same bits.
TEST_CASE("data change at each event, alone and with what else happens") {
  const Part scanner = part("change", "scanner", {{"features", list({"x"})}, {"scale", 1.5}});
  const Part wave = part("change", "wave",
                         {{"mix", Table{{"x", 1.0}}},
                          {"busy", 1.5},
                          {"rise", seconds(600)},
                          {"fall", seconds(600)},
                          {"delay", seconds(100)}});
  Reasons reasons;
  for (const Flavour flavour : kAllFlavours) {
    const WorldSpec spec = chaos_world(flavour);
    const auto plain = undisturbed(spec, flavour);
    const std::uint64_t events = plain->result.events_dispatched;
    for (std::uint64_t at = 0; at < events; ++at) {
      Kill kill;
      kill.at = at;
      kill.act = [&](WorldControl& world, Story&) { world.change_data("Lyon", scanner); };
      const auto story = check_kill(spec, flavour, kill, "Lyon's scanner", true);
      // when is as it was: what was recorded is no matter of the clock
      CHECK(story->result.ended == plain->result.ended);
      CHECK(story->result.bytes_up == plain->result.bytes_up);
      kill.act = [&](WorldControl& world, Story& told) {
        world.change_all_data(wave);
        world.change_data("Oslo", scanner);
        world.leave("Gent");
        told.host.on_wake = [&world, &scanner] {
          world.change_data("Gent", scanner);
          world.crash_server(kWhile);
          world.join("Gent");
        };
        world.wake_at(world.now() + TimeNs{kWhile.ns / 2}, 0);
      };
      reasons.add(*check_kill(spec, flavour, kill, "everything", true));
    }
    // at the very end: nothing is learnt of it, and what was measured is of the data at the end
    Kill late;
    late.at = events - 1;
    late.act = [&](WorldControl& world, Story&) { world.change_data("Lyon", scanner); };
    CHECK(run_chaos(spec, late)->result.final_parameters == plain->result.final_parameters);
  }
  reasons.check_seen({DropReason::left, DropReason::server_crashed});
}

TEST_CASE("the server crashes at each event") {
  Reasons reasons;
  for (const Flavour flavour : kAllFlavours) {
    const WorldSpec spec = chaos_world(flavour);
    const std::uint64_t events = undisturbed(spec, flavour)->result.events_dispatched;
    for (std::uint64_t at = 0; at < events; ++at) {
      Kill kill;
      kill.at = at;
      kill.act = [](WorldControl& world, Story&) { world.crash_server(kWhile); };
      const auto story = check_kill(spec, flavour, kill, "the server", true);
      reasons.add(*story);
      CHECK(story->heard.count(HappeningKind::server_crashed) == 1);
      CHECK(story->result.versions >= kChaosRounds - 1);  // one round is lost at most
      // again while it is down, and once it is back
      kill.act = [](WorldControl& world, Story& told) {
        world.crash_server(kWhile);
        told.host.on_wake = [&world] { world.crash_server(kWhile); };
        world.wake_at(world.now() + TimeNs{kWhile.ns / 2}, 0);
        world.wake_at(world.now() + kWhile + kWhile, 1);
      };
      check_kill(spec, flavour, kill, "the server, three times", true);
    }
  }
  reasons.check_seen({DropReason::server_crashed});
}

// The hospital is there and never takes part.
WorldSpec world_without(Flavour flavour, const std::string& name) {
  return chaos_world(flavour, {{"site", Table{{name, Table{{"role", "later"}}}}}});
}

// Where all are asked and all answer, who is forgotten leaves no trace: the model is, bit by bit,
// that of a federation in which it never was.
TEST_CASE("each hospital is forgotten at each event") {
  Reasons reasons;
  for (const Flavour flavour : kAllFlavours) {
    const WorldSpec spec = chaos_world(flavour);
    const std::uint64_t events = undisturbed(spec, flavour)->result.events_dispatched;
    const bool exact = flavour == Flavour::plain || flavour == Flavour::endless;
    for (const std::string& name : kHospitals) {
      const auto never = run_chaos(world_without(flavour, name), {});
      CHECK(never->result.versions == kChaosRounds);
      for (std::uint64_t at = 0; at < events; ++at) {
        Kill kill;
        kill.at = at;
        kill.act = [&](WorldControl& world, Story&) { world.forget(name); };
        const auto story = check_kill(spec, flavour, kill, name, true);
        reasons.add(*story);
        // the last event may be the end itself
        if (story->result.forgotten.empty()) continue;
        const ForgettingRecord& record = story->result.forgotten.front();
        CHECK(record.rounds == record.from_version - record.to_version);
        CHECK(record.again.has_value());
        if (!exact) continue;
        CHECK(story->result.final_parameters == never->result.final_parameters);
      }
    }
  }
  reasons.check_seen({DropReason::gone_back, DropReason::left});
}

TEST_CASE("the run itself is ended at each event, by a timeline and by an interruption") {
  Reasons reasons;
  for (const Flavour flavour : kAllFlavours) {
    const WorldSpec spec = chaos_world(flavour);
    const std::uint64_t events = undisturbed(spec, flavour)->result.events_dispatched;
    for (std::uint64_t at = 0; at < events; ++at) {
      end_in_three_ways(
          spec, at, [&](const Story& story) { return complaints(story, flavour); }, &reasons);
    }
  }
  reasons.check_seen({DropReason::run_ended});
}

}  // namespace
}  // namespace polyclinic
