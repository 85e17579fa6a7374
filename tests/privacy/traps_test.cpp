// System: account(). Input: the accounting mistakes that reviewers look for. Expectation: each
// comes out on the careful side, or is refused with its remedy.
#include <doctest/doctest.h>

#include <cmath>

#include "privacy/account.hpp"
#include "privacy/composition.hpp"
#include "privacy/gaussian.hpp"
#include "privacy/integer_noise.hpp"

using namespace polyclinic;
using namespace polyclinic::privacy;

namespace {

AccountRequest plan(std::vector<Phase> phases, Sampling sampling, double delta = 1e-5) {
  AccountRequest request;
  request.phases = std::move(phases);
  request.sampling = sampling;
  request.adjacency = usual_adjacency(sampling);
  request.delta = delta;
  return request;
}

AccountRow by(Accountant accountant, AccountRequest request) {
  request.accountants = {accountant};
  return account(request).rows.at(0);
}

double epsilon(Accountant accountant, const AccountRequest& request) {
  return by(accountant, request).epsilon;
}

std::string refusal(const AccountRequest& request) {
  try {
    static_cast<void>(account(request));
  } catch (const ScenarioError& error) {
    return error.mistakes().at(0).message + " | " + error.mistakes().at(0).hint;
  }
  return "accepted";
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("trap 1: batches of a shuffle are not Poisson batches") {
  // the statement test of tensorflow-privacy: 1.616 if one believes in Poisson, 13.376 in truth
  const std::vector<Phase> phases{{0.0064, 1.0, 782}};
  CHECK(epsilon(Accountant::rdp, plan(phases, Sampling::poisson, 1e-6)) ==
        doctest::Approx(1.616).epsilon(5e-4));
  // 782 steps of 1/0.0064 = 156.25 per epoch: each record in at most 6 batches; in 5 there, where
  // the last 0.8 steps are no sixth epoch
  const std::vector<Phase> five{{0.0064, 1.0, 781}};
  CHECK(epsilon(Accountant::rdp, plan(five, Sampling::shuffled, 1e-6)) ==
        doctest::Approx(13.376).epsilon(5e-5));
  CHECK(epsilon(Accountant::rdp, plan(phases, Sampling::shuffled, 1e-6)) > 13.376);
}

TEST_CASE("trap 2: m of N is no Poisson sampling, and costs more") {
  const std::vector<Phase> phases{{0.02, 1.0, 500}};
  const AccountRequest fixed = plan(phases, Sampling::without_replacement);
  CHECK(fixed.adjacency == Adjacency::replace_one);
  CHECK(epsilon(Accountant::rdp, fixed) >
        epsilon(Accountant::rdp, plan(phases, Sampling::poisson)));
  AccountRequest wrong = fixed;
  wrong.adjacency = Adjacency::add_remove;
  CHECK(contains(refusal(wrong), "use adjacency replace_one"));
  // without a coin of the coordinator's own there is no amplification: q = 1 for every round
  CHECK(epsilon(Accountant::pld, plan({{1, 1.0, 500}}, Sampling::none)) >
        10 * epsilon(Accountant::pld, plan(phases, Sampling::poisson)));
}

TEST_CASE("trap 3: rounds that differ compose one by one, not with their average rate") {
  const AccountRequest phases = plan({{0.01, 1, 100}, {0.19, 1, 100}}, Sampling::poisson);
  const AccountRequest average = plan({{0.1, 1, 200}}, Sampling::poisson);
  for (const Accountant each : {Accountant::rdp, Accountant::pld}) {
    CHECK(epsilon(each, phases) > 1.1 * epsilon(each, average));
  }
  // and the order of the phases does not matter; nor does cutting one in two
  const AccountRequest other =
      plan({{0.19, 1, 60}, {0.01, 1, 100}, {0.19, 1, 40}}, Sampling::poisson);
  CHECK(epsilon(Accountant::rdp, other) ==
        doctest::Approx(epsilon(Accountant::rdp, phases)).epsilon(1e-12));
  CHECK(epsilon(Accountant::pld, other) ==
        doctest::Approx(epsilon(Accountant::pld, phases)).epsilon(1e-4));
}

TEST_CASE("trap 4: noise that dropouts take away is missed") {
  // 10 of 50 hospitals drop out of distributed noise: sigma falls by sqrt(40 / 50)
  const double planned = epsilon(Accountant::pld, plan({{1, 5.0, 100}}, Sampling::none));
  const double arrived =
      epsilon(Accountant::pld, plan({{1, 5.0 * std::sqrt(0.8), 100}}, Sampling::none));
  CHECK(arrived > planned * 1.1);
}

TEST_CASE("trap 6 of the suites: clipping a mean of two records doubles the sensitivity") {
  // sigma over 2: 26.288 against 10.860 (tensorflow-privacy)
  CHECK(epsilon(Accountant::rdp, plan({{1, 0.35, 2}}, Sampling::none)) ==
        doctest::Approx(26.2880374).epsilon(1e-6));
}

TEST_CASE("trap 14: several records of one patient") {
  AccountRequest one = plan({{1, 1.0, 5}}, Sampling::none, 1e-6);
  AccountRequest three = one;
  three.records_per_unit = 3;
  // every record pulls three times as far: noise divided by 3
  CHECK(epsilon(Accountant::pld, three) ==
        doctest::Approx(epsilon(Accountant::pld, plan({{1, 1.0 / 3, 5}}, Sampling::none, 1e-6))));
  AccountRequest sampled = plan({{0.0064, 1.0, 782}}, Sampling::poisson, 1e-6);
  AccountRequest group = sampled;
  group.records_per_unit = 2;
  const double two_pld = epsilon(Accountant::pld, group);
  CHECK(two_pld > epsilon(Accountant::pld, sampled));
  // the general bound is looser than the mixture
  CHECK(epsilon(Accountant::rdp, group) > two_pld);
  group.adjacency = Adjacency::replace_one;
  CHECK(contains(refusal(group), "add_remove"));
}

TEST_CASE("trap 15: replacing one record is about twice adding one") {
  AccountRequest add = plan({{0.2, 0.5, 3}}, Sampling::poisson);
  add.delta.reset();
  add.epsilon = 1;
  AccountRequest replace = add;
  replace.adjacency = Adjacency::replace_one;
  const AccountRow added = by(Accountant::pld, add);
  const AccountRow replaced = by(Accountant::pld, replace);
  CHECK(replaced.delta == doctest::Approx(0.207791475).epsilon(1e-4));
  CHECK(added.delta < replaced.delta);
  // without sampling exactly half the noise
  AccountRequest plain = plan({{1, 2.0, 10}}, Sampling::none);
  plain.adjacency = Adjacency::replace_one;
  CHECK(epsilon(Accountant::pld, plain) ==
        doctest::Approx(epsilon(Accountant::pld, plan({{1, 1.0, 10}}, Sampling::none))));
}

TEST_CASE("trap 19: a discrete Gaussian's variance is below sigma squared") {
  CHECK(discrete_gaussian_variance(0.5) == doctest::Approx(0.215).epsilon(2e-3));
  CHECK(discrete_gaussian_variance(4) == doctest::Approx(16).epsilon(1e-9));
}

TEST_CASE("the classic bound of the Gaussian is refused where it is not proven") {
  AccountRequest one = plan({{1, 10.0, 1}}, Sampling::none);
  const double classic = epsilon(Accountant::classic, one);
  CHECK(classic == doctest::Approx(std::sqrt(2 * std::log(1.25e5)) / 10));
  CHECK(classic > 1.2 * epsilon(Accountant::pld, one));
  AccountRequest low = plan({{1, 2.0, 1}}, Sampling::none);
  low.accountants = {Accountant::classic};
  CHECK(contains(refusal(low), "proven for epsilon below 1 only"));
  AccountRequest steps = plan({{1, 10.0, 2}}, Sampling::none);
  steps.accountants = {Accountant::classic};
  CHECK(contains(refusal(steps), "one step without sampling"));
  CHECK(!classic_sigma(1, 1e-5).has_value());
}

TEST_CASE("the noise for a target fits it and is not more than needed") {
  for (const Accountant each : {Accountant::rdp, Accountant::pld, Accountant::gdp, Accountant::zcdp,
                                Accountant::advanced}) {
    CAPTURE(name_of(each));
    AccountRequest request = plan({{0.02, 0, 300}}, Sampling::poisson);
    request.target_epsilon = 2;
    const AccountRow solved = by(each, request);
    CHECK(solved.epsilon <= 2);
    // composition of (epsilon, delta) steps moves in whole multiples of a step's epsilon
    CHECK(solved.epsilon > (each == Accountant::advanced ? 1.9 : 2 - 1e-4));
    AccountRequest less = plan({{0.02, solved.sigma * 0.999, 300}}, Sampling::poisson);
    if (each != Accountant::advanced) CHECK(epsilon(each, less) > 2);
  }
}

TEST_CASE("the steps for a budget fit it, one more does not") {
  for (const Accountant each : {Accountant::rdp, Accountant::pld}) {
    AccountRequest request = plan({{0.04, 1.5, 0}}, Sampling::poisson);
    request.target_epsilon = 3;
    const AccountRow solved = by(each, request);
    CHECK(solved.epsilon <= 3);
    CHECK(epsilon(each, plan({{0.04, 1.5, solved.steps + 1}}, Sampling::poisson)) > 3);
  }
}

TEST_CASE("wrong plans are refused in a sentence with the remedy") {
  const auto refused = [](Phase phase, Sampling sampling, double delta) {
    return refusal(plan({phase}, sampling, delta));
  };
  CHECK(contains(refused({1.5, 1, 10}, Sampling::poisson, 1e-5), "above 0, at most 1"));
  CHECK(contains(refused({0, 1, 10}, Sampling::poisson, 1e-5), "above 0, at most 1"));
  CHECK(contains(refused({0.1, -1, 10}, Sampling::poisson, 1e-5), "noise multiplier"));
  CHECK(contains(refused({0.1, std::nan(""), 10}, Sampling::poisson, 1e-5), "noise multiplier"));
  CHECK(contains(refused({0.1, 1, -4}, Sampling::poisson, 1e-5), "at least one step"));
  CHECK(contains(refused({0.1, 1, 10}, Sampling::poisson, 0), "above 0 and below 1"));
  CHECK(contains(refused({0.1, 1, 10}, Sampling::poisson, 1), "above 0 and below 1"));
  CHECK(contains(refused({0.1, 1, 10}, Sampling::none, 1e-5), "name the sampling"));
  AccountRequest both = plan({{0.1, 1, 10}}, Sampling::poisson);
  both.epsilon = 1;
  CHECK(contains(refusal(both), "both delta and epsilon"));
  AccountRequest neither = plan({{0.1, 1, 10}}, Sampling::poisson);
  neither.delta.reset();
  CHECK(contains(refusal(neither), "give delta to learn epsilon"));
  AccountRequest known = plan({{0.1, 1, 10}}, Sampling::poisson);
  known.target_epsilon = 2;
  CHECK(contains(refusal(known), "needs one unknown"));
  AccountRequest grid = plan({{0.1, 1, 10}}, Sampling::poisson);
  grid.orders = {0.5, 2};
  CHECK(contains(refusal(grid), "orders go from"));
}

TEST_CASE("composition of steps: optimal is never above simple addition, and sampling helps") {
  CHECK(optimal_composition({1, 1e-3}, 30, 0.06) == doctest::Approx(22).epsilon(1e-12));
  CHECK(std::isinf(optimal_composition({1, 1e-3}, 30, 0.01)));  // 30 steps already cost 0.03
  CHECK(optimal_composition({0.1, 0}, 1, 1e-6) == doctest::Approx(0.1));
  const EpsilonDelta sampled = amplified_by_sampling({1, 1e-6}, 0.01);
  CHECK(sampled.epsilon == doctest::Approx(std::log(1 + 0.01 * (std::exp(1) - 1))));
  CHECK(sampled.delta == doctest::Approx(1e-8));
  CHECK(std::isinf(amplified_by_shuffling(6, 1000, 1e-6)));
}
