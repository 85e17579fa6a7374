// `polyclinic join FILE HOSPITAL`: what joining is worth to one hospital.
#pragma once

#include <cstdint>
#include <string>

#include "cli/run_command.hpp"

namespace polyclinic {

struct JoinArguments {
  RunArguments run;
  std::string hospital;
  std::string metric;  // empty: the first that is measured
  std::int64_t seeds = 10;
};

Exit ask_join(const JoinArguments& arguments);

}  // namespace polyclinic
