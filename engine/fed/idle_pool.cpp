#include "fed/idle_pool.hpp"

#include <algorithm>

namespace polyclinic {

namespace {
// Selections of rounds have lanes 0 and 1.
constexpr std::uint64_t kLane = 2;
}  // namespace

IdlePool::IdlePool(RunKey run, std::vector<HospitalId> hospitals, NextUp next_up)
    : run_(run), idle_(std::move(hospitals)), next_up_(std::move(next_up)) {}

std::optional<HospitalId> IdlePool::take(TimeNs now) {
  while (!away_.empty() && away_.top().first <= now) {
    idle_.push_back(away_.top().second);
    away_.pop();
  }
  if (idle_.empty()) return std::nullopt;
  Stream stream(run_, Purpose::kSelection, 0, draws_, kLane);
  while (!idle_.empty()) {
    // who is down makes room for another draw: those that are up stay equally likely
    const auto place = static_cast<std::size_t>(stream.below(idle_.size()));
    const HospitalId hospital = idle_[place];
    idle_[place] = idle_.back();
    idle_.pop_back();
    const TimeNs up = next_up_(hospital, now);
    if (up <= now) {
      ++draws_;
      return hospital;
    }
    if (up != kNever) away_.emplace(up, hospital);
  }
  return std::nullopt;
}

void IdlePool::put_back(HospitalId hospital, TimeNs since) {
  away_.emplace(since, hospital);
}

void IdlePool::remove(HospitalId hospital) {
  std::erase(idle_, hospital);
  std::vector<Return> others;
  for (; !away_.empty(); away_.pop()) {
    if (away_.top().second != hospital) others.push_back(away_.top());
  }
  for (const Return& other : others) away_.push(other);
}

TimeNs IdlePool::next_return() const {
  return away_.empty() ? kNever : away_.top().first;
}

}  // namespace polyclinic
