// `polyclinic sweep`, and `run` and `check` of a file that returns a study.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/cli.hpp"
#include "cli/run_command.hpp"
#include "study/plan.hpp"

namespace polyclinic {

struct SweepArguments {
  RunArguments run;
  std::vector<std::string> vary;  // as typed
  std::optional<std::int64_t> seeds;
  std::string metric;   // --compare, or empty
  std::string against;  // --against, or empty
  std::string csv;      // file for a row per run, or empty
  bool read = false;    // the file was read before and its prints were shown
};

// Reads the file anew for a point and a seed; only the first reading shows what it prints.
// `arguments` outlives it.
LoadStudy study_loader(const RunArguments& arguments);

// Runs a study. Throws ScenarioError before anything has run; a run that fails is a row of the
// result and makes the exit code 1.
Exit run_sweep(const SweepArguments& arguments);

// Validates a study and prints its arms, the number of its runs and the file's params.
Exit check_study(const RunArguments& arguments, const Table& params);

}  // namespace polyclinic
