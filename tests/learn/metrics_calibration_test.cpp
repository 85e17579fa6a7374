#include <doctest/doctest.h>

#include <cmath>
#include <numbers>

#include "base/math.hpp"
#include "base/stream.hpp"
#include "learn/metrics/calibration.hpp"
#include "learn/metrics/intervals.hpp"

namespace polyclinic::metrics {
namespace {

const MetricOptions kAny{.min_events = 1};

Stream test_stream(std::uint64_t entity) {
  return {make_run_key(8, 0), Purpose::kTest, entity};
}

double normal(Stream& stream) {
  return math::normal_quantile(stream.uniform_open());
}

struct Sample {
  std::vector<double> scores;
  std::vector<double> labels;
  void add(double score, int n, int events) {
    for (int i = 0; i < n; ++i) {
      scores.push_back(score);
      labels.push_back(i < events ? 1 : 0);
    }
  }
};

// Risks of a logistic world, x ~ N(mean, sd), P(event) = expit(a + b x), predicted as expit(x).
Sample planted(Stream& stream, int n, double mean, double sd, double a, double b) {
  Sample sample;
  for (int i = 0; i < n; ++i) {
    const double x = mean + sd * normal(stream);
    sample.scores.push_back(math::sigmoid(x));
    sample.labels.push_back(stream.uniform() < math::sigmoid(a + b * x) ? 1 : 0);
  }
  return sample;
}

TEST_CASE("recalibration of two groups has a closed form") {
  // with two distinct predictions the two-parameter fit meets both shares of events exactly
  Sample s;
  s.add(0.2, 10, 4);
  s.add(0.6, 10, 7);
  const Recalibration fit = recalibrate(s.scores, s.labels);
  const double x1 = math::logit(0.2);
  const double x2 = math::logit(0.6);
  const double slope = (math::logit(0.7) - math::logit(0.4)) / (x2 - x1);
  CHECK(*fit.slope.value == doctest::Approx(slope).epsilon(1e-9));
  CHECK(fit.free_intercept == doctest::Approx(math::logit(0.4) - slope * x1).epsilon(1e-9));
  // variance of a logit of a share q of n is 1 / (n q (1 - q))
  const double se = std::sqrt(1 / (10 * 0.4 * 0.6) + 1 / (10 * 0.7 * 0.3)) / (x2 - x1);
  CHECK(fit.slope_se == doctest::Approx(se).epsilon(1e-7));
  CHECK(*fit.slope.high - *fit.slope.low == doctest::Approx(2 * normal_z(0.95) * se).epsilon(1e-7));

  // the intercept makes expected events equal observed ones
  const double a = *fit.intercept.value;
  const double p1 = math::sigmoid(a + x1);
  const double p2 = math::sigmoid(a + x2);
  CHECK(10 * p1 + 10 * p2 == doctest::Approx(11).epsilon(1e-10));
  CHECK(fit.intercept_se ==
        doctest::Approx(1 / std::sqrt(10 * p1 * (1 - p1) + 10 * p2 * (1 - p2))).epsilon(1e-9));
}

TEST_CASE("recalibration recovers planted intercept and slope") {
  Stream stream = test_stream(1);
  // 4000 patients; four standard errors leave one failure in 16,000
  const Sample s = planted(stream, 4000, -1.5, 1, 0.3, 0.7);
  const Recalibration fit = recalibrate(s.scores, s.labels);
  CHECK(std::fabs(*fit.slope.value - 0.7) < 4 * fit.slope_se);
  // the free intercept is logit P at x = 0; its standard error is at most that of the slope times
  // the distance of 0 from the mean plus that of the level
  CHECK(std::fabs(fit.free_intercept - 0.3) < 4 * (fit.intercept_se + 1.5 * fit.slope_se));
  // the model predicts too extremely around a mean below 0: too little risk overall
  CHECK(*fit.intercept.value > 0);
  CHECK(*fit.intercept.low > 0);
}

TEST_CASE("recalibration's intervals cover in a calibrated world") {
  // 600 samples of 400: three Monte-Carlo standard errors of .95 are .027; Wald intervals of about
  // 70 events are off by about .01
  Stream stream = test_stream(2);
  int slope_covered = 0;
  int intercept_covered = 0;
  constexpr int kSamples = 600;
  for (int k = 0; k < kSamples; ++k) {
    const Sample s = planted(stream, 400, -1.8, 0.9, 0, 1);
    const Recalibration fit = recalibrate(s.scores, s.labels);
    slope_covered += *fit.slope.low <= 1 && 1 <= *fit.slope.high ? 1 : 0;
    intercept_covered += *fit.intercept.low <= 0 && 0 <= *fit.intercept.high ? 1 : 0;
  }
  CHECK(std::fabs(static_cast<double>(slope_covered) / kSamples - 0.95) < 0.037);
  CHECK(std::fabs(static_cast<double>(intercept_covered) / kSamples - 0.95) < 0.037);
}

TEST_CASE("recalibration says why there is no slope") {
  Sample separated;
  separated.add(0.1, 6, 0);
  separated.add(0.4, 6, 2);  // shared value at the cut: still no finite maximum
  separated.add(0.8, 6, 6);
  const Recalibration quasi = recalibrate(separated.scores, separated.labels);
  CHECK(quasi.slope.reason == "predictions separate the classes");
  CHECK(quasi.intercept.value.has_value());

  Sample reversed;
  reversed.add(0.1, 6, 6);
  reversed.add(0.9, 6, 0);
  CHECK(recalibrate(reversed.scores, reversed.labels).slope.reason ==
        "predictions separate the classes");

  Sample constant;
  constant.add(0.25, 20, 10);
  const Recalibration flat = recalibrate(constant.scores, constant.labels);
  CHECK(flat.slope.reason == "predictions do not vary");
  // logit(1/2) - logit(1/4) = log 3
  CHECK(*flat.intercept.value == doctest::Approx(math::log(3.0)).epsilon(1e-10));

  Sample few;
  few.add(0.3, 20, 4);
  CHECK(recalibrate(few.scores, few.labels).intercept.reason == "fewer than 5 events");
  CHECK(recalibrate(few.scores, few.labels).slope.reason == "fewer than 5 events");
  few.scores[0] = 1.5;
  CHECK(recalibrate(few.scores, few.labels).slope.reason == "predictions are not probabilities");
}

TEST_CASE("recalibration converges from saturated predictions") {
  Sample s;
  s.add(0, 50, 10);
  s.add(1e-12, 50, 10);
  s.add(1, 50, 40);
  const Recalibration fit = recalibrate(s.scores, s.labels);
  REQUIRE(fit.intercept.value.has_value());
  REQUIRE(fit.slope.value.has_value());
  // two distinct logits after the floor, +-L: shares .2 and .8 give slope logit(.8) / L
  const double floor_logit = math::logit(1 - kProbabilityFloor);
  CHECK(*fit.slope.value == doctest::Approx(math::logit(0.8) / floor_logit).epsilon(1e-6));

  // all predicted near 0, half of them events
  Sample low;
  low.add(1e-7, 20, 10);
  low.add(1e-6, 20, 10);
  const Recalibration far = recalibrate(low.scores, low.labels);
  CHECK(*far.intercept.value > 10);
  CHECK(std::fabs(*far.slope.value) < 1e-6);
}

TEST_CASE("brier of two groups, by hand") {
  Sample s;
  s.add(0.2, 5, 1);
  s.add(0.8, 5, 3);
  const Brier b = brier(s.scores, s.labels);
  // (4 * .04 + 1 * .64 + 3 * .04 + 2 * .64) / 10
  CHECK(*b.score.value == doctest::Approx(0.22).epsilon(1e-14));
  CHECK(b.reliability == doctest::Approx(0.02).epsilon(1e-13));
  CHECK(b.resolution == doctest::Approx(0.04).epsilon(1e-13));
  CHECK(b.uncertainty == doctest::Approx(0.24).epsilon(1e-14));
  CHECK(std::fabs(b.within_variance) < 1e-15);
  CHECK(std::fabs(b.within_covariance) < 1e-15);
  CHECK(b.score.n == 10);
  CHECK(b.score.events == 4);
}

TEST_CASE("brier's parts sum to the score, ties or not") {
  for (std::uint64_t run = 0; run < 20; ++run) {
    Stream stream = test_stream(20 + run);
    Sample s = planted(stream, 137 + static_cast<int>(run), -1, 1.5, 0.4, 0.8);
    if (run % 2 == 0) {
      for (double& p : s.scores) p = std::floor(p * 8) / 8;
    }
    const Brier b = brier(s.scores, s.labels);
    const double sum =
        b.reliability - b.resolution + b.uncertainty + b.within_variance - b.within_covariance;
    // an identity; rounding of a few hundred terms below 1
    CHECK(std::fabs(*b.score.value - sum) < 1e-14);
    if (run % 2 == 1) CHECK(b.within_variance > 0);
  }
}

TEST_CASE("brier of several classes, by hand") {
  // row 1: truth 2 of (.2 .3 .5): .04 + .09 + .25; row 2: truth 0 of (1 0 0): 0
  const std::vector<double> scores{0.2, 0.3, 0.5, 1, 0, 0};
  const std::vector<double> labels{2, 0};
  CHECK(*brier_multiclass(scores, labels, 3).value == doctest::Approx(0.19).epsilon(1e-14));
  CHECK(brier_multiclass(scores, std::vector<double>{3, 0}, 3).reason == "labels are not classes");
}

TEST_CASE("equal-count bins keep ties together") {
  Sample s;
  for (int i = 0; i < 95; ++i) s.add(i / 100.0, 1, 0);
  s.add(0.96, 5, 5);
  const std::vector<TieGroup> groups = tie_groups(s.scores, s.labels);
  const std::vector<Bin> bins = equal_count_bins(groups, 10);
  REQUIRE(bins.size() == 10);
  for (const Bin& bin : bins) CHECK(bin.n == 10);
  CHECK(bins.back().events == 5);

  // one group of 60 of 100 in the middle (ranks 20..80, middle rank 50) goes to one bin whole
  Sample heavy;
  for (int i = 0; i < 20; ++i) heavy.add(i / 100.0, 1, 0);
  heavy.add(0.5, 60, 6);
  for (int i = 0; i < 20; ++i) heavy.add(0.6 + i / 100.0, 1, 1);
  const std::vector<Bin> few = equal_count_bins(tie_groups(heavy.scores, heavy.labels), 10);
  REQUIRE(few.size() == 5);
  CHECK(few[2].n == 60);
  CHECK(few[2].events == 6);
}

TEST_CASE("ece of two groups and its expectation, by hand") {
  Sample s;
  s.add(0.2, 5, 1);
  s.add(0.8, 5, 3);
  const CalibrationError e = expected_calibration_error(s.scores, s.labels);
  // (5 * 0 + 5 * .2) / 10
  CHECK(*e.observed.value == doctest::Approx(0.1).epsilon(1e-13));
  // de Moivre for binomial(5, .2): 2 * 2 * C(5, 2) * .2^2 * .8^4 = .65536; the same for .8
  CHECK(*e.expected.value == doctest::Approx(2 * 0.65536 / 10).epsilon(1e-12));
}

TEST_CASE("mean absolute deviation agrees with de Moivre's closed form") {
  // E |S - n p| = 2 k C(n, k) p^k (1 - p)^(n - k + 1) with k = floor(n p) + 1 (Diaconis and Zabell
  // 1991)
  struct Law {
    int n;
    double p;
  };
  for (const Law& law :
       {Law{1, 0.3}, Law{12, 0.07}, Law{40, 0.5}, Law{511, 0.5}, Law{12000, 0.0105},
        Law{2000, 0.95}, Law{700, 0.37}, Law{100000, 0.4}, Law{50000, 0.01}}) {
    const int k = static_cast<int>(std::floor(law.n * law.p)) + 1;
    const double log_choose =
        math::lgamma(law.n + 1.0) - math::lgamma(k + 1.0) - math::lgamma(law.n - k + 1.0);
    const double closed =
        2 * k *
        math::exp(log_choose + k * math::log(law.p) + (law.n - k + 1) * math::log(1 - law.p));
    const double variance = law.n * law.p * (1 - law.p);
    const double p[] = {law.p};
    const std::int64_t n[] = {law.n};
    // exact up to variance 128 (lgamma of 1e4 leaves 1e-10), the stated error above
    const double tolerance = variance <= 128 ? 1e-9 : 1 / (4 * variance);
    CAPTURE(law.n);
    CAPTURE(law.p);
    CHECK(std::fabs(mean_absolute_deviation(p, n) / closed - 1) < tolerance);
    // where the exact ends the approximation is as good as stated
    if (variance > 100) {
      CHECK(std::fabs(std::sqrt(2 * variance / std::numbers::pi) / closed - 1) <
            1 / (4 * variance));
    }
  }
}

TEST_CASE("mean absolute deviation of unequal risks, by enumeration") {
  const double p[] = {0.05, 0.3, 0.6, 0.95, 1, 0};
  const std::int64_t n[] = {1, 1, 1, 1, 1, 1};
  double mean = 0;
  for (const double q : p) mean += q;
  double expected = 0;
  for (unsigned set = 0; set < 64; ++set) {
    double probability = 1;
    double sum = 0;
    for (unsigned i = 0; i < 6; ++i) {
      const bool one = (set >> i & 1U) != 0;
      probability *= one ? p[i] : 1 - p[i];
      sum += one ? 1 : 0;
    }
    expected += probability * std::fabs(sum - mean);
  }
  CHECK(mean_absolute_deviation(p, n) == doctest::Approx(expected).epsilon(1e-14));
}

TEST_CASE("ece of a perfect model averages to its stated expectation") {
  // the risks stay, labels are drawn again: the mean over 4000 draws lies within four of its own
  // standard errors (estimated from the draws)
  Stream stream = test_stream(3);
  for (const int n : {40, 120, 1000}) {
    Sample s = planted(stream, n, math::logit(0.2), 1, 0, 1);
    double expected = 0;
    double sum = 0;
    double squares = 0;
    constexpr int kDraws = 4000;
    for (int k = 0; k < kDraws; ++k) {
      for (std::size_t i = 0; i < s.scores.size(); ++i) {
        s.labels[i] = stream.uniform() < s.scores[i] ? 1 : 0;
      }
      const CalibrationError e = expected_calibration_error(s.scores, s.labels);
      expected = *e.expected.value;
      sum += *e.observed.value;
      squares += *e.observed.value * *e.observed.value;
    }
    const double mean = sum / kDraws;
    const double se = std::sqrt((squares / kDraws - mean * mean) / kDraws);
    CAPTURE(n);
    CHECK(std::fabs(mean - expected) < 4 * se);
  }
}

TEST_CASE("the interval of ece holds the error that infinitely many patients would show") {
  // labels are drawn again from risks that the scores miss by a factor of the odds; the true error
  // in the same bins is known. 97.5 % at least on each side, less three standard errors of 2,000
  // draws (.35 % each); a bootstrap of the observed error would miss a perfect model every time
  Stream stream = test_stream(9);
  for (const double shift : {0.0, 0.3, 1.0}) {
    for (const int n : {120, 1500}) {
      Sample s = planted(stream, n, math::logit(0.2), 1, 0, 1);
      std::vector<double> risks;
      for (const double score : s.scores) {
        risks.push_back(math::sigmoid(math::logit(score) + shift));
      }
      const std::vector<TieGroup> ties = tie_groups(s.scores, risks);
      // risks by increasing score, to be summed over the bins
      std::vector<std::uint32_t> order = order_by_value(s.scores);
      double truth = 0;
      std::size_t next = 0;
      for (const Bin& bin : equal_count_bins(ties, 10)) {
        double sum = 0;
        for (std::int64_t i = 0; i < bin.n; ++i) sum += risks[order[next++]];
        truth += std::fabs(sum - bin.score_sum) / n;
      }
      int below = 0;
      int above = 0;
      constexpr int kDraws = 2000;
      for (int k = 0; k < kDraws; ++k) {
        for (std::size_t i = 0; i < s.scores.size(); ++i) {
          s.labels[i] = stream.uniform() < risks[i] ? 1 : 0;
        }
        const MetricValue e = expected_calibration_error(s.scores, s.labels).observed;
        below += truth < *e.low ? 1 : 0;
        above += truth > *e.high ? 1 : 0;
        if (k == 0) CHECK(*e.low <= *e.value);
        if (k == 0) CHECK(*e.high >= *e.value);
      }
      CAPTURE(shift);
      CAPTURE(n);
      CHECK(below <= (0.025 + 0.0105) * kDraws);
      CHECK(above <= (0.025 + 0.0105) * kDraws);
    }
  }
}

TEST_CASE("a perfect model shows an ece of .055 to .066 at 120 patients") {
  // science.md, rule 4: risks of logit-normal law with mean .12, the default prevalence, and spread
  // 1.15 to 1.6, where the risk itself has AUROC .77 to .84 (rule 3 has .77 to .81). The 120 risks
  // are the law's quantiles, so nothing is random
  for (const double spread : {1.15, 1.3, 1.6}) {
    const auto risks = [&](double centre) {
      std::vector<double> result;
      for (int i = 0; i < 120; ++i) {
        result.push_back(math::sigmoid(centre + spread * math::normal_quantile((i + 0.5) / 120)));
      }
      return result;
    };
    double low = -10;
    double high = 0;
    for (int i = 0; i < 60; ++i) {
      const double centre = (low + high) / 2;
      double sum = 0;
      for (const double p : risks(centre)) sum += p;
      (sum / 120 < 0.12 ? low : high) = centre;
    }
    const std::vector<double> scores = risks(low);
    const std::vector<double> labels(120, 0.0);
    const double expected = *expected_calibration_error(scores, labels).expected.value;
    CAPTURE(spread);
    CHECK(expected > 0.055);
    CHECK(expected < 0.066);
  }
}

TEST_CASE("bins are said in words") {
  CHECK(bins_text({}) == "10 equal-count bins, ties together");
}

}  // namespace
}  // namespace polyclinic::metrics
