// Pairs of mixtures of Gaussians: what a sampled Gaussian step looks like to somebody who wants to
// know whether one record was there. All components share one standard deviation.
#pragma once

#include <vector>

namespace polyclinic::privacy {

struct Component {
  double weight = 0;  // positive; a mixture's weights add up to 1
  double mean = 0;    // in units of the clipping bound
};

// P, the world where the record contributes, against Q. The means of P are at least 0, those of Q
// at most 0, so that the privacy loss log(P/Q) rises with x.
struct MixturePair {
  std::vector<Component> p;
  std::vector<Component> q;
  double sigma = 1;

  // log(P(x) / Q(x)).
  [[nodiscard]] double loss(double x) const;
  // Its derivative.
  [[nodiscard]] double loss_slope(double x) const;
  // The x at which the loss is `value`; -infinity or infinity where it lies outside the range.
  // `start` is a guess.
  [[nodiscard]] double x_of_loss(double value, double start) const;
  // Least and largest loss (infinite where unbounded).
  [[nodiscard]] double least_loss() const;
  [[nodiscard]] double largest_loss() const;
};

// Poisson sampling with rate q, one record added or removed: (1 - q) N(0) + q N(1) against N(0).
MixturePair poisson_pair(double q, double sigma);
// The same where one record replaces another that pulls the opposite way: N(1) against N(-1).
MixturePair poisson_replace_pair(double q, double sigma);
// All `records` of one unit sampled one by one: Binomial(records, q) of them are there.
MixturePair group_pair(double q, double sigma, int records);

// Q against P: the other direction of the same neighbours.
MixturePair reversed(const MixturePair& pair);

// Probability that a mixture lies below x, and above x, each with its own relative accuracy.
double below(const std::vector<Component>& mixture, double sigma, double x);
double above(const std::vector<Component>& mixture, double sigma, double x);

}  // namespace polyclinic::privacy
