// From resolved parts `training.*`, `schedule.*` and `objective.*` to a TrainingPlan.
#include <algorithm>

#include "base/check.hpp"
#include "learn/trainer.hpp"

namespace polyclinic {
namespace {

TrainingPlan::Optimizer optimizer_of(const Part& training) {
  if (training.name == "momentum") return TrainingPlan::Optimizer::momentum;
  if (training.name == "adam") return TrainingPlan::Optimizer::adam;
  if (training.name == "adamw") return TrainingPlan::Optimizer::adamw;
  ENSURE(training.name == "sgd", "training.* names an optimiser of the schemas");
  return TrainingPlan::Optimizer::sgd;
}

Schedule make_schedule(const Part& part) {
  Schedule s;
  s.rate = part.number("rate");
  s.warmup = part.integer("warmup");
  if (part.name == "step" || part.name == "exponential") {
    s.kind = part.name == "step" ? Schedule::Kind::step : Schedule::Kind::exponential;
    s.decay = part.number("decay");
    if (part.name == "step") s.every = part.integer("every");
  } else if (part.name == "cosine" || part.name == "linear") {
    s.kind = part.name == "cosine" ? Schedule::Kind::cosine : Schedule::Kind::linear;
    s.rounds = part.integer("rounds");
    s.rate_end = part.number("rate_end");
    if (s.warmup >= s.rounds) {
      throw part.mistake("warmup", "'warmup' takes all of the schedule's rounds",
                         "make it less than rounds = " + std::to_string(s.rounds));
    }
  }
  return s;
}

Schedule rate_of(const Part& training, const Part* model) {
  if (const Part* schedule = training.part("rate")) return make_schedule(*schedule);
  Schedule s;
  const Value* rate = training.find("rate");
  s.rate = rate != nullptr ? *rate->number() : default_rate(training, model);
  return s;
}

void read_length(const Part& training, TrainingPlan& plan) {
  const Value* batch = training.find("batch");
  plan.batch = batch->get_if<All>() != nullptr ? 0 : *batch->integer();
  const bool epochs = training.find("epochs") != nullptr;
  const bool steps = training.find("steps") != nullptr;
  if (epochs && steps) {
    throw training.mistake("steps", "'epochs' and 'steps' both say how long a training lasts",
                           "give one of them");
  }
  if (epochs) plan.epochs = training.number("epochs");
  if (steps) plan.steps = training.integer("steps");
  plan.drop_last = training.flag("drop_last");
  if (training.part("early_stopping") != nullptr) {
    plan.early_stopping = early_stopping_rule(training, plan.epochs, plan.steps);
  }
}

void read_objective(const Part& objective, TrainingPlan& plan) {
  using Control = TrainingPlan::Control;
  if (objective.name == "control_variates") {
    const bool gradient = objective.text("update") == "gradient";
    plan.control = gradient ? Control::gradient : Control::difference;
    if (gradient || plan.optimizer == TrainingPlan::Optimizer::sgd) return;
    throw objective.mistake(
        "update",
        "update = \"difference\" takes the way of a training, divided by rate and steps, for its "
        "mean gradient, which it is for training.sgd alone",
        "update = \"gradient\" computes that gradient, or train with training.sgd");
  }
  if (objective.name == "dynamic") {
    plan.control = Control::dynamic;
    plan.proximal = objective.number("alpha");
    return;
  }
  if (objective.name == "contrastive") {
    plan.contrast.weight = objective.number("mu");
    plan.contrast.temperature = objective.number("temperature");
    return;
  }
  ENSURE(objective.name == "proximal", "objective.* names one of the schemas");
  plan.proximal = objective.number("mu");
  plan.proximal_step = objective.number("adapt");
  plan.proximal_falls = objective.integer("falls");
}

}  // namespace

double default_rate(const Part& training, const Part* model) {
  const auto optimizer = optimizer_of(training);
  if (optimizer == TrainingPlan::Optimizer::momentum) return 0.01;
  if (optimizer != TrainingPlan::Optimizer::sgd) return 0.001;
  return model != nullptr && model->name != "mlp" ? 0.1 : 0.05;
}

TrainingPlan make_plan(const Part& training, const Part* objective, const Part* model) {
  TrainingPlan plan;
  plan.optimizer = optimizer_of(training);
  plan.schedule = rate_of(training, model);
  read_length(training, plan);
  plan.weight_decay = training.number("weight_decay");
  plan.keep_optimizer_state = training.flag("keep_state");
  const Value* clip = training.find("clip");
  if (clip != nullptr && clip->number()) plan.clip_gradient = *clip->number();
  for (const Value& weight : training.list("class_weights")) {
    plan.class_weights.push_back(*weight.number());
  }
  if (plan.optimizer == TrainingPlan::Optimizer::momentum) {
    plan.momentum = training.number("momentum");
    plan.nesterov = training.flag("nesterov");
  }
  if (training.name == "adam" || training.name == "adamw") {
    plan.beta1 = training.number("beta1");
    plan.beta2 = training.number("beta2");
    plan.epsilon = training.number("epsilon");
  }
  if (objective != nullptr) read_objective(*objective, plan);
  const Value* norm = model != nullptr ? model->find("norm") : nullptr;
  const auto* kind = norm != nullptr ? norm->get_if<std::string>() : nullptr;
  if (plan.batch == 1 && kind != nullptr && *kind == "batch") {
    throw training.mistake("batch",
                           "'batch' is 1: batch normalisation compares a row with the others of "
                           "its batch, and there would be none",
                           "take larger batches, or model.mlp { norm = \"layer\" }");
  }
  return plan;
}

void fit_plan(TrainingPlan& plan, const Part& training, const ModelShape& shape) {
  if (shape.task == OutcomeKind::survival) {
    // those at risk are the rows of a batch
    if (!training.given("batch")) plan.batch = 0;
    if (plan.batch == 1) {
      throw training.mistake("batch",
                             "'batch' is 1: a patient is compared with the others of the batch, "
                             "and there would be none",
                             "batch = all compares with all patients of the hospital");
    }
  }
  if (plan.class_weights.empty()) return;
  if (std::all_of(plan.class_weights.begin(), plan.class_weights.end(),
                  [](double weight) { return weight == 0; })) {
    throw training.mistake("class_weights", "'class_weights' are all 0: nothing would be learnt",
                           "give the classes weights such as { 1, 5 }");
  }
  if (shape.task != OutcomeKind::binary && shape.task != OutcomeKind::multiclass) {
    throw training.mistake("class_weights",
                           "'class_weights' is given, but the outcome has no classes");
  }
  const std::size_t classes =
      shape.task == OutcomeKind::binary ? 2 : static_cast<std::size_t>(shape.classes);
  if (plan.class_weights.size() != classes) {
    throw training.mistake("class_weights",
                           "'class_weights' has " + std::to_string(plan.class_weights.size()) +
                               " numbers, the outcome has " + std::to_string(classes) + " classes");
  }
}

}  // namespace polyclinic
