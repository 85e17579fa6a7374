#include <algorithm>

#include "net/network.hpp"
#include "sim/gate.hpp"

namespace polyclinic {

namespace {

// What ends a wait that would last until `time`, when it must not last longer than `give_up`.
struct Until {
  TimeNs time;
  bool given_up = false;
};
Until until(TimeNs time, TimeNs give_up) {
  if (time <= give_up) return {time, false};
  return {give_up, true};
}

// A wait that nothing ends but cancellation, for a hospital that never comes back.
Task<void> wait_for_ever() {
  Gate gate("a hospital that is down for good");
  co_await gate.wait();
}

}  // namespace

TimeNs next_up(Availability& availability, TimeNs time) {
  while (time <= kTimeMax) {
    if (availability.up_at(time)) return time;
    time = availability.next_change(time);
  }
  return kNever;
}

bool uploads_last(const Part* part) {
  return part != nullptr && part->part("interrupted") != nullptr;
}

Interruption interruption_of(const Part* part) {
  if (!part || !part->find("interrupted")) return Interruption::abort;
  if (uploads_last(part)) return Interruption::resume;
  return part->text("interrupted") == "resume" ? Interruption::resume : Interruption::abort;
}

WorkPlan plan_work(Availability& availability, TimeNs start, TimeNs duration,
                   Interruption interruption) {
  TimeNs now = start;
  TimeNs rest = duration;
  while (now <= kTimeMax) {
    if (!availability.up_at(now)) {
      if (interruption == Interruption::abort) return {now, false};
      now = next_up(availability, now);
      continue;
    }
    // at one nanosecond the outage comes before the end of the work (architecture.md, "Order of
    // events")
    const TimeNs change = availability.next_change(now);
    if (change > now + rest) return {now + rest, true};
    if (interruption == Interruption::abort) return {change, false};
    rest = rest - (change - now);
    now = change;
    if (rest == TimeNs{}) return {now, true};
  }
  return {kNever, false};
}

Task<bool> work(Simulation& simulation, Availability& availability, TimeNs duration,
                Interruption interruption, TimeNs give_up) {
  const TimeNs start = simulation.now();
  if (give_up < start) co_return false;
  const WorkPlan plan = plan_work(availability, start, duration, interruption);
  const Until end = until(plan.ends, give_up);
  if (end.time > kTimeMax) co_await wait_for_ever();
  Priority priority = plan.completed ? Priority::compute_end : Priority::state;
  if (end.given_up) priority = Priority::deadline;
  co_await simulation.at(end.time, priority);
  co_return plan.completed && !end.given_up;
}

Task<bool> wait_until_up(Simulation& simulation, Availability& availability, TimeNs give_up) {
  const TimeNs start = simulation.now();
  if (availability.up_at(start)) co_return true;
  if (give_up < start) co_return false;
  const Until end = until(next_up(availability, start), give_up);
  if (end.time > kTimeMax) co_await wait_for_ever();
  const Priority priority = end.given_up ? Priority::deadline : Priority::wakeup;
  co_await simulation.at(end.time, priority);
  co_return !end.given_up;
}

}  // namespace polyclinic
