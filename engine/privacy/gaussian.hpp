// The Gaussian mechanism without sampling, exactly; central limits of the sampled one; and the
// classic calibration with the range in which it is proven.
#pragma once

#include <optional>

namespace polyclinic::privacy {

// delta(epsilon) of N(mu, 1) against N(0, 1): Balle, Wang 2018 (arXiv 1805.06530), Theorem 8, and
// its inverses. mu is the sensitivity over the noise's standard deviation; steps with mu_i compose
// to the root of the sum of mu_i^2.
double gaussian_delta(double mu, double epsilon);
double gaussian_epsilon(double mu, double delta);
// The largest mu with delta(epsilon) <= delta; the noise multiplier is 1 over it.
double gaussian_mu(double epsilon, double delta);

// mu^2 per step in the central limit (Bu, Dong, Long, Su 2020, arXiv 1911.11607, Corollary 5.4):
// Poisson sampling, and cohorts of fixed size drawn uniformly.
double clt_mu_square_poisson(double q, double sigma);
double clt_mu_square_uniform(double q, double sigma);

// sigma = sqrt(2 log(1.25 / delta)) / epsilon (Dwork, Roth 2014, Theorem A.1), proven for epsilon
// below 1 only: nullopt elsewhere.
std::optional<double> classic_sigma(double epsilon, double delta);
std::optional<double> classic_epsilon(double sigma, double delta);

}  // namespace polyclinic::privacy
