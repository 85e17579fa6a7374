// What a membership attack proves: how often it is right where it is seldom wrong, and an epsilon
// that the attacked mechanism has at least. Pure functions of scores; an attack that fails proves
// nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/statistics.hpp"

namespace polyclinic::privacy {

// A number per record, the larger the more it speaks for having been trained on. Records count as
// independent, and hospitals must be mixed alike on both sides: otherwise what differs between them
// passes for membership.
struct AttackScores {
  std::vector<double> members;  // in the training data
  std::vector<double> others;   // not in it, drawn as they were
};

// Records outside the training data that resolve a false-positive rate: with ten beyond the
// threshold the rate is known to a third or so. REQUIRES: 0 < rate < 1.
std::int64_t others_needed(double false_positive_rate);

// At the smallest threshold whose false-positive rate is at most the one that is asked for; records
// with equal scores are beyond it together.
struct TruePositives {
  double rate = 0;
  statistics::Interval limits;     // Clopper and Pearson's, the threshold taken as given
  double false_positive_rate = 0;  // that was reached
};
// nullopt: fewer others than others_needed, or no members.
std::optional<TruePositives> true_positives_at(const AttackScores& scores,
                                               double false_positive_rate, double confidence);

// A claim that an attacker makes of records by a threshold.
struct Claim {
  enum class Says : std::uint8_t {
    member,     // of scores at or above the threshold
    no_member,  // of scores below it
  };
  Says says = Says::member;
  double threshold = 0;
};
// How often a claim is made where it is right, and where it is wrong.
struct ClaimCounts {
  std::int64_t right = 0;
  std::int64_t right_of = 0;
  std::int64_t wrong = 0;
  std::int64_t wrong_of = 0;
};
ClaimCounts count(const Claim& claim, const AttackScores& scores);

// Whatever is claimed of an (epsilon, delta) private mechanism's output,
//   P(claim | right) <= e^epsilon P(claim | wrong) + delta
// (Kairouz, Oh, Viswanath 2015, theorem 2.1). With Clopper and Pearson's lower end L of the one
// rate and upper end U of the other, each at 1 - (1 - confidence) / 2, epsilon is at least
// ln((L - delta) / U) with that confidence (Jagielski, Ullman, Oprea 2020, Auditing Differentially
// Private Machine Learning); 0 where that is less. Holds only where the claim was chosen
// without looking at these records. REQUIRES: right_of > 0, wrong_of > 0, 0 <= delta < 1.
double epsilon_bound(const ClaimCounts& counts, double delta, double confidence);

// The claim with the largest epsilon_bound on these records, before it is cut at 0. Of many records
// not every threshold is tried: all that leave few records on one side, and then one in fifty.
// nullopt: members or others are missing.
std::optional<Claim> choose_claim(const AttackScores& scores, double delta, double confidence);

}  // namespace polyclinic::privacy
