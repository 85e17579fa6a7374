// Questions about the object that --json prints, for the expectations of tests/scenarios.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace polyclinic::testing {

using Json = nlohmann::json;

// The value at "hospitals.Lyon.drops", "round_records.0.closed" or "sum(hospitals.*.bytes_up)":
// items of a list by position or by their "name", * for all; sum, min, max and count leave out what
// is null. Null where there is none.
Json query(const Json& object, const std::string& path);

// What does not add up in a run's object, each as a sentence; empty where all does:
// hospitals' bytes and the totals; invitations = participations + drops = drop reasons; invitations
// and participations against the rounds; a version per round that did not fail; rounds that follow
// each other in time; times that fit into the run; weights that sum to at most 1 and to exactly 1
// when everybody was in the last aggregation; counted and null hospitals; worst no better than
// macro.
std::vector<std::string> accounting_mistakes(const Json& object);

// What is missing for a world in which something happens (science.md, rule 1); empty where nothing:
// median round times that differ threefold, an outage, 2-10 % of invitations late.
std::vector<std::string> eventless(const Json& object);

}  // namespace polyclinic::testing
