// What a suspended coroutine hangs on: a timer, a place in a mailbox or gate, or both. The base of
// the floor's awaiters; users see only Delay, in `co_await sim.delay(...)`.
#pragma once

#include <concepts>
#include <coroutine>
#include <string_view>

#include "sim/actor_loop.hpp"
#include "sim/event_queue.hpp"

namespace polyclinic::kernel {

class WaitList;

// Lives in the coroutine's frame for the length of one await; its destructor, which also runs when
// the frame is cancelled, takes back timer, wake-up and place in a list.
class Wait {
 public:
  explicit Wait(const char* what) : what_(what) {}
  ~Wait();
  Wait(const Wait&) = delete;
  Wait& operator=(const Wait&) = delete;

  [[nodiscard]] bool suspended() const { return promise_ != nullptr; }
  [[nodiscard]] bool timed_out() const { return timed_out_; }
  // "waits for a message in"
  [[nodiscard]] const char* what() const { return what_; }
  // Name of the mailbox or gate; empty if there is none, or it is gone.
  [[nodiscard]] std::string_view on() const;
  // Where it has its place; nullptr once woken or timed out without a further place.
  [[nodiscard]] const WaitList* list() const { return list_; }
  [[nodiscard]] TimeNs until() const { return until_; }
  [[nodiscard]] PromiseBase& promise() const { return *promise_; }

  // Notes who waits. REQUIRES: not suspended yet.
  void suspend(PromiseBase& promise);
  // Ends the wait at `at`, with timed_out() true. kNever sets nothing. Throws RunError beyond
  // kTimeMax.
  void set_timer(TimeNs at, Priority priority);
  // Ends the wait at (now, wakeup), in place of the timer.
  void wake();
  // Takes back timer and wake-up: the coroutine stays suspended until it is cancelled.
  void revoke();

 private:
  friend class WaitList;
  static void on_wake(void* context, std::uint64_t argument);
  static void on_timer(void* context, std::uint64_t argument);
  static const Label& label_of(const void* context);
  static const Handler kWake;
  static const Handler kTimer;

  const char* what_;
  PromiseBase* promise_ = nullptr;
  EventId event_;  // timer or wake-up
  TimeNs until_ = kNever;
  bool timed_out_ = false;
  WaitList* list_ = nullptr;
  Wait* previous_ = nullptr;
  Wait* next_ = nullptr;
};

// First-in-first-out list of waits; owns none.
class WaitList {
 public:
  explicit WaitList(std::string_view label) : label_(label) {}
  // Those still waiting are revoked and wait for ever.
  ~WaitList();
  WaitList(const WaitList&) = delete;
  WaitList& operator=(const WaitList&) = delete;

  [[nodiscard]] bool empty() const { return first_ == nullptr; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] Wait* front() const { return first_; }
  [[nodiscard]] std::string_view label() const { return label_; }
  void push(Wait& wait);
  // Takes the wait out of the list it is in, if any.
  static void remove(Wait& wait);
  [[nodiscard]] bool has(const Wait& wait) const { return wait.list_ == this; }

 private:
  std::string_view label_;
  Wait* first_ = nullptr;
  Wait* last_ = nullptr;
  std::size_t size_ = 0;
};

// co_await sim.delay(...) and sim.at(...).
class Delay {
 public:
  Delay(TimeNs at, Priority priority) : wait_("waits for a time"), at_(at), priority_(priority) {}
  Delay(const Delay&) = delete;
  Delay& operator=(const Delay&) = delete;

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  template <std::derived_from<PromiseBase> P>
  void await_suspend(std::coroutine_handle<P> handle) {
    wait_.suspend(handle.promise());
    wait_.set_timer(at_, priority_);
  }
  void await_resume() const noexcept {}

 private:
  Wait wait_;
  TimeNs at_;
  Priority priority_;
};

}  // namespace polyclinic::kernel
