#include "world/convergence.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/statistics.hpp"

namespace polyclinic {

namespace {

// How far from good a value is.
double badness(double value, metrics::Better better) {
  switch (better) {
    case metrics::Better::larger: return -value;
    case metrics::Better::smaller: return value;
    case metrics::Better::zero: return std::fabs(value);
    case metrics::Better::one: return std::fabs(value - 1.0);
    case metrics::Better::neither: break;
  }
  return 0;
}

}  // namespace

Convergence check_convergence(const MetricCurve& curve) {
  Convergence result;
  result.metric = curve.metric;
  if (curve.points.empty()) {
    result.text = "convergence was not checked: nothing was measured";
    return result;
  }
  if (curve.better == metrics::Better::neither) {
    result.text = fmt::format("convergence was not checked: no value of {} is better than another",
                              curve.metric);
    return result;
  }
  const std::int64_t last = curve.points.back().first;
  const double fifth = static_cast<double>(last) / 5.0;
  std::vector<double> x;
  std::vector<double> y;
  double worst = badness(curve.points.front().second, curve.better);
  double best = worst;
  for (const auto& [version, value] : curve.points) {
    const double bad = badness(value, curve.better);
    worst = std::max(worst, bad);
    best = std::min(best, bad);
    if (static_cast<double>(version) <= static_cast<double>(last) - fifth) continue;
    x.push_back(static_cast<double>(version));
    y.push_back(bad);
  }
  if (x.size() < 5) {
    result.text = fmt::format(
        "convergence was not checked: {} measurements in the last fifth of the run, 5 are needed",
        x.size());
    return result;
  }
  const statistics::Line line = statistics::fit_line(x, y);
  result.checked = true;
  const double gain = -line.slope;  // per round
  result.slope_per_round = gain;
  const double matters = std::max(curve.worth, 0.01 * (worst - best));
  result.converged = !(gain > 2.0 * line.slope_se && gain * fifth > matters);
  result.text =
      result.converged
          ? fmt::format("converged: {} no longer improves", curve.metric)
          : fmt::format(
                "not converged: {} still improves by {:.2g} per round; more rounds would help",
                curve.metric, gain);
  return result;
}

}  // namespace polyclinic
