// System: single private answers. Input: many calls with seeds of their own. Expectation: noise has
// the law that its epsilon needs; an observer tells neighbours apart no better than epsilon allows;
// what is not proven is refused.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "base/math.hpp"
#include "privacy/gaussian.hpp"
#include "privacy/mechanisms.hpp"

using namespace polyclinic;
using namespace polyclinic::privacy;

namespace {

Part part_of(std::string_view name, std::vector<std::pair<std::string, Value>> fields) {
  for (const Schema& schema : mechanism_schemas()) {
    if (schema.name != name) continue;
    std::vector<FieldValue> given;
    for (auto& [field, value] : fields) given.push_back({field, value, {}, true});
    std::vector<Mistake> mistakes;
    Part part = schema.resolve(std::move(given), {}, mistakes);
    REQUIRE(mistakes.empty());
    return part;
  }
  FAIL("no such mechanism");
  return {};
}

Value numbers(std::vector<double> values) {
  return Value(Numbers(std::make_shared<const std::vector<double>>(std::move(values))));
}

Value field(const Value& answer, std::string_view name) {
  for (const auto& [key, value] : answer.as<Table>()) {
    if (key == name) return value;
  }
  FAIL("the answer has no such field");
  return {};
}

std::vector<double> values(const Value& answer) {
  return *field(answer, "values").as<Numbers>();
}

std::string refusal(const Part& part) {
  try {
    static_cast<void>(answer_of(part));
  } catch (const ScenarioError& error) {
    return error.mistakes().at(0).message;
  }
  return "accepted";
}

// sqrt(n) times the greatest distance of the empirical distribution from the law's; the one in a
// thousand point of Kolmogorov and Smirnov is 1.95.
double distance(std::vector<double> sample, const std::function<double(double)>& cdf) {
  std::sort(sample.begin(), sample.end());
  const auto n = static_cast<double>(sample.size());
  double most = 0;
  for (std::size_t i = 0; i < sample.size(); ++i) {
    const double p = cdf(sample[i]);
    most = std::max({most, std::fabs(p - static_cast<double>(i) / n),
                     std::fabs(p - static_cast<double>(i + 1) / n)});
  }
  return most * std::sqrt(n);
}

}  // namespace

TEST_CASE("Gaussian and Laplace answers have the law of their mechanism") {
  const std::vector<double> zeros(50'000, 0.0);
  const Value gaussian = answer_of(
      part_of("gaussian", {{"values", numbers(zeros)}, {"sensitivity", 2.0}, {"epsilon", 0.5}}));
  const double sigma = *field(gaussian, "sigma").number();
  CHECK(gaussian_delta(2 / sigma, 0.5) == doctest::Approx(1e-5).epsilon(1e-6));
  CHECK(distance(values(gaussian),
                 [&](double x) { return 0.5 * std::erfc(-x / sigma / std::sqrt(2.0)); }) < 1.95);
  const Value laplace = answer_of(
      part_of("laplace", {{"values", numbers(zeros)}, {"sensitivity", 2.0}, {"epsilon", 0.5}}));
  CHECK(*field(laplace, "scale").number() == 4);
  CHECK(distance(values(laplace), [](double x) {
          return x < 0 ? 0.5 * std::exp(x / 4) : 1 - 0.5 * std::exp(-x / 4);
        }) < 1.95);
}

TEST_CASE("the classic bound is refused where it is not proven") {
  const auto asked = [](double epsilon) {
    return part_of(
        "gaussian",
        {{"values", numbers({1})}, {"epsilon", epsilon}, {"bound", std::string("classic")}});
  };
  CHECK(refusal(asked(1)).find("proven for epsilon below 1 only") != std::string::npos);
  CHECK(refusal(asked(0.9)) == "accepted");
  const double classic = *field(answer_of(asked(0.9)), "sigma").number();
  const double analytic =
      *field(answer_of(part_of("gaussian", {{"values", numbers({1})}, {"epsilon", 0.9}})), "sigma")
           .number();
  CHECK(classic > 1.2 * analytic);
}

TEST_CASE("integer answers stay whole, and no value is told apart by more than epsilon allows") {
  constexpr std::int64_t kDraws = 100'000;
  const auto counts = [&](double truth, std::int64_t seed) {
    std::map<double, double> result;
    const Value answer = answer_of(
        part_of("discrete_laplace", {{"values", numbers(std::vector<double>(kDraws, truth))},
                                     {"epsilon", 0.8},
                                     {"seed", seed}}));
    for (const double x : values(answer)) {
      REQUIRE(x == std::floor(x));
      result[x] += 1;
    }
    return result;
  };
  auto there = counts(10, 1);
  auto gone = counts(9, 2);
  const double grow = math::exp(0.8);
  for (int x = 4; x <= 15; ++x) {
    CAPTURE(x);
    // five standard errors of the difference of two Poisson-like counts
    CHECK(there[x] - grow * gone[x] < 5 * std::sqrt(there[x] + grow * grow * gone[x]));
    CHECK(gone[x] - grow * there[x] < 5 * std::sqrt(gone[x] + grow * grow * there[x]));
  }
  // and epsilon is used up: at 10 and beyond the ratio is exp(0.8)
  CHECK(there[10] > 0.9 * grow * gone[10]);
  CHECK(refusal(part_of("discrete_laplace", {{"values", numbers({1.5})}, {"epsilon", 1.0}}))
            .find("no whole number") != std::string::npos);
}

TEST_CASE("a discrete Gaussian's epsilon is near that of the Gaussian with its deviation") {
  const Value answer =
      answer_of(part_of("discrete_gaussian", {{"values", numbers({3, 4})}, {"sigma", 8.0}}));
  CHECK(*field(answer, "epsilon").number() ==
        doctest::Approx(gaussian_epsilon(1.0 / 8, 1e-5)).epsilon(1e-2));
  for (const double x : values(answer)) CHECK(x == std::floor(x));
}

TEST_CASE("randomised response tells the truth as often as epsilon says") {
  std::vector<double> truth(60'000, 0.0);
  std::fill(truth.begin(), truth.begin() + 18'000, 1.0);
  const Value answer =
      answer_of(part_of("randomised_response", {{"values", numbers(truth)}, {"epsilon", 1.0}}));
  const double p = std::exp(1.0) / (1 + std::exp(1.0));
  CHECK(*field(answer, "truth").number() == doctest::Approx(p).epsilon(1e-12));
  double same = 0;
  const std::vector<double> told = values(answer);
  for (std::size_t i = 0; i < told.size(); ++i) same += told[i] == truth[i] ? 1 : 0;
  CHECK(std::fabs(same / 60'000 - p) < 5 * std::sqrt(p * (1 - p) / 60'000));
  CHECK(std::fabs(*field(answer, "share").number() - 0.3) <
        5 * std::sqrt(0.25 / 60'000) / (2 * p - 1));
  CHECK(refusal(part_of("randomised_response", {{"values", numbers({2})}, {"epsilon", 1.0}}))
            .find("neither 0 nor 1") != std::string::npos);
}

TEST_CASE("noisy max chooses as the exponential mechanism does") {
  constexpr int kDraws = 40'000;
  for (const bool monotone : {false, true}) {
    std::vector<double> chosen(3, 0.0);
    for (int seed = 0; seed < kDraws; ++seed) {
      const Value answer = answer_of(part_of("noisy_max", {{"values", numbers({1, 3, 2})},
                                                           {"epsilon", 1.5},
                                                           {"sensitivity", 2.0},
                                                           {"monotone", monotone},
                                                           {"seed", std::int64_t{seed}}}));
      chosen[static_cast<std::size_t>(*field(answer, "index").integer() - 1)] += 1;
    }
    const double factor = 1.5 / 2 / (monotone ? 1 : 2);
    const double all = std::exp(factor) + std::exp(3 * factor) + std::exp(2 * factor);
    for (std::size_t i = 0; i < 3; ++i) {
      const double p = std::exp(factor * std::vector<double>{1, 3, 2}[i]) / all;
      CHECK(std::fabs(chosen[i] / kDraws - p) < 5 * std::sqrt(p * (1 - p) / kDraws));
    }
  }
}
