#include "secure/comparison.hpp"

#include <bit>

namespace polyclinic::secure {

namespace {
constexpr std::int64_t kTransferBits = 128;
constexpr std::int64_t kOnlineBits = 2;

std::int64_t bytes(std::int64_t bits) {
  return (bits + 7) / 8;
}
// ceil(log2 n)
std::int64_t log2_up(std::int64_t n) {
  return std::bit_width(static_cast<std::uint64_t>(n) - 1);
}
}  // namespace

ComparisonCost cost(const Comparisons& task, const Rates& rates) {
  const auto k = static_cast<std::int64_t>(task.bits);
  const auto values = static_cast<std::int64_t>(task.values);
  const auto kept = static_cast<std::int64_t>(task.kept);
  // a bit is less than another in one gate
  const std::int64_t comparison = k == 1 ? 1 : 3 * k - log2_up(k) - 2;
  const std::int64_t steps = log2_up(k) + 1 + 1;
  ComparisonCost cost;
  cost.and_gates = values * static_cast<std::int64_t>(task.comparators) * (comparison + k);
  std::int64_t before = cost.and_gates * kTransferBits;
  std::int64_t online = cost.and_gates * kOnlineBits;
  cost.rounds = static_cast<std::int64_t>(task.depth) * steps + 1;
  std::int64_t transfers = 2 * cost.and_gates;
  if (kept == 1) {
    online += values * k;
  } else {
    before += values * kept * k * kTransferBits;
    online += values * kept * (k * k + k) / 2 + values * (k + log2_up(kept));
    cost.rounds += 2;
    transfers += values * kept * k;
  }
  cost.bytes_before = bytes(before);
  cost.bytes_round = bytes((online + cost.rounds - 1) / cost.rounds);
  cost.seconds = static_cast<double>(transfers) / 2 * rates.and_gate;
  return cost;
}

}  // namespace polyclinic::secure
