// `polyclinic run` and `polyclinic check`.
#pragma once

#include <string>

#include "cli/cli.hpp"
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

// Runs a scenario. Throws ScenarioError before anything has run; RunError after having printed and
// kept what there was.
Exit run_scenario(const RunArguments& arguments);

// Validates and prints the resolved world.
Exit check_scenario(const RunArguments& arguments);

}  // namespace polyclinic
