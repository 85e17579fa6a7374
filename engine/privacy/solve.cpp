// The noise or the number of steps that a budget asks for.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "privacy/log_math.hpp"
#include "privacy/plan.hpp"

namespace polyclinic::privacy {

namespace {

// Transforms for every value of epsilon: fewer tries, from a good start.
bool is_costly(Accountant accountant) {
  return accountant == Accountant::pld || accountant == Accountant::prv;
}

double epsilon_with_noise(Accountant accountant, const AccountRequest& request, double sigma) {
  AccountRequest unit = request;
  for (Phase& phase : unit.phases) phase.sigma = 1;
  const Answer answer = epsilon_of(accountant, unit, make_plan(unit, sigma), *request.delta, false);
  // the classic bound says nothing where it is not proven: too little noise
  return std::isfinite(answer.value) ? answer.value : kPlusInfinity;
}

double epsilon_with_steps(Accountant accountant, const AccountRequest& request,
                          std::int64_t steps) {
  AccountRequest changed = request;
  changed.phases[0].steps = steps;
  const Answer answer = epsilon_of(accountant, changed, make_plan(changed), *request.delta, false);
  return std::isfinite(answer.value) ? answer.value : kPlusInfinity;
}

// The least x in [low, high] with f(x) <= target, f falling, f(low) > target >= f(high): regula
// falsi (Illinois) on logarithms; stops when f is within `close` of the target, relative.
template <class F>
double least_that_fits(F f, double low, double high, double at_low, double at_high, double target,
                       double close) {
  double a = math::log(low);
  double b = math::log(high);
  const double log_target = math::log(target);
  const auto height = [&](double value) {
    return math::log(std::clamp(value, 1e-300, 1e300)) - log_target;
  };
  double fa = height(at_low);
  double fb = height(at_high);
  int side = 0;
  for (int i = 0; i < 200; ++i) {
    if (-fb <= close || b - a < 1e-13) break;
    // aimed a little below the target, so that the end that fits comes close
    double middle = (fa - fb) > 0 ? b + (b - a) * (fb + close / 2) / (fa - fb) : 0.5 * (a + b);
    if (!(middle > a && middle < b) || i > 40) middle = 0.5 * (a + b);
    const double fm = height(f(math::exp(middle)));
    if (fm > 0) {
      a = middle;
      fa = fm;
      if (side == -1) fb /= 2;
      side = -1;
    } else {
      b = middle;
      fb = fm;
      if (side == 1) fa /= 2;
      side = 1;
      if (-fm <= close) break;
    }
  }
  return math::exp(b);
}

}  // namespace

double solve_noise(Accountant accountant, const AccountRequest& request) {
  const double target = *request.target_epsilon;
  const auto f = [&](double sigma) { return epsilon_with_noise(accountant, request, sigma); };
  double high = 1;
  if (is_costly(accountant)) high = solve_noise(Accountant::rdp, request);
  double at_high = f(high);
  while (at_high > target) {
    if (high >= kSigmaMax) {
      throw ScenarioError(
          request.where,
          fmt::format("no noise multiplier up to {:g} keeps {} at epsilon {:g}", kSigmaMax,
                      name_of(accountant), target),
          accountant == Accountant::classic
              ? "its bound is proven for epsilon below 1 only; use pld, which is exact"
              : "ask for a larger epsilon or fewer steps, or take a finer grid of orders");
    }
    high = std::min(kSigmaMax, high * (is_costly(accountant) ? 1.1 : 2));
    at_high = f(high);
  }
  double low = high;
  double at_low = at_high;
  while (at_low <= target) {
    if (low <= kSigmaMin) return kSigmaMin;
    high = low;
    at_high = at_low;
    low = std::max(kSigmaMin, low * (is_costly(accountant) ? 0.85 : 0.5));
    at_low = f(low);
  }
  return least_that_fits(f, low, high, at_low, at_high, target,
                         is_costly(accountant) ? 5e-6 : 1e-10);
}

std::int64_t solve_steps(Accountant accountant, const AccountRequest& request) {
  const double target = *request.target_epsilon;
  const auto fits = [&](std::int64_t steps) {
    return epsilon_with_steps(accountant, request, steps) <= target;
  };
  std::int64_t low = 1;
  if (is_costly(accountant) && epsilon_with_steps(Accountant::rdp, request, 1) <= target) {
    low = solve_steps(Accountant::rdp, request);
  }
  if (!fits(low)) {
    if (low > 1 && fits(1)) {
      low = 1;
    } else {
      throw ScenarioError(request.where,
                          fmt::format("not even one step keeps {} within epsilon {:g}",
                                      name_of(accountant), target),
                          "more noise (sigma), a smaller q or a larger epsilon allow steps");
    }
  }
  std::int64_t high = low;
  const double growth = is_costly(accountant) ? 1.3 : 2;
  while (fits(high)) {
    low = high;
    if (high >= kStepsMax) return kStepsMax;
    high =
        std::min(kStepsMax,
                 std::max(high + 1, static_cast<std::int64_t>(static_cast<double>(high) * growth)));
  }
  while (high - low > 1) {
    const std::int64_t middle = low + (high - low) / 2;
    (fits(middle) ? low : high) = middle;
  }
  return low;
}

}  // namespace polyclinic::privacy
