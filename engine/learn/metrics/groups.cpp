#include "learn/metrics/groups.hpp"

#include <algorithm>
#include <bit>
#include <limits>

namespace polyclinic::metrics {

namespace {

// A double as an unsigned number of the same order: negative numbers are reversed, others moved
// above.
std::uint64_t ordered_bits(double value) {
  // adding 0 turns -0 into 0
  const auto bits = std::bit_cast<std::uint64_t>(value + 0.0);
  constexpr std::uint64_t kSign = 1ULL << 63U;
  return (bits & kSign) != 0 ? ~bits : bits | kSign;
}

struct Key {
  std::uint64_t value;
  std::uint32_t row;
};

std::vector<Key> sorted_keys(NumberView values) {
  ENSURE(values.size() <= std::numeric_limits<std::uint32_t>::max(), "rows are 32-bit");
  std::vector<Key> keys(values.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    keys[i] = {ordered_bits(values[i]), static_cast<std::uint32_t>(i)};
  }
  std::sort(keys.begin(), keys.end(), [](const Key& a, const Key& b) {
    return a.value != b.value ? a.value < b.value : a.row < b.row;
  });
  return keys;
}

}  // namespace

std::vector<std::uint32_t> order_by_value(NumberView values) {
  const std::vector<Key> keys = sorted_keys(values);
  std::vector<std::uint32_t> order(keys.size());
  std::transform(keys.begin(), keys.end(), order.begin(), [](const Key& key) { return key.row; });
  return order;
}

std::vector<TieGroup> tie_groups(NumberView scores, NumberView labels) {
  ENSURE(scores.size() == labels.size(), "one score and one label per patient");
  const std::vector<Key> keys = sorted_keys(scores);
  std::vector<TieGroup> groups;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (i == 0 || keys[i].value != keys[i - 1].value) {
      groups.push_back({scores[keys[i].row] + 0.0, 0, 0});
    }
    ++groups.back().n;
    groups.back().events += labels[keys[i].row] > 0.5 ? 1 : 0;
  }
  return groups;
}

std::vector<Bin> equal_count_bins(const std::vector<TieGroup>& groups, int bins) {
  ENSURE(bins >= 1, "at least one bin");
  std::int64_t n = 0;
  for (const TieGroup& group : groups) n += group.n;
  std::vector<Bin> result;
  std::int64_t rank = 0;
  std::int64_t current = -1;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    // the bin of the middle rank, in whole numbers
    const std::int64_t place = bins * (2 * rank + groups[g].n) / (2 * n);
    if (place != current) {
      result.push_back({g, g, 0, 0, 0});
      current = place;
    }
    Bin& bin = result.back();
    bin.last = g + 1;
    bin.n += groups[g].n;
    bin.events += groups[g].events;
    bin.score_sum += groups[g].score * static_cast<double>(groups[g].n);
    rank += groups[g].n;
  }
  return result;
}

}  // namespace polyclinic::metrics
