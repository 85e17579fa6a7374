// System: what a membership attack proves. Input: scores with and without a signal, from addressed
// streams. Expectation: closed forms and published values; nothing is claimed of too few records,
// and a bound of epsilon holds as often as it says.
#include "privacy/membership.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "base/draw.hpp"

using namespace polyclinic;
using namespace polyclinic::privacy;
using doctest::Approx;

namespace {

// So many scores of each side, N(shift, 1) for members and N(0, 1) for others.
AttackScores normal_scores(std::uint64_t seed, int records, double shift) {
  AttackScores scores;
  Stream members(RunKey{seed}, Purpose::kTest, 1);
  Stream others(RunKey{seed}, Purpose::kTest, 2);
  for (int i = 0; i < records; ++i) {
    scores.members.push_back(draw::normal(members, shift, 1));
    scores.others.push_back(draw::normal(others, 0, 1));
  }
  return scores;
}

// The share of seeds in which nothing but noise is said to have a positive epsilon.
struct FalseAlarms {
  double chosen_on_same = 0;
  double chosen_elsewhere = 0;
};
FalseAlarms false_alarms(int seeds, int records, double confidence) {
  FalseAlarms alarms;
  for (int seed = 0; seed < seeds; ++seed) {
    const auto key = static_cast<std::uint64_t>(seed);
    const AttackScores chosen_on = normal_scores(2 * key, records, 0);
    const AttackScores judged_on = normal_scores(2 * key + 1, records, 0);
    const Claim claim = choose_claim(chosen_on, 0, confidence).value();
    const double same = epsilon_bound(count(claim, chosen_on), 0, confidence);
    const double elsewhere = epsilon_bound(count(claim, judged_on), 0, confidence);
    alarms.chosen_on_same += same > 0 ? 1.0 / seeds : 0;
    alarms.chosen_elsewhere += elsewhere > 0 ? 1.0 / seeds : 0;
  }
  return alarms;
}

}  // namespace

TEST_CASE("the true-positive rate by hand, ties together") {
  // 100 others 1..100; at 10 % ten may be beyond: those above 90, and with them members above 90
  AttackScores scores;
  for (int i = 1; i <= 100; ++i) scores.others.push_back(i);
  scores.members = {91, 90, 89, 95, 1000, 3, 90.5, 90};
  const TruePositives ten = true_positives_at(scores, 0.1, 0.95).value();
  CHECK(ten.false_positive_rate == Approx(0.1));
  CHECK(ten.rate == Approx(4.0 / 8));  // 91, 95, 1000 and 90.5
  const statistics::Interval limits = statistics::clopper_pearson(4, 8, 0.95);
  CHECK(ten.limits.low == limits.low);
  CHECK(ten.limits.high == limits.high);
  // eleven others share the highest score: they cannot be told apart, so none is beyond
  for (int i = 89; i < 100; ++i) scores.others[static_cast<std::size_t>(i)] = 100;
  const TruePositives tied = true_positives_at(scores, 0.1, 0.95).value();
  CHECK(tied.false_positive_rate == 0);
  CHECK(tied.rate == Approx(1.0 / 8));
  // of normal scores: TPR = Phi(Phi^-1(FPR) + mu), here .1 and mu 1: Phi(-.2816) = .3891; three
  // standard errors of 20,000 members and of the threshold are below .02
  const TruePositives known = true_positives_at(normal_scores(1, 20'000, 1), 0.1, 0.95).value();
  CHECK(std::abs(known.rate - 0.3891) < 0.02);
}

TEST_CASE("trap 24: too few non-members have no true-positive rate") {
  CHECK(others_needed(0.001) == 10'000);
  CHECK(others_needed(0.01) == 1'000);
  CHECK(others_needed(0.03) == 334);
  CHECK_FALSE(true_positives_at(normal_scores(1, 999, 3), 0.01, 0.95).has_value());
  CHECK(true_positives_at(normal_scores(1, 1'000, 3), 0.01, 0.95).has_value());
  AttackScores nobody = normal_scores(1, 1'000, 0);
  nobody.members.clear();
  CHECK_FALSE(true_positives_at(nobody, 0.01, 0.95).has_value());
}

TEST_CASE("trap 24: a threshold chosen on the records that judge it inflates epsilon") {
  // pure noise: epsilon is 0, and a bound with confidence c may be above it in 1 - c of the seeds,
  // give or take three standard errors. Judged by other records it is; judged by the records that
  // chose the claim, it is not where c is no more than .8 (beyond, the two bounds that must hold
  // together hide it)
  struct Case {
    double confidence;
    int records;
    int seeds;
  };
  for (const Case& c : {Case{0.5, 100, 400}, Case{0.8, 1'000, 100}, Case{0.95, 100, 400}}) {
    CAPTURE(c.confidence);
    const FalseAlarms alarms = false_alarms(c.seeds, c.records, c.confidence);
    const double allowed = 1 - c.confidence;
    const double chance = 3 * std::sqrt(allowed * c.confidence / c.seeds);
    CHECK(alarms.chosen_elsewhere <= allowed + chance);
    CHECK(alarms.chosen_on_same > alarms.chosen_elsewhere);
    if (c.confidence <= 0.8) CHECK(alarms.chosen_on_same > allowed + chance);
  }
}

TEST_CASE("epsilon's lower bound: published value, by hand, and what delta takes away") {
  // 500 of 500 against 0 of 500 at 99 %: L = .005^(1/500), U = 1 - L, and 4.54 is the most that a
  // thousand trials can show
  const ClaimCounts perfect{500, 500, 0, 500};
  const double low = std::pow(0.005, 1.0 / 500);
  CHECK(epsilon_bound(perfect, 0, 0.99) == Approx(std::log(low / (1 - low))).epsilon(1e-9));
  CHECK(epsilon_bound(perfect, 0, 0.99) == Approx(4.54).epsilon(1e-3));
  CHECK(epsilon_bound(perfect, 0.1, 0.99) ==
        Approx(std::log((low - 0.1) / (1 - low))).epsilon(1e-9));
  // as often right as wrong, never right, all of it within delta: nothing is proved
  CHECK(epsilon_bound({50, 100, 50, 100}, 0, 0.95) == 0);
  CHECK(epsilon_bound({0, 100, 0, 100}, 0, 0.95) == 0);
  CHECK(epsilon_bound({10, 100, 0, 100}, 0.5, 0.95) == 0);
}

TEST_CASE("either claim may be the one that tells") {
  // no other is like the lowest half of the members ... and then the other way round
  AttackScores scores;
  for (int i = 0; i < 200; ++i) {
    scores.members.push_back(i);
    scores.others.push_back(i % 100);
  }
  const Claim member = choose_claim(scores, 0, 0.95).value();
  CHECK(member.says == Claim::Says::member);
  CHECK(member.threshold == 100);
  CHECK(count(member, scores).right == 100);
  CHECK(count(member, scores).wrong == 0);
  for (std::size_t i = 0; i < 200; ++i) {
    scores.members[i] = static_cast<double>(i % 100) + 100;
    scores.others[i] = static_cast<double>(i);
  }
  const Claim no_member = choose_claim(scores, 0, 0.95).value();
  CHECK(no_member.says == Claim::Says::no_member);
  CHECK(no_member.threshold == 100);
  CHECK(count(no_member, scores).right == 100);
  CHECK(count(no_member, scores).wrong == 0);
  scores.others.clear();
  CHECK_FALSE(choose_claim(scores, 0, 0.95).has_value());
}

TEST_CASE("a mechanism's epsilon is not exceeded, and nearly found") {
  // randomised response with epsilon 1: the truth with probability e / (1 + e). The bound fails in
  // at most 5 % of the seeds (200 seeds, three standard errors: .096) and is within .25 of epsilon
  // with 2,000 records a side: a standard error of ln(TPR / FPR) is .04
  constexpr int kSeeds = 200;
  const double truth = std::exp(1.0) / (1 + std::exp(1.0));
  int exceeded = 0;
  double mean = 0;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    AttackScores halves[2];
    Stream stream(RunKey{seed}, Purpose::kTest, 3);
    for (AttackScores& half : halves) {
      for (int i = 0; i < 2'000; ++i) {
        half.members.push_back(draw::bernoulli(stream, truth) ? 1 : 0);
        half.others.push_back(draw::bernoulli(stream, truth) ? 0 : 1);
      }
    }
    const Claim claim = choose_claim(halves[0], 0, 0.95).value();
    const double bound = epsilon_bound(count(claim, halves[1]), 0, 0.95);
    exceeded += bound > 1 ? 1 : 0;
    mean += bound / kSeeds;
  }
  CHECK(exceeded <= 0.096 * kSeeds);
  CHECK(mean > 0.75);
}
