// Single private answers, called from a script: mechanism.laplace { ... } and its kin. Noise comes
// from the address of the seed that is given, so the same call answers the same.
#pragma once

#include <vector>

#include "base/schema.hpp"

namespace polyclinic::privacy {

// Schemas of mechanism.*.
std::vector<Schema> mechanism_schemas();
// What a resolved part mechanism.* answers: a table with the noised values (or the index), and with
// what was added. Throws ScenarioError where a bound is not proven or values do not fit.
Value answer_of(const Part& part);

}  // namespace polyclinic::privacy
