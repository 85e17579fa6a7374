// Noise that is correlated over the rounds of a run, so that most of it cancels in what the rounds
// add up to: tree aggregation (DP-FTRL) and banded matrix factorisation. Round t releases
// x_t + (C^-1 Z)_t with Z independent, which is C X + Z seen through C^-1: what a unit moves C X by
// decides what all rounds together cost. This holds for contributions that depend on what was
// released before (Denisov, McMahan, Rush, Smith, Thakurta 2022, arXiv 2202.08312, Theorem 2.1).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/stream.hpp"

namespace polyclinic::privacy {

enum class RoundNoiseKind : std::uint8_t {
  independent,  // C = 1
  // Every complete node of a binary tree over the rounds is noised, a prefix is the sum of few
  // nodes (Kairouz, McMahan, Song, Thakkar, Thakurta, Xu 2021, arXiv 2103.00039, Algorithm 1).
  tree,
  // C is the square root of the matrix of prefix sums, cut to `bands` bands: c_j = (2j choose j) /
  // 4^j (Kalinin, Lampert 2024, arXiv 2405.13763; bands and separation: Choquette-Choo et al. 2023,
  // arXiv 2306.08153).
  banded,
};

// Fixed before the run: what decides how much the rounds cost together.
struct RoundNoisePlan {
  RoundNoiseKind kind = RoundNoiseKind::independent;
  std::int64_t rounds = 1;      // planned
  std::int64_t separation = 1;  // a unit that is in round t is not in those before t + separation
  std::int64_t bands = 1;       // banded
  std::int64_t restart = 0;     // tree: rounds of one tree, the next one starts anew; 0: one tree

  // Rounds that one unit can be in.
  [[nodiscard]] std::int64_t most() const { return (rounds + separation - 1) / separation; }
  // Of one tree.
  [[nodiscard]] std::int64_t tree_rounds() const {
    return restart > 0 && restart < rounds ? restart : rounds;
  }
};

// The first `bands` coefficients c_j.
std::vector<double> square_root_bands(std::int64_t bands);

// Square of the norm by which a unit moves C X, in units of the bound on what it adds to a round,
// whichever rounds it is in: at most `times` of them, `separation` apart. Exact for banded (the
// leftmost columns are the longest and overlap most) and for one tree; of several trees and where
// the search over a tree would take long it is bounded from above.
double sensitivity_squared(const RoundNoisePlan& plan, std::int64_t times);
// The same for rounds that are known, increasing and from 1.
double sensitivity_squared(const RoundNoisePlan& plan, std::span<const std::int64_t> rounds);

// The noise of one run, round after round. All values have the standard deviation `deviation`
// where they are independent. A round that released nothing is made up for by the next one: their
// noises add up, as their contributions do.
class RoundNoise {
 public:
  RoundNoise(const RoundNoisePlan& plan, RunKey run);

  // Adds to `values` the noise of all rounds after the last call's up to `round`.
  // REQUIRES: rounds increase; one number of values.
  void add(std::int64_t round, double deviation, std::span<double> values);

 private:
  void add_normals(std::uint64_t entity, std::int64_t round, double factor,
                   std::span<double> values) const;
  void add_tree(std::int64_t round, double deviation, std::span<double> values) const;
  void add_banded(std::int64_t round, double deviation, std::span<double> values);

  RoundNoisePlan plan_;
  RunKey run_;
  std::int64_t last_ = 0;
  std::vector<double> bands_;
  std::vector<std::vector<double>> recent_;  // of the last rounds, by round modulo their number
};

}  // namespace polyclinic::privacy
