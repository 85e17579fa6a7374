// The law of the privacy loss of one step, L = log(P/Q) under P, in one direction of one pair of
// neighbours. What PLD accounting reads.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "privacy/mixture.hpp"

namespace polyclinic::privacy {

// Masses on either side of a loss l, each with its own relative accuracy: `above` is L > l.
struct Tails {
  double p_below = 0;
  double p_above = 0;
  double q_below = 0;
  double q_above = 0;
};

class LossLaw {
 public:
  LossLaw() = default;
  LossLaw(const LossLaw&) = delete;
  LossLaw& operator=(const LossLaw&) = delete;
  virtual ~LossLaw() = default;
  // Every mass is right to kTailError of itself. Asked with rising losses: `hint` is kept between
  // calls and begins at 0.
  [[nodiscard]] virtual Tails at(double loss, double& hint) const = 0;
  // Losses between which all of P lies but at most `tail` on either side.
  [[nodiscard]] virtual std::pair<double, double> range(double tail) const = 0;
};

// Relative error of a tail: 6 ulp of the normal law's, with the sums made of it.
inline constexpr double kTailError = 16 * 1.2e-16;

using LawPtr = std::unique_ptr<const LossLaw>;

// A pair of mixtures of Gaussians.
LawPtr mixture_law(MixturePair pair);
// A cohort of fixed size, one record replaced; sigma in units of what that can change. The profile
// is that of the mixture against the Gaussian for positive losses and of the reverse for negative
// ones (Zhu, Dong, Wang 2022, arXiv 2106.08567, Proposition 30; Balle, Barthe, Gaboardi 2018).
LawPtr fixed_size_law(double q, double sigma);
// Poisson-sampled Laplace noise of this scale per unit of sensitivity: a record removed or added.
LawPtr laplace_law(double q, double scale, bool removed);
// Poisson sampling of `records` records whose batch is cut at random to `batch` of them where it is
// larger (Ganesh 2025, arXiv 2508.15089): whether it was cut is known; then the record displaces
// another. Every record's own bound is 1; one record removed (or, not `removed`, added).
LawPtr truncated_poisson_law(double q, double sigma, std::int64_t records, std::int64_t batch,
                             bool removed);
// One of two steps, the second with this probability, and everybody sees which.
LawPtr mixed_law(LawPtr first, LawPtr second, double weight_of_second);
// Outcomes with their probabilities in the two worlds.
struct Outcome {
  double p = 0;
  double q = 0;
};
LawPtr outcomes_law(const std::vector<Outcome>& outcomes);

}  // namespace polyclinic::privacy
