#include "data/ehr_site.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/check.hpp"
#include "base/math.hpp"

namespace polyclinic::ehr {

namespace {

// Patients have steps 0, 1, 2, ...; the site itself this one.
constexpr std::uint64_t kTraitsStep = ~std::uint64_t{0};

// How far sites lie apart at site_shift = 1, in the unit of each trait: chosen such that 0.3 gives
// differences like those of the four hospitals of UCI Heart Disease (ages 48 to 59, a class of the
// ECG between 1 and 47 %) and the units of PhysioNet 2012.
constexpr double kAgeYears = 11;
constexpr double kUnitLog = 2.0;
constexpr double kEmergencyProbit = 1.0;
constexpr double kConditionProbit = 0.5;
constexpr double kEthnicityLog = 2.5;
constexpr double kSeverity = 0.6;
constexpr double kVitalOffset = 0.3;
constexpr double kLabOffset = 0.8;
constexpr double kGainLog = 0.3;
constexpr double kCodingLogit = 2.5;
constexpr double kEcgLog = 4.0;
constexpr double kChartedLogit = 2.5;
constexpr double kLabelLog = 1.5;

// Shares proportional to base * exp(scale * normal).
template <std::size_t N>
std::array<double, N> shifted_shares(const std::array<double, N>& base,
                                     const std::array<double, N>& log_shift) {
  std::array<double, N> shares{};
  double sum = 0;
  for (std::size_t i = 0; i < N; ++i) sum += shares[i] = base[i] * math::exp(log_shift[i]);
  for (double& share : shares) share /= sum;
  return shares;
}

double charted_share(std::size_t column) {
  if (column == kHeight) return kHeightCharted;
  if (column == kWeight) return kWeightCharted;
  return kMeasurementTable[column].charted;
}

// A policy of measuring: some sites never do, the others more or less often than is typical.
std::optional<double> draw_charted(const Spec& spec, std::size_t column, double never, double z) {
  const double typical = charted_share(column);
  const double odds = typical / (1 - typical);
  if (never < std::min(0.9, spec.site_shift * spec.missing * (1 - typical)) && typical < 0.9) {
    return std::nullopt;
  }
  if (spec.missing == 0) return 9.0;  // Phi(9) = 1 in double
  const double logit = math::log(odds / spec.missing) + kChartedLogit * spec.site_shift * z;
  return math::normal_quantile(std::clamp(math::sigmoid(logit), 1e-12, 1 - 1e-12));
}

// What the site's instruments, coders and order sets do.
void draw_recording(const Spec& spec, Stream& stream, Traits& traits) {
  const auto normal = [&] { return math::normal_quantile(stream.uniform_open()); };
  for (std::size_t m = 0; m < kMeasurements; ++m) {
    traits.offset[m] = (m < kVitals ? kVitalOffset : kLabOffset) * spec.site_shift * normal();
    traits.gain[m] = math::exp(kGainLog * spec.site_shift * normal());
  }
  for (std::size_t j = 0; j < kConditions; ++j) {
    traits.sensitivity[j] = math::sigmoid(math::logit(kConditionTable[j].sensitivity) +
                                          kCodingLogit * spec.site_shift * normal());
  }
  std::array<double, kEcgFindings> ecg{};
  for (double& shift : ecg) shift = kEcgLog * spec.site_shift * normal();
  traits.ecg_share = shifted_shares(kEcgShare, ecg);
  for (std::size_t c = 0; c < kMaybeMissing; ++c) {
    const double never = stream.uniform();
    traits.charted[c] = draw_charted(spec, c, never, normal());
  }

  // as many false events as missed ones, so that the recorded prevalence is about the true one
  traits.miss = std::min(0.4, spec.label_error * math::exp(kLabelLog * spec.site_shift * normal()));
  traits.false_alarm = std::min(0.4, traits.miss * traits.prevalence / (1 - traits.prevalence));
}

}  // namespace

int EncounterLaw::draw(double u) const {
  if (continues <= 0) return 1;
  // P(N > n) = continues^n
  const double n = 1 + std::floor(math::log(u) / math::log(continues));
  return static_cast<int>(std::min<double>(n, kEncountersMax));
}

EncounterLaw encounter_law(const Spec& spec, bool several_hospitals) {
  EncounterLaw law;
  const double overlap = several_hospitals ? spec.overlap : 0;
  const double home = std::max(1.0, spec.encounters - overlap);
  law.continues = 1 - 1 / home;

  // sums over the law of N; a patient of two hospitals has N encounters at home and one away, whose
  // place among the N + 1 is uniform
  double mean = 0;
  double inverse = 0;  // E 1 / (N + 1)
  double tail = 1;
  for (int n = 1; n <= kEncountersMax; ++n) {
    const double p = n == kEncountersMax ? tail : tail * (1 - law.continues);
    tail *= law.continues;
    mean += p * n;
    inverse += p / (n + 1);
  }
  law.mean = mean + overlap;
  if (spec.outcome != Outcome::mortality) return law;
  law.last_plain = 1 / mean;
  law.last_away = inverse;
  law.last_home = (1 - inverse) / mean;
  law.last_mean = 1 / law.mean;
  return law;
}

double prevalence_high(const Spec& spec, const EncounterLaw& encounters) {
  return spec.outcome == Outcome::mortality ? 0.9 * encounters.last_mean : 0.95;
}

Traits draw_traits(const Spec& spec, const EncounterLaw& encounters, RunKey run,
                   const SiteRequest& request) {
  Traits traits;
  traits.hospital = request.hospital;
  traits.patients = std::max<std::int64_t>(request.patients, 0);
  const double rank = std::clamp(request.prevalence_rank, 0x1p-53, 1 - 0x1p-53);
  const double asked = request.prevalence.value_or(spec.prevalence.quantile(rank));
  traits.prevalence = std::clamp(asked, kPrevalenceLow, prevalence_high(spec, encounters));

  // case mix: one rank moves age, units, urgency and severity together; each has its own part too
  Stream stream(run, Purpose::kCohort, request.hospital.value, kTraitsStep);
  const auto normal = [&] { return math::normal_quantile(stream.uniform_open()); };
  const double mix = math::normal_quantile(std::clamp(request.case_mix_rank, 0x1p-53, 1 - 0x1p-53));
  const double shift = spec.site_shift;
  traits.age_shift = kAgeYears * shift * (0.8 * mix + 0.6 * normal());
  std::array<double, kUnits> unit_log{};
  std::array<double, kUnits> unit_base{};
  for (std::size_t u = 0; u < kUnits; ++u) {
    unit_log[u] = kUnitLog * shift * normal();
    unit_base[u] = kUnitTable[u].share;
  }
  unit_log[2] += kUnitLog * shift * 0.5 * mix;  // more medical patients where the mix is heavy
  traits.unit_share = shifted_shares(unit_base, unit_log);
  traits.emergency_shift = kEmergencyProbit * shift * (0.6 * mix + 0.8 * normal());
  for (double& s : traits.condition_shift) {
    s = kConditionProbit * shift * (0.6 * mix + 0.8 * normal());
  }
  std::array<double, kEthnicities> ethnicity_log{};
  for (double& s : ethnicity_log) s = kEthnicityLog * shift * normal();
  traits.ethnicity_share = shifted_shares(kEthnicityShare, ethnicity_log);
  for (double& s : traits.severity) s = kSeverity * shift * (0.6 * mix + 0.8 * normal());

  Stream recording = stream.lane(1);
  draw_recording(spec, recording, traits);
  return traits;
}

namespace {

// One point of what is known: its mean linear risk, and the comorbidities' probabilities there.
struct KnownRisk {
  double weight = 0;
  double risk = 0;
  std::array<double, kConditions> probability{};
};

std::vector<KnownRisk> known_risks(const Model& model, Outcome outcome, const SiteModel& site) {
  std::vector<KnownRisk> risks;
  risks.reserve(kUnits * kAgeNodes * 4);
  for (std::size_t u = 0; u < kUnits; ++u) {
    const Unit& unit = kUnitTable[u];
    const double emergency = math::normal_cdf(unit.emergency + site.traits.emergency_shift);
    for (const AgeNode& node : model.age_law(u, site.traits.age_shift)) {
      for (const bool female : {false, true}) {
        Known known{.age = node.age, .female = female, .unit = u};
        KnownRisk point;
        for (std::size_t j = 0; j < kConditions; ++j) {
          point.probability[j] =
              model.condition_probability(j, known, site.traits.condition_shift[j]);
        }
        for (const bool urgent : {false, true}) {
          known.emergency = urgent;
          const Factors mean = model.factor_mean(known);
          point.risk = Model::known_risk(outcome, site.strength, known);
          for (std::size_t k = 0; k < kFactors; ++k) {
            point.risk += site.weights[k] * (mean[k] + site.traits.severity[k]);
          }
          point.weight = site.traits.unit_share[u] * node.weight *
                         (female ? 1 - unit.male : unit.male) *
                         (urgent ? emergency : 1 - emergency);
          risks.push_back(point);
        }
      }
    }
  }
  return risks;
}

// Spreads every point over the 2^6 sets of comorbidities and the grid.
RiskLaw risk_law(const std::vector<KnownRisk>& points,
                 const std::array<double, kConditions>& shift) {
  double low = points.front().risk;
  double high = low;
  for (const KnownRisk& point : points) {
    low = std::min(low, point.risk);
    high = std::max(high, point.risk);
  }
  for (const double s : shift) {
    low += std::min(s, 0.0);
    high += std::max(s, 0.0);
  }
  RiskLaw law;
  law.low = low;
  law.mass.assign(static_cast<std::size_t>((high - low) / law.step) + 3, 0.0);
  constexpr std::size_t kSets = 1U << kConditions;
  for (const KnownRisk& point : points) {
    std::array<double, kSets> weight{};
    std::array<double, kSets> risk{};
    weight[0] = point.weight;
    risk[0] = point.risk - low;
    for (std::size_t j = 0, size = 1; j < kConditions; ++j, size *= 2) {
      for (std::size_t s = 0; s < size; ++s) {
        weight[size + s] = weight[s] * point.probability[j];
        weight[s] *= 1 - point.probability[j];
        risk[size + s] = risk[s] + shift[j];
      }
    }
    for (std::size_t s = 0; s < kSets; ++s) {
      const double place = std::max(risk[s] / law.step, 0.0);
      const auto cell = static_cast<std::size_t>(place);
      const double part = place - static_cast<double>(cell);
      law.mass[cell] += weight[s] * (1 - part);
      law.mass[cell + 1] += weight[s] * part;
    }
  }
  return law;
}

// Newton's method for sum_i mass_i Phi((x_i - threshold) / sd) = target, kept inside a bracket.
double solve_threshold(const RiskLaw& law, double sd, double target) {
  double low = law.low - 9 * sd;
  double high = law.low + law.step * static_cast<double>(law.mass.size()) + 9 * sd;
  double threshold = 0.5 * (low + high);
  for (int iteration = 0; iteration < 100; ++iteration) {
    double value = 0;
    double density = 0;
    for (std::size_t i = 0; i < law.mass.size(); ++i) {
      if (law.mass[i] == 0) continue;
      const double d = (law.low + law.step * static_cast<double>(i) - threshold) / sd;
      value += law.mass[i] * math::normal_cdf(d);
      density += law.mass[i] * math::exp(-0.5 * d * d);
    }
    (value > target ? low : high) = threshold;
    if (std::fabs(value - target) < 1e-10) break;
    constexpr double kDensityAtZero = 0.39894228040143268;
    const double next = threshold + (value - target) * sd / (density * kDensityAtZero);
    threshold = next > low && next < high ? next : 0.5 * (low + high);
  }
  return threshold;
}

}  // namespace

SiteModel make_site_model(const Model& model, const Spec& spec, const EncounterLaw& encounters,
                          const Traits& traits) {
  SiteModel site;
  site.traits = traits;
  const OutcomeModel& outcome = kOutcomeTable[static_cast<std::size_t>(spec.outcome)];
  site.strength = spec.signal * outcome.strength;
  std::array<double, kConditions> total{};
  for (std::size_t k = 0; k < kFactors; ++k) site.weights[k] = site.strength * outcome.factors[k];
  for (std::size_t j = 0; j < kConditions; ++j) {
    site.effect[j] =
        site.strength * kConditionTable[j].risk[static_cast<std::size_t>(spec.outcome)];
    total[j] = site.effect[j];
    for (std::size_t k = 0; k < kFactors; ++k) {
      total[j] += site.weights[k] * kConditionTable[j].factors[k];
    }
  }
  for (std::size_t m = 0; m < kMaybeMissing; ++m) {
    site.measured[m] = traits.charted[m] ? math::normal_cdf(*traits.charted[m]) : 0;
  }
  const double variance = model.variance_of(site.weights);
  site.deviation = std::sqrt(variance);
  site.law = risk_law(known_risks(model, spec.outcome, site), total);
  site.threshold =
      solve_threshold(site.law, std::sqrt(1 + variance), traits.prevalence / encounters.last_mean);
  return site;
}

double outcome_probability(double x_mean, double x_variance, double threshold, double last) {
  // E Phi(X - threshold) for Gaussian X
  return last * math::normal_cdf((x_mean - threshold) / std::sqrt(1 + x_variance));
}

}  // namespace polyclinic::ehr
