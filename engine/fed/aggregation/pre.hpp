// Pre-aggregations: what happens to the updates before a rule sees them. Each makes combinations of
// the vectors, so nothing is copied.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/schema.hpp"
#include "fed/aggregation/vector_set.hpp"

namespace polyclinic::aggregation {

// How many attackers a rule is told of: `byzantine`, a count or a share of the vectors.
struct Byzantine {
  std::optional<std::int64_t> count;
  double share = 0.2;
  bool given = false;  // else the rule takes what it can bear if that is less
  // Reads the field; absent: a fifth.
  static Byzantine of(const Part& part);
  [[nodiscard]] std::size_t among(std::size_t n) const;
};

// Each vector becomes the mean of its n - f nearest, itself among them (Allouah et al. 2023).
VectorSet nearest_neighbour_mixing(const VectorSet& set, std::size_t f);
// Means of `size` vectors each, in the order of `permutation`; the last of what is left
// (Karimireddy et al. 2022). weights, one per vector, become those of the buckets.
VectorSet bucketing(const VectorSet& set, const std::vector<std::size_t>& permutation,
                    std::size_t size, std::vector<double>& weights);
// Vectors longer than `bound` are shortened to it.
VectorSet clipping(const VectorSet& set, double bound);
// The floor(2 f (n - f) / n) longest are shortened to the next longest (Allouah et al. 2024,
// adaptive robust clipping).
VectorSet adaptive_clipping(const VectorSet& set, std::size_t f);

// Applies one part pre.*; a bucketing draws its order from the seed.
VectorSet apply_pre(const Part& part, const VectorSet& set, std::uint64_t seed,
                    std::vector<double>& weights);
// How many vectors are left of n.
std::size_t count_after(const Part& part, std::size_t n);
// Why the part cannot work on n vectors, or "".
std::string refusal(const Part& part, std::size_t n);

std::vector<Schema> pre_schemas();

}  // namespace polyclinic::aggregation
