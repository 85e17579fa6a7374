#include "base/copula.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "base/distribution.hpp"
#include "base/statistics.hpp"
#include "samples.hpp"

using namespace polyclinic;

TEST_CASE(
    "size with speed .6, uplink .5, prevalence .3: ranks correlate as asked, margins stay "
    "uniform") {
  const auto copula =
      GaussianCopula::make_star("size", {{"speed", 0.6}, {"uplink", 0.5}, {"prevalence", 0.3}});
  REQUIRE(copula.has_value());
  CHECK(copula->size() == 4);
  CHECK(copula->names() == std::vector<std::string>{"size", "speed", "uplink", "prevalence"});
  CHECK(copula->find("uplink") == 2);
  CHECK_FALSE(copula->find("latency").has_value());
  CHECK(copula->correlation(0, 1) == doctest::Approx(2 * std::sin(M_PI * 0.6 / 6)).epsilon(1e-14));
  CHECK(copula->correlation(1, 2) ==
        doctest::Approx(4 * std::sin(M_PI * 0.6 / 6) * std::sin(M_PI * 0.5 / 6)).epsilon(1e-14));
  CHECK(copula->correlation(3, 3) == doctest::Approx(1).epsilon(1e-14));

  // one draw at each hospital's own address
  const int n = 20'000;
  std::vector<std::vector<double>> u(4, std::vector<double>(n));
  for (int h = 0; h < n; ++h) {
    Stream stream(make_run_key(4, 0), Purpose::kTest, static_cast<std::uint64_t>(h));
    const auto draws = copula->draw(stream);
    for (std::size_t k = 0; k < 4; ++k) u[k][static_cast<std::size_t>(h)] = draws[k];
  }
  for (const auto& margin : u) {
    CHECK(samples::follows(margin, [](double x) { return x; }));
  }
  // the standard error of Spearman's rho is at most about 1 / sqrt(n); five of them
  const double allowed = 5 / std::sqrt(n);
  CHECK(std::fabs(statistics::spearman(u[0], u[1]) - 0.6) < allowed);
  CHECK(std::fabs(statistics::spearman(u[0], u[2]) - 0.5) < allowed);
  CHECK(std::fabs(statistics::spearman(u[0], u[3]) - 0.3) < allowed);
  // speed and uplink through size alone: rho = 6/pi asin(r / 2)
  const double through = 6 / M_PI * std::asin(copula->correlation(1, 2) / 2);
  CHECK(std::fabs(statistics::spearman(u[1], u[2]) - through) < allowed);

  // any law's quantile keeps the ranks, hence the correlation, exactly
  Distribution law;
  law.kind = Distribution::Kind::lognormal;
  law.a = 20;
  law.b = 0.5;
  std::vector<double> speed = u[1];
  for (double& x : speed) x = law.quantile(x);
  CHECK(statistics::spearman(u[0], speed) == statistics::spearman(u[0], u[1]));
}

TEST_CASE("a draw takes one word for each quantity and lies within (0, 1)") {
  const auto copula = GaussianCopula::make_star("size", {{"speed", -0.999}});
  REQUIRE(copula.has_value());
  Stream stream(make_run_key(4, 0), Purpose::kTest, 1);
  Stream words(make_run_key(4, 0), Purpose::kTest, 1);
  for (int i = 0; i < 1000; ++i) {
    for (double u : copula->draw(stream)) {
      CHECK(u > 0);
      CHECK(u < 1);
    }
    words.next_u64();
    words.next_u64();
  }
  CHECK(stream.next_u64() == words.next_u64());
}

TEST_CASE("make: a full matrix, and what cannot be") {
  const std::vector<double> fine{1, 0.5, 0.2, 0.5, 1, -0.4, 0.2, -0.4, 1};
  const auto copula = GaussianCopula::make(3, fine);
  REQUIRE(copula.has_value());
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < 3; ++j) {
      const double r = i == j ? 1 : 2 * std::sin(M_PI * fine[i * 3 + j] / 6);
      CHECK(copula->correlation(i, j) == doctest::Approx(r).epsilon(1e-14));
    }
  }
  // a goes with b and b with c, but a against c: no such three quantities exist
  CHECK_FALSE(
      GaussianCopula::make(3, std::vector<double>{1, 0.9, -0.9, 0.9, 1, 0.9, -0.9, 0.9, 1}));
  CHECK_FALSE(GaussianCopula::make(2, std::vector<double>{1, 1, 1, 1}));
  CHECK_FALSE(GaussianCopula::make(2, std::vector<double>{1, 0.5, 0.4, 1}));
  CHECK_FALSE(GaussianCopula::make(2, std::vector<double>{1, NAN, NAN, 1}));
  CHECK_FALSE(GaussianCopula::make(1, std::vector<double>{2}));
  CHECK_FALSE(GaussianCopula::make_star("size", {{"speed", 1.2}}));
  CHECK_FALSE(GaussianCopula::make_star("size", {{"speed", 1.0}}));
  CHECK(GaussianCopula::make_star("size", {})->size() == 1);
}
