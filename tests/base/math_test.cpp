// The references are <cmath> in long double (64 bits of mantissa), whose own error is below 2^-10
// of a double's ulp, so an error of n ulp here is ours.
#include "base/math.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "base/stream.hpp"

using namespace polyclinic;

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
const double kNan = std::numeric_limits<double>::quiet_NaN();

// Distance from the reference in units of the last place of the result.
double ulps(double value, long double reference) {
  const auto rounded = static_cast<double>(reference);
  if (value == rounded) return 0;
  if (std::isnan(value)) return kInf;
  if (!std::isfinite(rounded) || !std::isfinite(value)) return kInf;
  const double unit = std::nextafter(std::fabs(rounded), kInf) - std::fabs(rounded);
  return static_cast<double>(std::fabs(value - reference) / unit);
}

// The worst error over `n` arguments that `draw` makes.
template <class Ours, class Reference, class Draw>
double worst(Ours ours, Reference reference, Draw draw, int n = 40'000) {
  Stream stream(make_run_key(7, 0), Purpose::kTest, 1);
  double most = 0;
  for (int i = 0; i < n; ++i) {
    const double x = draw(stream);
    most = std::fmax(most, ulps(ours(x), reference(static_cast<long double>(x))));
  }
  return most;
}

auto between(double low, double high) {
  return [=](Stream& s) { return low + (high - low) * s.uniform(); };
}

// Any finite double, all bit patterns alike.
double any_double(Stream& stream) {
  for (;;) {
    const double x = std::bit_cast<double>(stream.next_u64());
    if (std::isfinite(x)) return x;
  }
}
double any_positive(Stream& stream) {
  return std::fabs(any_double(stream));
}

auto as_long(long double (*f)(long double)) {
  return f;
}

}  // namespace

TEST_CASE("exp") {
  const auto reference = as_long([](long double x) { return std::exp(x); });
  CHECK(worst(math::exp, reference, between(-1, 1)) <= 1);
  CHECK(worst(math::exp, reference, between(-708, 709.7)) <= 1);
  CHECK(worst(math::exp, reference, between(-745.13, -708)) <= 1);  // subnormal results
  CHECK(math::exp(0) == 1);
  CHECK(math::exp(-0.0) == 1);
  CHECK(math::exp(709.782712893384) < kInf);
  CHECK(math::exp(709.7827128933841) == kInf);
  CHECK(math::exp(kInf) == kInf);
  CHECK(math::exp(-kInf) == 0);
  CHECK(math::exp(-745.14) == 0);
  CHECK(math::exp(-745.13) > 0);
  CHECK(std::isnan(math::exp(kNan)));
}

TEST_CASE("expm1") {
  const auto reference = as_long([](long double x) { return std::expm1(x); });
  CHECK(worst(math::expm1, reference, between(-0.4, 0.4)) <= 1.5);
  CHECK(worst(math::expm1, reference, between(-3, 3)) <= 1.5);
  CHECK(worst(math::expm1, reference, between(-50, 709.7)) <= 1.5);
  CHECK(worst(math::expm1, reference, between(-1e-10, 1e-10)) <= 1);
  CHECK(math::expm1(0) == 0);
  CHECK(std::signbit(math::expm1(-0.0)));
  CHECK(math::expm1(-kInf) == -1);
  CHECK(math::expm1(kInf) == kInf);
  CHECK(math::expm1(5e-324) == 5e-324);
  CHECK(std::isnan(math::expm1(kNan)));
}

TEST_CASE("log and log1p") {
  const auto log_reference = as_long([](long double x) { return std::log(x); });
  const auto log1p_reference = as_long([](long double x) { return std::log1p(x); });
  CHECK(worst(math::log, log_reference, any_positive) <= 1);
  CHECK(worst(math::log, log_reference, between(0.5, 2)) <= 1);
  CHECK(worst(math::log, log_reference, between(1 - 1e-6, 1 + 1e-6)) <= 1);
  CHECK(worst(math::log1p, log1p_reference, between(-1, 1)) <= 1.5);
  CHECK(worst(math::log1p, log1p_reference, between(-1e-9, 1e-9)) <= 1);
  CHECK(worst(math::log1p, log1p_reference, any_positive) <= 1.5);
  CHECK(math::log(1) == 0);
  CHECK(math::log(0) == -kInf);
  CHECK(math::log(-0.0) == -kInf);
  CHECK(math::log(kInf) == kInf);
  CHECK(ulps(math::log(5e-324), std::log(static_cast<long double>(5e-324))) <= 1);
  CHECK(std::isnan(math::log(-1)));
  CHECK(std::isnan(math::log(kNan)));
  CHECK(math::log1p(-1) == -kInf);
  CHECK(std::isnan(math::log1p(-1.5)));
  CHECK(std::signbit(math::log1p(-0.0)));
}

TEST_CASE("pow: random arguments within 1.5 ulp") {
  Stream stream(make_run_key(7, 0), Purpose::kTest, 2);
  double most = 0;
  for (int i = 0; i < 60'000; ++i) {
    const double x = i % 2 ? any_positive(stream) : 0.5 + stream.uniform();
    // an exponent for which the result is an ordinary number
    const double y = (2 * stream.uniform() - 1) * 700 / std::fmax(std::fabs(std::log(x)), 1e-3);
    most = std::fmax(most, ulps(math::pow(x, y), std::pow(static_cast<long double>(x), y)));
  }
  CHECK(most <= 1.5);
}

TEST_CASE("pow: powers that are doubles are exact, and the special cases are those of C") {
  for (int base = 2; base <= 12; ++base) {
    double power = 1;
    for (int n = 1; power * base < 0x1p53; ++n) {
      power *= base;
      CHECK(math::pow(base, n) == power);
      CHECK(math::pow(-base, n) == (n % 2 ? -power : power));
    }
  }
  for (int n = -1074; n <= 1023; ++n) CHECK(math::pow(2, n) == std::ldexp(1.0, n));
  CHECK(math::pow(4, 0.5) == 2);
  CHECK(math::pow(10, -2) == 0.01);
  const double special[] = {0.0,
                            -0.0,
                            1,
                            -1,
                            0.5,
                            -0.5,
                            2,
                            -2,
                            3,
                            -3,
                            1e300,
                            -1e300,
                            1e-300,
                            2.5,
                            -2.5,
                            kInf,
                            -kInf,
                            kNan,
                            9007199254740993.0,
                            1e308,
                            5e-324};
  for (double x : special) {
    for (double y : special) {
      const double ours = math::pow(x, y);
      const double theirs = std::pow(x, y);
      CAPTURE(x);
      CAPTURE(y);
      if (std::isnan(theirs)) {
        CHECK(std::isnan(ours));
      } else {
        CHECK(ulps(ours, theirs) <= 2);
        CHECK(std::signbit(ours) == std::signbit(theirs));
      }
    }
  }
}

TEST_CASE("sin and cos, from tiny to huge arguments") {
  const auto sine = as_long([](long double x) { return std::sin(x); });
  const auto cosine = as_long([](long double x) { return std::cos(x); });
  CHECK(worst(math::sin, sine, between(-10, 10)) <= 1);
  CHECK(worst(math::cos, cosine, between(-10, 10)) <= 1);
  CHECK(worst(math::sin, sine, between(-1e6, 1e6)) <= 1);
  CHECK(worst(math::cos, cosine, between(-1e6, 1e6)) <= 1);
  // near multiples of pi/2, where the reduction cancels
  const auto near_multiple = [](Stream& s) {
    return static_cast<double>(s.below(2'000'000)) * 1.5707963267948966;
  };
  CHECK(worst(math::sin, sine, near_multiple) <= 1);
  CHECK(worst(math::cos, cosine, near_multiple) <= 1);
  CHECK(worst(math::sin, sine, any_double) <= 1);
  CHECK(worst(math::cos, cosine, any_double) <= 1);
  CHECK(math::sin(0) == 0);
  CHECK(std::signbit(math::sin(-0.0)));
  CHECK(math::cos(0) == 1);
  // the double nearest to a multiple of pi/2 (Muller, Elementary Functions, 11.2)
  const double nearest = 6381956970095103.0 * 0x1p797;
  CHECK(ulps(math::cos(nearest), -4.68716592425462761112e-19L) <= 1);
  CHECK(std::isnan(math::sin(kInf)));
  CHECK(std::isnan(math::cos(-kInf)));
  CHECK(std::isnan(math::sin(kNan)));
}

TEST_CASE("tanh, sigmoid, logit, softplus") {
  const auto tanh = as_long([](long double x) { return std::tanh(x); });
  CHECK(worst(math::tanh, tanh, between(-0.6, 0.6)) <= 1.5);
  CHECK(worst(math::tanh, tanh, between(-25, 25)) <= 1.5);
  CHECK(worst(math::tanh, tanh, between(-1e-5, 1e-5)) <= 1);
  CHECK(math::tanh(kInf) == 1);
  CHECK(math::tanh(-kInf) == -1);
  CHECK(std::signbit(math::tanh(-0.0)));
  CHECK(std::isnan(math::tanh(kNan)));

  const auto sigmoid = as_long([](long double x) { return 1 / (1 + std::exp(-x)); });
  CHECK(worst(math::sigmoid, sigmoid, between(-700, 40)) <= 2);
  CHECK(math::sigmoid(0) == 0.5);
  CHECK(math::sigmoid(-1000) == 0);
  CHECK(math::sigmoid(1000) == 1);
  CHECK(std::isnan(math::sigmoid(kNan)));

  const auto logit = as_long([](long double p) { return std::log(p) - std::log1p(-p); });
  const auto logit_middle = as_long([](long double p) { return 2 * std::atanh(2 * p - 1); });
  CHECK(worst(math::logit, logit, between(0, 0.3)) <= 2);
  CHECK(worst(math::logit, logit, between(0.7, 1)) <= 2);
  CHECK(worst(math::logit, logit_middle, between(0.2, 0.8)) <= 2);
  CHECK(math::logit(0.5) == 0);
  CHECK(math::logit(0) == -kInf);
  CHECK(math::logit(1) == kInf);
  CHECK(std::isnan(math::logit(1.1)));

  const auto softplus = as_long(
      [](long double x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); });
  CHECK(worst(math::softplus, softplus, between(-700, 700)) <= 2);
  CHECK(worst(math::softplus, softplus, between(-5, 5)) <= 2);
  CHECK(math::softplus(1e5) == 1e5);
}

TEST_CASE("log of the normal law") {
  // where Phi of long double does not underflow, its logarithm
  const auto reference =
      as_long([](long double x) { return std::log(std::erfc(-x / std::sqrt(2.0L)) / 2); });
  CHECK(worst(math::log_normal_cdf, reference, between(-2, 0)) <= 8);
  CHECK(worst(math::log_normal_cdf, reference, between(-37, -2)) <= 8);
  CHECK(worst(math::log_normal_cdf, reference, between(-140, -37)) <= 4);
  // right of 0 it is log1p(-Phi(-x)), small numbers with all their digits
  for (const double x : {0.5, 3.0, 12.0, 30.0}) {
    const long double tail = std::erfc(static_cast<long double>(x) / std::sqrt(2.0L)) / 2;
    CHECK(ulps(math::log_normal_cdf(x), std::log1p(-tail)) <= 8);
  }
  // far out: -x^2/2 - log(-x sqrt(2 pi)) + log(1 - 1/x^2 ...), the last term below 1e-8 at 1e4
  const double far = -1e4;
  CHECK(math::log_normal_cdf(far) ==
        doctest::Approx(-0.5e8 - std::log(1e4 * std::sqrt(2 * 3.141592653589793))).epsilon(1e-15));
  CHECK(math::log_normal_cdf(-kInf) == -kInf);
  CHECK(math::log_normal_cdf(kInf) == 0);
  CHECK(std::isnan(math::log_normal_cdf(kNan)));
}

TEST_CASE("erf, erfc and the normal law") {
  const auto erf = as_long([](long double x) { return std::erf(x); });
  const auto erfc = as_long([](long double x) { return std::erfc(x); });
  const auto cdf = as_long([](long double x) { return std::erfc(-x / std::sqrt(2.0L)) / 2; });
  CHECK(worst(math::erf, erf, between(-0.5, 0.5)) <= 2);
  CHECK(worst(math::erf, erf, between(-6, 6)) <= 2);
  CHECK(worst(math::erfc, erfc, between(-6, 0.5)) <= 2);
  CHECK(worst(math::erfc, erfc, between(0.46, 26)) <= 6);
  CHECK(worst(math::normal_cdf, cdf, between(-37, 8)) <= 6);
  CHECK(math::erf(0) == 0);
  CHECK(math::erf(kInf) == 1);
  CHECK(math::erfc(-kInf) == 2);
  CHECK(math::erfc(kInf) == 0);
  CHECK(math::normal_cdf(0) == 0.5);
  CHECK(math::normal_cdf(-kInf) == 0);
  CHECK(math::normal_cdf(kInf) == 1);
}

TEST_CASE("normal_quantile inverts normal_cdf and gives the published points") {
  // Wichura 1988: the test values of AS 241
  CHECK(math::normal_quantile(0.25) == doctest::Approx(-0.6744897501960817).epsilon(1e-15));
  CHECK(math::normal_quantile(0.001) == doctest::Approx(-3.090232306167814).epsilon(1e-15));
  CHECK(math::normal_quantile(1e-20) == doctest::Approx(-9.262340089798408).epsilon(1e-15));
  CHECK(math::normal_quantile(0.975) == doctest::Approx(1.959963984540054).epsilon(1e-15));
  CHECK(math::normal_quantile(0.5) == 0);
  CHECK(math::normal_quantile(0) == -kInf);
  CHECK(math::normal_quantile(1) == kInf);
  CHECK(std::isnan(math::normal_quantile(-0.1)));
  Stream stream(make_run_key(7, 0), Purpose::kTest, 3);
  for (int i = 0; i < 20'000; ++i) {
    const double p = i % 2 ? stream.uniform_open() / 2 : std::exp(-700 * stream.uniform_open());
    const double x = math::normal_quantile(p);
    const long double back = std::erfc(-static_cast<long double>(x) / std::sqrt(2.0L)) / 2;
    // an error of e relative in x moves p by about x^2 e relative in the tail
    const double allowed = 8e-16 * (1 + x * x);
    REQUIRE(std::fabs(static_cast<double>(back / p) - 1) <= allowed);
  }
}

TEST_CASE("lgamma within 1e-14 relative, also near its zeros 1 and 2") {
  const auto worst_relative = [](auto draw) {
    Stream stream(make_run_key(7, 0), Purpose::kTest, 4);
    double most = 0;
    for (int i = 0; i < 20'000; ++i) {
      const double x = draw(stream);
      const long double reference = std::lgamma(static_cast<long double>(x));
      const auto error = static_cast<double>(std::fabs(math::lgamma(x) - reference));
      most = std::fmax(most, error / static_cast<double>(std::fabs(reference)));
    }
    return most;
  };
  CHECK(worst_relative(between(0, 3)) < 1e-14);
  CHECK(worst_relative(between(1 - 1e-7, 1 + 1e-7)) < 1e-14);
  CHECK(worst_relative(between(2 - 1e-7, 2 + 1e-7)) < 1e-14);
  CHECK(worst_relative(between(3, 200)) < 1e-14);
  CHECK(worst_relative(between(1e3, 1e9)) < 1e-14);
  CHECK(math::lgamma(1) == 0);
  CHECK(math::lgamma(2) == 0);
  CHECK(math::lgamma(0) == kInf);
  CHECK(math::lgamma(-3) == kInf);
  CHECK(math::lgamma(kInf) == kInf);
  // Gamma(-1/2) = -2 sqrt(pi)
  CHECK(math::lgamma(-0.5) == doctest::Approx(std::log(2 * std::sqrt(M_PI))).epsilon(1e-15));
  CHECK(math::lgamma(-7.3) == doctest::Approx(std::lgamma(-7.3)).epsilon(1e-13));
}
