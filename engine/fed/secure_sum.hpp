// The arithmetic of a round's secure sum, done when the round closes: who reached which phase is
// known by then, and what messages hold changes no time.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/ids.hpp"
#include "base/stream.hpp"
#include "fed/paillier_exchange.hpp"
#include "fed/parts.hpp"
#include "fed/secure_lies.hpp"
#include "fed/secure_rule.hpp"
#include "fed/sum_exchange.hpp"
#include "secure/quantiser.hpp"

namespace polyclinic {

class SecureSum {
 public:
  SecureSum(const SecureRule& rule, RunKey run, SecureAccount& account)
      : rule_(rule), run_(run), account_(account) {}

  // Where the rule has noise: the sum of the updates, each cut to the bound, and of everybody's
  // share of the noise, over the expected number (fed/update_privacy.hpp has the same with a
  // trusted server). Otherwise the mean of the updates weighted by their rows, or unweighted, as
  // the sum over all `summed` parties tells it; those whose update overflowed add zeros of no
  // weight. false: no weight at all. REQUIRES: updates are those of the summed parties; every phase
  // has its threshold.
  bool mean(const std::vector<SecureParty>& parties, UpdateStream& updates, std::int64_t round,
            bool by_size, ParameterVector& out);
  // A round without a sum in which somebody refused, with real cryptography: that it had to.
  void rehearse(const std::vector<SecureParty>& parties, std::int64_t round, std::size_t values);

 private:
  void encode(const Update& update, std::int64_t round, bool by_size,
              std::vector<std::uint32_t>& values);
  // The same with noise; update null: one that holds no numbers.
  void encode_noised(HospitalId hospital, const Update* update, std::int64_t round,
                     std::vector<std::uint32_t>& values);
  void encode_nothing(HospitalId hospital, std::int64_t round, std::vector<std::uint32_t>& values);
  bool decode(const std::vector<std::uint64_t>& sum, bool by_size, ParameterVector& out) const;
  void decode_noised(const std::vector<std::uint64_t>& sum, std::uint32_t modulus,
                     ParameterVector& out);
  // Where shares are compared: the mean of the middle ranks of the updates as they were rounded.
  bool middle(const std::vector<SecureParty>& parties, UpdateStream& updates, std::int64_t round,
              ParameterVector& out);
  [[nodiscard]] std::unique_ptr<SumExchange> make_exchange(const std::vector<SecureParty>& parties,
                                                           const secure::PairwiseSettings& sizes,
                                                           std::int64_t round);
  void note_difference(std::vector<HospitalId> summed);
  [[nodiscard]] secure::PairwiseSettings settings(std::size_t parties, std::size_t values,
                                                  std::int64_t round) const;

  SecureRule rule_;
  RunKey run_;
  SecureAccount& account_;
  std::shared_ptr<const PaillierKeys> keys_;  // of the run, once they are needed
  std::vector<HospitalId> before_;            // in the sum before
  // of the sum in the making, as nobody in the world sees them
  std::vector<std::int64_t> exact_;
  std::vector<double> clean_;
  std::vector<double> signal_sum_;  // of all sums
  std::vector<double> noise_sum_;
};

}  // namespace polyclinic
