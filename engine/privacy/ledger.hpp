// What privacy costs the protected units of each hospital: one page per hospital, over simulated
// time, with two numbers. The guarantee is fixed before anything has run, for the most releases
// that the plan allows and the least noise that it accepts; the realised spend is what those that
// happened add up to. A training that would go beyond the guarantee is not admitted.
//
// The noise of every release is bounded from below beforehand, so the guarantee needs no filter
//: it holds for whatever stops the run earlier.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/ids.hpp"
#include "base/schema.hpp"
#include "base/time.hpp"
#include "privacy/account.hpp"
#include "privacy/round_noise.hpp"

namespace polyclinic::privacy {

// Integer noise that hospitals add each for itself (privacy/integer_noise.hpp). The multiplier of a
// page is that of all shares together where `expected` hospitals add theirs.
struct IntegerShares {
  bool skellam = false;  // else discrete Gaussians
  double scale = 1;      // lattice points per unit
  double dim = 1;
  double expected = 1;  // hospitals whose shares make the noise that was asked for
  double least = 1;     // fewer never make a sum that is seen
};

// What a scenario asks for: privacy.record { ... } and its kin.
struct LedgerTerms {
  std::string unit = "record";
  std::string others = "rows of a hospital";  // the units among which delta must be rare
  Adjacency adjacency = Adjacency::add_remove;
  double clip = 1;                // bound on the norm of what a unit contributes to a release
  std::optional<double> noise;    // multiplier; none: solved so that `epsilon` is kept
  std::optional<double> epsilon;  // with noise: a budget; without: what the noise is solved for
  double delta = 1e-5;
  Accountant accountant = Accountant::rdp;
  std::optional<IntegerShares> integer;
  // All rounds are one release of the noise over how far a unit moves them together.
  std::optional<RoundNoisePlan> correlated;
  SourcePosition where;
};

// Reads what all parts `privacy.*` with a ledger share. Throws ScenarioError when fields contradict
// each other.
LedgerTerms ledger_terms(const Part& part);

// What a hospital would do: known before it does anything.
struct HospitalTerms {
  std::int64_t rows = 0;
  std::int64_t units = 0;      // protected ones among which each of its own is
  double rate = 1;             // probability with which a release takes a unit
  std::int64_t steps = 0;      // releases of a whole training
  std::int64_t trainings = 0;  // that are planned: once in every round
};

// Releases that happened, in increasing order of rounds.
struct LedgerEntry {
  TimeNs at;
  std::int64_t round = 0;  // from 1
  std::int64_t steps = 0;
  std::optional<double> rate;   // none: that of the page
  std::optional<double> noise;  // the multiplier that really arrived; none: that of the page
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
  explicit Ledger(LedgerTerms terms) : terms_(std::move(terms)) {}

  // The hospital's page, made when new. Throws ScenarioError where no noise keeps what is asked.
  const LedgerPage& open(HospitalId hospital, const HospitalTerms& terms);
  // Whether so many more steps stay within the guarantee; if not, the page says since when.
  // REQUIRES: open.
  bool admits(HospitalId hospital, TimeNs at, std::int64_t steps);
  // Steps that ran to their end, whether or not anybody heard of the result.
  void charge(HospitalId hospital, const LedgerEntry& entry);
  // What happened in that round was not hidden by coins: it is accounted for without them.
  void withhold(std::int64_t round);
  // Epsilon of the first so many entries of a page.
  [[nodiscard]] double spent(const LedgerPage& page, std::size_t entries);
  [[nodiscard]] double spent(const LedgerPage& page) { return spent(page, page.entries.size()); }

  [[nodiscard]] const LedgerTerms& terms() const { return terms_; }
  [[nodiscard]] const std::map<HospitalId, LedgerPage>& pages() const { return pages_; }

 private:
  // Equal releases, as often as they happened.
  struct Known {
    double rate = 1;
    double noise = 0;
    std::int64_t steps = 0;
    auto operator<=>(const Known&) const = default;
  };
  [[nodiscard]] AccountRequest request(const std::vector<Known>& releases) const;
  [[nodiscard]] double least_noise(double noise) const;
  [[nodiscard]] double integer_epsilon(double planned, const std::vector<Known>& releases) const;
  // Of one release whose noise is `noise` where a unit moves it by 1.
  double moved_epsilon(double noise, double moved_squared);
  double correlated_epsilon(const LedgerPage& page, std::size_t entries);
  double epsilon(double planned, const std::vector<Known>& releases);
  double solve_integer_noise(const HospitalTerms& terms, std::int64_t steps) const;
  std::int64_t steps_within(const LedgerPage& page, bool one_training);
  void fit(LedgerPage& page);

  LedgerTerms terms_;
  std::map<HospitalId, LedgerPage> pages_;
  // hospitals of one kind have one answer
  std::map<std::pair<double, std::vector<Known>>, double> known_;
  std::map<std::pair<double, std::int64_t>, double> solved_;
};

}  // namespace polyclinic::privacy
