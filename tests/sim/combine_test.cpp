#include "sim/combine.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "counted.hpp"
#include "sim/mailbox.hpp"
#include "sim/scope.hpp"

using namespace polyclinic;

namespace {

using Log = std::vector<std::string>;

// Ends after a while with its number.
Task<int> after(Simulation& sim, std::int64_t ns, int number, Counted /*token*/) {
  if (ns > 0) co_await sim.delay(TimeNs(ns));
  co_return number;
}

Task<int> fails_after(Simulation& sim, std::int64_t ns, Counted /*token*/) {
  co_await sim.delay(TimeNs(ns));
  throw std::runtime_error("failed at " + std::to_string(sim.now().ns));
}

Task<std::unique_ptr<int>> owned_after(Simulation& sim, std::int64_t ns) {
  co_await sim.delay(TimeNs(ns));
  co_return std::make_unique<int>(5);
}

Task<int> receive_one(Mailbox<int>& box) {
  co_return co_await box.receive();
}

// Runs one actor to the end, returns how many tokens are alive right after.
template <class Make>
void run_actor(Simulation& sim, Make make) {
  sim.spawn(sim.root(), make(), "test");
  sim.run();
}

Task<void> race_vector(Simulation& sim, int& alive, Log& log) {
  std::vector<Task<int>> tasks;
  for (const std::int64_t ns : {30, 10, 20, 10}) {
    tasks.push_back(after(sim, ns, static_cast<int>(ns) * 2, Counted(alive)));
  }
  const FirstOf<int> first = co_await any_of(std::move(tasks));
  log.push_back(std::to_string(first.index) + " with " + std::to_string(first.value) + " at " +
                std::to_string(sim.now().ns) + ", alive " + std::to_string(alive));
}

Task<void> race_ready(Simulation& sim, int& alive, Log& log) {
  std::vector<Task<int>> tasks;
  for (const int number : {1, 2, 3}) tasks.push_back(after(sim, 0, number, Counted(alive)));
  const FirstOf<int> first = co_await any_of(std::move(tasks));
  log.push_back(std::to_string(first.value) + ", alive " + std::to_string(alive));
}

Task<void> race_tuple(Simulation& sim, int& alive, Log& log) {
  auto first = co_await any_of(owned_after(sim, 20), sleep_until(sim, TimeNs(15)),
                               after(sim, 30, 1, Counted(alive)));
  log.push_back(std::to_string(first.index()) + " at " + std::to_string(sim.now().ns));
  auto second = co_await any_of(owned_after(sim, 20), sleep_until(sim, TimeNs(50)));
  log.push_back(std::to_string(*std::get<0>(second)) + " at " + std::to_string(sim.now().ns));
}

Task<void> gather(Simulation& sim, int& alive, Log& log) {
  std::vector<Task<int>> tasks;
  for (const std::int64_t ns : {30, 0, 20}) {
    tasks.push_back(after(sim, ns, static_cast<int>(ns) + 1, Counted(alive)));
  }
  const std::vector<int> all = co_await all_of(std::move(tasks));
  std::string text;
  for (const int value : all) text += std::to_string(value) + " ";
  log.push_back(text + "at " + std::to_string(sim.now().ns) + ", alive " + std::to_string(alive));
  std::vector<Task<int>> none;
  const std::vector<int> nothing = co_await all_of(std::move(none));
  log.push_back(std::to_string(nothing.size()));
  auto [number, owned, empty] = co_await all_of(after(sim, 5, 8, Counted(alive)),
                                                owned_after(sim, 3), sleep_until(sim, sim.now()));
  log.push_back(std::to_string(number + *owned) + " at " + std::to_string(sim.now().ns));
}

Task<void> failing(Simulation& sim, int& alive, Log& log, bool any) {
  std::vector<Task<int>> tasks;
  tasks.push_back(after(sim, any ? 40 : 5, 1, Counted(alive)));
  tasks.push_back(fails_after(sim, 10, Counted(alive)));
  tasks.push_back(after(sim, 20, 1, Counted(alive)));
  try {
    if (any) {
      (void)co_await any_of(std::move(tasks));
    } else {
      (void)co_await all_of(std::move(tasks));
    }
  } catch (const std::runtime_error& error) {
    log.push_back(std::string(error.what()) + ", alive " + std::to_string(alive));
  }
  try {
    (void)co_await all_of(after(sim, 20, 1, Counted(alive)), fails_after(sim, 5, Counted(alive)));
  } catch (const std::runtime_error& error) {
    log.push_back(std::string(error.what()) + ", alive " + std::to_string(alive));
  }
}

Task<void> with_deadline(Simulation& sim, int& alive, Log& log) {
  for (const std::int64_t ns : {9, 10, 11}) {
    const TimeNs deadline = sim.now() + TimeNs(10);
    const std::optional<int> result =
        co_await finish_by(sim, deadline, after(sim, ns, 1, Counted(alive)));
    log.push_back(std::string(result ? "in time" : "too late") + ", alive " +
                  std::to_string(alive));
  }
  const auto nothing = co_await finish_by(sim, kTimeMax, sleep_until(sim, sim.now()));
  log.push_back(nothing ? "in time" : "too late");
  const auto passed = co_await finish_by(sim, TimeNs(0), after(sim, 5, 1, Counted(alive)));
  log.push_back(passed ? "in time" : "too late");
  const auto ready = co_await finish_by(sim, TimeNs(0), after(sim, 0, 1, Counted(alive)));
  log.push_back(ready ? "in time" : "too late");
  const auto endless = co_await finish_by(sim, kNever, after(sim, 5, 1, Counted(alive)));
  log.push_back(endless ? "in time" : "too late");
}

Task<void> loser_gives_back(Mailbox<int>& left, Mailbox<int>& right, Log& log) {
  auto first = co_await any_of(receive_one(left), receive_one(right));
  log.push_back(std::to_string(first.index()));
}

Task<void> wide(Simulation& sim, std::size_t& count, int n) {
  std::vector<Task<void>> tasks;
  for (int i = 0; i < n; ++i) tasks.push_back(sleep_until(sim, TimeNs(i % 10)));
  co_await all_of(std::move(tasks));
  ++count;
  for (int i = 0; i < n; ++i) tasks.push_back(sleep_until(sim, TimeNs(100 - i % 10)));
  count += co_await any_of(std::move(tasks));
}

// A tree of joins, as deep as `depth`: each level races its own timer against the next level.
Task<int> nested(Simulation& sim, int depth, Counted token) {
  if (depth == 0) {
    co_await sim.delay(kDay);
    co_return 0;
  }
  auto first =
      co_await any_of(sleep_until(sim, kTimeMax), nested(sim, depth - 1, std::move(token)));
  co_return std::get<1>(first) + 1;
}

Task<void> run_nested(Simulation& sim, Counted token, int& depth) {
  depth = co_await nested(sim, 20'000, std::move(token));
}

}  // namespace

TEST_CASE("any_of gives the first and frees the others at once; the earlier of two wins a tie") {
  int alive = 0;
  Log log;
  Simulation sim;
  run_actor(sim, [&] { return race_vector(sim, alive, log); });
  CHECK(log == Log{"1 with 20 at 10, alive 0"});
  CHECK(sim.now() == TimeNs{10});
  CHECK(sim.queued() == 0);
}

TEST_CASE("any_of of tasks that do not wait: the first wins, the others never start") {
  int alive = 0;
  Log log;
  Simulation sim;
  run_actor(sim, [&] { return race_ready(sim, alive, log); });
  CHECK(log == Log{"1, alive 0"});
}

TEST_CASE("any_of over different types is a variant whose index names the winner") {
  int alive = 0;
  Log log;
  Simulation sim;
  run_actor(sim, [&] { return race_tuple(sim, alive, log); });
  CHECK(log == Log{"1 at 15", "5 at 35"});
  CHECK(alive == 0);
}

TEST_CASE("all_of gives all results in the order of the tasks") {
  int alive = 0;
  Log log;
  Simulation sim;
  run_actor(sim, [&] { return gather(sim, alive, log); });
  CHECK(log == Log{"31 1 21 at 30, alive 0", "0", "13 at 35"});
  CHECK(alive == 0);
}

TEST_CASE("the first failure frees the other tasks and is thrown") {
  for (const bool any : {false, true}) {
    CAPTURE(any);
    int alive = 0;
    Log log;
    Simulation sim;
    run_actor(sim, [&] { return failing(sim, alive, log, any); });
    CHECK(log == Log{"failed at 10, alive 0", "failed at 15, alive 0"});
    CHECK(sim.queued() == 0);
  }
}

TEST_CASE("finish_by: what ends at the deadline counts, what is late is freed") {
  int alive = 0;
  Log log;
  Simulation sim;
  run_actor(sim, [&] { return with_deadline(sim, alive, log); });
  CHECK(log == Log{"in time, alive 0", "in time, alive 0", "too late, alive 0", "in time",
                   "too late", "in time", "in time"});
  CHECK(sim.queued() == 0);
}

TEST_CASE("a message that arrives for the loser of the same instant stays in its mailbox") {
  Log log;
  Simulation sim;
  Mailbox<int> left;
  Mailbox<int> right;
  sim.spawn(sim.root(), loser_gives_back(left, right, log), "server");
  sim.run();
  right.send(1);
  left.send(2);
  sim.run();
  CHECK(log == Log{"1"});
  CHECK(left.try_receive() == 2);
  CHECK(right.empty());
}

TEST_CASE("ten thousand tasks in one join") {
  Simulation sim;
  std::size_t count = 0;
  sim.spawn(sim.root(), wide(sim, count, 10'000), "wide");
  sim.run();
  // the first to end at 91 is task 9
  CHECK(count == 1 + 9);
  CHECK(sim.now() == TimeNs{91});
}

TEST_CASE("twenty thousand nested joins return and cancel without using the stack") {
  int alive = 0;
  int depth = 0;
  Simulation sim;
  sim.spawn(sim.root(), run_nested(sim, Counted(alive), depth), "returns");
  sim.run();
  CHECK(depth == 20'000);
  CHECK(alive == 0);
  CHECK(sim.queued() == 0);
  sim.spawn(sim.root(), run_nested(sim, Counted(alive), depth), "cancelled");
  sim.run_until(sim.now() + TimeNs{5});
  CHECK(sim.queued() == 20'001);
  CHECK(alive > 0);
  sim.root().cancel();
  CHECK(alive == 0);
  CHECK(sim.queued() == 0);
}
