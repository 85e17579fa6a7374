// System: who of a round's participants finishes only some of its epochs. Expectation: the asked
// share, epochs spread evenly over their range, draws that depend on nothing but the hospital and
// the round.
#include "fed/stragglers.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace polyclinic {
namespace {

std::vector<HospitalId> hospitals(std::uint32_t count) {
  std::vector<HospitalId> ids;
  for (std::uint32_t i = 0; i < count; ++i) ids.push_back({i});
  return ids;
}

std::set<std::size_t> slow(const std::vector<std::int64_t>& epochs) {
  std::set<std::size_t> places;
  for (std::size_t i = 0; i < epochs.size(); ++i) {
    if (epochs[i] > 0) places.insert(i);
  }
  return places;
}

const RunKey kRun = make_run_key(1, 0);

TEST_CASE("the asked share of every round, rounded") {
  const auto ids = hospitals(10);
  for (std::int64_t round = 0; round < 50; ++round) {
    for (const auto& [share, count] :
         {std::pair{0.0, 0}, {0.04, 0}, {0.05, 1}, {0.5, 5}, {0.9, 9}, {1.0, 10}}) {
      const StragglerRule rule{.share = share, .epochs_least = 1, .epochs_most = 19};
      CHECK(slow(straggler_epochs(rule, ids, kRun, round)).size() ==
            static_cast<std::size_t>(count));
    }
  }
  CHECK(straggler_epochs({.share = 0.9, .epochs_most = 2}, {}, kRun, 0).empty());
}

TEST_CASE("epochs are uniform over their range, and every hospital is slow as often") {
  const auto ids = hospitals(10);
  const StragglerRule rule{.share = 0.5, .epochs_least = 3, .epochs_most = 7};
  constexpr int kRounds = 4000;
  std::vector<double> count(11, 0.0);
  std::vector<double> of_hospital(ids.size(), 0.0);
  for (int round = 0; round < kRounds; ++round) {
    const auto epochs = straggler_epochs(rule, ids, kRun, round);
    for (const std::size_t i : slow(epochs)) {
      REQUIRE(epochs[i] >= 3);
      REQUIRE(epochs[i] <= 7);
      count[static_cast<std::size_t>(epochs[i])] += 1;
      of_hospital[i] += 1;
    }
  }
  // binomial counts: 5 standard deviations, which one of 15 exceeds once in 10^5 seeds
  const double n = 5.0 * kRounds;
  const double sd_epochs = std::sqrt(n * 0.2 * 0.8);
  for (std::size_t e = 3; e <= 7; ++e) CHECK(std::fabs(count[e] - n / 5) < 5 * sd_epochs);
  const double sd_hospital = std::sqrt(kRounds * 0.25);
  for (const double times : of_hospital) CHECK(std::fabs(times - kRounds / 2.0) < 5 * sd_hospital);
}

TEST_CASE("a larger share keeps the stragglers of a smaller one, with their epochs") {
  const auto ids = hospitals(10);
  for (std::int64_t round = 0; round < 50; ++round) {
    const auto half = straggler_epochs({.share = 0.5, .epochs_most = 19}, ids, kRun, round);
    const auto most = straggler_epochs({.share = 0.9, .epochs_most = 19}, ids, kRun, round);
    for (const std::size_t i : slow(half)) CHECK(most[i] == half[i]);
  }
}

TEST_CASE("a hospital's draw does not depend on who else takes part; rounds and runs differ") {
  const StragglerRule all{.share = 1.0, .epochs_most = 1000};
  const auto whole = straggler_epochs(all, hospitals(10), kRun, 3);
  const std::vector<HospitalId> some{{2}, {5}, {9}};
  const auto three = straggler_epochs(all, some, kRun, 3);
  CHECK(three == std::vector<std::int64_t>{whole[2], whole[5], whole[9]});
  CHECK(straggler_epochs(all, hospitals(10), kRun, 4) != whole);
  CHECK(straggler_epochs(all, hospitals(10), make_run_key(2, 0), 3) != whole);
}

}  // namespace
}  // namespace polyclinic
