// How much each hospital counts in an aggregation.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/schema.hpp"

namespace polyclinic {

struct WeightRule {
  bool by_size = true;
  double max_share = 0.5;
};
// Reads `weights` and `max_share` of a part aggregation.*; a rule without `weights` counts all
// alike.
WeightRule weight_rule(const Part& aggregation);

struct Weights {
  std::vector<double> share;  // one per hospital, sum 1
  bool capped = false;        // one hospital was held to max_share
};

// Shares by training rows (or equal ones), none above max_share: what is above it is spread over
// the others in proportion, until no share is above. A cap that the number of hospitals cannot meet
// (two hospitals, cap 0.3) becomes 1/count. REQUIRES: rows not empty, all > 0.
Weights shares(const WeightRule& rule, std::span<const std::int64_t> rows);
// The same by sizes of any kind.
Weights shares(const WeightRule& rule, std::span<const double> sizes);

}  // namespace polyclinic
