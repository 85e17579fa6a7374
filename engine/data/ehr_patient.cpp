#include "data/ehr_patient.hpp"

#include <algorithm>
#include <cmath>

#include "base/math.hpp"
#include "data/ehr_posterior.hpp"

namespace polyclinic::ehr {

namespace {

constexpr std::uint64_t kCountStep = ~std::uint64_t{0};
constexpr std::int64_t kReach = 2;  // neighbours on each side

double normal(Stream& stream) {
  return math::normal_quantile(stream.uniform_open());
}

// Factors with the model's covariance c 11' + (1 - c) I from seven independent normals.
Factors correlated(Stream& stream) {
  const double common = std::sqrt(kCommon) * normal(stream);
  Factors z{};
  for (double& value : z) value = common + std::sqrt(1 - kCommon) * normal(stream);
  return z;
}

// Age by inversion of the normal law cut to kAgeLow..kAgeHigh.
double draw_age(Stream& stream, std::size_t unit, double shift) {
  const double centre = kUnitTable[unit].age_centre + shift;
  const double low = math::normal_cdf((kAgeLow - centre) / kAgeSd);
  const double high = math::normal_cdf((kAgeHigh - centre) / kAgeSd);
  const double u = low + stream.uniform_open() * (high - low);
  return std::clamp(centre + kAgeSd * math::normal_quantile(u), kAgeLow, kAgeHigh);
}

// Uniform over all ways to place n encounters with the least gap between them: sorted uniforms on
// what the gaps leave, then the gaps put back.
std::vector<double> draw_days(Stream& stream, int count) {
  std::vector<double> day(static_cast<std::size_t>(count));
  const double room = kDays - kGapDays * (count - 1);
  for (double& d : day) d = room * stream.uniform();
  std::sort(day.begin(), day.end());
  for (std::size_t k = 0; k < day.size(); ++k) day[k] += kGapDays * static_cast<double>(k);
  return day;
}

// Where and when the patient is seen elsewhere.
void draw_overlap(const World& world, const Traits& home, std::int64_t index,
                  const SplitShares& shares, Person& person) {
  Stream stream(world.run, Purpose::kPatientOverlap, home.hospital.value,
                static_cast<std::uint64_t>(index), static_cast<std::uint64_t>(world.purpose));
  const std::vector<HospitalId> near = neighbours(home.hospital, world.hospitals);
  person.overlaps = true;
  person.second = near[stream.below(near.size())];
  person.away = stream.below(person.day.size());

  // one split for both hospitals: a pooled model must not be tested on who it was trained on.
  // Always one of the three, also where the shares leave patients out: what is not decided here,
  // each hospital would decide for itself
  const double u = stream.uniform() * (shares.train + shares.validation + shares.test);
  person.split = SplitPart::test;
  if (u < shares.train + shares.validation) person.split = SplitPart::validation;
  if (u < shares.train) person.split = SplitPart::train;
}

// Which values are measured: by the site's policy, and sooner where the bedside impression is bad.
// The impression is made of recorded values alone, so that missingness says nothing about the
// factors beyond what the record says (missing at random given the record).
void draw_measured(const World& world, const SiteModel& site, Stream& stream, Encounter& e) {
  double impression = 0;
  for (std::size_t m = 0; m < kMaybeMissing; ++m) {
    if (m == kVitals) {
      impression = ((e.measured[kHeartRate] ? e.t[kHeartRate] : 0) +
                    (e.measured[kTemperature] ? e.t[kTemperature] : 0) -
                    (e.measured[kGcs] ? e.t[kGcs] : 0)) /
                   world.model->bedside_scale();
    }
    const double u = stream.uniform();
    if (m < kMeasurements && world.spec->dropped[m]) continue;
    const double slope = m < kMeasurements ? kMeasurementTable[m].ordering : 0;
    double share = site.measured[m];
    if (slope > 0 && share > 0) {
      // Phi(c sqrt(1 + slope^2) + slope * b) has mean Phi(c) for standard normal b
      share = world.model->normal().cdf(*site.traits.charted[m] * std::sqrt(1 + slope * slope) +
                                        slope * impression);
    }
    e.measured[m] = u < share;
  }
}

// The record's label: events are missed more often in some groups, others are seen where none was.
bool draw_label(const SiteModel& site, const Encounter& e, double u) {
  const double group = kUnderRecording[e.known.ethnicity] *
                       (e.known.female ? kUnderRecordingFemale : 1) / kUnderRecordingMean;
  return e.outcome ? u >= std::min(site.traits.miss * group, 0.95) : u < site.traits.false_alarm;
}

}  // namespace

std::vector<HospitalId> neighbours(HospitalId hospital, std::int64_t count) {
  std::vector<HospitalId> near;
  for (std::int64_t step = 1; step <= kReach && step < count; ++step) {
    const std::int64_t here = hospital.value;
    for (const std::int64_t other : {(here + step) % count, (here + count - step) % count}) {
      const HospitalId id{static_cast<std::uint32_t>(other)};
      if (other != here && std::find(near.begin(), near.end(), id) == near.end()) {
        near.push_back(id);
      }
    }
  }
  return near;
}

std::int64_t overlapping(const World& world, const Traits& home) {
  if (world.hospitals < 2) return 0;
  // rounded at random to the share asked, also where that is less than one patient
  Stream stream(world.run, Purpose::kPatientOverlap, home.hospital.value, kCountStep,
                static_cast<std::uint64_t>(world.purpose));
  const double asked = world.spec->overlap * static_cast<double>(home.patients);
  return std::min(home.patients, static_cast<std::int64_t>(asked + stream.uniform()));
}

Person make_person(const World& world, const Traits& home, std::int64_t index, bool overlaps,
                   const SplitShares& shares) {
  Stream stream(world.run, world.purpose, home.hospital.value, static_cast<std::uint64_t>(index));
  Person person;
  person.id = (std::int64_t{home.hospital.value} << 32) + index;
  Known& known = person.known;
  known.unit = pick(home.unit_share.data(), kUnits, stream.uniform());
  known.age = draw_age(stream, known.unit, home.age_shift);
  known.female = stream.uniform() >= kUnitTable[known.unit].male;
  known.ethnicity = pick(home.ethnicity_share.data(), kEthnicities, stream.uniform());
  for (std::size_t j = 0; j < kConditions; ++j) {
    person.condition_probability[j] =
        world.model->condition_probability(j, known, home.condition_shift[j]);
    person.condition[j] = stream.uniform() < person.condition_probability[j];
  }
  person.personal = correlated(stream);

  // adults of the United States (NHANES): 176 (7) and 162 (7) cm; body mass index 28.5, log sd 0.2
  person.height = (known.female ? 162 : 176) + 7 * normal(stream);
  const double metres = person.height / 100;
  person.weight = 28.5 * metres * metres * math::exp(0.2 * normal(stream) - 0.02);

  const int count = world.encounters->draw(stream.uniform_open()) + (overlaps ? 1 : 0);
  person.day = draw_days(stream, count);
  if (overlaps) draw_overlap(world, home, index, shares, person);
  return person;
}

double last_share(const EncounterLaw& law, const Person& person, std::size_t k) {
  if (!person.overlaps) return law.last_plain;
  return k == person.away ? law.last_away : law.last_home;
}

Encounter make_encounter(const World& world, const SiteModel& site, const Person& person,
                         std::size_t k) {
  const Model& model = *world.model;
  const auto id = static_cast<std::uint64_t>(person.id);
  Stream stream(world.run, world.purpose, id >> 32U, id & 0xFFFFFFFFU, 1 + k);
  Encounter e;
  e.known = person.known;
  e.day = person.day[k];
  e.known.emergency = stream.uniform() < model.normal().cdf(kUnitTable[e.known.unit].emergency +
                                                            site.traits.emergency_shift);

  // the factors of this stay, and the linear risk
  Factors z = model.factor_mean(e.known);
  const Factors acute = correlated(stream);
  double risk = Model::known_risk(world.spec->outcome, site.strength, e.known);
  for (std::size_t i = 0; i < kFactors; ++i) {
    z[i] += site.traits.severity[i] + std::sqrt(kPersonal) * person.personal[i] +
            std::sqrt(1 - kPersonal) * acute[i];
    for (std::size_t j = 0; j < kConditions; ++j) {
      if (person.condition[j]) z[i] += kConditionTable[j].factors[i];
    }
    risk += site.weights[i] * z[i];
  }
  for (std::size_t j = 0; j < kConditions; ++j) {
    if (person.condition[j]) risk += site.effect[j];
  }

  for (std::size_t m = 0; m < kMeasurements; ++m) {
    double t = model.measurement_mean(m, e.known) + model.noise(m) * normal(stream);
    for (std::size_t i = 0; i < kFactors; ++i) t += kMeasurementTable[m].loading[i] * z[i];
    e.t[m] = t;
  }
  for (const DirectEffect& direct : kDirectEffects) {
    if (person.condition[direct.condition]) e.t[direct.measurement] += direct.effect;
  }
  draw_measured(world, site, stream, e);
  for (std::size_t j = 0; j < kConditions; ++j) {
    e.coded[j] = (stream.uniform() < site.traits.sensitivity[j]) && person.condition[j];
  }
  e.ecg = pick(site.traits.ecg_share.data(), kEcgFindings, stream.uniform());

  // an outcome that ends a patient's records happens at the last encounter or not at all
  const double last = last_share(*world.encounters, person, k);
  const double here = outcome_probability(risk, 0, site.threshold, 1);
  const bool may = world.spec->outcome != Outcome::mortality || k + 1 == person.day.size();
  e.latent_risk = last * here;
  e.outcome = (stream.uniform() < here) && may;
  e.recorded = draw_label(site, e, stream.uniform());
  e.achievable_risk = achievable_risk(model, *world.spec, site,
                                      {.known = &e.known,
                                       .condition_probability = &person.condition_probability,
                                       .coded = &e.coded,
                                       .t = &e.t,
                                       .measured = &e.measured,
                                       .last = last});
  return e;
}

}  // namespace polyclinic::ehr
