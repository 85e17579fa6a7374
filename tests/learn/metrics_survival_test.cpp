#include <doctest/doctest.h>

#include <cmath>

#include "base/math.hpp"
#include "base/stream.hpp"
#include "learn/metrics/ranking.hpp"
#include "learn/metrics/survival.hpp"

namespace polyclinic::metrics {
namespace {

const MetricOptions kAny{.min_events = 1};

struct Sample {
  std::vector<double> scores;
  std::vector<double> times;
  std::vector<double> seen;
};

// Exponential times with hazard exp(score), censored by an independent exponential; times and
// scores on a grid when `steps` > 0.
Sample survival_sample(std::uint64_t entity, int n, double steps) {
  Stream stream(make_run_key(10, 0), Purpose::kTest, entity);
  Sample s;
  for (int i = 0; i < n; ++i) {
    double score = math::normal_quantile(stream.uniform_open());
    double time = -math::log(stream.uniform_open()) * math::exp(-score);
    const double censoring = -1.5 * math::log(stream.uniform_open());
    const bool seen = time <= censoring;
    time = seen ? time : censoring;
    if (steps > 0) {
      score = std::round(score * steps) / steps;
      time = std::ceil(time * steps) / steps;
    }
    s.scores.push_back(score);
    s.times.push_back(time);
    s.seen.push_back(seen ? 1 : 0);
  }
  return s;
}

// Concordance by its definition over all ordered pairs, without patient `without` (-1: with all).
double all_pairs(const Sample& s, int without) {
  double pairs = 0;
  double sum = 0;
  for (std::size_t i = 0; i < s.times.size(); ++i) {
    for (std::size_t j = 0; j < s.times.size(); ++j) {
      if (static_cast<int>(i) == without || static_cast<int>(j) == without) continue;
      if (i == j || s.seen[i] < 0.5) continue;
      const bool first = s.times[i] < s.times[j] || (s.times[i] == s.times[j] && s.seen[j] < 0.5);
      if (!first) continue;
      pairs += 1;
      sum += s.scores[i] > s.scores[j] ? 1 : (s.scores[i] == s.scores[j] ? 0.5 : 0);
    }
  }
  return sum / pairs;
}

TEST_CASE("c_index with ties in time and score, by hand") {
  // a event at 1 (score 3), b event at 2 (1), c censored at 2 (2), d event at 2 (2), e at 3 (2):
  // a: beats b c d e, 4 of 4; b (1) against c, e: 0 of 2; d (2) against c, e: 1/2 + 1/2 of 2
  const std::vector<double> scores{3, 1, 2, 2, 2};
  const std::vector<double> times{1, 2, 2, 2, 3};
  const std::vector<double> seen{1, 1, 0, 1, 0};
  const MetricValue v = c_index(scores, times, seen, kAny);
  CHECK(*v.value == 5.0 / 8.0);
  CHECK(v.n == 5);
  CHECK(v.events == 3);
}

TEST_CASE("c_index agrees with all pairs on heavy ties") {
  for (std::uint64_t run = 0; run < 12; ++run) {
    const Sample s = survival_sample(run, 120, run % 2 == 0 ? 2 : 0);
    CHECK(*c_index(s.scores, s.times, s.seen).value ==
          doctest::Approx(all_pairs(s, -1)).epsilon(1e-12));
  }
}

TEST_CASE("c_index of one follow-up time is the auroc") {
  const Sample s = survival_sample(20, 200, 3);
  std::vector<double> times;
  for (const double seen : s.seen) times.push_back(seen > 0.5 ? 1 : 2);
  const MetricValue c = c_index(s.scores, times, s.seen);
  CHECK(*c.value == *auroc(s.scores, s.seen).value);
}

TEST_CASE("c_index has the delete-one jackknife's standard error") {
  // the infinitesimal jackknife differs from the delete-one jackknife by O(1 / n): at n = 150, 5 %
  const Sample s = survival_sample(30, 150, 4);
  const MetricValue v = c_index(s.scores, s.times, s.seen);
  const double n = 150;
  double mean = 0;
  std::vector<double> without;
  for (int i = 0; i < 150; ++i) {
    without.push_back(all_pairs(s, i));
    mean += without.back() / n;
  }
  double variance = 0;
  for (const double c : without) variance += (c - mean) * (c - mean) * (n - 1) / n;
  const double half = (math::logit(*v.high) - math::logit(*v.low)) / 2;
  const double se = half / math::normal_quantile(0.975) * *v.value * (1 - *v.value);
  CHECK(se == doctest::Approx(std::sqrt(variance)).epsilon(0.05));
}

TEST_CASE("c_index's interval covers") {
  // the truth is the mean over many large samples: with 20 of 4000, known to .002 where the
  // interval is .1 wide. 600 samples: three Monte-Carlo standard errors are .027, and .02 for n =
  // 80
  double truth = 0;
  for (std::uint64_t k = 0; k < 20; ++k) {
    const Sample s = survival_sample(1000 + k, 4000, 0);
    truth += *c_index(s.scores, s.times, s.seen).value / 20;
  }
  int covered = 0;
  constexpr int kSamples = 600;
  for (std::uint64_t k = 0; k < kSamples; ++k) {
    const Sample s = survival_sample(2000 + k, 80, 0);
    const MetricValue v = c_index(s.scores, s.times, s.seen);
    covered += *v.low <= truth && truth <= *v.high ? 1 : 0;
  }
  const double coverage = static_cast<double>(covered) / kSamples;
  CAPTURE(coverage);
  CHECK(std::fabs(coverage - 0.95) < 0.047);
}

TEST_CASE("c_index says why there is none") {
  const std::vector<double> scores{1, 2, 3};
  const std::vector<double> times{1, 1, 1};
  CHECK(c_index(scores, times, std::vector<double>{0, 0, 0}).reason == "no events");
  CHECK(c_index(scores, times, std::vector<double>{1, 0, 0}).reason == "fewer than 5 events");
  CHECK(c_index(scores, times, std::vector<double>{1, 1, 1}, kAny).reason == "no comparable pairs");
  CHECK(c_index(scores, times, std::vector<double>{2, 1, 1}, kAny).reason ==
        "event indicators are not 0 or 1");
}

TEST_CASE("partial likelihood of two tied events, by hand") {
  // scores 0: events at 1 (twice) and a censoring at 2: log 3 + log(3 - 1), per event
  const std::vector<double> scores{0, 0, 0};
  const MetricValue v =
      partial_likelihood_loss(scores, std::vector<double>{1, 1, 2}, std::vector<double>{1, 1, 0});
  CHECK(*v.value == doctest::Approx(math::log(6.0) / 2).epsilon(1e-14));
}

TEST_CASE("partial likelihood agrees with its definition, and cannot overflow") {
  const Sample s = survival_sample(40, 80, 2);
  double sum = 0;
  double events = 0;
  for (std::size_t i = 0; i < s.times.size(); ++i) {
    if (s.seen[i] < 0.5) continue;
    // this event is number `place` of those at its time, in row order
    double risk = 0;
    double tied = 0;
    double ties = 0;
    double place = 0;
    for (std::size_t j = 0; j < s.times.size(); ++j) {
      if (s.times[j] >= s.times[i]) risk += math::exp(s.scores[j]);
      if (s.times[j] != s.times[i] || s.seen[j] < 0.5) continue;
      tied += math::exp(s.scores[j]);
      ties += 1;
      place += j < i ? 1 : 0;
    }
    sum += math::log(risk - place / ties * tied) - s.scores[i];
    events += 1;
  }
  CHECK(*partial_likelihood_loss(s.scores, s.times, s.seen).value ==
        doctest::Approx(sum / events).epsilon(1e-12));

  // a constant added to every score changes nothing, however large
  Sample far = s;
  for (double& score : far.scores) score = 2000 - 1500 * (score - std::floor(score)) + score;
  Sample near = far;
  for (double& score : near.scores) score -= 2000;
  CHECK(*partial_likelihood_loss(far.scores, far.times, far.seen).value ==
        doctest::Approx(*partial_likelihood_loss(near.scores, near.times, near.seen).value)
            .epsilon(1e-9));
}

}  // namespace
}  // namespace polyclinic::metrics
