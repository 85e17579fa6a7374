// The arithmetic of a round's secure sum, done when the round closes: who reached which phase is
// known by then, and what messages hold changes no time.
#pragma once

#include <cstdint>
#include <vector>

#include "base/ids.hpp"
#include "base/stream.hpp"
#include "fed/parts.hpp"
#include "fed/secure_rule.hpp"
#include "secure/quantiser.hpp"

namespace polyclinic {

// One hospital that was invited; its place is its index + 1.
struct SecureParty {
  HospitalId hospital;
  bool advertised = false;  // member of U1,
  bool shared = false;      // U2,
  bool summed = false;      // U3,
  bool revealed = false;    // U5
};

class SecureSum {
 public:
  SecureSum(const SecureRule& rule, RunKey run, SecureAccount& account)
      : rule_(rule), run_(run), account_(account) {}

  // The mean of the updates weighted by their rows, or unweighted, as the sum over all `summed`
  // parties tells it; those whose update overflowed add zeros of no weight. false: no weight at
  // all. REQUIRES: updates are those of the summed parties; every phase has its threshold.
  bool mean(const std::vector<SecureParty>& parties, UpdateStream& updates, std::int64_t round,
            bool by_size, ParameterVector& out);

 private:
  void encode(const Update& update, std::int64_t round, bool by_size,
              std::vector<std::uint32_t>& values);
  [[nodiscard]] secure::PairwiseSettings settings(std::size_t parties, std::size_t values) const;

  SecureRule rule_;
  RunKey run_;
  SecureAccount& account_;
  std::vector<HospitalId> before_;  // in the sum before
};

}  // namespace polyclinic
