// What a membership attack found, for a terminal and for --json.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "world/result.hpp"

namespace polyclinic {

// A line per hospital and the sentences that belong to the numbers; "" where no audit was asked
// for.
std::string membership_table(const RunResult& result);
// REQUIRES: result.membership.
nlohmann::ordered_json membership_json(const RunResult& result);

}  // namespace polyclinic
