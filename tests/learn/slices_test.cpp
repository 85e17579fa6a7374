// System: trainings of some slices only. Expectation: what is frozen keeps its bits, what is
// trained moves as if the rest were constants, and pulls and cuts are those of what they are for.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "learn/trainer.hpp"
#include "trainings.hpp"

using namespace polyclinic;
using namespace polyclinic::test;
using dense::Head;

namespace {

std::vector<SliceUse> uses_of(const Model& model, SliceUse body, SliceUse head) {
  std::vector<SliceUse> uses;
  for (const Slice& slice : model.layout()->slices()) {
    uses.push_back(slice.name.starts_with("output") ? head : body);
  }
  return uses;
}

}  // namespace

TEST_CASE("a frozen slice keeps its bits under every optimiser, and the others move") {
  using Optimizer = TrainingPlan::Optimizer;
  const Dataset data = make_data(Head::sigmoid, 45, 9, 1, 211);
  const dense::Network network = mlp(9);
  const ParameterVector global = random_parameters(network, 212, 0.3);
  for (const auto optimizer :
       {Optimizer::sgd, Optimizer::momentum, Optimizer::adam, Optimizer::adamw}) {
    for (const bool head : {false, true}) {
      TrainingPlan plan;
      plan.optimizer = optimizer;
      plan.batch = 8;
      plan.weight_decay = 0.1;
      plan.proximal = 0.5;
      plan.schedule.rate = 0.05;
      const auto uses = uses_of(network, head ? SliceUse::frozen : SliceUse::trained,
                                head ? SliceUse::trained : SliceUse::frozen);
      TrainingTask task = task_of(data, global, plan);
      task.slices = uses;
      const TrainingResult result = run(network, task);
      for (std::size_t i = 0; i < uses.size(); ++i) {
        const auto moved = result.delta.slice(i);
        const bool still = std::all_of(moved.begin(), moved.end(), [](float x) { return x == 0; });
        CHECK(still == (uses[i] == SliceUse::frozen));
      }
    }
  }
}

TEST_CASE("naming all slices as trained changes no bit") {
  const Dataset data = make_data(Head::sigmoid, 45, 9, 1, 221);
  const dense::Network network = mlp(9);
  const ParameterVector global = random_parameters(network, 222, 0.3);
  TrainingPlan plan;
  plan.optimizer = TrainingPlan::Optimizer::adam;
  plan.batch = 8;
  plan.epochs = 3;
  plan.proximal = 0.3;
  TrainingTask task = task_of(data, global, plan);
  const TrainingResult whole = run(network, task);
  const auto uses = uses_of(network, SliceUse::trained, SliceUse::trained);
  task.slices = uses;
  CHECK(run(network, task).delta.compact() == whole.delta.compact());
}

// One step over all rows: the gradient at the start is that of an unrestricted training, and an
// anchor elsewhere shows the pull.
TEST_CASE("one step moves each slice by its gradient, its pull and its share of the cut") {
  const Dataset data = make_data(Head::sigmoid, 45, 9, 1, 231);
  const dense::Network network = mlp(9);
  const ParameterVector global = random_parameters(network, 232, 0.3);
  const ParameterVector anchor = random_parameters(network, 233, 0.3);
  ParameterVector gradient;
  const auto work = network.make_workspace();
  network.loss(global, data, all_rows(data), &gradient, *work);
  TrainingPlan plan;
  plan.batch = 0;
  plan.schedule.rate = 0.25;
  plan.proximal = 0.5;
  plan.clip_gradient = 0.01;
  for (const SliceUse body : {SliceUse::trained, SliceUse::frozen, SliceUse::unpulled}) {
    const auto uses = uses_of(network, body, SliceUse::unpulled);
    double square = 0;
    for (std::size_t i = 0; i < uses.size(); ++i) {
      if (uses[i] == SliceUse::frozen) continue;
      for (const float g : gradient.slice(i)) square += static_cast<double>(g) * g;
    }
    REQUIRE(std::sqrt(square) > plan.clip_gradient);
    TrainingTask task = task_of(data, global, plan);
    task.anchor = &anchor;
    task.slices = uses;
    const TrainingResult result = run(network, task);
    for (std::size_t i = 0; i < uses.size(); ++i) {
      for (std::size_t j = 0; j < gradient.slice(i).size(); ++j) {
        const double cut = gradient.slice(i)[j] * plan.clip_gradient / std::sqrt(square);
        const double pull = uses[i] == SliceUse::trained
                                ? plan.proximal * (global.slice(i)[j] - anchor.slice(i)[j])
                                : 0.0;
        const double expected = uses[i] == SliceUse::frozen ? 0.0 : -0.25 * (cut + pull);
        // parameters of less than 2 are rounded to 1.2e-7 twice
        CHECK(std::fabs(result.delta.slice(i)[j] - expected) < 3e-7);
      }
    }
  }
}
