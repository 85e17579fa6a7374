#include <doctest/doctest.h>

#include <cmath>

#include "base/stream.hpp"
#include "learn/metrics/intervals.hpp"
#include "learn/metrics/threshold.hpp"

namespace polyclinic::metrics {
namespace {

MetricOptions at(double threshold) {
  return {.threshold = threshold, .min_events = 1};
}

const std::vector<double> kScores{0.9, 0.7, 0.5, 0.5, 0.5, 0.3, 0.2, 0.1};
const std::vector<double> kLabels{1, 1, 1, 0, 0, 1, 0, 0};

TEST_CASE("a score at the threshold predicts the event") {
  // at .5: TP .9 .7 .5, FN .3, FP two at .5, TN .2 .1
  const Confusion table = confusion(kScores, kLabels, 0.5);
  CHECK(table.true_positive == 3);
  CHECK(table.false_negative == 1);
  CHECK(table.false_positive == 2);
  CHECK(table.true_negative == 2);
  CHECK(*accuracy(kScores, kLabels, at(0.5)).value == 5.0 / 8.0);
  CHECK(*sensitivity(kScores, kLabels, at(0.5)).value == 0.75);
  CHECK(*specificity(kScores, kLabels, at(0.5)).value == 0.5);
  CHECK(*balanced_accuracy(kScores, kLabels, at(0.5)).value == 0.625);
  CHECK(*f1(kScores, kLabels, at(0.5)).value == doctest::Approx(6.0 / 9.0).epsilon(1e-15));
  CHECK(*f1(kScores, kLabels, at(0.5)).threshold == 0.5);
  // just above .5 all three ties fall
  CHECK(confusion(kScores, kLabels, 0.51).true_positive == 2);
  CHECK(confusion(kScores, kLabels, 0.51).true_negative == 4);
}

TEST_CASE("the threshold for a sensitivity is the largest that reaches it") {
  CHECK(*threshold_for_sensitivity(kScores, kLabels, 0.5) == 0.7);
  CHECK(*threshold_for_sensitivity(kScores, kLabels, 0.75) == 0.5);
  CHECK(*threshold_for_sensitivity(kScores, kLabels, 0.8) == 0.3);
  CHECK(*threshold_for_sensitivity(kScores, kLabels, 1) == 0.3);
  CHECK(threshold_for_sensitivity(kScores, std::vector<double>(8, 0.0)) == std::nullopt);

  // .8 of 5 events is 4, whatever .8 * 5 rounds to
  const std::vector<double> five{5, 4, 3, 2, 1};
  const std::vector<double> all(5, 1.0);
  CHECK(*threshold_for_sensitivity(five, all) == 2);

  // floats: the found threshold admits the very score it came from
  const std::vector<float> floats{0.1F, 0.2F, 0.7F, 0.8F};
  const std::vector<float> labels{0, 1, 1, 1};
  const double t = *threshold_for_sensitivity(floats, labels, 0.66);
  CHECK(confusion(floats, labels, t).true_positive == 2);
}

TEST_CASE("wilson intervals of published examples") {
  // Newcombe 1998, table I, method 3: 81/263, 15/148, 0/20, 1/29
  struct Example {
    double r, n, low, high;
  };
  for (const Example& e : {Example{81, 263, 0.2553, 0.3662}, Example{15, 148, 0.0624, 0.1605},
                           Example{0, 20, 0, 0.1611}, Example{1, 29, 0.0061, 0.1718}}) {
    const Limits limits = wilson(e.r, e.n, 0.95);
    CHECK(std::fabs(limits.low - e.low) < 0.00005);
    CHECK(std::fabs(limits.high - e.high) < 0.00005);
  }
  CHECK(wilson(20, 20, 0.95).high == 1);
}

TEST_CASE("intervals of decisions follow their formulas") {
  const MetricValue a = accuracy(kScores, kLabels, at(0.5));
  CHECK(*a.low == wilson(5, 8, 0.95).low);
  const Limits se = wilson(3, 4, 0.95);
  const Limits sp = wilson(2, 4, 0.95);
  const MetricValue b = balanced_accuracy(kScores, kLabels, at(0.5));
  const double below = std::hypot(0.75 - se.low, 0.5 - sp.low) / 2;
  CHECK(*b.low == doctest::Approx(0.625 - below).epsilon(1e-12));
  const MetricValue f = f1(kScores, kLabels, at(0.5));
  const Limits jaccard = wilson(3, 6, 0.95);
  CHECK(*f.low == doctest::Approx(2 * jaccard.low / (1 + jaccard.low)).epsilon(1e-12));
  CHECK(*f.high == doctest::Approx(2 * jaccard.high / (1 + jaccard.high)).epsilon(1e-12));
}

TEST_CASE("f1's interval covers") {
  // events with prevalence .3, predicted with sensitivity .7 and specificity .8: F1 = 2 * .21 /
  // (.35 + .3). 2000 samples of 120: three Monte-Carlo standard errors are .015; discreteness .01
  Stream stream(make_run_key(11, 0), Purpose::kTest, 1);
  const double truth = 2 * 0.21 / (0.21 + 0.14 + 0.3);
  int covered = 0;
  constexpr int kSamples = 2000;
  for (int k = 0; k < kSamples; ++k) {
    std::vector<double> scores;
    std::vector<double> labels;
    for (int i = 0; i < 120; ++i) {
      const bool event = stream.uniform() < 0.3;
      labels.push_back(event ? 1 : 0);
      scores.push_back(stream.uniform() < (event ? 0.7 : 0.2) ? 1 : 0);
    }
    const MetricValue v = f1(scores, labels, at(0.5));
    covered += *v.low <= truth && truth <= *v.high ? 1 : 0;
  }
  CHECK(std::fabs(static_cast<double>(covered) / kSamples - 0.95) < 0.025);
}

TEST_CASE("decisions without enough events are null and say why") {
  const MetricOptions five;
  CHECK(f1(kScores, kLabels, five).reason == "fewer than 5 events");
  CHECK(balanced_accuracy(kScores, std::vector<double>(8, 1.0), five).reason == "one class only");
  CHECK(sensitivity(kScores, std::vector<double>(8, 0.0), five).reason == "no events");
  CHECK(specificity(kScores, kLabels, five).reason == "fewer than 5 non-events");
  CHECK(accuracy(kScores, kLabels, five).value.has_value());
}

TEST_CASE("decisions among several classes, by hand") {
  // decisions: 0 (first of equals), 1, 2, 0, 2; truth: 0 1 1 0 2
  const std::vector<double> scores{0.4, 0.4, 0.2, 0.1, 0.8, 0.1, 0,  0.2,
                                   0.8, 0.9, 0.1, 0,   0.3, 0.3, 0.4};
  const std::vector<double> labels{0, 1, 1, 0, 2};
  CHECK(*accuracy_multiclass(scores, labels, 3).value == 0.8);
  // recalls 1, 1/2, 1
  CHECK(*balanced_accuracy_multiclass(scores, labels, 3).value ==
        doctest::Approx(2.5 / 3).epsilon(1e-15));
  // F1: class 0: 2*2/(2+2) = 1; class 1: 2*1/(2+1) = 2/3; class 2: 2*1/(1+2) = 2/3
  CHECK(*f1_multiclass(scores, labels, 3).value == doctest::Approx(7.0 / 9).epsilon(1e-15));
  CHECK(f1_multiclass(scores, std::vector<double>(5, 1.0), 3).reason == "one class only");
}

}  // namespace
}  // namespace polyclinic::metrics
