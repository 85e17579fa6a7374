#include "base/distribution.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "base/math.hpp"
#include "samples.hpp"

using namespace polyclinic;
using Kind = Distribution::Kind;

namespace {

Distribution make(Kind kind, double a, double b = 0) {
  Distribution d;
  d.kind = kind;
  d.a = a;
  d.b = b;
  return d;
}

struct Law {
  Distribution distribution;
  std::function<double(double)> cdf;
  double mean;
};

std::vector<Law> continuous_laws() {
  const auto phi = [](double z) { return math::normal_cdf(z); };
  return {
      {make(Kind::uniform, 2, 5), [](double x) { return (x - 2) / 3; }, 3.5},
      {make(Kind::normal, -1, 2), [=](double x) { return phi((x + 1) / 2); }, -1},
      {make(Kind::lognormal, 600, 0.6), [=](double x) { return phi(std::log(x / 600) / 0.6); },
       600 * std::exp(0.18)},
      {make(Kind::logit_normal, 0.5, 1.2),
       [=](double x) { return phi(std::log(x / (1 - x)) / 1.2); }, 0.5},  // by symmetry
      {make(Kind::gamma, 0.7, 3), [](double x) { return math::gamma_p(0.7, x / 3); }, 2.1},
      {make(Kind::beta, 2, 6), [](double x) { return math::beta_i(2, 6, x); }, 0.25},
      {make(Kind::exponential, 4), [](double x) { return -std::expm1(-x / 4); }, 4},
      {make(Kind::weibull, 2, 3), [](double x) { return -std::expm1(-x * x / 9); },
       3 * std::sqrt(M_PI) / 2},
  };
}

}  // namespace

TEST_CASE("quantile inverts each law's cdf, is monotone, and the mean is the law's") {
  for (const Law& law : continuous_laws()) {
    CAPTURE(to_text(law.distribution));
    double before = -std::numeric_limits<double>::infinity();
    for (int i = 1; i < 400; ++i) {
      const double u = i / 400.0;
      const double x = law.distribution.quantile(u);
      CHECK(x >= before);
      before = x;
      // the reference's rounding: the argument's few ulp times a density of order one
      CHECK(std::fabs(law.cdf(x) - u) < 1e-13);
    }
    CHECK(law.distribution.mean() == doctest::Approx(law.mean).epsilon(1e-12));
  }
}

TEST_CASE("draw follows the law and takes exactly one word, whatever the law") {
  auto laws = continuous_laws();
  std::uint64_t entity = 1;
  for (const Law& law : laws) {
    CAPTURE(to_text(law.distribution));
    Stream stream(make_run_key(12, 0), Purpose::kTest, entity);
    Stream words(make_run_key(12, 0), Purpose::kTest, entity++);
    std::vector<double> sample(4000);
    for (double& x : sample) {
      x = law.distribution.draw(stream);
      words.next_u64();
    }
    CHECK(stream.next_u64() == words.next_u64());
    CHECK(samples::follows(sample, law.cdf));
  }
}

TEST_CASE("poisson: the smallest count whose cdf reaches u") {
  for (double mean : {0.01, 1.0, 7.5, 200.0, 1e5}) {
    const Distribution d = make(Kind::poisson, mean);
    CAPTURE(mean);
    for (double u : {1e-12, 0.001, 0.2, 0.5, 0.9, 0.999, 1 - 1e-12}) {
      const double k = d.quantile(u);
      CHECK(math::gamma_q(k + 1, mean) >= u);
      if (k > 0) CHECK(math::gamma_q(k, mean) < u);
    }
    CHECK(d.mean() == mean);
  }
  // P(X <= 0) = exp(-1) = 0.3679 for mean 1
  CHECK(make(Kind::poisson, 1).quantile(0.3678) == 0);
  CHECK(make(Kind::poisson, 1).quantile(0.3680) == 1);
  CHECK(make(Kind::poisson, 0).quantile(0.99) == 0);
  // far beyond counting: within a relative 1e-9 of mean + z sd
  const double large = make(Kind::poisson, 1e12).quantile(0.975);
  CHECK(std::fabs(large / (1e12 + 1.959963984540054e6) - 1) < 1e-9);
}

TEST_CASE("choice: shares as weighted, quantile in the order of the values") {
  Distribution d = make(Kind::choice, 0);
  d.values = {30, 10, 20};
  d.weights = {0.5, 0.2, 0.3};
  CHECK(d.quantile(0.1) == 10);
  CHECK(d.quantile(0.4) == 20);
  CHECK(d.quantile(0.51) == 30);
  CHECK(d.quantile(1 - 1e-16) == 30);
  CHECK(d.mean() == doctest::Approx(23).epsilon(1e-15));
  Stream stream(make_run_key(12, 0), Purpose::kTest, 50);
  std::vector<double> counts(3);
  for (int i = 0; i < 10'000; ++i) ++counts[static_cast<std::size_t>(d.draw(stream) / 10 - 1)];
  CHECK(samples::fits(counts, {2000, 3000, 5000}));
}

TEST_CASE("constant, and limits that move what lies beyond them") {
  CHECK(Distribution::constant(7).quantile(0.3) == 7);
  CHECK(Distribution::constant(7, Dimension::time).mean() == 7);
  Distribution d = make(Kind::normal, 0, 1);
  d.low = -1;
  d.high = 2;
  CHECK(d.quantile(0.001) == -1);
  CHECK(d.quantile(0.5) == 0);
  CHECK(d.quantile(0.999) == 2);
  // E[min(max(Z, l), h)] = l Phi(l) + phi(l) - phi(h) + h (1 - Phi(h)); the trapezoid rule of
  // mean() is wrong by at most step^2 / 12 times the densities at the two kinks
  const auto density = [](double z) { return std::exp(-z * z / 2) / std::sqrt(2 * M_PI); };
  const double exact = -math::normal_cdf(-1) + density(-1) - density(2) + 2 * math::normal_cdf(-2);
  CHECK(std::fabs(d.mean() - exact) < 1e-6);

  Distribution p = make(Kind::poisson, 1);
  p.low = 1;
  // E[max(X, 1)] = 1 + exp(-1)
  CHECK(p.mean() == doctest::Approx(1 + std::exp(-1)).epsilon(1e-13));
  Distribution c = Distribution::constant(7);
  c.high = 5;
  CHECK(c.mean() == 5);
}

TEST_CASE("the mean of an asymmetric logit-normal agrees with a fine average of its quantiles") {
  const Distribution d = make(Kind::logit_normal, 0.1, 0.8);
  double sum = 0;
  const int n = 100'000;
  for (int i = 0; i < n; ++i) sum += d.quantile((i + 0.5) / n);
  // the midpoint rule on quantiles between 0 and 1 is wrong by less than 1 / n
  CHECK(std::fabs(d.mean() - sum / n) < 1.0 / n);
}

TEST_CASE("to_text writes a distribution as a scenario would") {
  Distribution d = make(Kind::lognormal, 600, 0.6);
  CHECK(to_text(d) == "lognormal { median = 600, spread = 0.6 }");
  d.dimension = Dimension::time;
  d.a = 40e6;
  d.low = 1e6;
  CHECK(to_text(d) == "lognormal { median = 40 ms, spread = 0.6, low = 1 ms }");
  CHECK(to_text(Distribution::constant(2.5e6, Dimension::bandwidth)) == "20 Mbit/s");
  CHECK(to_text(make(Kind::exponential, 3)) == "exponential { mean = 3 }");
  Distribution g = make(Kind::gamma, 2, 5e9);
  g.dimension = Dimension::speed;
  CHECK(to_text(g) == "gamma { shape = 2, scale = 5 GFLOP/s }");
  Distribution c = make(Kind::choice, 0);
  c.values = {1, 2};
  c.weights = {0.25, 0.75};
  CHECK(to_text(c) == "choice { 1 with 0.25, 2 with 0.75 }");
  CHECK(kind_name(Kind::beta) == "beta");
}
