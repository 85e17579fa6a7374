// Rules that look after the hospitals for which the model is worst. Both go by the loss that each
// hospital tells of the model that it started from (fed/told_losses.hpp).
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "base/schema.hpp"
#include "fed/parts.hpp"
#include "learn/model.hpp"

namespace polyclinic {

// q-FedAvg: the larger a hospital's loss, the more its update counts, by its q-th power.
std::unique_ptr<AggregationRule> make_q_fair(const Part& part);

// Agnostic federated learning: updates count by a mixture over the hospitals that the server moves
// towards those with the largest losses. What it remembers moves on with the version: updates that
// made none, or that somebody only tries, leave no trace.
std::unique_ptr<AggregationRule> make_agnostic(const Part& part, AbleHospitals able);

// The point of { w : w >= 0, sum w = 1 } that is nearest to v. REQUIRES: v is not empty.
std::vector<double> nearest_mixture(const std::vector<double>& v);

// Throws ScenarioError where a rule needs losses that are no less than 0 and those of the outcome
// may be.
void check_fair_outcome(const Part& aggregation, const ModelShape& shape);

// Their schemas; weights and share: the fields that every mean has.
Schema q_fair_schema(const Field& weights, const Field& share);
Schema agnostic_schema();

}  // namespace polyclinic
