// Gate: a signal that is given once and stays given: "the round is over", "the link is up".
#pragma once

#include <concepts>
#include <coroutine>
#include <string_view>

#include "sim/wait.hpp"

namespace polyclinic {

// Must not be destroyed while somebody waits on it (whoever does waits for ever). Not thread-safe.
class Gate {
  class Awaiter;
  class AwaiterUntil;

 public:
  // The label's text outlives the gate: a literal, as a gate is made for every transfer.
  explicit Gate(const char* label = "gate") : waiting_(label) {}
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  [[nodiscard]] std::string_view label() const { return waiting_.label(); }
  [[nodiscard]] bool is_open() const { return open_; }
  // All who wait go on at (now, wakeup), in the order in which they came. Again: nothing happens.
  void open();
  // co_await gate.wait(): at once if open.
  [[nodiscard]] Awaiter wait() { return Awaiter(*this, kNever); }
  // bool opened = co_await gate.wait_until(t): false if it did not open until t; as for
  // Mailbox::receive_until.
  [[nodiscard]] AwaiterUntil wait_until(TimeNs deadline) { return AwaiterUntil(*this, deadline); }

 private:
  class Awaiter {
   public:
    Awaiter(Gate& gate, TimeNs deadline)
        : wait_("waits for gate"), gate_(&gate), deadline_(deadline) {}
    Awaiter(const Awaiter&) = delete;
    Awaiter& operator=(const Awaiter&) = delete;
    [[nodiscard]] bool await_ready() const noexcept { return gate_->open_; }
    template <std::derived_from<kernel::PromiseBase> P>
    void await_suspend(std::coroutine_handle<P> handle) {
      start(handle.promise());
    }
    void await_resume() const noexcept {}

   protected:
    [[nodiscard]] bool opened() const { return !wait_.timed_out(); }

   private:
    void start(kernel::PromiseBase& promise);
    kernel::Wait wait_;
    Gate* gate_;
    TimeNs deadline_;
  };
  class AwaiterUntil : public Awaiter {
   public:
    using Awaiter::Awaiter;
    [[nodiscard]] bool await_resume() const noexcept { return opened(); }
  };

  bool open_ = false;
  kernel::WaitList waiting_;
};

}  // namespace polyclinic
