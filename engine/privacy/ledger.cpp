#include "privacy/ledger.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/check.hpp"
#include "privacy/integer_noise.hpp"
#include "privacy/plan.hpp"

namespace polyclinic::privacy {

namespace {

// Bounds for integer noise are known at whole orders.
const Orders& whole_orders() {
  static const Orders orders = [] {
    Orders all;
    for (int alpha = 2; alpha <= 64; ++alpha) all.push_back(alpha);
    for (const double alpha : {80, 96, 128, 192, 256, 384, 512}) all.push_back(alpha);
    return all;
  }();
  return orders;
}

}  // namespace

LedgerTerms ledger_terms(const Part& part) {
  LedgerTerms terms;
  terms.where = part.where;
  terms.clip = part.number("clip");
  terms.delta = part.number("delta");
  if (part.find("accountant")) terms.accountant = *accountant_of(part.text("accountant"));
  if (part.find("noise") != nullptr) terms.noise = part.number("noise");
  if (part.find("epsilon") != nullptr) terms.epsilon = part.number("epsilon");
  if (!terms.noise && !terms.epsilon) {
    throw part.mistake(
        "clip", fmt::format("privacy.{} has neither epsilon nor noise", part.name),
        "give epsilon = 3 to have the noise of every hospital solved, or noise = 1.1 "
        "to have its epsilon told; with both, a hospital stops when epsilon is spent");
  }
  if (terms.noise && *terms.noise > 0 && *terms.noise < kSigmaMin) {
    throw part.mistake("noise",
                       fmt::format("'noise' is {:g}: too little to be accounted for", *terms.noise),
                       fmt::format("the least multiplier is {:g}; 0 is no privacy", kSigmaMin));
  }
  if (terms.noise && *terms.noise == 0 && terms.epsilon) {
    throw part.mistake("noise", "'noise' is 0: no epsilon can be kept without noise",
                       "leave out noise to have it solved, or leave out epsilon");
  }
  return terms;
}

AccountRequest Ledger::request(const std::vector<Known>& releases) const {
  AccountRequest request;
  bool sampled = false;
  for (const Known& known : releases) {
    request.phases.push_back({.q = known.rate, .sigma = known.noise, .steps = known.steps});
    sampled = sampled || known.rate < 1;
  }
  request.sampling = sampled ? Sampling::poisson : Sampling::none;
  request.adjacency = terms_.adjacency;
  request.delta = terms_.delta;
  request.accountants = {terms_.accountant};
  request.where = terms_.where;
  return request;
}

// Of a release as weak as the plan accepts.
double Ledger::least_noise(double noise) const {
  if (!terms_.integer) return noise;
  return noise * std::sqrt(terms_.integer->least / terms_.integer->expected);
}

// Curves of shares that add up: as many of them as make the noise that arrived.
double Ledger::integer_epsilon(double planned, const std::vector<Known>& releases) const {
  const IntegerShares& shares = *terms_.integer;
  IntegerRelease release;
  release.scale = shares.scale;
  release.l2 = terms_.clip;
  release.dim = shares.dim;
  const double share = planned * terms_.clip / std::sqrt(shares.expected);
  Curve curve(whole_orders().size(), 0.0);
  for (const Known& known : releases) {
    const double deviation = known.noise * terms_.clip;
    const double ratio = deviation / share;
    const Curve one =
        shares.skellam
            ? skellam_rdp(release, deviation, whole_orders())
            : distributed_gaussian_rdp(release, share, std::llround(ratio * ratio), whole_orders());
    compose(curve, one, static_cast<double>(known.steps));
  }
  return rdp_epsilon(whole_orders(), curve, terms_.delta).value;
}

double Ledger::moved_epsilon(double noise, double moved_squared) {
  if (moved_squared == 0) return 0;
  if (noise == 0) return std::numeric_limits<double>::infinity();
  const std::vector<Known> one{{1, noise / std::sqrt(moved_squared), 1}};
  const auto [it, is_new] = known_.try_emplace({noise, one}, 0.0);
  if (is_new) it->second = account(request(one)).rows.front().epsilon;
  return it->second;
}

// By the rounds that a unit was really in.
double Ledger::correlated_epsilon(const LedgerPage& page, std::size_t entries) {
  std::vector<std::int64_t> rounds;
  for (std::size_t i = 0; i < entries; ++i) {
    if (page.entries[i].steps > 0) rounds.push_back(page.entries[i].round);
  }
  return moved_epsilon(page.noise, sensitivity_squared(*terms_.correlated, rounds));
}

double Ledger::epsilon(double planned, const std::vector<Known>& releases) {
  if (releases.empty()) return 0;
  for (const Known& known : releases) {
    if (known.noise == 0) return std::numeric_limits<double>::infinity();
  }
  if (terms_.correlated) {
    const Known& only = releases.front();
    return moved_epsilon(only.noise, sensitivity_squared(*terms_.correlated, only.steps));
  }
  const auto [it, is_new] = known_.try_emplace({planned, releases}, 0.0);
  if (is_new) {
    it->second = terms_.integer ? integer_epsilon(planned, releases)
                                : account(request(releases)).rows.front().epsilon;
  }
  return it->second;
}

// Bisection on the side where the guarantee holds; epsilon falls as noise grows.
double Ledger::solve_integer_noise(const HospitalTerms& terms, std::int64_t steps) const {
  const auto costs = [&](double noise) {
    return integer_epsilon(noise, {{terms.rate, least_noise(noise), steps}});
  };
  double low = kSigmaMin;
  double high = 1;
  while (costs(high) > *terms_.epsilon) {
    low = high;
    high *= 2;
    if (high <= kSigmaMax) continue;
    throw ScenarioError(
        terms_.where,
        fmt::format("no integer noise keeps epsilon {:g}: rounding to the lattice lets norms grow "
                    "beyond what noise can hide",
                    *terms_.epsilon),
        "a finer lattice (more bits) or a larger epsilon");
  }
  while (high - low > 1e-9 * high) {
    const double middle = 0.5 * (low + high);
    (costs(middle) > *terms_.epsilon ? low : high) = middle;
  }
  return high;
}

// The most steps within the budget.
std::int64_t Ledger::steps_within(const LedgerPage& page, bool one_training) {
  if (!one_training) return 0;
  const HospitalTerms& terms = page.terms;
  if (!terms_.integer && !terms_.correlated) {
    AccountRequest asked = request({{terms.rate, page.noise, 0}});
    asked.target_epsilon = terms_.epsilon;
    return account(asked).rows.front().steps;
  }
  // by bisection: epsilon grows with the steps
  std::int64_t fits = terms.steps;
  std::int64_t beyond = page.steps_planned;
  while (beyond - fits > 1) {
    const std::int64_t middle = fits + (beyond - fits) / 2;
    const double cost = epsilon(page.noise, {{terms.rate, least_noise(page.noise), middle}});
    (cost <= *terms_.epsilon ? fits : beyond) = middle;
  }
  return fits;
}

// The noise that the epsilon asks for, or the steps that the noise leaves room for.
void Ledger::fit(LedgerPage& page) {
  const HospitalTerms& terms = page.terms;
  page.steps_planned = terms.steps * terms.trainings;
  page.steps_allowed = page.steps_planned;
  page.noise = terms_.noise.value_or(0);
  if (page.steps_planned == 0) return;
  if (terms_.delta * static_cast<double>(terms.units) >= 1) {
    throw ScenarioError(terms_.where,
                        fmt::format("delta = {:g} is not below 1 over the {} {}", terms_.delta,
                                    terms.units, terms_.others),
                        fmt::format("publishing all of one {} in so many would keep it: make delta "
                                    "far smaller",
                                    terms_.unit));
  }
  const auto costs = [&](std::int64_t steps) {
    return epsilon(page.noise, {{terms.rate, least_noise(page.noise), steps}});
  };
  if (!terms_.noise) {
    const auto [it, is_new] = solved_.try_emplace({terms.rate, page.steps_planned}, 0.0);
    if (is_new && terms_.integer) {
      it->second = solve_integer_noise(terms, page.steps_planned);
    } else if (is_new && terms_.correlated) {
      AccountRequest asked = request({{1, 0, 1}});
      asked.target_epsilon = terms_.epsilon;
      it->second = account(asked).rows.front().sigma *
                   std::sqrt(sensitivity_squared(*terms_.correlated, page.steps_planned));
    } else if (is_new) {
      AccountRequest asked = request({{terms.rate, 0, page.steps_planned}});
      asked.target_epsilon = terms_.epsilon;
      it->second = account(asked).rows.front().sigma;
    }
    page.noise = it->second;
  } else if (terms_.epsilon && costs(page.steps_planned) > *terms_.epsilon) {
    page.steps_allowed = steps_within(page, costs(terms.steps) <= *terms_.epsilon);
  }
  page.guarantee = page.steps_allowed == 0 ? 0 : costs(page.steps_allowed);
}

const LedgerPage& Ledger::open(HospitalId hospital, const HospitalTerms& terms) {
  const auto [it, is_new] = pages_.try_emplace(hospital);
  if (is_new) {
    it->second.terms = terms;
    fit(it->second);
  }
  return it->second;
}

bool Ledger::admits(HospitalId hospital, TimeNs at, std::int64_t steps) {
  const auto it = pages_.find(hospital);
  ENSURE(it != pages_.end(), "a page is opened before it is asked");
  LedgerPage& page = it->second;
  if (page.steps + steps <= page.steps_allowed) return true;
  if (!page.stopped) page.stopped = at;
  return false;
}

void Ledger::charge(HospitalId hospital, const LedgerEntry& entry) {
  const auto it = pages_.find(hospital);
  ENSURE(it != pages_.end(), "a page is opened before it is charged");
  LedgerPage& page = it->second;
  page.steps += entry.steps;
  page.entries.push_back(entry);
  ENSURE(page.steps <= page.steps_allowed, "no training goes beyond the guarantee");
}

void Ledger::withhold(std::int64_t round) {
  for (auto& [hospital, page] : pages_) {
    for (LedgerEntry& entry : page.entries) {
      if (entry.round == round) entry.rate = 1;
    }
  }
}

double Ledger::spent(const LedgerPage& page, std::size_t entries) {
  if (terms_.correlated) return correlated_epsilon(page, entries);
  std::map<std::pair<double, double>, std::int64_t> equal;
  for (std::size_t i = 0; i < entries; ++i) {
    const LedgerEntry& entry = page.entries[i];
    if (entry.steps == 0) continue;
    equal[{entry.rate.value_or(page.terms.rate), entry.noise.value_or(page.noise)}] += entry.steps;
  }
  std::vector<Known> releases;
  releases.reserve(equal.size());
  for (const auto& [kind, steps] : equal) releases.push_back({kind.first, kind.second, steps});
  return epsilon(page.noise, releases);
}

}  // namespace polyclinic::privacy
