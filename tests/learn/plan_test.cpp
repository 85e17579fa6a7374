// From the vocabulary to models and plans: defaults, refusals, schedules.
#include <doctest/doctest.h>

#include <numbers>
#include <numeric>

#include "base/error.hpp"
#include "support.hpp"

using namespace polyclinic;

namespace {

const Schema& schema(const std::string& name) {
  static const std::vector<Schema> all = learn_schemas();
  for (const Schema& s : all) {
    if (s.full_name() == name) return s;
  }
  FAIL("no schema " << name);
  return all.front();
}

Part part(const std::string& name, std::vector<FieldValue> fields = {}) {
  std::vector<Mistake> mistakes;
  Part p = schema(name).resolve(std::move(fields), {"test.lua", 3, 1}, mistakes);
  for (const Mistake& m : mistakes) FAIL(m.message);
  return p;
}

FieldValue field(std::string name, Value value) {
  return {std::move(name), std::move(value), {}, true};
}

std::string refusal(const std::function<void()>& body) {
  try {
    body();
  } catch (const ScenarioError& error) {
    return error.mistakes().front().message + " | " + error.mistakes().front().hint;
  }
  return "accepted";
}

ModelShape shape(OutcomeKind kind) {
  return {.features = 12, .task = kind, .classes = 3};
}

}  // namespace

TEST_CASE("every schema says what it is, with an example and a line for each field") {
  for (const Schema& s : learn_schemas()) {
    CAPTURE(s.full_name());
    CHECK_FALSE(s.doc.empty());
    CHECK(s.example.find(s.full_name()) != std::string::npos);
    for (const Field& f : s.fields) {
      CHECK_FALSE(f.doc.empty());
      // a default, or words for it, or a value that must be given
      CHECK((f.required || !f.standard.absent() || !f.standard_text.empty()));
    }
  }
}

TEST_CASE("defaults are those of science.md") {
  const TrainingPlan sgd = make_plan(part("training.sgd"), nullptr);
  CHECK(sgd.batch == 32);
  CHECK(sgd.epochs == 1);
  CHECK(sgd.steps == 0);
  CHECK(sgd.schedule.at(0) == 0.05);
  CHECK(sgd.proximal == 0);
  const Part logistic = part("model.logistic");
  const Part mlp = part("model.mlp");
  CHECK(make_plan(part("training.sgd"), nullptr, &logistic).schedule.at(7) == 0.1);
  CHECK(make_plan(part("training.sgd"), nullptr, &mlp).schedule.at(7) == 0.05);
  CHECK(make_plan(part("training.adam"), nullptr, &logistic).schedule.at(0) == 0.001);
  const auto model = make_model(mlp, shape(OutcomeKind::binary));
  CHECK(model->layout()->size() == 12 * 64 + 64 + 64 * 32 + 32 + 32 + 1);
  CHECK(model->layout()->slices()[0].name == "hidden1.weight");
  CHECK(model->layout()->slices()[0].shape == std::vector<std::int64_t>{64, 12});
  CHECK(model->layout()->slices()[5].name == "output.bias");
  CHECK(model->flops_per_row() == 6.0 * static_cast<double>(model->layout()->size()));
}

TEST_CASE("a plan takes every field over") {
  const Part cosine =
      part("schedule.cosine", {field("rate", 0.2), field("rounds", 10), field("warmup", 2)});
  const Part objective = part("objective.proximal", {field("mu", 0.3)});
  const TrainingPlan p =
      make_plan(part("training.adamw",
                     {field("rate", cosine), field("batch", All{}), field("steps", 7),
                      field("drop_last", true), field("weight_decay", 0.02), field("clip", 1.5),
                      field("class_weights", List{1.0, 4}), field("keep_state", true),
                      field("beta1", 0.8), field("beta2", 0.9), field("epsilon", 1e-6)}),
                &objective);
  CHECK(p.optimizer == TrainingPlan::Optimizer::adamw);
  CHECK(p.batch == 0);
  CHECK(p.steps == 7);
  CHECK(p.drop_last);
  CHECK(p.weight_decay == 0.02);
  CHECK(p.clip_gradient == 1.5);
  CHECK(p.class_weights == std::vector<double>{1, 4});
  CHECK(p.keep_optimizer_state);
  CHECK(p.beta1 == 0.8);
  CHECK(p.beta2 == 0.9);
  CHECK(p.epsilon == 1e-6);
  CHECK(p.proximal == 0.3);
  CHECK(p.schedule.kind == Schedule::Kind::cosine);
  const TrainingPlan m =
      make_plan(part("training.momentum",
                     {field("momentum", 0.5), field("nesterov", true), field("epochs", 0.5)}),
                nullptr);
  CHECK(m.optimizer == TrainingPlan::Optimizer::momentum);
  CHECK(m.momentum == 0.5);
  CHECK(m.nesterov);
  CHECK(m.epochs == 0.5);
}

TEST_CASE("contradictions and misfits are refused with the reason") {
  CHECK(refusal([] {
          make_plan(part("training.sgd", {field("epochs", 2), field("steps", 5)}), nullptr);
        }) == "'epochs' and 'steps' both say how long a training lasts | give one of them");
  CHECK(refusal([] {
          const Part s =
              part("schedule.linear", {field("rate", 0.1), field("rounds", 3), field("warmup", 3)});
          make_plan(part("training.sgd", {field("rate", s)}), nullptr);
        }) == "'warmup' takes all of the schedule's rounds | make it less than rounds = 3");
  CHECK(refusal([] { make_model(part("model.cox"), shape(OutcomeKind::binary)); }) ==
        "model.cox does not fit an outcome that is yes or no | model.logistic {} and model.mlp {} "
        "predict yes or no");
  CHECK(refusal([] { make_model(part("model.logistic"), shape(OutcomeKind::survival)); }) ==
        "model.logistic does not fit an outcome that is a time to an event | model.cox {} and "
        "model.mlp {} predict the hazard of an event");
  const Part weighted = part("training.sgd", {field("class_weights", List{1, 2, 3})});
  TrainingPlan plan = make_plan(weighted, nullptr);
  fit_plan(plan, weighted, shape(OutcomeKind::multiclass));
  CHECK(refusal([&] { fit_plan(plan, weighted, shape(OutcomeKind::binary)); }) ==
        "'class_weights' has 3 numbers, the outcome has 2 classes | ");
  CHECK(refusal([&] { fit_plan(plan, weighted, shape(OutcomeKind::regression)); }) ==
        "'class_weights' is given, but the outcome has no classes | ");
  const Part nothing = part("training.sgd", {field("class_weights", List{0, 0})});
  TrainingPlan none = make_plan(nothing, nullptr);
  CHECK(refusal([&] { fit_plan(none, nothing, shape(OutcomeKind::binary)); }) ==
        "'class_weights' are all 0: nothing would be learnt | give the classes weights such as "
        "{ 1, 5 }");
}

TEST_CASE("survival models compare a patient with all others unless a batch is asked for") {
  const Part free = part("training.sgd");
  TrainingPlan plan = make_plan(free, nullptr);
  CHECK(plan.batch == 32);
  fit_plan(plan, free, shape(OutcomeKind::binary));
  CHECK(plan.batch == 32);
  fit_plan(plan, free, shape(OutcomeKind::survival));
  CHECK(plan.batch == 0);
  const Part asked = part("training.sgd", {field("batch", 20)});
  plan = make_plan(asked, nullptr);
  fit_plan(plan, asked, shape(OutcomeKind::survival));
  CHECK(plan.batch == 20);
  const Part alone = part("training.sgd", {field("batch", 1)});
  plan = make_plan(alone, nullptr);
  CHECK(refusal([&] { fit_plan(plan, alone, shape(OutcomeKind::survival)); }) ==
        "'batch' is 1: a patient is compared with the others of the batch, and there would be none "
        "| batch = all compares with all patients of the hospital");
}

TEST_CASE("which model fits which outcome") {
  const std::vector<OutcomeKind> kinds = {OutcomeKind::binary, OutcomeKind::multiclass,
                                          OutcomeKind::regression, OutcomeKind::count,
                                          OutcomeKind::survival};
  const auto fits = [&](const std::string& name) {
    std::string text;
    for (const OutcomeKind kind : kinds) {
      text += refusal([&] { make_model(part(name), shape(kind)); }) == "accepted" ? '1' : '0';
    }
    return text;
  };
  CHECK(fits("model.logistic") == "10000");
  CHECK(fits("model.softmax") == "01000");
  CHECK(fits("model.linear") == "00110");
  CHECK(fits("model.cox") == "00001");
  CHECK(fits("model.mlp") == "11111");
  CHECK(make_model(part("model.softmax"), shape(OutcomeKind::multiclass))->outputs() == 3);
  CHECK(make_model(part("model.cox"), shape(OutcomeKind::survival))->layout()->size() == 12);
}

TEST_CASE("schedules at hand-computed rounds") {
  Schedule s;
  s.rate = 0.8;
  CHECK(s.at(0) == 0.8);
  s.kind = Schedule::Kind::step;
  s.decay = 0.5;
  s.every = 3;
  CHECK(s.at(2) == 0.8);
  CHECK(s.at(3) == 0.4);
  CHECK(s.at(8) == 0.2);
  s.kind = Schedule::Kind::exponential;
  CHECK(s.at(3) == 0.1);
  s.kind = Schedule::Kind::linear;
  s.rounds = 10;
  s.warmup = 2;
  s.rate_end = 0.4;
  CHECK(s.at(0) == doctest::Approx(0.8 / 3));
  CHECK(s.at(1) == doctest::Approx(0.8 * 2 / 3));
  CHECK(s.at(2) == 0.8);
  CHECK(s.at(6) == doctest::Approx(0.6));
  CHECK(s.at(10) == doctest::Approx(0.4));
  CHECK(s.at(1000) == doctest::Approx(0.4));
  s.kind = Schedule::Kind::cosine;
  CHECK(s.at(2) == 0.8);
  CHECK(s.at(4) == doctest::Approx(0.4 + 0.4 * (1 + std::cos(std::numbers::pi / 4)) / 2));
  CHECK(s.at(10) == doctest::Approx(0.4));
}

TEST_CASE("initial parameters: given numbers, a file's, or the model's law") {
  const Part logistic = part("model.logistic");
  const auto model = make_model(logistic, shape(OutcomeKind::binary));
  const Stream s(make_run_key(1, 0), Purpose::kModelInit, 0);
  CHECK(initial_parameters(*model, logistic, s).norm() == 0);

  std::vector<double> numbers(13);
  std::iota(numbers.begin(), numbers.end(), 1.0);
  const Part given =
      part("model.logistic", {field("init", std::make_shared<const std::vector<double>>(numbers))});
  const std::vector<float> compact = initial_parameters(*model, given, s).compact();
  CHECK(compact[0] == 1.0F);
  CHECK(compact[12] == 13.0F);

  const Part file = part("model.logistic", {field("init", FilePath{"m.npz", "/x/m.npz"})});
  CHECK(initial_parameters(*model, file, s, compact).compact() == compact);
  CHECK(
      refusal([&] { initial_parameters(*model, file, s, std::span(compact).first(5)); }) ==
      "'init' has 5 numbers, the model has 13 parameters | per layer the weights, outputs x inputs "
      "row after row, then the biases");
  numbers[3] = 1e300;
  const Part huge =
      part("model.logistic", {field("init", std::make_shared<const std::vector<double>>(numbers))});
  CHECK(refusal([&] { initial_parameters(*model, huge, s); }) ==
        "'init' holds a number that is not finite as a 32-bit float | ");

  // He: uniform in +-sqrt(6 / 12) for the first layer; mean 0, variance bound^2 / 3
  const Part mlp = part("model.mlp", {field("hidden", List{500})});
  const auto wide = make_model(mlp, shape(OutcomeKind::binary));
  const ParameterVector p = initial_parameters(*wide, mlp, s);
  CHECK(p.hash() == initial_parameters(*wide, mlp, s).hash());
  CHECK(p.hash() !=
        initial_parameters(*wide, mlp, Stream(make_run_key(2, 0), Purpose::kModelInit, 0)).hash());
  double sum = 0;
  double squares = 0;
  const double bound = std::sqrt(0.5);
  for (const float w : p.slice(0)) {
    CHECK(std::fabs(static_cast<double>(w)) <= bound);
    sum += static_cast<double>(w);
    squares += static_cast<double>(w) * static_cast<double>(w);
  }
  const double n = 6000;
  // five standard errors: sd of w is sqrt(1/6); of w^2 it is bound^2 sqrt(4/45)
  CHECK(std::fabs(sum / n) < 5 * std::sqrt(1.0 / 6 / n));
  CHECK(std::fabs(squares / n - 1.0 / 6) < 5 * 0.5 * std::sqrt(4.0 / 45 / n));
  for (const float b : p.slice(1)) CHECK(b == 0);
}
