// The achievable risk: the probability of the outcome given what the record shows.
#pragma once

#include "data/ehr_site.hpp"

namespace polyclinic::ehr {

// What a record shows before rounding: everything that a model could use and a bit more (ethnicity,
// and the probabilities of comorbidities at the patient's home).
struct Observed {
  const Known* known = nullptr;
  const std::array<double, kConditions>* condition_probability = nullptr;
  const std::array<bool, kConditions>* coded = nullptr;
  const std::array<double, kMeasurements>* t = nullptr;
  const std::array<bool, kMaybeMissing>* measured = nullptr;
  double last = 1;  // share of such rows that are the last of their patient
};

// P(outcome | observed) at the site, exact to 1e-5.
//
// With D the comorbidities, d = their shift of the factors' mean, g of the measurements, precision
// Omega of the factors, and over the observed measurements r = t - mean, Lambda = sum l l' / s^2,
// h(D) = sum l (r - g) / s^2, the factors given D and t are Gaussian with precision Omega + Lambda
// and mean V (Omega d + h(D)), V = (Omega + Lambda)^-1, and
//   log p(t | D) = const - sum (r - g)^2 / (2 s^2) - d' Omega d / 2
//                  + (Omega d + h)' V (Omega d + h) / 2.
// A comorbidity that is coded is there; one that is not is there with probability
// p (1 - s) / (1 - p s), s the site's sensitivity. The result is the mixture over the sets of
// uncoded ones (at most 2^6) of outcome_probability.
double achievable_risk(const Model& model, const Spec& spec, const SiteModel& site,
                       const Observed& observed);

}  // namespace polyclinic::ehr
