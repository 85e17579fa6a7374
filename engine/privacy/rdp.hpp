// Renyi differential privacy: the divergence of one step at each order, and what a composed curve
// says in (epsilon, delta). All divergences are natural logarithms; sums of curves compose.
#pragma once

#include <span>
#include <vector>

#include "privacy/mixture.hpp"

namespace polyclinic::privacy {

// Orders at which a curve is known; each above 1, ascending.
using Orders = std::vector<double>;
// A divergence per order; infinity where none is known.
using Curve = std::vector<double>;

// 1.1 to 10.9 by 0.1, 11 to 63 by 1, then 128, 256, 512, 1024.
const Orders& standard_orders();

// Poisson sampling with rate q of a Gaussian with noise multiplier sigma, add/remove adjacency:
// Mironov, Talwar, Zhang 2019 (arXiv 1908.10530), sections 3.2 and 3.3.
// REQUIRES: 0 <= q <= 1, sigma > 0.
Curve poisson_gaussian_rdp(double q, double sigma, std::span<const double> orders);
// The same as dp_accounting computes it: the terms of the fractional series are added without their
// signs (an upper bound, up to a few per cent higher at low orders), and an order whose series has
// not ended after 1000 terms is left out (infinity). For comparison with its figures only.
Curve poisson_gaussian_rdp_unsigned(double q, double sigma, std::span<const double> orders);
// The plain Gaussian: alpha / (2 sigma^2).
Curve gaussian_rdp(double sigma, std::span<const double> orders);
// The larger of the divergences of the two directions of a pair, by quadrature.
Curve mixture_rdp(const MixturePair& pair, std::span<const double> orders);
// A fixed number of records drawn without replacement, replace-one adjacency; sigma counts in units
// of what replacing one record can change. Wang, Balle, Kasiviswanathan 2019 (arXiv 1808.00087),
// Theorem 27 strengthened for the Gaussian; Corollary 10 between integer orders.
Curve without_replacement_rdp(double q, double sigma, std::span<const double> orders);
// Poisson sampling of any mechanism whose curve is given at the integers 2, 3, ... (index 0 is
// order 2): Zhu, Wang 2019 (ICML), Theorem 5, never above the curve itself. Orders must be
// integers.
Curve poisson_rdp_bound(double q, std::span<const double> at_integers,
                        std::span<const double> orders);
// Laplace noise of scale b per unit of sensitivity: Mironov 2017 (arXiv 1702.07476), Proposition 6.
Curve laplace_rdp(double scale, std::span<const double> orders);

// curve += steps * step.
void compose(Curve& curve, const Curve& step, double steps);

enum class Conversion : unsigned char {
  tight,    // Canonne, Kamath, Steinke 2020 (arXiv 2004.00010), Proposition 12
  classic,  // Mironov 2017, Proposition 3: what papers of 2016 to 2018 used
};

struct AtOrder {
  double value = 0;  // the epsilon or the delta
  double order = 0;  // where it is attained
};

// The least epsilon over the orders. REQUIRES: 0 < delta < 1.
AtOrder rdp_epsilon(std::span<const double> orders, const Curve& curve, double delta,
                    Conversion conversion = Conversion::tight);
// The least delta over the orders. REQUIRES: epsilon >= 0.
AtOrder rdp_delta(std::span<const double> orders, const Curve& curve, double epsilon);

}  // namespace polyclinic::privacy
