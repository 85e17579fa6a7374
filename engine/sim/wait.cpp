#include "sim/wait.hpp"

#include <algorithm>

#include "base/check.hpp"
#include "sim/gate.hpp"
#include "sim/mailbox.hpp"

namespace polyclinic {

namespace kernel {

const Label& Wait::label_of(const void* context) {
  return static_cast<const Wait*>(context)->promise_->actor->label;
}

constinit const Handler Wait::kWake("wake-up", &Wait::on_wake, &Wait::label_of);
constinit const Handler Wait::kTimer("timer", &Wait::on_timer, &Wait::label_of);

void Wait::on_wake(void* context, std::uint64_t /*argument*/) {
  auto* wait = static_cast<Wait*>(context);
  wait->event_ = EventId();
  PromiseBase& promise = *wait->promise_;
  promise.wait = nullptr;
  promise.actor->sim->loop().push_step(promise);
}

void Wait::on_timer(void* context, std::uint64_t argument) {
  auto* wait = static_cast<Wait*>(context);
  wait->timed_out_ = true;
  WaitList::remove(*wait);
  on_wake(context, argument);
}

Wait::~Wait() {
  if (promise_ == nullptr) return;
  WaitList::remove(*this);
  revoke();
  if (promise_->wait == this) promise_->wait = nullptr;
}

std::string_view Wait::on() const {
  return list_ != nullptr ? list_->label() : std::string_view();
}

void Wait::suspend(PromiseBase& promise) {
  promise_ = &promise;
  promise.wait = this;
}

void Wait::set_timer(TimeNs at, Priority priority) {
  if (at == kNever) return;
  const Actor& actor = *promise_->actor;
  event_ = actor.sim->schedule(at, priority, {&kTimer, this, 0, actor.entity});
  until_ = at;
}

void Wait::wake() {
  revoke();
  const Actor& actor = *promise_->actor;
  until_ = actor.sim->now();
  event_ = actor.sim->schedule(until_, Priority::wakeup, {&kWake, this, 0, actor.entity});
}

void Wait::revoke() {
  if (event_.valid()) promise_->actor->sim->cancel(event_);
  event_ = EventId();
  until_ = kNever;
}

WaitList::~WaitList() {
  while (first_ != nullptr) {
    Wait& wait = *first_;
    remove(wait);
    wait.revoke();
  }
}

void WaitList::push(Wait& wait) {
  wait.list_ = this;
  wait.previous_ = last_;
  wait.next_ = nullptr;
  (last_ != nullptr ? last_->next_ : first_) = &wait;
  last_ = &wait;
  ++size_;
}

void WaitList::remove(Wait& wait) {
  WaitList* const list = wait.list_;
  if (list == nullptr) return;
  (wait.previous_ != nullptr ? wait.previous_->next_ : list->first_) = wait.next_;
  (wait.next_ != nullptr ? wait.next_->previous_ : list->last_) = wait.previous_;
  wait.list_ = nullptr;
  --list->size_;
}

MailboxCore::MailboxCore(std::string label) : label_(std::move(label)) {}

void MailboxCore::message_added() {
  ++messages_;
  wake_receivers();
}

void MailboxCore::wake_receivers() {
  while (unclaimed() && !waiting_.empty()) {
    Wait& wait = *waiting_.front();
    WaitList::remove(wait);
    claimed_.push(wait);
    wait.wake();
  }
}

void ReceiveWait::start(PromiseBase& promise) {
  wait_.suspend(promise);
  box_->waiting_.push(wait_);
  const TimeNs now = promise.actor->sim->now();
  wait_.set_timer(std::max(deadline_, now), Priority::deadline);
}

bool ReceiveWait::redeem() {
  WaitList::remove(wait_);
  return !wait_.timed_out();
}

ReceiveWait::~ReceiveWait() {
  // a place in a list means that the mailbox is alive; a claim not redeemed goes to the next
  if (wait_.list() == nullptr) return;
  WaitList::remove(wait_);
  box_->wake_receivers();
}

}  // namespace kernel

void Gate::open() {
  if (open_) return;
  open_ = true;
  while (!waiting_.empty()) {
    kernel::Wait& wait = *waiting_.front();
    kernel::WaitList::remove(wait);
    wait.wake();
  }
}

void Gate::Awaiter::start(kernel::PromiseBase& promise) {
  wait_.suspend(promise);
  gate_->waiting_.push(wait_);
  const TimeNs now = promise.actor->sim->now();
  wait_.set_timer(std::max(deadline_, now), Priority::deadline);
}

}  // namespace polyclinic
