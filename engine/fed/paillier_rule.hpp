// What a scenario says about secure.paillier: sums of encrypted vectors.
#pragma once

#include <cstddef>
#include <string>

#include "base/schema.hpp"
#include "secure/paillier_costs.hpp"

namespace polyclinic {

// Longer vectors take a hospital minutes.
inline constexpr std::size_t kPaillierValuesMost = 5000;

struct PaillierRule {
  secure::PaillierHolder holder = secure::PaillierHolder::threshold;
  int key_bits = 2048;
  // Of the whole run, known when the world is built:
  std::size_t holders = 0;  // who are given a share
  std::size_t parts = 0;    // of which so many decrypt; zero: no shares

  // For sums of so many values of so many hospitals. bits: of the sum.
  [[nodiscard]] secure::PaillierShape shape(std::size_t parties, std::size_t values, int bits,
                                            bool wraps) const;
};

// Reads a resolved part `secure.paillier`.
PaillierRule paillier_rule(const Part& part);
// Throws ScenarioError where a vector is too long or a key of an odd length.
void check_paillier(const Part& part, std::size_t values);

Schema paillier_schema();

}  // namespace polyclinic
