#include "data/ehr_posterior.hpp"

#include <doctest/doctest.h>

#include "base/math.hpp"
#include "data/ehr_patient.hpp"
#include "ehr_fixture.hpp"

using namespace polyclinic;
using namespace polyclinic::ehr;
using polyclinic::ehr_test::kErrors;

namespace {

using Dense = std::vector<std::vector<double>>;

// Lower Cholesky factor.
Dense cholesky(Dense m) {
  const std::size_t n = m.size();
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k <= i; ++k) {
      double sum = m[i][k];
      for (std::size_t j = 0; j < k; ++j) sum -= m[i][j] * m[k][j];
      m[i][k] = i == k ? std::sqrt(sum) : sum / m[k][k];
    }
  }
  return m;
}

std::vector<double> solve_lower(const Dense& l, std::vector<double> b) {
  for (std::size_t i = 0; i < b.size(); ++i) {
    for (std::size_t k = 0; k < i; ++k) b[i] -= l[i][k] * b[k];
    b[i] /= l[i][i];
  }
  return b;
}

// The same probability the slow way: for each of the 64 sets of comorbidities the observed
// measurements are one Gaussian vector with a dense covariance, the linear risk is jointly Gaussian
// with them, and Bayes' rule is applied to densities. Shares no formula with the engine's.
double slow_risk(const Model& model, const Spec& spec, const SiteModel& site, const Person& person,
                 const Encounter& e, double last) {
  std::vector<std::size_t> seen;
  for (std::size_t m = 0; m < kMeasurements; ++m) {
    if (e.measured[m]) seen.push_back(m);
  }
  const std::size_t n = seen.size();
  const auto& sigma = model.covariance();
  Dense covariance(n, std::vector<double>(n));
  std::vector<double> cross(n);  // with the linear risk
  for (std::size_t a = 0; a < n; ++a) {
    const Factors& la = kMeasurementTable[seen[a]].loading;
    for (std::size_t i = 0; i < kFactors; ++i) {
      for (std::size_t k = 0; k < kFactors; ++k) {
        cross[a] += la[i] * sigma[i][k] * site.weights[k];
        for (std::size_t b = 0; b < n; ++b) {
          covariance[a][b] += la[i] * sigma[i][k] * kMeasurementTable[seen[b]].loading[k];
        }
      }
    }
    covariance[a][a] += model.noise(seen[a]) * model.noise(seen[a]);
  }
  const Dense l = cholesky(covariance);
  const std::vector<double> lc = solve_lower(l, cross);
  double variance = model.variance_of(site.weights);
  for (const double c : lc) variance -= c * c;

  double numerator = 0;
  double denominator = 0;
  for (unsigned set = 0; set < 64; ++set) {
    double prior = 1;
    Factors z = model.factor_mean(e.known);
    double risk = Model::known_risk(spec.outcome, site.strength, e.known);
    for (std::size_t k = 0; k < kFactors; ++k) z[k] += site.traits.severity[k];
    for (std::size_t j = 0; j < kConditions; ++j) {
      const double p = person.condition_probability[j];
      const double s = site.traits.sensitivity[j];
      const bool there = (set >> j & 1U) != 0;
      // P(coded so | there) * P(there)
      prior *= there ? p * (e.coded[j] ? s : 1 - s) : (1 - p) * (e.coded[j] ? 0 : 1);
      if (!there) continue;
      risk += site.effect[j];
      for (std::size_t k = 0; k < kFactors; ++k) z[k] += kConditionTable[j].factors[k];
    }
    if (prior == 0) continue;
    std::vector<double> r(n);
    for (std::size_t a = 0; a < n; ++a) {
      r[a] = e.t[seen[a]] - model.measurement_mean(seen[a], e.known);
      for (std::size_t k = 0; k < kFactors; ++k) {
        r[a] -= kMeasurementTable[seen[a]].loading[k] * z[k];
      }
      for (const DirectEffect& d : kDirectEffects) {
        if (d.measurement == seen[a] && (set >> d.condition & 1U) != 0) r[a] -= d.effect;
      }
    }
    const std::vector<double> lr = solve_lower(l, r);
    double square = 0;
    for (std::size_t k = 0; k < kFactors; ++k) risk += site.weights[k] * z[k];
    for (std::size_t a = 0; a < n; ++a) {
      square += lr[a] * lr[a];
      risk += lc[a] * lr[a];
    }
    const double density = prior * math::exp(-0.5 * square);
    denominator += density;
    numerator += density * outcome_probability(risk, variance, site.threshold, last);
  }
  return numerator / denominator;
}

struct Scene {
  Model model;
  Spec spec;
  EncounterLaw law;
  Traits traits;
  SiteModel site;
  World world;
  explicit Scene(Outcome outcome, double prevalence = 0.2, double shift = 1) {
    spec.outcome = outcome;
    spec.prevalence = Distribution::constant(prevalence);
    spec.site_shift = shift;
    law = encounter_law(spec, false);
    SiteRequest request;
    request.patients = 100'000;
    request.case_mix_rank = 0.9;
    traits = draw_traits(spec, law, RunKey{7}, request);
    site = make_site_model(model, spec, law, traits);
    world = {.model = &model, .spec = &spec, .encounters = &law, .run = RunKey{7}, .hospitals = 1};
  }
};

}  // namespace

// System: one site far from typical. Input: 60 patients' rows. Expectation: the closed form equals
// Bayes' rule over dense Gaussians; 1e-5 is what the closed form leaves out.
TEST_CASE("the achievable risk is Bayes' rule") {
  for (const Outcome outcome : {Outcome::sepsis, Outcome::mortality, Outcome::readmission}) {
    const Scene scene(outcome);
    double spread = 0;
    for (std::int64_t i = 0; i < 60; ++i) {
      const Person person = make_person(scene.world, scene.traits, i, false, {});
      const Encounter e = make_encounter(scene.world, scene.site, person, 0);
      const double slow = slow_risk(scene.model, scene.spec, scene.site, person, e,
                                    last_share(scene.law, person, 0));
      CHECK(std::fabs(e.achievable_risk - slow) < 1e-5);
      spread = std::max(spread, std::fabs(slow - scene.traits.prevalence));
    }
    CHECK(spread > 0.05);  // the rows do say something
  }
}

// A dropped column says nothing: the risk is the one of a record in which it is not measured.
TEST_CASE("the achievable risk does not use what the record does not hold") {
  Scene scene(Outcome::sepsis);
  const std::size_t crp = 24;
  REQUIRE(kMeasurementTable[crp].name == "crp");
  scene.spec.dropped[crp] = true;
  scene.spec.condition_dropped.fill(true);
  for (std::int64_t i = 0; i < 40; ++i) {
    const Person person = make_person(scene.world, scene.traits, i, false, {});
    Encounter e = make_encounter(scene.world, scene.site, person, 0);
    CHECK(!e.measured[crp]);

    // codes that the record does not hold: as if the site never coded anything
    SiteModel silent = scene.site;
    silent.traits.sensitivity.fill(0);
    e.coded.fill(false);
    const double slow = slow_risk(scene.model, scene.spec, silent, person, e, 1);
    CHECK(std::fabs(e.achievable_risk - slow) < 1e-5);
  }
}

// The probability of an outcome of risk x with Gaussian uncertainty, against a sum over the
// Gaussian.
TEST_CASE("outcome_probability integrates the probit") {
  const double step = 0.01;
  double sum = 0;
  for (int i = -900; i <= 900; ++i) {
    const double z = i * step;
    sum +=
        step * 0.3989422804014327 * math::exp(-0.5 * z * z) * math::normal_cdf(0.4 + 0.8 * z - 1.5);
  }
  // the trapezoid rule is exact to rounding for a Gaussian at this step
  CHECK(outcome_probability(0.4, 0.64, 1.5, 0.7) == doctest::Approx(0.7 * sum).epsilon(1e-12));
}

// Missing at random and coded at random: rows chosen by anything that the record shows have as many
// events as the achievable risk says. The first rows of patients are independent, so the deviation
// over its standard error sqrt(sum p (1 - p)) is standard normal. Deaths need all rows of a
// patient, because only the last can have one; that excludes a second one and makes the variance
// smaller.
TEST_CASE("the achievable risk is a probability in every part of the record") {
  for (const Outcome outcome : {Outcome::sepsis, Outcome::mortality}) {
    const Scene scene(outcome, 0.2, 0.3);
    struct Cell {
      double observed = 0;
      double expected = 0;
      double variance = 0;
    };
    constexpr std::size_t kCells = 12;
    std::array<Cell, kCells> cells{};
    std::array<Cell, 10> bins{};
    for (std::int64_t i = 0; i < 12'000; ++i) {
      const Person person = make_person(scene.world, scene.traits, i, false, {});
      const std::size_t rows = outcome == Outcome::mortality ? person.day.size() : 1;
      for (std::size_t row = 0; row < rows; ++row) {
        const Encounter e = make_encounter(scene.world, scene.site, person, row);
        const double p = e.achievable_risk;
        const std::array<bool, kCells> in{true,
                                          e.measured[17],
                                          !e.measured[17],
                                          e.measured[20],
                                          e.coded[1],
                                          !e.coded[1] && !e.coded[3],
                                          e.known.unit == 0,
                                          e.known.unit == 2,
                                          e.known.female,
                                          e.known.age > 75,
                                          e.measured[kGcs] && e.t[kGcs] < -1,
                                          e.known.ethnicity == 1};
        const auto add = [&](Cell& cell) {
          cell.observed += e.outcome ? 1 : 0;
          cell.expected += p;
          cell.variance += p * (1 - p);
        };
        for (std::size_t c = 0; c < kCells; ++c) {
          if (in[c]) add(cells[c]);
        }
        add(bins[std::min<std::size_t>(static_cast<std::size_t>(p * 20), 9)]);
      }
    }
    for (std::size_t c = 0; c < kCells; ++c) {
      CAPTURE(c);
      REQUIRE(cells[c].variance > 10);
      CHECK(std::fabs(cells[c].observed - cells[c].expected) <
            kErrors * std::sqrt(cells[c].variance));
    }
    // ten bins of risk: chi-squared; one in 10,000 right programs exceeds it
    double chi = 0;
    double used = 0;
    for (const Cell& bin : bins) {
      if (bin.variance < 5) continue;
      const double d = bin.observed - bin.expected;
      chi += d * d / bin.variance;
      ++used;
    }
    REQUIRE(used >= 6);
    CHECK(math::chi_squared_cdf(chi, used) < 0.9999);
  }
}
