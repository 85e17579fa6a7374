#include "fed/stragglers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/check.hpp"
#include "fed/async_server.hpp"
#include "fed/schema_help.hpp"

namespace polyclinic {

namespace {

PaceRule pace_rule(const Part& part, const TrainingPlan& plan) {
  if (plan.steps > 0) {
    throw part.mistake("", "stragglers.by_speed chooses how many epochs, and training counts steps",
                       "say how long a training lasts at most: training.sgd { epochs = 20 }");
  }
  PaceRule rule;
  rule.target = part.time("target");
  rule.least = part.integer("epochs_least");
  rule.most = static_cast<std::int64_t>(std::floor(plan.epochs));
  rule.registered = part.text("first") == "registered";
  rule.newest = part.number("newest");
  if (rule.least >= rule.most) {
    throw part.mistake("epochs_least",
                       fmt::format("stragglers.by_speed has nothing to choose: at least {} and at "
                                   "most {:g} epochs",
                                   rule.least, plan.epochs),
                       "training says how many are the most: training.sgd { epochs = 20 }");
  }
  return rule;
}

}  // namespace

StragglerRule straggler_rule(const Part& part, const TrainingPlan& plan) {
  StragglerRule rule;
  if (part.name == "by_speed") {
    rule.pace = pace_rule(part, plan);
    return rule;
  }
  ENSURE(part.name == "random", "schemas name only stragglers that exist");
  rule.share = part.number("share");
  rule.dropped = part.text("work") == "drop";
  if (plan.steps > 0) {
    throw part.mistake("share", "stragglers finish a part of the epochs, and training counts steps",
                       "say how long a training lasts in epochs: training.sgd { epochs = 20 }");
  }
  const auto whole = static_cast<std::int64_t>(std::ceil(plan.epochs));
  rule.epochs_least = part.integer("epochs_least");
  rule.epochs_most = part.find("epochs_most") ? part.integer("epochs_most") : whole - 1;
  if (rule.epochs_most >= whole) {
    throw part.mistake("epochs_most",
                       fmt::format("a straggler that finishes {} of {} epochs is none",
                                   rule.epochs_most, plan.epochs),
                       "epochs_most is less than the epochs of training");
  }
  if (rule.epochs_least > rule.epochs_most) {
    throw part.mistake("epochs_least",
                       fmt::format("stragglers finish at least {} and at most {} of {} epochs",
                                   rule.epochs_least, rule.epochs_most, plan.epochs),
                       "training needs more epochs: training.sgd { epochs = 20 }");
  }
  return rule;
}

std::vector<std::int64_t> straggler_epochs(const StragglerRule& rule,
                                           std::span<const HospitalId> participants, RunKey run,
                                           std::int64_t round) {
  std::vector<std::int64_t> epochs(participants.size(), 0);
  const auto count =
      static_cast<std::size_t>(std::llround(rule.share * static_cast<double>(epochs.size())));
  if (count == 0) return epochs;
  struct Draw {
    double slowness;
    std::size_t index;
    std::int64_t epochs;
  };
  std::vector<Draw> draws;
  draws.reserve(epochs.size());
  const auto span = static_cast<std::uint64_t>(rule.epochs_most - rule.epochs_least + 1);
  for (std::size_t i = 0; i < epochs.size(); ++i) {
    Stream stream(run, Purpose::kStraggler, participants[i].value,
                  static_cast<std::uint64_t>(round));
    const double slowness = stream.uniform();
    draws.push_back(
        {slowness, i, rule.epochs_least + static_cast<std::int64_t>(stream.below(span))});
  }
  std::sort(draws.begin(), draws.end(), [](const Draw& a, const Draw& b) {
    return a.slowness != b.slowness ? a.slowness < b.slowness : a.index < b.index;
  });
  for (std::size_t k = 0; k < count; ++k) epochs[draws[k].index] = draws[k].epochs;
  return epochs;
}

std::vector<Mistake> straggler_conflicts(const Part& scenario) {
  std::vector<Mistake> mistakes;
  const Part* part = scenario.part("stragglers");
  if (part == nullptr) return mistakes;
  const Part& protocol = *scenario.part("protocol");
  const auto refuse = [&](std::string_view with, std::string_view why, std::string hint) {
    mistakes.push_back(
        {part->where,
         fmt::format("stragglers.{} cannot be combined with {}: {}", part->name, with, why),
         std::move(hint)});
  };
  const std::string name = "protocol." + protocol.name;
  if (part->name == "by_speed") {
    if (protocol.name == "gossip" || protocol.name == "cyclic") {
      refuse(name, "there is no server that keeps how long the hospitals took",
             "use protocol.sync, or leave out 'stragglers'");
    }
    if (protocol.name == "swarm") {
      refuse(name,
             "who aggregates keeps how long the hospitals took, and another one aggregates in the "
             "next round",
             "use protocol.sync, or leave out 'stragglers'");
    }
    // asynchronous protocols have none unless it is given
    const Value* given = scenario.find("deadline");
    const Quantity* deadline = given != nullptr ? given->get_if<Quantity>() : nullptr;
    if (deadline != nullptr && deadline->value < part->quantity("target")) {
      mistakes.push_back(
          {part->where_of("target"),
           fmt::format("'target' is {}, and no reply counts after the deadline of {}",
                       to_text(part->time("target")), to_text(*deadline)),
           "a target below the deadline: replies take longer and shorter than "
           "expected"});
    }
    return mistakes;
  }
  if (is_asynchronous(protocol)) {
    refuse(name, "they are a share of a round's participants, and there are no rounds",
           "let speeds differ: hospitals { speed = lognormal { ... } }, or stragglers.by_speed");
  }
  return mistakes;
}

TrainingPlan with_epochs(TrainingPlan plan, std::int64_t epochs) {
  if (epochs > 0) plan.epochs = static_cast<double>(epochs);
  return plan;
}

namespace {

Schema by_speed_schema() {
  return Schema{
      .kind = "stragglers",
      .name = "by_speed",
      .doc =
          "Each hospital is asked for as many epochs as fit into `target`, at most those of "
          "training. The server goes by what it can know: when it invited, when the reply came, "
          "and how long the hospital says that it trained. Who has not answered when the target "
          "is over is asked for half as many next.",
      .paper =
          "Li et al. 2020 (FedProx, section 3.2) lets the work differ between devices; the "
          "estimate is this program's own",
      .fields = {Field{
                     "target",
                     type::quantity(Dimension::time).above(0),
                     {},
                     "how long a reply is to take from the invitation on, in the mean: about half "
                     "of them take longer",
                     true},
                 Field{"epochs_least", type::integer().at_least(1), std::int64_t{1},
                       "nobody is asked for fewer, however slow"},
                 Field{"first", type::choice({"least", "registered"}), "least",
                       "before its first reply a hospital is asked for the least; or for what the "
                       "machine would do in the target that it registered with, if nothing but "
                       "training took time"},
                 Field{"newest", some_share(type::number()), 0.5,
                       "weight of a reply in the estimates of a hospital's times, against all "
                       "before it; 1: the last one alone counts"}},
      .example = "stragglers = stragglers.by_speed { target = minutes(20) }"};
}

}  // namespace

std::vector<Schema> straggler_schemas() {
  return {
      by_speed_schema(),
      Schema{
          .kind = "stragglers",
          .name = "random",
          .doc =
              "In every round some participants, drawn anew, finish only a part of their epochs in "
              "the time in which they would finish all. What that time is and whether they are "
              "late "
              "besides, machines and deadline say as ever.",
          .paper = "Li et al. 2020, Federated Optimization in Heterogeneous Networks (FedProx), "
                   "section 5.2",
          .fields = {Field{"share",
                           type::number().between(0, 1),
                           {},
                           "of the participants of a round, rounded to whole hospitals",
                           true},
                     Field{"epochs_least", type::integer().at_least(1), std::int64_t{1},
                           "a straggler finishes at least so many epochs"},
                     Field{"epochs_most",
                           type::integer().at_least(1),
                           {},
                           "and at most so many, each number as likely",
                           false,
                           "one less than training has"},
                     Field{"work", type::choice({"keep", "drop"}), "keep",
                           "keep: what a straggler has done is sent and counts as any other update "
                           "(FedProx); drop: it is given up (FedAvg)"}},
          .example = "stragglers = stragglers.random { share = 0.5, work = \"keep\" }"}};
}

}  // namespace polyclinic
