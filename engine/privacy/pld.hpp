// Composition of privacy losses by Fourier transforms, and what the composed loss says.
//
// The law of the sum is computed under exponential tilting: every mass p at loss l is multiplied by
// exp(lambda l), the transforms are made, and the weight is taken off again. With lambda near the
// saddle point of the question asked, the sum's tilted law has its middle where the answer lies, so
// rounding errors of the transforms stay small relative to delta, however small delta is, and the
// lattice need cover only a few standard deviations around the answer. What is cut off and what
// wraps around is bounded by Chernoff's inequality; all bounds are added to an upper delta and
// taken from a lower one.
#pragma once

#include <cstdint>
#include <vector>

#include "privacy/loss_pmf.hpp"

namespace polyclinic::privacy {

// The same step made again and again; one law per direction of the neighbours (1 or 2; a law of one
// direction holds for both).
struct LossSteps {
  std::vector<LawPtr> directions;
  std::int64_t steps = 1;
};

struct Bounds {
  double lower = 0;
  double upper = 0;
};

struct PldOptions {
  bool with_lower = true;
  double relative_error = 1e-5;         // aimed at, of epsilon, within largest_transform
  std::int64_t least_points = 200'000;  // of the lattice, however coarse would do
  std::int64_t largest_transform = std::int64_t{1} << 20;
};

// Bounds on epsilon at delta. REQUIRES: 0 < delta < 1.
Bounds pld_epsilon(const std::vector<LossSteps>& plan, double delta, const PldOptions& options);
// Bounds on delta at epsilon. REQUIRES: epsilon >= 0.
Bounds pld_delta(const std::vector<LossSteps>& plan, double epsilon, const PldOptions& options);

struct Estimate {
  double lower = 0;
  double value = 0;
  double upper = 0;
};
// The PRV accountant of Gopi, Lee, Wutschitz 2021 (arXiv 2106.02848): the epsilon of the centred
// lattice with their mesh, and their bounds, epsilon_error = 0.01 and delta_error = delta / 1000.
Estimate prv_epsilon(const std::vector<LossSteps>& plan, double delta);

// Composition of one direction, given on lattices of one step. Which rounding they have decides
// what the answers are.
struct PmfSteps {
  LossPmf pmf;
  std::int64_t steps = 1;
};
// `slack` +1: an upper bound, -1: a lower bound, 0: neither. `tilt`: lambda, where one is known
// (the bounds hold for any).
double composed_epsilon(const std::vector<PmfSteps>& parts, double delta, int slack,
                        std::int64_t largest_transform, double tilt = 0);
double composed_delta(const std::vector<PmfSteps>& parts, double epsilon, int slack,
                      std::int64_t largest_transform);

}  // namespace polyclinic::privacy
