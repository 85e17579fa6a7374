// What several selections share: how many, and draws in proportion to weights.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "base/ids.hpp"
#include "base/schema.hpp"
#include "base/stream.hpp"

namespace polyclinic {

// The field `count` of a selection: a number, or a share of all; at least one, at most all.
class SelectionCount {
 public:
  explicit SelectionCount(const Part& part);
  [[nodiscard]] std::size_t of(std::size_t hospitals) const;

 private:
  std::int64_t count_ = 0;
  double share_ = 0;
};

// The k hospitals with the smallest keys, in increasing order; of equal ones those that come first.
std::vector<HospitalId> smallest(std::vector<std::pair<double, HospitalId>> keys, std::size_t k);

struct Weighted {
  HospitalId hospital;
  double weight = 0;
};
// k hospitals drawn one after the other, each with a probability proportional to the weights of
// those that are left: the k smallest E_i / w_i, E_i exponential at an address of the hospital's
// own (Efraimidis and Spirakis 2006, Weighted Random Sampling with a Reservoir, algorithm A, whose
// largest u^(1/w) these are). One whose weight is zero is never drawn. lane: tells draws of one
// round apart. In increasing order.
std::vector<HospitalId> draw_weighted(std::span<const Weighted> from, std::size_t k, RunKey run,
                                      std::int64_t round, std::uint64_t lane);

}  // namespace polyclinic
