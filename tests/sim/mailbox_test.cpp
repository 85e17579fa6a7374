#include "sim/mailbox.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "counted.hpp"
#include "sim/gate.hpp"
#include "sim/scope.hpp"
#include "sim/task.hpp"

using namespace polyclinic;

namespace {

using Log = std::vector<std::string>;

std::string stamp(const Simulation& sim, const std::string& text) {
  return text + "@" + std::to_string(sim.now().ns);
}

Task<void> receiver(Simulation& sim, Mailbox<int>& box, Log& log, std::string name) {
  const int message = co_await box.receive();
  log.push_back(stamp(sim, name + " got " + std::to_string(message)));
}

Task<void> patient(Simulation& sim, Mailbox<int>& box, TimeNs deadline, Log& log) {
  const std::optional<int> message = co_await box.receive_until(deadline);
  log.push_back(stamp(sim, message ? "got " + std::to_string(*message) : "nothing"));
}

Task<void> watcher(Simulation& sim, Gate& gate, TimeNs deadline, Log& log) {
  const bool opened = co_await gate.wait_until(deadline);
  log.push_back(stamp(sim, opened ? "open" : "still closed"));
}

// Sends one message from a plain event of a given priority.
class Sender {
 public:
  explicit Sender(Mailbox<int>& box) : box_(box) {}
  void on_send(std::uint64_t value) { box_.send(static_cast<int>(value)); }

 private:
  Mailbox<int>& box_;
};
constexpr Handler kSend = method_handler<&Sender::on_send>("send");

class Opener {
 public:
  explicit Opener(Gate& gate) : gate_(gate) {}
  void on_open(std::uint64_t /*argument*/) { gate_.open(); }

 private:
  Gate& gate_;
};
constexpr Handler kOpen = method_handler<&Opener::on_open>("open");

}  // namespace

TEST_CASE("messages and receivers are both first in, first out") {
  Simulation sim;
  Mailbox<int> box;
  Log log;
  for (const char* name : {"a", "b", "c"}) {
    sim.spawn(sim.root(), receiver(sim, box, log, name), name);
  }
  sim.run_until(TimeNs{10});
  CHECK(log.empty());
  box.send(1);
  box.send(2);
  sim.run_until(TimeNs{20});
  CHECK(log == Log{"a got 1@10", "b got 2@10"});
  box.send(3);
  box.send(4);
  sim.run();
  CHECK(log.back() == "c got 3@20");
  CHECK(box.size() == 1);
  CHECK(box.try_receive() == 4);
  CHECK_FALSE(box.try_receive().has_value());
}

TEST_CASE("a message that waits is received at once; move-only messages move through") {
  struct Body {
    static Task<void> run(Mailbox<std::unique_ptr<int>>& box, int& out) {
      std::unique_ptr<int> message = co_await box.receive();
      out = *message;
    }
  };
  Simulation sim;
  Mailbox<std::unique_ptr<int>> box;
  int out = 0;
  box.send(std::make_unique<int>(7));
  sim.spawn(sim.root(), Body::run(box, out), "receiver");
  sim.run();
  CHECK(out == 7);
  CHECK(sim.dispatched() == 1);
}

TEST_CASE("an arrival at the deadline counts, one after it does not") {
  // priority of the sending event at the deadline -> what the receiver sees
  for (const auto& [priority, at_ns, expected] :
       {std::tuple(Priority::transfer_end, 50, "got 9@50"),
        std::tuple(Priority::state, 49, "got 9@49"), std::tuple(Priority::wakeup, 50, "got 9@50"),
        std::tuple(Priority::command, 50, "nothing@50"),
        std::tuple(Priority::state, 51, "nothing@50")}) {
    CAPTURE(at_ns);
    Simulation sim;
    Mailbox<int> box;
    Sender sender(box);
    Log log;
    sim.spawn(sim.root(), patient(sim, box, TimeNs{50}, log), "patient");
    sim.schedule(TimeNs{at_ns}, priority, {&kSend, &sender, 9});
    sim.run();
    CHECK(log == Log{expected});
    // the timer is gone with the wait: the clock stops at the last real event
    CHECK(sim.now() == TimeNs{std::max(at_ns, std::string(expected) == "nothing@50" ? 50 : 0)});
    CHECK(box.empty() == log.front().starts_with("got"));
  }
}

TEST_CASE("a deadline that has passed is now; none is for ever") {
  Simulation sim;
  Mailbox<int> box;
  Log log;
  sim.run_until(TimeNs{100});
  sim.spawn(sim.root(), patient(sim, box, TimeNs{50}, log), "late");
  sim.run();
  CHECK(log == Log{"nothing@100"});
  sim.spawn(sim.root(), patient(sim, box, kNever, log), "for ever");
  sim.run();
  CHECK(sim.stuck());
  box.send(3);
  sim.run();
  CHECK(log.back() == "got 3@100");
}

TEST_CASE("a receiver cancelled while it waits leaves the message to the next") {
  Simulation sim;
  Mailbox<int> box;
  Log log;
  Scope scope(sim);
  sim.spawn(scope, receiver(sim, box, log, "cancelled"), "cancelled");
  sim.spawn(sim.root(), receiver(sim, box, log, "next"), "next");
  sim.run();
  scope.cancel();
  box.send(1);
  sim.run();
  CHECK(log == Log{"next got 1@0"});
}

TEST_CASE(
    "a receiver cancelled after it was woken, before it ran, leaves the message to the next") {
  Simulation sim;
  Mailbox<int> box;
  Log log;
  Scope scope(sim);
  sim.spawn(scope, receiver(sim, box, log, "cancelled"), "cancelled");
  sim.spawn(sim.root(), receiver(sim, box, log, "next"), "next");
  sim.run();
  box.send(1);
  // the message has a claim on it: not to be taken by somebody who did not wait
  CHECK_FALSE(box.try_receive().has_value());
  scope.cancel();
  sim.run();
  CHECK(log == Log{"next got 1@0"});

  // and with nobody else waiting it stays in the box
  sim.spawn(scope, receiver(sim, box, log, "cancelled"), "cancelled");
  sim.run();
  box.send(2);
  scope.cancel();
  CHECK(box.try_receive() == 2);
}

TEST_CASE("a mailbox destroyed with receivers in it, waiting and woken, leaves them waiting") {
  int alive = 0;
  struct Body {
    static Task<void> run(Mailbox<Counted>& box) { const Counted message = co_await box.receive(); }
  };
  Simulation sim;
  {
    Mailbox<Counted> box("short-lived");
    sim.spawn(sim.root(), Body::run(box), "woken");
    sim.spawn(sim.root(), Body::run(box), "waiting");
    sim.run();
    box.send(Counted(alive));
    CHECK(alive == 1);
  }
  CHECK(alive == 0);
  sim.run();
  CHECK(sim.stuck());
  CHECK(sim.pending_text() ==
        "'woken': waits for a message in\n'waiting': waits for a message in\n");
  sim.root().cancel();
  CHECK(sim.actors() == 0);
}

TEST_CASE("an open gate stays open, and wakes all in the order in which they came") {
  Simulation sim;
  Gate gate("start");
  Opener opener(gate);
  Log log;
  sim.spawn(sim.root(), watcher(sim, gate, kNever, log), "a");
  sim.spawn(sim.root(), watcher(sim, gate, TimeNs{30}, log), "b");
  sim.spawn(sim.root(), watcher(sim, gate, TimeNs{10}, log), "c");
  sim.schedule(TimeNs{30}, Priority::state, {&kOpen, &opener});
  sim.run();
  CHECK(log == Log{"still closed@10", "open@30", "open@30"});
  gate.open();
  sim.spawn(sim.root(), watcher(sim, gate, TimeNs{0}, log), "d");
  sim.run();
  CHECK(log.back() == "open@30");
}
