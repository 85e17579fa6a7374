// System: noise that is correlated over rounds. Input: plans, every pattern of rounds of small
// ones, fixed addresses. Expectation: how far a unit moves all rounds is what other implementations
// publish and never less than any pattern gives; noise has the covariance of the factorisation.
#include "privacy/round_noise.hpp"

#include <doctest/doctest.h>

#include <Eigen/Dense>
#include <bit>
#include <cmath>

#include "privacy/ledger.hpp"

namespace polyclinic::privacy {
namespace {

RoundNoisePlan tree_of(std::int64_t rounds, std::int64_t separation, std::int64_t restart = 0) {
  return {
      .kind = RoundNoiseKind::tree, .rounds = rounds, .separation = separation, .restart = restart};
}

RoundNoisePlan banded_of(std::int64_t rounds, std::int64_t separation, std::int64_t bands) {
  return {
      .kind = RoundNoiseKind::banded, .rounds = rounds, .separation = separation, .bands = bands};
}

// The most that any allowed pattern moves the rounds by.
double searched(const RoundNoisePlan& plan, std::int64_t times) {
  double most = 0;
  for (std::uint32_t pattern = 1; pattern < (1U << static_cast<unsigned>(plan.rounds)); ++pattern) {
    std::vector<std::int64_t> rounds;
    bool allowed = std::popcount(pattern) <= times;
    for (std::int64_t t = 0; t < plan.rounds; ++t) {
      if ((pattern >> static_cast<unsigned>(t) & 1U) == 0) continue;
      allowed = allowed && (rounds.empty() || t + 1 - rounds.back() >= plan.separation);
      rounds.push_back(t + 1);
    }
    if (allowed) most = std::max(most, sensitivity_squared(plan, rounds));
  }
  return most;
}

// Lower triangular Toeplitz.
Eigen::MatrixXd factor(std::int64_t rounds, std::int64_t bands) {
  const std::vector<double> c = square_root_bands(bands);
  Eigen::MatrixXd matrix = Eigen::MatrixXd::Zero(rounds, rounds);
  for (std::int64_t t = 0; t < rounds; ++t) {
    for (std::int64_t j = 0; j < std::min(bands, t + 1); ++j) {
      matrix(t, t - j) = c[static_cast<std::size_t>(j)];
    }
  }
  return matrix;
}

// Mean square of the values' prefix sums, round after round.
std::vector<double> prefix_squares(const RoundNoisePlan& plan, std::size_t values) {
  RoundNoise noise(plan, RunKey{21});
  std::vector<double> prefix(values, 0.0);
  std::vector<double> squares;
  for (std::int64_t t = 1; t <= plan.rounds; ++t) {
    noise.add(t, 1, prefix);
    double sum = 0;
    for (const double x : prefix) sum += x * x;
    squares.push_back(sum / static_cast<double>(values));
  }
  return squares;
}

}  // namespace

TEST_CASE("a tree is moved as far as tensorflow_privacy's max_tree_sensitivity_square_sum says") {
  // its tests: (most participations, rounds between two, rounds); a separation is one more
  struct Row {
    std::int64_t times, between, rounds;
    double squared;
  };
  for (const Row& row :
       {Row{1, 7, 8, 4}, Row{3, 3, 9, 11}, Row{3, 2, 7, 9}, Row{8, 2, 24, 88}, Row{8, 0, 8, 120},
        Row{2, 0, 3, 6}, Row{2, 0, 8, 14}, Row{2, 0, 11, 14}, Row{2, 0, 19, 18}}) {
    CAPTURE(row.rounds);
    CAPTURE(row.times);
    const RoundNoisePlan plan = tree_of(row.rounds, row.between + 1);
    CHECK(sensitivity_squared(plan, row.times) == row.squared);
  }
}

TEST_CASE("no pattern of rounds moves a unit further than the plan says, and one as far") {
  for (std::int64_t rounds = 1; rounds <= 11; ++rounds) {
    for (std::int64_t separation = 1; separation <= 5; ++separation) {
      for (std::int64_t times = 1; times <= 4; ++times) {
        CAPTURE(rounds);
        CAPTURE(separation);
        CAPTURE(times);
        const RoundNoisePlan tree = tree_of(rounds, separation);
        CHECK(sensitivity_squared(tree, times) == searched(tree, times));
        // several trees forget when a unit was in the one before: never below
        const RoundNoisePlan trees = tree_of(rounds, separation, 4);
        CHECK(sensitivity_squared(trees, times) >= searched(trees, times));
        for (const std::int64_t bands : {1, 3, 20}) {
          const RoundNoisePlan banded = banded_of(rounds, separation, bands);
          CHECK(sensitivity_squared(banded, times) ==
                doctest::Approx(searched(banded, times)).epsilon(1e-13));
        }
      }
    }
  }
}

TEST_CASE("a search that would take long is bounded from above") {
  // 100 x 100 rounds: 100^2 x 100^3 combinations
  const double squared = sensitivity_squared(tree_of(10'000, 100), 100);
  // every hundredth round from the first is one pattern
  std::vector<std::int64_t> rounds;
  for (std::int64_t t = 1; t <= 10'000; t += 100) rounds.push_back(t);
  const double pattern = sensitivity_squared(tree_of(10'000, 100), rounds);
  CHECK(squared >= pattern);
  CHECK(squared < 2 * pattern);
}

TEST_CASE("bands that no two rounds of a unit share cost what one round costs, each") {
  double column = 0;
  for (const double c : square_root_bands(10)) column += c * c;
  CHECK(sensitivity_squared(banded_of(95, 10, 10), 3) == doctest::Approx(3 * column));
  // (1 - x)^(-1/2): 1, 1/2, 3/8, 5/16; its square is 1 + x + x^2 + ...
  const std::vector<double> c = square_root_bands(4);
  CHECK(c == std::vector<double>{1, 0.5, 0.375, 0.3125});
}

TEST_CASE("prefix sums carry the noise of the factorisation") {
  constexpr std::size_t kValues = 20'000;
  // 5 standard errors of a variance over so many values
  const double tolerance = 5 * std::sqrt(2.0 / kValues);
  const std::vector<double> tree = prefix_squares(tree_of(13, 1), kValues);
  for (std::size_t t = 0; t < tree.size(); ++t) {
    CAPTURE(t);
    CHECK(std::fabs(tree[t] / std::popcount(t + 1) - 1) < tolerance);
  }
  // trees of 5 rounds: a finished one leaves its two nodes
  const std::vector<double> trees = prefix_squares(tree_of(13, 1, 5), kValues);
  for (std::size_t t = 0; t < trees.size(); ++t) {
    const auto local = t % 5 + 1;
    const double nodes = static_cast<double>(t / 5 * 2) + std::popcount(local);
    CHECK(std::fabs(trees[t] / nodes - 1) < tolerance);
  }
  for (const std::int64_t bands : {1, 4, 13}) {
    CAPTURE(bands);
    const Eigen::MatrixXd sums = Eigen::MatrixXd::Ones(13, 13).triangularView<Eigen::Lower>();
    const Eigen::MatrixXd b = sums * factor(13, bands).inverse();
    const std::vector<double> banded = prefix_squares(banded_of(13, 1, bands), kValues);
    for (std::size_t t = 0; t < banded.size(); ++t) {
      const double expected = b.row(static_cast<Eigen::Index>(t)).squaredNorm();
      CHECK(std::fabs(banded[t] / expected - 1) < tolerance);
    }
  }
}

TEST_CASE("a round that released nothing is made up for by the next") {
  for (const RoundNoisePlan& plan :
       {tree_of(16, 1), tree_of(16, 1, 5), banded_of(16, 1, 4),
        RoundNoisePlan{.kind = RoundNoiseKind::independent, .rounds = 16}}) {
    RoundNoise all(plan, RunKey{3});
    RoundNoise some(plan, RunKey{3});
    std::vector<double> a(50, 0.0);
    std::vector<double> b(50, 0.0);
    for (std::int64_t t = 1; t <= 16; ++t) all.add(t, 0.7, a);
    for (const std::int64_t t : {2, 3, 9, 16}) some.add(t, 0.7, b);
    for (std::size_t i = 0; i < a.size(); ++i) CHECK(a[i] == doctest::Approx(b[i]).epsilon(1e-12));
  }
}

TEST_CASE("trap: a restarted tree draws nothing again, and costs again") {
  RoundNoise noise(tree_of(8, 1, 4), RunKey{3});
  std::vector<double> first(50, 0.0);
  noise.add(1, 1, first);
  std::vector<double> rest(50, 0.0);
  for (std::int64_t t = 2; t <= 4; ++t) noise.add(t, 1, rest);
  std::vector<double> fifth(50, 0.0);
  noise.add(5, 1, fifth);
  CHECK(fifth != first);
  const std::int64_t once = 1;
  CHECK(sensitivity_squared(tree_of(8, 4, 4), once) == 3);
  CHECK(sensitivity_squared(tree_of(8, 4, 4), 2 * once) == 6);
}

TEST_CASE("the ledger takes all rounds as one release, and the spend as what really happened") {
  LedgerTerms terms;
  terms.unit = "hospital";
  terms.noise = 1.13;
  terms.delta = 1e-6;
  terms.correlated = tree_of(1600, 1600);
  Ledger ledger(terms);
  const HospitalTerms hospital{
      .rows = 10, .units = 100, .rate = 1, .steps = 1, .trainings = terms.correlated->most()};
  const double guarantee = ledger.open(HospitalId{1}, hospital).guarantee;
  // TREE-01 and TREE-03 of tensorflow_privacy: 11 nodes stand above a leaf
  CHECK(guarantee < 19.74);
  CHECK(guarantee <= 18.709609893772754 * (1 + 1e-6));
  CHECK(guarantee > 18.5);
  // the last round has three nodes above it, of 1024 + 512 + 64: 1 + log2(64)
  ledger.charge(HospitalId{1}, {.round = 1600, .steps = 1});
  AccountRequest one;
  one.phases = {{.q = 1, .sigma = 1.13 / std::sqrt(7.0), .steps = 1}};
  one.delta = 1e-6;
  one.accountants = {Accountant::rdp};
  CHECK(ledger.spent(ledger.pages().at(HospitalId{1})) == account(one).rows.front().epsilon);
}

TEST_CASE("noise for an epsilon grows with how far all rounds are moved") {
  LedgerTerms terms;
  terms.unit = "hospital";
  terms.epsilon = 4;
  terms.correlated = banded_of(40, 10, 10);
  Ledger ledger(terms);
  const HospitalTerms hospital{.rows = 10, .units = 100, .rate = 1, .steps = 1, .trainings = 4};
  const LedgerPage& page = ledger.open(HospitalId{1}, hospital);
  CHECK(page.guarantee <= 4 * (1 + 1e-9));
  CHECK(page.guarantee > 3.99);
  AccountRequest one;
  one.phases = {{.q = 1, .sigma = 0, .steps = 1}};
  one.delta = terms.delta;
  one.target_epsilon = 4;
  one.accountants = {Accountant::rdp};
  const double alone = account(one).rows.front().sigma;
  CHECK(page.noise ==
        doctest::Approx(alone * std::sqrt(sensitivity_squared(*terms.correlated, 4))));
}

TEST_CASE("a budget admits fewer rounds of a hospital") {
  LedgerTerms terms;
  terms.unit = "hospital";
  terms.noise = 6;
  terms.epsilon = 1.5;
  terms.correlated = banded_of(40, 4, 4);
  Ledger ledger(terms);
  const HospitalTerms hospital{.rows = 10, .units = 100, .rate = 1, .steps = 1, .trainings = 10};
  const LedgerPage& page = ledger.open(HospitalId{1}, hospital);
  CHECK(page.steps_allowed >= 1);
  CHECK(page.steps_allowed < 10);
  CHECK(page.guarantee <= 1.5);
  terms.correlated->rounds = page.steps_allowed * 4 + 1;  // one more time
  terms.epsilon.reset();
  Ledger beyond(terms);
  HospitalTerms once_more = hospital;
  once_more.trainings = page.steps_allowed + 1;
  CHECK(beyond.open(HospitalId{1}, once_more).guarantee > 1.5);
}

}  // namespace polyclinic::privacy
