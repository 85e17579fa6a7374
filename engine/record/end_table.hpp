// A run's result as text for a person: what `run` prints at its end.
#pragma once

#include <string>

#include "world/result.hpp"

namespace polyclinic {

// Several lines, the last ended by a newline. With colour: ANSI codes for headings and warnings.
std::string end_table(const RunResult& result, bool colour);

}  // namespace polyclinic
