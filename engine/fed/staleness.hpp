// How much an update counts that comes from an old version. Its staleness is the number of versions
// made between the one that it started from and the one that it becomes part of.
#pragma once

#include <cstdint>
#include <vector>

#include "base/schema.hpp"

namespace polyclinic {

struct StalenessRule {
  enum class Kind : std::uint8_t {
    constant,    // every update counts in full
    polynomial,  // (1 + staleness)^-a
    hinge,       // in full up to b, then 1 / (1 + a (staleness - b))
  };
  Kind kind = Kind::constant;
  double a = 0;
  double b = 0;

  // What an update is multiplied with, in (0, 1]; 1 where nothing is stale.
  [[nodiscard]] double factor(std::int64_t staleness) const;
};

// Reads a resolved part `staleness.*`.
StalenessRule staleness_rule(const Part& part);

// Schemas of staleness.*.
std::vector<Schema> staleness_schemas();

}  // namespace polyclinic
