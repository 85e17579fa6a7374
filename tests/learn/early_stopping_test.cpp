// Trainings that end by themselves. Expectation: the epoch by hand for a given row of losses; a
// training that was ended after k epochs has the bits of one that was to have k.
#include "learn/early_stopping.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "trainings.hpp"

using namespace polyclinic;
using namespace polyclinic::test;
using dense::Head;

namespace {

struct End {
  std::int64_t epochs;
  std::int64_t best;
};

// Losses are told until it stops, or until there are no more.
End told(EarlyStopping rule, const std::vector<double>& losses) {
  EpochWatch watch(rule);
  for (const double loss : losses) {
    if (!watch.goes_on(loss)) break;
  }
  return {watch.epochs(), watch.best()};
}

}  // namespace

TEST_CASE("a training stops after as many epochs without a new least loss as its patience says") {
  const std::vector<double> losses{1.0, 0.9, 0.95, 0.89, 0.895, 0.9, 0.1};
  EarlyStopping rule;
  rule.patience = 2;
  End end = told(rule, losses);
  CHECK(end.epochs == 6);  // least at the fourth; the fifth and sixth are no less
  CHECK(end.best == 4);
  rule.patience = 1;
  end = told(rule, losses);
  CHECK(end.epochs == 3);
  CHECK(end.best == 2);
  rule.patience = 3;
  end = told(rule, losses);
  CHECK(end.epochs == 7);
  CHECK(end.best == 7);
  // .89 is not less than .9 by more than .02
  rule.patience = 2;
  rule.min_delta = 0.02;
  end = told(rule, losses);
  CHECK(end.epochs == 4);
  CHECK(end.best == 2);
  // what is no number is no improvement, and never the best
  const double nan = std::numeric_limits<double>::quiet_NaN();
  rule = {.patience = 2};
  end = told(rule, {nan, nan, 0.5});
  CHECK(end.epochs == 2);
  CHECK(end.best == 0);
  end = told(rule, {0.5, nan, 0.4, std::numeric_limits<double>::infinity(), 0.4});
  CHECK(end.epochs == 5);
  CHECK(end.best == 3);
}

TEST_CASE("a training that is ended after some epochs is one that had so many") {
  // 21 rows in batches of 8: three steps an epoch, the last of five rows
  Dataset data = test::make_data(Head::sigmoid, 21, 6, 1, 51);
  const dense::Network network = mlp(6, 0.2);
  const ParameterVector global = test::random_parameters(network, 52, 0.4);
  TrainingPlan plan;
  plan.optimizer = TrainingPlan::Optimizer::momentum;
  plan.schedule.rate = 0.05;
  plan.batch = 8;
  plan.keep_optimizer_state = true;
  for (const std::int64_t k : {1, 2, 4}) {
    CAPTURE(k);
    plan.epochs = 7;
    TrainerState state;
    TrainingTask task = task_of(data, global, plan);
    task.state = &state;
    std::vector<double> losses;
    ParameterVector last;
    task.after_epoch = [&](double loss, const ParameterVector& parameters) {
      losses.push_back(loss);
      last = parameters;
      return static_cast<std::int64_t>(losses.size()) < k;
    };
    const TrainingResult stopped = run(network, task);
    plan.epochs = static_cast<double>(k);
    TrainerState planned_state;
    TrainingTask planned = task_of(data, global, plan);
    planned.state = &planned_state;
    const TrainingResult whole = run(network, planned);
    CHECK(stopped.steps == 3 * k);
    CHECK(stopped.steps == whole.steps);
    CHECK(stopped.rows_visited == 21 * k);
    CHECK(stopped.accumulated == whole.accumulated);
    CHECK(stopped.delta.hash() == whole.delta.hash());
    CHECK(state.steps_done == planned_state.steps_done);
    CHECK(state.moment_steps == planned_state.moment_steps);
    CHECK(state.moment1.hash() == planned_state.moment1.hash());
    // epochs have equally many rows: the mean of their losses is that of the training
    double sum = 0;
    for (const double loss : losses) sum += loss;
    CHECK(sum / static_cast<double>(k) == doctest::Approx(whole.mean_loss).epsilon(1e-12));
    // what was shown are the parameters at the end of the epoch, in the floats of both
    ParameterVector end = global;
    end.add_scaled(whole.delta, 1.0F);
    const std::vector<float> a = end.compact();
    const std::vector<float> b = last.compact();
    // global + (w - global) is w but for two roundings of numbers below 4: 2 x 2^-23 x 4
    for (std::size_t i = 0; i < a.size(); ++i) CHECK(std::fabs(a[i] - b[i]) < 1e-6F);
  }
}
