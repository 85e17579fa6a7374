// System: normalisation of hidden layers. Expectation: values and gradients of a batch are those of
// the formulas in double, running statistics follow batches as PyTorch's do, and nothing but the
// batches moves them.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "trainings.hpp"

using namespace polyclinic;
using namespace polyclinic::test;
using dense::Head;
using dense::Norm;

namespace {

dense::Network normed(Norm norm, std::vector<std::int32_t> hidden,
                      dense::Activation activation = dense::Activation::tanh) {
  dense::NetworkSpec spec{.name = "mlp", .features = 9, .hidden = std::move(hidden), .outputs = 1};
  spec.head = Head::squared;
  spec.activation = activation;
  spec.norm = norm;
  return dense::Network(spec);
}

// One step of rate 1 over all rows: parameters move by minus the gradient.
TrainingPlan one_step() {
  TrainingPlan plan;
  plan.batch = 0;
  plan.schedule.rate = 1;
  return plan;
}

Dataset first_rows(const Dataset& data, std::int64_t rows) {
  Dataset some = data;
  some.rows = rows;
  some.x.resize(static_cast<std::size_t>(rows * data.columns));
  some.label.resize(static_cast<std::size_t>(rows));
  return some;
}

std::size_t place_of(const dense::Network& network, const char* name) {
  const Slice* slice = network.layout()->find(name);
  REQUIRE(slice != nullptr);
  return static_cast<std::size_t>(slice - network.layout()->slices().data());
}

}  // namespace

TEST_CASE("a step over a batch that is normalised goes down the gradient through its moments") {
  std::uint64_t entity = 700;
  // a pair of rows, one short of a chunk, and several chunks, which are one batch all the same
  for (const std::int64_t rows : {2, 63, 150}) {
    const dense::Network network = normed(Norm::batch, {18, 5});
    const Dataset data = make_data(Head::squared, rows, 9, 1, ++entity);
    const ParameterVector p = random_parameters(network, entity, 0.4);
    const std::vector<float> compact = p.compact();
    std::vector<double> exact(compact.begin(), compact.end());
    const Reference reference(network);
    const double expected = reference.loss_of_batch(exact, data);
    const std::vector<bool> constant = statistics_of(*network.layout());
    constexpr double h = 1e-5;
    std::vector<double> slope(exact.size(), 0.0);
    double largest = 0;
    for (std::size_t i = 0; i < exact.size(); ++i) {
      if (constant[i]) continue;
      const double at = exact[i];
      exact[i] = at + h;
      const double above = reference.loss_of_batch(exact, data);
      exact[i] = at - h;
      slope[i] = (above - reference.loss_of_batch(exact, data)) / (2 * h);
      exact[i] = at;
      largest = std::max(largest, std::fabs(slope[i]));
    }
    for (const dense::Kernels* k : all_kernels()) {
      CAPTURE(std::string(k->name));
      const TrainingPlan plan = one_step();
      const auto work = network.make_workspace(*k);
      const TrainingResult result = train(network, task_of(data, p, plan), *work);
      CHECK(result.mean_loss == doctest::Approx(expected).epsilon(5e-6));
      const std::vector<float> moved = result.delta.compact();
      double worst = 0;
      for (std::size_t i = 0; i < slope.size(); ++i) {
        if (constant[i]) continue;
        worst = std::max(worst, std::fabs(static_cast<double>(moved[i]) + slope[i]));
      }
      // as in gradient_test; the division by a spread that two rows may have small makes roundings
      // ten times larger, and parameters of size 1 are rounded at 6e-8
      CHECK(worst < 1e-4 * (largest + 0.01));
    }
  }
}

TEST_CASE("running statistics take a tenth of each batch's, variances divided by n - 1") {
  const dense::Network network = normed(Norm::batch, {6});
  const Dataset data = make_data(Head::squared, 40, 9, 1, 711);
  const ParameterVector p = random_parameters(network, 712, 0.4);
  const auto weights = p.slice(place_of(network, "hidden1.weight"));
  const std::size_t mean = place_of(network, "hidden1.mean");
  const std::size_t variance = place_of(network, "hidden1.variance");
  const TrainingPlan plan = one_step();
  const TrainingResult result = run(network, task_of(data, p, plan));
  ParameterVector estimated = p;
  network.estimate_statistics(estimated, data, *network.make_workspace());
  for (std::size_t o = 0; o < 6; ++o) {
    std::vector<double> z;
    double sum = 0;
    for (std::size_t i = 0; i < 40; ++i) {
      z.push_back(0);
      for (std::size_t j = 0; j < 9; ++j) {
        z.back() += static_cast<double>(weights[o * 9 + j]) * data.x[i * 9 + j];
      }
      sum += z.back();
    }
    double squares = 0;
    for (const double v : z) squares += (v - sum / 40) * (v - sum / 40);
    // values of size 1, a few roundings
    CHECK(result.delta.slice(mean)[o] ==
          doctest::Approx(0.1 * (sum / 40 - p.slice(mean)[o])).epsilon(1e-6).scale(1));
    CHECK(result.delta.slice(variance)[o] ==
          doctest::Approx(0.1 * (squares / 39 - p.slice(variance)[o])).epsilon(1e-6).scale(1));
    CHECK(estimated.slice(mean)[o] == doctest::Approx(sum / 40).epsilon(1e-6).scale(1));
    CHECK(estimated.slice(variance)[o] == doctest::Approx(squares / 39).epsilon(1e-6).scale(1));
  }
  CHECK(estimated.compact().front() == p.compact().front());
}

TEST_CASE("predictions are by the running statistics, and a negative variance counts as none") {
  const dense::Network network = normed(Norm::batch, {6});
  const Dataset data = make_data(Head::squared, 20, 9, 1, 721);
  ParameterVector p = random_parameters(network, 722, 0.4);
  const auto work = network.make_workspace();
  std::vector<float> all(20);
  network.predict(p, data, all, *work);
  // who stands beside a row does not matter
  std::vector<float> alone(1);
  network.predict(p, first_rows(data, 1), alone, *work);
  CHECK(alone[0] == all[0]);
  const std::size_t variance = place_of(network, "hidden1.variance");
  p.slice(variance)[2] = 0;
  network.predict(p, data, all, *work);
  p.slice(variance)[2] = -3;
  std::vector<float> below(20);
  network.predict(p, data, below, *work);
  CHECK(below == all);
}

// Batches of 4 from 9 rows: the last of an epoch is a row by itself.
TEST_CASE("a batch of one row is normalised by the running statistics and leaves them") {
  const dense::Network network = normed(Norm::batch, {6});
  const Dataset one = make_data(Head::squared, 1, 9, 1, 731);
  const ParameterVector p = random_parameters(network, 732, 0.4);
  const TrainingPlan plan = one_step();
  const TrainingResult result = run(network, task_of(one, p, plan));
  ParameterVector gradient;
  network.loss(p, one, all_rows(one), &gradient, *network.make_workspace());
  for (const char* name : {"hidden1.mean", "hidden1.variance"}) {
    for (const float moved : result.delta.slice(place_of(network, name))) CHECK(moved == 0);
  }
  const std::vector<float> moved = result.delta.compact();
  const std::vector<float> slope = gradient.compact();
  for (std::size_t i = 0; i < moved.size(); ++i) {
    CHECK(moved[i] == doctest::Approx(-slope[i]).epsilon(1e-6).scale(1));
  }
  TrainingPlan batches;
  batches.batch = 4;
  const Dataset nine = make_data(Head::squared, 9, 9, 1, 733);
  CHECK(run(network, task_of(nine, p, batches)).finite);
}

TEST_CASE("no decay, pull, control vector or momentum moves running statistics") {
  using Optimizer = TrainingPlan::Optimizer;
  using Control = TrainingPlan::Control;
  const dense::Network network = normed(Norm::batch, {6});
  const Dataset data = make_data(Head::squared, 40, 9, 1, 741);
  const ParameterVector p = random_parameters(network, 742, 0.4);
  const ParameterVector other = random_parameters(network, 743, 0.4);
  // the statistics of the first step are those of the parameters that it begins with
  const TrainingResult plain = run(network, task_of(data, p, one_step()));
  const std::size_t mean = place_of(network, "hidden1.mean");
  for (const Optimizer optimizer :
       {Optimizer::sgd, Optimizer::momentum, Optimizer::adam, Optimizer::adamw}) {
    for (const Control control : {Control::none, Control::gradient, Control::dynamic}) {
      TrainingPlan plan = one_step();
      plan.optimizer = optimizer;
      plan.weight_decay = 0.5;
      plan.proximal = 0.3;
      plan.clip_gradient = 0.01;
      plan.control = control;
      TrainingTask task = task_of(data, p, plan);
      task.anchor = &other;
      ParameterVector vector = other;
      vector.clear(Role::norm_statistic);
      if (control != Control::none) task.server_control = task.own_control = &vector;
      const TrainingResult result = run(network, task);
      for (const std::size_t slice : {mean, mean + 1}) {
        for (std::size_t o = 0; o < 6; ++o) {
          CHECK(result.delta.slice(slice)[o] == plain.delta.slice(slice)[o]);
          if (control != Control::none) CHECK(result.control.slice(slice)[o] == 0);
        }
      }
    }
  }
}

TEST_CASE("a frozen layer keeps its statistics and is normalised by them") {
  const dense::Network network = normed(Norm::batch, {6, 5});
  const Dataset data = make_data(Head::squared, 40, 9, 1, 751);
  const ParameterVector p = random_parameters(network, 752, 0.4);
  std::vector<SliceUse> uses(network.layout()->slices().size(), SliceUse::frozen);
  uses[place_of(network, "output.weight")] = SliceUse::trained;
  uses[place_of(network, "output.bias")] = SliceUse::trained;
  const TrainingPlan plan = one_step();
  TrainingTask task = task_of(data, p, plan);
  task.slices = uses;
  const TrainingResult result = run(network, task);
  ParameterVector gradient;
  network.loss(p, data, all_rows(data), &gradient, *network.make_workspace());
  for (std::size_t i = 0; i < uses.size(); ++i) {
    for (std::size_t j = 0; j < result.delta.slice(i).size(); ++j) {
      const double expected = uses[i] == SliceUse::frozen ? 0.0 : -gradient.slice(i)[j];
      CHECK(result.delta.slice(i)[j] == doctest::Approx(expected).epsilon(1e-6).scale(1));
    }
  }
}

TEST_CASE(
    "padding stays zero whatever normalises, AVX2 and AVX-512 agree, workspaces leave nothing") {
  for (const Norm norm : {Norm::batch, Norm::layer, Norm::group}) {
    const dense::Network network = normed(norm, {18, 5}, dense::Activation::gelu);
    const Dataset data = make_data(Head::squared, 100, 9, 1, 761);
    Dataset broken = data;
    broken.x[5] = 1e38F;
    const ParameterVector p = random_parameters(network, 762, 0.4);
    TrainingPlan plan;
    plan.optimizer = TrainingPlan::Optimizer::momentum;
    plan.batch = 30;
    plan.epochs = 2;
    const TrainingTask task = task_of(data, p, plan);
    std::vector<std::vector<float>> by_kernels;
    for (const dense::Kernels* k : all_kernels()) {
      const auto work = network.make_workspace(*k);
      const TrainingResult fresh = train(network, task, *work);
      CHECK(fresh.finite);
      by_kernels.push_back(fresh.delta.compact());
      const auto* inside = dynamic_cast<const dense::NetworkWorkspace*>(work.get());
      FloatBuffer cleared = inside->parameters;
      network.clear_padding(cleared.data());
      CHECK(cleared == inside->parameters);
      TrainingPlan wild = plan;
      wild.schedule.rate = 1e30;
      CHECK_FALSE(train(network, task_of(broken, p, wild), *work).finite);
      CHECK(train(network, task, *work).delta.compact() == by_kernels.back());
    }
    if (by_kernels.size() == 3) CHECK(by_kernels[1] == by_kernels[2]);
  }
}
