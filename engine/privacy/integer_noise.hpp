// Integer noise of distributed privacy: discrete Gaussian, its sum over many hospitals, Skellam;
// and how rounding to the lattice lets norms grow.
#pragma once

#include <cstdint>

#include "privacy/rdp.hpp"

namespace polyclinic::privacy {

// The discrete Gaussian on the integers: P(x) proportional to exp(-x^2 / (2 sigma^2)) (Canonne,
// Kamath, Steinke 2020, arXiv 2004.00010). Its variance is below sigma^2, far below for small
// sigma.
double discrete_gaussian_variance(double sigma);
// delta at epsilon of one release with this sensitivity (a whole number), summed exactly.
double discrete_gaussian_delta(double sigma, std::int64_t sensitivity, double epsilon);

// Norms in the scaled domain, where the lattice is the integers: a vector of norm `l2` and
// dimension `dim`, rounded at random and redrawn until its norm is at most this. beta in [0, 1); 0:
// any rounding is kept. Kairouz, Liu, Steinke 2021 (arXiv 2102.06387), Theorem 1.
double rounded_l2_norm(double l2, double beta, double dim);
// Of such a rounded vector: l1 <= l2 min(sqrt(dim), l2), the entries being integers.
double rounded_l1_norm(double l2, double dim);

// A vector of norm `l2` is multiplied by `scale`, rounded as above and noised with integers.
struct IntegerRelease {
  double scale = 1;  // lattice points per unit
  double l2 = 1;
  double dim = 1;
  double beta = 0.6065306597126334;  // exp(-1/2)
  double q = 1;                      // Poisson sampling
};

// Each of `hospitals` adds a discrete Gaussian of deviation `local_deviation` (before scaling). The
// sum is no discrete Gaussian: tau bounds what it lacks (arXiv 2102.06387, Theorem 1 and
// Proposition 14). Orders must be whole.
Curve distributed_gaussian_rdp(const IntegerRelease& release, double local_deviation,
                               std::int64_t hospitals, std::span<const double> orders);
// Skellam noise of deviation `deviation` in all (before scaling); sums of Skellams are Skellam.
// Agarwal, Kairouz, Liu 2021 (arXiv 2110.04995), Theorem 3.5.
Curve skellam_rdp(const IntegerRelease& release, double deviation, std::span<const double> orders);

}  // namespace polyclinic::privacy
