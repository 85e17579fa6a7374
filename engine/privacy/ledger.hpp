// What record-level privacy costs the patients of each hospital: one page per hospital, over
// simulated time, with two numbers. The guarantee is fixed before anything has run, for the most
// steps that the plan allows; the realised spend is what the steps that ran add up to. A training
// that would go beyond the guarantee is not admitted.
//
// Every step of a hospital has the same noise and the same coins, decided beforehand, so the
// guarantee needs no filter (science.md, rule 7): it holds for whatever stops the run earlier.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/error.hpp"
#include "base/ids.hpp"
#include "base/schema.hpp"
#include "base/time.hpp"
#include "privacy/account.hpp"

namespace polyclinic::privacy {

// What a scenario asks for: privacy.record { ... }.
struct RecordTerms {
  double clip = 1;                // bound on the norm of a row's gradient
  std::optional<double> noise;    // multiplier; none: solved so that `epsilon` is kept
  std::optional<double> epsilon;  // with noise: a budget; without: what the noise is solved for
  double delta = 1e-5;
  Accountant accountant = Accountant::rdp;
  SourcePosition where;
};

// Reads a resolved part `privacy.record`. Throws ScenarioError when fields contradict each other.
RecordTerms record_terms(const Part& part);

// What a hospital would do: known before it does anything.
struct HospitalTerms {
  std::int64_t rows = 0;
  double rate = 1;             // probability with which a step takes a row
  std::int64_t steps = 0;      // of a whole training
  std::int64_t trainings = 0;  // that are planned: once in every round
};

struct LedgerEntry {
  TimeNs at;
  std::int64_t round = 0;  // from 1
  std::int64_t steps = 0;
};

struct LedgerPage {
  HospitalTerms terms;
  double noise = 0;                // multiplier
  std::int64_t steps_planned = 0;  // of all planned trainings
  std::int64_t steps_allowed = 0;  // within the guarantee; at most steps_planned
  double guarantee = 0;            // epsilon of steps_allowed; infinite without noise
  std::int64_t steps = 0;          // that ran
  std::vector<LedgerEntry> entries;
  std::optional<TimeNs> stopped;  // when it was first kept from training: its budget was spent
};

// Fed with facts by the event loop; not thread-safe.
class Ledger {
 public:
  explicit Ledger(RecordTerms terms) : terms_(terms) {}

  // The hospital's page, made when new. Throws ScenarioError where no noise keeps what is asked.
  const LedgerPage& open(HospitalId hospital, const HospitalTerms& terms);
  // Whether so many more steps stay within the guarantee; if not, the page says since when.
  // REQUIRES: open.
  bool admits(HospitalId hospital, TimeNs at, std::int64_t steps);
  // Steps that ran to their end, whether or not anybody heard of the result.
  void charge(HospitalId hospital, const LedgerEntry& entry);
  // Epsilon of the first `steps` steps of a page.
  [[nodiscard]] double epsilon(const LedgerPage& page, std::int64_t steps);

  [[nodiscard]] const RecordTerms& terms() const { return terms_; }
  [[nodiscard]] const std::map<HospitalId, LedgerPage>& pages() const { return pages_; }

 private:
  [[nodiscard]] AccountRequest request(const HospitalTerms& terms, double noise,
                                       std::int64_t steps) const;
  double spent(const HospitalTerms& terms, double noise, std::int64_t steps);
  void fit(LedgerPage& page);

  // Hospitals of one size have one answer.
  struct Known {
    double rate, noise;
    std::int64_t steps;
    auto operator<=>(const Known&) const = default;
  };
  RecordTerms terms_;
  std::map<HospitalId, LedgerPage> pages_;
  std::map<Known, double> known_;
};

}  // namespace polyclinic::privacy
