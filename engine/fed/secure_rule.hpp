// What a scenario says about secure sums, and what a run can say about those it made.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.hpp"
#include "base/schema.hpp"
#include "base/stream.hpp"
#include "base/time.hpp"
#include "fed/hospital_count.hpp"
#include "fed/light_rule.hpp"
#include "fed/paillier_rule.hpp"
#include "fed/shares_rule.hpp"
#include "secure/pairwise.hpp"

namespace polyclinic {

// Privacy of a sum that is seen only with the noise of all: every update is cut to a norm, rounded
// to a lattice and noised with integers before it is masked. Plain data.
struct SharedNoise {
  double clip = 1;       // bound on the norm of an update
  double noise = 0;      // multiplier of all shares together, where `expected` hospitals add theirs
  double expected = 1;   // what the sum is divided by
  bool skellam = false;  // else discrete Gaussians
};

// Each hospital shares with a few neighbours, as many as make the sum safe. Plain data.
struct SparseRule {
  HospitalCount colluding;
  HospitalCount dropouts;
};

// A server that lies to hospitals (fed/secure_lies.hpp). Plain data.
struct Tampering {
  enum class With : std::uint8_t { keys, survivors };
  With with = With::keys;
  std::int64_t from_round = 1;
  std::string hospital;              // whom it is after, by name; empty: whoever comes first
  std::optional<HospitalId> victim;  // the same, found
};

// The same for a whole run. Plain data.
struct SecureRule {
  std::optional<std::int64_t> threshold;  // in hospitals,
  std::optional<double> threshold_share;  // or of those invited; neither: two thirds and one
  double clip = 8;                        // of every value of an update
  int bits = 24;                          // per value
  std::int64_t rows_max = 10'000;         // more training rows weigh as much as so many
  TimeNs wait;                            // for the answers of a phase of keys or shares
  bool real = true;                       // false: messages and times, no cryptography
  std::optional<SharedNoise> noise;
  std::optional<SparseRule> sparse;      // none: each shares with all
  std::optional<SharesRule> shares;      // no masks: shares to several servers
  std::optional<LightRule> light;        // one mask each, in coded pieces
  std::optional<PaillierRule> paillier;  // no masks: encrypted
  // Whether hospitals agree on masks before they train, and the sum is unmasked by them.
  [[nodiscard]] bool masks() const { return !shares && !paillier; }
  bool active = false;  // the server may lie: keys and survivors are signed
  std::optional<Tampering> tampering;
  // Lattice points per unit of an update that is noised.
  [[nodiscard]] double scale() const;
};
// Bits of a sum of so many hospitals, noise included up to ten of its deviations: what goes beyond
// wraps around once in 10^22 values. May exceed 32, which check_secure refuses.
int sum_bits(const SecureRule& rule, std::size_t parties);

// Reads a resolved part `secure.*`.
SecureRule secure_rule(const Part& part);
// Hospitals that must answer in a round of so many: at least 2.
std::size_t secure_threshold(const SecureRule& rule, std::size_t invited);

// Who shares with whom in a round, and how much of it is needed.
struct SecurePlan {
  std::size_t answers = 0;                     // fewer to a phase fail the round
  std::size_t shares = 0;                      // that give a secret
  std::shared_ptr<const secure::Graph> graph;  // null: each with all and itself
};
// nullopt: so few hospitals withstand no way what the rule asks for.
std::optional<SecurePlan> secure_plan(const SecureRule& rule, std::size_t invited, RunKey run,
                                      std::int64_t round);
// Why there is no plan. REQUIRES: there is none.
std::string no_plan_text(const SecureRule& rule, std::size_t invited);
// Throws ScenarioError where no round of `most` hospitals at most could work: a threshold that they
// cannot reach, sums that do not fit 32 bits, a deadline that leaves no time between the phases.
void check_secure(const Part& part, const SecureRule& rule, std::size_t most, TimeNs deadline);
// How many hospitals may tell the server all that they have, keys included, in a round of so many,
// and it still reads no single update. REQUIRES: check_secure has passed, key shares are given.
std::size_t secure_withstands(const SecureRule& rule, std::size_t invited);
// Throws ScenarioError where a part of privacy counts on more. `privacy` has a field `colluding`.
void check_colluding(const Part& privacy, const Part& secure, const SecureRule& rule,
                     std::size_t invited);
// Refuses parts of a scenario that need to see single updates.
// objective and privacy may be null.
std::vector<Mistake> secure_conflicts(const Part& secure, const Part& aggregation,
                                      const Part* objective, const Part* privacy);

// What became of the secure sums of a run.
struct SecureAccount {
  using PerPhase = std::array<std::int64_t, secure::kPhases>;
  bool real = true;
  bool masks = true;  // false: of the phases only masked_input and unmask, by other names
  bool active = false;
  std::int64_t rounds = 0;
  std::int64_t sums = 0;  // that came out: all that the server learnt of updates
  PerPhase missed{};      // rounds that ended there: fewer answers than the threshold
  PerPhase asked{};       // hospitals that the phase began with
  PerPhase answered{};
  PerPhase bytes_up{};  // of transfers that ended; phase masked_input carries the model down
  PerPhase bytes_down{};
  // over graphs
  bool sparse = false;
  std::int64_t degree_least = 0;  // neighbours of a hospital
  std::int64_t degree_most = 0;
  std::int64_t shares_least = 0;        // that give a secret
  std::int64_t neighbours_in_sum = 0;   // the fewest that one in a sum had there
  std::int64_t sums_in_pieces = 0;      // which masks did not join: a sum of each was seen
  std::int64_t lost_after_sharing = 0;  // whose masks the server had to rebuild
  std::int64_t threshold_least = 0;
  std::int64_t threshold_most = 0;
  std::int64_t parties_least = 0;  // in a sum, or a piece of one
  std::int64_t sums_below_four = 0;
  std::int64_t differ_by_one = 0;  // sums whose hospitals are those of the sum before but for one
  std::int64_t values = 0;         // encoded
  std::int64_t clipped = 0;        // of them
  std::int64_t rows_held = 0;      // updates that weighed as rows_max rows
  int modulus_bits = 0;            // the largest of a round
  // of coded masks
  bool light = false;
  std::int64_t colluding_least = 0;  // T
  // of encrypted updates
  std::optional<secure::PaillierHolder> key;
  int key_bits = 0;
  std::int64_t ciphertexts = 0;  // of an update
  // of shares to servers
  std::int64_t servers = 0;
  bool compared = false;           // their middle was found, not their sum
  std::int64_t incomplete = 0;     // updates whose shares reached some servers only
  std::int64_t servers_lost = 0;   // rounds that failed for one
  std::int64_t bytes_between = 0;  // servers
  std::int64_t gates = 0;          // of comparisons, in all
  std::int64_t comparison_rounds = 0;
  // of a server that lies
  std::int64_t colluders_least = 0;  // in the active variant: so many with it still read nothing
  std::int64_t tampered = 0;         // rounds
  std::int64_t read_alone = 0;       // updates
  struct Refused {
    secure::Phase phase = secure::Phase::share_keys;
    secure::Refusal why = secure::Refusal::none;
    std::int64_t hospitals = 0;  // one in two rounds counts twice
    std::int64_t first_round = 0;
  };
  std::vector<Refused> refused;  // in the order in which they first came
  // of noised sums
  std::int64_t cut = 0;      // updates longer than the bound
  std::int64_t updates = 0;  // of them
  std::int64_t wrapped = 0;  // values of sums that did not fit the modulus
  double signal = 0;         // norms of sums, divided, before noise; added up
  double noise_norm = 0;     // and of what came on top
  double signal_total = 0;   // norms of what all sums add up to
  double noise_total = 0;
};

// What a phase is called, where it is there; else "".
std::string_view phase_name(const SecureAccount& account, secure::Phase phase);

// Schemas of secure.*.
std::vector<Schema> secure_schemas();

}  // namespace polyclinic
