#include "fed/weights.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace polyclinic {

WeightRule weight_rule(const Part& aggregation) {
  WeightRule rule;
  rule.by_size = false;  // most rules know no weights: all count alike
  if (aggregation.find("weights")) rule.by_size = aggregation.text("weights") == "size";
  if (aggregation.find("max_share")) rule.max_share = aggregation.number("max_share");
  return rule;
}

Weights shares(const WeightRule& rule, std::span<const std::int64_t> rows) {
  const std::vector<double> sizes(rows.begin(), rows.end());
  return shares(rule, std::span<const double>(sizes));
}

Weights shares(const WeightRule& rule, std::span<const double> rows) {
  ENSURE(!rows.empty(), "an aggregation has at least one update");
  Weights weights;
  const std::size_t n = rows.size();
  weights.share.assign(n, 1.0 / static_cast<double>(n));
  if (!rule.by_size) return weights;
  double total = 0;
  for (const double r : rows) total += r;
  for (std::size_t i = 0; i < n; ++i) weights.share[i] = rows[i] / total;

  // hold the largest to the cap and spread the rest over the others; each pass settles at least one
  const double cap = std::max(rule.max_share, 1.0 / static_cast<double>(n));
  std::vector<bool> held(n, false);
  for (std::size_t pass = 0; pass < n; ++pass) {
    double free_share = 1.0;
    double free_rows = 0;
    for (std::size_t i = 0; i < n; ++i) {
      if (held[i])
        free_share -= cap;
      else
        free_rows += rows[i];
    }
    bool changed = false;
    for (std::size_t i = 0; i < n; ++i) {
      if (held[i]) continue;
      weights.share[i] = free_share * rows[i] / free_rows;
      if (weights.share[i] > cap * (1.0 + 1e-12)) {
        weights.share[i] = cap;
        held[i] = true;
        changed = true;
      }
    }
    if (!changed) break;
    weights.capped = true;
  }
  return weights;
}

}  // namespace polyclinic
