#include "privacy/ledger.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/check.hpp"
#include "privacy/plan.hpp"

namespace polyclinic::privacy {

RecordTerms record_terms(const Part& part) {
  RecordTerms terms;
  terms.where = part.where;
  terms.clip = part.number("clip");
  terms.delta = part.number("delta");
  terms.accountant = *accountant_of(part.text("accountant"));
  if (part.find("noise") != nullptr) terms.noise = part.number("noise");
  if (part.find("epsilon") != nullptr) terms.epsilon = part.number("epsilon");
  if (!terms.noise && !terms.epsilon) {
    throw part.mistake(
        "clip", "privacy.record has neither epsilon nor noise",
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

AccountRequest Ledger::request(const HospitalTerms& terms, double noise, std::int64_t steps) const {
  AccountRequest request;
  request.phases.push_back({.q = terms.rate, .sigma = noise, .steps = steps});
  request.sampling = terms.rate < 1 ? Sampling::poisson : Sampling::none;
  request.adjacency = Adjacency::add_remove;
  request.delta = terms_.delta;
  request.accountants = {terms_.accountant};
  request.where = terms_.where;
  return request;
}

double Ledger::spent(const HospitalTerms& terms, double noise, std::int64_t steps) {
  if (steps == 0) return 0;
  if (noise == 0) return std::numeric_limits<double>::infinity();
  const auto [it, is_new] = known_.try_emplace(Known{terms.rate, noise, steps}, 0.0);
  if (is_new) it->second = account(request(terms, noise, steps)).rows.front().epsilon;
  return it->second;
}

// The noise that the epsilon asks for, or the steps that the noise leaves room for.
void Ledger::fit(LedgerPage& page) {
  const HospitalTerms& terms = page.terms;
  page.steps_planned = terms.steps * terms.trainings;
  page.steps_allowed = page.steps_planned;
  page.noise = terms_.noise.value_or(0);
  if (page.steps_planned == 0) return;
  if (terms_.delta * static_cast<double>(terms.rows) >= 1) {
    throw ScenarioError(terms_.where,
                        fmt::format("delta = {:g} is not below 1 over the {} rows of a hospital",
                                    terms_.delta, terms.rows),
                        "publishing the whole record of one patient in so many would keep it: make "
                        "delta far smaller");
  }
  if (!terms_.noise) {
    AccountRequest asked = request(terms, 0, page.steps_planned);
    asked.target_epsilon = terms_.epsilon;
    page.noise = account(asked).rows.front().sigma;
  } else if (terms_.epsilon && spent(terms, page.noise, page.steps_planned) > *terms_.epsilon) {
    page.steps_allowed = 0;
    if (spent(terms, page.noise, terms.steps) <= *terms_.epsilon) {
      AccountRequest asked = request(terms, page.noise, 0);
      asked.target_epsilon = terms_.epsilon;
      page.steps_allowed = account(asked).rows.front().steps;
    }
  }
  page.guarantee = spent(terms, page.noise, page.steps_allowed);
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

double Ledger::epsilon(const LedgerPage& page, std::int64_t steps) {
  return spent(page.terms, page.noise, steps);
}

}  // namespace polyclinic::privacy
