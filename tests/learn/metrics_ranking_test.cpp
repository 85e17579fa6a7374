#include <doctest/doctest.h>

#include <chrono>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/draw.hpp"
#include "base/math.hpp"
#include "learn/metrics/intervals.hpp"
#include "learn/metrics/ranking.hpp"

namespace polyclinic::metrics {
namespace {

const MetricOptions kAny{.min_events = 1};

Stream test_stream(std::uint64_t entity) {
  return {make_run_key(7, 0), Purpose::kTest, entity};
}

struct Sample {
  std::vector<double> scores;
  std::vector<double> labels;
};

// Scores on a grid of `levels`, so that ties abound, events shifted up.
Sample tied_sample(std::uint64_t entity, int n, int levels, double prevalence) {
  Stream stream = test_stream(entity);
  Sample sample;
  for (int i = 0; i < n; ++i) {
    const bool event = stream.uniform() < prevalence;
    const double u = std::min(0.999, stream.uniform() * (event ? 1.3 : 1.0));
    sample.scores.push_back(std::floor(u * levels) / levels);
    sample.labels.push_back(event ? 1 : 0);
  }
  return sample;
}

// Area and DeLong variance by their definition over all pairs.
struct Pairwise {
  double area = 0;
  double variance = 0;
};
Pairwise all_pairs(const Sample& s) {
  std::vector<double> v10(s.labels.size(), 0.0);
  std::vector<double> v01(s.labels.size(), 0.0);
  double m = 0;
  double n = 0;
  for (const double label : s.labels) (label > 0.5 ? m : n) += 1;
  double area = 0;
  for (std::size_t i = 0; i < s.labels.size(); ++i) {
    for (std::size_t j = 0; j < s.labels.size(); ++j) {
      if (s.labels[i] < 0.5 || s.labels[j] > 0.5) continue;
      const double psi = s.scores[i] > s.scores[j] ? 1 : (s.scores[i] == s.scores[j] ? 0.5 : 0);
      area += psi / (m * n);
      v10[i] += psi / n;
      v01[j] += psi / m;
    }
  }
  double s10 = 0;
  double s01 = 0;
  for (std::size_t i = 0; i < s.labels.size(); ++i) {
    if (s.labels[i] > 0.5) {
      s10 += (v10[i] - area) * (v10[i] - area) / (m - 1);
    } else {
      s01 += (v01[i] - area) * (v01[i] - area) / (n - 1);
    }
  }
  return {area, s10 / m + s01 / n};
}

// Standard error back from the limits of a logit interval.
double se_of(const MetricValue& v) {
  const double half = (math::logit(*v.high) - math::logit(*v.low)) / 2;
  return half / normal_z(0.95) * *v.value * (1 - *v.value);
}

TEST_CASE("auroc counts ties half, by hand") {
  // events .8 .4 .4, non-events .4 .2: pairs won 1+1 + (.5+1) + (.5+1) = 5 of 6
  const std::vector<double> scores{0.8, 0.4, 0.4, 0.4, 0.2};
  const std::vector<double> labels{1, 1, 1, 0, 0};
  const MetricValue v = auroc(scores, labels, kAny);
  CHECK(*v.value == 5.0 / 6.0);
  CHECK(v.n == 5);
  CHECK(v.events == 3);
  CHECK(*v.low < 5.0 / 6.0);
  CHECK(*v.high > 5.0 / 6.0);
}

TEST_CASE("auroc of float and of double scores, and in any order of rows, is the same bits") {
  const Sample s = tied_sample(1, 500, 16, 0.3);
  const std::vector<float> floats(s.scores.begin(), s.scores.end());
  const std::vector<double> back_scores(s.scores.rbegin(), s.scores.rend());
  const std::vector<double> back_labels(s.labels.rbegin(), s.labels.rend());
  const MetricValue a = auroc(s.scores, s.labels);
  const MetricValue b = auroc(floats, s.labels);
  const MetricValue c = auroc(back_scores, back_labels);
  CHECK(*a.value == *b.value);
  CHECK(*a.low == *b.low);
  CHECK(*a.value == *c.value);
  CHECK(*a.low == *c.low);
  CHECK(*a.high == *c.high);
}

TEST_CASE("auroc and DeLong's variance agree with all pairs on heavy ties") {
  for (std::uint64_t run = 0; run < 30; ++run) {
    const int levels = run % 3 == 0 ? 3 : (run % 3 == 1 ? 10 : 1000);
    const Sample s = tied_sample(100 + run, 60 + static_cast<int>(run) * 5, levels, 0.4);
    const MetricValue v = auroc(s.scores, s.labels, kAny);
    const Pairwise brute = all_pairs(s);
    // both are sums of a few thousand terms of order 1 / (m n): rounding below 1e-12
    CHECK(*v.value == doctest::Approx(brute.area).epsilon(1e-12));
    CHECK(se_of(v) == doctest::Approx(std::sqrt(brute.variance)).epsilon(1e-9));
  }
}

TEST_CASE("auroc of the ratings of Hanley and McNeil 1982") {
  // 58 normal and 51 abnormal CT images rated 1..5 (table I there). Area .893 in the paper;
  // DeLong's standard error .0307 and area .8932 in Stata's manual of roctab, from the same table
  const int normal[] = {33, 6, 6, 11, 2};
  const int abnormal[] = {3, 2, 2, 11, 33};
  Sample s;
  for (int rating = 0; rating < 5; ++rating) {
    for (int i = 0; i < normal[rating]; ++i) {
      s.scores.push_back(rating);
      s.labels.push_back(0);
    }
    for (int i = 0; i < abnormal[rating]; ++i) {
      s.scores.push_back(rating);
      s.labels.push_back(1);
    }
  }
  const MetricValue v = auroc(s.scores, s.labels);
  CHECK(std::fabs(*v.value - 0.8932) < 0.00005);
  CHECK(std::fabs(se_of(v) - 0.0307) < 0.00005);
}

TEST_CASE("auroc degenerates to Newcombe's interval") {
  const std::vector<double> labels{1, 1, 1, 1, 1, 0, 0, 0, 0, 0};
  const std::vector<double> perfect{9, 8, 7, 6, 5, 4, 3, 2, 1, 0};
  const MetricValue top = auroc(perfect, labels);
  CHECK(*top.value == 1);
  CHECK(*top.high == 1);
  // the limit solves (1 - a)^2 = z^2 V(a); V as in the header's source, N* = 4
  const double a = *top.low;
  const double variance = a * (1 - a) * (1 + 4 * (1 - a) / (2 - a) + 4 * a / (1 + a)) / 25;
  CHECK((1 - a) == doctest::Approx(normal_z(0.95) * std::sqrt(variance)).epsilon(1e-9));
  CHECK(a > 0.5);
  CHECK(a < 0.9);

  const std::vector<double> constant(10, 0.3);
  const MetricValue none = auroc(constant, labels);
  CHECK(*none.value == 0.5);
  CHECK(*none.low + *none.high == doctest::Approx(1).epsilon(1e-9));
  CHECK(*none.low < 0.25);
}

TEST_CASE("auroc without enough events is null and says why") {
  const std::vector<double> scores{0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0};
  const std::vector<double> none(10, 0.0);
  const std::vector<double> few{0, 0, 0, 0, 0, 0, 1, 1, 1, 1};
  const std::vector<double> many{0, 0, 0, 0, 1, 1, 1, 1, 1, 1};
  CHECK(auroc(scores, none).reason == "one class only");
  CHECK(auroc(scores, few).reason == "fewer than 5 events");
  CHECK(auroc(scores, few).events == 4);
  CHECK_FALSE(auroc(scores, few).value.has_value());
  CHECK(auroc(scores, many).reason == "fewer than 5 non-events");
  CHECK(auprc(scores, few).reason == "fewer than 5 events");
  CHECK(auroc(std::vector<double>{}, std::vector<double>{}).reason == "no patients");

  std::vector<double> broken = scores;
  broken[3] = std::numeric_limits<double>::quiet_NaN();
  CHECK(auroc(broken, many, kAny).reason == "predictions are not finite");
  const std::vector<double> odd(10, 0.7);
  CHECK(auroc(scores, odd).reason == "labels are not 0 or 1");
}

TEST_CASE("auroc's 95 % interval covers the truth") {
  // binormal scores: events N(mu, 1), others N(0, 1), area = Phi(mu / sqrt 2). 1500 samples per
  // setting: three Monte-Carlo standard errors of .95 are 3 sqrt(.95 * .05 / 1500) = .017. The
  // interval itself is an approximation: Pohar Perme and Manevski 2018 find .93-.97, so the band is
  // .93 - .017 to .975 + .017.
  struct Setting {
    int events, others;
    double area;
  };
  for (const Setting& t :
       {Setting{6, 54, 0.8}, Setting{14, 106, 0.8}, Setting{40, 200, 0.7}, Setting{60, 60, 0.9}}) {
    Stream stream = test_stream(1000 + static_cast<std::uint64_t>(t.events));
    const double mu = std::sqrt(2.0) * math::normal_quantile(t.area);
    int covered = 0;
    constexpr int kSamples = 1500;
    for (int k = 0; k < kSamples; ++k) {
      Sample s;
      for (int i = 0; i < t.events + t.others; ++i) {
        const bool event = i < t.events;
        s.scores.push_back(math::normal_quantile(stream.uniform_open()) + (event ? mu : 0));
        s.labels.push_back(event ? 1 : 0);
      }
      const MetricValue v = auroc(s.scores, s.labels);
      covered += *v.low <= t.area && t.area <= *v.high ? 1 : 0;
    }
    const double coverage = static_cast<double>(covered) / kSamples;
    CAPTURE(t.events);
    CAPTURE(coverage);
    CHECK(coverage > 0.913);
    CHECK(coverage < 0.992);
  }
}

TEST_CASE("auprc takes equal scores together, by hand") {
  // from the top: .9 event (1/1), then the three at .5 together, two of them events (3/4),
  // then .1 no event: (1 * 1 + 2 * 3/4) / 3
  const std::vector<double> scores{0.9, 0.5, 0.5, 0.5, 0.1};
  const std::vector<double> labels{1, 1, 0, 1, 0};
  const MetricValue v = auprc(scores, labels, kAny);
  CHECK(*v.value == doctest::Approx((1 + 2 * 0.75) / 3).epsilon(1e-15));
  // logit interval of Boyd et al.: half width z / sqrt(events v (1 - v))
  const double half = normal_z(0.95) / std::sqrt(3 * *v.value * (1 - *v.value));
  CHECK(math::logit(*v.high) - math::logit(*v.value) == doctest::Approx(half).epsilon(1e-9));

  // a constant score finds the prevalence
  const std::vector<double> constant(5, 0.2);
  CHECK(*auprc(constant, labels, kAny).value == doctest::Approx(0.6).epsilon(1e-15));
}

TEST_CASE("auprc agrees with the quadratic definition on heavy ties") {
  for (std::uint64_t run = 0; run < 20; ++run) {
    const Sample s = tied_sample(300 + run, 150, run % 2 == 0 ? 4 : 50, 0.2);
    // mean over events of the precision among all with a score at least as high
    double sum = 0;
    double events = 0;
    for (std::size_t i = 0; i < s.scores.size(); ++i) {
      if (s.labels[i] < 0.5) continue;
      double taken = 0;
      double found = 0;
      for (std::size_t j = 0; j < s.scores.size(); ++j) {
        if (s.scores[j] < s.scores[i]) continue;
        taken += 1;
        found += s.labels[j];
      }
      sum += found / taken;
      events += 1;
    }
    CHECK(*auprc(s.scores, s.labels, kAny).value == doctest::Approx(sum / events).epsilon(1e-12));
  }
}

TEST_CASE("auprc of a perfect ranking has Wilson's lower limit") {
  const std::vector<double> scores{6, 5, 4, 3, 2, 1, 0, -1, -2, -3};
  const std::vector<double> labels{1, 1, 1, 1, 1, 0, 0, 0, 0, 0};
  const MetricValue v = auprc(scores, labels);
  CHECK(*v.value == 1);
  CHECK(*v.low == doctest::Approx(wilson(5, 5, 0.95).low));
  CHECK(*v.high == 1);
}

TEST_CASE("auroc of several classes is the mean of one against the rest") {
  Stream stream = test_stream(50);
  const int n = 120;
  std::vector<double> scores;
  std::vector<double> labels;
  for (int i = 0; i < n; ++i) {
    const auto truth = static_cast<int>(stream.below(3));
    double row[3];
    double total = 0;
    for (int c = 0; c < 3; ++c) {
      row[c] = 0.2 + std::floor(4 * stream.uniform()) / 4 + (c == truth ? 0.5 : 0);
      total += row[c];
    }
    for (const double p : row) scores.push_back(p / total);
    labels.push_back(truth);
  }
  double sum = 0;
  for (int c = 0; c < 3; ++c) {
    std::vector<double> column;
    std::vector<double> mine;
    for (int i = 0; i < n; ++i) {
      column.push_back(scores[static_cast<std::size_t>(3 * i + c)]);
      mine.push_back(labels[static_cast<std::size_t>(i)] == c ? 1 : 0);
    }
    sum += *auroc(column, mine).value;
  }
  const MetricValue v = auroc_one_vs_rest(scores, labels, 3);
  CHECK(*v.value == doctest::Approx(sum / 3).epsilon(1e-14));
  CHECK(*v.low < *v.value);
  CHECK(*v.high > *v.value);
}

TEST_CASE("one against the rest with two mirrored classes has DeLong's interval") {
  // both columns give the same area, and a patient's influence is the same in both
  const Sample s = tied_sample(60, 200, 20, 0.4);
  std::vector<double> scores;
  for (const double p : s.scores) {
    scores.push_back(1 - p);
    scores.push_back(p);
  }
  const MetricValue both = auroc_one_vs_rest(scores, s.labels, 2);
  const MetricValue one = auroc(s.scores, s.labels);
  CHECK(*both.value == doctest::Approx(*one.value).epsilon(1e-12));
  CHECK(*both.low == doctest::Approx(*one.low).epsilon(1e-9));
  CHECK(*both.high == doctest::Approx(*one.high).epsilon(1e-9));
}

TEST_CASE("auroc of 100,000 patients takes well under 50 ms") {
  Stream stream = test_stream(70);
  std::vector<float> scores;
  std::vector<float> labels;
  for (int i = 0; i < 100000; ++i) {
    scores.push_back(static_cast<float>(stream.uniform()));
    labels.push_back(stream.uniform() < scores.back() ? 1.0F : 0.0F);
  }
  const auto start = std::chrono::steady_clock::now();
  const MetricValue v = auroc(scores, labels);
  const double ms =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  // ten times the budget: sanitizers and busy machines must not fail; quadratic code takes a minute
  CHECK(ms < 500);
  // uniform risk p, event with probability p: density of events 2p, of others 2(1-p):
  // area = int 2p (2p - p^2) dp = 4/3 - 1/2 = 5/6; its standard error here is about .0013
  CHECK(std::fabs(*v.value - 5.0 / 6.0) < 5 * 0.0013);
}

}  // namespace
}  // namespace polyclinic::metrics
