// Poisoning attacks as plain functions: what the attackers send in place of their own updates, from
// what they know of the honest ones. All attackers of a call collude.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/schema.hpp"

namespace polyclinic::attack {

using Vector = std::vector<float>;
using Vectors = std::vector<Vector>;

// What the attackers know. References outlive the call.
struct Knowledge {
  const Vectors* honest = nullptr;  // at least one, finite, all of one length
  std::size_t byzantine = 1;        // how many attackers there are
  std::size_t updates = 0;          // of all hospitals in that version; 0: honest + byzantine
  std::size_t first = 0;            // number of the first attacker: of what it draws
  // Their own updates, one for each, had they been honest; empty: the honest mean stands for them.
  Vectors own;
  // The announced rule, applied to all updates; empty where it is not known.
  std::function<Vector(const Vectors& updates)> rule;
  std::uint64_t seed = 0;
};

// What the attackers of part attack.* send: `byzantine` vectors, not always finite. Throws
// ScenarioError at the part where it needs knowledge that is missing. REQUIRES: not changes_rows.
Vectors poison(const Part& part, const Knowledge& knowledge);

// Whether the attack changes what a hospital trains on (attack/rows.hpp) and not what it sends.
bool changes_rows(const Part& part);
// Whether what it sends depends on other hospitals' updates,
bool looks_at_others(const Part& part);
// and whether on any training at all: free riders have none.
bool needs_training(const Part& part);

// Mean, and standard deviation with divisor n - ddof, of each coordinate, in double.
std::vector<double> mean_of(const Vectors& vectors);
std::vector<double> deviation_of(const Vectors& vectors, std::size_t ddof);

// Phi^-1((n - f - s) / (n - f)), s = floor(n / 2 + 1) - f (Baruch et al. 2019, Algorithm 3); 0 for
// a majority of attackers.
double alie_z_max(std::size_t n, std::size_t f);

// The x >= 0 for which `value` is largest, as far as `evaluations` calls find it: steps from the
// best so far that double while it grows and shrink by .8 from the first time it does not (the
// search of ByzFL).
double line_maximum(const std::function<double(double)>& value, int evaluations, double step);

std::vector<Schema> schemas();

}  // namespace polyclinic::attack
