// System: what an update from an old version counts, and who is invited next. Expectation: the
// formulas of the papers; draws that are uniform among those that are up, whoever is down.
#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <set>
#include <vector>

#include "fed/idle_pool.hpp"
#include "fed/staleness.hpp"

namespace polyclinic {
namespace {

StalenessRule rule(StalenessRule::Kind kind, double a, double b = 0) {
  StalenessRule made;
  made.kind = kind;
  made.a = a;
  made.b = b;
  return made;
}

TEST_CASE("staleness weighs as Xie et al. 2019 and Nguyen et al. 2022 write") {
  using Kind = StalenessRule::Kind;
  for (std::int64_t s = 0; s < 30; ++s) {
    const auto x = static_cast<double>(s);
    CHECK(rule(Kind::constant, 0).factor(s) == 1);
    // 1 / sqrt(1 + s); both sides within some ulp
    CHECK(rule(Kind::polynomial, 0.5).factor(s) ==
          doctest::Approx(1 / std::sqrt(1 + x)).epsilon(1e-14));
    CHECK(rule(Kind::polynomial, 2).factor(s) ==
          doctest::Approx(1 / ((1 + x) * (1 + x))).epsilon(1e-14));
    const double hinge = s <= 4 ? 1 : 1 / (10 * (x - 4) + 1);
    CHECK(rule(Kind::hinge, 10, 4).factor(s) == hinge);
  }
  CHECK(rule(Kind::polynomial, 0.5).factor(0) == 1);  // exactly: nothing is stale
}

std::vector<HospitalId> hospitals(std::uint32_t n) {
  std::vector<HospitalId> ids;
  for (std::uint32_t i = 0; i < n; ++i) ids.push_back(HospitalId{i});
  return ids;
}

TEST_CASE("whoever is up and idle is equally likely, and is not drawn twice") {
  // of ten the even ones are down until second 5
  const auto next_up = [](HospitalId id, TimeNs now) {
    const TimeNs back{5 * kNsPerSecond};
    return id.value % 2 == 0 && now < back ? back : now;
  };
  std::map<std::uint32_t, int> first;
  constexpr int kRuns = 5000;
  for (int run = 0; run < kRuns; ++run) {
    IdlePool pool(RunKey{static_cast<std::uint64_t>(run)}, hospitals(10), next_up);
    std::set<std::uint32_t> seen;
    for (int i = 0; i < 5; ++i) {
      const auto drawn = pool.take(TimeNs{0});
      REQUIRE(drawn);
      if (i == 0) ++first[drawn->value];
      CHECK(drawn->value % 2 == 1);
      CHECK(seen.insert(drawn->value).second);
    }
    CHECK(!pool.take(TimeNs{0}));
    CHECK(pool.next_return() == TimeNs{5 * kNsPerSecond});
    int later = 0;
    while (pool.take(pool.any() ? TimeNs{5 * kNsPerSecond} : TimeNs{0})) ++later;
    CHECK(later == 5);
  }
  // 1,000 each expected; the standard deviation is sqrt(5000 * .2 * .8) = 28, five of them 141
  for (const auto& [id, count] : first) CHECK(std::abs(count - kRuns / 5) < 141);
}

TEST_CASE(
    "who was put back can be drawn again from its time on; who never comes back is forgotten") {
  const auto next_up = [](HospitalId id, TimeNs now) { return id.value == 0 ? kNever : now; };
  IdlePool pool(RunKey{7}, hospitals(2), next_up);
  const auto drawn = pool.take(TimeNs{0});
  REQUIRE(drawn);
  CHECK(drawn->value == 1);
  pool.put_back(*drawn, TimeNs{100});
  CHECK(!pool.take(TimeNs{99}));
  CHECK(pool.take(TimeNs{100}));
  CHECK(!pool.take(TimeNs{1000}));
  CHECK(!pool.any());
  CHECK(pool.next_return() == kNever);
}

TEST_CASE("the same draws for the same run, others for another") {
  const auto next_up = [](HospitalId, TimeNs now) { return now; };
  const auto order = [&](std::uint64_t key) {
    IdlePool pool(RunKey{key}, hospitals(50), next_up);
    std::vector<std::uint32_t> ids;
    while (const auto drawn = pool.take(TimeNs{0})) ids.push_back(drawn->value);
    return ids;
  };
  CHECK(order(1) == order(1));
  CHECK(order(1) != order(2));
}

}  // namespace
}  // namespace polyclinic
