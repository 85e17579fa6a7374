#include "cli/build_facts.hpp"

#include <fmt/format.h>
#include <sys/utsname.h>

#include <string_view>

#include "build_id.hpp"
#include "learn/dense/dispatch.hpp"

namespace polyclinic {

Facts build_facts() {
  const std::string_view sanitizers = POLYCLINIC_SANITIZERS;
  std::string type = POLYCLINIC_BUILD_TYPE;
  if (!sanitizers.empty()) type += fmt::format(", sanitizers {}", sanitizers);
  return {{"version", POLYCLINIC_VERSION},
          {"build", POLYCLINIC_BUILD_ID},
          {"compiler", POLYCLINIC_COMPILER},
          {"build_type", type}};
}

std::string instruction_set() {
  return dense::kernels().name;
}

std::string libraries() {
  return POLYCLINIC_LIBRARIES;
}

std::string host() {
  utsname names{};
  if (uname(&names) != 0) return "unknown";
  return fmt::format("{}, {} {} {}", names.nodename, names.sysname, names.release, names.machine);
}

std::string version_text() {
  std::string text;
  for (const auto& [key, value] : build_facts()) {
    text += key == "version" ? fmt::format("polyclinic {}\n", value)
                             : fmt::format("{:<16} {}\n", key, value);
  }
  text += fmt::format("{:<16} {}\n", "instruction_set", instruction_set());
  text += fmt::format("{:<16} {}\n", "libraries", libraries());
  return text + "Simulation, not for clinical use.\n";
}

}  // namespace polyclinic
