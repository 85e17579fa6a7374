#include "sim/simulation.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "sim/mailbox.hpp"
#include "sim/scope.hpp"
#include "sim/task.hpp"
#include "trace/fingerprint.hpp"

using namespace polyclinic;

namespace {

// Calls a std::function: comfortable for tests, and a demonstration of context and argument.
constexpr Handler kCall("call", [](void* context, std::uint64_t) {
  (*static_cast<std::function<void()>*>(context))();
});

class Recorder {
 public:
  explicit Recorder(Simulation& sim) : sim_(sim) {}
  void on_event(std::uint64_t argument) { seen.push_back({sim_.now().ns, argument}); }
  std::vector<std::pair<std::int64_t, std::uint64_t>> seen;

 private:
  Simulation& sim_;
};
constexpr Handler kRecord = method_handler<&Recorder::on_event>("record");

// True if `action` aborts, as a broken invariant does.
template <class Action>
bool aborts(Action action) {
  const pid_t child = fork();
  if (child == 0) {
    // the abort is expected: neither its message nor the test library's report should be seen
    std::signal(SIGABRT, SIG_DFL);
    if (std::freopen("/dev/null", "w", stderr) == nullptr) _exit(2);
    action();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return !(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 2));
}

Task<void> tick(Simulation& sim, TimeNs period, int times) {
  for (int i = 0; i < times; ++i) co_await sim.delay(period);
}

std::string message_of(Simulation& sim) {
  try {
    sim.run();
  } catch (const RunError& error) {
    return error.mistake().message;
  }
  return "no error";
}

}  // namespace

TEST_CASE("run dispatches everything in order and leaves the clock at the last event") {
  Simulation sim;
  Recorder recorder(sim);
  sim.schedule(TimeNs{20}, Priority::state, {&kRecord, &recorder, 2});
  sim.schedule(TimeNs{10}, Priority::state, {&kRecord, &recorder, 1});
  CHECK(sim.next_event_time() == TimeNs{10});
  sim.run();
  CHECK(recorder.seen == std::vector<std::pair<std::int64_t, std::uint64_t>>{{10, 1}, {20, 2}});
  CHECK(sim.now() == TimeNs{20});
  CHECK(sim.dispatched() == 2);
}

TEST_CASE("run_until includes its end and moves the clock there") {
  Simulation sim;
  Recorder recorder(sim);
  for (const std::int64_t at_ns : {10, 20, 21}) {
    sim.schedule(TimeNs{at_ns}, Priority::state, {&kRecord, &recorder, 0});
  }
  sim.run_until(TimeNs{20});
  CHECK(recorder.seen.size() == 2);
  CHECK(sim.now() == TimeNs{20});
  sim.run_until(TimeNs{20});
  CHECK(recorder.seen.size() == 2);
  sim.run_until(TimeNs{1000});
  CHECK(recorder.seen.size() == 3);
  CHECK(sim.now() == TimeNs{1000});
}

TEST_CASE("stop ends run after the event that called it; run goes on where it was") {
  Simulation sim;
  Recorder recorder(sim);
  std::function<void()> stop = [&] { sim.stop(); };
  sim.schedule(TimeNs{5}, Priority::state, {&kCall, &stop});
  sim.schedule(TimeNs{5}, Priority::state, {&kRecord, &recorder, 1});
  sim.run();
  CHECK(recorder.seen.empty());
  sim.run();
  CHECK(recorder.seen.size() == 1);
}

TEST_CASE("step dispatches one event") {
  Simulation sim;
  Recorder recorder(sim);
  sim.schedule(TimeNs{5}, Priority::state, {&kRecord, &recorder, 1});
  CHECK(sim.step());
  CHECK_FALSE(sim.step());
}

TEST_CASE("cancelling from within events: another one of this instant, a later one, oneself") {
  Simulation sim;
  Recorder recorder(sim);
  EventId self;
  EventId same_instant;
  EventId later;
  std::vector<bool> outcome;
  std::function<void()> cancel = [&] {
    outcome = {sim.cancel(self), sim.cancel(same_instant), sim.cancel(later), sim.cancel(later)};
  };
  self = sim.schedule(TimeNs{5}, Priority::state, {&kCall, &cancel});
  same_instant = sim.schedule(TimeNs{5}, Priority::state, {&kRecord, &recorder, 1});
  later = sim.schedule(TimeNs{6}, Priority::state, {&kRecord, &recorder, 2});
  sim.schedule(TimeNs{7}, Priority::state, {&kRecord, &recorder, 3});
  sim.run();
  CHECK(outcome == std::vector<bool>{false, true, true, false});
  CHECK(recorder.seen == std::vector<std::pair<std::int64_t, std::uint64_t>>{{7, 3}});
}

TEST_CASE("scheduling in the past and negative delays are our bugs") {
  Simulation sim;
  Recorder recorder(sim);
  sim.run_until(TimeNs{100});
  CHECK(aborts([&] { sim.schedule(TimeNs{99}, Priority::state, {&kRecord, &recorder, 1}); }));
  CHECK(aborts([&] { (void)sim.delay(TimeNs{-1}); }));
  CHECK_FALSE(aborts([&] {
    sim.schedule(TimeNs{100}, Priority::state, {&kRecord, &recorder, 1});
  }));
}

TEST_CASE("a time beyond a hundred years names the culprit") {
  Simulation sim;
  Recorder recorder(sim);
  std::string message;
  try {
    sim.schedule(kTimeMax + TimeNs{1}, Priority::state, {&kRecord, &recorder, 1, 7});
  } catch (const RunError& error) {
    message = error.mistake().message;
  }
  CHECK(
      message ==
      "'record' of entity 7 asks for a time more than 100 years away (3155760000.000000001 s), at "
      "0.000000000 s");
  // the limit itself is allowed
  sim.cancel(sim.schedule(kTimeMax, Priority::state, {&kRecord, &recorder, 1, 7}));

  sim.spawn(sim.root(), tick(sim, kNever, 1), "sleeper", 3);
  CHECK(message_of(sim).starts_with("'sleeper' of entity 3 asks for a time more than 100 years"));
}

TEST_CASE("a deadline beyond a hundred years is the waiting actor's error, and frees its wait") {
  Simulation sim;
  Mailbox<int> inbox("inbox");
  struct Receiver {
    static Task<void> run(Mailbox<int>& box) {
      (void)co_await box.receive_until(kTimeMax + TimeNs(1));
    }
  };
  sim.spawn(sim.root(), Receiver::run(inbox), "server", 1);
  CHECK(message_of(sim).starts_with("'server' of entity 1 asks for a time more than 100 years"));
  inbox.send(1);
  sim.run();
  CHECK(inbox.size() == 1);
  CHECK(sim.actors() == 0);
}

TEST_CASE("a million events without the clock moving is an error that names who repeats") {
  SUBCASE("an actor that waits for nothing") {
    Simulation sim;
    sim.spawn(sim.root(), tick(sim, TimeNs{5}, 1000), "innocent", 1);
    sim.run_until(TimeNs{100});
    sim.spawn(sim.root(), tick(sim, TimeNs{0}, 2'000'000), "every(0)", 12);
    CHECK(
        message_of(sim) ==
        "time stands still at 0.000000100 s: 1000000 events without the clock moving, 1000 of the "
        "last 1000 by 'every(0)' of entity 12");
  }
  SUBCASE("a plain event that schedules itself") {
    Simulation sim;
    std::function<void()> again;
    again = [&] { sim.schedule(sim.now(), Priority::command, {&kCall, &again}); };
    again();
    CHECK(
        message_of(sim) ==
        "time stands still at 0.000000000 s: 1000000 events without the clock moving, 1000 of the "
        "last 1000 by 'call'");
  }
  SUBCASE("999999 are allowed") {
    Simulation sim;
    std::uint64_t left = 999'999;
    std::function<void()> again;
    again = [&] {
      if (--left > 0) sim.schedule(sim.now(), Priority::command, {&kCall, &again});
    };
    sim.schedule(TimeNs{1}, Priority::command, {&kCall, &again});
    CHECK(message_of(sim) == "no error");
    CHECK(sim.dispatched() == 999'999);
  }
}

// A start and fourteen waits for each of a crowd: 15 events where 16 are allowed.
TEST_CASE("a crowd may do at one instant what its members may do together") {
  constexpr std::uint32_t kCrowd = 70'000;
  Simulation sim;
  for (std::uint32_t i = 0; i < kCrowd; ++i) {
    sim.spawn(sim.root(), tick(sim, TimeNs{0}, 14), "hospital", i);
  }
  CHECK(message_of(sim) == "no error");
  CHECK(sim.now() == TimeNs{0});
  CHECK(sim.dispatched() == std::uint64_t{kCrowd} * 15);
  // one of them that repeats without end is found all the same, at 16 events for each
  sim.run_until(TimeNs{100});
  for (std::uint32_t i = 0; i < kCrowd; ++i) {
    sim.spawn(sim.root(), tick(sim, TimeNs{1}, 1), "hospital", i);
  }
  sim.spawn(sim.root(), tick(sim, TimeNs{0}, 2'000'000), "busy", 7);
  const std::string message = message_of(sim);
  CHECK(message ==
        "time stands still at 0.000000100 s: 1120016 events without the clock moving, 1000 of the "
        "last 1000 by 'busy' of entity 7");
}

TEST_CASE("what a handler throws leaves run, and the simulation can go on") {
  Simulation sim;
  Recorder recorder(sim);
  std::function<void()> fail = [] { throw RunError({}, "the disk is full"); };
  sim.schedule(TimeNs{5}, Priority::state, {&kCall, &fail});
  sim.schedule(TimeNs{6}, Priority::state, {&kRecord, &recorder, 1});
  CHECK(message_of(sim) == "the disk is full");
  CHECK(message_of(sim) == "no error");
  CHECK(recorder.seen.size() == 1);
}

TEST_CASE("two simulations share nothing: run in turns they do what each does alone") {
  const auto alone = [](std::int64_t period_ns) {
    Simulation sim;
    Fingerprint fingerprint;
    sim.feed(fingerprint);
    sim.spawn(sim.root(), tick(sim, TimeNs{period_ns}, 100), "tick");
    sim.run();
    return fingerprint.text();
  };
  Simulation a;
  Simulation b;
  Fingerprint of_a;
  Fingerprint of_b;
  a.feed(of_a);
  b.feed(of_b);
  a.spawn(a.root(), tick(a, TimeNs{3}, 100), "tick");
  b.spawn(b.root(), tick(b, TimeNs{5}, 100), "tick");
  for (bool more = true; more;) {
    const bool more_a = a.step();
    const bool more_b = b.step();
    more = more_a || more_b;
  }
  CHECK(of_a.text() == alone(3));
  CHECK(of_b.text() == alone(5));
  CHECK(of_a.text() != of_b.text());
}

TEST_CASE("the fingerprint sees order, time, priority, label and entity of events") {
  struct Script {
    std::vector<std::uint32_t> entities;
    TimeNs at;
    Priority priority;
    const Handler* handler;
  };
  static constexpr Handler kOther("other", [](void*, std::uint64_t) {});
  static constexpr Handler kOne("one", [](void*, std::uint64_t) {});
  const auto run = [](const Script& script) {
    Simulation sim;
    Fingerprint fingerprint;
    sim.feed(fingerprint);
    for (const std::uint32_t entity : script.entities) {
      sim.schedule(script.at, script.priority, {script.handler, nullptr, 0, entity});
    }
    sim.run();
    CHECK(fingerprint.results.value() == Hasher().value());
    return fingerprint.text();
  };
  const Script base{{1, 2}, TimeNs{5}, Priority::state, &kOne};
  const std::string expected = run(base);
  CHECK(expected.size() == 33);
  CHECK(expected[16] == '-');
  CHECK(run(base) == expected);
  CHECK(run({{2, 1}, TimeNs{5}, Priority::state, &kOne}) != expected);
  CHECK(run({{1, 2}, TimeNs{6}, Priority::state, &kOne}) != expected);
  CHECK(run({{1, 2}, TimeNs{5}, Priority::command, &kOne}) != expected);
  CHECK(run({{1, 2}, TimeNs{5}, Priority::state, &kOther}) != expected);
  CHECK(run({{1, 2, 2}, TimeNs{5}, Priority::state, &kOne}) != expected);
}

TEST_CASE("the hook sees actors under their own label") {
  Simulation sim;
  std::vector<std::string> labels;
  sim.set_dispatch_hook(
      [](void* context, const DispatchedEvent& event) {
        static_cast<std::vector<std::string>*>(context)->push_back(std::string(event.label) + "@" +
                                                                   std::to_string(event.at.ns));
      },
      &labels);
  sim.spawn(sim.root(), tick(sim, TimeNs{4}, 2), "clock", 1);
  sim.run();
  CHECK(labels == std::vector<std::string>{"clock@0", "clock@4", "clock@8"});
}

TEST_CASE("pending lists what is waiting and why; a deadlock is seen") {
  Simulation sim;
  Mailbox<int> inbox("inbox");
  Recorder recorder(sim);
  struct Server {
    static Task<void> run(Mailbox<int>& box) { (void)co_await box.receive(); }
    static Task<void> call(Mailbox<int>& box) { co_await run(box); }
  };
  sim.spawn(sim.root(), Server::call(inbox), "server", 0);
  sim.spawn(sim.root(), tick(sim, TimeNs{1'500'000'000}, 1), "tick", 4);
  sim.schedule(TimeNs{7}, Priority::deadline, {&kRecord, &recorder, 0, 2});
  CHECK(sim.pending_text(2) ==
        "'server' of entity 0: is about to go on, at 0.000000000 s\n"
        "'tick' of entity 4: is about to go on, at 0.000000000 s\n"
        "and 1 more\n");
  sim.run_until(TimeNs{1});
  CHECK(sim.pending_text() ==
        "'server' of entity 0: waits for a message in 'inbox'\n"
        "'tick' of entity 4: waits for a time, at 1.500000000 s\n"
        "'record' of entity 2: event of priority 'deadline', at 0.000000007 s\n");
  CHECK_FALSE(sim.stuck());
  sim.run();
  CHECK(sim.stuck());
  CHECK(sim.actors() == 1);
  inbox.send(1);
  CHECK_FALSE(sim.stuck());
  CHECK(sim.pending_text() ==
        "'server' of entity 0: waits for a message in 'inbox', at 1.500000000 s\n");
  sim.run();
  CHECK(sim.actors() == 0);
}
