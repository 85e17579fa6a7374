// A request brought into the form that accountants read. Internal to this floor.
#pragma once

#include "privacy/account.hpp"
#include "privacy/mixture.hpp"

namespace polyclinic::privacy {

// What a step looks like to an accountant.
enum class StepKind : std::uint8_t {
  gaussian,             // no amplification: N(1) against N(0)
  poisson,              // poisson_pair, both directions
  poisson_replace,      // poisson_replace_pair
  poisson_group,        // group_pair, both directions
  without_replacement,  // sigma in units of what replacing one record can change
};

struct PlanPhase {
  StepKind kind = StepKind::gaussian;
  double q = 1;
  double sigma = 1;  // of `kind`, all factors of adjacency and group taken in
  std::int64_t steps = 1;
};

struct Plan {
  std::vector<PlanPhase> phases;
  int records = 1;  // of a unit, where kind is poisson_group
};

// Folds adjacency, sampling and group size into the phases. `sigma_scale` multiplies every noise.
Plan make_plan(const AccountRequest& request, double sigma_scale = 1);

// The two-point form of a step: P against Q and, where it differs, Q against P.
MixturePair pair_of(const Plan& plan, const PlanPhase& phase);

// Why an accountant says nothing about a request; "" when it does.
std::string why_silent(Accountant accountant, const AccountRequest& request);

// Noise multipliers that are accounted for.
inline constexpr double kSigmaMin = 1e-2;
inline constexpr double kSigmaMax = 1e6;
inline constexpr std::int64_t kStepsMax = 1'000'000'000'000;

// The least noise multiplier of all phases, and the most steps of the only phase, that keep the
// accountant's epsilon at request.delta within request.target_epsilon. Throw ScenarioError where
// none does.
double solve_noise(Accountant accountant, const AccountRequest& request);
std::int64_t solve_steps(Accountant accountant, const AccountRequest& request);

// One accountant's answers about a plan.
struct Answer {
  double value = 0;
  std::optional<double> order;
  std::optional<double> lower;
  std::optional<double> upper;
};
Answer epsilon_of(Accountant accountant, const AccountRequest& request, const Plan& plan,
                  double delta, bool with_bounds);
Answer delta_of(Accountant accountant, const AccountRequest& request, const Plan& plan,
                double epsilon);

}  // namespace polyclinic::privacy
