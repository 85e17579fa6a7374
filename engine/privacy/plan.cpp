#include "privacy/plan.hpp"

#include <cmath>

#include "base/check.hpp"
#include "privacy/log_math.hpp"

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

std::string why_silent(Accountant accountant, const AccountRequest&) {
  return accountant == Accountant::rdp ? "" : "it is not asked";
}

namespace {

Curve curve_of(const AccountRequest& request, const Plan& plan) {
  Curve curve(request.orders.size(), 0.0);
  for (const PlanPhase& phase : plan.phases) {
    const auto steps = static_cast<double>(phase.steps);
    switch (phase.kind) {
      case StepKind::gaussian:
        compose(curve, gaussian_rdp(phase.sigma, request.orders), steps);
        break;
      case StepKind::poisson:
      case StepKind::poisson_group:  // of one record; the group's factor comes with the conversion
        compose(curve, poisson_gaussian_rdp(phase.q, phase.sigma, request.orders), steps);
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

}  // namespace

Answer epsilon_of(Accountant, const AccountRequest& request, const Plan& plan, double delta, bool) {
  const AtOrder best = rdp_epsilon(request.orders, curve_of(request, plan), delta);
  return {best.value, best.order, {}, {}};
}

Answer delta_of(Accountant, const AccountRequest& request, const Plan& plan, double epsilon) {
  const AtOrder best = rdp_delta(request.orders, curve_of(request, plan), epsilon);
  return {best.value, best.order, {}, {}};
}

}  // namespace polyclinic::privacy
