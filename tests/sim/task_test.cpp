#include "sim/task.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "counted.hpp"
#include "sim/combine.hpp"
#include "sim/gate.hpp"
#include "sim/mailbox.hpp"
#include "sim/scope.hpp"

using namespace polyclinic;

namespace {

Task<int> answer() {
  co_return 42;
}

Task<std::unique_ptr<std::string>> move_only(Simulation& sim) {
  co_await sim.delay(TimeNs(5));
  co_return std::make_unique<std::string>("moved");
}

Task<void> fail(Simulation& sim, Counted /*token*/) {
  co_await sim.delay(TimeNs(5));
  throw std::runtime_error("broken");
}

Task<void> use_values(Simulation& sim, std::string& out) {
  const int number = co_await answer();
  std::unique_ptr<std::string> text = co_await move_only(sim);
  out = *text + " " + std::to_string(number) + " at " + std::to_string(sim.now().ns);
}

Task<void> catches(Simulation& sim, Counted token, std::string& out) {
  try {
    co_await fail(sim, std::move(token));
  } catch (const std::runtime_error& error) {
    out = error.what();
  }
}

Task<void> passes_on(Simulation& sim, Counted token) {
  co_await fail(sim, std::move(token));
}

Task<int> chain(int depth) {
  if (depth == 0) co_return 0;
  const int below = co_await chain(depth - 1);
  co_return below + 1;
}

Task<int> sleeping_chain(Simulation& sim, int depth, Counted token) {
  if (depth == 0) {
    co_await sim.delay(kDay);
    co_return 0;
  }
  const int below = co_await sleeping_chain(sim, depth - 1, token);
  co_return below + 1;
}

Task<void> store(Task<int> task, int& out) {
  out = co_await std::move(task);
}

Task<void> visit(Simulation& sim, std::vector<std::string>& log, std::string name, int depth) {
  if (depth > 0) {
    co_await visit(sim, log, name, depth - 1);
  }
  log.push_back(name);
}

Task<void> wanderer(Simulation& sim, std::uint64_t id, std::uint64_t& sum) {
  // periods between 1 and 7: the actors drift apart and meet again
  const TimeNs period{static_cast<std::int64_t>(id % 7 + 1)};
  for (int i = 0; i < 3; ++i) co_await sim.delay(period);
  sum += id * static_cast<std::uint64_t>(sim.now().ns);
}

Task<void> endless_calls() {
  for (;;) (void)co_await answer();
}

}  // namespace

TEST_CASE("tasks give values, also move-only ones, to who awaits them") {
  Simulation sim;
  std::string out;
  sim.spawn(sim.root(), use_values(sim, out), "user");
  sim.run();
  CHECK(out == "moved 42 at 5");
  CHECK(sim.actors() == 0);
}

TEST_CASE("a task is lazy: unstarted it only frees its parameters") {
  int alive = 0;
  {
    Simulation sim;
    Task<void> never = fail(sim, Counted(alive));
    CHECK(alive == 1);
    Task<void> moved = std::move(never);
    CHECK(moved.valid());
    moved = fail(sim, Counted(alive));
    CHECK(alive == 1);
  }
  CHECK(alive == 0);
}

TEST_CASE("an exception reaches who awaits, and frees the frame that threw") {
  int alive = 0;
  std::string out;
  Simulation sim;
  sim.spawn(sim.root(), catches(sim, Counted(alive), out), "careful");
  sim.run();
  CHECK(out == "broken");
  CHECK(alive == 0);
}

TEST_CASE("an exception nobody catches leaves run; the other actors live on") {
  int alive = 0;
  std::string out;
  Simulation sim;
  sim.spawn(sim.root(), passes_on(sim, Counted(alive)), "careless");
  sim.spawn(sim.root(), use_values(sim, out), "user");
  CHECK_THROWS_WITH_AS(sim.run(), "broken", std::runtime_error);
  CHECK(alive == 0);
  CHECK(sim.actors() == 1);
  sim.run();
  CHECK(out == "moved 42 at 5");
}

TEST_CASE("100000 awaits deep: running, returning and cancelling use no stack") {
  int depth = 0;
  int alive = 0;
  Simulation sim;
  sim.spawn(sim.root(), store(chain(100'000), depth), "ready chain");
  sim.run();
  CHECK(depth == 100'000);
  CHECK(sim.dispatched() == 1);

  // one that returns through all levels, one that is cancelled at its deepest
  sim.spawn(sim.root(), store(sleeping_chain(sim, 100'000, Counted(alive)), depth), "returns");
  depth = 0;
  sim.run();
  CHECK(depth == 100'000);
  CHECK(alive == 0);
  Scope scope(sim);
  sim.spawn(scope, store(sleeping_chain(sim, 100'000, Counted(alive)), depth), "cancelled");
  sim.run_until(sim.now() + TimeNs{1});
  // every frame has its parameter, and the temporary it passed on
  CHECK(alive >= 100'001);
  scope.cancel();
  CHECK(alive == 0);
  CHECK(sim.queued() == 0);
}

TEST_CASE("a ready chain of gates and mailboxes uses no stack and is no event") {
  struct Body {
    static Task<void> run(Gate& gate, Mailbox<int>& box, int& sum) {
      for (int i = 0; i < 100'000; ++i) {
        co_await gate.wait();
        sum += co_await box.receive();
      }
    }
  };
  Simulation sim;
  Gate gate;
  Mailbox<int> box;
  int sum = 0;
  gate.open();
  for (int i = 0; i < 100'000; ++i) box.send(1);
  sim.spawn(sim.root(), Body::run(gate, box, sum), "reader");
  sim.run();
  CHECK(sum == 100'000);
  CHECK(sim.dispatched() == 1);
}

TEST_CASE("calling a task lets no other actor come between") {
  Simulation sim;
  std::vector<std::string> log;
  sim.spawn(sim.root(), visit(sim, log, "a", 3), "a");
  sim.spawn(sim.root(), visit(sim, log, "b", 0), "b");
  sim.run();
  CHECK(log == std::vector<std::string>{"a", "a", "a", "a", "b"});
  CHECK(sim.dispatched() == 2);
}

TEST_CASE("a hundred thousand actors") {
  Simulation sim;
  std::uint64_t sum = 0;
  std::uint64_t expected = 0;
  for (std::uint64_t id = 0; id < 100'000; ++id) {
    sim.spawn(sim.root(), wanderer(sim, id, sum), "wanderer", static_cast<std::uint32_t>(id));
    expected += id * 3 * (id % 7 + 1);
  }
  CHECK(sim.actors() == 100'000);
  sim.run();
  CHECK(sum == expected);
  CHECK(sim.actors() == 0);
  // a start and three waits each
  CHECK(sim.dispatched() == 400'000);
}

TEST_CASE("a loop that calls tasks without ever waiting is an error that names the actor") {
  Simulation sim;
  sim.spawn(sim.root(), endless_calls(), "caller", 9);
  std::string message;
  try {
    sim.run();
  } catch (const RunError& error) {
    message = error.mistake().message;
  }
  CHECK(message == "'caller' of entity 9 calls tasks for ever without waiting, at 0.000000000 s");
}
