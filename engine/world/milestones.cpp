#include "world/milestones.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace polyclinic {

void Milestones::next(Milestone newest, bool newcomer) {
  if (newest_ && newcomer) keep(*std::move(newest_));
  newest_ = std::move(newest);
}

void Milestones::keep(Milestone milestone) {
  kept_.push_back(std::move(milestone));
  if (kept_.size() > kMost) {
    // whoever came right after it goes back to the one before it
    std::size_t cheapest = 1;
    const auto cost = [&](std::size_t i) { return kept_[i].depth - kept_[i - 1].depth; };
    for (std::size_t i = 2; i < kept_.size(); ++i) {
      if (cost(i) < cost(cheapest)) cheapest = i;
    }
    thinned_ = thinned_ || cost(cheapest) > 0;
    kept_.erase(kept_.begin() + static_cast<std::ptrdiff_t>(cheapest));
  }
  most_ = std::max(most_, kept_.size());
}

const Milestone& Milestones::before(std::int64_t version) const {
  const auto after =
      std::lower_bound(kept_.begin(), kept_.end(), version,
                       [](const Milestone& kept, std::int64_t v) { return kept.version < v; });
  ENSURE(after != kept_.begin(), "the version before the first newcomer's is always kept");
  return *std::prev(after);
}

void Milestones::go_back(std::int64_t version, Milestone newest) {
  std::erase_if(kept_, [&](const Milestone& kept) { return kept.version > version; });
  ENSURE(!kept_.empty() && kept_.back().version == version, "one goes back to what is kept");
  const Milestone to = kept_.back();
  for (Milestone& kept : kept_) {
    kept.at = kept.at + (newest.at - to.at);
    kept.rounds += newest.rounds - to.rounds;
    kept.bytes_up += newest.bytes_up - to.bytes_up;
    kept.bytes_down += newest.bytes_down - to.bytes_down;
  }
  newest_ = std::move(newest);
}

}  // namespace polyclinic
