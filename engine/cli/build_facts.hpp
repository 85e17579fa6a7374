// How this program was built and where it runs: `--version`, and the provenance of every result.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace polyclinic {

using Facts = std::vector<std::pair<std::string, std::string>>;

// version, build (git describe), compiler, build type. Costs nothing.
Facts build_facts();
// instruction set that the kernels use here. Throws ScenarioError when POLYCLINIC_ISA is wrong.
std::string instruction_set();
// "Lua 5.4.4, SQLite 3.40.1, ...", as the program was compiled against them.
std::string libraries();
// "name, Linux 6.1.0 x86_64".
std::string host();

// What `polyclinic --version` prints.
std::string version_text();

}  // namespace polyclinic
