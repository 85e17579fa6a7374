// The rules of rules.hpp as parts of a strategy: reads their fields, holds the updates, runs the
// pre-aggregations.
#pragma once

#include <memory>
#include <vector>

#include "fed/parts.hpp"

namespace polyclinic::aggregation {

// The rule of this part, or nullptr when its name is none of ours (mean without `pre`, custom).
// Throws ScenarioError for fields that make no sense together.
std::unique_ptr<AggregationRule> make_robust(const Part& part);

// The fields `weights`, `max_share` and `pre`, shared by rules that have them.
Field weights_field();
Field share_field();
Field pre_field();

std::vector<Schema> robust_schemas();

}  // namespace polyclinic::aggregation
