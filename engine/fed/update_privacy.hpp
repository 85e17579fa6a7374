// Privacy of whole updates: cut to a norm, and noised by the server that sums them (central) or by
// the hospital that sends them (local).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/stream.hpp"
#include "fed/parts.hpp"
#include "privacy/round_noise.hpp"

namespace polyclinic {

// How an update is cut.
struct UpdateCut {
  double clip = 1;         // bound on its norm
  bool per_layer = false;  // each of L tensors to clip / sqrt(L): McMahan et al. 2018, section 2.3
};

// The update cut to the bound, in double; `factor` 1 where nothing was cut. Its norm, summed in
// double, never exceeds `clip`. The entries lie as in ParameterVector::compact.
struct CutUpdate {
  std::vector<double> values;
  double norm = 0;  // before
  bool cut = false;
};
CutUpdate cut_update(const ParameterVector& delta, const UpdateCut& cut);

// The local mechanism: the update cut to the bound, and noise of `noise` times clip on every value,
// at the address of the training: its hospital, and which of its trainings of a version.
void noise_update(ParameterVector& delta, const UpdateCut& cut, double noise, RunKey run,
                  std::uint64_t entity, std::int64_t round);

// What a server does to a sum of updates. Plain data.
struct CentralTerms {
  UpdateCut cut;
  double noise = 0;     // multiplier of the whole release
  double expected = 1;  // hospitals that a round is planned for: the sum is divided by it
  bool adaptive = false;
  double quantile = 0.5;
  double adapt_rate = 0.2;
  double count_noise = 0;  // sigma_b, of the noise on the count
  // The multiplier is then that of independent values, of which the rounds' noise is made.
  std::optional<privacy::RoundNoisePlan> correlated;
};

// The multiplier of the noise on the updates where the count of those within the bound takes its
// share: (z^-2 - (2 sigma_b)^-2)^(-1/2), Andrew et al. 2021 (arXiv 1905.03871), Theorem 1.
// REQUIRES: 0 < noise < 2 count_noise.
double updates_noise(double noise, double count_noise);

// What happened, as nobody in the world sees it.
struct CentralSeen {
  std::int64_t releases = 0;
  std::int64_t updates = 0;
  std::int64_t cut = 0;   // of them
  double clip_least = 0;  // bounds that were used
  double clip_most = 0;
  double clip_last = 0;
  // norms of the sums over `expected`, added over releases; and of their noise
  double signal = 0;
  double noise = 0;
  // norms of what all releases add up to: signals that agree grow faster than noise
  double signal_total = 0;
  double noise_total = 0;
};

// The central Gaussian mechanism as a rule of aggregation (McMahan, Ramage, Talwar, Zhang 2018,
// Algorithm 1, with the fixed denominator):
//
//   (sum_k cut(delta_k) + N(0, (z C)^2)) / expected
//
// Who does not answer, or sends what holds no numbers, adds zeros: the denominator is not told how
// many came. Noise may be correlated over rounds instead (privacy/round_noise.hpp). Under adaptive
// clipping the bound then moves towards a quantile of the norms: C <- C exp(-rate (b - quantile)),
// b = (sum_k (1[|delta_k| <= C] - 1/2) + N(0, sigma_b^2)) / expected + 1/2 (Andrew et al. 2021,
// Algorithm 1). A rule has as many releases as calls, each with noise of its own.
class NoisySum final : public AggregationRule {
 public:
  NoisySum(const CentralTerms& terms, RunKey run);

  ParameterVector combine(UpdateStream& updates, const AggregationContext& context) override;

  [[nodiscard]] double clip() const { return terms_.cut.clip; }
  [[nodiscard]] const CentralSeen& seen() const { return seen_; }

 private:
  // Of one release, on the sum; also added to noise_sum_.
  void add_noise(std::vector<double>& sum, std::uint64_t release, std::int64_t round);
  void adapt(double within, std::uint64_t release);

  CentralTerms terms_;
  RunKey run_;
  std::optional<privacy::RoundNoise> over_rounds_;
  double on_updates_ = 0;  // multiplier of the noise on the sum of updates
  CentralSeen seen_;
  std::vector<double> signal_sum_;
  std::vector<double> noise_sum_;
};

}  // namespace polyclinic
