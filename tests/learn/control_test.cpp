// Trainings with control vectors, and how often gradients count: against their papers, in double.
#include <doctest/doctest.h>

#include <cmath>
#include <utility>

#include "learn/trainer.hpp"
#include "reference_training.hpp"
#include "trainings.hpp"

using namespace polyclinic;
using namespace polyclinic::test;
using dense::Head;

// Karimireddy et al. 2020 and Acar et al. 2021: gradient - c_i + c, or gradient - c_i
// + alpha (w - start), and what c_i becomes.
TEST_CASE("control vectors correct every gradient, and change as their papers say") {
  using Control = TrainingPlan::Control;
  using Optimizer = TrainingPlan::Optimizer;
  const Dataset data = test::make_data(Head::sigmoid, 45, 9, 1, 111);
  const dense::Network network = logistic(9);
  const ParameterVector global = test::random_parameters(network, 112, 0.3);
  const ParameterVector server = test::random_parameters(network, 113, 0.2);
  const ParameterVector own = test::random_parameters(network, 114, 0.2);
  const std::vector<float> compact = global.compact();
  const std::vector<float> c = server.compact();
  const std::vector<float> ci = own.compact();
  const std::vector<double> start(compact.begin(), compact.end());
  const std::vector<std::int32_t> order = permutations(45, 4);
  for (const Control control : {Control::difference, Control::gradient, Control::dynamic}) {
    for (const auto optimizer :
         {Optimizer::sgd, Optimizer::momentum, Optimizer::adam, Optimizer::adamw}) {
      if (control == Control::difference && optimizer != Optimizer::sgd) continue;
      for (const bool kept : {false, true}) {  // false: a hospital's first training
        TrainingPlan plan;
        plan.optimizer = optimizer;
        plan.control = control;
        plan.batch = 8;
        plan.epochs = 4;
        plan.weight_decay = 0.05;
        plan.class_weights = {0.5, 2.0};
        plan.schedule.rate = optimizer == Optimizer::sgd ? 0.1 : 0.01;
        plan.proximal = control == Control::dynamic ? 0.4 : 0.0;
        std::vector<double> linear(start.size(), 0.0);
        if (kept) {
          for (std::size_t j = 0; j < linear.size(); ++j) {
            linear[j] = (control == Control::dynamic ? 0.0 : c[j]) - ci[j];
          }
        }
        const std::vector<double> expected = reference_training(plan, data, start, order, linear);
        std::vector<double> change;
        const std::vector<std::int32_t> rows = test::all_rows(data);
        const std::vector<double> full = logistic_gradient(start, data, rows, plan.class_weights);
        for (std::size_t j = 0; j < start.size(); ++j) {
          const double way = expected[j] - start[j];
          const double before = kept ? static_cast<double>(ci[j]) : 0.0;
          if (control == Control::gradient) {
            const double decay = optimizer == Optimizer::adamw ? 0.0 : plan.weight_decay * start[j];
            change.push_back(full[j] + decay - before);
          } else if (control == Control::difference) {
            change.push_back(-(kept ? static_cast<double>(c[j]) : 0.0) - way / (24 * 0.1));
          } else {
            change.push_back(-plan.proximal * way);
          }
        }
        for (const dense::Kernels* k : test::all_kernels()) {
          CAPTURE(static_cast<int>(control));
          CAPTURE(static_cast<int>(optimizer));
          CAPTURE(kept);
          CAPTURE(std::string(k->name));
          TrainingTask task = task_of(data, global, plan);
          task.given_order = order;
          task.server_control = kept ? &server : nullptr;
          task.own_control = kept ? &own : nullptr;
          const auto work = network.make_workspace(*k);
          const TrainingResult result = train(network, task, *work);
          const std::vector<float> delta = result.delta.compact();
          const std::vector<float> changed = result.control.compact();
          REQUIRE(changed.size() == start.size());
          for (std::size_t j = 0; j < start.size(); ++j) {
            // as above; divided by 24 steps of .1 the way is no less exact
            CHECK(std::fabs(static_cast<double>(delta[j]) - (expected[j] - start[j])) < 5e-6);
            CHECK(std::fabs(static_cast<double>(changed[j]) - change[j]) < 5e-6);
          }
        }
      }
    }
  }
}

TEST_CASE("only trainings with control vectors have one, and padding stays zero") {
  const Dataset data = test::make_data(Head::sigmoid, 45, 9, 1, 121);
  const dense::Network network = logistic(9);
  const ParameterVector global = test::random_parameters(network, 122, 0.3);
  TrainingPlan plan;
  CHECK(run(network, task_of(data, global, plan)).control.empty());
  for (const auto control : {TrainingPlan::Control::difference, TrainingPlan::Control::gradient,
                             TrainingPlan::Control::dynamic}) {
    plan.control = control;
    plan.proximal = 0.1;
    const TrainingResult result = run(network, task_of(data, global, plan));
    ParameterVector cleaned(network.layout());
    cleaned.assign_compact(result.control.compact());
    const auto got = result.control.padded();
    const auto clean = std::as_const(cleaned).padded();
    CHECK(std::equal(got.begin(), got.end(), clean.begin(), clean.end()));
  }
}

// Wang et al. 2020, section 3.2, their closed forms; Nesterov's: a_k = (1 - m^(left + 1)) / (1 -
// m).
TEST_CASE("how often gradients count is what the closed forms of FedNova say") {
  using Optimizer = TrainingPlan::Optimizer;
  TrainingPlan plan;
  plan.schedule.rate = 0.1;
  for (const std::int64_t steps : {1, 2, 7, 40}) {
    const auto n = static_cast<double>(steps);
    TrainingPlan p = plan;
    CHECK(accumulated_steps(p, steps, 0) == n);
    p.proximal = 0.5;
    const double r = 0.05;
    CHECK(accumulated_steps(p, steps, 0) == doctest::Approx((1 - std::pow(1 - r, n)) / r));
    p = plan;
    p.optimizer = Optimizer::momentum;
    p.momentum = 0.9;
    const double m = 0.9;
    CHECK(accumulated_steps(p, steps, 0) ==
          doctest::Approx((n - m * (1 - std::pow(m, n)) / (1 - m)) / (1 - m)));
    p.nesterov = true;
    CHECK(accumulated_steps(p, steps, 0) ==
          doctest::Approx((n - m * m * (1 - std::pow(m, n)) / (1 - m)) / (1 - m)));
    p.keep_optimizer_state = true;
    CHECK(accumulated_steps(p, steps, 0) == 0);
    p = plan;
    p.optimizer = Optimizer::adam;
    CHECK(accumulated_steps(p, steps, 0) == 0);
  }
  // the rate of the round counts
  plan.proximal = 1;
  plan.schedule.kind = Schedule::Kind::exponential;
  plan.schedule.decay = 0.5;
  CHECK(accumulated_steps(plan, 2, 1) == doctest::Approx(1 + (1 - 0.05)));
}
