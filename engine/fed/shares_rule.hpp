// What a scenario says about secure.shares: updates in shares to servers that do not collude.
#pragma once

#include <cstddef>
#include <optional>
#include <utility>

#include "base/schema.hpp"
#include "base/time.hpp"
#include "fed/aggregation/pre.hpp"
#include "secure/comparison.hpp"

namespace polyclinic {

// Instead of the sum: the mean of the values of the middle ranks of each coordinate.
struct MiddleRule {
  bool trimmed = false;  // trimmed_mean; else the median
  aggregation::Byzantine byzantine;
  // [first, last) of n. REQUIRES: n >= 1.
  [[nodiscard]] std::pair<std::size_t, std::size_t> ranks(std::size_t n) const;
};

struct SharesRule {
  std::size_t servers = 2;  // the server itself, and others
  // of the lines of the others
  double rate_bytes_per_s = 0;
  TimeNs latency;
  std::optional<MiddleRule> middle;  // none: sums
};

// Reads a resolved part `secure.shares`; the rule `aggregation.*` says whether sums are asked for.
SharesRule shares_rule(const Part& part);
// What a resolved `aggregation.*` asks of the middle; nullopt: the sum is enough.
std::optional<MiddleRule> middle_rule(const Part& aggregation);
// Whether servers with shares can do what it asks for: mean, median, trimmed_mean.
bool shares_can(const Part& aggregation);

// What the servers exchange to find the middle of so many values of so many hospitals each.
secure::ComparisonCost middle_cost(const MiddleRule& rule, std::size_t hospitals,
                                   std::size_t values, int bits);

Schema shares_schema();

}  // namespace polyclinic
