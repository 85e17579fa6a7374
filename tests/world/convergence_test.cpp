// System: the "not converged" flag on curves whose truth is known.
#include "world/convergence.hpp"

#include <doctest/doctest.h>

#include <cmath>

namespace polyclinic {
namespace {

using metrics::Better;

// Values f(1) .. f(n).
template <class F>
MetricCurve curve_of(Better better, int n, F f) {
  MetricCurve curve;
  curve.metric = "m";
  curve.better = better;
  for (int v = 1; v <= n; ++v) curve.points.emplace_back(v, f(v));
  return curve;
}

TEST_CASE("a metric that still rises has not converged, one that has levelled off has") {
  const auto rising = [](int v) { return 0.5 + 0.004 * v; };
  const auto level = [](int v) { return 0.8 - 0.3 * std::exp(-v / 3.0); };
  CHECK_FALSE(check_convergence(curve_of(Better::larger, 50, rising)).converged);
  const Convergence flat = check_convergence(curve_of(Better::larger, 50, level));
  CHECK(flat.checked);
  CHECK(flat.converged);
}

TEST_CASE("direction counts: what falls is good for a loss and no improvement of an AUROC") {
  const auto falling = [](int v) { return 1.0 - 0.01 * v; };
  CHECK_FALSE(check_convergence(curve_of(Better::smaller, 50, falling)).converged);
  CHECK(check_convergence(curve_of(Better::larger, 50, falling)).converged);
}

TEST_CASE("calibration is looked at by its distance from 0 or 1, from either side") {
  const auto from_below = [](int v) { return -1.5 + 0.02 * v; };
  const auto from_above = [](int v) { return 2.7 - 0.02 * v; };
  CHECK_FALSE(check_convergence(curve_of(Better::zero, 40, from_below)).converged);
  CHECK_FALSE(check_convergence(curve_of(Better::one, 40, from_above)).converged);
  const auto away = [](int v) { return 1.0 + 0.02 * v; };
  CHECK(check_convergence(curve_of(Better::one, 40, away)).converged);
}

TEST_CASE("the unit of a metric does not matter") {
  for (const double unit : {1e-6, 1.0, 1e6}) {
    const auto halving = [&](int v) { return unit * std::exp(-v / 40.0); };
    const auto settled = [&](int v) { return unit * (1.0 + std::exp(-v / 2.0)); };
    CHECK_FALSE(check_convergence(curve_of(Better::smaller, 50, halving)).converged);
    CHECK(check_convergence(curve_of(Better::smaller, 50, settled)).converged);
  }
}

TEST_CASE("noise around a level is no improvement") {
  // deterministic jitter without trend
  const auto noisy = [](int v) { return 0.75 + 0.01 * std::sin(v * 2.3); };
  CHECK(check_convergence(curve_of(Better::larger, 60, noisy)).converged);
}

TEST_CASE("too few measurements, or a metric without direction, say nothing") {
  const auto any = [](int v) { return 0.1 * v; };
  const Convergence few = check_convergence(curve_of(Better::larger, 20, any));
  CHECK_FALSE(few.checked);
  CHECK(few.text ==
        "convergence was not checked: 4 measurements in the last fifth of the run, 5 are needed");
  CHECK_FALSE(check_convergence(curve_of(Better::neither, 50, any)).checked);
  CHECK_FALSE(check_convergence(MetricCurve{}).checked);
}

}  // namespace
}  // namespace polyclinic
