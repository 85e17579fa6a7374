#include "privacy/plan.hpp"

#include <algorithm>
#include <cmath>

#include "base/check.hpp"
#include "privacy/composition.hpp"
#include "privacy/gaussian.hpp"
#include "privacy/log_math.hpp"
#include "privacy/pld.hpp"

namespace polyclinic::privacy {

namespace {

// A record is in one batch of every epoch of 1/q steps: so many whole steps, no sampling.
std::int64_t epochs_of(const Phase& phase) {
  // a step count that q divides exactly must not become one epoch more by rounding
  const double epochs = static_cast<double>(phase.steps) * phase.q;
  return static_cast<std::int64_t>(std::ceil(epochs * (1 - 1e-12)));
}

}  // namespace

Plan make_plan(const AccountRequest& request, double sigma_scale) {
  Plan plan;
  plan.records = request.records_per_unit;
  for (const Phase& given : request.phases) {
    PlanPhase phase{StepKind::gaussian, given.q, given.sigma * sigma_scale, given.steps};
    const bool replaces = request.adjacency == Adjacency::replace_one;
    if (request.sampling == Sampling::without_replacement && given.q < 1) {
      phase.kind = StepKind::without_replacement;
    } else if (request.sampling == Sampling::without_replacement) {
      phase.q = 1;
    } else if (request.sampling == Sampling::poisson && given.q < 1) {
      phase.kind = replaces           ? StepKind::poisson_replace
                   : plan.records > 1 ? StepKind::poisson_group
                                      : StepKind::poisson;
    } else {
      // every record in every step: k of them pull k times, one replaced by its opposite twice
      if (request.sampling == Sampling::shuffled) phase.steps = epochs_of(given);
      phase.q = 1;
      phase.sigma /= plan.records * (replaces ? 2.0 : 1.0);
    }
    plan.phases.push_back(phase);
  }
  return plan;
}

MixturePair pair_of(const Plan& plan, const PlanPhase& phase) {
  switch (phase.kind) {
    case StepKind::poisson_replace: return poisson_replace_pair(phase.q, phase.sigma);
    case StepKind::poisson_group: return group_pair(phase.q, phase.sigma, plan.records);
    default: return poisson_pair(phase.q, phase.sigma);
  }
}

std::string why_silent(Accountant accountant, const AccountRequest& request) {
  const bool sampled =
      request.sampling == Sampling::poisson || request.sampling == Sampling::without_replacement;
  const bool replaced =
      request.sampling == Sampling::poisson && request.adjacency == Adjacency::replace_one;
  const bool group = sampled && request.records_per_unit > 1;
  // beyond this a lattice fine enough is too large
  constexpr double kLatticeSteps = 1e8;
  double steps = 0;
  for (const Phase& phase : request.phases) steps += static_cast<double>(phase.steps);
  if ((accountant == Accountant::pld || accountant == Accountant::prv) && sampled &&
      steps > kLatticeSteps) {
    return "it treats up to 1e8 sampled steps";
  }
  switch (accountant) {
    case Accountant::gdp:
      if (replaced) return "its central limit is derived for a record added or removed";
      if (group) return "its central limit is derived for units of one record";
      return {};
    case Accountant::advanced:
      if (replaced) return "what sampling gains is proven for a record added or removed";
      if (group) return "what sampling gains is proven for units of one record";
      return {};
    case Accountant::prv:
      if (request.epsilon) return "it answers epsilon, not delta";
      return {};
    case Accountant::classic:
      if (sampled || request.phases.size() != 1 || request.phases[0].steps != 1) {
        return "it holds for one step without sampling";
      }
      return {};
    default: return {};
  }
}

namespace {

constexpr double kDeltaShare = 0.5;  // of delta for the composition, the rest for the steps

Curve curve_of(const AccountRequest& request, const Plan& plan) {
  Curve curve(request.orders.size(), 0.0);
  for (const PlanPhase& phase : plan.phases) {
    const auto steps = static_cast<double>(phase.steps);
    switch (phase.kind) {
      case StepKind::gaussian:
        compose(curve, gaussian_rdp(phase.sigma, request.orders), steps);
        break;
      case StepKind::poisson:
      case StepKind::poisson_group:  // of one record; group_epsilon takes the group in
        compose(curve,
                request.unsigned_series
                    ? poisson_gaussian_rdp_unsigned(phase.q, phase.sigma, request.orders)
                    : poisson_gaussian_rdp(phase.q, phase.sigma, request.orders),
                steps);
        break;
      case StepKind::poisson_replace:
        compose(curve, mixture_rdp(pair_of(plan, phase), request.orders), steps);
        break;
      case StepKind::without_replacement:
        compose(curve, without_replacement_rdp(phase.q, phase.sigma, request.orders), steps);
        break;
    }
  }
  return curve;
}

bool has_group(const Plan& plan) {
  return std::any_of(plan.phases.begin(), plan.phases.end(),
                     [](const PlanPhase& phase) { return phase.kind == StepKind::poisson_group; });
}

bool all_gaussian(const Plan& plan) {
  return std::all_of(plan.phases.begin(), plan.phases.end(),
                     [](const PlanPhase& phase) { return phase.kind == StepKind::gaussian; });
}

// mu^2 of all steps without sampling.
double gaussian_mu_square(const Plan& plan) {
  double sum = 0;
  for (const PlanPhase& phase : plan.phases) {
    if (phase.kind != StepKind::gaussian) continue;
    sum += static_cast<double>(phase.steps) / (phase.sigma * phase.sigma);
  }
  return sum;
}

// mu^2 in the central limit, exact for the steps without sampling.
// Under Poisson sampling a rate of 1 is treated as any other, so that a series of rates has no
// jump.
double clt_mu_square(const Plan& plan, const AccountRequest& request) {
  const bool poisson = request.sampling == Sampling::poisson && plan.records == 1;
  double sum = poisson ? 0 : gaussian_mu_square(plan);
  for (const PlanPhase& phase : plan.phases) {
    const auto steps = static_cast<double>(phase.steps);
    if (poisson) {
      sum += steps * clt_mu_square_poisson(phase.q, phase.sigma);
    } else if (phase.kind == StepKind::without_replacement) {
      sum += steps * clt_mu_square_uniform(phase.q, phase.sigma);
    }
  }
  return sum;
}

// rho of all steps; what is sampled counts as if every record were in every step.
double rho_of(const Plan& plan) {
  double sum = 0;
  for (const PlanPhase& phase : plan.phases) {
    double reach = 1;  // what the unit changes, over the clipping bound
    if (phase.kind == StepKind::poisson_replace) reach = 2;
    if (phase.kind == StepKind::poisson_group) reach = plan.records;
    sum += static_cast<double>(phase.steps) * reach * reach / (2 * phase.sigma * phase.sigma);
  }
  return sum;
}

// The steps as PLD accounting takes them: those without sampling are one Gaussian.
std::vector<LossSteps> loss_steps(const Plan& plan) {
  std::vector<LossSteps> result;
  const double mu_square = gaussian_mu_square(plan);
  if (mu_square > 0) {
    LossSteps one;
    one.directions.push_back(mixture_law(poisson_pair(1, 1 / std::sqrt(mu_square))));
    result.push_back(std::move(one));
  }
  for (const PlanPhase& phase : plan.phases) {
    if (phase.kind == StepKind::gaussian) continue;
    LossSteps part;
    part.steps = phase.steps;
    if (phase.kind == StepKind::without_replacement) {
      part.directions.push_back(fixed_size_law(phase.q, phase.sigma));
    } else {
      const MixturePair pair = pair_of(plan, phase);
      part.directions.push_back(mixture_law(pair));
      // replacing is symmetric
      if (phase.kind != StepKind::poisson_replace) {
        part.directions.push_back(mixture_law(reversed(pair)));
      }
    }
    result.push_back(std::move(part));
  }
  return result;
}

// Steps as (epsilon, delta), with this delta for each before sampling.
EpsilonDelta step_of(const PlanPhase& phase, double delta) {
  const EpsilonDelta whole{gaussian_epsilon(1 / phase.sigma, delta / phase.q), delta / phase.q};
  return phase.kind == StepKind::gaussian ? whole : amplified_by_sampling(whole, phase.q);
}

double advanced_epsilon(const Plan& plan, double delta) {
  std::int64_t steps = 0;
  for (const PlanPhase& phase : plan.phases) steps += phase.steps;
  const double each = (1 - kDeltaShare) * delta / static_cast<double>(steps);
  // the optimal sum has a number of terms that grows with the root of the steps
  constexpr std::int64_t kOptimalSteps = 10'000'000;
  if (plan.phases.size() == 1 && steps <= kOptimalSteps) {
    if (steps == 1) return step_of(plan.phases[0], delta).epsilon;
    return optimal_composition(step_of(plan.phases[0], each), steps, delta);
  }
  std::vector<EpsilonDelta> parts;
  std::vector<std::int64_t> counts;
  for (const PlanPhase& phase : plan.phases) {
    parts.push_back(step_of(phase, each));
    counts.push_back(phase.steps);
  }
  return advanced_composition(parts, counts, delta);
}

// The delta at which f, an epsilon that falls with delta, is `epsilon`: by bisection of log delta,
// ending on the side where the guarantee holds.
template <class F>
double delta_where(F f, double epsilon) {
  double low = -690;
  double high = 0;
  if (!(f(math::exp(-1e-9)) <= epsilon)) return 1;
  for (int i = 0; i < 60; ++i) {
    const double middle = 0.5 * (low + high);
    (f(math::exp(middle)) <= epsilon ? high : low) = middle;
  }
  return std::min(1.0, math::exp(high));
}

Answer rdp_answer(const AccountRequest& request, const Plan& plan, double delta) {
  const Curve curve = curve_of(request, plan);
  const AtOrder best = has_group(plan) ? group_epsilon(request.orders, curve, plan.records, delta)
                                       : rdp_epsilon(request.orders, curve, delta);
  return {best.value, best.order, {}, {}};
}

}  // namespace

Answer epsilon_of(Accountant accountant, const AccountRequest& request, const Plan& plan,
                  double delta, bool with_bounds) {
  switch (accountant) {
    case Accountant::rdp: return rdp_answer(request, plan, delta);
    case Accountant::pld: {
      if (all_gaussian(plan)) {
        const double epsilon = gaussian_epsilon(std::sqrt(gaussian_mu_square(plan)), delta);
        return {epsilon, {}, epsilon, epsilon};
      }
      PldOptions options;
      options.with_lower = with_bounds;
      if (!with_bounds) options.least_points = 60'000;
      const Bounds bounds = pld_epsilon(loss_steps(plan), delta, options);
      Answer answer{bounds.upper, {}, {}, bounds.upper};
      if (with_bounds) answer.lower = bounds.lower;
      return answer;
    }
    case Accountant::prv: {
      const Estimate estimate = prv_epsilon(loss_steps(plan), delta);
      return {estimate.upper, {}, estimate.lower, estimate.upper};
    }
    case Accountant::gdp:
      return {gaussian_epsilon(std::sqrt(clt_mu_square(plan, request)), delta), {}, {}, {}};
    case Accountant::zcdp: {
      const AtOrder best = zcdp_epsilon(rho_of(plan), delta);
      return {best.value, best.order, {}, {}};
    }
    case Accountant::advanced: return {advanced_epsilon(plan, delta), {}, {}, {}};
    case Accountant::classic: break;
  }
  const auto epsilon = classic_epsilon(plan.phases[0].sigma, delta);
  return {epsilon ? *epsilon : std::nan(""), {}, {}, {}};
}

Answer delta_of(Accountant accountant, const AccountRequest& request, const Plan& plan,
                double epsilon) {
  switch (accountant) {
    case Accountant::rdp: {
      if (has_group(plan)) {
        const auto at = [&](double delta) { return rdp_answer(request, plan, delta).value; };
        return {delta_where(at, epsilon), {}, {}, {}};
      }
      const AtOrder best = rdp_delta(request.orders, curve_of(request, plan), epsilon);
      return {best.value, best.order, {}, {}};
    }
    case Accountant::pld: {
      if (all_gaussian(plan)) {
        const double delta = gaussian_delta(std::sqrt(gaussian_mu_square(plan)), epsilon);
        return {delta, {}, delta, delta};
      }
      const Bounds bounds = pld_delta(loss_steps(plan), epsilon, {});
      return {bounds.upper, {}, bounds.lower, bounds.upper};
    }
    case Accountant::gdp:
      return {gaussian_delta(std::sqrt(clt_mu_square(plan, request)), epsilon), {}, {}, {}};
    case Accountant::zcdp: {
      const AtOrder best = zcdp_delta(rho_of(plan), epsilon);
      return {best.value, best.order, {}, {}};
    }
    case Accountant::advanced: {
      const auto at = [&](double delta) { return advanced_epsilon(plan, delta); };
      return {delta_where(at, epsilon), {}, {}, {}};
    }
    default: {
      const auto at = [&](double delta) {
        return epsilon_of(accountant, request, plan, delta, false).value;
      };
      return {delta_where(at, epsilon), {}, {}, {}};
    }
  }
}

}  // namespace polyclinic::privacy
