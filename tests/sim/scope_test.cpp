#include "sim/scope.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "counted.hpp"
#include "sim/combine.hpp"
#include "sim/gate.hpp"
#include "sim/mailbox.hpp"
#include "sim/simulation.hpp"
#include "sim/task.hpp"

using namespace polyclinic;

namespace {

Task<void> sleeps(Simulation& sim, Counted /*token*/) {
  co_await sim.delay(kDay);
}

Task<void> receives(Mailbox<int>& box, Counted /*token*/) {
  (void)co_await box.receive();
}

Task<void> waits(Gate& gate, Counted /*token*/) {
  co_await gate.wait();
}

// Waits in every way at once.
Task<void> busy(Simulation& sim, Mailbox<int>& box, Gate& gate, Counted token) {
  std::vector<Task<void>> tasks;
  tasks.push_back(sleeps(sim, token));
  tasks.push_back(receives(box, token));
  tasks.push_back(waits(gate, token));
  co_await all_of(std::move(tasks));
}

// A round: a scope of its own with children, which ends with the coroutine or with its cancelling.
Task<void> round(Simulation& sim, TimeNs length, Counted token) {
  Scope children(sim, "round");
  for (int i = 0; i < 3; ++i) sim.spawn(children, sleeps(sim, token), "hospital");
  co_await sim.delay(length);
}

Task<void> cancels(Simulation& sim, Scope& scope, bool& went_on, Counted /*token*/) {
  co_await sim.delay(TimeNs(5));
  scope.cancel();
  went_on = true;
  co_await sim.delay(TimeNs(5));
  went_on = false;
}

Task<void> cancels_and_throws(Scope& scope, Counted /*token*/) {
  scope.cancel();
  throw std::runtime_error("after cancelling");
  co_return;
}

// Cancels a scope when its frame is destroyed.
class CancelsAtEnd {
 public:
  explicit CancelsAtEnd(Scope& scope) : scope_(&scope) {}
  CancelsAtEnd(CancelsAtEnd&& other) noexcept : scope_(std::exchange(other.scope_, nullptr)) {}
  ~CancelsAtEnd() {
    if (scope_ != nullptr) scope_->cancel();
  }

 private:
  Scope* scope_;
};
Task<void> entangled(Simulation& sim, Counted /*token*/, CancelsAtEnd /*guard*/) {
  co_await sim.delay(kDay);
}

Task<void> owns_scope_of_others(Simulation& sim, std::unique_ptr<Scope>& owner, Counted /*token*/) {
  co_await sim.delay(TimeNs(5));
  owner.reset();
  co_await sim.delay(TimeNs(5));
}

}  // namespace

TEST_CASE("cancelling frees frames, timers and places in mailboxes and gates, and only its own") {
  int alive = 0;
  int others = 0;
  Simulation sim;
  Mailbox<int> box;
  Gate gate;
  Scope scope(sim, "hospital");
  for (int i = 0; i < 10; ++i) sim.spawn(scope, busy(sim, box, gate, Counted(alive)), "busy");
  sim.spawn(sim.root(), busy(sim, box, gate, Counted(others)), "other");
  sim.run_until(TimeNs{1});
  CHECK(alive > 0);
  CHECK(scope.actors() == 10);
  CHECK(sim.queued() == 11);
  const int others_before = others;
  scope.cancel();
  CHECK(alive == 0);
  CHECK(others == others_before);
  CHECK(scope.actors() == 0);
  CHECK(sim.queued() == 1);
  // the only receiver left is the other actor's
  box.send(1);
  gate.open();
  sim.run();
  CHECK(others == 0);
  CHECK(box.empty());
  CHECK(sim.now() == kDay);
}

TEST_CASE(
    "cancelling before the first step frees the task unstarted; the scope can be used again") {
  int alive = 0;
  Simulation sim;
  Scope scope(sim);
  sim.spawn(scope, sleeps(sim, Counted(alive)), "never");
  scope.cancel();
  CHECK(alive == 0);
  CHECK(sim.queued() == 0);
  sim.spawn(scope, sleeps(sim, Counted(alive)), "again");
  sim.run();
  CHECK(sim.now() == kDay);
  CHECK(alive == 0);
}

TEST_CASE("a scope in a coroutine ends with it: when it returns and when it is cancelled") {
  int alive = 0;
  Simulation sim;
  sim.spawn(sim.root(), round(sim, TimeNs{10}, Counted(alive)), "returns");
  sim.run();
  CHECK(alive == 0);
  CHECK(sim.now() == TimeNs{10});
  Scope above(sim);
  sim.spawn(above, round(sim, kDay, Counted(alive)), "cancelled");
  sim.run_until(sim.now() + TimeNs{1});
  CHECK(sim.actors() == 4);
  above.cancel();
  CHECK(alive == 0);
  CHECK(sim.actors() == 0);
}

TEST_CASE("a cancelled scope takes the scopes below with it, wherever they live") {
  int alive = 0;
  Simulation sim;
  Scope above(sim, "region");
  std::vector<std::unique_ptr<Scope>> below;
  for (int i = 0; i < 100; ++i) {
    Scope& parent = i < 10 ? above : *below[static_cast<std::size_t>(i) / 10];
    below.push_back(std::make_unique<Scope>(parent, "hospital"));
    sim.spawn(*below.back(), sleeps(sim, Counted(alive)), "sleeps");
  }
  sim.run_until(TimeNs{1});
  CHECK(sim.actors() == 100);
  // destroying a scope hands the scopes below it to the one above
  below[3].reset();
  CHECK(sim.actors() == 89);
  sim.spawn(*below[35], sleeps(sim, Counted(alive)), "sleeps");
  CHECK(sim.actors() == 90);
  above.cancel();
  CHECK(sim.actors() == 0);
  CHECK(alive == 0);
}

TEST_CASE("an actor that cancels its own scope is freed when it suspends next") {
  int alive = 0;
  bool went_on = false;
  Simulation sim;
  Scope scope(sim);
  sim.spawn(scope, cancels(sim, scope, went_on, Counted(alive)), "cancels");
  sim.spawn(scope, sleeps(sim, Counted(alive)), "sleeps");
  sim.run();
  CHECK(went_on);
  CHECK(alive == 0);
  CHECK(sim.actors() == 0);
  CHECK(sim.now() == TimeNs{5});

  // what it throws after that is not lost
  sim.spawn(scope, cancels_and_throws(scope, Counted(alive)), "throws");
  CHECK_THROWS_WITH(sim.run(), "after cancelling");
  CHECK(alive == 0);
}

TEST_CASE("an actor may destroy the scope it lives in") {
  int alive = 0;
  Simulation sim;
  auto scope = std::make_unique<Scope>(sim);
  sim.spawn(*scope, owns_scope_of_others(sim, scope, Counted(alive)), "owner");
  sim.run();
  CHECK(alive == 0);
  CHECK(sim.now() == TimeNs{5});
}

TEST_CASE("frames whose destructors cancel scopes, their own too, are freed once") {
  int alive = 0;
  Simulation sim;
  Scope a(sim);
  Scope b(a);
  for (int i = 0; i < 10; ++i) {
    sim.spawn(a, entangled(sim, Counted(alive), CancelsAtEnd(i % 2 == 0 ? a : b)), "in a");
    sim.spawn(b, entangled(sim, Counted(alive), CancelsAtEnd(i % 2 == 0 ? b : a)), "in b");
  }
  sim.run_until(TimeNs{1});
  CHECK(sim.actors() == 20);
  a.cancel();
  CHECK(alive == 0);
  CHECK(sim.actors() == 0);
}

TEST_CASE("destroying a simulation with everything pending frees everything") {
  int alive = 0;
  Mailbox<int> box;
  Gate gate;
  std::optional<Scope> outlives;
  std::optional<Scope> outlives_too;
  {
    Simulation sim;
    outlives.emplace(sim);
    outlives_too.emplace(*outlives);
    sim.spawn(*outlives_too, busy(sim, box, gate, Counted(alive)), "busy");
    sim.spawn(sim.root(), round(sim, kDay, Counted(alive)), "round");
    sim.run_until(TimeNs{1});
    sim.spawn(sim.root(), busy(sim, box, gate, Counted(alive)), "unstarted");
    box.send(1);
    CHECK(alive > 0);
  }
  CHECK(alive == 0);
  CHECK(box.size() == 1);
  outlives->cancel();
}
