// `polyclinic account`: what a plan of noisy steps costs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/cli.hpp"

namespace polyclinic {

// The options as typed; absent ones are empty.
struct AccountArguments {
  std::optional<std::string> q;
  std::optional<std::string> sigma;
  std::optional<std::string> steps;
  std::optional<std::string> delta;
  std::optional<std::string> epsilon;
  std::optional<std::string> target_epsilon;
  std::optional<std::string> sampling;
  std::optional<std::string> adjacency;
  std::optional<std::string> records;
  std::optional<std::string> unit;
  std::optional<std::string> orders;
  std::vector<std::string> accountants;
  std::vector<std::string> phases;  // "q=0.01,sigma=1,steps=1000"
  bool json = false;
};

// Throws ScenarioError.
Exit account_privacy(const AccountArguments& arguments);

}  // namespace polyclinic
