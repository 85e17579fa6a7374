#include "data/ehr_site.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "base/math.hpp"
#include "data/ehr_patient.hpp"
#include "ehr_fixture.hpp"

using namespace polyclinic;
using namespace polyclinic::ehr;
using polyclinic::ehr_test::kErrors;

namespace {

// A site of its own world.
struct Scene {
  Model model;
  Spec spec;
  EncounterLaw law;
  Traits traits;
  SiteModel site;
  World world;
  explicit Scene(const Spec& asked, double rank = 0.5, std::int64_t hospitals = 1) : spec(asked) {
    law = encounter_law(spec, hospitals > 1);
    SiteRequest request;
    request.patients = 1'000'000;
    request.prevalence_rank = rank;
    request.case_mix_rank = rank;
    traits = draw_traits(spec, law, RunKey{11}, request);
    site = make_site_model(model, spec, law, traits);
    world = {.model = &model,
             .spec = &spec,
             .encounters = &law,
             .run = RunKey{11},
             .hospitals = hospitals};
  }
};

Spec typical(Outcome outcome, double prevalence) {
  Spec spec;
  spec.outcome = outcome;
  spec.prevalence = Distribution::constant(prevalence);
  spec.site_shift = 0;
  return spec;
}

struct Sample {
  double n = 0;
  double sum = 0;
  double squares = 0;
  void add(double x) {
    ++n;
    sum += x;
    squares += x * x;
  }
  [[nodiscard]] double mean() const { return sum / n; }
  [[nodiscard]] double sd() const { return std::sqrt(squares / n - mean() * mean()); }
};

}  // namespace

// Solved to 1.4e-5; the sample's mean of the latent risk lies within its own error of that. A site
// far from typical, a usual one, and a rare outcome.
TEST_CASE("a site has the prevalence that it was given") {
  for (const Outcome outcome : {Outcome::sepsis, Outcome::mortality, Outcome::readmission}) {
    for (const double prevalence : {0.01, 0.12, 0.4}) {
      Spec spec = typical(outcome, prevalence);
      spec.site_shift = prevalence == 0.12 ? 1.0 : 0.3;
      const Scene scene(spec, 0.8);
      CHECK(scene.traits.prevalence == doctest::Approx(prevalence));
      Sample risk;
      for (std::int64_t i = 0; i < 4000; ++i) {
        const Person person = make_person(scene.world, scene.traits, i, false, {});
        risk.add(make_encounter(scene.world, scene.site, person, 0).latent_risk);
      }
      CAPTURE(prevalence);
      CHECK(std::fabs(risk.mean() - prevalence) < kErrors * risk.sd() / std::sqrt(risk.n) + 1.4e-5);
    }
  }
}

// The law of the linear risk behind the threshold: finer cells move the prevalence by no more than
// what the header says.
TEST_CASE("the grid of the linear risk is fine enough") {
  const Scene scene(typical(Outcome::mortality, 0.12));
  const RiskLaw& law = scene.site.law;
  CHECK(std::accumulate(law.mass.begin(), law.mass.end(), 0.0) ==
        doctest::Approx(1).epsilon(1e-12));
  // the mean is kept by the sharing of masses: compare with the mean over known x comorbidities
  double grid_mean = 0;
  for (std::size_t i = 0; i < law.mass.size(); ++i) {
    grid_mean += law.mass[i] * (law.low + law.step * static_cast<double>(i));
  }
  double exact = 0;
  for (std::size_t u = 0; u < kUnits; ++u) {
    for (const AgeNode& node : scene.model.age_law(u, 0)) {
      for (const bool female : {false, true}) {
        for (const bool urgent : {false, true}) {
          const Known known{.age = node.age, .female = female, .unit = u, .emergency = urgent};
          double risk = Model::known_risk(Outcome::mortality, scene.site.strength, known);
          const Factors z = scene.model.factor_mean(known);
          for (std::size_t k = 0; k < kFactors; ++k) risk += scene.site.weights[k] * z[k];
          for (std::size_t j = 0; j < kConditions; ++j) {
            double effect = scene.site.effect[j];
            for (std::size_t k = 0; k < kFactors; ++k) {
              effect += scene.site.weights[k] * kConditionTable[j].factors[k];
            }
            risk += effect * scene.model.condition_probability(j, known, 0);
          }
          const double e = math::normal_cdf(kUnitTable[u].emergency);
          exact += risk * kUnitTable[u].share * node.weight *
                   (female ? 1 - kUnitTable[u].male : kUnitTable[u].male) * (urgent ? e : 1 - e);
        }
      }
    }
  }
  CHECK(grid_mean == doctest::Approx(exact).epsilon(1e-9));
}

// A typical site against PhysioNet/CinC 2012 (ehr-facts): ages and sexes by unit, and the means and
// standard deviations that are published; these are products of the tables' lognormal laws, so the
// tolerance is the sampling error plus 3 % for factors that are not quite Gaussian.
TEST_CASE("a typical site looks like PhysioNet 2012") {
  const Scene scene(typical(Outcome::mortality, 0.138));
  std::array<Sample, kUnits> age;
  std::array<Sample, kUnits> male;
  std::array<Sample, kUnits> died;
  Sample all_age;
  std::array<Sample, kMeasurements> value;
  std::array<Sample, kMaybeMissing> charted;
  std::array<Sample, kMeasurements> t;
  for (std::int64_t i = 0; i < 12'000; ++i) {
    const Person person = make_person(scene.world, scene.traits, i, false, {});
    const Encounter e = make_encounter(scene.world, scene.site, person, 0);
    const std::size_t u = e.known.unit;
    age[u].add(e.known.age);
    all_age.add(e.known.age);
    male[u].add(e.known.female ? 0 : 1);
    died[u].add(e.latent_risk);
    for (std::size_t m = 0; m < kMaybeMissing; ++m) charted[m].add(e.measured[m] ? 1 : 0);
    for (std::size_t m = 0; m < kMeasurements; ++m) {
      t[m].add(e.t[m]);
      // published means are of measured values
      if (e.measured[m]) value[m].add(recorded_value(kMeasurementTable[m], e.t[m]));
    }
  }
  const std::array<double, kUnits> real_age{69, 68, 63, 60};
  const std::array<double, kUnits> real_male{0.58, 0.61, 0.51, 0.59};
  const std::array<double, kUnits> real_deaths{0.140, 0.049, 0.186, 0.145};
  const std::array<double, kUnits> real_share{577, 874, 1481, 1068};  // of 4000
  for (std::size_t u = 0; u < kUnits; ++u) {
    CAPTURE(u);
    CHECK(std::fabs(age[u].mean() - real_age[u]) <
          kErrors * age[u].sd() / std::sqrt(age[u].n) + 0.1);
    CHECK(std::fabs(male[u].mean() - real_male[u]) < kErrors * 0.5 / std::sqrt(male[u].n));
    CHECK(std::fabs(died[u].mean() - real_deaths[u]) <
          kErrors * died[u].sd() / std::sqrt(died[u].n) + 0.005);
    const double share = real_share[u] / 4000;
    CHECK(std::fabs(age[u].n / 12'000 - share) < kErrors * std::sqrt(share * (1 - share) / 12'000));
  }
  CHECK(all_age.mean() == doctest::Approx(64.2).epsilon(0.01));
  CHECK(all_age.sd() == doctest::Approx(17.6).epsilon(0.02));

  struct Real {
    std::size_t measurement;
    double mean;
    double sd;
  };
  const std::array<Real, 6> real{{{0, 87.5, 18.4},
                                  {1, 119, 25},
                                  {15, 1.50, 1.64},
                                  {8, 12.7, 7.6},
                                  {16, 142, 68},
                                  {17, 2.9, 2.6}}};
  for (const Real& r : real) {
    const Sample& s = value[r.measurement];
    CAPTURE(kMeasurementTable[r.measurement].name);
    CHECK(std::fabs(s.mean() - r.mean) < kErrors * s.sd() / std::sqrt(s.n) + 0.03 * r.mean);
    // lognormal tails make a sample's sd uncertain by about 10 % here
    CHECK(std::fabs(s.sd() - r.sd) < 0.12 * r.sd);
  }
  for (std::size_t m = 0; m < kMeasurements; ++m) {
    CAPTURE(kMeasurementTable[m].name);
    CHECK(std::fabs(t[m].mean()) < kErrors / std::sqrt(t[m].n));
    // sd of the sample sd of a normal variable: 1 / sqrt(2 n)
    CHECK(std::fabs(t[m].sd() - 1) < 1.5 * kErrors / std::sqrt(2 * t[m].n));
    // half a point for the bedside impression, which is not quite normal
    CHECK(std::fabs(charted[m].mean() - kMeasurementTable[m].charted) <
          kErrors * 0.5 / std::sqrt(charted[m].n) + 0.005);
  }
  CHECK(std::fabs(charted[kHeight].mean() - 0.53) < kErrors * 0.5 / std::sqrt(12'000));
}

// Sum of squares of a step's rounding error: each record keeps nearly all that its value says.
TEST_CASE("records are rounded finely") {
  for (const Measurement& m : kMeasurementTable) {
    CAPTURE(m.name);
    // where the record is steepest within one sd of its centre, a step is at most this part of t
    const double at = m.shape == Shape::bounded ? 1 : 0;
    const double slope = recorded_value(m, at + 0.5) - recorded_value(m, at - 0.5);
    CHECK(m.step < 0.3 * std::fabs(slope));
    CHECK(m.low > 0);
  }
}

TEST_CASE("the table of the normal distribution is as accurate as it says") {
  const NormalTable table;
  double worst = 0;
  for (int i = -90'000; i <= 90'000; ++i) {
    const double x = i * 1e-4 + 3e-5;
    worst = std::max(worst, std::fabs(table.cdf(x) - math::normal_cdf(x)));
  }
  CHECK(worst < 3e-10);
}

// The factors of under-recording average to 1, so that label_error is the share at a typical site.
TEST_CASE("under-recording of groups averages out") {
  double ethnicity = 0;
  for (std::size_t g = 0; g < kEthnicities; ++g) {
    ethnicity += kEthnicityShare[g] * kUnderRecording[g];
  }
  double female = 0;
  for (const polyclinic::ehr::Unit& unit : kUnitTable) female += unit.share * (1 - unit.male);
  const double both = ethnicity * (1 + (kUnderRecordingFemale - 1) * female);
  CHECK(both == doctest::Approx(kUnderRecordingMean).epsilon(1e-4));
}

TEST_CASE("encounters follow the law that was asked for") {
  Spec spec = typical(Outcome::mortality, 0.12);
  spec.overlap = 0.1;
  const EncounterLaw law = encounter_law(spec, true);
  CHECK(law.mean == doctest::Approx(1.42).epsilon(1e-6));

  // shares of last encounters against counting: every person has exactly one last encounter
  const Scene scene(spec, 0.5, 5);
  std::array<double, 3> rows{};
  std::array<double, 3> last{};
  Sample count;
  for (std::int64_t i = 0; i < 20'000; ++i) {
    const bool overlaps = i % 10 == 0;
    const Person person = make_person(scene.world, scene.traits, i, overlaps, {});
    CHECK(person.day.size() >= (overlaps ? 2 : 1));
    CHECK(std::is_sorted(person.day.begin(), person.day.end()));
    CHECK(person.day.front() >= 0);
    CHECK(person.day.back() < kDays);
    for (std::size_t k = 1; k < person.day.size(); ++k) {
      CHECK(person.day[k] - person.day[k - 1] >= kGapDays - 1e-9);
    }
    count.add(static_cast<double>(person.day.size()));
    for (std::size_t k = 0; k < person.day.size(); ++k) {
      const std::size_t kind = !overlaps ? 0 : k == person.away ? 2 : 1;
      ++rows[kind];
      if (k + 1 == person.day.size()) ++last[kind];
    }
  }
  CHECK(std::fabs(count.mean() - 1.42) < kErrors * count.sd() / std::sqrt(count.n));
  const std::array<double, 3> stated{law.last_plain, law.last_home, law.last_away};
  for (std::size_t kind = 0; kind < 3; ++kind) {
    CAPTURE(kind);
    CHECK(std::fabs(last[kind] / rows[kind] - stated[kind]) <
          kErrors * 0.5 / std::sqrt(rows[kind]));
  }

  // one hospital: nobody is seen elsewhere; one encounter each: every one is the last
  spec.encounters = 1;
  const EncounterLaw single = encounter_law(spec, false);
  CHECK(single.mean == 1);
  CHECK(single.last_plain == 1);
  CHECK(single.draw(0.3) == 1);
}

// A patient's lasting part is 40 % of the factors' variance: the same measurement at two encounters
// correlates by 0.4 of what the factors explain, plus what is known of the patient.
TEST_CASE("a patient stays the same person") {
  Spec spec = typical(Outcome::sepsis, 0.12);
  const Scene scene(spec, 0.5, 5);
  const Model& model = scene.model;
  const std::size_t creatinine = 15;
  double cross = 0;
  double n = 0;
  for (std::int64_t i = 0; i < 8000; ++i) {
    const Person person = make_person(scene.world, scene.traits, i, true, {});
    const Encounter a = make_encounter(scene.world, scene.site, person, 0);
    const Encounter b = make_encounter(scene.world, scene.site, person, 1);
    cross += a.t[creatinine] * b.t[creatinine];
    ++n;
  }
  const double factors = model.variance_of(kMeasurementTable[creatinine].loading);
  const double explained =
      1 - factors - model.noise(creatinine) * model.noise(creatinine);  // by what is known
  // a product of two standard normals has sd sqrt(1 + r^2); urgency, drawn per stay, is a small
  // part of what is known
  CHECK(std::fabs(cross / n - (kPersonal * factors + explained)) <
        kErrors * 1.1 / std::sqrt(n) + 0.005);
}

TEST_CASE("neighbours are mutual, distinct and near") {
  CHECK(neighbours(HospitalId{0}, 1).empty());
  CHECK(neighbours(HospitalId{0}, 2) == std::vector<HospitalId>{{1}});
  CHECK(neighbours(HospitalId{0}, 4).size() == 3);
  for (const std::int64_t count : {2, 3, 4, 5, 6, 100'000}) {
    for (const std::uint32_t h : {0U, 1U}) {
      for (const HospitalId other : neighbours(HospitalId{h}, count)) {
        CHECK(other.value != h);
        const auto back = neighbours(other, count);
        CHECK(std::find(back.begin(), back.end(), HospitalId{h}) != back.end());
      }
    }
  }
}

// With site_shift = 0 nothing but the asked prevalence distinguishes sites; with more the traits
// spread in proportion.
TEST_CASE("site_shift scales what distinguishes sites") {
  Spec spec = typical(Outcome::sepsis, 0.12);
  const EncounterLaw law = encounter_law(spec, true);
  const auto traits = [&](std::uint32_t hospital, double shift) {
    Spec shifted = spec;
    shifted.site_shift = shift;
    SiteRequest request;
    request.hospital = HospitalId{hospital};
    request.case_mix_rank = 0.1 + 0.02 * hospital;
    return draw_traits(shifted, law, RunKey{3}, request);
  };
  const Traits typical_site = traits(0, 0);
  Sample age;
  Sample offset;
  Sample st_t;
  Sample never;
  for (std::uint32_t h = 0; h < 40; ++h) {
    const Traits same = traits(h, 0);
    CHECK(same.age_shift == 0);
    CHECK(same.unit_share == typical_site.unit_share);
    CHECK(same.ethnicity_share == typical_site.ethnicity_share);
    CHECK(same.offset == typical_site.offset);
    CHECK(same.gain == typical_site.gain);
    CHECK(same.sensitivity == typical_site.sensitivity);
    CHECK(same.ecg_share == typical_site.ecg_share);
    CHECK(same.charted == typical_site.charted);
    CHECK(same.miss == typical_site.miss);
    CHECK(same.severity == typical_site.severity);
    const Traits one = traits(h, 0.3);
    const Traits two = traits(h, 0.6);
    CHECK(two.age_shift == doctest::Approx(2 * one.age_shift));
    CHECK(two.offset[15] == doctest::Approx(2 * one.offset[15]));
    age.add(one.age_shift);
    offset.add(one.offset[15]);
    st_t.add(one.ecg_share[1]);
    for (std::size_t m = 0; m < kMeasurements; ++m) never.add(one.charted[m] ? 0 : 1);
  }
  // UCI Heart Disease: mean ages differ with sd 4.8 over four hospitals, ST-T codes from 1 to 47 %
  CHECK(age.sd() > 2);
  CHECK(age.sd() < 5);
  CHECK(st_t.sd() > 0.08);
  CHECK(offset.sd() == doctest::Approx(0.24).epsilon(0.35));
  CHECK(never.mean() > 0.01);
  CHECK(never.mean() < 0.10);
}
