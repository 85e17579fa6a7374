// `polyclinic run` and `polyclinic check`.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "cli/cli.hpp"
#include "script/scenario_script.hpp"

namespace polyclinic {

struct RunArguments {
  std::string file;
  ScriptOptions script;
  int threads = 0;  // 0: all of this machine
  std::string out;  // folder for results, or empty
  bool json = false;
  bool quiet = false;
};

// Runs a scenario. interrupt is set by Ctrl-C. Throws ScenarioError; RunError after having printed
// and kept what there was.
Exit run_scenario(const RunArguments& arguments, const std::atomic<bool>& interrupt);

// Validates and prints the resolved world.
Exit check_scenario(const RunArguments& arguments);

}  // namespace polyclinic
