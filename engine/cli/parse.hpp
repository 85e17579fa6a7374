// The command line as plain data. Mistakes in it are ScenarioErrors, in one sentence each.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/account_command.hpp"
#include "cli/contribution_command.hpp"
#include "cli/join_command.hpp"
#include "cli/sweep_command.hpp"

namespace polyclinic {

struct CommandLine {
  // "run", "sweep", "contribution", "join", "check", "eval", "list", "docs", "explain", "account",
  // "new", "help", "version".
  std::string command;
  RunArguments run;                    // run, check; script and json for eval as well
  SweepArguments sweep;                // sweep, its `run` filled in last
  ContributionArguments contribution;  // contribution, its `run` filled in last
  JoinArguments join;                  // join, its `run` filled in last
  std::optional<std::string> code;     // eval -e
  std::string name;                    // docs, list, new, explain: NAME, KIND, RUN
  std::string write;                   // docs --write
  std::optional<std::string> hospital;
  std::optional<std::int64_t> round;
  AccountArguments account;
  std::string help;  // help: the text to print
};

// Throws ScenarioError.
CommandLine parse_command_line(int argc, const char* const* argv);

}  // namespace polyclinic
