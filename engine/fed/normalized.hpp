// FedNova's normalised averaging: hospitals that made more steps do not count more for it.
#pragma once

#include <memory>

#include "base/schema.hpp"
#include "fed/parts.hpp"

namespace polyclinic {

// The rule of a resolved `aggregation.normalized`. Updates say how often their gradients count
// (Update::accumulated); check_parts_of_strategy refuses trainings that cannot.
std::unique_ptr<AggregationRule> make_normalized(const Part& part);

// Its schema, with the fields that every mean has.
Schema normalized_schema(const Field& weights, const Field& share);

}  // namespace polyclinic
