// System: composition of privacy losses. Expectation: bounds around closed forms, never above RDP,
// monotone in everything that should matter.
#include "privacy/pld.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "privacy/account.hpp"
#include "privacy/fft.hpp"
#include "privacy/gaussian.hpp"

using namespace polyclinic::privacy;

namespace {

std::vector<LossSteps> gaussian_steps(double sigma, std::int64_t steps) {
  std::vector<LossSteps> plan(1);
  plan[0].steps = steps;
  plan[0].directions.push_back(mixture_law(poisson_pair(1, sigma)));
  return plan;
}

AccountRow by(Accountant accountant, double q, double sigma, std::int64_t steps, double delta) {
  AccountRequest request;
  request.phases = {{q, sigma, steps}};
  request.sampling = Sampling::poisson;
  request.delta = delta;
  request.accountants = {accountant};
  return account(request).rows.at(0);
}

}  // namespace

TEST_CASE("a transform gives back what went in, and errs less than its bound") {
  for (const std::size_t size : {16U, 1024U, 65536U}) {
    RealFft fft(size);
    std::vector<double> values(size);
    double sum = 0;
    for (std::size_t i = 0; i < size; ++i) {
      values[i] = std::exp(-std::pow((static_cast<double>(i) - 7) / 3.0, 2));
      sum += values[i];
    }
    for (double& value : values) value /= sum;
    std::vector<std::complex<double>> spectrum;
    fft.forward(values, spectrum);
    // a few coefficients by their definition in long double
    for (const std::size_t k : {std::size_t{0}, std::size_t{1}, std::size_t{5}, size / 2}) {
      long double re = 0;
      long double im = 0;
      for (std::size_t i = 0; i < size; ++i) {
        const long double angle = -2 * 3.14159265358979323846264338327950288L *
                                  static_cast<long double>(i * k % size) / size;
        re += values[i] * std::cos(angle);
        im += values[i] * std::sin(angle);
      }
      CHECK(std::fabs(spectrum[k].real() - static_cast<double>(re)) < fft_error(size));
      CHECK(std::fabs(spectrum[k].imag() - static_cast<double>(im)) < fft_error(size));
    }
    std::vector<double> back;
    fft.inverse(spectrum, back);
    for (std::size_t i = 0; i < size; ++i) {
      CHECK(std::fabs(back[i] - values[i]) < 2 * fft_error(size));
    }
  }
}

TEST_CASE("Gaussians composed by transforms are the Gaussian of the closed form") {
  // steps with mu = 1/sigma compose to mu sqrt(steps); both bounds close in on it from their sides
  for (const auto& [sigma, steps] : {std::pair{2.0, 2}, {5.0, 100}, {60.0, 10'000}, {0.5, 3}}) {
    for (const double delta : {1e-2, 1e-5, 1e-12, 1e-40}) {
      const double exact = gaussian_epsilon(std::sqrt(static_cast<double>(steps)) / sigma, delta);
      const Bounds bounds = pld_epsilon(gaussian_steps(sigma, steps), delta, {});
      CAPTURE(sigma);
      CAPTURE(delta);
      CHECK(bounds.upper >= exact * (1 - 1e-13));
      CHECK(bounds.upper <= exact + 1e-4 * std::max(exact, 0.1));
      CHECK(bounds.lower <= exact * (1 + 1e-13));
      CHECK(bounds.lower >= exact - 5e-3 * std::max(exact, 0.1));
    }
  }
}

TEST_CASE("delta of an epsilon lies between its bounds, however small") {
  for (const double epsilon : {0.0, 0.5, 2.0, 6.0, 12.0}) {
    const double exact = gaussian_delta(1, epsilon);  // down to 1e-30
    const Bounds bounds = pld_delta(gaussian_steps(10, 100), epsilon, {});
    CAPTURE(epsilon);
    CHECK(bounds.upper >= exact * (1 - 1e-12));
    CHECK(bounds.upper <= exact * 1.002 + 1e-300);
    CHECK(bounds.lower <= exact * (1 + 1e-12));
    CHECK(bounds.lower >= exact * 0.97);
  }
}

TEST_CASE("PLD is at most RDP on a grid, its bounds in order, and above the central limit's half") {
  for (const double q : {0.001, 0.01, 0.1, 0.5, 1.0}) {
    for (const double sigma : {0.6, 1.0, 2.0, 8.0}) {
      for (const std::int64_t steps : {1, 20, 1000}) {
        CAPTURE(q);
        CAPTURE(sigma);
        CAPTURE(steps);
        const AccountRow pld = by(Accountant::pld, q, sigma, steps, 1e-5);
        CHECK(pld.epsilon <= by(Accountant::rdp, q, sigma, steps, 1e-5).epsilon);
        CHECK(*pld.lower <= pld.epsilon);
        CHECK(*pld.lower >= 0);
      }
    }
  }
}

TEST_CASE("more noise, fewer steps, rarer sampling, larger delta: never more epsilon") {
  for (const Accountant each : {Accountant::rdp, Accountant::pld, Accountant::gdp}) {
    CAPTURE(name_of(each));
    // differences are far above the relative 1e-5 that PLD aims at
    const double middle = by(each, 0.02, 1.0, 500, 1e-5).epsilon;
    CHECK(by(each, 0.02, 1.05, 500, 1e-5).epsilon < middle);
    CHECK(by(each, 0.02, 0.95, 500, 1e-5).epsilon > middle);
    CHECK(by(each, 0.02, 1.0, 520, 1e-5).epsilon > middle);
    CHECK(by(each, 0.021, 1.0, 500, 1e-5).epsilon > middle);
    CHECK(by(each, 0.019, 1.0, 500, 1e-5).epsilon < middle);
    CHECK(by(each, 0.02, 1.0, 500, 2e-5).epsilon < middle);
    CHECK(by(each, 0.02, 1.0, 500, 5e-6).epsilon > middle);
  }
}

TEST_CASE("the figure of the literature: q 0.01, sigma 1, 10,000 steps") {
  const AccountRow pld = by(Accountant::pld, 0.01, 1, 10'000, 1e-5);
  CHECK(pld.epsilon == doctest::Approx(6.1877).epsilon(1e-4));
  CHECK(*pld.lower == doctest::Approx(6.1877).epsilon(1e-3));
  CHECK(by(Accountant::rdp, 0.01, 1, 10'000, 1e-5).epsilon ==
        doctest::Approx(6.7127).epsilon(1e-5));
}

TEST_CASE("a fixed cohort of all records is the Gaussian; a bounded loss keeps its pure epsilon") {
  std::vector<LossSteps> cohort(1);
  cohort[0].steps = 20;
  cohort[0].directions.push_back(fixed_size_law(1, 4));
  CHECK(pld_epsilon(cohort, 1e-5, {}).upper ==
        doctest::Approx(gaussian_epsilon(std::sqrt(20.0) / 4, 1e-5)).epsilon(1e-4));
  // Laplace noise of scale 2, five times: never above 5/2
  std::vector<LossSteps> laplace(1);
  laplace[0].steps = 5;
  laplace[0].directions.push_back(laplace_law(1, 2, true));
  CHECK(pld_epsilon(laplace, 1e-12, {}).upper <= 2.5 + 1e-3);
  CHECK(pld_epsilon(laplace, 1e-2, {}).upper < 2.4);
}

TEST_CASE("outcomes: randomised response by hand") {
  // a true answer with probability 3/4: loss log 3 or -log 3; delta(0) of one step is 3/4 - 1/4
  std::vector<LossSteps> plan(1);
  plan[0].directions.push_back(outcomes_law({{0.75, 0.25}, {0.25, 0.75}}));
  CHECK(pld_delta(plan, 0, {}).upper == doctest::Approx(0.5));
  // two steps: (9/16, 1/16), (6/16, 6/16), (1/16, 9/16); at log 3: 9/16 - 3/16
  plan[0].steps = 2;
  const Bounds bounds = pld_delta(plan, std::log(3.0), {});
  CHECK(bounds.upper >= 0.375);
  CHECK(bounds.upper == doctest::Approx(0.375).epsilon(1e-4));
  CHECK(bounds.lower <= 0.375);
}
