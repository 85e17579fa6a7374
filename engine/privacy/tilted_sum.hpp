// The sum of many lattice-valued losses, seen through an exponential tilt. Internal to pld.cpp.
#pragma once

#include <cstdint>
#include <vector>

#include "privacy/pld.hpp"

namespace polyclinic::privacy {

// log E exp(lambda L) of the sum and its first two derivatives (mean and variance of the tilted
// sum), over the finite part of the loss.
struct Cumulant {
  double value = 0;
  double mean = 0;
  double variance = 0;
};
Cumulant cumulant(const std::vector<PmfSteps>& parts, double lambda);

// The tilt near the saddle point of a question: least Renyi bound of epsilon at delta, or of delta
// at epsilon.
double tilt_for_delta(const std::vector<PmfSteps>& parts, double delta);
double tilt_for_epsilon(const std::vector<PmfSteps>& parts, double epsilon);

// Where the sum must be known to answer a question, with bounds of what lies outside.
struct Window {
  double bottom = 0;
  double top = 0;
  double offset = 0;   // of the lattice
  double above = 0;    // P(loss > top), untilted, the infinite mass apart
  double wrapped = 0;  // tilted mass outside
};
// `scale`: the delta of interest.
Window window_of(const std::vector<PmfSteps>& parts, double lambda, const Cumulant& at,
                 double scale);

// Losses from bottom on, one lattice step apart, and what is known about the rest.
class TiltedSum {
 public:
  // `scale`: the delta of interest, for how far out the lattice must reach.
  TiltedSum(const std::vector<PmfSteps>& parts, double lambda, double scale,
            std::int64_t largest_transform);

  // Whether the lattice was coarse enough for its window; otherwise nothing else may be asked.
  [[nodiscard]] bool fits() const { return length_ > 0; }
  [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(masses_.size()); }
  [[nodiscard]] double step() const { return step_; }
  [[nodiscard]] double loss(std::int64_t k) const {
    return bottom_ + static_cast<double>(k) * step_;
  }
  // Weight that takes the tilt off: exp(cumulant - lambda loss).
  [[nodiscard]] double weight(std::int64_t k) const;
  // Of the tilted law, as the transform gave it: may be below 0 by its error.
  [[nodiscard]] double tilted_mass(std::int64_t k) const {
    return masses_[static_cast<std::size_t>(k)];
  }
  // Bound of the error of one tilted mass from rounding in the transforms.
  [[nodiscard]] double mass_error() const { return mass_error_; }
  // Bound of P(loss > top), untilted, the infinite mass apart.
  [[nodiscard]] double above_top() const { return above_top_; }
  // Bound of the tilted mass outside the lattice, which wraps into it.
  [[nodiscard]] double wrapped() const { return wrapped_; }
  [[nodiscard]] double infinite() const { return infinite_; }

 private:
  void choose_window(const std::vector<PmfSteps>& parts, double scale,
                     std::int64_t largest_transform);
  void transform(const std::vector<PmfSteps>& parts);

  double lambda_;
  Cumulant cumulant_;
  double step_ = 0;
  double bottom_ = 0;
  std::int64_t bottom_index_ = 0;
  std::size_t length_ = 0;
  double above_top_ = 0;
  double wrapped_ = 0;
  double infinite_ = 0;
  double mass_error_ = 0;
  std::vector<double> masses_;
};

}  // namespace polyclinic::privacy
