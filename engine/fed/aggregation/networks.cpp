#include "fed/aggregation/networks.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace polyclinic::aggregation {

std::vector<std::uint16_t> sorting_network(std::size_t n) {
  ENSURE(n <= kWiresMax, "callers refuse more vectors than a network sorts");
  std::vector<std::uint16_t> pairs;
  std::size_t top = 1;
  while (2 * top < n) top *= 2;
  for (std::size_t p = top; p > 0 && n > 1; p /= 2) {
    std::size_t q = top;
    std::size_t r = 0;
    std::size_t d = p;
    while (true) {
      for (std::size_t i = 0; i + d < n; ++i) {
        if ((i & p) != r) continue;
        pairs.push_back(static_cast<std::uint16_t>(i));
        pairs.push_back(static_cast<std::uint16_t>(i + d));
      }
      if (q == p) break;
      d = q - p;
      q /= 2;
      r = p;
    }
  }
  return pairs;
}

std::vector<std::uint16_t> selection_network(std::size_t n, std::size_t first, std::size_t last) {
  const std::vector<std::uint16_t> all = sorting_network(n);
  // seen from the end, a comparator between two wires of which nobody tells one from the other
  // changes nothing; any other makes both its wires matter
  enum : std::uint32_t { kBelow, kMiddle, kAbove, kFirstOwn };
  std::vector<std::uint32_t> group(n);
  for (std::size_t i = 0; i < n; ++i) group[i] = i < first ? kBelow : i < last ? kMiddle : kAbove;
  std::uint32_t next = kFirstOwn;
  std::vector<std::uint16_t> kept;
  for (std::size_t p = all.size(); p > 0; p -= 2) {
    const std::uint16_t low = all[p - 2];
    const std::uint16_t high = all[p - 1];
    if (group[low] == group[high]) continue;
    group[low] = next++;
    group[high] = next++;
    kept.push_back(high);
    kept.push_back(low);
  }
  std::reverse(kept.begin(), kept.end());
  return kept;
}

}  // namespace polyclinic::aggregation
