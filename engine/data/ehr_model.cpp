#include "data/ehr_model.hpp"

#include <algorithm>
#include <cmath>

#include "base/check.hpp"
#include "base/math.hpp"

namespace polyclinic::ehr {

namespace {

double dot(const Factors& a, const Factors& b) {
  double sum = 0;
  for (std::size_t k = 0; k < kFactors; ++k) sum += a[k] * b[k];
  return sum;
}

// First and second moments of a linear form of what is known and of the comorbidities.
struct Moments {
  double mean = 0;
  double square = 0;    // of the conditional mean
  double residual = 0;  // mean conditional variance
  [[nodiscard]] double variance() const { return square - mean * mean + residual; }
  void add(double weight, double conditional_mean, double conditional_variance) {
    mean += weight * conditional_mean;
    square += weight * conditional_mean * conditional_mean;
    residual += weight * conditional_variance;
  }
};

// Calls visit(known, weight) for every node of the law of what is known at a typical site.
template <class Visit>
void for_each_known(const Model& model, const Visit& visit) {
  for (std::size_t u = 0; u < kUnits; ++u) {
    const Unit& unit = kUnitTable[u];
    const double emergency = math::normal_cdf(unit.emergency);
    for (const AgeNode& node : model.age_law(u, 0)) {
      for (const bool female : {false, true}) {
        for (const bool urgent : {false, true}) {
          const Known known{.age = node.age, .female = female, .unit = u, .emergency = urgent};
          visit(known, unit.share * node.weight * (female ? 1 - unit.male : unit.male) *
                           (urgent ? emergency : 1 - emergency));
        }
      }
    }
  }
}

double direct_effect(std::size_t condition, std::size_t measurement) {
  double sum = 0;
  for (const DirectEffect& e : kDirectEffects) {
    if (e.condition == condition && e.measurement == measurement) sum += e.effect;
  }
  return sum;
}

}  // namespace

NormalTable::NormalTable() {
  constexpr double kDensityAtZero = 0.39894228040143268;
  for (std::size_t i = 0; i < kPoints; ++i) {
    const double x = static_cast<double>(i) / kPerUnit - kReach;
    cdf_[i] = math::normal_cdf(x);
    density_[i] = kDensityAtZero * math::exp(-0.5 * x * x);
  }
}

Model::Model() {
  set_quadrature();
  set_covariance();
  set_centres();
}

// Gauss-Legendre: roots of P_n by Newton's method from cos(pi (i + 3/4) / (n + 1/2)), weights
// 2 / ((1 - x^2) P_n'(x)^2)   (Abramowitz and Stegun, 25.4.29).
void Model::set_quadrature() {
  constexpr double kPi = 3.14159265358979323846;
  constexpr auto n = static_cast<double>(kAgeNodes);
  for (std::size_t i = 0; i < kAgeNodes; ++i) {
    double x = math::cos(kPi * (static_cast<double>(i) + 0.75) / (n + 0.5));
    double slope = 1;
    for (int iteration = 0; iteration < 8; ++iteration) {
      double before = 1;
      double p = x;
      for (std::size_t k = 2; k <= kAgeNodes; ++k) {
        const auto degree = static_cast<double>(k);
        const double next = ((2 * degree - 1) * x * p - (degree - 1) * before) / degree;
        before = p;
        p = next;
      }
      slope = n * (x * p - before) / (x * x - 1);
      x -= p / slope;
    }
    node_[i] = x;
    node_weight_[i] = 2 / ((1 - x * x) * slope * slope);
  }
}

// Covariance c 11' + (1 - c) I; its inverse by Sherman and Morrison: (I - c / (1 - c + K c) 11') /
// (1 - c).
void Model::set_covariance() {
  constexpr double c = kCommon;
  const double off = -c / (1 - c + static_cast<double>(kFactors) * c) / (1 - c);
  for (std::size_t i = 0; i < kFactors; ++i) {
    for (std::size_t k = 0; k < kFactors; ++k) {
      covariance_[i][k] = i == k ? 1 : c;
      precision_[i][k] = off + (i == k ? 1 / (1 - c) : 0);
    }
  }
  for (std::size_t i = 0; i < kConditions; ++i) {
    for (std::size_t k = 0; k < kFactors; ++k) {
      precise_shift_[i][k] = dot(precision_[k], kConditionTable[i].factors);
    }
    for (std::size_t k = 0; k < kConditions; ++k) {
      precise_pair_[i][k] = dot(kConditionTable[k].factors, precise_shift_[i]);
    }
  }
}

void Model::set_centres() {
  // centre the factors first: measurements are centred on top of that
  std::array<Moments, kFactors> factor{};
  for_each_known(*this, [&](const Known& known, double weight) {
    Factors mean = factor_mean(known);
    for (std::size_t j = 0; j < kConditions; ++j) {
      const double p = condition_probability(j, known, 0);
      for (std::size_t k = 0; k < kFactors; ++k) mean[k] += p * kConditionTable[j].factors[k];
    }
    for (std::size_t k = 0; k < kFactors; ++k) factor[k].add(weight, mean[k], 0);
  });
  for (std::size_t k = 0; k < kFactors; ++k) factor_centre_[k] = factor[k].mean;

  // var(t) = loading' covariance loading + variance of the conditional mean + noise^2 = 1
  std::array<Moments, kMeasurements + 1> t{};
  const auto add = [&](std::size_t slot, const Known& known, double weight, auto&& effect,
                       double base) {
    double mean = base;
    double variance = 0;
    for (std::size_t j = 0; j < kConditions; ++j) {
      const double p = condition_probability(j, known, 0);
      const double e = effect(j);
      mean += p * e;
      variance += p * (1 - p) * e * e;
    }
    t[slot].add(weight, mean, variance);
  };
  // the bedside impression: heart rate + temperature - coma score
  const auto bedside = [](auto&& value) {
    return value(kHeartRate) + value(kTemperature) - value(kGcs);
  };
  for_each_known(*this, [&](const Known& known, double weight) {
    const Factors z = factor_mean(known);
    const auto base = [&](std::size_t m) {
      return dot(kMeasurementTable[m].loading, z) + measurement_mean(m, known);
    };
    const auto effect = [](std::size_t m, std::size_t j) {
      return dot(kMeasurementTable[m].loading, kConditionTable[j].factors) + direct_effect(j, m);
    };
    for (std::size_t m = 0; m < kMeasurements; ++m) {
      add(
          m, known, weight, [&](std::size_t j) { return effect(m, j); }, base(m));
    }
    add(
        kMeasurements, known, weight,
        [&](std::size_t j) { return bedside([&](std::size_t m) { return effect(m, j); }); },
        bedside(base));
  });
  for (std::size_t m = 0; m < kMeasurements; ++m) {
    centre_[m] = t[m].mean;
    const double rest = 1 - variance_of(kMeasurementTable[m].loading) - t[m].variance();
    ENSURE(rest > 0.2, "a measurement keeps noise of its own");
    noise_[m] = std::sqrt(rest);
  }
  Factors together{};
  for (std::size_t k = 0; k < kFactors; ++k) {
    together[k] = bedside([&](std::size_t m) { return kMeasurementTable[m].loading[k]; });
  }
  const double noise2 = noise_[kHeartRate] * noise_[kHeartRate] +
                        noise_[kTemperature] * noise_[kTemperature] + noise_[kGcs] * noise_[kGcs];
  bedside_scale_ = std::sqrt(variance_of(together) + t[kMeasurements].variance() + noise2);
}

Factors Model::factor_mean(const Known& known) const {
  Factors mean{};
  const Unit& unit = kUnitTable[known.unit];
  for (std::size_t k = 0; k < kFactors; ++k) {
    mean[k] = unit.factors[k] + kAgeFactors[k] * known.a() +
              (known.emergency ? kEmergencyFactors[k] : 0) - factor_centre_[k];
  }
  return mean;
}

double Model::measurement_mean(std::size_t measurement, const Known& known) const {
  const Measurement& m = kMeasurementTable[measurement];
  return m.age * known.a() + (known.female ? m.female : 0) +
         (measurement == kSpo2 ? kOximeterBias[known.ethnicity] : 0) - centre_[measurement];
}

double Model::known_risk(Outcome outcome, double strength, const Known& known) {
  const auto o = static_cast<std::size_t>(outcome);
  const OutcomeModel& model = kOutcomeTable[o];
  const double a = known.a();
  return strength * (model.age * a + model.age2 * a * a + (known.female ? model.female : 0) +
                     (known.emergency ? model.emergency : 0) + kUnitTable[known.unit].risk[o]);
}

double Model::condition_probability(std::size_t condition, const Known& known, double shift) const {
  const Condition& c = kConditionTable[condition];
  return normal_.cdf(c.centre + c.age * known.a() + (known.female ? c.female : 0) +
                     c.unit[known.unit] + shift);
}

std::array<AgeNode, kAgeNodes> Model::age_law(std::size_t unit, double shift) const {
  std::array<AgeNode, kAgeNodes> law{};
  double sum = 0;
  for (std::size_t i = 0; i < kAgeNodes; ++i) {
    const double age = 0.5 * (kAgeLow + kAgeHigh) + 0.5 * (kAgeHigh - kAgeLow) * node_[i];
    const double d = (age - kUnitTable[unit].age_centre - shift) / kAgeSd;
    law[i] = {age, node_weight_[i] * math::exp(-0.5 * d * d)};
    sum += law[i].weight;
  }
  for (AgeNode& node : law) node.weight /= sum;
  return law;
}

double Model::variance_of(const Factors& weights) const {
  double sum = 0;
  for (std::size_t k = 0; k < kFactors; ++k) sum += weights[k] * dot(covariance_[k], weights);
  return sum;
}

double recorded_value(const Measurement& measurement, double t) {
  const double x = measurement.centre + measurement.spread * t;
  double value = x;
  if (measurement.shape == Shape::lognormal) value = math::exp(x);
  if (measurement.shape == Shape::bounded) {
    value = measurement.low + (measurement.high - measurement.low) * math::sigmoid(x);
  }
  value = std::round(value / measurement.step) * measurement.step;
  return std::clamp(value, measurement.low, measurement.high);
}

std::size_t pick(const double* shares, std::size_t count, double u) {
  double sum = 0;
  for (std::size_t i = 0; i + 1 < count; ++i) {
    sum += shares[i];
    if (u < sum) return i;
  }
  return count - 1;
}

}  // namespace polyclinic::ehr
