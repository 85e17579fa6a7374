#include "fed/personal.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.hpp"

namespace polyclinic {

namespace {

// "hidden1" of "hidden1.weight".
std::string layer_of(const Slice& slice) {
  return slice.name.substr(0, slice.name.find('.'));
}

// The layers of a model, from input to output.
std::vector<std::string> layers_of(const ParameterLayout& layout) {
  std::vector<std::string> layers;
  for (const Slice& slice : layout.slices()) {
    if (layers.empty() || layers.back() != layer_of(slice)) layers.push_back(layer_of(slice));
  }
  return layers;
}

// What `keep` names: layers, or single arrays of them.
std::vector<std::string> names_kept(const Part& part, const ParameterLayout& layout) {
  const std::vector<std::string> layers = layers_of(layout);
  const Value& keep = part.at("keep");
  if (keep.get_if<std::string>() != nullptr) return {layers.back()};
  if (const auto last = keep.integer()) {
    const auto some = std::min<std::ptrdiff_t>(*last, std::ssize(layers));
    return {layers.end() - some, layers.end()};
  }
  std::vector<std::string> names;
  for (const Value& name : part.list("keep")) names.push_back(name.as<std::string>());
  return names;
}

bool keeps_norm(const Part& part) {
  const auto* keep = part.at("keep").get_if<std::string>();
  return keep != nullptr && *keep == "norm";
}

// FedBN: what normalises stays, wherever it is in the model.
std::shared_ptr<const HomeLayers> home_norm(const Part& part,
                                            const std::shared_ptr<const ParameterLayout>& layout) {
  std::vector<bool> keep;
  for (const Slice& slice : layout->slices()) {
    keep.push_back(slice.role == Role::norm_scale || slice.role == Role::norm_shift ||
                   slice.role == Role::norm_statistic);
  }
  if (std::count(keep.begin(), keep.end(), true) == 0) {
    throw part.mistake("keep",
                       "keep = \"norm\" keeps what normalises the layers of the model, and "
                       "nothing does",
                       "model.mlp { norm = \"batch\" }");
  }
  return std::make_shared<const HomeLayers>(layout, std::move(keep));
}

std::shared_ptr<const HomeLayers> home_layers(
    const Part& part, const std::shared_ptr<const ParameterLayout>& layout) {
  if (keeps_norm(part)) return home_norm(part, layout);
  std::vector<bool> keep(layout->slices().size(), false);
  for (const std::string& name : names_kept(part, *layout)) {
    bool found = false;
    std::vector<std::string> there = layers_of(*layout);
    for (std::size_t i = 0; i < keep.size(); ++i) {
      const Slice& slice = layout->slices()[i];
      there.push_back(slice.name);
      if (slice.name != name && layer_of(slice) != name) continue;
      keep[i] = true;
      found = true;
    }
    if (found) continue;
    throw part.mistake("keep", fmt::format("the model has no layer \"{}\"", name),
                       "it has " + join_names(there, true));
  }
  const auto kept = std::count(keep.begin(), keep.end(), true);
  if (kept == 0) {
    throw part.mistake("keep", "'keep' names no layer: all would travel",
                       "keep = \"head\" keeps the output layer, or leave out personal");
  }
  if (kept == std::ssize(keep)) {
    throw part.mistake(
        "keep",
        fmt::format("'keep' names all layers of the model ({}): nothing would be "
                    "shared",
                    fmt::join(layers_of(*layout), ", ")),
        "keep fewer, or give the model hidden layers: model.mlp { hidden = { 16 } }");
  }
  return std::make_shared<const HomeLayers>(layout, std::move(keep));
}

// Two trainings, where something counts with one.
void check_twice(const Part& part, const PersonalContext& context) {
  const std::string name = "personal." + part.name;
  if (context.stragglers) {
    throw part.mistake("",
                       fmt::format("stragglers finish a part of one training, and {} has two of "
                                   "which nobody says how far they get",
                                   name),
                       "leave out stragglers, or personal");
  }
  const Part* privacy = context.privacy;
  if (part.name != "layers" || privacy == nullptr) return;
  if (privacy->name != "record" && privacy->name != "patient") return;
  throw part.mistake(
      "alternate",
      fmt::format("privacy.{} accounts for the noisy steps of one training, and what "
                  "is sent would depend on those of the kept layers besides",
                  privacy->name),
      "leave out 'alternate': layers that are trained together are all noised");
}

void read_layers(const Part& part, const PersonalContext& context, PersonalRule& rule) {
  rule.kind = PersonalRule::Kind::layers;
  rule.layers = home_layers(part, context.layout);
  rule.new_epochs = part.number("new_epochs");
  rule.estimates = keeps_norm(part) && rule.layers->kept()->has(Role::norm_statistic);
  rule.alternate = part.find("alternate") != nullptr;
  rule.plan.epochs = rule.alternate ? part.number("alternate") : rule.new_epochs;
  rule.plan.steps = 0;
}

void refuse(const Part& part, const std::string& what, const std::string& instead) {
  throw part.mistake("", fmt::format("personal.{} {}", part.name, what), instead);
}

// A model in the steps of the shared one, where those steps are something else besides.
void check_in_steps(const Part& part, const PersonalContext& context) {
  const Part* privacy = context.privacy;
  if (privacy != nullptr && (privacy->name == "record" || privacy->name == "patient")) {
    refuse(part,
           fmt::format("takes several gradients of the rows of a step, and privacy.{} accounts for "
                       "one",
                       privacy->name),
           "personal.ditto, or privacy.local_dp, .hospital or .distributed");
  }
  if (part.name == "mixture") {
    if (context.plan->optimizer != TrainingPlan::Optimizer::sgd) {
      refuse(part, "makes plain steps of descent with the mixture, as training.sgd does",
             "training = training.sgd {}");
    }
    if (context.layout->has(Role::norm_statistic)) {
      refuse(part,
             "mixes two models number by number, and running statistics of two are not those of "
             "the mixture",
             "model.mlp { norm = \"layer\" }");
    }
    return;
  }
  if (context.objective != nullptr) {
    refuse(part,
           fmt::format("pulls by an objective of its own, and objective.{} is another",
                       context.objective->name),
           "leave out objective, or personal");
  }
  const std::string& rule = context.aggregation->name;
  if (rule != "normalized" && rule != "q_fair") return;
  refuse(part,
         fmt::format("moves the shared model by lambda times its rate, and aggregation.{} takes an "
                     "update for a sum of gradients",
                     rule),
         "aggregation = aggregation.mean {}");
}

void read_in_steps(const Part& part, const PersonalContext& context, PersonalRule& rule) {
  rule.kind = PersonalRule::Kind::in_steps;
  check_in_steps(part, context);
  if (part.name == "mixture") {
    rule.own.kind = OwnModel::Kind::mixture;
    rule.own.adapts = part.flag("adapt");
    rule.first_share = part.number("alpha");
    return;
  }
  rule.own.kind = OwnModel::Kind::envelope;
  rule.own.lambda = part.number("lambda");
  rule.own.inner = part.integer("inner");
  rule.own.rate = part.number("rate");
}

}  // namespace

PersonalRule personal_rule(const Part* part, const PersonalContext& context) {
  PersonalRule rule;
  if (part == nullptr) return rule;
  rule.plan = *context.plan;
  rule.plan.control = TrainingPlan::Control::none;
  rule.plan.keep_optimizer_state = false;
  rule.plan.proximal = 0.0;
  rule.plan.contrast = {};
  if (part->name == "envelope" || part->name == "mixture") {
    read_in_steps(*part, context, rule);
    return rule;
  }
  if (part->name == "layers") {
    read_layers(*part, context, rule);
  } else if (part->name == "ditto") {
    rule.kind = PersonalRule::Kind::ditto;
    rule.plan.proximal = part->number("lambda");
  } else {
    ENSURE(part->name == "fine_tuned", "schemas name only what exists");
    rule.kind = PersonalRule::Kind::fine_tuned;
  }
  if (rule.trains_twice()) check_twice(*part, context);
  if (part->find("epochs")) {
    rule.plan.epochs = part->number("epochs");
    rule.plan.steps = 0;
  }
  if (part->find("rate")) {
    rule.plan.schedule = Schedule{};
    rule.plan.schedule.rate = part->number("rate");
  }
  return rule;
}

namespace {

Schema layers_schema(const Field& rate) {
  Field own_rate = rate;
  own_rate.doc = "learning rate of the kept layers where they are trained alone";
  return Schema{
      .kind = "personal",
      .name = "layers",
      .doc =
          "Some layers of the model stay at the hospital; the others travel and are averaged, "
          "and nothing else is a part of messages, sums, noise or compression. Each hospital is "
          "scored with the shared layers and its own. One that has none of its own yet (it "
          "never trained, or is external) is scored after fitting them, from the initial ones, "
          "to its training rows, which is not on the clock; where batch normalisation stays, by "
          "taking the statistics of those rows, whose outcomes nobody looks at.",
      .paper =
          "Arivazhagan et al. 2019, Federated Learning with Personalization Layers, Algorithm "
          "1; Collins et al. 2021, Exploiting Shared Representations for Personalized "
          "Federated Learning, Algorithm 1; norm: Li, Jiang, Zhang, Kamp, Dou 2021, FedBN: "
          "Federated Learning on Non-IID Features via Local Batch Normalization, Algorithm 1",
      .fields =
          {Field{"keep",
                 type::choice({"head", "norm"}) | type::integer().at_least(1) |
                     type::list(type::text()),
                 "head",
                 "what stays: \"head\" (the output layer), \"norm\" (scale, shift and statistics "
                 "of every normalised layer), a number of last layers, or a list of names: layers "
                 "(\"hidden2\") or arrays (\"output.bias\")"},
           Field{"alternate",
                 type::number().above(0) | type::none(),
                 {},
                 "epochs in which a hospital trains the kept layers alone, before it trains the "
                 "others alone as long as training says",
                 false,
                 "none: all layers are trained together"},
           Field{"new_epochs", type::number().above(0), 10.0,
                 "epochs in which a hospital that has no layers of its own fits them"},
           own_rate},
      .example = "personal = personal.layers { keep = \"head\", alternate = 5 }"};
}

Schema envelope_schema() {
  return Schema{
      .kind = "personal",
      .name = "envelope",
      .doc =
          "Each hospital has a model of its own near the shared one: on the rows of each step "
          "`inner` steps of training's rate bring it near the least of f(v) + lambda/2 |v - w|^2, "
          "and then w <- w - rate lambda (w - v). w travels; a hospital is scored with its v of "
          "the last training. All steps take time on the clock; nothing more travels.",
      .paper =
          "Dinh, Tran, Nguyen 2020, Personalized Federated Learning with Moreau Envelopes "
          "(pFedMe), Algorithm 1",
      .fields = {Field{"lambda", type::number().above(0), 15.0,
                       "strength of the pull between both models"},
                 Field{"inner", type::integer().between(1, 1000), std::int64_t{5},
                       "steps of the own model in each of the shared one (K)"},
                 Field{"rate", type::number().above(0), 0.005,
                       "learning rate of the shared model (eta); that of the own one is "
                       "training's"}},
      .example = "personal = personal.envelope { lambda = 15, inner = 5, rate = 0.005 }"};
}

Schema mixture_schema() {
  return Schema{
      .kind = "personal",
      .name = "mixture",
      .doc =
          "Each hospital mixes a model of its own with the shared one, alpha v + (1 - alpha) w, "
          "and is scored with the mixture, w being the newest global model. On the rows of every "
          "step w trains as without it, and v by the gradient at the mixture; the second gradient "
          "is on the clock. Nothing more travels.",
      .paper =
          "Deng, Kamani, Mahdavi 2020, Adaptive Personalized Federated Learning (APFL), "
          "Algorithm 1",
      .fields = {Field{
                     "alpha", type::number().between(0, 1), 0.5,
                     "share of the own model; 0: the global model, 1: training alone. With adapt: "
                     "at the start"},
                 Field{"adapt", type::boolean(), false,
                       "every hospital moves its share by a step of descent at the first step of "
                       "each training, the adaptive variant"}},
      .example = "personal = personal.mixture { alpha = 0.25 }"};
}

}  // namespace

std::vector<Schema> personal_schemas() {
  const Field rate{"rate", type::number().above(0), {}, "learning rate of the own model",
                   false,  "that of training"};
  const auto epochs = [](std::string standard) {
    return Field{"epochs", type::number().above(0), {}, "epochs of the own model in each training",
                 false,    std::move(standard)};
  };
  Field once{"epochs", type::number().above(0), 1.0, "epochs at home"};
  return {
      Schema{
          .kind = "personal",
          .name = "ditto",
          .doc = "Each hospital trains a model of its own beside the global one, pulled towards "
                 "it by lambda/2 |v - w_global|^2, and is scored with its own. The second "
                 "training takes time on the clock; nothing more travels.",
          .paper = "Li et al. 2021, Ditto: Fair and Robust Federated Learning Through "
                   "Personalization, Algorithm 1",
          .fields = {Field{"lambda", type::number().at_least(0), 1.0,
                           "strength of the pull; 0: models of their own, large: the global one"},
                     epochs("those of training"), rate},
          .example = "personal = personal.ditto { lambda = 0.1 }"},
      Schema{.kind = "personal",
             .name = "fine_tuned",
             .doc = "Each hospital is scored with the global model after a little more training on "
                    "its own rows. That happens beside the run, whenever it is measured, and is "
                    "not on the clock.",
             .paper = "Wang et al. 2019, Federated Evaluation of On-device Personalization",
             .fields = {std::move(once), rate},
             .example = "personal = personal.fine_tuned { epochs = 1 }"},
      layers_schema(rate), envelope_schema(), mixture_schema()};
}

}  // namespace polyclinic
