#include "sim/simulation.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "base/check.hpp"
#include "base/error.hpp"
#include "sim/actor_loop.hpp"
#include "sim/task.hpp"
#include "sim/wait.hpp"
#include "trace/fingerprint.hpp"

namespace polyclinic {

namespace {

constexpr std::array<const char*, kPriorities> kPriorityNames = {
    "state",    "transfer_end", "compute_end", "wakeup",
    "deadline", "timeline",     "command",     "measurement"};

// How many events before the limit are kept, to name the one that repeats.
constexpr std::uint64_t kSuspects = 1000;

std::string_view label_of(const Call& call) {
  if (call.handler->label_of == nullptr) return call.handler->label;
  return call.handler->label_of(call.context).text;
}

std::uint64_t label_hash_of(const Call& call) {
  if (call.handler->label_of == nullptr) return call.handler->hash;
  return call.handler->label_of(call.context).hash;
}

void feed_fingerprint(void* context, const DispatchedEvent& event) {
  auto* fingerprint = static_cast<Fingerprint*>(context);
  fingerprint->timeline.word(static_cast<std::uint64_t>(event.at.ns));
  fingerprint->timeline.word(event.label_hash ^
                             (static_cast<std::uint64_t>(event.priority) << 32U | event.entity));
}

// Restores a flag at the end of a block, also when an exception leaves it.
class Raised {
 public:
  explicit Raised(bool& flag) : flag_(&flag) { flag = true; }
  ~Raised() { *flag_ = false; }
  Raised(const Raised&) = delete;
  Raised& operator=(const Raised&) = delete;

 private:
  bool* flag_;
};

}  // namespace

std::string to_seconds_text(TimeNs time) {
  const std::string digits = std::to_string(time.ns < 0 ? -time.ns : time.ns);
  const std::string padded = std::string(digits.size() < 10 ? 10 - digits.size() : 0, '0') + digits;
  const std::size_t point = padded.size() - 9;
  return (time.ns < 0 ? "-" : "") + padded.substr(0, point) + "." + padded.substr(point) + " s";
}

std::string culprit_text(std::string_view label, std::uint32_t entity) {
  std::string text = "'" + std::string(label) + "'";
  if (entity != kNoEntity) text += " of entity " + std::to_string(entity);
  return text;
}

Simulation::Simulation() : loop_(std::make_unique<kernel::ActorLoop>(*this)) {}

Simulation::~Simulation() {
  ENSURE(!running_, "a simulation is not destroyed from within");
  loop_->close();
}

void Simulation::check_time(TimeNs at, std::string_view label, std::uint32_t entity) const {
  if (at <= kTimeMax) [[likely]]
    return;
  throw RunError({},
                 culprit_text(label, entity) + " asks for a time more than 100 years away (" +
                     to_seconds_text(at) + "), at " + to_seconds_text(now()),
                 "no simulated time may exceed 100 years; is a unit wrong?");
}

EventId Simulation::schedule(TimeNs at, Priority priority, const Call& call) {
  if (at > kTimeMax) [[unlikely]]
    check_time(at, label_of(call), call.entity);
  return queue_.push(at, priority, call);
}

void Simulation::run() {
  ENSURE(!running_, "run() is not called from within an event");
  while (!stopping() && step()) {
  }
  stop_.store(false, std::memory_order_relaxed);
}

void Simulation::run_until(TimeNs until) {
  ENSURE(!running_, "run_until() is not called from within an event");
  ENSURE(until >= now(), "the clock never goes back");
  while (!stopping()) {
    const std::optional<TimeNs> next = queue_.next_time();
    if (!next || *next > until) break;
    step();
  }
  if (!stopping()) queue_.advance_to(until);
  stop_.store(false, std::memory_order_relaxed);
}

inline void Simulation::count_event(const QueuedEvent& event) {
  ++dispatched_;
  if (event.at != instant_) [[likely]] {
    instant_ = event.at;
    events_this_instant_ = 1;
    events_this_instant_max_ = kEventsPerInstantMax;
    if (!suspects_.empty()) suspects_.clear();
    return;
  }
  if (++events_this_instant_ + kSuspects > events_this_instant_max_) [[unlikely]]
    count_near_limit(event);
}

inline void Simulation::dispatch(const QueuedEvent& event) {
  count_event(event);
  const Call& call = event.call;
  if (hook_ != nullptr) {
    hook_(hook_context_, {event.at, event.priority, call.entity, event.sequence, label_of(call),
                          label_hash_of(call)});
  }
  const Raised running(running_);
  call.handler->run(call.context, call.argument);
  if (loop_->has_steps()) loop_->drain();
}

bool Simulation::step() {
  ENSURE(!running_, "step() is not called from within an event");
  QueuedEvent event;
  if (!queue_.pop(event)) return false;
  dispatch(event);
  return true;
}

void Simulation::count_near_limit(const QueuedEvent& event) {
  // Raised once an instant: actors that start one another without end must not raise it for ever.
  // Those that have returned count, or the last of a crowd would find the limit lowered.
  if (events_this_instant_max_ == kEventsPerInstantMax && suspects_.empty()) {
    events_this_instant_max_ =
        std::max(kEventsPerInstantMax, kEventsPerInstantAndActorMax * actors_most_);
    if (events_this_instant_ + kSuspects <= events_this_instant_max_) return;
  }
  // close to the limit: note who is at work
  suspects_.push_back({std::string(label_of(event.call)), event.call.entity});
  if (events_this_instant_ >= events_this_instant_max_) fail_standing_still();
}

void Simulation::fail_standing_still() const {
  std::map<std::pair<std::string, std::uint32_t>, std::size_t> counts;
  for (const Suspect& suspect : suspects_) ++counts[{suspect.label, suspect.entity}];
  const auto most =
      std::max_element(counts.begin(), counts.end(),
                       [](const auto& a, const auto& b) { return a.second < b.second; });
  throw RunError({},
                 "time stands still at " + to_seconds_text(now()) + ": " +
                     std::to_string(events_this_instant_max_) +
                     " events without the clock moving, " + std::to_string(most->second) +
                     " of the last " + std::to_string(suspects_.size()) + " by " +
                     culprit_text(most->first.first, most->first.second),
                 "something repeats without waiting; let it wait for a time greater than zero");
}

void Simulation::spawn(Scope& scope, Task<void> task, std::string label, std::uint32_t entity) {
  ENSURE(task.valid(), "a task is spawned once");
  ENSURE(scope.sim_ == this, "an actor lives in a scope of its own simulation");
  if (loop_->closing()) return;
  loop_->add(scope, Label(std::move(label)), entity, task.release().promise());
  actors_most_ = std::max(actors_most_, loop_->alive());
}

Scope& Simulation::root() {
  return loop_->root();
}

kernel::Delay Simulation::delay(TimeNs duration, Priority priority) {
  ENSURE(duration.ns >= 0, "a delay cannot be negative");
  // kTimeMax is far from overflow, whatever the duration
  const TimeNs end = duration > kTimeMax ? duration : now() + duration;
  return at(end, priority);
}

kernel::Delay Simulation::at(TimeNs time, Priority priority) {
  ENSURE(time >= now(), "an actor cannot wait for the past");
  if (time > kTimeMax) [[unlikely]] {
    const kernel::Actor* actor = loop_->current();
    check_time(time, actor != nullptr ? actor->label.text : "delay",
               actor != nullptr ? actor->entity : kNoEntity);
  }
  return kernel::Delay(time, priority);
}

std::size_t Simulation::actors() const {
  return loop_->alive();
}

std::vector<Pending> Simulation::pending() const {
  std::vector<Pending> out;
  loop_->describe(out);
  for (const QueuedEvent& event : queue_.snapshot()) {
    // the ends of actors' waits are in the actors' own lines
    if (event.call.handler->label_of != nullptr) continue;
    out.push_back({.actor = false,
                   .label = std::string(event.call.handler->label),
                   .entity = event.call.entity,
                   .why = std::string("event of priority '") +
                          kPriorityNames[static_cast<std::size_t>(event.priority)] + "'",
                   .at = event.at});
  }
  return out;
}

std::string Simulation::pending_text(std::size_t lines_max) const {
  const std::vector<Pending> all = pending();
  std::string text;
  for (std::size_t i = 0; i < std::min(all.size(), lines_max); ++i) {
    const Pending& p = all[i];
    text += culprit_text(p.label, p.entity) + ": " + p.why;
    if (p.at != kNever) text += ", at " + to_seconds_text(p.at);
    text += "\n";
  }
  if (all.size() > lines_max) text += "and " + std::to_string(all.size() - lines_max) + " more\n";
  return text;
}

void Simulation::set_dispatch_hook(DispatchHook hook, void* context) {
  hook_ = hook;
  hook_context_ = context;
}

void Simulation::feed(Fingerprint& fingerprint) {
  set_dispatch_hook(&feed_fingerprint, &fingerprint);
}

}  // namespace polyclinic
