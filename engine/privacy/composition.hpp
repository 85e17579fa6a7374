// Accountants of closed form: zero-concentrated privacy and composition of (epsilon, delta) steps;
// and what sampling and shuffling do to such a step.
#pragma once

#include <cstdint>
#include <vector>

#include "privacy/rdp.hpp"

namespace polyclinic::privacy {

// Least epsilon of a rho-zCDP mechanism, whose Renyi curve is alpha rho at every order; and delta.
AtOrder zcdp_epsilon(double rho, double delta);
AtOrder zcdp_delta(double rho, double epsilon);

struct EpsilonDelta {
  double epsilon = 0;
  double delta = 0;
};

// Optimal composition of `steps` equal steps: Kairouz, Oh, Viswanath 2015 (arXiv 1311.0776),
// Theorem 3.3. The least of its epsilons (steps - 2 i) epsilon whose delta is at most `delta`;
// infinity where even steps * epsilon needs more.
double optimal_composition(EpsilonDelta step, std::int64_t steps, double delta);
// Steps that differ: Theorem 3.5 there. `counts` says how often each is made.
double advanced_composition(const std::vector<EpsilonDelta>& steps,
                            const std::vector<std::int64_t>& counts, double delta);

// A step on a random share q of the records (Poisson sampling under add/remove, a fixed cohort
// under replace-one): Balle, Barthe, Gaboardi 2018 (arXiv 1807.01647), Theorems 8 and 9.
EpsilonDelta amplified_by_sampling(EpsilonDelta step, double q);
// `n` reports of epsilon_0-local privacy, shuffled: Feldman, McMillan, Talwar 2021 (arXiv
// 2012.12803), Theorem 3.1; valid up to epsilon_0 = log(n / (16 log(2 / delta))). Infinity beyond.
double amplified_by_shuffling(double epsilon_0, double n, double delta);

// k records of one unit, from the guarantee of one record (Vadhan 2017, Lemma 2.2): an
// (epsilon, delta) for one is (k epsilon, delta (exp(k epsilon) - 1) / (exp(epsilon) - 1)) for k.
// The least k epsilon over the curve's pairs whose delta for k is at most `delta`.
AtOrder group_epsilon(std::span<const double> orders, const Curve& curve, int k, double delta);

// Tree aggregation (DP-FTRL, arXiv 2103.00039): sum of squares of a record's contributions to the
// nodes, in units of the clipping bound. One participation in a tree of `steps` leaves touches
// floor(log2 steps) + 1 nodes.
double tree_sensitivity_square(std::int64_t steps);

}  // namespace polyclinic::privacy
