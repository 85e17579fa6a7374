// What happened in a recorded run, in sentences: why was this hospital left out of round 7?
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace polyclinic {

struct ExplainQuestion {
  std::string folder;                   // results folder, or its results.sqlite
  std::optional<std::string> hospital;  // only what concerns this one
  std::optional<std::int64_t> round;    // only this round
};

// Several lines, the last ended by a newline. Throws ScenarioError: no results there, no such
// hospital (nearest names) or round (those that were recorded).
std::string explain_run(const ExplainQuestion& question);

// "day 0, 02:31:04": simulated time as a clock that started at midnight of day 0.
std::string clock_text(std::int64_t at_ns);

}  // namespace polyclinic
