// How coroutines are run, inside the kernel: nobody else includes this but the floor's own files.
//
// A coroutine is resumed in one place only, ActorLoop::resume, called from the event loop with no
// other coroutine on the stack. An event that ends a wait (and the call or return of a task within
// an actor) puts the coroutine into the queue of steps, which is drained before the next event. So
// no chain of awaits, however long, uses stack; and calling a task is no event of its own: moving
// code into a sub-task changes neither order nor fingerprint.
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <list>
#include <vector>

#include "base/check.hpp"
#include "sim/frame_pool.hpp"
#include "sim/scope.hpp"
#include "sim/simulation.hpp"

namespace polyclinic::kernel {

class Wait;
struct Join;

// What every coroutine frame of ours has. Frames form a tree under their actor: who awaits is the
// parent of what it awaits, and owns it.
struct PromiseBase {
  std::coroutine_handle<> self;
  Actor* actor = nullptr;         // set when the task is first awaited or spawned
  PromiseBase* parent = nullptr;  // who awaits this task; nullptr for an actor's root
  PromiseBase* last_child = nullptr;
  PromiseBase* left = nullptr;  // siblings in order of start
  PromiseBase* right = nullptr;
  PromiseBase* step_previous = nullptr;  // place in the queue of steps
  PromiseBase* step_next = nullptr;
  bool stepping = false;
  Join* join = nullptr;  // the any_of or all_of this task is a part of
  std::size_t join_index = 0;
  Wait* wait = nullptr;  // what it is suspended on
  std::exception_ptr error;

  std::suspend_always initial_suspend() noexcept { return {}; }
  std::suspend_always final_suspend() noexcept { return {}; }
  void unhandled_exception() noexcept { error = std::current_exception(); }
  static void* operator new(std::size_t bytes) { return allocate_frame(bytes); }
  static void operator delete(void* frame, std::size_t bytes) noexcept { free_frame(frame, bytes); }
};

// The meeting point of tasks that one coroutine awaits together.
struct Join {
  bool any = false;  // the first decides; otherwise all, or the first that fails
  std::size_t remaining = 0;
  PromiseBase* decided_by = nullptr;  // the winner, or the task that failed; nullptr: all returned
};

class ActorLoop {
 public:
  explicit ActorLoop(Simulation& sim) : root_(Scope::RootTag{}, sim) {}
  ~ActorLoop();
  ActorLoop(const ActorLoop&) = delete;
  ActorLoop& operator=(const ActorLoop&) = delete;

  Scope& root() { return root_; }
  [[nodiscard]] const Scope& root() const { return root_; }
  [[nodiscard]] std::size_t alive() const { return alive_; }
  [[nodiscard]] bool closing() const { return closing_; }
  [[nodiscard]] const Actor* current() const { return current_; }

  // Adds an actor with its root frame to a scope.
  Actor& add(Scope& scope, Label label, std::uint32_t entity, PromiseBase& root);
  // Puts a suspended coroutine at the end of the queue of steps.
  void push_step(PromiseBase& promise) {
    DENSURE(!promise.stepping, "a coroutine has one next step");
    promise.stepping = true;
    promise.step_previous = last_step_;
    promise.step_next = nullptr;
    (last_step_ != nullptr ? last_step_->step_next : first_step_) = &promise;
    last_step_ = &promise;
  }
  // Makes `child` a part of `parent` and gives it its first step.
  void start_child(PromiseBase& parent, PromiseBase& child);
  // Frees a finished child.
  static void free_child(PromiseBase& child);
  [[nodiscard]] bool has_steps() const { return first_step_ != nullptr; }
  // Runs steps until none is left; rethrows what an actor threw.
  void drain();
  void cancel(Scope& scope);
  // Cancels everything; from here on spawn frees its task.
  void close();
  void describe(std::vector<Pending>& out) const;

 private:
  void resume(PromiseBase& promise);
  void complete(PromiseBase& promise);
  void doom(Actor& actor);
  void free_doomed(Actor& actor);
  void free_tree(PromiseBase& root);
  void drop_step(PromiseBase& promise);
  static void unlink_child(PromiseBase& child);

  Scope root_;
  std::list<Actor> doomed_;  // out of their scope, to be freed
  std::size_t alive_ = 0;
  bool closing_ = false;
  Actor* current_ = nullptr;  // whose frame may be on the stack
  PromiseBase* first_step_ = nullptr;
  PromiseBase* last_step_ = nullptr;
  std::exception_ptr failure_;
};

}  // namespace polyclinic::kernel
