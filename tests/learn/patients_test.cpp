// System: DP-SGD by patients. Input: networks of several depths, patients of one to many rows.
// Expectation: what is cut is the sum of a patient's gradients, however they are spread over
// chunks; a coin takes all rows of a patient or none.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <vector>

#include "learn/loader.hpp"
#include "learn/trainer.hpp"
#include "support.hpp"

using namespace polyclinic;

namespace {

dense::Network network_of(dense::Head head, std::vector<std::int32_t> hidden,
                          dense::Norm norm = dense::Norm::none) {
  dense::NetworkSpec spec{.name = "mlp", .features = 10, .hidden = std::move(hidden), .outputs = 1};
  spec.head = head;
  spec.outputs = head == dense::Head::softmax ? 3 : 1;
  spec.norm = norm;
  return dense::Network(spec);
}

TrainingPlan one_step(double clip, std::int64_t batch = 0) {
  TrainingPlan plan;
  plan.batch = batch;
  plan.steps = 1;
  plan.schedule.rate = 1;
  plan.privacy = {.clip = clip, .noise = 0, .patients = true};
  return plan;
}

std::vector<double> delta_of(const dense::Network& network, const Dataset& data,
                             const ParameterVector& p, const TrainingPlan& plan,
                             const dense::Kernels& kernels) {
  const auto work = network.make_workspace(kernels);
  TrainingTask task;
  task.data = &data;
  task.global = &p;
  task.plan = &plan;
  task.run = make_run_key(3, 0);
  task.entity = 5;
  const std::vector<float> delta = train(network, task, *work).delta.compact();
  return {delta.begin(), delta.end()};
}

double norm_of(const std::vector<double>& v) {
  double squares = 0;
  for (const double x : v) squares += x * x;
  return std::sqrt(squares);
}

// Patients of 1, 2, 3, 1, 2, 3, ... rows, dealt out so that rows of one are far apart; the last of
// forty rows.
void give_patients(Dataset& data) {
  std::vector<std::int64_t> ids;
  std::int64_t id = 900;
  while (static_cast<std::int64_t>(ids.size()) < data.rows - 40) {
    for (std::int64_t k = 0; k <= id % 3; ++k) ids.push_back(id);
    --id;
  }
  ids.resize(static_cast<std::size_t>(data.rows), 7);
  Stream stream(RunKey{1}, Purpose::kTest, 1);
  for (std::size_t i = ids.size() - 1; i > 0; --i) std::swap(ids[i], ids[stream.below(i + 1)]);
  data.patient = ids;
}

}  // namespace

TEST_CASE("a step cuts the sum of a patient's gradients") {
  std::uint64_t entity = 60;
  struct Case {
    dense::Head head;
    std::vector<std::int32_t> hidden;
    dense::Norm norm = dense::Norm::none;
  };
  for (const auto& [head, hidden, norm] :
       std::vector<Case>{{dense::Head::sigmoid, {}},
                         {dense::Head::softmax, {}},
                         {dense::Head::sigmoid, {12, 7}},
                         {dense::Head::softmax, {5}},
                         {dense::Head::sigmoid, {12, 7}, dense::Norm::layer}}) {
    const dense::Network network = network_of(head, hidden, norm);
    Dataset data = test::make_data(head, 190, 10, 3, ++entity);
    give_patients(data);
    const ParameterVector p = test::random_parameters(network, entity, 0.4);
    const auto work = network.make_workspace();
    // every patient's gradient, from the mean over the rows
    std::map<std::int64_t, std::vector<std::int32_t>> rows;
    for (std::int64_t i = 0; i < data.rows; ++i) {
      rows[data.patient[static_cast<std::size_t>(i)]].push_back(static_cast<std::int32_t>(i));
    }
    std::vector<std::vector<double>> gradients;
    std::vector<double> norms;
    for (const auto& [id, mine] : rows) {
      ParameterVector gradient;
      network.loss(p, data, mine, &gradient, *work);
      const std::vector<float> compact = gradient.compact();
      std::vector<double> sum(compact.begin(), compact.end());
      for (double& x : sum) x *= static_cast<double>(mine.size());
      norms.push_back(norm_of(sum));
      gradients.push_back(std::move(sum));
    }
    std::nth_element(norms.begin(), norms.begin() + 40, norms.end());
    const double clip = norms[40];
    std::vector<double> expected(gradients.front().size(), 0.0);
    for (const auto& gradient : gradients) {
      const double factor = std::min(1.0, clip / norm_of(gradient));
      for (std::size_t i = 0; i < expected.size(); ++i) {
        expected[i] -= factor * gradient[i] / static_cast<double>(data.rows);
      }
    }
    TrainingPlan by_rows = one_step(clip);
    by_rows.privacy.patients = false;
    for (const dense::Kernels* k : test::all_kernels()) {
      CAPTURE(std::string(k->name));
      const std::vector<double> delta = delta_of(network, data, p, one_step(clip), *k);
      double worst = 0;
      for (std::size_t i = 0; i < delta.size(); ++i) {
        worst = std::max(worst, std::fabs(delta[i] - expected[i]));
      }
      // the margins of 2^-16 for the bound, and of up to 2^-16 times the rows (40 at most; 3 of
      // most) times the sum of squares: half of it on the norm, one patient in a hundred; roundings
      // of parameters of size 1
      CHECK(worst < 6e-5 * clip + 3e-7);
      const std::vector<double> rowwise = delta_of(network, data, p, by_rows, *k);
      double apart = 0;
      for (std::size_t i = 0; i < rowwise.size(); ++i) {
        apart = std::max(apart, std::fabs(rowwise[i] - expected[i]));
      }
      CHECK(apart > 1e-3 * clip);
    }
  }
}

TEST_CASE(
    "a lone patient moves the model by no more than clip, also where its rows nearly cancel") {
  const dense::Network network = network_of(dense::Head::squared, {12, 7});
  const ParameterVector p = test::random_parameters(network, 3, 0.4);
  for (const float factor : {1.0F, 1e3F, 1e6F}) {
    Dataset data = test::make_data(dense::Head::squared, 6, 10, 1, 9);
    for (std::size_t i = 0; i < data.x.size(); ++i) data.x[i] = factor * data.x[i % 10];
    // the same row six times, with labels around what is predicted
    std::vector<float> predicted(6);
    const auto work = network.make_workspace();
    network.predict(p, data, predicted, *work);
    for (std::size_t i = 0; i < 6; ++i) {
      data.label[i] = predicted[i] + (i % 2 == 0 ? 3.0F : -3.0F) * factor;
    }
    data.label[5] += 1e-3F * factor;
    data.patient.assign(6, 42);
    for (const dense::Kernels* k : test::all_kernels()) {
      CAPTURE(factor);
      // expected 6 rows: the step is the cut sum over 6; rounding of 200 parameters, 6e-8 each
      CHECK(norm_of(delta_of(network, data, p, one_step(0.25), *k)) <= 0.25 / 6 + 1e-6);
    }
  }
}

TEST_CASE("rows lie by patients, and of one with too many the first ones count") {
  Dataset data;
  data.rows = 8;
  data.patient = {5, 3, 5, 9, 3, 5, 5, 9};
  const PatientRows all = rows_by_patient(data, 64);
  CHECK(all.rows == std::vector<std::int32_t>{0, 2, 5, 6, 1, 4, 3, 7});
  CHECK(all.ends == std::vector<std::int32_t>{4, 6, 8});
  const PatientRows two = rows_by_patient(data, 2);
  CHECK(two.rows == std::vector<std::int32_t>{0, 2, 1, 4, 3, 7});
  CHECK(two.ends == std::vector<std::int32_t>{2, 4, 6});
}

TEST_CASE("a coin takes a patient with all rows, with the probability that the account names") {
  Dataset data;
  data.rows = 1200;  // 600 patients of 1, 2 or 3 rows
  for (std::int64_t id = 0; id < 600; ++id) {
    for (std::int64_t k = 0; k <= id % 3; ++k) data.patient.push_back(id);
  }
  TrainingPlan plan = one_step(1, 60);
  TrainingTask task;
  task.data = &data;
  task.plan = &plan;
  task.run = make_run_key(8, 0);
  task.entity = 2;
  std::vector<std::int32_t> scratch;
  PoissonLoader coins(task, scratch);
  CHECK(coins.rate() == 0.05);
  CHECK(coins.expected() == 60);
  constexpr int kSteps = 4000;
  double patients = 0;
  double squares = 0;
  double rows_taken = 0;
  for (int step = 0; step < kSteps; ++step) {
    const auto rows = coins.at(step);
    const auto ends = coins.ends();
    std::set<std::int64_t> seen;
    std::size_t begin = 0;
    for (const std::int32_t end : ends) {
      const std::int64_t id = data.patient[static_cast<std::size_t>(rows[begin])];
      REQUIRE(static_cast<std::int64_t>(end - static_cast<std::int32_t>(begin)) == id % 3 + 1);
      REQUIRE(seen.insert(id).second);
      begin = static_cast<std::size_t>(end);
    }
    REQUIRE(begin == rows.size());
    const auto n = static_cast<double>(ends.size());
    patients += n;
    squares += n * n;
    rows_taken += static_cast<double>(rows.size());
  }
  // binomial(600, .05): mean 30, variance 28.5; rows: mean 60, variance .0475 x sum of k^2 = 133
  const double mean = patients / kSteps;
  CHECK(std::fabs(mean - 30) < 5 * std::sqrt(28.5 / kSteps));
  CHECK(std::fabs(squares / kSteps - mean * mean - 28.5) < 5 * 28.5 * std::sqrt(2.0 / kSteps));
  CHECK(std::fabs(rows_taken / kSteps - 60) < 5 * std::sqrt(133.0 / kSteps));
}
