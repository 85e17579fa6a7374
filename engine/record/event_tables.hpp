// What happened in a run beside its rounds, for a terminal: borders, gossip, the timeline's deeds.
#pragma once

#include <string>
#include <vector>

#include "world/result.hpp"

namespace polyclinic {

// What crossed each region's border; "" without regions.
std::string border_table(const RunResult& result);
// Who talked to whom where no server is, and what came of it; else "".
std::string gossip_line(const RunResult& result);
// What the timeline did to the federation, and what it cost to forget a hospital.
std::string happening_lines(const RunResult& result);
// What changes of data did to the model: up to three of the shown metrics each.
std::string data_change_table(const RunResult& result, const std::vector<std::string>& shown);

}  // namespace polyclinic
