// System: shares of hospitals in an aggregation. Expectation: proportional to rows, none above the
// cap, always summing to one.
#include "fed/weights.hpp"

#include <doctest/doctest.h>

#include <numeric>
#include <vector>

namespace polyclinic {
namespace {

double sum(const std::vector<double>& x) {
  return std::accumulate(x.begin(), x.end(), 0.0);
}

TEST_CASE("shares are proportional to rows") {
  const std::vector<std::int64_t> rows{100, 200, 100};
  const Weights weights = shares({true, 0.5}, rows);
  CHECK(weights.share[0] == doctest::Approx(0.25));
  CHECK(weights.share[1] == doctest::Approx(0.5));
  CHECK_FALSE(weights.capped);
}

TEST_CASE("a giant is held to the cap and the others keep their proportions") {
  const std::vector<std::int64_t> rows{9000, 300, 700};
  const Weights weights = shares({true, 0.5}, rows);
  CHECK(weights.capped);
  CHECK(weights.share[0] == doctest::Approx(0.5));
  CHECK(weights.share[1] == doctest::Approx(0.15));
  CHECK(weights.share[2] == doctest::Approx(0.35));
}

TEST_CASE("spreading may push the next one over the cap: it is held too") {
  const std::vector<std::int64_t> rows{600, 390, 10};
  const Weights weights = shares({true, 0.45}, rows);
  CHECK(weights.share[0] == doctest::Approx(0.45));
  CHECK(weights.share[1] == doctest::Approx(0.45));
  CHECK(weights.share[2] == doctest::Approx(0.10));
}

TEST_CASE("a cap that the number of hospitals cannot meet becomes equal shares") {
  const std::vector<std::int64_t> rows{900, 100};
  const Weights weights = shares({true, 0.3}, rows);
  CHECK(weights.share[0] == doctest::Approx(0.5));
  CHECK(weights.share[1] == doctest::Approx(0.5));
  CHECK(shares({true, 0.5}, std::vector<std::int64_t>{7}).share[0] == doctest::Approx(1.0));
}

TEST_CASE("equal weights ignore rows") {
  const Weights weights = shares({false, 0.5}, std::vector<std::int64_t>{1, 1000, 5});
  for (double share : weights.share) CHECK(share == doctest::Approx(1.0 / 3.0));
}

TEST_CASE("shares sum to one and respect the cap for many sizes") {
  for (std::int64_t n = 1; n <= 40; ++n) {
    std::vector<std::int64_t> rows;
    for (std::int64_t i = 0; i < n; ++i) rows.push_back(1 + (i * i * 7919) % 1000 * (i % 5 + 1));
    for (double cap : {0.05, 0.2, 0.5, 1.0}) {
      const Weights weights = shares({true, cap}, rows);
      CHECK(sum(weights.share) == doctest::Approx(1.0).epsilon(1e-12));
      const double limit = std::max(cap, 1.0 / static_cast<double>(n));
      for (double share : weights.share) CHECK(share <= limit * (1.0 + 1e-9));
    }
  }
}

}  // namespace
}  // namespace polyclinic
