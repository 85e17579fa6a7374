// A run's result as CSV tables (RFC 4180; an empty cell is no value; numbers in the shortest form
// that reads back to the same bits).
#pragma once

#include <string>

#include "world/result.hpp"

namespace polyclinic {

// One row per arm, metric and hospital or average, of the last version.
std::string metrics_csv(const RunResult& result);
// One row per arm, group of patients and metric, and per gap between groups.
std::string groups_csv(const RunResult& result);
// One row per hospital's own model, hospital and metric. REQUIRES: result.cross_site.
std::string cross_site_csv(const RunResult& result);
// One row per hospital: size, traffic, participations, drops by reason, times.
std::string hospitals_csv(const RunResult& result);
// One row per round.
std::string rounds_csv(const RunResult& result);

}  // namespace polyclinic
