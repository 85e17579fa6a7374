// Renyi curves: closed forms, one integral computed two ways, and published points. The table of
// reference values is read by vectors_test.cpp.
#include "privacy/rdp.hpp"

#include <doctest/doctest.h>

#include <cmath>

using namespace polyclinic::privacy;

namespace {

// log of the integral of (P/Q)^alpha Q in long double, by the trapezoid rule on a grid four times
// finer than the engine's and shifted against it.
double divergence_by_integral(double q, double sigma, double alpha) {
  const long double step = std::min(sigma / 16.0L, 0.1L * sigma * sigma);
  long double sum = 0;
  for (long double x = -12 * sigma + step / 3; x < alpha + 12 * sigma; x += step) {
    const long double u = (2 * x - 1) / (2.0L * sigma * sigma);
    const long double w = q * std::expm1(u);
    const long double term = std::pow(1 + w, static_cast<long double>(alpha)) - 1 - alpha * w;
    sum += std::exp(-x * x / (2.0L * sigma * sigma)) * term;
  }
  sum *= step / (sigma * std::sqrt(2 * 3.14159265358979323846L));
  return static_cast<double>(std::log1p(sum) / (alpha - 1));
}

}  // namespace

TEST_CASE("no sampling is the Gaussian, no records is no divergence") {
  const Orders orders{1.5, 2, 17.25, 64};
  const Curve plain = gaussian_rdp(1.7, orders);
  const Curve sampled = poisson_gaussian_rdp(1, 1.7, orders);
  const Curve cohort = without_replacement_rdp(1, 1.7, orders);
  for (std::size_t i = 0; i < orders.size(); ++i) {
    CHECK(plain[i] == doctest::Approx(orders[i] / (2 * 1.7 * 1.7)).epsilon(1e-15));
    CHECK(sampled[i] == plain[i]);
    CHECK(cohort[i] == plain[i]);
    CHECK(poisson_gaussian_rdp(0, 1.7, orders)[i] == 0);
  }
}

TEST_CASE("whole and fractional orders agree with the integral") {
  // the integral is right to about 1e-13; 1e-10 leaves room for its cancellation at small q
  for (const auto& [q, sigma] : {std::pair{0.01, 1.0}, {0.04, 1.5}, {0.3, 0.4}, {0.9, 5.0}}) {
    const Orders orders{1.1, 1.5, 2, 2.7, 5, 7.3};
    const Curve curve = poisson_gaussian_rdp(q, sigma, orders);
    for (std::size_t i = 0; i < orders.size(); ++i) {
      CAPTURE(q);
      CAPTURE(sigma);
      CAPTURE(orders[i]);
      CHECK(curve[i] == doctest::Approx(divergence_by_integral(q, sigma, orders[i])).epsilon(1e-9));
    }
  }
}

TEST_CASE("the series of small noise continues the quadrature") {
  // either side of the change of method, the curve in sigma is smooth: a jump would show in the
  // second difference, which for a smooth curve is of order (step/sigma)^2 = 1.6e-7 of the value
  const Orders orders{1.3, 2.6, 4.7};
  const double step = 1e-4;
  const Curve low = poisson_gaussian_rdp(0.02, 0.25 - step, orders);   // series
  const Curve middle = poisson_gaussian_rdp(0.02, 0.25, orders);       // quadrature
  const Curve high = poisson_gaussian_rdp(0.02, 0.25 + step, orders);  // quadrature
  for (std::size_t i = 0; i < orders.size(); ++i) {
    CHECK(std::fabs(low[i] - 2 * middle[i] + high[i]) < 1e-5 * middle[i]);
  }
}

TEST_CASE("a pair by quadrature is the sampled Gaussian, and the direction removed is the larger") {
  const Orders orders{1.5, 2, 4.5, 12};
  const Curve known = poisson_gaussian_rdp(0.1, 1.2, orders);
  const Curve found = mixture_rdp(poisson_pair(0.1, 1.2), orders);
  for (std::size_t i = 0; i < orders.size(); ++i) {
    CHECK(found[i] == doctest::Approx(known[i]).epsilon(1e-9));
  }
}

TEST_CASE("replacing a record costs more than adding one, at most as much as two sensitivities") {
  const Orders orders{1.5, 2, 4.5, 12};
  const Curve one = poisson_gaussian_rdp(0.1, 1.2, orders);
  const Curve replaced = mixture_rdp(poisson_replace_pair(0.1, 1.2), orders);
  const Curve doubled = poisson_gaussian_rdp(0.1, 0.6, orders);
  for (std::size_t i = 0; i < orders.size(); ++i) {
    CHECK(replaced[i] > one[i]);
    CHECK(replaced[i] < doubled[i]);
  }
}

TEST_CASE("Laplace tends to its pure epsilon") {
  const Orders orders{1.1, 2, 50, 1e4};
  const Curve curve = laplace_rdp(0.5, orders);
  // order 2, scale 1/2: log(2/3 e^2 + 1/3 e^-4)
  CHECK(curve[1] == doctest::Approx(std::log(2.0 / 3 * std::exp(2) + std::exp(-4) / 3)));
  for (std::size_t i = 1; i < orders.size(); ++i) CHECK(curve[i] > curve[i - 1]);
  CHECK(curve.back() < 2);
  CHECK(curve.back() > 2 - 1e-4);
}

TEST_CASE("the tight conversion is never above the classic one, and inverts") {
  const Orders& orders = standard_orders();
  Curve curve(orders.size(), 0.0);
  compose(curve, poisson_gaussian_rdp(0.02, 1.1, orders), 1000);
  for (const double delta : {1e-2, 1e-5, 1e-9}) {
    const AtOrder tight = rdp_epsilon(orders, curve, delta);
    const AtOrder classic = rdp_epsilon(orders, curve, delta, Conversion::classic);
    CHECK(tight.value < classic.value);
    // delta of that epsilon is the delta asked for: the same line in (log delta, epsilon)
    CHECK(rdp_delta(orders, curve, tight.value).value == doctest::Approx(delta).epsilon(1e-9));
  }
}

TEST_CASE("the order grid changes epsilon: sigma 0.1 needs orders near 1") {
  // notes of tensorflow-privacy's own test: 5,907,982 with its grid, 7,801 with one from 1.1
  const double steps = 976'563;
  const auto epsilon = [&](const Orders& orders) {
    Curve curve(orders.size(), 0.0);
    compose(curve, poisson_gaussian_rdp(1.024e-5, 0.1, orders), steps);
    return rdp_epsilon(orders, curve, 1e-7);
  };
  const AtOrder coarse = epsilon({1.25, 1.5, 1.75, 2, 2.25, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8});
  CHECK(coarse.value == doctest::Approx(5907982.3113984).epsilon(1e-9));
  CHECK(coarse.order == 1.25);
  const AtOrder fine = epsilon(standard_orders());
  CHECK(fine.value == doctest::Approx(7801.0567).epsilon(1e-8));
  CHECK(fine.order == 1.1);
}

TEST_CASE("orders that a series of 1000 terms gives up on are not lost") {
  // opacus reports 7.32911 at order 3.9; with that order dropped the answer would be 7.32933
  const Orders& orders = standard_orders();
  Curve curve(orders.size(), 0.0);
  compose(curve, poisson_gaussian_rdp(0.04, 1.5, orders), 2250);
  for (const double value : curve) CHECK(std::isfinite(value));
  const AtOrder best = rdp_epsilon(orders, curve, 1e-5);
  CHECK(best.value == doctest::Approx(7.32911117143).epsilon(1e-9));
  CHECK(best.order == 3.9);
}
