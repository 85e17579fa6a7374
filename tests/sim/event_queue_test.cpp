#include "sim/event_queue.hpp"

#include <doctest/doctest.h>

#include <map>
#include <tuple>
#include <vector>

#include "base/stream.hpp"

using namespace polyclinic;

namespace {

constexpr Handler kNothing("nothing", [](void*, std::uint64_t) {});

Call numbered(std::uint64_t argument) {
  return {&kNothing, nullptr, argument, kNoEntity};
}

// SplitMix64 (Steele, Lea, Flood 2014): the test's own choices, not a draw of the simulation.
class Choices {
 public:
  std::uint64_t below(std::uint64_t n) {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15ULL);
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBULL;
    return (z ^ (z >> 31U)) % n;
  }

 private:
  std::uint64_t state_ = 42;
};

// The order as its definition: a sorted map from (time, priority, sequence) to the argument.
class Model {
 public:
  using Key = std::tuple<std::int64_t, std::uint8_t, std::uint64_t>;
  Key push(std::int64_t at_ns, std::uint8_t priority, std::uint64_t argument) {
    const Key key(at_ns, priority, sequence_++);
    events_.emplace(key, argument);
    return key;
  }
  bool cancel(const Key& key) { return events_.erase(key) == 1; }
  bool empty() const { return events_.empty(); }
  std::size_t size() const { return events_.size(); }
  std::pair<Key, std::uint64_t> pop() {
    const auto first = *events_.begin();
    events_.erase(events_.begin());
    return first;
  }
  std::int64_t next_ns() const { return std::get<0>(events_.begin()->first); }

 private:
  std::map<Key, std::uint64_t> events_;
  std::uint64_t sequence_ = 0;
};

}  // namespace

TEST_CASE("at one time, events come by priority, then in the order in which they were scheduled") {
  EventQueue queue;
  // in the heap (time 5) and in the lanes (time 0), each pushed with the last priority first
  for (const std::int64_t at_ns : {5, 0}) {
    for (int p = static_cast<int>(kPriorities) - 1; p >= 0; --p) {
      for (std::uint64_t i = 0; i < 3; ++i) {
        queue.push(TimeNs{at_ns}, static_cast<Priority>(p), numbered(i));
      }
    }
  }
  QueuedEvent event;
  for (const std::int64_t at_ns : {0, 5}) {
    for (std::size_t p = 0; p < kPriorities; ++p) {
      for (std::uint64_t i = 0; i < 3; ++i) {
        REQUIRE(queue.pop(event));
        CHECK(event.at.ns == at_ns);
        CHECK(static_cast<std::size_t>(event.priority) == p);
        CHECK(event.call.argument == i);
      }
    }
  }
  CHECK_FALSE(queue.pop(event));
}

TEST_CASE("an event of this instant with a better priority overtakes one scheduled long before") {
  EventQueue queue;
  queue.push(TimeNs{7}, Priority::state, numbered(0));
  queue.push(TimeNs{7}, Priority::deadline, numbered(2));
  queue.push(TimeNs{7}, Priority::wakeup, numbered(3));
  QueuedEvent event;
  REQUIRE(queue.pop(event));
  CHECK(event.call.argument == 0);
  // now is 7: these two go to the lanes, the old ones are in the heap
  queue.push(TimeNs{7}, Priority::wakeup, numbered(4));
  queue.push(TimeNs{7}, Priority::transfer_end, numbered(1));
  std::vector<std::uint64_t> order;
  while (queue.pop(event)) order.push_back(event.call.argument);
  CHECK(order == std::vector<std::uint64_t>{1, 3, 4, 2});
}

TEST_CASE("heap, lanes and cancelling agree with a sorted map over 100000 random operations") {
  EventQueue queue;
  Model model;
  Choices choices;
  std::vector<std::pair<EventId, Model::Key>> ids;
  std::uint64_t argument = 0;
  for (int operation = 0; operation < 100'000; ++operation) {
    const std::uint64_t what = choices.below(100);
    if (what < 45) {
      // a third are for now, the rest near enough to collide often
      const std::int64_t ahead_ns =
          choices.below(3) == 0 ? 0 : static_cast<std::int64_t>(choices.below(50));
      const auto priority = static_cast<std::uint8_t>(choices.below(kPriorities));
      const std::int64_t at_ns = queue.now().ns + ahead_ns;
      const EventId id =
          queue.push(TimeNs{at_ns}, static_cast<Priority>(priority), numbered(argument));
      ids.emplace_back(id, model.push(at_ns, priority, argument++));
    } else if (what < 60 && !ids.empty()) {
      // any id ever given: alive, cancelled before or dispatched
      const auto& [id, key] = ids[choices.below(ids.size())];
      REQUIRE(queue.cancel(id) == model.cancel(key));
    } else if (what < 62 && (model.empty() || model.next_ns() > queue.now().ns + 3)) {
      queue.advance_to(queue.now() + TimeNs{3});
    } else {
      QueuedEvent event;
      const bool popped = queue.pop(event);
      REQUIRE(popped == !model.empty());
      if (!popped) continue;
      const auto [key, expected] = model.pop();
      REQUIRE(Model::Key(event.at.ns, static_cast<std::uint8_t>(event.priority), event.sequence) ==
              key);
      REQUIRE(event.call.argument == expected);
      REQUIRE(queue.now() == event.at);
    }
    REQUIRE(queue.size() == model.size());
  }
  const std::vector<QueuedEvent> rest = queue.snapshot();
  REQUIRE(rest.size() == model.size());
  for (const QueuedEvent& event : rest) CHECK(event.call.argument == model.pop().second);
}

TEST_CASE(
    "cancelling twice, or after the event, does nothing, also when the slot is in use again") {
  EventQueue queue;
  const EventId first = queue.push(TimeNs{1}, Priority::state, numbered(1));
  CHECK(queue.cancel(first));
  CHECK_FALSE(queue.cancel(first));
  const EventId second = queue.push(TimeNs{1}, Priority::state, numbered(2));
  CHECK_FALSE(queue.cancel(first));
  QueuedEvent event;
  REQUIRE(queue.pop(event));
  CHECK(event.call.argument == 2);
  CHECK_FALSE(queue.cancel(second));
  CHECK_FALSE(queue.cancel(EventId()));
}

TEST_CASE("cancelled events do not pile up") {
  EventQueue queue;
  for (std::uint64_t i = 0; i < 100; ++i) {
    queue.push(TimeNs{1'000'000}, Priority::state, numbered(i));
  }
  std::size_t most = 0;
  for (std::int64_t i = 0; i < 100'000; ++i) {
    // a timeout that never strikes, later and now
    queue.cancel(queue.push(TimeNs{2'000'000 + i}, Priority::deadline, numbered(0)));
    queue.cancel(queue.push(TimeNs{0}, Priority::wakeup, numbered(0)));
    most = std::max(most, queue.entries());
  }
  CHECK(queue.size() == 100);
  // 100 live, at most as many cancelled, and one more before the sweep
  CHECK(most <= 100 + 101);
  QueuedEvent event;
  for (std::uint64_t i = 0; i < 100; ++i) {
    REQUIRE(queue.pop(event));
    CHECK(event.call.argument == i);
  }
}

TEST_CASE("events in step keep their order when most of them are cancelled") {
  // 4000 events of 40 times, more than the queue remembers the ends of, in 3 turns; a live tenth
  EventQueue queue;
  Model model;
  std::uint64_t argument = 0;
  const auto push = [&](std::int64_t ahead_ns, Priority priority) {
    const TimeNs at = queue.now() + TimeNs{ahead_ns};
    const EventId id = queue.push(at, priority, numbered(argument));
    const Model::Key key = model.push(at.ns, static_cast<std::uint8_t>(priority), argument);
    if (argument++ % 10 != 0) {
      REQUIRE(queue.cancel(id));
      REQUIRE(model.cancel(key));
    }
  };
  for (int turn = 0; turn < 3; ++turn) {
    for (int i = 0; i < 4000; ++i) push(i % 40, i % 3 == 0 ? Priority::deadline : Priority::state);
    QueuedEvent event;
    for (int i = 0; i < 300; ++i) {
      REQUIRE(queue.pop(event));
      REQUIRE(event.call.argument == model.pop().second);
    }
  }
  // the sweep's minimum, and as many as are live
  CHECK(queue.entries() <= 2 * queue.size() + 65);
  for (const QueuedEvent& event : queue.snapshot()) {
    REQUIRE(event.call.argument == model.pop().second);
  }
}

TEST_CASE("a lane that is filled as fast as it is emptied does not grow") {
  EventQueue queue;
  queue.push(TimeNs{0}, Priority::wakeup, numbered(0));
  queue.push(TimeNs{0}, Priority::wakeup, numbered(1));
  QueuedEvent event;
  for (std::uint64_t i = 0; i < 100'000; ++i) {
    REQUIRE(queue.pop(event));
    REQUIRE(event.call.argument == i);
    queue.push(TimeNs{0}, Priority::wakeup, numbered(i + 2));
    REQUIRE(queue.entries() == 2);
  }
}
