// The world of cohort.ehr in numbers: which factors of severity there are, what they do to vitals
// and laboratory values, and what they mean for the outcomes. docs/guide/cohort-ehr.md states the
// model.
//
// Six factors z are Gaussian given what is known of a patient; each measurement is a monotone
// function of a linear form of z with Gaussian noise; outcomes are probit in z. Hence the
// probability of an outcome given any subset of the measurements has a closed form
// (ehr_posterior.hpp).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace polyclinic::ehr {

inline constexpr std::size_t kFactors = 6;  // circulatory, respiratory, renal, inflammatory,
                                            // neurological, hepatic
inline constexpr std::size_t kUnits = 4;    // CCU, CSRU, MICU, SICU
inline constexpr std::size_t kConditions = 6;
inline constexpr std::size_t kEthnicities = 5;
inline constexpr std::size_t kOutcomes = 3;
inline constexpr std::size_t kVitals = 8;  // the first of the measurements
inline constexpr std::size_t kMeasurements = 27;
inline constexpr std::size_t kEcgFindings = 3;

using Factors = std::array<double, kFactors>;

enum class Outcome : std::uint8_t { sepsis, mortality, readmission };

// How a standardised measurement t becomes the number in the record.
enum class Shape : std::uint8_t {
  normal,     // centre + spread * t
  lognormal,  // exp(centre + spread * t)
  bounded,    // low + (high - low) / (1 + exp(-(centre + spread * t)))
};

struct Measurement {
  std::string_view name;
  std::string_view unit;
  Shape shape;
  double centre;
  double spread;
  double low;  // records are kept within low..high
  double high;
  double step;      // resolution of the record; below a quarter of a standard deviation
  double charted;   // share of encounters in which it is measured, at a typical site
  double ordering;  // how strongly the bedside impression decides about measuring it
  Factors loading;  // effect of a unit of each factor on t
  double age;       // effect of 17 years on t
  double female;    // effect on t
};

// A direct effect of a true comorbidity on a measurement, beside that through the factors. Each
// measurement has at most one: then two comorbidities never mix there (ehr_posterior.cpp).
struct DirectEffect {
  std::size_t condition;
  std::size_t measurement;
  double effect;
};

struct Condition {
  std::string_view name;
  double centre;  // probit of its prevalence: Phi(centre + age * a + female * f + unit[u])
  double age;
  double female;
  std::array<double, kUnits> unit;
  Factors factors;                     // shift of the factors' mean
  double sensitivity;                  // share of true cases that a typical site codes
  std::array<double, kOutcomes> risk;  // direct effect on the linear risk, per outcome
};

struct Unit {
  std::string_view name;
  double share;
  double age_centre;  // of the normal law that is cut to kAgeLow..kAgeHigh
  double male;
  double emergency;  // probit of the share of emergency admissions
  Factors factors;
  std::array<double, kOutcomes> risk;
};

// Linear risk of an outcome: strength * (factors . z + age * a + age2 * a^2 + ...).
struct OutcomeModel {
  std::string_view name;
  double strength;
  Factors factors;
  double age;
  double age2;
  double female;
  double emergency;
};

inline constexpr double kAgeLow = 18;
inline constexpr double kAgeHigh = 95;
inline constexpr double kAgeScale = 17;  // a = (age - kAgeCentre) / kAgeScale
inline constexpr double kAgeCentre = 64;
inline constexpr double kAgeSd = 22;      // before cutting; 17.6 for all units together after it
inline constexpr double kCommon = 0.35;   // share of the factors' variance that all six share
inline constexpr double kPersonal = 0.4;  // share that a patient keeps over all encounters
inline constexpr std::size_t kAgeNodes = 12;

// Indices that the code refers to.
inline constexpr std::size_t kHeartRate = 0;
inline constexpr std::size_t kTemperature = 4;
inline constexpr std::size_t kSpo2 = 5;
inline constexpr std::size_t kGcs = 6;

extern const std::array<Measurement, kMeasurements> kMeasurementTable;
extern const std::array<Condition, kConditions> kConditionTable;
extern const std::array<Unit, kUnits> kUnitTable;
extern const std::array<OutcomeModel, kOutcomes> kOutcomeTable;
extern const std::array<DirectEffect, 6> kDirectEffects;
extern const std::array<std::string_view, kEthnicities> kEthnicityNames;
extern const std::array<double, kEthnicities> kEthnicityShare;
// Shift of t by ethnicity for oxygen saturation: pulse oximeters read high on dark skin.
extern const std::array<double, kEthnicities> kOximeterBias;
// How much oftener than average an outcome stays unrecorded, by ethnicity and for women.
extern const std::array<double, kEthnicities> kUnderRecording;
inline constexpr double kUnderRecordingFemale = 1.2;
inline constexpr double kUnderRecordingMean = 1.1037;  // of both together at a typical site
extern const std::array<std::string_view, kEcgFindings> kEcgNames;
extern const std::array<double, kEcgFindings> kEcgShare;
// Effect of emergency admission and of 17 years of age on the factors.
extern const Factors kEmergencyFactors;
extern const Factors kAgeFactors;

// What is known about a patient on admission and conditions everything else.
struct Known {
  double age = kAgeCentre;
  bool female = false;
  std::size_t unit = 0;
  std::size_t ethnicity = 0;
  bool emergency = false;
  [[nodiscard]] double a() const { return (age - kAgeCentre) / kAgeScale; }
};

// A point of the age distribution with its weight.
struct AgeNode {
  double age;
  double weight;
};

// The normal distribution function from a table: each patient needs it some fifty times. Within
// 3e-10 of math::normal_cdf: the next term of the expansion is d^4 / 24 times at most 1.38, at d =
// 1/128.
class NormalTable {
 public:
  NormalTable();
  [[nodiscard]] double cdf(double x) const {
    if (x <= -kReach) return 0;  // below 7e-16
    if (x >= kReach) return 1;
    // NOLINTNEXTLINE(bugprone-incorrect-roundings): what is rounded is above 0
    const auto cell = static_cast<std::size_t>((x + kReach) * kPerUnit + 0.5);
    const double at = static_cast<double>(cell) / kPerUnit - kReach;
    const double d = x - at;
    // Phi(at + d) = Phi + phi (d - at d^2 / 2 + (at^2 - 1) d^3 / 6) + ...
    return cdf_[cell] + density_[cell] * d * (1 + d * (-0.5 * at + d * (at * at - 1) / 6));
  }

 private:
  static constexpr double kReach = 8;
  static constexpr double kPerUnit = 64;
  static constexpr std::size_t kPoints = 16 * 64 + 1;
  std::array<double, kPoints> cdf_{};
  std::array<double, kPoints> density_{};
};

// Constants that follow from the tables: Gauss-Legendre nodes, the factors' covariance, and
// centring and noise such that at a typical site every t has mean 0 and variance 1. Immutable.
class Model {
 public:
  Model();

  // Mean of the factors given what is known, without comorbidities.
  [[nodiscard]] Factors factor_mean(const Known& known) const;
  // Mean of t given factors 0 and what is known.
  [[nodiscard]] double measurement_mean(std::size_t measurement, const Known& known) const;
  // Linear risk given factors 0 and what is known, without comorbidities.
  [[nodiscard]] static double known_risk(Outcome outcome, double strength, const Known& known);
  // Probability of the true comorbidity; `shift` is the site's, on the probit scale.
  [[nodiscard]] double condition_probability(std::size_t condition, const Known& known,
                                             double shift) const;
  // The law of age in a unit of a site whose patients are `shift` years older; weights sum to 1.
  [[nodiscard]] std::array<AgeNode, kAgeNodes> age_law(std::size_t unit, double shift) const;

  [[nodiscard]] double noise(std::size_t measurement) const { return noise_[measurement]; }
  [[nodiscard]] double bedside_scale() const { return bedside_scale_; }
  [[nodiscard]] const NormalTable& normal() const { return normal_; }
  // Covariance of the factors given what is known, its inverse, and the variance of w . z.
  [[nodiscard]] const std::array<Factors, kFactors>& covariance() const { return covariance_; }
  [[nodiscard]] const std::array<Factors, kFactors>& precision() const { return precision_; }
  [[nodiscard]] double variance_of(const Factors& weights) const;
  // Of comorbidities i and k, with shifts d of the factors: Omega d_i, and d_i' Omega d_k.
  [[nodiscard]] const Factors& precise_shift(std::size_t i) const { return precise_shift_[i]; }
  [[nodiscard]] double precise_pair(std::size_t i, std::size_t k) const {
    return precise_pair_[i][k];
  }

 private:
  void set_quadrature();
  void set_covariance();
  void set_centres();

  NormalTable normal_;
  std::array<double, kAgeNodes> node_{};  // on -1..1
  std::array<double, kAgeNodes> node_weight_{};
  std::array<Factors, kFactors> covariance_{};
  std::array<Factors, kFactors> precision_{};
  std::array<Factors, kConditions> precise_shift_{};
  std::array<std::array<double, kConditions>, kConditions> precise_pair_{};
  Factors factor_centre_{};
  std::array<double, kMeasurements> centre_{};
  std::array<double, kMeasurements> noise_{};
  double bedside_scale_ = 1;
};

// The record's number for a standardised value, rounded and kept within its limits.
double recorded_value(const Measurement& measurement, double t);

// Index of the first share that the running sum passes; one uniform number decides.
std::size_t pick(const double* shares, std::size_t count, double u);

}  // namespace polyclinic::ehr
