// The small commands: eval, list, docs, explain, new. Each prints to stdout and throws
// ScenarioError for the user's mistakes.
#pragma once

#include <string>

#include "cli/cli.hpp"
#include "cli/parse.hpp"

namespace polyclinic {

Exit evaluate(const CommandLine& line);
// Scenarios in ./scenarios and the vocabulary by kind; only one kind where `kind` is not empty.
Exit list_vocabulary(const std::string& kind);
// The page of line.name, or with line.write all generated files below that folder.
Exit print_docs(const CommandLine& line);
Exit explain(const CommandLine& line);
// Writes NAME.lua; refuses to overwrite.
Exit write_starter(const std::string& name);

}  // namespace polyclinic
