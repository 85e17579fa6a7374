// A run's result as JSON: what `--json` prints and `result.json` holds.
#pragma once

#include <string>

#include "world/result.hpp"

namespace polyclinic {

// One object; numbers round-trip; `indent` < 0: on one line.
std::string to_json(const RunResult& result, int indent = 2);

}  // namespace polyclinic
