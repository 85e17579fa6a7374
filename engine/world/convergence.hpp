// Under-training is the commonest false result: is the model still getting better at the end?
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "world/result.hpp"

namespace polyclinic {

// Values of one metric over versions.
struct MetricCurve {
  std::string metric;
  bool larger_is_better = true;
  double worth = 0.002;  // an improvement smaller than this per fifth of the run is none
  std::vector<std::pair<std::int64_t, double>> points;  // (version, value), increasing
};

// Least-squares slope over the last fifth of the versions (science.md, defaults). Not converged:
// the slope improves by more than two standard errors, and going on for another such fifth would
// improve the metric by more than `worth`. Fewer than 5 points there: not checked.
Convergence check_convergence(const MetricCurve& curve);

}  // namespace polyclinic
