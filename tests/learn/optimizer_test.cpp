// Optimisers: whole trainings against their equations, written down in double.
#include "learn/trainer.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <span>
#include <vector>

#include "reference_training.hpp"
#include "trainings.hpp"

using namespace polyclinic;
using namespace polyclinic::test;
using dense::Head;

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
