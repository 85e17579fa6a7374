// Optimisers: whole trainings against their equations, written down in double.
#include "learn/trainer.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <span>
#include <vector>

#include "trainings.hpp"

using namespace polyclinic;
using namespace polyclinic::test;
using dense::Head;

namespace {

// Gradient of the mean binary cross-entropy of a logistic model over some rows, in double; w ends
// with the bias.
std::vector<double> logistic_gradient(const std::vector<double>& w, const Dataset& data,
                                      std::span<const std::int32_t> rows,
                                      const std::vector<double>& class_weights) {
  const std::size_t d = w.size() - 1;
  std::vector<double> g(w.size(), 0.0);
  for (const std::int32_t row : rows) {
    double z = w[d];
    for (std::size_t j = 0; j < d; ++j) z += w[j] * static_cast<double>(data.row(row)[j]);
    const auto y = static_cast<double>(data.label[static_cast<std::size_t>(row)]);
    double e = 1 / (1 + std::exp(-z)) - y;
    if (!class_weights.empty()) e *= class_weights[static_cast<std::size_t>(y)];
    e /= static_cast<double>(rows.size());
    for (std::size_t j = 0; j < d; ++j) g[j] += e * static_cast<double>(data.row(row)[j]);
    g[d] += e;
  }
  return g;
}

// The optimisers written down from their papers, one parameter at a time.
std::vector<double> reference_training(const TrainingPlan& plan, const Dataset& data,
                                       const std::vector<double>& start,
                                       std::span<const std::int32_t> order) {
  std::vector<double> w = start;
  std::vector<double> m(w.size(), 0.0);
  std::vector<double> v(w.size(), 0.0);
  const auto n = static_cast<std::size_t>(data.rows);
  const auto batch = static_cast<std::size_t>(plan.batch);
  const double rate = plan.schedule.rate;
  int t = 0;
  for (std::size_t epoch = 0; epoch < order.size() / n; ++epoch) {
    for (std::size_t first = 0; first < n; first += batch) {
      const auto rows = order.subspan(epoch * n + first, std::min(batch, n - first));
      std::vector<double> g = logistic_gradient(w, data, rows, plan.class_weights);
      double squares = 0;
      for (const double x : g) squares += x * x;
      const double norm = std::sqrt(squares);
      ++t;
      for (std::size_t j = 0; j < w.size(); ++j) {
        if (plan.clip_gradient > 0 && norm > plan.clip_gradient) g[j] *= plan.clip_gradient / norm;
        g[j] += plan.proximal * (w[j] - start[j]);
        const bool decoupled = plan.optimizer == TrainingPlan::Optimizer::adamw;
        if (!decoupled) g[j] += plan.weight_decay * w[j];
        switch (plan.optimizer) {
          case TrainingPlan::Optimizer::sgd: w[j] -= rate * g[j]; break;
          case TrainingPlan::Optimizer::momentum:
            m[j] = plan.momentum * m[j] + g[j];
            w[j] -= rate * (plan.nesterov ? g[j] + plan.momentum * m[j] : m[j]);
            break;
          case TrainingPlan::Optimizer::adam:
          case TrainingPlan::Optimizer::adamw: {
            if (decoupled) w[j] -= rate * plan.weight_decay * w[j];
            m[j] = plan.beta1 * m[j] + (1 - plan.beta1) * g[j];
            v[j] = plan.beta2 * v[j] + (1 - plan.beta2) * g[j] * g[j];
            const double mean = m[j] / (1 - std::pow(plan.beta1, t));
            const double square = v[j] / (1 - std::pow(plan.beta2, t));
            w[j] -= rate * mean / (std::sqrt(square) + plan.epsilon);
            break;
          }
        }
      }
    }
  }
  return w;
}

}  // namespace

TEST_CASE("every optimiser follows its equations step by step") {
  const Dataset data = test::make_data(Head::sigmoid, 45, 9, 1, 11);
  const dense::Network network = logistic(9);
  const ParameterVector global = test::random_parameters(network, 12, 0.3);
  const std::vector<float> compact = global.compact();
  const std::vector<double> start(compact.begin(), compact.end());
  const std::vector<std::int32_t> order = permutations(45, 4);

  std::vector<TrainingPlan> plans(9);
  for (TrainingPlan& p : plans) {
    p.batch = 8;
    p.epochs = 4;
    p.schedule.rate = 0.1;
  }
  plans[1].proximal = 0.7;
  plans[1].weight_decay = 0.05;
  plans[2].clip_gradient = 0.05;
  plans[2].class_weights = {0.5, 3.0};
  plans[3].optimizer = TrainingPlan::Optimizer::momentum;
  plans[4].optimizer = TrainingPlan::Optimizer::momentum;
  plans[4].nesterov = true;
  plans[4].proximal = 0.2;
  plans[5].optimizer = TrainingPlan::Optimizer::adam;
  plans[5].schedule.rate = 0.01;
  plans[6] = plans[5];
  plans[6].weight_decay = 0.1;
  plans[6].epsilon = 0.01;
  plans[6].beta1 = 0.5;
  plans[7] = plans[5];
  plans[7].optimizer = TrainingPlan::Optimizer::adamw;
  plans[7].weight_decay = 0.5;
  plans[8] = plans[7];
  plans[8].proximal = 0.3;
  plans[8].clip_gradient = 0.1;

  for (std::size_t i = 0; i < plans.size(); ++i) {
    const std::vector<double> expected = reference_training(plans[i], data, start, order);
    for (const dense::Kernels* k : test::all_kernels()) {
      CAPTURE(i);
      CAPTURE(std::string(k->name));
      TrainingTask task = task_of(data, global, plans[i]);
      task.given_order = order;
      const auto work = network.make_workspace(*k);
      const TrainingResult result = train(network, task, *work);
      CHECK(result.steps == 24);
      CHECK(result.rows_visited == 4 * 45);
      CHECK(result.rows == 45);
      CHECK(result.finite);
      const std::vector<float> delta = result.delta.compact();
      for (std::size_t j = 0; j < delta.size(); ++j) {
        // 24 steps of size 0.01 to 0.1, each with a relative error of some 1e-6
        CHECK(std::fabs(static_cast<double>(delta[j]) - (expected[j] - start[j])) < 5e-6);
      }
    }
  }
}

TEST_CASE("moments that stay at the hospital make two trainings equal one twice as long") {
  const Dataset data = test::make_data(Head::sigmoid, 40, 9, 1, 21);
  const dense::Network network = logistic(9);
  ParameterVector global = test::random_parameters(network, 22, 0.3);
  const std::vector<float> compact = global.compact();
  for (const auto optimizer : {TrainingPlan::Optimizer::momentum, TrainingPlan::Optimizer::adam}) {
    TrainingPlan plan;
    plan.optimizer = optimizer;
    plan.batch = 8;
    plan.epochs = 2;
    plan.schedule.rate = 0.02;
    plan.keep_optimizer_state = true;
    const std::vector<std::int32_t> order = permutations(40, 4);
    const std::vector<double> expected =
        reference_training(plan, data, {compact.begin(), compact.end()}, order);
    TrainerState state;
    ParameterVector now = global;
    for (int round = 0; round < 2; ++round) {
      TrainingTask task = task_of(data, now, plan);
      task.state = &state;
      task.round = round;
      task.given_order = std::span(order).subspan(static_cast<std::size_t>(round) * 80, 80);
      const TrainingResult result = run(network, task);
      now.add_scaled(result.delta, 1);
    }
    CHECK(state.steps_done == 20);
    const std::vector<float> got = now.compact();
    for (std::size_t j = 0; j < got.size(); ++j) {
      CHECK(std::fabs(static_cast<double>(got[j]) - expected[j]) < 5e-6);
    }
  }
}
