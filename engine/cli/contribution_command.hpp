// `polyclinic contribution FILE`: what each hospital adds.
#pragma once

#include "cli/run_command.hpp"

namespace polyclinic {

struct ContributionArguments {
  RunArguments run;
  std::string metric;  // empty: the first that is measured
  std::int64_t seeds = 1;
  std::int64_t orders = 20;
  double truncate = 0;
  bool leave_one_out = false;  // alone
};

Exit find_contribution(const ContributionArguments& arguments);

}  // namespace polyclinic
