// A resolved scenario as plain data: what runs depends on nothing else.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/schema.hpp"

namespace polyclinic {

struct WorldSpec {
  Part scenario;           // kind "scenario": every field resolved
  std::string file;        // the scenario's path, as given
  std::uint64_t seed = 1;  // --seed, else the scenario's field
  std::uint64_t replication = 0;
  // Values of `params` after --set, for provenance.
  Table params;
  // Members that stay away, by name: they take no part and are measured as ever. No scenario says
  // this; who asks what a hospital contributes does.
  std::vector<std::string> absent;

  // Of everything that decides what runs (not of positions or file paths).
  [[nodiscard]] std::uint64_t hash() const;
};

// Resolves what single schemas cannot: strategy and world fields against each other, rounds,
// participants and deadline given as shorthands, combinations that make no sense. Afterwards every
// part field of the scenario holds what runs (network and hospitals too, with their defaults),
// except `selection`: absent, the size of the federation decides. Throws ScenarioError with every
// mistake.
WorldSpec resolve_world(Part scenario, std::string file);

// Schemas of `scenario`, `measure`, `stop`, `metric.*`.
std::vector<Schema> world_schemas();

}  // namespace polyclinic
