// System: the chance of a round with more attackers than a rule bears. Expectation: it is the share
// of all draws, counted one by one. Reason: docs/traps.md, 25: a rule that bears f of all bears a
// sample of them only most of the time.
#include "attack/chances.hpp"

#include <doctest/doctest.h>

#include <bit>

namespace polyclinic::attack {
namespace {

TEST_CASE("trap 25: rounds with more attackers than a rule is told of are counted") {
  // of 10 hospitals the first `attackers` attack: every draw is a set of bits
  for (unsigned attackers = 0; attackers <= 10; ++attackers) {
    const unsigned bad = (1U << attackers) - 1U;
    for (int drawn = 1; drawn <= 10; ++drawn) {
      for (int bound = 0; bound <= 10; ++bound) {
        int draws = 0;
        int above = 0;
        for (unsigned set = 0; set < 1024; ++set) {
          if (std::popcount(set) != drawn) continue;
          ++draws;
          above += std::popcount(set & bad) > bound ? 1 : 0;
        }
        const double counted = static_cast<double>(above) / draws;
        CHECK(more_attackers_than(static_cast<std::size_t>(bound), static_cast<std::size_t>(drawn),
                                  attackers, 10) == doctest::Approx(counted).epsilon(1e-12));
      }
    }
  }
  // nothing overflows: a tenth of 100,000 attack, 10,000 are drawn; the median is the mean
  const double half = more_attackers_than(999, 10'000, 10'000, 100'000);
  CHECK(half > 0.49);
  CHECK(half < 0.52);
}

}  // namespace
}  // namespace polyclinic::attack
