#include "net/outages.hpp"

#include <algorithm>

namespace polyclinic {

void Outages::add(TimeNs from, TimeNs until) {
  if (until <= from) return;
  if (!outages_.empty() && from <= outages_.back().second) {
    outages_.back().second = std::max(outages_.back().second, until);
    return;
  }
  outages_.emplace_back(from, until);
}

bool Outages::out_at(TimeNs time) const {
  return std::any_of(outages_.begin(), outages_.end(), [time](const auto& outage) {
    return outage.first <= time && time < outage.second;
  });
}

bool Outages::up_at(TimeNs time) {
  return usual_->up_at(time) && !out_at(time);
}

// The first beginning or end of an outage after that time.
TimeNs Outages::next_boundary(TimeNs time) const {
  TimeNs next = kNever;
  for (const auto& [from, until] : outages_) {
    if (from > time) next = std::min(next, from);
    if (until > time) next = std::min(next, until);
  }
  return next;
}

TimeNs Outages::next_change(TimeNs time) {
  if (outages_.empty()) return usual_->next_change(time);
  const bool up = up_at(time);
  while (true) {
    time = std::min(usual_->next_change(time), next_boundary(time));
    if (time == kNever || up_at(time) != up) return time;
  }
}

}  // namespace polyclinic
