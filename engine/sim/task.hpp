// Task<T>: what an actor is written as.
//
//   Task<void> hospital(Simulation& sim, Mailbox<Invitation>& inbox, double overhead_s) {
//     Invitation invitation = co_await inbox.receive();
//     co_await sim.delay(ceil_to_ns(overhead_s));
//     Reply reply = co_await train(sim, std::move(invitation));
//     ...
//   }
//   sim.spawn(scope, hospital(sim, inbox, 5.0), "hospital", id.value);
//
// Rules (GCC 12.2 frees twice otherwise; tests/sim/coroutine_forms_test.cpp looks for violations):
//   - no braces in a statement with co_await: no T{...}, no f({...}), no lambda. Name the thing in
//   a
//     statement of its own and std::move it, or give its class a constructor and call T(...);
//   - parameters by value, except references to what outlives the actor (Simulation, Mailbox, ...);
//   - no lambda coroutine with captures: they die with the lambda, before the coroutine.
// A task is lazy: it runs when awaited or spawned, once. Awaiting a task is no event (see
// actor_loop.hpp); only waiting for time, a message or a gate lets others run.
#pragma once

#include <concepts>
#include <coroutine>
#include <optional>
#include <type_traits>
#include <utility>

#include "base/check.hpp"
#include "sim/actor_loop.hpp"
#include "sim/simulation.hpp"
#include "sim/wait.hpp"

namespace polyclinic {

namespace kernel {

template <class T>
struct TaskPromise : PromiseBase {
  std::optional<T> value;

  Task<T> get_return_object();
  template <class U = T>
  requires std::constructible_from<T, U&&>
  void return_value(U&& result) { value.emplace(std::forward<U>(result)); }
  // The result, or the exception that ended the task.
  T take() {
    if (error) std::rethrow_exception(std::move(error));
    ENSURE(value.has_value(), "a finished task has a result or an error");
    return std::move(*value);
  }
};

template <>
struct TaskPromise<void> : PromiseBase {
  Task<void> get_return_object();
  void return_void() {}
  void take() {
    if (error) std::rethrow_exception(std::move(error));
  }
};

// The frame of a finished task, freed at the end of a block, also when its error is thrown.
class ChildGuard {
 public:
  explicit ChildGuard(PromiseBase& child) : child_(&child) {}
  ~ChildGuard() { ActorLoop::free_child(*child_); }
  ChildGuard(const ChildGuard&) = delete;
  ChildGuard& operator=(const ChildGuard&) = delete;

 private:
  PromiseBase* child_;
};

template <class T>
class TaskAwaiter;

}  // namespace kernel

// A coroutine that has not started. Owns its frame until it is awaited or spawned.
template <class T = void>
class [[nodiscard]] Task {
  static_assert(!std::is_reference_v<T>, "a task returns a value, or a pointer");

 public:
  using promise_type = kernel::TaskPromise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  Task() = default;
  explicit Task(Handle handle) : handle_(handle) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    if (this != &other) {
      if (handle_) handle_.destroy();
      handle_ = std::exchange(other.handle_, nullptr);
    }
    return *this;
  }
  ~Task() {
    if (handle_) handle_.destroy();
  }

  // False once awaited, spawned or moved from.
  [[nodiscard]] bool valid() const { return static_cast<bool>(handle_); }
  // Gives up the frame; for the kernel.
  Handle release() { return std::exchange(handle_, nullptr); }

  // co_await task_function(...), or co_await std::move(task): runs it to its end and gives its
  // result, or throws what it threw.
  kernel::TaskAwaiter<T> operator co_await() &&;

 private:
  Handle handle_ = nullptr;
};

namespace kernel {

template <class T>
Task<T> TaskPromise<T>::get_return_object() {
  auto handle = std::coroutine_handle<TaskPromise>::from_promise(*this);
  self = handle;
  return Task<T>(handle);
}
inline Task<void> TaskPromise<void>::get_return_object() {
  auto handle = std::coroutine_handle<TaskPromise>::from_promise(*this);
  self = handle;
  return Task<void>(handle);
}

template <class T>
class TaskAwaiter {
 public:
  explicit TaskAwaiter(Task<T>&& task) : task_(std::move(task)) {}
  TaskAwaiter(const TaskAwaiter&) = delete;
  TaskAwaiter& operator=(const TaskAwaiter&) = delete;

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  template <std::derived_from<PromiseBase> P>
  void await_suspend(std::coroutine_handle<P> parent) {
    ENSURE(task_.valid(), "a task is awaited once");
    child_ = task_.release();
    PromiseBase& promise = parent.promise();
    promise.actor->sim->loop().start_child(promise, child_.promise());
  }
  T await_resume() {
    const ChildGuard guard(child_.promise());
    return child_.promise().take();
  }

 private:
  Task<T> task_;                              // until it is started
  typename Task<T>::Handle child_ = nullptr;  // then owned by the parent's promise
};

}  // namespace kernel

template <class T>
kernel::TaskAwaiter<T> Task<T>::operator co_await() && {
  return kernel::TaskAwaiter<T>(std::move(*this));
}

}  // namespace polyclinic
