#include "fed/stragglers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/check.hpp"

namespace polyclinic {

StragglerRule straggler_rule(const Part& part, const TrainingPlan& plan) {
  ENSURE(part.name == "random", "schemas name only stragglers that exist");
  StragglerRule rule;
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

TrainingPlan with_epochs(TrainingPlan plan, std::int64_t epochs) {
  if (epochs > 0) plan.epochs = static_cast<double>(epochs);
  return plan;
}

std::vector<Schema> straggler_schemas() {
  return {Schema{
      .kind = "stragglers",
      .name = "random",
      .doc = "In every round some participants, drawn anew, finish only a part of their epochs in "
             "the time in which they would finish all. What that time is and whether they are late "
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
