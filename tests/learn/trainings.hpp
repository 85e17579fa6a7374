// Small models and trainings of them, as the tests of training and of optimisers use them.
#pragma once

#include <cstdint>
#include <numeric>
#include <vector>

#include "learn/dense/pass.hpp"
#include "learn/loader.hpp"
#include "learn/trainer.hpp"
#include "support.hpp"

namespace polyclinic::test {

inline dense::Network logistic(std::int32_t features, double l2 = 0) {
  dense::NetworkSpec spec{.name = "logistic", .features = features, .hidden = {}, .outputs = 1};
  spec.l2 = l2;
  return dense::Network(spec);
}

inline dense::Network mlp(std::int32_t features, double dropout = 0) {
  dense::NetworkSpec spec{.name = "mlp", .features = features, .hidden = {24, 10}, .outputs = 1};
  spec.dropout = dropout;
  return dense::Network(spec);
}

inline TrainingTask task_of(const Dataset& data, const ParameterVector& global,
                            const TrainingPlan& plan) {
  TrainingTask task;
  task.data = &data;
  task.global = &global;
  task.plan = &plan;
  task.run = make_run_key(3, 1);
  task.entity = 5;
  return task;
}

inline TrainingResult run(const Model& model, const TrainingTask& task) {
  const auto work = model.make_workspace();
  return train(model, task, *work);
}

inline std::vector<std::int32_t> permutations(std::int64_t rows, int count) {
  std::vector<std::int32_t> out;
  Stream s = test::stream(77);
  for (int i = 0; i < count; ++i) {
    std::vector<std::int32_t> order(static_cast<std::size_t>(rows));
    std::iota(order.begin(), order.end(), 0);
    draw::shuffle(s, order);
    out.insert(out.end(), order.begin(), order.end());
  }
  return out;
}

}  // namespace polyclinic::test
