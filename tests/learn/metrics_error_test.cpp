#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "base/math.hpp"
#include "base/stream.hpp"
#include "learn/metrics/error.hpp"
#include "learn/metrics/intervals.hpp"

namespace polyclinic::metrics {
namespace {

TEST_CASE("log_loss, by hand, with its floor") {
  const std::vector<double> scores{0.5, 0.25, 1, 0};
  const std::vector<double> labels{1, 0, 1, 1};
  // log 2, -log .75, -log(1 - 1e-7), and a certain error costs -log 1e-7
  const double expected =
      (math::log(2.0) - math::log(0.75) - math::log1p(-1e-7) - math::log(1e-7)) / 4;
  const MetricValue v = log_loss(scores, labels);
  CHECK(*v.value == doctest::Approx(expected).epsilon(1e-14));
  CHECK(v.events == 3);
  CHECK(*v.low >= 0);
  // a float next to 1 counts like 1
  const std::vector<float> nearly{0.5F, 0.25F, 1 - 5.9604645e-8F, 0};
  CHECK(*log_loss(nearly, labels).value == *v.value);
}

TEST_CASE("cross_entropy, by hand") {
  const std::vector<double> scores{0.2, 0.3, 0.5, 1, 0, 0};
  const std::vector<double> labels{1, 2};
  const MetricValue v = cross_entropy(scores, labels, 3);
  CHECK(*v.value == doctest::Approx((-math::log(0.3) - math::log(1e-7)) / 2).epsilon(1e-14));
  const std::vector<double> broken{0.2, 0.3, 0.5, std::nan(""), 0, 0};
  CHECK(cross_entropy(broken, labels, 3).reason == "predictions are not finite");
}

TEST_CASE("squared and absolute errors, by hand, with t intervals") {
  const std::vector<double> scores{1, 2, 3, 4};
  const std::vector<double> labels{1, 3, 3, 1};
  // squares 0 1 0 9: mean 2.5, sample variance 18.3333, t(.975, 3) = 3.182446
  const MetricValue mse = mean_squared_error(scores, labels);
  CHECK(*mse.value == 2.5);
  const double se = std::sqrt((6.25 + 2.25 + 6.25 + 42.25) / 3 / 4);
  CHECK(*mse.high == doctest::Approx(2.5 + 3.182446305 * se).epsilon(1e-8));
  CHECK(*mse.low == 0);  // cut at 0
  const MetricValue root = rmse(scores, labels);
  CHECK(*root.value == std::sqrt(2.5));
  CHECK(*root.high == std::sqrt(*mse.high));
  CHECK(*mean_absolute_error(scores, labels).value == 1);
  CHECK(mean_absolute_error(std::vector<double>{2}, std::vector<double>{1}).low == std::nullopt);
}

TEST_CASE("errors of counts, by hand") {
  const std::vector<double> expected{0.5, 2, 3};
  const std::vector<double> seen{0, 2, 6};
  // 2 (0 + .5), 0, 2 (6 log 2 - 3)
  CHECK(*poisson_deviance(expected, seen).value ==
        doctest::Approx((1 + 0 + 2 * (6 * math::log(2.0) - 3)) / 3).epsilon(1e-13));
  CHECK(
      *poisson_loss(expected, seen).value ==
      doctest::Approx((0.5 + 2 - 2 * math::log(2.0) + 3 - 6 * math::log(3.0)) / 3).epsilon(1e-13));
  CHECK(poisson_deviance(std::vector<double>{0, 1, 1}, seen).reason ==
        "expected counts are not above 0");
  CHECK(poisson_loss(expected, std::vector<double>{-1, 1, 1}).reason == "labels are not counts");
  CHECK(rmse(expected, std::vector<double>{1, 1, std::numeric_limits<double>::infinity()}).reason ==
        "labels are not finite");
}

TEST_CASE("t intervals of a mean error cover") {
  // absolute errors of N(0, 1): mean sqrt(2 / pi) = .797885; 2000 samples of 30; three Monte-Carlo
  // standard errors are .015, skewness at n = 30 costs about .01
  Stream stream(make_run_key(9, 0), Purpose::kTest, 1);
  int covered = 0;
  constexpr int kSamples = 2000;
  for (int k = 0; k < kSamples; ++k) {
    std::vector<double> scores;
    for (int i = 0; i < 30; ++i) scores.push_back(math::normal_quantile(stream.uniform_open()));
    const std::vector<double> zeros(30, 0.0);
    const MetricValue v = mean_absolute_error(scores, zeros);
    covered += *v.low <= 0.797884561 && 0.797884561 <= *v.high ? 1 : 0;
  }
  CHECK(std::fabs(static_cast<double>(covered) / kSamples - 0.95) < 0.025);
}

}  // namespace
}  // namespace polyclinic::metrics
