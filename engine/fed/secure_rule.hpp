// What a scenario says about secure sums, and what a run can say about those it made.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/schema.hpp"
#include "base/time.hpp"
#include "secure/pairwise.hpp"

namespace polyclinic {

// The same for a whole run. Plain data.
struct SecureRule {
  std::optional<std::int64_t> threshold;  // in hospitals,
  std::optional<double> threshold_share;  // or of those invited; neither: two thirds and one
  double clip = 8;                        // of every value of an update
  int bits = 24;                          // per value
  std::int64_t rows_max = 10'000;         // more training rows weigh as much as so many
  TimeNs wait;                            // for the answers of a phase of keys or shares
  bool real = true;                       // false: messages and times, no cryptography
};

// Reads a resolved part `secure.*`.
SecureRule secure_rule(const Part& part);
// Of a round of so many hospitals: at least 2.
std::size_t secure_threshold(const SecureRule& rule, std::size_t invited);
// Throws ScenarioError where no round of `most` hospitals at most could work: a threshold that they
// cannot reach, sums that do not fit 32 bits, a deadline that leaves no time between the phases.
void check_secure(const Part& part, const SecureRule& rule, std::size_t most, TimeNs deadline);
// Refuses parts of a scenario that need to see single updates.
// objective may be null.
std::vector<Mistake> secure_conflicts(const Part& secure, const Part& aggregation,
                                      const Part* objective);

// What became of the secure sums of a run.
struct SecureAccount {
  using PerPhase = std::array<std::int64_t, secure::kPhases>;
  bool real = true;
  std::int64_t rounds = 0;
  std::int64_t sums = 0;  // that came out: all that the server learnt of updates
  PerPhase missed{};      // rounds that ended there: fewer answers than the threshold
  PerPhase asked{};       // hospitals that the phase began with
  PerPhase answered{};
  PerPhase bytes_up{};  // of transfers that ended; phase masked_input carries the model down
  PerPhase bytes_down{};
  std::int64_t lost_after_sharing = 0;  // whose masks the server had to rebuild
  std::int64_t threshold_least = 0;
  std::int64_t threshold_most = 0;
  std::int64_t parties_least = 0;  // in a sum
  std::int64_t sums_below_four = 0;
  std::int64_t differ_by_one = 0;  // sums whose hospitals are those of the sum before but for one
  std::int64_t values = 0;         // encoded
  std::int64_t clipped = 0;        // of them
  std::int64_t rows_held = 0;      // updates that weighed as rows_max rows
  int modulus_bits = 0;            // the largest of a round
};

// Schemas of secure.*.
std::vector<Schema> secure_schemas();

}  // namespace polyclinic
