// Under-training is the commonest false result: is the model still getting better at the end?
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "learn/metrics/types.hpp"
#include "world/result.hpp"

namespace polyclinic {

// Values of one metric over versions.
struct MetricCurve {
  std::string metric;
  metrics::Better better = metrics::Better::larger;
  // An improvement per fifth of the run that nobody would wait for, in the metric's own unit; 0:
  // one hundredth of what the whole run improved it is the only measure.
  double worth = 0;
  std::vector<std::pair<std::int64_t, double>> points;  // (version, value), increasing
};

// Least-squares slope over the last fifth of the versions (docs/decisions/not-converged.md). Not
// converged: the slope improves by more than two standard errors, and going on for another such
// fifth would improve the metric by more than `worth` and by more than a hundredth of what the run
// has improved it. Metrics whose best value is 0 or 1 (calibration) are looked at by their distance
// from it. Fewer than 5 points there, or a metric without a good direction: not checked.
Convergence check_convergence(const MetricCurve& curve);

}  // namespace polyclinic
