#include "fed/run_privacy.hpp"

#include <algorithm>
#include <cmath>

#include "learn/loader.hpp"

namespace polyclinic {

privacy::HospitalTerms RunPrivacy::terms_of(HospitalId hospital, std::int64_t rows) const {
  privacy::HospitalTerms terms;
  terms.rows = rows;
  terms.trainings = setup_.trainings;
  if (setup_.acts != Acts::on_steps) {
    // one noise for all, whatever they hold
    terms.units = setup_.hospitals;
    terms.rate = setup_.rate;
    terms.steps = 1;
    if (setup_.terms.correlated) terms.trainings = setup_.terms.correlated->most();
    return terms;
  }
  if (rows == 0) return terms;
  terms.units = rows;
  if (setup_.plan->privacy.patients) {
    const PatientRows by_patient =
        rows_by_patient(setup_.cohort->site(hospital)->train, kPatientRowsMost);
    terms.units = static_cast<std::int64_t>(by_patient.ends.size());
  }
  terms.rate = sampling_rate(*setup_.plan, rows);
  terms.steps = extent(*setup_.plan, rows).steps;
  return terms;
}

const privacy::LedgerPage& RunPrivacy::open(HospitalId hospital, std::int64_t train_rows) {
  const bool is_new = ledger_.pages().find(hospital) == ledger_.pages().end();
  if (!is_new) return ledger_.pages().at(hospital);
  const privacy::LedgerPage& page = ledger_.open(hospital, terms_of(hospital, train_rows));
  if (train_rows == 0) return page;
  for (const privacy::LedgerEntry& entry : of_all_) ledger_.charge(hospital, entry);
  return page;
}

bool RunPrivacy::may_train(HospitalId hospital, std::int64_t train_rows, TimeNs at,
                           std::int64_t steps) {
  open(hospital, train_rows);
  return ledger_.admits(hospital, at, setup_.acts == Acts::on_steps ? steps : 1);
}

bool RunPrivacy::rests(HospitalId hospital, std::int64_t round) const {
  if (!setup_.terms.correlated) return false;
  const auto it = ledger_.pages().find(hospital);
  if (it == ledger_.pages().end() || it->second.entries.empty()) return false;
  return round - it->second.entries.back().round < setup_.terms.correlated->separation;
}

void RunPrivacy::trained(HospitalId hospital, TimeNs at, std::int64_t round, std::int64_t steps) {
  if (setup_.acts != Acts::on_steps) return;
  privacy::LedgerEntry entry;
  entry.at = at;
  entry.round = round;
  entry.steps = steps;
  ledger_.charge(hospital, entry);
}

void RunPrivacy::sends(HospitalId hospital, TimeNs at, std::int64_t round) {
  if (setup_.acts != Acts::on_updates) return;
  privacy::LedgerEntry entry;
  entry.at = at;
  entry.round = round;
  entry.steps = 1;
  ledger_.charge(hospital, entry);
}

void RunPrivacy::decided_otherwise(std::int64_t round) {
  if (!amplified()) return;
  ++decided_otherwise_;
  for (privacy::LedgerEntry& entry : of_all_) {
    if (entry.round == round) entry.rate = 1;
  }
  ledger_.withhold(round);
}

// A sum depends on those who are in it; by secret coins, it may depend on everybody.
void RunPrivacy::released(const std::vector<HospitalId>& in_sum, TimeNs at, std::int64_t round) {
  if (!of_sums()) return;
  privacy::LedgerEntry entry;
  entry.at = at;
  entry.round = round;
  entry.steps = 1;
  if (amplified()) {
    of_all_.push_back(entry);
    for (const auto& [hospital, page] : ledger_.pages()) {
      if (page.terms.rows > 0) ledger_.charge(hospital, entry);
    }
    return;
  }
  if (setup_.terms.integer) {
    const auto honest = static_cast<std::int64_t>(in_sum.size()) - setup_.colluding;
    const double arrived = static_cast<double>(honest) / setup_.terms.integer->expected;
    for (const HospitalId hospital : in_sum) {
      entry.noise = noise_of(hospital) * std::sqrt(std::max(arrived, 0.0));
      ledger_.charge(hospital, entry);
    }
    return;
  }
  for (const HospitalId hospital : in_sum) ledger_.charge(hospital, entry);
}

}  // namespace polyclinic
