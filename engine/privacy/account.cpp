#include "privacy/account.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/check.hpp"
#include "privacy/plan.hpp"

namespace polyclinic::privacy {

namespace {

ScenarioError mistake(const AccountRequest& request, std::string message, std::string hint) {
  return {request.where, std::move(message), std::move(hint)};
}

void check_phase(const AccountRequest& request, const Phase& phase) {
  if (!(phase.q > 0 && phase.q <= 1)) {
    throw mistake(request, fmt::format("q = {} is no sampling rate", phase.q),
                  "it is the share of the records in a step: above 0, at most 1");
  }
  if (request.sampling == Sampling::none && phase.q != 1) {
    throw mistake(request,
                  fmt::format("q = {} says that records are sampled, sampling says none", phase.q),
                  "name the sampling (poisson, without_replacement or shuffled), or leave q out");
  }
  const bool asks_noise = request.target_epsilon && phase.sigma == 0;
  if (!asks_noise && !(phase.sigma >= kSigmaMin && phase.sigma <= kSigmaMax)) {
    throw mistake(request, fmt::format("sigma = {} is no noise multiplier", phase.sigma),
                  "it is the standard deviation of the noise on the sum divided by the clipping "
                  "bound: from 0.01 to 1e6");
  }
  const bool asks_steps = request.target_epsilon && phase.steps == 0;
  if (!asks_steps && !(phase.steps >= 1 && phase.steps <= kStepsMax)) {
    throw mistake(request, fmt::format("steps = {}", phase.steps),
                  "a plan has at least one step, and at most 1e12");
  }
}

void check_question(const AccountRequest& request) {
  const int questions =
      static_cast<int>(request.delta.has_value()) + static_cast<int>(request.epsilon.has_value());
  if (questions == 0) {
    throw mistake(request, "neither delta nor epsilon is given",
                  "give delta to learn epsilon (1e-5 is usual; it must be far below 1 over the "
                  "number of units), or epsilon to learn delta");
  }
  if (questions == 2) {
    throw mistake(request, "both delta and epsilon are given",
                  "give delta to learn epsilon, or epsilon to learn delta; for the noise that an "
                  "epsilon needs give target_epsilon and delta");
  }
  if (request.delta && !(*request.delta > 0 && *request.delta < 1)) {
    throw mistake(request, fmt::format("delta = {}", *request.delta),
                  "it is a probability above 0 and below 1, far below 1 over the number of units");
  }
  if (request.epsilon && !(*request.epsilon >= 0 && std::isfinite(*request.epsilon))) {
    throw mistake(request, fmt::format("epsilon = {}", *request.epsilon), "it is at least 0");
  }
  if (!request.target_epsilon) return;
  if (!(*request.target_epsilon > 0 && std::isfinite(*request.target_epsilon))) {
    throw mistake(request, fmt::format("target_epsilon = {}", *request.target_epsilon),
                  "the epsilon to be reached is above 0");
  }
  if (!request.delta) {
    throw mistake(request, "target_epsilon needs delta", "give the delta of the guarantee as well");
  }
  const bool noise = std::all_of(request.phases.begin(), request.phases.end(),
                                 [](const Phase& p) { return p.sigma == 0 && p.steps > 0; });
  const bool steps =
      request.phases.size() == 1 && request.phases[0].sigma > 0 && request.phases[0].steps == 0;
  if (!noise && !steps) {
    throw mistake(request, "target_epsilon needs one unknown",
                  "leave sigma out of every phase to learn the noise, or give one phase with "
                  "sigma and without steps to learn how many steps the budget allows");
  }
}

void check_combination(const AccountRequest& request) {
  if (request.sampling == Sampling::without_replacement &&
      request.adjacency == Adjacency::add_remove) {
    throw mistake(request,
                  "a cohort of fixed size has no guarantee under add_remove: one record more "
                  "changes who else is drawn",
                  "use adjacency replace_one, or sampling poisson");
  }
  if (request.records_per_unit < 1) {
    throw mistake(request, fmt::format("records = {}", request.records_per_unit),
                  "a unit has at least one record");
  }
  if (request.records_per_unit > 1 && request.sampling == Sampling::without_replacement) {
    throw mistake(request, "several records of a unit are not treated for cohorts of fixed size",
                  "use sampling poisson, or clip and sample per unit and leave records at 1");
  }
  if (request.records_per_unit > 1 && request.sampling == Sampling::poisson &&
      request.adjacency == Adjacency::replace_one) {
    throw mistake(request, "several records of a unit are treated under add_remove only",
                  "use adjacency add_remove");
  }
  constexpr int kRecordsMax = 16;  // each is a component of a mixture
  if (request.records_per_unit > kRecordsMax && request.sampling == Sampling::poisson) {
    throw mistake(
        request, fmt::format("records = {}", request.records_per_unit),
        fmt::format("under sampling at most {} records of a unit are accounted for; bound "
                    "what one unit contributes, or sample units instead of records",
                    kRecordsMax));
  }
  for (const double order : request.orders) {
    if (order > 1.001 - 1e-12 && order <= 65'536) continue;
    throw mistake(request, fmt::format("order {} of the grid", order),
                  "orders go from 1.001 to 65536");
  }
  if (request.orders.empty()) {
    throw mistake(request, "the grid of orders is empty", "leave it out for the standard one");
  }
}

std::vector<Accountant> asked(const AccountRequest& request, std::vector<Silence>& silent) {
  std::vector<Accountant> result;
  if (!request.accountants.empty()) {
    for (const Accountant accountant : request.accountants) {
      const std::string reason = why_silent(accountant, request);
      if (!reason.empty()) {
        throw mistake(request, fmt::format("{} says nothing: {}", name_of(accountant), reason),
                      "leave the accountant out: every one that can treat the plan is then shown");
      }
      result.push_back(accountant);
    }
    return result;
  }
  for (std::size_t i = 0; i < accountant_names().size(); ++i) {
    const auto accountant = static_cast<Accountant>(i);
    if (accountant == Accountant::classic) continue;
    const std::string reason = why_silent(accountant, request);
    if (reason.empty()) {
      result.push_back(accountant);
    } else {
      silent.push_back({accountant, reason});
    }
  }
  return result;
}

std::int64_t total_steps(const AccountRequest& request) {
  std::int64_t sum = 0;
  for (const Phase& phase : request.phases) sum += phase.steps;
  return sum;
}

bool amplifies(const AccountRequest& request) {
  if (request.sampling != Sampling::poisson && request.sampling != Sampling::without_replacement) {
    return false;
  }
  return std::any_of(request.phases.begin(), request.phases.end(),
                     [](const Phase& phase) { return phase.q < 1; });
}

// What the number is, and whether it is a guarantee.
void describe(AccountRow& row, const AccountRequest& request) {
  const bool sampled = amplifies(request);
  switch (row.accountant) {
    case Accountant::rdp: {
      const auto [least, largest] =
          std::minmax_element(request.orders.begin(), request.orders.end());
      row.says = fmt::format("guarantee; order {:g} of {} from {:g} to {:g}", row.order.value_or(0),
                             request.orders.size(), *least, *largest);
      if (row.order == *least || row.order == *largest) {
        row.says += ", the grid's end: another grid may give less";
      }
      break;
    }
    case Accountant::pld:
      row.says = "guarantee; exact";
      if (row.lower && *row.lower < *row.upper) {
        row.says = fmt::format("guarantee: upper bound; the least that is true is above {:.6g}",
                               *row.lower);
      }
      break;
    case Accountant::prv:
      row.says = fmt::format("guarantee: upper bound of {:.6g} to {:.6g}", row.lower.value_or(0),
                             row.upper.value_or(0));
      break;
    case Accountant::gdp:
      row.guarantee = !sampled && request.sampling != Sampling::poisson;
      row.says = !row.guarantee ? "approximation, not a guarantee: it can lie below the truth"
                                : "guarantee; exact";
      break;
    case Accountant::zcdp:
      row.says = sampled ? "guarantee, without what sampling gains" : "guarantee";
      break;
    case Accountant::advanced: row.says = "guarantee, loose"; break;
    case Accountant::classic: row.says = "guarantee, loose; proven below epsilon 1 only"; break;
  }
}

AccountRow answered(Accountant accountant, const AccountRequest& request, const Answer& answer) {
  AccountRow row;
  row.accountant = accountant;
  row.sigma = request.phases.back().sigma;
  row.steps = total_steps(request);
  row.order = answer.order;
  row.lower = answer.lower;
  row.upper = answer.upper;
  row.epsilon = request.epsilon ? *request.epsilon : answer.value;
  row.delta = request.epsilon ? answer.value : *request.delta;
  describe(row, request);
  return row;
}

AccountRow answer_plainly(Accountant accountant, const AccountRequest& request) {
  const Plan plan = make_plan(request);
  const Answer answer = request.epsilon
                            ? delta_of(accountant, request, plan, *request.epsilon)
                            : epsilon_of(accountant, request, plan, *request.delta, true);
  if (!std::isfinite(answer.value)) {
    throw mistake(request,
                  fmt::format("{} finds no bound at sigma {} and delta {}", name_of(accountant),
                              request.phases.back().sigma, request.delta.value_or(0)),
                  accountant == Accountant::classic
                      ? "its bound is proven for epsilon below 1 only; use pld, which is exact for "
                        "the Gaussian"
                      : "use rdp, with a finer grid of orders where its own ends");
  }
  return answered(accountant, request, answer);
}

// What is asked for the noise or the steps is answered by the plan with the solution in it.
AccountRow solve(Accountant accountant, const AccountRequest& request) {
  if (!request.target_epsilon) return answer_plainly(accountant, request);
  AccountRequest solved = request;
  solved.target_epsilon.reset();
  if (request.phases[0].sigma == 0) {
    const double sigma = solve_noise(accountant, request);
    for (Phase& phase : solved.phases) phase.sigma = sigma;
  } else {
    solved.phases[0].steps = solve_steps(accountant, request);
  }
  return answer_plainly(accountant, solved);
}

}  // namespace

Account account(const AccountRequest& request) {
  if (request.phases.empty()) {
    throw mistake(request, "there is no step to account for", "give sigma and steps, or phases");
  }
  check_question(request);
  for (const Phase& phase : request.phases) check_phase(request, phase);
  check_combination(request);
  Account result;
  for (const Accountant accountant : asked(request, result.silent)) {
    try {
      result.rows.push_back(solve(accountant, request));
    } catch (const ScenarioError& error) {
      // one that was not asked for by name is only left out
      if (!request.accountants.empty()) throw;
      result.silent.push_back({accountant, error.mistakes().front().message});
    }
  }
  return result;
}

}  // namespace polyclinic::privacy
