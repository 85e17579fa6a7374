// `polyclinic run` and `polyclinic check`.
#pragma once

#include <string>

#include "cli/build_facts.hpp"
#include "cli/cli.hpp"
#include "record/progress.hpp"
#include "script/scenario_script.hpp"

namespace polyclinic {

struct RunArguments {
  std::string file;
  ScriptOptions script;
  int threads = 0;           // 0: all of this machine
  std::string out;           // folder for results, or empty
  bool json = false;         // one JSON object on stdout instead of the table
  bool quiet = false;        // neither progress nor table
  std::string command_line;  // as typed, for provenance
};

// A clock that only goes forward.
double wall_seconds();
// Progress on standard error.
Progress::Options progress_options();
// How results were made: build, instruction set, host, command.
Facts provenance(const RunArguments& arguments, double seconds);

// Runs a scenario, or the study that the file returns. Throws ScenarioError before anything has
// run; RunError after having printed and kept what there was.
Exit run_scenario(const RunArguments& arguments);

// Validates and prints the resolved world.
Exit check_scenario(const RunArguments& arguments);

}  // namespace polyclinic
