// Fairness for a terminal: over hospitals, over patients, and every model at every hospital.
#pragma once

#include <string>

#include "world/result.hpp"

namespace polyclinic {

// How the first metric differs between hospitals, a line per way to make a model; "" where fewer
// than two hospitals have a value.
std::string spread_table(const RunResult& result);
// What the federation's model does to groups of patients; "" where none were asked for.
std::string group_tables(const RunResult& result);
// The first metric of every hospital's own model at every hospital; "" where it was not asked for.
std::string cross_site_table(const RunResult& result);

}  // namespace polyclinic
