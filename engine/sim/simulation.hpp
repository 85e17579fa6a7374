// The simulated clock: plain-data events and actors (coroutines) in one total order
// (time, priority, sequence). See task.hpp for actors, mailbox.hpp and gate.hpp for what they wait
// on, combine.hpp for any_of and all_of, scope.hpp for cancelling.
//
// Nothing is global: any number of simulations may live in one process, one thread at a time each.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"
#include "sim/event_queue.hpp"

namespace polyclinic {

class Fingerprint;
class Scope;
template <class T>
class Task;
namespace kernel {
class ActorLoop;
class Delay;
}  // namespace kernel

// An event at the moment it is dispatched, as the hook sees it.
struct DispatchedEvent {
  TimeNs at;
  Priority priority;
  std::uint32_t entity;
  std::uint64_t sequence;
  std::string_view label;  // the handler's, or the actor's whose wait this ends
  std::uint64_t label_hash;
};

// Something that has not happened yet: an actor that waits, or a plain event in the queue.
struct Pending {
  bool actor = false;
  std::string label;
  std::uint32_t entity = kNoEntity;
  std::string why;     // "waits for a message in 'inbox'", "event of priority 'deadline'"
  TimeNs at = kNever;  // when it will happen at the latest; kNever if nothing ends the wait
};

// "12.500000000 s"
std::string to_seconds_text(TimeNs time);
// "'label'" or "'label' of entity 7"
std::string culprit_text(std::string_view label, std::uint32_t entity);

class Simulation {
 public:
  // So many events without the clock moving are a mistake in the scenario, not a busy instant;
  // where many actors live, so many for each of them.
  static constexpr std::uint64_t kEventsPerInstantMax = 1'000'000;
  static constexpr std::uint64_t kEventsPerInstantAndActorMax = 16;
  // So many coroutine steps (calls and returns of tasks) within one event are an endless loop.
  static constexpr std::uint64_t kStepsPerEventMax = 10'000'000;

  Simulation();
  // Cancels every actor, innermost frames first; events to come are dropped.
  ~Simulation();
  Simulation(const Simulation&) = delete;
  Simulation& operator=(const Simulation&) = delete;

  [[nodiscard]] TimeNs now() const { return queue_.now(); }
  // Number of events dispatched so far: with the time, the position of a command in the run.
  [[nodiscard]] std::uint64_t dispatched() const { return dispatched_; }
  // Events to come, those that end an actor's wait included.
  [[nodiscard]] std::size_t queued() const { return queue_.size(); }
  [[nodiscard]] std::optional<TimeNs> next_event_time() { return queue_.next_time(); }

  // Adds an event behind all others of its time and priority.
  // REQUIRES: at >= now(). Throws RunError naming the handler if `at` is beyond kTimeMax.
  EventId schedule(TimeNs at, Priority priority, const Call& call);
  // Removes an event; false if it ran, runs now, was cancelled, or `id` names none.
  bool cancel(EventId id) { return queue_.cancel(id); }

  // Dispatches events until none is left or stop() was called. Rethrows what a handler threw, and
  // what a spawned actor threw; throws RunError when time stands still. May be called again.
  void run();
  // The same for events not later than `until`; then the clock stands at `until` unless stopped.
  // REQUIRES: until >= now().
  void run_until(TimeNs until);
  // Dispatches one event; false if there was none.
  bool step();
  // Makes run() return after the event being dispatched; before run(), makes it return at once.
  // The one function that may be called from another thread or a signal handler.
  void stop() noexcept { stop_.store(true, std::memory_order_relaxed); }
  [[nodiscard]] bool stopping() const noexcept { return stop_.load(std::memory_order_relaxed); }

  // Starts an actor: its first step comes at (now, wakeup). It lives until it returns or `scope` is
  // cancelled. What it throws ends run(). During destruction of the simulation the task is freed
  // unstarted. REQUIRES: scope belongs to this simulation.
  void spawn(Scope& scope, Task<void> task, std::string label, std::uint32_t entity = kNoEntity);
  // The scope above all others, for actors that live as long as the simulation.
  Scope& root();

  // co_await sim.delay(d): goes on at now + d, at its place in the order even when d is zero.
  // `priority` places the end of a wait that is more than a wake-up (compute_end, ...).
  // REQUIRES: duration >= 0. Throws RunError naming the actor beyond kTimeMax.
  [[nodiscard]] kernel::Delay delay(TimeNs duration, Priority priority = Priority::wakeup);
  // co_await sim.at(t): goes on at t. REQUIRES: t >= now().
  [[nodiscard]] kernel::Delay at(TimeNs time, Priority priority = Priority::wakeup);

  // Number of actors that have neither returned nor been cancelled.
  [[nodiscard]] std::size_t actors() const;
  // Nothing is queued and yet actors wait: nobody will ever wake them.
  [[nodiscard]] bool stuck() const { return queue_.size() == 0 && actors() > 0; }
  // What has not happened yet and why: actors in order of scope and start, then plain events in
  // order of time.
  [[nodiscard]] std::vector<Pending> pending() const;
  // The first `lines_max` of pending() as lines of text, for hints of errors.
  [[nodiscard]] std::string pending_text(std::size_t lines_max = 10) const;

  // Calls hook(context, event) before each event is dispatched; nullptr takes it away.
  using DispatchHook = void (*)(void* context, const DispatchedEvent& event);
  void set_dispatch_hook(DispatchHook hook, void* context);
  // Feeds time, priority, label and entity of every event to the fingerprint's timeline half.
  // Takes the hook's place; the fingerprint must outlive the run.
  void feed(Fingerprint& fingerprint);

  // For the parts of this floor only.
  [[nodiscard]] kernel::ActorLoop& loop() { return *loop_; }

 private:
  friend class Scope;
  void dispatch(const QueuedEvent& event);
  void check_time(TimeNs at, std::string_view label, std::uint32_t entity) const;
  void count_event(const QueuedEvent& event);
  void count_near_limit(const QueuedEvent& event);
  [[noreturn]] void fail_standing_still() const;

  struct Suspect {
    std::string label;
    std::uint32_t entity;
  };

  EventQueue queue_;
  std::uint64_t dispatched_ = 0;
  std::uint64_t events_this_instant_ = 0;
  std::uint64_t events_this_instant_max_ = kEventsPerInstantMax;
  std::size_t actors_most_ = 0;  // that ever lived at one time
  TimeNs instant_{-1};
  std::atomic<bool> stop_ = false;
  bool running_ = false;
  DispatchHook hook_ = nullptr;
  void* hook_context_ = nullptr;
  std::vector<Suspect> suspects_;  // the last events before time is declared to stand still
  std::unique_ptr<kernel::ActorLoop> loop_;
};

}  // namespace polyclinic
