// Reads tests/scenarios/*.test: a scenario, commands, and what must come out of them.
//
//   # name: three_rounds
//   # expect: what the reader should see, and why
//   return scenario { ... }                 the Lua text, up to the first line that begins with "$ "
//   $ run {file} --json                     a command; {file} is the scenario, {dir} a fresh folder
//   ----
//   exit 0
//   json rounds == 3                        a value of the printed object: ==, !=, <, <=, >, >=
//   json hospitals.0.name == "Lyon"
//   out Simulation, not for clinical use.   a line that stdout holds (spaces at its ends do not count)
//   err file.lua:3: ...                     stderr is exactly these lines, in order
//   same                                    the object equals the one before, provenance aside
#pragma once

#include <string>
#include <vector>

namespace polyclinic::testing {

struct Expectation {
  int line = 0;
  std::string kind;  // "exit", "json", "out", "err", "same"
  std::string text;
};

struct CommandCase {
  int line = 0;
  std::string command;
  std::vector<Expectation> expectations;
};

struct ScenarioCase {
  std::string path;
  std::string name;
  std::string description;
  std::string lua;
  std::vector<CommandCase> commands;
};

ScenarioCase read_scenario_case(const std::string& path);

struct Outcome {
  int exit_code = -1;
  std::string out;
  std::string err;
};

// Runs the program with a shell's word splitting; environment as given ("K=V K=V").
Outcome run_program(const std::string& arguments, const std::string& environment);

}  // namespace polyclinic::testing
