// Exact samplers of integer noise: whole numbers alone decide, so that no rounding of a float can
// tell what it hides (Canonne, Kamath, Steinke 2020, arXiv 2004.00010, Algorithms 1 to 3).
#pragma once

#include <cstdint>

#include "privacy/noise_stream.hpp"

namespace polyclinic::privacy {

// num / den. REQUIRES: den > 0.
struct Ratio {
  std::uint64_t num = 0;
  std::uint64_t den = 1;
};

// True with probability num / den. REQUIRES: num <= den.
bool bernoulli(Ratio p, NoiseStream& stream);
// True with probability exp(-num / den).
bool bernoulli_exp(Ratio gamma, NoiseStream& stream);
// P(x) proportional to exp(-|x| / scale). REQUIRES: scale > 0, its num below 2^32.
std::int64_t discrete_laplace(Ratio scale, NoiseStream& stream);

// P(x) proportional to exp(-x^2 / (2 sigma^2)).
class DiscreteGaussian {
 public:
  // sigma^2 is rounded up to a fraction that 128 bits can work with, by less than 2^-19 of it or of
  // 1. REQUIRES: 0 < sigma <= kSigmaMost.
  explicit DiscreteGaussian(double sigma);
  static constexpr double kSigmaMost = 0x1p26;

  std::int64_t draw(NoiseStream& stream) const;
  [[nodiscard]] double sigma_square() const {
    return static_cast<double>(square_.num) / static_cast<double>(square_.den);
  }

 private:
  Ratio square_;         // sigma^2
  std::uint64_t scale_;  // t = floor(sigma) + 1 of the Laplace law that is thinned
};

}  // namespace polyclinic::privacy
