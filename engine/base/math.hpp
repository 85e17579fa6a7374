// Elementary functions with the same bits on every x86-64, with and without FMA, debug and release.
// Accuracy: within 2 ulp (erfc and normal_cdf: 6 ulp; lgamma: 1e-14 relative; the incomplete
// functions and their inverses: 1e-13 relative for parameters up to 1e6 and probabilities above
// 1e-100, 1e-11 beyond). Domain errors give
// NaN, overflow infinity, as in <cmath>. sqrt, floor, fabs of <cmath> are exact and may be used
// directly.
#pragma once

namespace polyclinic::math {

double exp(double x);
double expm1(double x);
double log(double x);
double log1p(double x);
double pow(double x, double y);
double sin(double x);
double cos(double x);
double tanh(double x);
// Logarithm of |Gamma(x)|.
double lgamma(double x);
// lgamma(x) - ((x - 1/2) log(x) - x + log(2 pi) / 2), for x >= 10: what Stirling's formula misses.
double stirling_remainder(double x);
double erf(double x);
double erfc(double x);

// 1 / (1 + exp(-x)) without overflow, and its inverse.
double sigmoid(double x);
double logit(double p);
// log(1 + exp(x)) without overflow.
double softplus(double x);

double normal_cdf(double x);
// Logarithm of normal_cdf, also where that underflows.
double log_normal_cdf(double x);
// Inverse of normal_cdf on (0, 1): Wichura 1988 (AS 241), relative accuracy 1e-16.
double normal_quantile(double p);
// Regularised incomplete gamma P(a, x) and beta I_x(a, b), and their inverses in the last argument.
// They cost O(sqrt(a)) near their middle. gamma_q is 1 - P without cancellation.
double gamma_p(double a, double x);
double gamma_q(double a, double x);
// x^a exp(-x) / Gamma(a + 1): for an integer a the probability of a under Poisson's law of mean x.
double gamma_term(double a, double x);
double gamma_p_inverse(double a, double p);
double beta_i(double a, double b, double x);
double beta_i_inverse(double a, double b, double p);
// Quantile of Student's t with df degrees of freedom.
double student_t_quantile(double p, double df);
double chi_squared_cdf(double x, double df);

}  // namespace polyclinic::math
