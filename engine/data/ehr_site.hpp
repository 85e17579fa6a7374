// What a hospital of cohort.ehr is like: its patients, its instruments, its habits of recording.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/distribution.hpp"
#include "base/stream.hpp"
#include "data/cohort.hpp"
#include "data/ehr_model.hpp"

namespace polyclinic::ehr {

// The part `cohort.ehr { ... }` in numbers.
struct Spec {
  Outcome outcome = Outcome::sepsis;
  Distribution prevalence;    // of the true outcome, share of a site's encounters
  double site_shift = 0.3;    // 0: sites differ in prevalence alone
  double signal = 1;          // factor on the linear risk
  double label_error = 0.05;  // share of true events that stay unrecorded, at a typical site
  double missing = 1;         // factor on the odds of a value being missing
  double overlap = 0.03;      // share of patients who are seen in a second hospital too
  double encounters = 1.42;   // mean per patient, all hospitals together
  std::array<bool, kMeasurements> dropped{};  // measurements that the record does not hold
  std::array<bool, kConditions> condition_dropped{};
};

// Extra columns that may be missing, after the measurements.
inline constexpr std::size_t kHeight = kMeasurements;
inline constexpr std::size_t kWeight = kMeasurements + 1;
inline constexpr std::size_t kMaybeMissing = kMeasurements + 2;
inline constexpr double kHeightCharted = 0.53;
inline constexpr double kWeightCharted = 0.93;

inline constexpr double kDays = 730;       // length of the records
inline constexpr double kGapDays = 31;     // least time between two encounters of a patient
inline constexpr int kEncountersMax = 20;  // before one at a second hospital is added

// How many encounters a patient has: geometric, n = 1, 2, ..., cut at kEncountersMax; and, for
// outcomes that end a patient's records, which share of the encounters is the last.
struct EncounterLaw {
  double mean = 1;
  double continues = 0;   // probability of one more encounter
  double last_plain = 1;  // patients of one hospital
  double last_home = 1;   // patients of two hospitals, at home
  double last_away = 1;   // and at the other
  double last_mean = 1;   // over all encounters
  [[nodiscard]] int draw(double u) const;
};
EncounterLaw encounter_law(const Spec& spec, bool several_hospitals);

// Everything about a site that is drawn; a few hundred bytes, a few microseconds.
struct Traits {
  HospitalId hospital;
  std::int64_t patients = 0;  // whose home it is
  double prevalence = 0;
  double age_shift = 0;  // years
  std::array<double, kUnits> unit_share{};
  double emergency_shift = 0;                         // probit scale
  std::array<double, kConditions> condition_shift{};  // probit scale
  std::array<double, kEthnicities> ethnicity_share{};
  Factors severity{};                          // shift of the factors' mean
  std::array<double, kMeasurements> offset{};  // of the instrument, in standard deviations
  std::array<double, kMeasurements> gain{};
  std::array<double, kConditions> sensitivity{};  // share of true comorbidities that are coded
  std::array<double, kEcgFindings> ecg_share{};
  // Probit of the share of encounters in which a value is measured; nullopt: never at this site.
  std::array<std::optional<double>, kMaybeMissing> charted{};
  double miss = 0;         // share of true events that stay unrecorded, before groups
  double false_alarm = 0;  // share of non-events recorded as events
};
Traits draw_traits(const Spec& spec, const EncounterLaw& encounters, RunKey run,
                   const SiteRequest& request);

// Mean of the linear risk given what is known and the true comorbidities, as masses on a grid. A
// mass between two points is shared between them so that its mean stays; this adds at most step^2 /
// 4 to the variance.
struct RiskLaw {
  double low = 0;
  double step = 0.02;
  std::vector<double> mass;  // sums to 1
};

// A site together with what follows from its traits. Immutable.
struct SiteModel {
  Traits traits;
  double strength = 1;
  Factors weights{};                         // linear risk = weights . z + ...
  std::array<double, kConditions> effect{};  // direct effect of a true comorbidity
  double deviation = 1;                      // sd of weights . z given what is known
  RiskLaw law;
  std::array<double, kMaybeMissing> measured{};  // Phi(charted): share of encounters, 0 for never
  double threshold = 0;  // P(outcome) = Phi(linear risk - threshold), times the share of last ones
};
// Solves the threshold such that the prevalence over the site's own case mix is the traits', within
// step^2 / 8 * max|Phi''| = 1.3e-5 for the grid plus 1e-10 for the solver.
SiteModel make_site_model(const Model& model, const Spec& spec, const EncounterLaw& encounters,
                          const Traits& traits);

// Probability that the outcome happens at linear risk x, for a Gaussian x of this variance; `last`
// from the EncounterLaw.
double outcome_probability(double x_mean, double x_variance, double threshold, double last);

// Lowest and highest prevalence that a site can have; what is asked beyond is moved to it.
inline constexpr double kPrevalenceLow = 0.002;
double prevalence_high(const Spec& spec, const EncounterLaw& encounters);

}  // namespace polyclinic::ehr
