// Patients sorted by score and gathered where scores are equal. Everything that ranks is computed
// from these groups: ties are exact, and the order of the patients cannot matter.
#pragma once

#include <cstdint>
#include <vector>

#include "learn/metrics/types.hpp"

namespace polyclinic::metrics {

// All patients with one score.
struct TieGroup {
  double score = 0;
  std::int64_t n = 0;
  std::int64_t events = 0;
};

// Row numbers by increasing value, equal values by row. -0 and 0 are equal. O(n log n).
// REQUIRES: values finite, fewer than 2^32.
std::vector<std::uint32_t> order_by_value(NumberView values);

// Groups by increasing score; a label above 0.5 is an event. REQUIRES: equal sizes, finite scores.
std::vector<TieGroup> tie_groups(NumberView scores, NumberView labels);

// A bin of neighbouring groups.
struct Bin {
  std::size_t first = 0;  // groups [first, last)
  std::size_t last = 0;
  std::int64_t n = 0;
  std::int64_t events = 0;
  double score_sum = 0;
};

// Equal-count bins with ties kept together: a group whose ranks run from a to b (0 <= a < b <= n)
// goes to bin floor(bins * (a + b) / 2 / n), the bin of its middle rank. Without ties all bins hold
// n / bins patients, up to rounding; empty bins are left out. REQUIRES: bins >= 1.
std::vector<Bin> equal_count_bins(const std::vector<TieGroup>& groups, int bins);

}  // namespace polyclinic::metrics
