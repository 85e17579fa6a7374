// The numbers of the generator. Means, spreads, shares of measured values, units and their
// mortality: PhysioNet/CinC Challenge 2012 (set a) where it has them; encounters: Diabetes-130;
// coding drift: UCI Heart Disease. Loadings and weights are choices of ours, documented in the
// guide.
#include "data/ehr_model.hpp"

namespace polyclinic::ehr {

namespace {
using enum Shape;
}

// lognormal: centre = log(mean) - spread^2 / 2, spread^2 = log(1 + (sd / mean)^2); lactate 0.095
// less, because it is measured in the sicker ones, and the published mean is of measured values
// clang-format off
const std::array<Measurement, kMeasurements> kMeasurementTable{{
    // name, unit, shape, centre, spread, low, high, step, charted, ordering,
    //     {circulatory, respiratory, renal, inflammatory, neurological, hepatic}, age, female
    {"heart_rate", "1/min", normal, 87.5, 18.4, 20, 220, 1, 0.98, 0,
     {0.35, 0, 0, 0.30, 0, 0}, -0.10, 0},
    {"sbp", "mmHg", normal, 119, 25, 40, 260, 1, 0.70, 0,
     {-0.45, 0, 0, 0, 0, 0}, 0.10, 0},
    {"dbp", "mmHg", normal, 60, 13, 15, 150, 1, 0.70, 0,
     {-0.40, 0, 0, 0, 0, 0}, -0.20, 0},
    {"respiratory_rate", "1/min", lognormal, 2.938, 0.275, 4, 70, 1, 0.28, 0,
     {0, 0.45, 0, 0.15, 0, 0}, 0, 0},
    {"temperature", "Cel", normal, 37.0, 0.8, 30, 43, 0.1, 0.98, 0,
     {0, 0, 0, 0.35, 0, 0}, -0.10, 0},
    {"spo2", "%", bounded, 2.40, 0.75, 70, 100, 0.1, 0.95, 0,
     {0, -0.50, 0, 0, 0, 0}, 0, 0},
    {"gcs", "points, mean of the first day", bounded, 1.30, 1.60, 3, 15, 0.1, 0.98, 0,
     {0, 0, 0, 0, -0.65, 0}, 0, 0},
    {"urine_output", "mL/d", lognormal, 7.425, 0.593, 10, 15000, 10, 0.97, 0,
     {-0.20, 0, -0.35, 0, 0, 0}, -0.10, 0},
    {"wbc", "1e9/L", lognormal, 2.388, 0.553, 0.1, 200, 0.1, 0.98, 0,
     {0, 0, 0, 0.40, 0, 0}, 0, 0},
    {"hemoglobin", "g/dL", normal, 10.5, 1.8, 3, 20, 0.1, 0.98, 0,
     {-0.15, 0, 0, -0.15, 0, 0}, -0.10, -0.25},
    {"platelets", "1e9/L", lognormal, 5.166, 0.514, 4, 1500, 1, 0.98, 0,
     {0, 0, 0, -0.15, 0, -0.35}, 0, 0.10},
    {"sodium", "mmol/L", normal, 139, 4.7, 100, 180, 1, 0.98, 0,
     {0, 0, -0.10, 0, 0, -0.15}, 0, 0},
    {"potassium", "mmol/L", lognormal, 1.421, 0.166, 1.5, 10, 0.1, 0.98, 0,
     {0, 0, 0.35, 0, 0, 0}, 0, 0},
    {"bicarbonate", "mmol/L", normal, 23.5, 4.8, 3, 55, 1, 0.98, 0,
     {-0.30, 0, -0.30, 0, 0, 0}, 0, 0},
    {"bun", "mg/dL", lognormal, 3.041, 0.714, 2, 250, 1, 0.98, 0,
     {0, 0, 0.65, 0, 0, 0}, 0.15, 0},
    {"creatinine", "mg/dL", lognormal, 0.0124, 0.8866, 0.1, 25, 0.1, 0.98, 0,
     {0, 0, 0.70, 0, 0, 0}, 0, -0.20},
    {"glucose", "mg/dL", lognormal, 4.853, 0.454, 20, 1200, 1, 0.97, 0,
     {0, 0, 0, 0.20, 0, 0}, 0, 0},
    {"lactate", "mmol/L", lognormal, 0.675, 0.768, 0.2, 30, 0.1, 0.55, 0.8,
     {0.55, 0, 0, 0, 0, 0.25}, 0, 0},
    {"ph", "1", normal, 7.37, 0.08, 6.7, 7.8, 0.01, 0.75, 0.6,
     {-0.35, -0.30, 0, 0, 0, 0}, 0, 0},
    {"pao2_fio2", "mmHg", lognormal, 5.335, 0.454, 30, 700, 1, 0.70, 0.6,
     {0, -0.60, 0, 0, 0, 0}, -0.10, 0},
    {"bilirubin", "mg/dL", lognormal, -0.010, 1.184, 0.1, 60, 0.1, 0.43, 0.4,
     {0, 0, 0, 0, 0, 0.65}, 0, 0},
    {"alt", "U/L", lognormal, 3.454, 1.517, 3, 20000, 1, 0.43, 0.4,
     {0.15, 0, 0, 0, 0, 0.50}, 0, -0.10},
    {"albumin", "g/dL", normal, 2.9, 0.65, 0.8, 5.5, 0.1, 0.41, 0.3,
     {0, 0, 0, -0.40, 0, -0.25}, -0.10, 0},
    {"inr", "1", lognormal, 0.280, 0.500, 0.8, 20, 0.1, 0.85, 0.2,
     {0, 0, 0, 0, 0, 0.45}, 0, 0},
    {"crp", "mg/L", lognormal, 4.308, 0.770, 0.5, 600, 0.5, 0.25, 0.6,
     {0, 0, 0, 0.65, 0, 0}, 0, 0},
    {"troponin_t", "ng/mL", lognormal, -0.998, 1.336, 0.01, 30, 0.01, 0.22, 0.5,
     {0.35, 0, 0.15, 0, 0, 0}, 0, 0},
    {"magnesium", "mg/dL", lognormal, 0.674, 0.198, 0.6, 8, 0.1, 0.97, 0,
     {0, 0, 0.20, 0, 0, 0}, 0, 0},
}};

const std::array<Condition, kConditions> kConditionTable{{
    // name, centre, age, female, {CCU, CSRU, MICU, SICU}, factors, sensitivity, risk{sep, mort, readm}
    {"diabetes", -0.52, 0.15, 0, {0.15, 0.10, 0, -0.15},
     {0, 0, 0.20, 0, 0, 0}, 0.88, {0.08, 0, 0.20}},
    {"heart_failure", -0.95, 0.35, 0, {0.60, 0.10, 0, -0.40},
     {0.50, 0, 0.10, 0, 0, 0}, 0.82, {0, 0.15, 0.35}},
    {"copd", -0.95, 0.20, 0, {0, 0, 0.20, -0.20},
     {0, 0.60, 0, 0, 0, 0}, 0.75, {0.10, 0.10, 0.20}},
    {"chronic_kidney_disease", -1.10, 0.30, 0, {0.10, 0, 0.15, -0.20},
     {0, 0, 1.00, 0, 0, 0}, 0.70, {0.10, 0.10, 0.25}},
    {"cancer", -1.20, 0.20, 0, {-0.30, -0.50, 0.25, 0.10},
     {0, 0, 0, 0.30, 0, 0.10}, 0.90, {0.20, 0.35, 0.25}},
    {"liver_disease", -1.50, -0.15, -0.10, {-0.20, -0.40, 0.30, 0.10},
     {0, 0, 0, 0, 0.20, 0.90}, 0.75, {0.15, 0.30, 0.20}},
}};

const std::array<Unit, kUnits> kUnitTable{{
    // name, share, age centre, male, probit of emergency, factors, risk {sepsis, mortality, readm.}
    {"CCU", 0.14425, 76.4, 0.58, 1.28, {0.30, 0, 0, -0.20, 0, 0}, {-0.15, -0.13, 0.10}},
    {"CSRU", 0.21850, 74.6, 0.61, -0.39, {0, -0.15, -0.10, -0.20, 0, 0}, {-0.35, -0.80, -0.05}},
    {"MICU", 0.37025, 66.3, 0.51, 1.88, {0.05, 0.20, 0.15, 0.25, 0, 0.10}, {0.20, 0.205, 0.05}},
    {"SICU", 0.26700, 61.7, 0.59, 0.67, {-0.10, 0, -0.10, 0, 0.30, 0}, {0.05, 0.26, -0.05}},
}};

const std::array<OutcomeModel, kOutcomes> kOutcomeTable{{
    // name, strength, factors, age, age^2, female, emergency
    {"sepsis", 0.72, {0.30, 0.25, 0.20, 0.50, 0.10, 0.10}, 0.05, 0, -0.05, 0.10},
    {"mortality", 0.83, {0.35, 0.30, 0.25, 0.15, 0.50, 0.20}, 0.35, 0.03, 0, 0.20},
    {"readmission", 0.50, {0.15, 0.15, 0.20, 0.10, 0.05, 0.15}, 0.08, -0.06, 0, 0.10},
}};
// clang-format on

const std::array<DirectEffect, 6> kDirectEffects{{
    {0, 16, 0.80},   // diabetes: glucose
    {1, 25, 0.30},   // heart failure: troponin
    {2, 13, 0.40},   // chronic obstructive lung disease: bicarbonate
    {3, 12, 0.20},   // chronic kidney disease: potassium
    {4, 9, -0.35},   // cancer: hemoglobin
    {5, 10, -0.30},  // liver disease: platelets
}};

const std::array<std::string_view, kEthnicities> kEthnicityNames{"white", "black", "asian",
                                                                 "hispanic", "other"};
const std::array<double, kEthnicities> kEthnicityShare{0.70, 0.12, 0.05, 0.08, 0.05};
// Sjoding et al. 2020 (NEJM 383:2477): occult hypoxemia three times as often in Black patients
const std::array<double, kEthnicities> kOximeterBias{0, 0.25, 0.05, 0.05, 0};
const std::array<double, kEthnicities> kUnderRecording{0.9, 1.4, 1.1, 1.4, 1.0};

// ECG classes of UCI Heart Disease; the differences between its hospitals are of reading, not of
// patients (ST-T 1/18/24/47 %, hypertrophy 49/2/6/14 %)
const std::array<std::string_view, kEcgFindings> kEcgNames{"normal", "st_t", "hypertrophy"};
const std::array<double, kEcgFindings> kEcgShare{0.68, 0.20, 0.12};

const Factors kEmergencyFactors{0.15, 0.10, 0.05, 0.20, 0.10, 0.05};
const Factors kAgeFactors{0.10, 0.05, 0.20, 0, 0.05, -0.05};

}  // namespace polyclinic::ehr
