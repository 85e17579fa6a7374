// Mailbox<T>: messages from anybody (actors, plain events) to actors.
#pragma once

#include <concepts>
#include <coroutine>
#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "base/check.hpp"
#include "sim/wait.hpp"

namespace polyclinic {

namespace kernel {

// The half of a mailbox that does not depend on the message's type. A message is never given to a
// particular receiver before that one runs: a woken receiver only has a claim to one message, which
// goes to the next when the receiver is cancelled before it ran.
class MailboxCore {
 public:
  explicit MailboxCore(std::string label);

  [[nodiscard]] const std::string& label() const { return label_; }
  // A message is there that no woken receiver has a claim to.
  [[nodiscard]] bool unclaimed() const { return messages_ > claimed_.size(); }
  void message_added();
  void message_taken() { --messages_; }
  // Wakes receivers as long as there are unclaimed messages.
  void wake_receivers();

 private:
  friend class ReceiveWait;
  std::string label_;
  std::size_t messages_ = 0;
  WaitList waiting_{label_};
  WaitList claimed_{label_};  // woken, not resumed yet
};

class ReceiveWait {
 public:
  ReceiveWait(MailboxCore& box, TimeNs deadline)
      : wait_("waits for a message in"), box_(&box), deadline_(deadline) {}
  ~ReceiveWait();
  ReceiveWait(const ReceiveWait&) = delete;
  ReceiveWait& operator=(const ReceiveWait&) = delete;

  [[nodiscard]] bool await_ready() const noexcept { return box_->unclaimed(); }
  template <std::derived_from<PromiseBase> P>
  void await_suspend(std::coroutine_handle<P> handle) {
    start(handle.promise());
  }

 protected:
  // Called on resumption: true if there is a message to take.
  bool redeem();

 private:
  void start(PromiseBase& promise);
  Wait wait_;
  MailboxCore* box_;
  TimeNs deadline_;
};

}  // namespace kernel

// First in, first out, for messages and for receivers; unbounded. T may be move-only. Need not know
// the simulation; must not be destroyed while somebody receives from it (whoever does waits for
// ever, and pending() shows it). Not thread-safe.
template <class T>
class Mailbox {
  class Receive;
  class ReceiveUntil;

 public:
  explicit Mailbox(std::string label = "mailbox") : core_(std::move(label)) {}
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  [[nodiscard]] const std::string& label() const { return core_.label(); }
  [[nodiscard]] std::size_t size() const { return messages_.size(); }
  [[nodiscard]] bool empty() const { return messages_.empty(); }

  // Adds a message; the first receiver that waits goes on at (now, wakeup). Never blocks.
  void send(T message) {
    messages_.push_back(std::move(message));
    core_.message_added();
  }
  // T message = co_await box.receive();
  [[nodiscard]] Receive receive() { return Receive(*this, kNever); }
  // std::optional<T> message = co_await box.receive_until(t): nothing if none came until t. One
  // that comes at t still counts, if it is sent by an event before Priority::deadline. A deadline
  // that has passed is now; kNever is none.
  [[nodiscard]] ReceiveUntil receive_until(TimeNs deadline) {
    return ReceiveUntil(*this, deadline);
  }
  // The first message that nobody has a claim to, without waiting.
  [[nodiscard]] std::optional<T> try_receive() {
    if (!core_.unclaimed()) return std::nullopt;
    return take();
  }

 private:
  class Receive : public kernel::ReceiveWait {
   public:
    Receive(Mailbox& box, TimeNs deadline) : ReceiveWait(box.core_, deadline), from_(&box) {}
    T await_resume() {
      ENSURE(redeem(), "without a deadline only a message ends the wait");
      return from_->take();
    }

   private:
    Mailbox* from_;
  };
  class ReceiveUntil : public kernel::ReceiveWait {
   public:
    ReceiveUntil(Mailbox& box, TimeNs deadline) : ReceiveWait(box.core_, deadline), from_(&box) {}
    std::optional<T> await_resume() {
      if (!redeem()) return std::nullopt;
      return from_->take();
    }

   private:
    Mailbox* from_;
  };
  T take() {
    T message = std::move(messages_.front());
    messages_.pop_front();
    core_.message_taken();
    return message;
  }

  std::deque<T> messages_;
  kernel::MailboxCore core_;
};

}  // namespace polyclinic
