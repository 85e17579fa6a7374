#include <doctest/doctest.h>

#include "base/math.hpp"
#include "data/ehr.hpp"
#include "ehr_fixture.hpp"

using namespace polyclinic;
using namespace polyclinic::ehr_test;

namespace {

struct Scene {
  Directory directory;
  CohortContext context;
  Part part;
  std::unique_ptr<Cohort> cohort;
  Scene(std::vector<std::pair<std::string, Value>> fields, std::int64_t hospitals,
        std::int64_t patients)
      : directory(hospitals, patients),
        context{.run = make_run_key(5, 0), .directory = &directory},
        part(make_part(std::move(fields))),
        cohort(make_ehr_cohort(part, context)) {}
};

// Newton's method for logistic regression with a small ridge, in double: the best linear model of
// the prepared features, trained to convergence.
std::vector<double> fit_logistic(const Dataset& data, const std::vector<float>& label) {
  const auto n = static_cast<std::size_t>(data.columns) + 1;
  std::vector<double> w(n, 0.0);
  for (int iteration = 0; iteration < 12; ++iteration) {
    std::vector<double> hessian(n * n, 0.0);
    std::vector<double> gradient(n, 0.0);
    std::vector<double> x(n, 1.0);
    for (std::int64_t i = 0; i < data.rows; ++i) {
      const auto row = data.row(i);
      double z = w[n - 1];
      for (std::size_t j = 0; j + 1 < n; ++j) z += w[j] * (x[j] = row[j]);
      const double p = math::sigmoid(z);
      const double weight = p * (1 - p);
      for (std::size_t j = 0; j < n; ++j) {
        gradient[j] += (label[static_cast<std::size_t>(i)] - p) * x[j];
        const double wx = weight * x[j];
        for (std::size_t k = 0; k <= j; ++k) hessian[j * n + k] += wx * x[k];
      }
    }
    for (std::size_t j = 0; j < n; ++j) {
      hessian[j * n + j] += 1;
      gradient[j] -= w[j];
    }
    // Cholesky, forward and back
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t k = 0; k <= i; ++k) {
        double sum = hessian[i * n + k];
        for (std::size_t j = 0; j < k; ++j) sum -= hessian[i * n + j] * hessian[k * n + j];
        hessian[i * n + k] = i == k ? std::sqrt(sum) : sum / hessian[k * n + k];
      }
    }
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < i; ++j) gradient[i] -= hessian[i * n + j] * gradient[j];
      gradient[i] /= hessian[i * n + i];
    }
    for (std::size_t i = n; i-- > 0;) {
      for (std::size_t j = i + 1; j < n; ++j) gradient[i] -= hessian[j * n + i] * gradient[j];
      gradient[i] /= hessian[i * n + i];
    }
    for (std::size_t j = 0; j < n; ++j) w[j] += gradient[j];
  }
  return w;
}

std::vector<double> scores(const Dataset& data, const std::vector<double>& w) {
  std::vector<double> result;
  for (std::int64_t i = 0; i < data.rows; ++i) {
    const auto row = data.row(i);
    double z = w.back();
    for (std::size_t j = 0; j < row.size(); ++j) z += w[j] * row[j];
    result.push_back(z);
  }
  return result;
}

}  // namespace

// System: five hospitals that differ in prevalence and all else. One encounter per patient, so that
// rows are independent and DeLong's errors are right. Expectation: AUROCs of the two risks for the
// outcomes drawn agree with the oracle, in each hospital and over all of them.
TEST_CASE("measured AUROCs agree with the oracle") {
  for (const char* outcome : {"sepsis", "mortality", "readmission"}) {
    const Scene scene(
        {{"outcome", outcome}, {"encounters", 1.0}, {"overlap", 0.0}, {"missing", 2.0}}, 5, 4000);
    const Oracle oracle = *scene.cohort->oracle();
    std::vector<double> latent;
    std::vector<double> achievable;
    std::vector<float> label;
    double latent_within = 0;
    double latent_variance = 0;
    double achievable_within = 0;
    double achievable_variance = 0;
    for (std::uint32_t h = 0; h < 5; ++h) {
      const Dataset rows = all_rows(*scene.cohort->site(HospitalId{h}));
      const Roc l = roc(rows.latent_risk, rows.true_label);
      const Roc a = roc(rows.achievable_risk, rows.true_label);
      latent_within += l.auroc / 5;
      latent_variance += l.error * l.error / 25;
      achievable_within += a.auroc / 5;
      achievable_variance += a.error * a.error / 25;
      latent.insert(latent.end(), rows.latent_risk.begin(), rows.latent_risk.end());
      achievable.insert(achievable.end(), rows.achievable_risk.begin(), rows.achievable_risk.end());
      label.insert(label.end(), rows.true_label.begin(), rows.true_label.end());
    }
    const Roc l = roc(latent, label);
    const Roc a = roc(achievable, label);
    CAPTURE(outcome);
    CHECK(oracle.standard_error > 0);
    CHECK(oracle.standard_error < 0.004);
    const auto error = [&](double variance) {
      return kErrors * std::sqrt(variance + oracle.standard_error * oracle.standard_error);
    };
    CHECK(std::fabs(l.auroc - oracle.latent_auroc) < kErrors * l.error + 2e-4);
    CHECK(std::fabs(latent_within - oracle.latent_auroc_within) <
          kErrors * std::sqrt(latent_variance) + 2e-4);
    CHECK(std::fabs(a.auroc - oracle.achievable_auroc) < error(a.error * a.error));
    CHECK(std::fabs(achievable_within - oracle.achievable_auroc_within) <
          error(achievable_variance));
    // what is hidden costs something; the hospital itself predicts (science.md, rule 3)
    CHECK(oracle.latent_auroc > oracle.achievable_auroc + 0.005);
    CHECK(oracle.achievable_auroc > oracle.achievable_auroc_within);
  }
}

// The defaults: sepsis near .80 within hospitals, as documented; a stronger signal says more.
TEST_CASE("signal sets how much can be achieved") {
  double before = 0.5;
  for (const double signal : {0.5, 1.0, 2.0}) {
    const Scene scene({{"signal", signal}}, 3, 500);
    const Oracle oracle = ehr_oracle(scene.part, scene.context);
    CHECK(oracle.achievable_auroc_within > before + 0.05);
    before = oracle.achievable_auroc_within;
    if (signal == 1.0) CHECK(std::fabs(before - 0.80) < 0.015);
  }
}

// Deaths at the last encounter only, patients of two hospitals: the integration knows them.
TEST_CASE("the oracle knows about several encounters and two hospitals") {
  const Scene scene({{"outcome", "mortality"}, {"overlap", 0.3}, {"encounters", 1.8}}, 3, 5000);
  const Oracle oracle = *scene.cohort->oracle();
  std::vector<double> latent;
  std::vector<float> label;
  for (std::uint32_t h = 0; h < 3; ++h) {
    const Dataset rows = all_rows(*scene.cohort->site(HospitalId{h}));
    latent.insert(latent.end(), rows.latent_risk.begin(), rows.latent_risk.end());
    label.insert(label.end(), rows.true_label.begin(), rows.true_label.end());
  }
  const Roc l = roc(latent, label);
  // rows of one patient share his lasting part: errors of a mean over patients are at most
  // sqrt(E n^2 / E n) = 1.7 times larger
  CHECK(std::fabs(l.auroc - oracle.latent_auroc) < 1.7 * kErrors * l.error);
}

// A logistic regression on 18,000 pooled rows, standardised per hospital, tested on 6,000 others:
// near what is achievable, and not above it beyond the error of the paired difference.
TEST_CASE("a well-trained pooled model comes near the achievable risk and not above it") {
  const Scene scene({{"encounters", 1.0}, {"overlap", 0.0}}, 5, 6000);
  Dataset train;
  std::vector<Dataset> tests;
  for (std::uint32_t h = 0; h < 5; ++h) {
    const SitePtr site = scene.cohort->site(HospitalId{h});
    train.columns = site->train.columns;
    train.rows += site->train.rows;
    train.x.insert(train.x.end(), site->train.x.begin(), site->train.x.end());
    train.label.insert(train.label.end(), site->train.label.begin(), site->train.label.end());
    tests.push_back(site->test);
  }
  const std::vector<double> w = fit_logistic(train, train.label);
  double model = 0;
  double achievable = 0;
  double variance = 0;
  for (const Dataset& test : tests) {
    const Roc m = roc(scores(test, w), test.true_label);
    const Roc a = roc(test.achievable_risk, test.true_label);
    const double error = difference_error(m, a, test.true_label);
    CHECK(m.auroc - a.auroc < kErrors * error);
    model += m.auroc / 5;
    achievable += a.auroc / 5;
    variance += error * error / 25;
  }
  CHECK(model - achievable < kErrors * std::sqrt(variance));
  CHECK(achievable - model < 0.02 + kErrors * std::sqrt(variance));
}
