// Several tasks at once: any_of, all_of, and a task with a deadline.
//
//   auto first = co_await any_of(std::move(upload), std::move(outage));   // std::variant
//   if (first.index() == 1) ...
//   std::vector<Reply> replies = co_await all_of(std::move(tasks));
//   std::optional<Reply> reply = co_await finish_by(sim, deadline, exchange(sim, id));
//
// The tasks start in the order given, each running until it first waits, before the next starts.
// They are parts of the same actor: cancelled with it, listed under its label.
#pragma once

#include <algorithm>
#include <concepts>
#include <coroutine>
#include <cstddef>
#include <optional>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "base/check.hpp"
#include "sim/task.hpp"

namespace polyclinic {

// Which of a vector of tasks was first, and its result.
template <class T>
class FirstOf {
 public:
  FirstOf(std::size_t index_of_task, T result) : index(index_of_task), value(std::move(result)) {}
  std::size_t index;
  T value;
};

namespace kernel {

template <class T>
using NonVoid = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

// The result of a finished child as a value, void as std::monostate; frees its frame.
template <class T>
NonVoid<T> redeem(std::coroutine_handle<TaskPromise<T>> child) {
  const ChildGuard guard(child.promise());
  if constexpr (std::is_void_v<T>) {
    child.promise().take();
    return {};
  } else {
    return child.promise().take();
  }
}

// Frees the children from the back to the front.
template <class T>
void free_all(std::vector<std::coroutine_handle<TaskPromise<T>>>& children) {
  for (; !children.empty(); children.pop_back()) {
    ActorLoop::free_child(children.back().promise());
  }
}

// Starts one child of a join. A task that was moved from or awaited before is our bug.
template <class T>
std::coroutine_handle<TaskPromise<T>> start_joined(PromiseBase& parent, Join& join, Task<T>& task,
                                                   std::size_t index) {
  ENSURE(task.valid(), "a task is awaited once");
  auto child = task.release();
  child.promise().join = &join;
  child.promise().join_index = index;
  parent.actor->sim->loop().start_child(parent, child.promise());
  return child;
}

// Awaits a vector of tasks of one type.
template <class T>
class VectorAwaiter {
 public:
  VectorAwaiter(std::vector<Task<T>>&& tasks, bool any) : tasks_(std::move(tasks)) {
    join_.any = any;
    join_.remaining = tasks_.size();
  }
  VectorAwaiter(const VectorAwaiter&) = delete;
  VectorAwaiter& operator=(const VectorAwaiter&) = delete;

  [[nodiscard]] bool await_ready() const noexcept { return tasks_.empty(); }
  template <std::derived_from<PromiseBase> P>
  void await_suspend(std::coroutine_handle<P> parent) {
    children_.reserve(tasks_.size());
    for (std::size_t i = 0; i < tasks_.size(); ++i) {
      children_.push_back(start_joined(parent.promise(), join_, tasks_[i], i));
    }
    tasks_.clear();
  }

 protected:
  Join join_;
  std::vector<std::coroutine_handle<TaskPromise<T>>> children_;  // owned by the parent's promise

 private:
  std::vector<Task<T>> tasks_;  // until they are started
};

template <class T>
class AnyOfVector : public VectorAwaiter<T> {
 public:
  explicit AnyOfVector(std::vector<Task<T>>&& tasks) : VectorAwaiter<T>(std::move(tasks), true) {}
  std::conditional_t<std::is_void_v<T>, std::size_t, FirstOf<NonVoid<T>>> await_resume() {
    const std::size_t index = this->join_.decided_by->join_index;
    if constexpr (std::is_void_v<T>) {
      redeem<T>(this->children_[index]);
      return index;
    } else {
      return FirstOf<T>(index, redeem<T>(this->children_[index]));
    }
  }
};

template <class T>
class AllOfVector : public VectorAwaiter<T> {
 public:
  explicit AllOfVector(std::vector<Task<T>>&& tasks) : VectorAwaiter<T>(std::move(tasks), false) {}
  std::conditional_t<std::is_void_v<T>, void, std::vector<NonVoid<T>>> await_resume() {
    // the task that failed is the only one left; its redemption throws
    if (PromiseBase* failed = this->join_.decided_by) {
      redeem<T>(this->children_[failed->join_index]);
    }
    if constexpr (std::is_void_v<T>) {
      free_all<T>(this->children_);
    } else {
      std::vector<T> results;
      results.reserve(this->children_.size());
      for (auto& child : this->children_) results.push_back(child.promise().take());
      free_all<T>(this->children_);
      return results;
    }
  }
};

// Awaits tasks of different types.
template <class... Ts>
class TupleAwaiter {
 public:
  TupleAwaiter(bool any, Task<Ts>&&... tasks) : tasks_(std::move(tasks)...) {
    join_.any = any;
    join_.remaining = sizeof...(Ts);
  }
  TupleAwaiter(const TupleAwaiter&) = delete;
  TupleAwaiter& operator=(const TupleAwaiter&) = delete;

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  template <std::derived_from<PromiseBase> P>
  void await_suspend(std::coroutine_handle<P> parent) {
    start(parent.promise(), std::index_sequence_for<Ts...>());
  }

 protected:
  Join join_;
  std::tuple<std::coroutine_handle<TaskPromise<Ts>>...> children_;  // owned by the parent's promise

 private:
  template <std::size_t... Is>
  void start(PromiseBase& parent, std::index_sequence<Is...>) {
    ((std::get<Is>(children_) = start_joined(parent, join_, std::get<Is>(tasks_), Is)), ...);
  }
  std::tuple<Task<Ts>...> tasks_;  // until they are started
};

template <class... Ts>
class AnyOfTuple : public TupleAwaiter<Ts...> {
 public:
  using Result = std::variant<NonVoid<Ts>...>;
  explicit AnyOfTuple(Task<Ts>&&... tasks) : TupleAwaiter<Ts...>(true, std::move(tasks)...) {}
  Result await_resume() { return winner<0>(this->join_.decided_by->join_index); }

 private:
  template <std::size_t I>
  Result winner(std::size_t index) {
    if constexpr (I + 1 < sizeof...(Ts)) {
      if (index != I) return winner<I + 1>(index);
    }
    return Result(std::in_place_index<I>, redeem(std::get<I>(this->children_)));
  }
};

template <class... Ts>
class AllOfTuple : public TupleAwaiter<Ts...> {
 public:
  using Result = std::tuple<NonVoid<Ts>...>;
  explicit AllOfTuple(Task<Ts>&&... tasks) : TupleAwaiter<Ts...>(false, std::move(tasks)...) {}
  Result await_resume() { return collect(std::index_sequence_for<Ts...>()); }

 private:
  template <std::size_t... Is>
  Result collect(std::index_sequence<Is...>) {
    if (const PromiseBase* failed = this->join_.decided_by) {
      ((failed->join_index == Is ? throw_from(std::get<Is>(this->children_)) : void()), ...);
    }
    // braces: the order of evaluation is that of the tasks
    return Result{redeem(std::get<Is>(this->children_))...};
  }
  template <class T>
  static void throw_from(std::coroutine_handle<TaskPromise<T>> child) {
    redeem(child);
  }
};

}  // namespace kernel

// The first task to end decides: its result, or what it threw. The others are cancelled and freed
// at that moment (a task that has not started never does). REQUIRES: at least one task.
template <class T>
[[nodiscard]] kernel::AnyOfVector<T> any_of(std::vector<Task<T>> tasks) {
  ENSURE(!tasks.empty(), "any_of nothing would wait for ever");
  return kernel::AnyOfVector<T>(std::move(tasks));
}
// A std::variant whose index() names the task; void is std::monostate.
template <class... Ts>
requires(sizeof...(Ts) > 0) [[nodiscard]] kernel::AnyOfTuple<Ts...> any_of(Task<Ts>... tasks) {
  return kernel::AnyOfTuple<Ts...>(std::move(tasks)...);
}

// All results in the order of the tasks; none for no task. The first failure cancels and frees the
// others and is thrown.
template <class T>
[[nodiscard]] kernel::AllOfVector<T> all_of(std::vector<Task<T>> tasks) {
  return kernel::AllOfVector<T>(std::move(tasks));
}
// A std::tuple; void is std::monostate.
template <class... Ts>
requires(sizeof...(Ts) > 0) [[nodiscard]] kernel::AllOfTuple<Ts...> all_of(Task<Ts>... tasks) {
  return kernel::AllOfTuple<Ts...>(std::move(tasks)...);
}

// A task that only waits, for any_of.
inline Task<void> sleep_until(Simulation& sim, TimeNs time, Priority priority = Priority::wakeup) {
  co_await sim.at(time, priority);
}

// The task's result, or nothing (and the task freed) if it has not ended by the deadline; what ends
// at the deadline still counts. A deadline that has passed is now; kNever is none.
template <class T>
Task<std::optional<kernel::NonVoid<T>>> finish_by(Simulation& sim, TimeNs deadline, Task<T> task) {
  if (deadline == kNever) {
    auto only = co_await all_of(std::move(task));
    co_return std::get<0>(std::move(only));
  }
  Task<void> timer = sleep_until(sim, std::max(deadline, sim.now()), Priority::deadline);
  auto first = co_await any_of(std::move(task), std::move(timer));
  if (first.index() == 1) co_return std::nullopt;
  co_return std::get<0>(std::move(first));
}

}  // namespace polyclinic
