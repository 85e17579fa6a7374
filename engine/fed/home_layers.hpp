// A model of which a part stays at the hospitals: what travels is a vector of the other slices, and
// whatever handles updates (rules, sums, noise, compression) sees that vector only.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "learn/parameters.hpp"
#include "learn/trainer.hpp"

namespace polyclinic {

class HomeLayers {
 public:
  // keep[i]: slice i stays at home. REQUIRES: one for each slice, and that some stay and some go.
  HomeLayers(std::shared_ptr<const ParameterLayout> whole, std::vector<bool> keep);

  // What travels, and what stays.
  [[nodiscard]] const std::shared_ptr<const ParameterLayout>& shared() const { return shared_; }
  [[nodiscard]] const std::shared_ptr<const ParameterLayout>& kept() const { return kept_; }
  [[nodiscard]] ParameterVector shared_of(const ParameterVector& whole) const;
  [[nodiscard]] ParameterVector kept_of(const ParameterVector& whole) const;
  [[nodiscard]] ParameterVector join(const ParameterVector& shared,
                                     const ParameterVector& kept) const;
  // The shared slices, and zeros where a slice stays.
  [[nodiscard]] ParameterVector widen(const ParameterVector& shared) const;

  // What a training does with the slices: all at once (pulls and control vectors are about what is
  // shared), the kept ones alone, the shared ones alone.
  [[nodiscard]] std::span<const SliceUse> together() const { return together_; }
  [[nodiscard]] std::span<const SliceUse> kept_alone() const { return kept_alone_; }
  [[nodiscard]] std::span<const SliceUse> shared_alone() const { return shared_alone_; }

 private:
  [[nodiscard]] ParameterVector part_of(const ParameterVector& whole, bool keep) const;
  void put(const ParameterVector& part, bool keep, ParameterVector& whole) const;

  std::shared_ptr<const ParameterLayout> whole_;   // the model's
  std::shared_ptr<const ParameterLayout> shared_;  // that of every vector that travels
  std::shared_ptr<const ParameterLayout> kept_;    // that of what a hospital keeps
  std::vector<bool> keep_;
  std::vector<SliceUse> together_;
  std::vector<SliceUse> kept_alone_;
  std::vector<SliceUse> shared_alone_;
};

}  // namespace polyclinic
