#include "fed/home_layers.hpp"

#include <algorithm>
#include <utility>

#include "base/check.hpp"

namespace polyclinic {

HomeLayers::HomeLayers(std::shared_ptr<const ParameterLayout> whole, std::vector<bool> keep)
    : whole_(std::move(whole)), keep_(std::move(keep)) {
  const std::span<const Slice> slices = whole_->slices();
  ENSURE(keep_.size() == slices.size(), "every slice stays or goes");
  ParameterLayout shared;
  ParameterLayout kept;
  for (std::size_t i = 0; i < slices.size(); ++i) {
    (keep_[i] ? kept : shared).add(slices[i].name, slices[i].shape, slices[i].role);
    together_.push_back(keep_[i] ? SliceUse::unpulled : SliceUse::trained);
    kept_alone_.push_back(keep_[i] ? SliceUse::unpulled : SliceUse::frozen);
    shared_alone_.push_back(keep_[i] ? SliceUse::frozen : SliceUse::trained);
  }
  ENSURE(shared.size() > 0 && kept.size() > 0, "something stays and something goes");
  shared_ = std::make_shared<const ParameterLayout>(std::move(shared));
  kept_ = std::make_shared<const ParameterLayout>(std::move(kept));
}

ParameterVector HomeLayers::part_of(const ParameterVector& whole, bool keep) const {
  ParameterVector part(keep ? kept_ : shared_);
  std::size_t at = 0;
  for (std::size_t i = 0; i < keep_.size(); ++i) {
    if (keep_[i] == keep) std::ranges::copy(whole.slice(i), part.slice(at++).begin());
  }
  return part;
}

void HomeLayers::put(const ParameterVector& part, bool keep, ParameterVector& whole) const {
  std::size_t at = 0;
  for (std::size_t i = 0; i < keep_.size(); ++i) {
    if (keep_[i] == keep) std::ranges::copy(part.slice(at++), whole.slice(i).begin());
  }
}

ParameterVector HomeLayers::shared_of(const ParameterVector& whole) const {
  return part_of(whole, false);
}

ParameterVector HomeLayers::kept_of(const ParameterVector& whole) const {
  return part_of(whole, true);
}

ParameterVector HomeLayers::join(const ParameterVector& shared, const ParameterVector& kept) const {
  ParameterVector whole = widen(shared);
  put(kept, true, whole);
  return whole;
}

ParameterVector HomeLayers::widen(const ParameterVector& shared) const {
  ParameterVector whole(whole_);
  put(shared, false, whole);
  return whole;
}

}  // namespace polyclinic
