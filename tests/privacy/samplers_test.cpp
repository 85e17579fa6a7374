// System: secret noise and the exact samplers of integers. Input: fixed addresses. Expectation: the
// cipher's published block; counts that a chi-square test does not tell from the law.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <vector>

#include "base/math.hpp"
#include "privacy/integer_noise.hpp"
#include "privacy/samplers.hpp"

using namespace polyclinic;
using namespace polyclinic::privacy;

namespace {

constexpr RunKey kRun{20261126};

NoiseStream stream(std::uint64_t entity) {
  return {kRun, Purpose::kTest, entity, 0};
}

// Pearson's statistic of `draws` numbers over the cells -reach..reach and one for the rest, as
// standard deviations of its law above its mean: a chi-square of k degrees has mean k, variance 2k.
double chi_square_excess(std::int64_t draws, std::int64_t reach,
                         const std::function<std::int64_t()>& draw,
                         const std::function<double(std::int64_t)>& mass) {
  std::vector<std::int64_t> counts(static_cast<std::size_t>(2 * reach + 2), 0);
  for (std::int64_t i = 0; i < draws; ++i) {
    const std::int64_t x = draw();
    const std::int64_t cell = x < -reach || x > reach ? 2 * reach + 1 : x + reach;
    ++counts[static_cast<std::size_t>(cell)];
  }
  double statistic = 0;
  double rest = 1;
  for (std::int64_t x = -reach; x <= reach; ++x) {
    const double expected = mass(x) * static_cast<double>(draws);
    REQUIRE(expected >= 5);  // as the approximation asks for
    rest -= mass(x);
    const double gap = static_cast<double>(counts[static_cast<std::size_t>(x + reach)]) - expected;
    statistic += gap * gap / expected;
  }
  const double expected = rest * static_cast<double>(draws);
  REQUIRE(expected >= 5);
  const double gap = static_cast<double>(counts.back()) - expected;
  statistic += gap * gap / expected;
  const auto degrees = static_cast<double>(2 * reach + 1);
  return (statistic - degrees) / std::sqrt(2 * degrees);
}

}  // namespace

TEST_CASE("the cipher is that of RFC 8439, section 2.3.2") {
  const NoiseStream::Block block =
      NoiseStream::block({0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c, 0x13121110, 0x17161514,
                          0x1b1a1918, 0x1f1e1d1c},
                         1, {0x09000000, 0x4a000000, 0x00000000});
  const NoiseStream::Block expected{0xe4e7f110, 0x15593bd1, 0x1fdd0f50, 0xc47120a3,
                                    0xc7f4d1c7, 0x0368c033, 0x9aaa2204, 0x4e6cd4c3,
                                    0x466482d2, 0x09aa9f07, 0x05d7c214, 0xa2028bd9,
                                    0xd19c12b5, 0xb94e16de, 0xe883d0cb, 0x4e3c50a2};
  CHECK(block == expected);
}

TEST_CASE("streams at different addresses differ in every part of the address") {
  NoiseStream first(kRun, Purpose::kTest, 1, 1);
  const std::uint64_t word = first.next_u64();
  CHECK(NoiseStream(kRun, Purpose::kTest, 1, 1).next_u64() == word);
  CHECK(NoiseStream(kRun, Purpose::kTest, 2, 1).next_u64() != word);
  CHECK(NoiseStream(kRun, Purpose::kTest, 1, 2).next_u64() != word);
  CHECK(NoiseStream(kRun, Purpose::kLocalNoise, 1, 1).next_u64() != word);
  CHECK(NoiseStream(RunKey{1}, Purpose::kTest, 1, 1).next_u64() != word);
}

TEST_CASE("normal numbers have the moments and the tails of their law") {
  NoiseStream s = stream(1);
  constexpr int kDraws = 200'000;
  double sum = 0;
  double squares = 0;
  int beyond = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double x = s.normal();
    sum += x;
    squares += x * x;
    beyond += std::fabs(x) > 3 ? 1 : 0;
  }
  // 5 standard errors: of a mean 1 / sqrt(n), of a variance sqrt(2 / n), of a count sqrt(n p)
  CHECK(std::fabs(sum / kDraws) < 5 / std::sqrt(kDraws));
  CHECK(std::fabs(squares / kDraws - 1) < 5 * std::sqrt(2.0 / kDraws));
  CHECK(std::fabs(beyond - 0.0026998 * kDraws) < 5 * std::sqrt(0.0026998 * kDraws));
}

TEST_CASE("whole numbers decide coins of any probability") {
  constexpr int kDraws = 100'000;
  const auto share = [](const std::function<bool()>& coin) {
    int heads = 0;
    for (int i = 0; i < kDraws; ++i) heads += coin() ? 1 : 0;
    return static_cast<double>(heads) / kDraws;
  };
  NoiseStream s = stream(2);
  // 5 standard errors of a share: at most 5 sqrt(1/4 / n)
  const double tolerance = 2.5 / std::sqrt(kDraws);
  CHECK(std::fabs(share([&] { return bernoulli({3, 7}, s); }) - 3.0 / 7) < tolerance);
  for (const Ratio gamma : {Ratio{0, 1}, Ratio{1, 3}, Ratio{1, 1}, Ratio{5, 2}, Ratio{7, 1}}) {
    const double expected =
        math::exp(-static_cast<double>(gamma.num) / static_cast<double>(gamma.den));
    CHECK(std::fabs(share([&] { return bernoulli_exp(gamma, s); }) - expected) < tolerance);
  }
}

// An excess of 5 standard deviations has a probability below 1e-4 for a chi-square of 5 degrees and
// more: at fixed addresses it either holds for ever or the sampler is wrong.
TEST_CASE("discrete Laplace numbers follow their law") {
  NoiseStream s = stream(3);
  for (const Ratio scale : {Ratio{1, 1}, Ratio{5, 2}, Ratio{2, 3}}) {
    const double b = static_cast<double>(scale.num) / static_cast<double>(scale.den);
    const double tail = math::exp(-1 / b);
    const auto mass = [&](std::int64_t x) {
      return (1 - tail) / (1 + tail) * math::exp(-std::fabs(static_cast<double>(x)) / b);
    };
    const auto reach = static_cast<std::int64_t>(4 * b) + 1;
    CHECK(chi_square_excess(
              100'000, reach, [&] { return discrete_laplace(scale, s); }, mass) < 5);
  }
}

TEST_CASE("discrete Gaussian numbers follow their law") {
  NoiseStream s = stream(4);
  for (const double sigma : {0.5, 1.0, 2.7, 10.0}) {
    CAPTURE(sigma);
    const DiscreteGaussian law(sigma);
    CHECK(law.sigma_square() >= sigma * sigma);
    CHECK(law.sigma_square() <= sigma * sigma + 0x1p-19 * std::max(1.0, sigma * sigma));
    double all = 0;
    const auto density = [&](std::int64_t x) {
      const auto xx = static_cast<double>(x);
      return math::exp(-xx * xx / (2 * sigma * sigma));
    };
    for (std::int64_t x = -200; x <= 200; ++x) all += density(x);
    const auto mass = [&](std::int64_t x) { return density(x) / all; };
    const auto reach = std::max<std::int64_t>(1, static_cast<std::int64_t>(2 * sigma));
    CHECK(chi_square_excess(
              100'000, reach, [&] { return law.draw(s); }, mass) < 5);
  }
}

TEST_CASE("large discrete Gaussians have their variance, small ones less than sigma squared") {
  NoiseStream s = stream(5);
  for (const double sigma : {0.5, 300.0, 5e7}) {
    CAPTURE(sigma);
    const DiscreteGaussian law(sigma);
    constexpr int kDraws = 20'000;
    double squares = 0;
    for (int i = 0; i < kDraws; ++i) {
      const auto x = static_cast<double>(law.draw(s));
      squares += x * x;
    }
    const double expected = sigma < 1 ? discrete_gaussian_variance(sigma) : sigma * sigma;
    // 5 standard errors of a variance; the kurtosis of sigma = 0.5 (mass .21 beyond 0) is below 6
    const double error = std::sqrt((sigma < 1 ? 5.0 : 2.0) / kDraws);
    CHECK(std::fabs(squares / kDraws / expected - 1) < 5 * error);
  }
}
