#include "learn/model.hpp"

#include <algorithm>
#include <cmath>

#include "base/check.hpp"
#include "learn/dense/network.hpp"

namespace polyclinic {
namespace {

using dense::Activation;
using dense::Head;
using dense::NetworkSpec;

// What fits the outcome, for the hint of a refusal.
std::string models_for(OutcomeKind kind) {
  switch (kind) {
    case OutcomeKind::binary: return "model.logistic {} and model.mlp {} predict yes or no";
    case OutcomeKind::multiclass:
      return "model.softmax {} and model.mlp {} predict one of several classes";
    case OutcomeKind::regression: return "model.linear {} and model.mlp {} predict a number";
    case OutcomeKind::count: return "model.linear {} and model.mlp {} predict a count (Poisson)";
    case OutcomeKind::survival:
      return "model.cox {} and model.mlp {} predict the hazard of an event";
  }
  return {};
}

std::string outcome_text(OutcomeKind kind) {
  switch (kind) {
    case OutcomeKind::binary: return "yes or no";
    case OutcomeKind::multiclass: return "one of several classes";
    case OutcomeKind::regression: return "a number";
    case OutcomeKind::count: return "a count";
    case OutcomeKind::survival: return "a time to an event";
  }
  return {};
}

[[noreturn]] void refuse(const Part& part, OutcomeKind kind) {
  throw ScenarioError(
      part.where, "model." + part.name + " does not fit an outcome that is " + outcome_text(kind),
      models_for(kind));
}

Head head_of(OutcomeKind kind) {
  switch (kind) {
    case OutcomeKind::binary: return Head::sigmoid;
    case OutcomeKind::multiclass: return Head::softmax;
    case OutcomeKind::regression: return Head::squared;
    case OutcomeKind::count: return Head::poisson;
    case OutcomeKind::survival: return Head::cox;
  }
  return Head::squared;
}

Activation activation_of(const std::string& name) {
  if (name == "tanh") return Activation::tanh;
  return name == "gelu" ? Activation::gelu : Activation::relu;
}

bool fits(const std::string& model, OutcomeKind kind) {
  if (model == "mlp") return true;
  if (model == "logistic") return kind == OutcomeKind::binary;
  if (model == "softmax") return kind == OutcomeKind::multiclass;
  if (model == "linear") return kind == OutcomeKind::regression || kind == OutcomeKind::count;
  return model == "cox" && kind == OutcomeKind::survival;
}

// A model that no memory holds is refused by its number rather than met as a failed allocation: the
// federation keeps several copies of it.
void check_size(const Part& part, const NetworkSpec& spec) {
  constexpr double kParametersMost = 250e6;
  double parameters = 0;
  double inputs = spec.features;
  for (const std::int32_t width : spec.hidden) {
    parameters += (inputs + 1) * width;
    inputs = width;
  }
  parameters += (inputs + 1) * spec.outputs;
  if (parameters <= kParametersMost) return;
  throw part.mistake("hidden",
                     "a model of " + std::to_string(static_cast<std::int64_t>(parameters)) +
                         " parameters is too large",
                     "at most 250000000 are trained: take fewer or narrower layers");
}

// What normalises the hidden layers; their widths are known.
void read_norm(const Part& part, NetworkSpec& spec) {
  const Value* given = part.find("norm");
  const auto* norm = given != nullptr ? given->get_if<std::string>() : nullptr;
  const Value* groups = part.find("groups");
  const auto parts = groups != nullptr ? groups->integer() : std::nullopt;
  const bool grouped = norm != nullptr && *norm == "group";
  if (parts && !grouped) {
    throw part.mistake("groups", "'groups' is about norm = \"group\", which is not chosen",
                       "leave out 'groups'");
  }
  if (norm == nullptr) return;
  if (spec.hidden.empty()) {
    throw part.mistake("norm", "'norm' is about hidden layers, and there are none",
                       "model.mlp { hidden = { 32 }, norm = \"" + *norm + "\" }");
  }
  spec.norm = *norm == "batch" ? dense::Norm::batch
              : grouped        ? dense::Norm::group
                               : dense::Norm::layer;
  if (spec.norm == dense::Norm::batch) return;
  if (grouped && !parts) {
    throw part.mistake("norm", "norm = \"group\" needs to know how many groups a layer has",
                       "groups = 4 makes four groups of units of each layer");
  }
  spec.groups = parts.value_or(1);
  for (const std::int32_t width : spec.hidden) {
    if (width % spec.groups == 0 && width / spec.groups >= 2) continue;
    const std::string layer =
        "a layer of " + std::to_string(width) + " unit" + (width == 1 ? "" : "s");
    throw part.mistake(
        grouped ? "groups" : "norm",
        grouped ? layer + " has no " + std::to_string(spec.groups) +
                      " equal groups of two or more units"
                : layer + " has no other units to be normalised by",
        grouped ? "let 'groups' divide the width of every hidden layer" : "make it wider");
  }
}

}  // namespace

std::unique_ptr<Model> make_model(const Part& part, const ModelShape& shape) {
  if (!fits(part.name, shape.task)) refuse(part, shape.task);
  NetworkSpec spec;
  spec.name = part.name;
  spec.features = shape.features;
  spec.outputs = shape.task == OutcomeKind::multiclass ? shape.classes : 1;
  spec.head = head_of(shape.task);
  if (part.name == "mlp") {
    for (const Value& width : part.list("hidden")) {
      spec.hidden.push_back(static_cast<std::int32_t>(*width.integer()));
    }
    check_size(part, spec);
    spec.activation = activation_of(part.text("activation"));
    spec.dropout = part.number("dropout");
    read_norm(part, spec);
  } else {
    spec.l2 = part.number("l2");
  }
  if (part.name == "cox" && part.text("ties") == "breslow") spec.ties = dense::Ties::breslow;
  return std::make_unique<dense::Network>(std::move(spec));
}

ParameterVector initial_parameters(const Model& model, const Part& part, Stream stream,
                                   std::span<const float> from_file) {
  ParameterVector parameters(model.layout());
  const Value* init = part.find("init");
  if (init == nullptr || init->get_if<None>() != nullptr) {
    model.initialise(parameters, stream);
    return parameters;
  }
  std::vector<float> values(from_file.begin(), from_file.end());
  if (const auto* numbers = init->get_if<Numbers>()) {
    values.assign((*numbers)->size(), 0.0F);
    std::transform((*numbers)->begin(), (*numbers)->end(), values.begin(),
                   [](double x) { return static_cast<float>(x); });
  }
  const auto wanted = static_cast<std::size_t>(model.layout()->size());
  if (values.size() != wanted) {
    throw part.mistake("init",
                       "'init' has " + std::to_string(values.size()) + " numbers, the model has " +
                           std::to_string(wanted) + " parameters",
                       std::string("per layer the weights, outputs x inputs row after row, then "
                                   "the biases") +
                           (model.layout()->has(Role::norm_scale)
                                ? ", then what normalises it: scale, shift, running mean, variance"
                                : ""));
  }
  if (!std::all_of(values.begin(), values.end(), [](float x) { return std::isfinite(x); })) {
    throw part.mistake("init", "'init' holds a number that is not finite as a 32-bit float");
  }
  parameters.assign_compact(values);
  return parameters;
}

}  // namespace polyclinic
