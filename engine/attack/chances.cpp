#include "attack/chances.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace polyclinic::attack {

double more_attackers_than(std::size_t bound, std::size_t drawn, std::size_t attackers,
                           std::size_t all) {
  ENSURE(drawn <= all, "a draw has no more than there are");
  ENSURE(attackers <= all, "attackers are some of all");
  const std::size_t honest = all - attackers;
  const std::size_t least = drawn > honest ? drawn - honest : 0;
  const std::size_t most = std::min(drawn, attackers);
  // weights relative to that of the least, by the ratio of neighbours: p(k + 1) / p(k) =
  // (K - k) (n - k) / ((k + 1) (N - K - n + k + 1))
  double weight = 1;
  double total = 0;
  double tail = 0;
  for (std::size_t k = least; k <= most; ++k) {
    total += weight;
    if (k > bound) tail += weight;
    const auto ahead = static_cast<double>((attackers - k) * (drawn - k));
    const auto behind = static_cast<double>((k + 1) * (honest + k + 1 - drawn));
    weight *= ahead / behind;
    constexpr double kLarge = 1e200;
    if (weight > kLarge) {
      weight /= kLarge;
      total /= kLarge;
      tail /= kLarge;
    }
  }
  return tail / total;
}

}  // namespace polyclinic::attack
