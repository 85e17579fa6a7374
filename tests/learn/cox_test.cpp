// Cox's partial likelihood against values worked out by hand. The definition as a loop over all
// rows is the reference of gradient_test.cpp.
#include "learn/dense/cox.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>

using namespace polyclinic::dense;

namespace {

// times 1, 2, 2, 3; the last one censored; the second has twice the hazard of the others
const std::array<float, 4> kTime = {1, 2, 2, 3};
const std::array<float, 4> kEvent = {1, 1, 1, 0};
const std::array<float, 4> kScore = {0, std::log(2.0F), 0, 0};

double value(Ties ties, std::span<const float> score, std::span<float> slope = {}) {
  CoxScratch scratch;
  return cox_loss({score, kTime, kEvent}, ties, slope, scratch);
}

}  // namespace

TEST_CASE("Breslow: both tied events see the whole risk set") {
  // risk sets: 1+2+1+1 = 5 at time 1, 2+1+1 = 4 at time 2, twice
  const double expected = -(0 - std::log(5.0) + std::log(2.0) - 2 * std::log(4.0)) / 3;
  CHECK(value(Ties::breslow, kScore) == doctest::Approx(expected).epsilon(1e-7));
}

TEST_CASE("Efron: the second tied event sees the risk set less half of the tied hazard") {
  const double expected =
      -(0 - std::log(5.0) + std::log(2.0) - std::log(4.0) - std::log(4.0 - 0.5 * 3)) / 3;
  CHECK(value(Ties::efron, kScore) == doctest::Approx(expected).epsilon(1e-7));
}

TEST_CASE("slopes by hand: hazard times cumulative inverse risk, less events") {
  std::array<float, 4> slope{};
  value(Ties::breslow, kScore, slope);
  const double first = 1.0 / 5;
  const double both = first + 2.0 / 4;
  CHECK(slope[0] == doctest::Approx((1 * first - 1) / 3).epsilon(1e-6));
  CHECK(slope[1] == doctest::Approx((2 * both - 1) / 3).epsilon(1e-6));
  CHECK(slope[2] == doctest::Approx((1 * both - 1) / 3).epsilon(1e-6));
  CHECK(slope[3] == doctest::Approx(1 * both / 3).epsilon(1e-6));
  value(Ties::efron, kScore, slope);
  const double all = first + 1 / 4.0 + 1 / 2.5;
  const double own = 0.5 / 2.5;
  CHECK(slope[1] == doctest::Approx((2 * (all - own) - 1) / 3).epsilon(1e-6));
  CHECK(slope[2] == doctest::Approx((1 * (all - own) - 1) / 3).epsilon(1e-6));
  CHECK(slope[3] == doctest::Approx(1 * all / 3).epsilon(1e-6));
}

TEST_CASE("properties: shifts change nothing, slopes sum to zero, no events give zero") {
  std::array<float, 4> shifted = kScore;
  for (float& s : shifted) s += 8;  // a power of two: exact up to the rounding of ln 2
  for (const Ties ties : {Ties::breslow, Ties::efron}) {
    CHECK(value(ties, shifted) == doctest::Approx(value(ties, kScore)).epsilon(1e-6));
    std::array<float, 4> slope{};
    value(ties, kScore, slope);
    CHECK(std::fabs(slope[0] + slope[1] + slope[2] + slope[3]) < 1e-6F);
  }
  CoxScratch scratch;
  std::array<float, 4> slope = {9, 9, 9, 9};
  const std::array<float, 4> none{};
  CHECK(cox_loss({kScore, kTime, none}, Ties::efron, slope, scratch) == 0);
  CHECK(slope == none);
}

TEST_CASE("strata: the likelihood is the sum over risk sets, each worked out alone") {
  // rows of two strata, interleaved; the second stratum alone is a risk set of rows 1 and 3
  const std::array<std::int32_t, 4> stratum = {0, 1, 0, 1};
  for (const Ties ties : {Ties::breslow, Ties::efron}) {
    CoxScratch scratch;
    std::array<float, 4> slope{};
    const double both = cox_loss({kScore, kTime, kEvent, stratum}, ties, slope, scratch);
    // stratum 0: events at 1 (risk 1 + 1) and 2 (risk 1); stratum 1: event at 2 (risk 2 + 1)
    const double expected = -((0 - std::log(2.0)) + (0 - std::log(1.0)) +
                              (std::log(2.0) - std::log(3.0))) /
                            3;
    CHECK(both == doctest::Approx(expected).epsilon(1e-7));
    CHECK(slope[0] == doctest::Approx((1.0 / 2 - 1) / 3).epsilon(1e-6));
    CHECK(slope[2] == doctest::Approx((1.0 / 2 + 1 - 1) / 3).epsilon(1e-6));
    CHECK(slope[1] == doctest::Approx((2.0 / 3 - 1) / 3).epsilon(1e-6));
    CHECK(slope[3] == doctest::Approx((1.0 / 3) / 3).epsilon(1e-6));
    // one stratum of everyone is no stratification
    const std::array<std::int32_t, 4> one = {7, 7, 7, 7};
    CHECK(cox_loss({kScore, kTime, kEvent, one}, ties, slope, scratch) == value(ties, kScore));
  }
}

TEST_CASE("scores far beyond the range of exp stay finite") {
  const std::array<float, 4> huge = {2000, -2000, 0, 1000};
  std::array<float, 4> slope{};
  CHECK(std::isfinite(value(Ties::efron, huge, slope)));
  for (const float s : slope) CHECK(std::isfinite(s));
}
