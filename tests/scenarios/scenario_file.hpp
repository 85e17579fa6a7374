// Reads tests/scenarios/*.test: a scenario, commands, and what must come out of them.
//
//   # name: three_rounds
//   # expect: what the reader should see, and why
//   # needs: ../shared/data/icu.csv         skipped, with a sentence, where this path is absent
//   return scenario { ... }                 the Lua text, up to the first line that begins with "$
//   "
//   @file sites/a.csv                       a file beside the scenario, up to the line @end
//   @end
//   $ run {file} --json                     a command; {file} is the scenario, {dir} its fresh
//   folder,
//   ----                                    {source} the checkout; NAME=VALUE before it:
//   environment exit 0                                  without this line the command must end with
//   0 json rounds == 3                        a value of the printed object: ==, !=, <, <=, >, >=
//   json hospitals.Lyon.drops == 0          an item of a list by its position or its "name"
//   json sum(hospitals.*.drops) > 0         over a list: sum, min, max, count (of those not null)
//   json metrics.loss.macro ~ 0.5 1e-6      equal but for 1e-6
//   json rounds == @versions                the right side from the same object,
//   json sim_seconds > @first:sim_seconds   or from one that was kept
//   keep first                              keeps the object under a name
//   accounts                                bytes, invitations, versions, times and weights add up
//   eventful                                something happens in it (science.md, rule 1)
//   same                                    the object equals the one before, provenance aside;
//   same first                              or one that was kept
//   npz {dir}/a.npz ~ {dir}/b.npz 1e-6      two saved models, number by number
//   exists {dir}/out/results.db             a file that is there now
//   out Simulation, not for clinical use.   a line that stdout holds (spaces at its ends do not
//   count) outhas weights                          a piece of text that stdout holds; errhas:
//   stderr err {file}:3: ...                       stderr is exactly these lines, in order
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace polyclinic::testing {

struct Expectation {
  int line = 0;
  std::string kind;  // its first word
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
  std::vector<std::string> needs;
  std::string lua;
  std::vector<std::pair<std::string, std::string>> files;  // name and contents
  std::vector<CommandCase> commands;
};

// Throws std::runtime_error for a file that is not of this form.
ScenarioCase read_scenario_case(const std::string& path);

struct Outcome {
  int exit_code = -1;
  std::string out;
  std::string err;
};

// Runs the program with a shell's word splitting; environment as given ("K=V K=V").
Outcome run_program(const std::string& arguments, const std::string& environment);

}  // namespace polyclinic::testing
