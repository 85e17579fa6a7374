#include "world/convergence.hpp"

#include <fmt/format.h>

#include "base/statistics.hpp"

namespace polyclinic {

Convergence check_convergence(const MetricCurve& curve) {
  Convergence result;
  result.metric = curve.metric;
  if (curve.points.empty()) {
    result.text = "convergence was not checked: nothing was measured";
    return result;
  }
  const std::int64_t last = curve.points.back().first;
  const double fifth = static_cast<double>(last) / 5.0;
  std::vector<double> x;
  std::vector<double> y;
  for (const auto& [version, value] : curve.points) {
    if (static_cast<double>(version) <= static_cast<double>(last) - fifth) continue;
    x.push_back(static_cast<double>(version));
    y.push_back(value);
  }
  if (x.size() < 5) {
    result.text = fmt::format(
        "convergence was not checked: {} measurements in the last fifth of the run, 5 are needed",
        x.size());
    return result;
  }
  const statistics::Line line = statistics::fit_line(x, y);
  result.checked = true;
  result.slope_per_round = line.slope;
  const double gain = curve.larger_is_better ? line.slope : -line.slope;
  result.converged = !(gain > 2.0 * line.slope_se && gain * fifth > curve.worth);
  result.text =
      result.converged
          ? fmt::format("converged: {} no longer improves", curve.metric)
          : fmt::format(
                "not converged: {} still improves by {:.4f} per round; more rounds would help",
                curve.metric, gain);
  return result;
}

}  // namespace polyclinic
