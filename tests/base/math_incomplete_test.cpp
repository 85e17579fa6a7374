// The incomplete gamma and beta functions against closed forms, which are computed here.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "base/math.hpp"
#include "base/stream.hpp"

using namespace polyclinic;

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

double relative_error(double value, long double reference) {
  return static_cast<double>(std::fabs(value - reference) / std::fabs(reference));
}

// For an integer a: Q(a, x) = exp(-x) (1 + x + ... + x^(a-1)/(a-1)!)  (DLMF 8.4.10).
long double gamma_q_integer(int a, long double x) {
  long double sum = 0;
  for (int k = 0; k < a; ++k) sum += std::exp(k * std::log(x) - x - std::lgamma(k + 1.0L));
  return sum;
}

// For integers a, b: I_x(a, b) = P(Binomial(a + b - 1, x) >= a)  (DLMF 8.17.5).
long double beta_i_integer(int a, int b, long double x) {
  const int n = a + b - 1;
  long double sum = 0;
  for (int j = a; j <= n; ++j) {
    sum += std::exp(std::lgamma(n + 1.0L) - std::lgamma(j + 1.0L) - std::lgamma(n - j + 1.0L) +
                    j * std::log(x) + (n - j) * std::log1p(-x));
  }
  return sum;
}

}  // namespace

TEST_CASE("gamma_p and gamma_q for integer and half-integer a") {
  for (int a : {1, 2, 5, 9, 10, 11, 40, 150, 1000}) {
    for (double factor : {0.1, 0.5, 0.9, 1.0, 1.1, 2.0, 4.0}) {
      const double x = a * factor;
      const long double q = gamma_q_integer(a, x);
      CAPTURE(a);
      CAPTURE(x);
      // the reference's own error: its exponents are up to 1e4 with 64 bits, about 1e-15
      if (q > 1e-290L) CHECK(relative_error(math::gamma_q(a, x), q) < 1e-13);
      CHECK(std::fabs(static_cast<double>(math::gamma_p(a, x) - (1 - q))) < 1e-14);
    }
  }
  // P(1/2, x) = erf(sqrt(x))
  for (double x : {1e-12, 0.001, 0.3, 1.0, 1.6, 3.0, 9.0, 25.0}) {
    const long double root = std::sqrt(static_cast<long double>(x));
    CHECK(relative_error(math::gamma_p(0.5, x), std::erf(root)) < 1e-14);
    CHECK(relative_error(math::gamma_q(0.5, x), std::erfc(root)) < 1e-13);
  }
  // a small lower tail keeps its relative accuracy: P(a, x) ~ x^a / Gamma(a + 1) for small x
  CHECK(relative_error(math::gamma_p(3, 1e-40), 1e-120L / 6) < 1e-13);
}

TEST_CASE("gamma_p for large a, where the law is nearly normal") {
  // the series adds about sqrt(a) terms, hence rounding errors of up to sqrt(a) ulp
  // at x = a: P = 1/2 + 1/(3 sqrt(2 pi a)) + O(a^-3/2), DLMF 8.11.12
  for (double a : {1e5, 1e7, 1e9}) {
    const double expected = 0.5 + 1 / (3 * std::sqrt(2 * M_PI * a));
    CHECK(std::fabs(math::gamma_p(a, a) - expected) <
          0.05 * std::pow(a, -1.5) + 1e-16 * std::sqrt(a));
  }
}

TEST_CASE("gamma_p: edges") {
  CHECK(math::gamma_p(2, 0) == 0);
  CHECK(math::gamma_p(2, kInf) == 1);
  CHECK(math::gamma_q(2, 0) == 1);
  CHECK(math::gamma_q(2, kInf) == 0);
  CHECK(math::gamma_p(2, 1e4) == 1);
  CHECK(std::isnan(math::gamma_p(-1, 1)));
  CHECK(std::isnan(math::gamma_p(1, -1)));
  CHECK(math::gamma_p_inverse(2, 0) == 0);
  CHECK(math::gamma_p_inverse(2, 1) == kInf);
  CHECK(std::isnan(math::gamma_p_inverse(2, 1.5)));
  CHECK(math::gamma_term(0, 3) == doctest::Approx(std::exp(-3)).epsilon(1e-15));
  CHECK(math::gamma_term(3, 0) == 0);
  CHECK(math::gamma_term(0, 0) == 1);
}

TEST_CASE("gamma_p_inverse inverts gamma_p over wide ranges") {
  Stream stream(make_run_key(8, 0), Purpose::kTest, 1);
  for (int i = 0; i < 3000; ++i) {
    const double a = std::exp(-4 + 14 * stream.uniform());
    const double p = i % 3 ? stream.uniform_open() : std::exp(-200 * stream.uniform_open());
    const double x = math::gamma_p_inverse(a, p);
    CAPTURE(a);
    CAPTURE(p);
    CAPTURE(x);
    if (x < 1e-300) continue;  // the quantile itself underflows: nothing to invert
    // the value itself is wrong by its exponent's size times 2^-53, here up to 250 * 1.1e-16;
    // an error e relative in x moves P by x * density * e, the slope by log x
    const double slope = a * math::gamma_term(a, x);
    const double smaller = std::fmin(p, 1 - p);
    const double error = p < 0.5 ? math::gamma_p(a, x) - p : math::gamma_q(a, x) - (1 - p);
    REQUIRE(std::fabs(error) <= 4e-14 * slope + 4e-14 * smaller);
  }
  // exponential law in closed form
  for (double p : {1e-300, 1e-9, 0.2, 0.5, 0.99}) {
    CHECK(relative_error(math::gamma_p_inverse(1, p), -std::log1p(-static_cast<long double>(p))) <
          1e-13);
  }
}

TEST_CASE("beta_i for integers, and its edges") {
  for (int a : {1, 2, 5, 9, 12, 60, 300}) {
    for (int b : {1, 3, 8, 11, 80}) {
      for (double x : {0.001, 0.1, 0.3, 0.5, 0.8, 0.99}) {
        const long double expected = beta_i_integer(a, b, x);
        if (expected < 1e-280L) continue;
        CAPTURE(a);
        CAPTURE(b);
        CAPTURE(x);
        // an exponent of -640 at the least costs 640 * 2^-53
        const double allowed = expected > 1e-100L ? 1e-13 : 2e-13;
        CHECK(relative_error(math::beta_i(a, b, x), expected) < allowed);
      }
    }
  }
  // the arcsine law: I_x(1/2, 1/2) = 2/pi asin(sqrt(x))
  for (double x : {1e-10, 0.1, 0.5, 0.7}) {
    const long double expected = 2 / M_PIl * std::asin(std::sqrt(static_cast<long double>(x)));
    CHECK(relative_error(math::beta_i(0.5, 0.5, x), expected) < 1e-13);
  }
  CHECK(math::beta_i(2, 3, 0) == 0);
  CHECK(math::beta_i(2, 3, 1) == 1);
  CHECK(std::isnan(math::beta_i(2, 3, 1.1)));
  CHECK(std::isnan(math::beta_i(0, 3, 0.1)));
  // symmetry at a = b: one half, up to large parameters
  for (double a : {0.3, 3.0, 1e3, 1e6}) CHECK(std::fabs(math::beta_i(a, a, 0.5) - 0.5) < 2e-13);
}

TEST_CASE("beta_i_inverse inverts beta_i") {
  Stream stream(make_run_key(8, 0), Purpose::kTest, 2);
  for (int i = 0; i < 3000; ++i) {
    const double a = std::exp(-2 + 10 * stream.uniform());
    const double b = std::exp(-2 + 10 * stream.uniform());
    const double p = stream.uniform_open();
    const double x = math::beta_i_inverse(a, b, p);
    CAPTURE(a);
    CAPTURE(b);
    CAPTURE(p);
    CAPTURE(x);
    REQUIRE(x >= 0);
    REQUIRE(x <= 1);
    if (x < 1e-300 || 1 - x < 1e-6) continue;  // near 1 the double x itself is too coarse
    // the neighbours a few parts in 1e13 away, or four places of the last bit of x, enclose p
    const double step = 3e-13 * std::fmin(x, 1 - x) + 4.5e-16 * x;
    REQUIRE(math::beta_i(a, b, x - step) <= p + 1e-13 * p);
    REQUIRE(math::beta_i(a, b, std::fmin(1, x + step)) >= p - 1e-13 * p);
  }
  // I_x(a, 1) = x^a
  CHECK(relative_error(math::beta_i_inverse(3, 1, 0.2), std::cbrt(0.2L)) < 1e-14);
  CHECK(math::beta_i_inverse(2, 3, 0) == 0);
  CHECK(math::beta_i_inverse(2, 3, 1) == 1);
}

TEST_CASE(
    "student_t_quantile: closed forms for 1, 2 and 4 degrees of freedom, and published points") {
  for (double p : {1e-12, 1e-4, 0.01, 0.2, 0.4, 0.49999, 0.6, 0.975, 0.9999}) {
    const long double q = p;
    // Cauchy's law; for p near 0 tan(pi (p - 1/2)) = -1 / tan(pi p)
    const long double cauchy = -1 / std::tan(M_PIl * q);
    CHECK(relative_error(math::student_t_quantile(p, 1), cauchy) < 1e-11);
    const long double two = (2 * q - 1) * std::sqrt(2 / (4 * q * (1 - q)));
    CHECK(relative_error(math::student_t_quantile(p, 2), two) < 1e-11);
    const long double alpha = 4 * q * (1 - q);
    const long double root = std::sqrt(alpha);
    const long double four =
        (q < 0.5L ? -1 : 1) * 2 * std::sqrt(std::cos(std::acos(root) / 3) / root - 1);
    // this reference cancels near p = 1/2 and its argument rounds at p near 0
    if (p > 0.001 && p < 0.45) CHECK(relative_error(math::student_t_quantile(p, 4), four) < 1e-12);
  }
  // the table in every textbook, to its three decimals
  CHECK(std::fabs(math::student_t_quantile(0.975, 5) - 2.571) < 5e-4);
  CHECK(std::fabs(math::student_t_quantile(0.975, 10) - 2.228) < 5e-4);
  CHECK(std::fabs(math::student_t_quantile(0.95, 30) - 1.697) < 5e-4);
  CHECK(std::fabs(math::student_t_quantile(0.995, 120) - 2.617) < 5e-4);
  CHECK(math::student_t_quantile(0.5, 7) == 0);
  CHECK(math::student_t_quantile(0, 7) == -kInf);
  CHECK(std::isnan(math::student_t_quantile(0.5, 0)));
  // t -> normal: z + (z^3 + z) / (4 df)
  const double z = math::normal_quantile(0.975);
  CHECK(relative_error(math::student_t_quantile(0.975, 1e8), z + (z * z * z + z) / 4e8) < 1e-13);
  CHECK(math::student_t_quantile(0.975, kInf) == z);
}

TEST_CASE("chi_squared_cdf") {
  // two degrees of freedom: 1 - exp(-x / 2); and 3.841459 is the 95 % point for one
  CHECK(relative_error(math::chi_squared_cdf(3, 2), -std::expm1(-1.5L)) < 1e-14);
  CHECK(std::fabs(math::chi_squared_cdf(3.841458820694124, 1) - 0.95) < 1e-13);
  CHECK(math::chi_squared_cdf(0, 3) == 0);
  CHECK(math::chi_squared_cdf(-1, 3) == 0);
}
