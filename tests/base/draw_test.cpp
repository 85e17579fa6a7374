#include "base/draw.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "base/math.hpp"
#include "samples.hpp"

using namespace polyclinic;

namespace {

constexpr int kCount = 20'000;
const RunKey kRun = make_run_key(11, 0);

template <class Draw>
std::vector<double> sample_of(std::uint64_t entity, const Draw& draw) {
  Stream stream(kRun, Purpose::kTest, entity);
  std::vector<double> sample(kCount);
  for (double& x : sample) x = static_cast<double>(draw(stream));
  return sample;
}

}  // namespace

TEST_CASE("draws follow their laws (Kolmogorov and Smirnov) and have their moments") {
  using namespace draw;
  SUBCASE("uniform") {
    const auto s = sample_of(1, [](Stream& r) { return uniform(r, -2, 4); });
    CHECK(samples::follows(s, [](double x) { return (x + 2) / 6; }));
    CHECK(samples::has_moments(s, 1, 3, 16.2));  // (b-a)^2/12, (b-a)^4/80
  }
  SUBCASE("normal") {
    const auto s = sample_of(2, [](Stream& r) { return normal(r, 3, 2); });
    CHECK(samples::follows(s, [](double x) { return math::normal_cdf((x - 3) / 2); }));
    CHECK(samples::has_moments(s, 3, 4, 48));
  }
  SUBCASE("lognormal") {
    const auto s = sample_of(3, [](Stream& r) { return lognormal(r, 600, 0.6); });
    CHECK(samples::follows(s, [](double x) { return math::normal_cdf(std::log(x / 600) / 0.6); }));
  }
  SUBCASE("exponential") {
    const auto s = sample_of(4, [](Stream& r) { return exponential(r, 5); });
    CHECK(samples::follows(s, [](double x) { return -std::expm1(-x / 5); }));
    CHECK(samples::has_moments(s, 5, 25, 9 * 625));
  }
  SUBCASE("weibull") {
    const auto s = sample_of(5, [](Stream& r) { return weibull(r, 1.5, 3); });
    CHECK(samples::follows(s, [](double x) { return -std::expm1(-std::pow(x / 3, 1.5)); }));
  }
}

TEST_CASE("gamma and beta draws, also for shapes below one") {
  using namespace draw;
  for (double shape : {0.05, 0.5, 1.0, 2.5, 40.0}) {
    CAPTURE(shape);
    const auto s = sample_of(10, [=](Stream& r) { return gamma(r, shape, 2); });
    CHECK(samples::follows(s, [=](double x) { return math::gamma_p(shape, x / 2); }));
    // fourth central moment of a gamma law: scale^4 * 3 shape (shape + 2)
    CHECK(samples::has_moments(s, shape * 2, shape * 4, 16 * 3 * shape * (shape + 2)));
  }
  const double shapes[][2] = {{0.5, 0.5}, {2, 3}, {0.1, 4}, {30, 20}};
  for (const auto& [a, b] : shapes) {
    CAPTURE(a);
    const auto s = sample_of(11, [a = a, b = b](Stream& r) { return beta(r, a, b); });
    CHECK(samples::follows(s, [a = a, b = b](double x) { return math::beta_i(a, b, x); }));
  }
}

TEST_CASE("poisson draws fit their probabilities on both sides of the change of method") {
  for (double mean : {0.3, 4.0, 9.9, 10.0, 30.0, 1000.0}) {
    CAPTURE(mean);
    const auto s = sample_of(20, [=](Stream& r) { return draw::poisson(r, mean); });
    // cells of an expectation of at least 10, the tails pooled
    std::vector<double> counts;
    std::vector<double> expected;
    double below = 0;
    double pooled = 0;
    std::vector<double> upper_ends;
    for (double k = 0; below < 1 - 12.0 / kCount; k += 1) {
      const double p = math::gamma_term(k, mean);
      below += p;
      pooled += p * kCount;
      if (pooled < 10 || below > 1 - 12.0 / kCount) continue;
      expected.push_back(pooled);
      upper_ends.push_back(k);
      pooled = 0;
    }
    expected.push_back(kCount - std::accumulate(expected.begin(), expected.end(), 0.0));
    counts.assign(expected.size(), 0);
    for (double x : s) {
      ++counts[static_cast<std::size_t>(std::lower_bound(upper_ends.begin(), upper_ends.end(), x) -
                                        upper_ends.begin())];
    }
    CHECK(samples::fits(counts, expected));
    CHECK(samples::has_moments(s, mean, mean, mean + 3 * mean * mean));
  }
  Stream stream(kRun, Purpose::kTest, 21);
  CHECK(draw::poisson(stream, 0) == 0);
}

TEST_CASE("bernoulli and categorical") {
  const auto s = sample_of(30, [](Stream& r) { return draw::bernoulli(r, 0.3) ? 1 : 0; });
  CHECK(samples::has_moments(s, 0.3, 0.21, 0.21 * 0.37));
  Stream stream(kRun, Purpose::kTest, 31);
  for (int i = 0; i < 100; ++i) {
    CHECK_FALSE(draw::bernoulli(stream, 0));
    CHECK(draw::bernoulli(stream, 1));
  }
  const std::vector<double> weights{1, 0, 3, 6};
  std::vector<double> counts(4);
  for (int i = 0; i < kCount; ++i) ++counts[draw::categorical(stream, weights)];
  CHECK(counts[1] == 0);
  CHECK(
      samples::fits({counts[0], counts[2], counts[3]}, {kCount * 0.1, kCount * 0.3, kCount * 0.6}));
  const std::vector<double> last_is_zero{0, 2, 0};
  for (int i = 0; i < 100; ++i) CHECK(draw::categorical(stream, last_is_zero) == 1);
}

TEST_CASE(
    "dirichlet: points of the simplex whose coordinates are beta, also for tiny concentrations") {
  const std::vector<double> concentration{0.5, 2, 4.5};
  std::vector<std::vector<double>> coordinates(3);
  Stream stream(kRun, Purpose::kTest, 40);
  std::vector<double> point(3);
  for (int i = 0; i < kCount; ++i) {
    draw::dirichlet(stream, concentration, point);
    REQUIRE(std::fabs(point[0] + point[1] + point[2] - 1) < 1e-15);
    for (std::size_t k = 0; k < 3; ++k) coordinates[k].push_back(point[k]);
  }
  for (std::size_t k = 0; k < 3; ++k) {
    const double a = concentration[k];
    CHECK(samples::follows(coordinates[k], [=](double x) { return math::beta_i(a, 7 - a, x); }));
  }
  const std::vector<double> tiny(10, 0.001);
  std::vector<double> ten(10);
  for (int i = 0; i < 1000; ++i) {
    draw::dirichlet(stream, tiny, ten);
    REQUIRE(std::fabs(std::accumulate(ten.begin(), ten.end(), 0.0) - 1) < 1e-14);
  }
}

TEST_CASE("shuffle: each of the 24 orders of four items equally often") {
  Stream stream(kRun, Purpose::kTest, 50);
  std::vector<double> counts(256);
  for (int i = 0; i < kCount; ++i) {
    std::vector<std::int32_t> items{0, 1, 2, 3};
    draw::shuffle(stream, items);
    ++counts[static_cast<std::size_t>(items[0] * 64 + items[1] * 16 + items[2] * 4 + items[3])];
  }
  std::erase(counts, 0.0);
  CHECK(counts.size() == 24);
  CHECK(samples::fits(counts, std::vector<double>(24, kCount / 24.0)));
}

TEST_CASE("sample without replacement: every subset equally often, sorted, distinct") {
  Stream stream(kRun, Purpose::kTest, 51);
  std::vector<double> counts(64);
  for (int i = 0; i < kCount; ++i) {
    const auto s = draw::sample(stream, 6, 3);
    REQUIRE(s.size() == 3);
    REQUIRE((s[0] < s[1] && s[1] < s[2]));
    ++counts[static_cast<std::size_t>((1 << s[0]) | (1 << s[1]) | (1 << s[2]))];
  }
  std::erase(counts, 0.0);
  CHECK(counts.size() == 20);  // 6 choose 3
  CHECK(samples::fits(counts, std::vector<double>(20, kCount / 20.0)));
  CHECK(draw::sample(stream, 5, 5) == std::vector<std::int32_t>{0, 1, 2, 3, 4});
  CHECK(draw::sample(stream, 5, 0).empty());
  CHECK(draw::sample(stream, 2'000'000'000, 2).size() == 2);
}

TEST_CASE("sample with replacement: every item equally often") {
  Stream stream(kRun, Purpose::kTest, 52);
  std::vector<double> counts(9);
  const auto s = draw::sample_with_replacement(stream, 9, kCount);
  REQUIRE(s.size() == kCount);
  for (auto i : s) ++counts.at(static_cast<std::size_t>(i));
  CHECK(samples::fits(counts, std::vector<double>(9, kCount / 9.0)));
}
