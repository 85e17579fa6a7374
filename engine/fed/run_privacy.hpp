// What a scenario's privacy means for the parts of a federation: whose units the ledger counts, and
// when something that depends on them is released.
#pragma once

#include <cstdint>
#include <vector>

#include "base/ids.hpp"
#include "data/cohort.hpp"
#include "learn/trainer.hpp"
#include "privacy/ledger.hpp"

namespace polyclinic {

class RunPrivacy {
 public:
  // Where noise is added, and so what the ledger is charged for.
  enum class Acts : std::uint8_t {
    on_steps,    // inside a hospital, at every step: trainings that were finished
    on_updates,  // by the hospital, on what it sends: uploads that were begun
    on_sums,     // by the server: sums that became a version
    on_shares,   // by each hospital, on its part of a sum that nobody sees without: sums unmasked
  };
  struct Setup {
    Acts acts = Acts::on_steps;
    privacy::LedgerTerms terms;
    const TrainingPlan* plan = nullptr;
    const Cohort* cohort = nullptr;
    std::int64_t trainings = 0;  // of a hospital at most
    std::int64_t hospitals = 0;  // that may take part
    // Below 1: every round takes each hospital by a secret coin, and a release is one of all of
    // them, whoever was taken.
    double rate = 1;
    std::int64_t colluding = 0;  // hospitals that tell the server their shares of noise
  };
  explicit RunPrivacy(const Setup& setup) : setup_(setup), ledger_(setup.terms) {}

  [[nodiscard]] Acts acts() const { return setup_.acts; }
  // Of whole updates, not of what they are made from.
  [[nodiscard]] bool of_sums() const {
    return setup_.acts == Acts::on_sums || setup_.acts == Acts::on_shares;
  }
  [[nodiscard]] bool amplified() const { return setup_.rate < 1; }
  [[nodiscard]] privacy::Ledger& ledger() { return ledger_; }
  [[nodiscard]] const privacy::Ledger& ledger() const { return ledger_; }

  // The hospital's page, made when new. Throws ScenarioError where no noise keeps what is asked.
  const privacy::LedgerPage& open(HospitalId hospital, std::int64_t train_rows);
  // Whether the guarantee leaves room for another training of so many steps.
  bool may_train(HospitalId hospital, std::int64_t train_rows, TimeNs at, std::int64_t steps);
  // Whether the hospital was in the sum of a round too shortly before: noise that is correlated
  // over rounds hides so many of its contributions, so far apart. Rounds count from 1.
  [[nodiscard]] bool rests(HospitalId hospital, std::int64_t round) const;
  // Multiplier for what the hospital itself noises. REQUIRES: open.
  [[nodiscard]] double noise_of(HospitalId hospital) const {
    return ledger_.pages().at(hospital).noise;
  }
  // How often a hospital trains at most. To be said before any page is opened.
  void plan_trainings(std::int64_t most) { setup_.trainings = most; }
  // Facts. Rounds count from 1.
  void trained(HospitalId hospital, TimeNs at, std::int64_t round, std::int64_t steps);
  void sends(HospitalId hospital, TimeNs at, std::int64_t round);
  void released(const std::vector<HospitalId>& in_sum, TimeNs at, std::int64_t round);
  // Something else than coins decided who was in a round's sum.
  void decided_otherwise(std::int64_t round);
  [[nodiscard]] std::int64_t rounds_decided_otherwise() const { return decided_otherwise_; }

 private:
  [[nodiscard]] privacy::HospitalTerms terms_of(HospitalId hospital, std::int64_t rows) const;

  Setup setup_;
  privacy::Ledger ledger_;
  std::vector<privacy::LedgerEntry> of_all_;  // releases that every hospital pays for
  std::int64_t decided_otherwise_ = 0;
};

}  // namespace polyclinic
