// Numbers as integers that can be summed under masks: clipped, rounded without bias, in a modulus
// that the sum cannot reach.
#pragma once

#include <cstddef>
#include <cstdint>

namespace polyclinic::secure {

// Maps [-clip, clip] to 0..2^bits - 1.
class Quantiser {
 public:
  // REQUIRES: clip > 0, 1 <= bits <= 31.
  Quantiser(double clip, int bits)
      : clip_(clip), top_(static_cast<double>((std::uint64_t{1} << bits) - 1)) {}

  // Rounded up with the probability of its fraction, so that its expectation is x where |x| <=
  // clip; uniform in [0, 1).
  [[nodiscard]] std::uint32_t quantise(double x, double uniform) const {
    const double held = x < -clip_ ? -clip_ : x > clip_ ? clip_ : x;
    const double level = (held + clip_) * (top_ / (2.0 * clip_)) + uniform;
    // at the upper end rounding in double could reach one more
    return static_cast<std::uint32_t>(level < top_ ? level : top_);
  }
  // Of a sum over so many parties: every one of them added clip.
  [[nodiscard]] double dequantise(std::uint64_t sum, std::size_t parties) const {
    return static_cast<double>(sum) * (2.0 * clip_ / top_) - static_cast<double>(parties) * clip_;
  }
  // The distance of two levels.
  [[nodiscard]] double step() const { return 2.0 * clip_ / top_; }
  [[nodiscard]] double clip() const { return clip_; }
  [[nodiscard]] std::uint32_t top() const { return static_cast<std::uint32_t>(top_); }

 private:
  double clip_;
  double top_;
};

// The least b with 2^b > parties * (2^bits - 1): no sum wraps around (Bonawitz et al. 2017, section
// 4: R = n (R_U - 1) + 1). REQUIRES: parties >= 1, 1 <= bits <= 31.
int modulus_bits(std::size_t parties, int bits);

}  // namespace polyclinic::secure
