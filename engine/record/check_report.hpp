// The resolved world as `polyclinic check` prints it.
#pragma once

#include <string>

#include "world/description.hpp"

namespace polyclinic {

// A line per fact, then a table of the hospitals.
std::string check_text(const WorldDescription& world);

// One object with the same facts; rates in FLOP/s and bytes/s, times in seconds.
std::string check_json(const WorldDescription& world);

}  // namespace polyclinic
