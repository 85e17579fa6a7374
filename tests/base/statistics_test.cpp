#include "base/statistics.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "base/draw.hpp"

using namespace polyclinic;
using doctest::Approx;
using Sample = std::vector<double>;

TEST_CASE("mean, variance, sd by hand") {
  const Sample s{2, 4, 4, 4, 5, 5, 7, 9};  // mean 5, squared distances sum to 32
  CHECK(statistics::mean(s) == 5);
  CHECK(statistics::variance(s) == Approx(32.0 / 7).epsilon(1e-15));
  CHECK(statistics::sd(s) == Approx(std::sqrt(32.0 / 7)).epsilon(1e-15));
  CHECK(std::isnan(statistics::mean(Sample{})));
  CHECK(std::isnan(statistics::sd(Sample{3})));
  CHECK(statistics::mean(Sample{3}) == 3);
  // two passes: a large offset does not cancel
  CHECK(statistics::variance(Sample{1e9 + 1, 1e9 + 2, 1e9 + 3}) == 1);
}

TEST_CASE("quantile of type 7 by hand") {
  const Sample s{40, 10, 20, 30};  // place of p: 3 p
  CHECK(statistics::quantile(s, 0) == 10);
  CHECK(statistics::quantile(s, 1) == 40);
  CHECK(statistics::quantile(s, 0.25) == 17.5);
  CHECK(statistics::median(s) == 25);
  CHECK(statistics::median(Sample{3, 1, 2}) == 2);
  CHECK(statistics::median(Sample{7}) == 7);
  CHECK(std::isnan(statistics::median(Sample{})));
  CHECK(statistics::quantiles(s, Sample{0.25, 0.5}) == Sample{17.5, 25});
}

TEST_CASE("ranks with ties are mid-ranks") {
  CHECK(statistics::ranks(Sample{10, 20, 20, 5, 20}) == Sample{2, 4, 4, 1, 4});
  CHECK(statistics::ranks(Sample{1, 1}) == Sample{1.5, 1.5});
  CHECK(statistics::ranks(Sample{}).empty());
}

TEST_CASE("correlations") {
  const Sample x{1, 2, 3, 4, 5};
  CHECK(statistics::pearson(x, Sample{2, 4, 6, 8, 10}) == Approx(1).epsilon(1e-15));
  CHECK(statistics::pearson(x, Sample{5, 4, 3, 2, 1}) == Approx(-1).epsilon(1e-15));
  // products around the means 3 and 3: 6; squares 10 and 10
  CHECK(statistics::pearson(x, Sample{1, 3, 2, 5, 4}) == Approx(0.8).epsilon(1e-15));
  CHECK(std::isnan(statistics::pearson(x, Sample{1, 1, 1, 1, 1})));
  CHECK(std::isnan(statistics::pearson(Sample{1}, Sample{2})));
  // any increasing function keeps ranks
  CHECK(statistics::spearman(x, Sample{1, 10, 100, 1e5, 1e9}) == Approx(1).epsilon(1e-15));
  // without ties rho = 1 - 6 sum d^2 / (n (n^2 - 1)): d = 0, 1, 1, 1, 1 -> 1 - 24 / 120
  CHECK(statistics::spearman(x, Sample{1, 3, 2, 5, 4}) == Approx(0.8).epsilon(1e-15));
  // with a tie, Pearson of (1, 2, 3) and (1, 2.5, 2.5): 1.5 / sqrt(2 * 1.5)
  CHECK(statistics::spearman(Sample{1, 2, 3}, Sample{0, 7, 7}) ==
        Approx(1.5 / std::sqrt(3.0)).epsilon(1e-15));
}

TEST_CASE("student_interval: by hand, and its coverage") {
  // n = 4, mean 5, sd sqrt(20/3); t(0.975, 3) = 3.182446 (table)
  const auto interval = statistics::student_interval(Sample{2, 4, 6, 8});
  const double reach = 3.182446305284263 * std::sqrt(20.0 / 3) / 2;
  CHECK(interval.low == Approx(5 - reach).epsilon(1e-12));
  CHECK(interval.high == Approx(5 + reach).epsilon(1e-12));
  CHECK(std::isnan(statistics::student_interval(Sample{1}).low));

  Stream stream(make_run_key(3, 0), Purpose::kTest, 1);
  int covered = 0;
  const int n = 4000;
  for (int i = 0; i < n; ++i) {
    Sample s(5);
    for (double& x : s) x = draw::normal(stream, 10, 3);
    const auto ci = statistics::student_interval(s, 0.9);
    covered += ci.low <= 10 && 10 <= ci.high ? 1 : 0;
  }
  // five standard errors of a share of 0.9
  CHECK(std::fabs(covered / static_cast<double>(n) - 0.9) < 5 * std::sqrt(0.09 / n));
}

TEST_CASE("fit_line: slope, intercept and standard error by hand") {
  // y = 1, 3, 2 at x = 0, 1, 2: slope 1/2, intercept 3/2, residuals -1/2, 1, -1/2: 1.5 / 1 / 2
  const auto line = statistics::fit_line(Sample{0, 1, 2}, Sample{1, 3, 2});
  CHECK(line.slope == Approx(0.5).epsilon(1e-15));
  CHECK(line.intercept == Approx(1.5).epsilon(1e-15));
  CHECK(line.slope_se == Approx(std::sqrt(0.75)).epsilon(1e-15));
  CHECK(line.n == 3);

  const auto two = statistics::fit_line(Sample{0, 2}, Sample{1, 5});
  CHECK(two.slope == 2);
  CHECK(two.intercept == 1);
  CHECK(std::isnan(two.slope_se));
  CHECK(std::isnan(statistics::fit_line(Sample{3, 3}, Sample{1, 5}).slope));
  CHECK(std::isnan(statistics::fit_line(Sample{}, Sample{}).slope));
  // an exact line with a large offset has no error
  const auto exact = statistics::fit_line(Sample{1e6, 1e6 + 1, 1e6 + 2}, Sample{10, 13, 16});
  CHECK(exact.slope == 3);
  CHECK(exact.slope_se == 0);
}

TEST_CASE("Clopper and Pearson's interval: published values, closed forms, coverage") {
  // 0 of 10: 1 - .025^(1/10); 5 of 10 as every table of it has it
  const statistics::Interval none = statistics::clopper_pearson(0, 10);
  CHECK(none.low == 0);
  CHECK(none.high == Approx(1 - std::pow(0.025, 0.1)).epsilon(1e-12));
  CHECK(none.high == Approx(0.3085).epsilon(2e-4));
  const statistics::Interval half = statistics::clopper_pearson(5, 10);
  CHECK(half.low == Approx(0.1871).epsilon(3e-4));
  CHECK(half.high == Approx(0.8129).epsilon(1e-4));
  const statistics::Interval all = statistics::clopper_pearson(10, 10, 0.9);
  CHECK(all.low == Approx(std::pow(0.05, 0.1)).epsilon(1e-12));
  CHECK(all.high == 1);
  // successes and failures change places
  const statistics::Interval three = statistics::clopper_pearson(3, 40, 0.99);
  const statistics::Interval others = statistics::clopper_pearson(37, 40, 0.99);
  CHECK(three.low == Approx(1 - others.high).epsilon(1e-12));
  CHECK(three.high == Approx(1 - others.low).epsilon(1e-12));
  // P(X >= 3 | low) = P(X <= 3 | high) = .005, summed term by term
  const auto at_most = [](int k, double p) {
    double term = std::pow(1 - p, 40);
    double sum = term;
    for (int i = 1; i <= k; ++i) sum += term *= (41.0 - i) / i * p / (1 - p);
    return sum;
  };
  CHECK(1 - at_most(2, three.low) == Approx(0.005).epsilon(1e-9));
  CHECK(at_most(3, three.high) == Approx(0.005).epsilon(1e-9));
}
