// Laws of a number: what `lognormal { median = 600, spread = 0.6 }` is in a scenario.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/quantity.hpp"
#include "base/stream.hpp"

namespace polyclinic {

// A distribution of one real number, in base units of its dimension. A value type, resolved and
// validated: draw and quantile cannot fail.
struct Distribution {
  enum class Kind : unsigned char {
    constant,      // a
    uniform,       // a = low, b = high
    normal,        // a = mean, b = sd
    lognormal,     // a = median, b = spread (sd of the logarithm)
    logit_normal,  // a = median in (0, 1), b = spread (sd of the logit)
    gamma,         // a = shape, b = scale
    beta,          // a, b = the two shapes
    exponential,   // a = mean
    weibull,       // a = shape, b = scale
    poisson,       // a = mean
    choice,        // values with weights
  };
  Kind kind = Kind::constant;
  Dimension dimension = Dimension::none;
  double a = 0;
  double b = 0;
  std::vector<double> values;   // choice only
  std::vector<double> weights;  // choice only; sums to 1
  std::optional<double> low;    // results below are moved to it
  std::optional<double> high;   // results above are moved to it

  static Distribution constant(double value, Dimension dimension = Dimension::none);

  // The value at probability u in (0, 1); monotone in u, so that copulas keep ranks.
  [[nodiscard]] double quantile(double u) const;
  // quantile of one uniform number: exactly one word of the stream is used, whatever the law.
  [[nodiscard]] double draw(Stream& stream) const;
  [[nodiscard]] double mean() const;
  friend bool operator==(const Distribution&, const Distribution&) = default;
};

std::string_view kind_name(Distribution::Kind kind);
// "lognormal { median = 600, spread = 0.6 }".
std::string to_text(const Distribution& distribution);

}  // namespace polyclinic
