#include <doctest/doctest.h>

#include <cmath>

#include "base/math.hpp"
#include "base/stream.hpp"
#include "learn/metrics/aggregate.hpp"
#include "learn/metrics/calibration.hpp"
#include "learn/metrics/ranking.hpp"

namespace polyclinic::metrics {
namespace {

Stream test_stream(std::uint64_t entity) {
  return {make_run_key(12, 0), Purpose::kTest, entity};
}

struct Sample {
  std::vector<float> scores;
  std::vector<float> labels;
  [[nodiscard]] Predictions predictions() const {
    return {.task = TaskKind::binary, .classes = 2, .scores = scores, .labels = labels, .seen = {}};
  }
};

// One hospital: events N(shift + 1.1, 1), others N(shift, 1), as probabilities. The shift moves all
// scores of the hospital alike, so it cannot change the discrimination inside.
Sample hospital(Stream& stream, int n, double prevalence, double shift) {
  Sample s;
  for (int i = 0; i < n; ++i) {
    const bool event = stream.uniform() < prevalence;
    const double x = math::normal_quantile(stream.uniform_open()) + (event ? 1.1 : 0) + shift;
    s.scores.push_back(static_cast<float>(math::sigmoid(x)));
    s.labels.push_back(event ? 1.0F : 0.0F);
  }
  return s;
}

NamedValue value_of(double value, double low, double high, std::int64_t n) {
  NamedValue named{"auroc", Better::larger, {}};
  named.metric.value = value;
  named.metric.low = low;
  named.metric.high = high;
  named.metric.n = n;
  return named;
}

TEST_CASE("averages over hospitals, by hand") {
  std::vector<NamedValue> hospitals{value_of(0.8, 0.7, 0.85, 100), value_of(0.6, 0.5, 0.7, 300)};
  hospitals.push_back({"auroc", Better::larger, {}});
  hospitals.back().metric.reason = "one class only";
  MetricValue micro;
  micro.value = 0.9;
  const Summary s = summarise(hospitals, micro);
  CHECK(s.name == "auroc");
  CHECK(*s.macro.value == doctest::Approx(0.7).epsilon(1e-15));
  CHECK(*s.macro.low == doctest::Approx(0.7 - std::hypot(0.1, 0.1) / 2).epsilon(1e-13));
  CHECK(*s.macro.high == doctest::Approx(0.7 + std::hypot(0.05, 0.1) / 2).epsilon(1e-13));
  CHECK(*s.weighted.value == doctest::Approx(0.65).epsilon(1e-15));
  CHECK(*s.micro.value == 0.9);
  CHECK(*s.worst.value == 0.6);
  CHECK(*s.worst.low == 0.5);
  CHECK(*s.worst_hospital == 1);
  CHECK(s.hospitals_counted == 2);
  CHECK(s.hospitals_null == 1);
  CHECK(s.null_reasons.at("one class only") == 1);
  CHECK(s.macro.n == 400);

  // one without an interval leaves the means without
  hospitals[0].metric.low.reset();
  CHECK(summarise(hospitals, micro).macro.low == std::nullopt);
}

TEST_CASE("the worst hospital lies in the metric's direction") {
  const double slopes[] = {1.3, 0.5, 1.0};
  std::vector<NamedValue> hospitals;
  for (const double slope : slopes) hospitals.push_back(value_of(slope, slope, slope, 10));
  for (NamedValue& h : hospitals) h.better = Better::one;
  CHECK(*summarise(hospitals, {}).worst_hospital == 1);
  for (NamedValue& h : hospitals) h.better = Better::smaller;
  CHECK(*summarise(hospitals, {}).worst_hospital == 0);
  for (NamedValue& h : hospitals) h.better = Better::neither;
  CHECK_FALSE(summarise(hospitals, {}).worst.value.has_value());
  CHECK(summarise(hospitals, {}).worst.reason == "has no worse side");
}

TEST_CASE("no hospital with a value leaves every average null") {
  std::vector<NamedValue> hospitals(2, NamedValue{"auroc", Better::larger, {}});
  for (NamedValue& h : hospitals) h.metric.reason = "fewer than 5 events";
  const Summary s = summarise(hospitals, {});
  CHECK_FALSE(s.macro.value.has_value());
  CHECK(s.macro.reason == "no hospital has a value");
  CHECK(s.worst.reason == "no hospital has a value");
  CHECK(s.null_reasons.at("fewer than 5 events") == 2);
}

TEST_CASE("pooled test sets look better than any hospital") {
  // science.md, rule 3: the same discrimination inside four hospitals whose scores follow their
  // prevalence. Inside, the area is Phi(1.1 / sqrt 2) = .782; standard error at 1500 patients and
  // 10 % events about .02, so every hospital lies within .1 of it. Pooled it is higher: the
  // hospital itself predicts
  Stream stream = test_stream(1);
  const double prevalences[] = {0.05, 0.15, 0.35, 0.6};
  const double shifts[] = {-3, -1.7, -0.6, 0.5};
  std::vector<Sample> samples;
  std::vector<Predictions> hospitals;
  for (int h = 0; h < 4; ++h) samples.push_back(hospital(stream, 1500, prevalences[h], shifts[h]));
  for (const Sample& s : samples) hospitals.push_back(s.predictions());
  const HospitalMetrics result = over_hospitals(Metric::auroc, hospitals);
  REQUIRE(result.summaries.size() == 1);
  const Summary& s = result.summaries.front();
  double best = 0;
  for (const auto& values : result.per_hospital) {
    best = std::max(best, *values.front().metric.value);
  }
  const double inside = math::normal_cdf(1.1 / std::sqrt(2.0));
  CHECK(std::fabs(*s.macro.value - inside) < 0.04);
  CHECK(*s.macro.low < inside);
  CHECK(*s.macro.high > inside);
  CHECK(*s.micro.value > best + 0.03);
  CHECK(*s.micro.low > *s.macro.high);
  CHECK(s.micro.n == 6000);
  CHECK(s.hospitals_counted == 4);
}

TEST_CASE("hospitals without enough events are counted aloud") {
  Stream stream = test_stream(2);
  const Sample good = hospital(stream, 300, 0.3, 0);
  Sample few = hospital(stream, 40, 0, 0);
  few.labels[0] = 1;
  const Predictions hospitals[] = {good.predictions(), few.predictions()};
  const HospitalMetrics result = over_hospitals(Metric::calibration, hospitals);
  REQUIRE(result.summaries.size() == 2);
  CHECK(result.summaries[0].name == "calibration_intercept");
  CHECK(result.summaries[1].name == "calibration_slope");
  CHECK(result.summaries[1].hospitals_counted == 1);
  CHECK(result.summaries[1].hospitals_null == 1);
  CHECK(result.summaries[1].null_reasons.at("fewer than 5 events") == 1);
  CHECK(*result.summaries[1].macro.value == *result.per_hospital[0][1].metric.value);
  CHECK(result.per_hospital[1][1].metric.events == 1);
}

TEST_CASE("values inside groups and the gap between them") {
  Stream stream = test_stream(3);
  const Sample all = hospital(stream, 900, 0.3, -0.5);
  std::vector<std::uint8_t> groups;
  Sample second;
  for (std::size_t i = 0; i < all.scores.size(); ++i) {
    groups.push_back(i % 3 == 0 ? 4 : (i % 3 == 1 ? 1 : 2));
    if (i % 3 == 1) {
      second.scores.push_back(all.scores[i]);
      second.labels.push_back(all.labels[i]);
    }
  }
  const GroupMetrics result = over_groups(Metric::auroc, all.predictions(), groups);
  CHECK(result.codes == std::vector<std::uint8_t>{1, 2, 4});
  CHECK(*result.per_group[0][0].metric.value == *auroc(second.scores, second.labels).value);
  double low = 1;
  double high = 0;
  for (const auto& values : result.per_group) {
    low = std::min(low, *values[0].metric.value);
    high = std::max(high, *values[0].metric.value);
  }
  CHECK(*result.gaps[0].gap.value == high - low);
  CHECK(result.gaps[0].groups_counted == 3);
  CHECK(result.gaps[0].gap.n == 900);

  const std::vector<std::uint8_t> one(900, 0);
  CHECK(over_groups(Metric::auroc, all.predictions(), one).gaps[0].gap.reason ==
        "fewer than two groups have a value");
}

TEST_CASE("bootstrap limits of a mean approach the normal ones and depend on the address only") {
  Stream stream = test_stream(4);
  std::vector<double> values;
  for (int i = 0; i < 200; ++i) values.push_back(math::normal_quantile(stream.uniform_open()));
  const auto mean = [&](std::span<const std::int32_t> rows) -> std::optional<double> {
    double sum = 0;
    for (const std::int32_t row : rows) sum += values[static_cast<std::size_t>(row)];
    return sum / static_cast<double>(rows.size());
  };
  const Stream address(make_run_key(1, 2), Purpose::kInterval, 5, 6);
  const Limits limits = *bootstrap(values.size(), address, mean, {.resamples = 2000});
  const Limits again = *bootstrap(values.size(), address, mean, {.resamples = 2000});
  CHECK(limits.low == again.low);
  CHECK(limits.high == again.high);
  const MeanEstimate exact = mean_estimate(values, 0.95);
  // the standard error of a 2.5 % quantile of 2000 draws is sqrt(.025 * .975 / 2000) / density
  // (.0584 / se) = .06 se; four of it, and .02 for the sample's own skewness
  const double half = (exact.limits->high - exact.limits->low) / 2;
  const double se = half / 1.972;
  CHECK(std::fabs(limits.low - exact.limits->low) < 0.26 * se);
  CHECK(std::fabs(limits.high - exact.limits->high) < 0.26 * se);

  // a statistic that mostly has no value has no interval
  const auto never = [](std::span<const std::int32_t>) { return std::optional<double>(); };
  CHECK(bootstrap(values.size(), address, never).has_value() == false);
  CHECK(bootstrap(1, address, mean).has_value() == false);
}

TEST_CASE("bootstrap fills only what has no interval, and never ECE") {
  Stream stream = test_stream(5);
  const Sample s = hospital(stream, 150, 0.3, -0.5);
  const Stream address(make_run_key(1, 2), Purpose::kInterval, 1, 1);
  std::vector<NamedValue> brier = compute(Metric::brier, s.predictions());
  const double low = *brier[0].metric.low;
  CHECK(brier[1].metric.low == std::nullopt);
  bootstrap_intervals(Metric::brier, s.predictions(), {}, address, brier, {.resamples = 200});
  CHECK(*brier[0].metric.low == low);
  REQUIRE(brier[3].metric.low.has_value());
  // uncertainty o (1 - o) at o = .3: delta method (1 - 2 o) se(o), half width about .03
  CHECK(*brier[3].metric.low < *brier[3].metric.value);
  CHECK(*brier[3].metric.high - *brier[3].metric.low < 0.1);

  std::vector<NamedValue> ece = compute(Metric::ece, s.predictions());
  bootstrap_intervals(Metric::ece, s.predictions(), {}, address, ece, {.resamples = 100});
  CHECK(*ece[0].metric.low == *expected_calibration_error(s.scores, s.labels).observed.low);
  CHECK(ece[1].metric.low == std::nullopt);
}

TEST_CASE("how values differ between hospitals, by hand") {
  std::vector<NamedValue> hospitals;
  for (int h = 0; h < 12; ++h) {
    // .50, .52, ... .72, each with a standard error of .01 or .03
    const double value = 0.5 + 0.02 * h;
    const double half = normal_z(0.95) * (h % 2 == 0 ? 0.01 : 0.03);
    hospitals.push_back(value_of(value, value - half, value + half, 100));
  }
  const Summary s = summarise(hospitals, {});
  // of 0..11 the variance with n - 1 is 13; times .02 squared
  CHECK(*s.spread == doctest::Approx(0.02 * std::sqrt(13.0)).epsilon(1e-12));
  CHECK(*s.spread_chance == doctest::Approx(std::sqrt((0.0001 + 0.0009) / 2)).epsilon(1e-12));
  // the worst tenth of 12 is two hospitals
  CHECK(*s.bottom_decile == doctest::Approx(0.51).epsilon(1e-12));
  // sum 7.32, sum of squares 12 * .61^2 + 12 * 143 / 12 * .02^2
  CHECK(*s.jain == doctest::Approx(7.32 * 7.32 / (12 * (12 * 0.61 * 0.61 + 143 * 0.0004))));

  for (NamedValue& h : hospitals) h.better = Better::smaller;
  CHECK(*summarise(hospitals, {}).bottom_decile == doctest::Approx(0.71).epsilon(1e-12));
  // two bad ends have no tenth; what may be negative has no share
  for (NamedValue& h : hospitals) h.better = Better::one;
  CHECK(summarise(hospitals, {}).bottom_decile == std::nullopt);
  CHECK(summarise(hospitals, {}).jain == std::nullopt);
  CHECK(*summarise(hospitals, {}).spread == *s.spread);
  for (NamedValue& h : hospitals) h.better = Better::neither;
  CHECK(summarise(hospitals, {}).spread == std::nullopt);
  hospitals.resize(1);
  hospitals[0].better = Better::larger;
  CHECK(summarise(hospitals, {}).spread == std::nullopt);
  CHECK(summarise(hospitals, {}).jain == std::nullopt);
}

TEST_CASE("equal hospitals spread as chance says") {
  // 4,000 federations of six hospitals with one true sensitivity and 40 to 90 events: the mean of
  // the squared spread agrees with the mean of the squared chance. Wilson's limits of shares near
  // .8 at 40 trials are up to 7 % off in width, so 15 % in the square; chance itself leaves 2 %
  Stream stream = test_stream(7);
  double observed = 0;
  double chance = 0;
  constexpr int kFederations = 4000;
  for (int k = 0; k < kFederations; ++k) {
    std::vector<NamedValue> hospitals;
    for (int h = 0; h < 6; ++h) {
      const int events = 40 + 10 * h;
      int found = 0;
      for (int i = 0; i < events; ++i) found += stream.uniform() < 0.8 ? 1 : 0;
      const Limits limits = wilson(found, events, 0.95);
      hospitals.push_back(value_of(found / double{1.0 * events}, limits.low, limits.high, events));
    }
    const Summary s = summarise(hospitals, {});
    observed += *s.spread * *s.spread / kFederations;
    chance += *s.spread_chance * *s.spread_chance / kFederations;
  }
  CHECK(std::fabs(chance / observed - 1) < 0.17);
}

TEST_CASE("the interval of a gap of two groups is Newcombe's, published") {
  // Newcombe 1998 (Statistics in Medicine 17:873), table II, contrast (a): 56/70 against 48/80,
  // method 10: .0524 to .3339
  const Limits limits =
      mover_difference(56.0 / 70, wilson(56, 70, 0.95), 48.0 / 80, wilson(48, 80, 0.95));
  CHECK(limits.low == doctest::Approx(0.0524).epsilon(0.001));
  CHECK(limits.high == doctest::Approx(0.3339).epsilon(0.001));

  Sample s;
  std::vector<std::uint8_t> groups;
  const auto add = [&](std::uint8_t group, int flagged, int all) {
    for (int i = 0; i < all; ++i) {
      s.scores.push_back(i < flagged ? 0.9F : 0.1F);
      s.labels.push_back(1.0F);
      groups.push_back(group);
    }
  };
  add(0, 56, 70);
  add(3, 48, 80);
  const GroupMetrics result = over_groups(Metric::sensitivity, s.predictions(), groups);
  CHECK(*result.gaps[0].gap.value == doctest::Approx(0.2).epsilon(1e-12));
  CHECK(*result.gaps[0].gap.low == limits.low);
  CHECK(*result.gaps[0].gap.high == limits.high);
  CHECK(*result.gaps[0].largest == 0);
  CHECK(*result.gaps[0].smallest == 3);
  // without predictions above the threshold nobody is flagged anywhere
  const GroupMetrics flagged = over_groups(Metric::positive_rate, s.predictions(), groups);
  CHECK(*flagged.per_group[0][0].metric.value == doctest::Approx(0.8).epsilon(1e-12));
}

TEST_CASE("the gap of several equal groups seldom has an interval without 0") {
  // five groups of 60 patients, flagged with one probability: 2,000 draws. At most 5 % may miss 0,
  // and 1.5 % more for chance (three standard errors of .49 %). Without the correction for the ten
  // pairs a quarter does
  Stream stream = test_stream(8);
  int missed = 0;
  int missed_uncorrected = 0;
  constexpr int kDraws = 2000;
  for (int k = 0; k < kDraws; ++k) {
    Sample s;
    std::vector<std::uint8_t> groups;
    for (int i = 0; i < 300; ++i) {
      s.scores.push_back(stream.uniform() < 0.3 ? 0.9F : 0.1F);
      s.labels.push_back(i % 2 == 0 ? 1.0F : 0.0F);
      groups.push_back(static_cast<std::uint8_t>(i % 5));
    }
    const GroupMetrics result = over_groups(Metric::positive_rate, s.predictions(), groups);
    const GroupMetrics::Gap& gap = result.gaps[0];
    missed += *gap.gap.low > 0 ? 1 : 0;
    const MetricValue& largest = result.per_group[*gap.largest][0].metric;
    const MetricValue& smallest = result.per_group[*gap.smallest][0].metric;
    const Limits plain = mover_difference(*largest.value, {*largest.low, *largest.high},
                                          *smallest.value, {*smallest.low, *smallest.high});
    missed_uncorrected += plain.low > 0 ? 1 : 0;
  }
  CHECK(missed <= 0.065 * kDraws);
  CHECK(missed_uncorrected > 0.1 * kDraws);
}

}  // namespace
}  // namespace polyclinic::metrics
