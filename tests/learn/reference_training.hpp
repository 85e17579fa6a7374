// Trainings of a logistic model written down from the optimisers' papers, in double: what tests of
// local training compare with.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "data/dataset.hpp"
#include "learn/trainer.hpp"

namespace polyclinic::test {

// Gradient of the mean binary cross-entropy of a logistic model over some rows, in double; w ends
// with the bias.
inline std::vector<double> logistic_gradient(const std::vector<double>& w, const Dataset& data,
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
inline std::vector<double> reference_training(const TrainingPlan& plan, const Dataset& data,
                                              const std::vector<double>& start,
                                              std::span<const std::int32_t> order,
                                              const std::vector<double>& linear = {}) {
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
        if (!linear.empty()) g[j] += linear[j];
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

}  // namespace polyclinic::test
