// Rates of the discrete-event kernel.
//
// Back of the envelope for the hold model: an event is one pop and one push of a 4-ary heap. With
// 10000 queued that is 7 levels down and about 1.3 up over 24-byte entries that fit the L2 cache,
// some 60 ns, so above 10 million a second; a million queued (24 MB of heap, 40 MB of slots) miss
// the caches at the lower levels, some 400 ns.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "sim/combine.hpp"
#include "sim/mailbox.hpp"
#include "sim/scope.hpp"
#include "sim/simulation.hpp"
#include "sim/task.hpp"
#include "trace/fingerprint.hpp"

using namespace polyclinic;

namespace {

// A cheap sequence of increments between 1 and 2^20 ns (xorshift64, Marsaglia 2003).
class Increments {
 public:
  TimeNs next() {
    state_ ^= state_ << 13U;
    state_ ^= state_ >> 7U;
    state_ ^= state_ << 17U;
    return TimeNs{static_cast<std::int64_t>(state_ & 0xFFFFFU) + 1};
  }

 private:
  std::uint64_t state_ = 88172645463325252ULL;
};

// The hold model: every event schedules one more.
class Hold {
 public:
  explicit Hold(Simulation& sim) : sim_(sim) {}
  void start(std::int64_t count);
  void on_event(std::uint64_t argument);

 private:
  Simulation& sim_;
  Increments increments_;
};
constexpr Handler kHold = method_handler<&Hold::on_event>("hold");

void Hold::start(std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) on_event(static_cast<std::uint64_t>(i));
}
void Hold::on_event(std::uint64_t argument) {
  sim_.schedule(sim_.now() + increments_.next(), Priority::state, {&kHold, this, argument});
}

void count_events(benchmark::State& state, const Simulation& sim, std::uint64_t before) {
  state.SetItemsProcessed(static_cast<std::int64_t>(sim.dispatched() - before));
}

void hold(benchmark::State& state) {
  Simulation sim;
  Hold model(sim);
  model.start(state.range(0));
  // let the slots mix as they do in a long run
  for (std::int64_t i = 0; i < 2 * state.range(0); ++i) sim.step();
  const std::uint64_t before = sim.dispatched();
  for (auto _ : state) sim.step();
  count_events(state, sim, before);
}
BENCHMARK(hold)->Arg(100)->Arg(10'000)->Arg(1'000'000);

void hold_with_fingerprint(benchmark::State& state) {
  Simulation sim;
  Fingerprint fingerprint;
  sim.feed(fingerprint);
  Hold model(sim);
  model.start(state.range(0));
  for (std::int64_t i = 0; i < 2 * state.range(0); ++i) sim.step();
  const std::uint64_t before = sim.dispatched();
  for (auto _ : state) sim.step();
  count_events(state, sim, before);
  benchmark::DoNotOptimize(fingerprint.timeline.value());
}
BENCHMARK(hold_with_fingerprint)->Arg(10'000);

// Events of the present instant, which bypass the heap of 10000.
class Chatter {
 public:
  explicit Chatter(Simulation& sim) : sim_(sim) {}
  void on_event(std::uint64_t left);

 private:
  Simulation& sim_;
};
constexpr Handler kChatter = method_handler<&Chatter::on_event>("chatter");
void Chatter::on_event(std::uint64_t left) {
  const TimeNs at = left > 0 ? sim_.now() : sim_.now() + TimeNs{1};
  sim_.schedule(at, Priority::wakeup, {&kChatter, this, left > 0 ? left - 1 : 1000});
}

void now_queue(benchmark::State& state) {
  Simulation sim;
  Hold model(sim);
  for (std::uint64_t i = 0; i < 10'000; ++i) {
    sim.schedule(kTimeMax, Priority::state, {&kHold, &model, i});
  }
  Chatter chatter(sim);
  chatter.on_event(1000);
  const std::uint64_t before = sim.dispatched();
  for (auto _ : state) sim.step();
  count_events(state, sim, before);
}
BENCHMARK(now_queue);

// A timeout that is set and taken back, with 10000 others queued.
void cancel(benchmark::State& state) {
  Simulation sim;
  Hold model(sim);
  model.start(10'000);
  Increments increments;
  for (auto _ : state) {
    sim.cancel(sim.schedule(increments.next(), Priority::deadline, {&kHold, &model, 0}));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(cancel);

Task<void> tick(Simulation& sim, TimeNs period) {
  for (;;) co_await sim.delay(period);
}

void ticking_actors(benchmark::State& state) {
  Simulation sim;
  Increments increments;
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    sim.spawn(sim.root(), tick(sim, increments.next()), "tick", static_cast<std::uint32_t>(i));
  }
  for (std::int64_t i = 0; i < 2 * state.range(0); ++i) sim.step();
  const std::uint64_t before = sim.dispatched();
  for (auto _ : state) sim.step();
  count_events(state, sim, before);
}
BENCHMARK(ticking_actors)->Arg(10)->Arg(1'000)->Arg(10'000)->Arg(100'000);

// The life of a participant: spawned, invited, waits three times, replies before a deadline.
Task<void> participant(Simulation& sim, Mailbox<int>& replies, TimeNs step) {
  for (int i = 0; i < 3; ++i) co_await sim.delay(step);
  replies.send(1);
}
Task<void> server(Simulation& sim, int count) {
  Increments increments;
  for (;;) {
    Scope round(sim, "round");
    Mailbox<int> replies("replies");
    for (int i = 0; i < count; ++i) {
      sim.spawn(round, participant(sim, replies, increments.next()), "participant",
                static_cast<std::uint32_t>(i));
    }
    const TimeNs deadline = sim.now() + TimeNs{3 * 0xFFFFF};
    for (int i = 0; i < count; ++i) (void)co_await replies.receive_until(deadline);
  }
}

void rounds(benchmark::State& state) {
  Simulation sim;
  sim.spawn(sim.root(), server(sim, static_cast<int>(state.range(0))), "server");
  const std::uint64_t before = sim.dispatched();
  for (auto _ : state) sim.step();
  count_events(state, sim, before);
}
BENCHMARK(rounds)->Arg(1'000);

// Awaiting a task that is ready: no event, two steps.
Task<int> ready() {
  co_return 1;
}
Task<void> caller(int times, int& sum) {
  for (int i = 0; i < times; ++i) sum += co_await ready();
}
void call_a_task(benchmark::State& state) {
  int sum = 0;
  for (auto _ : state) {
    Simulation sim;
    sim.spawn(sim.root(), caller(1'000, sum), "caller");
    sim.run();
  }
  benchmark::DoNotOptimize(sum);
  state.SetItemsProcessed(state.iterations() * 1'000);
}
BENCHMARK(call_a_task);

}  // namespace

BENCHMARK_MAIN();
