// One run of a federation in which a party is killed, and what it left behind.
#pragma once

#include <doctest/doctest.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "chaos.hpp"

namespace polyclinic::testing {

struct Story {
  Listener heard;
  ChaosHost host;
  RunResult result;
  std::vector<TimeNs> moments;  // of the events
  std::string failure;          // the RunError that ended it; empty: none
};

using Act = std::function<void(WorldControl&, Story&)>;

struct Kill {
  std::uint64_t at = 0;  // events dispatched before it
  Act act;               // empty: nobody is killed
  std::atomic<bool>* interrupt = nullptr;
};

inline std::unique_ptr<Story> run_chaos(const WorldSpec& spec, const Kill& kill, int threads = 1) {
  auto story = std::make_unique<Story>();
  const Part* protocol = spec.scenario.part("protocol");
  const std::set<std::string> no_rounds{"buffered", "async", "semi_sync"};
  story->host.may_repeat = protocol != nullptr && no_rounds.count(protocol->name) == 1;
  RunOptions options;
  options.threads = threads;
  options.observers.push_back(&story->heard);
  options.interrupt = kill.interrupt;
  options.before_event = [&](WorldControl& world, std::uint64_t dispatched) {
    story->moments.push_back(world.now());
    if (dispatched == kill.at && kill.act) kill.act(world, *story);
  };
  World world(spec, &story->host, std::move(options));
  try {
    world.run();
  } catch (const RunError& error) {
    story->failure = error.mistake().message;
  }
  story->result = world.result();
  return story;
}

inline Act back_after(TimeNs pause, Act act, Act back) {
  return [pause, act = std::move(act), back = std::move(back)](WorldControl& world, Story& story) {
    act(world, story);
    story.host.on_wake = [&world, &story, back] { back(world, story); };
    world.wake_at(world.now() + pause, 0);
  };
}

// A hospital's link is cut, for ever or for a while.
inline Act cut_off(std::string hospital) {
  return
      [hospital = std::move(hospital)](WorldControl& world, Story&) { world.disconnect(hospital); };
}
inline Act cut_off_for(TimeNs pause, const std::string& hospital) {
  return back_after(pause, cut_off(hospital),
                    [hospital](WorldControl& world, Story&) { world.reconnect(hospital); });
}

// Everything that the drops of many runs said.
class Reasons {
 public:
  void add(const Story& story) {
    for (const auto& [place, drops] : story.heard.drops) seen_.insert(drops.begin(), drops.end());
  }
  [[nodiscard]] bool seen(DropReason reason) const { return seen_.count(reason) == 1; }
  // Kills that change nothing prove nothing.
  void check_seen(std::initializer_list<DropReason> expected) const {
    for (const DropReason reason : expected) {
      CHECK_MESSAGE(seen(reason), "no hospital was ever dropped as " << name(reason));
    }
  }

 private:
  std::set<DropReason> seen_;
};

// Ends a run at one event in three ways: by its timeline, by an interruption, by a mistake. audit
// gives a line for each mistake in what a run says of itself. Gives the run that was ended.
inline std::unique_ptr<Story> end_in_three_ways(
    const WorldSpec& spec, std::uint64_t at, const std::function<std::string(const Story&)>& audit,
    Reasons* reasons = nullptr) {
  CAPTURE(at);
  const auto look = [&](const Kill& kill) {
    auto story = run_chaos(spec, kill);
    CHECK(audit(*story) == "");
    if (reasons != nullptr) reasons->add(*story);
    return story;
  };
  auto ended = look({at, [](WorldControl& world, Story&) { world.stop("it was ended"); }});
  CHECK(ended->heard.reason == "it was ended");
  CHECK(ended->result.events_dispatched == at);
  std::atomic<bool> interrupt = false;
  CHECK(
      look({at, [&](WorldControl&, Story&) { interrupt = true; }, &interrupt})->result.interrupted);
  CHECK(look({at, [](WorldControl&, Story&) { throw RunError({}, "it broke"); }})->failure ==
        "it broke");
  return ended;
}

}  // namespace polyclinic::testing
