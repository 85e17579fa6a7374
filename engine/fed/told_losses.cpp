#include "fed/told_losses.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.hpp"
#include "fed/async_server.hpp"

namespace polyclinic {

namespace {

bool rule_hears(const Part& aggregation) {
  if (aggregation.name == "custom") return aggregation.flag("losses");
  return aggregation.name == "q_fair" || aggregation.name == "agnostic";
}

bool pull_moves(const Part* objective) {
  return objective != nullptr && objective->name == "proximal" && objective->number("adapt") > 0;
}

}  // namespace

bool tells_losses(const Part& aggregation, const Part* objective) {
  return rule_hears(aggregation) || pull_moves(objective);
}

std::vector<Mistake> told_loss_conflicts(const Part& aggregation, const Part* objective,
                                         const Part& protocol, const Part* secure,
                                         const Part* privacy) {
  std::vector<Mistake> mistakes;
  const auto refuse = [&](const Part& part, std::string_view what, const Part* other,
                          std::string_view why, std::string_view instead) {
    if (other == nullptr) return;
    mistakes.push_back(
        {part.where,
         fmt::format("{} and {}.{} exclude each other: {}", what, other->kind, other->name, why),
         std::string(instead)});
  };
  const auto check = [&](const Part& part, std::string_view what, std::string_view instead) {
    refuse(part, what, privacy,
           "the losses that hospitals tell are made of their patients' rows, without noise",
           instead);
    refuse(part, what, protocol.name == "hierarchical" ? &protocol : nullptr,
           "regional aggregators do not hear losses", instead);
  };
  if (rule_hears(aggregation)) {
    // what a secure sum keeps from the server it keeps from every rule but the mean: said there
    const std::string what = "aggregation." + aggregation.name;
    check(aggregation, what, "a rule that hears no losses, for example aggregation.mean");
    if (aggregation.name != "custom") {
      refuse(aggregation, what, protocol.name == "async" ? &protocol : nullptr,
             "a version is made of one update, and there is nothing to weigh it against",
             "use protocol.buffered or protocol.sync");
    }
  }
  if (pull_moves(objective)) {
    const char* const what = "objective.proximal with adapt";
    const char* const instead = "leave out adapt: mu then stays as it is";
    check(*objective, what, instead);
    refuse(*objective, what, secure,
           "the server would learn each hospital's loss, whose update it must not see", instead);
    refuse(*objective, what, is_asynchronous(protocol) ? &protocol : nullptr,
           "a loss rises or falls from round to round, and the updates of a version there start "
           "from several",
           instead);
  }
  return mistakes;
}

AdaptiveProximal::AdaptiveProximal(const TrainingPlan& plan)
    : mu_(plan.proximal),
      step_(plan.proximal_step),
      falls_needed_(plan.proximal_falls),
      least_(mu_),
      most_(mu_) {
  ENSURE(step_ > 0, "a pull that moves has a step");
}

void AdaptiveProximal::hear(double loss) {
  if (last_) {
    falls_ = loss < *last_ ? falls_ + 1 : 0;
    if (loss > *last_) mu_ += step_;
    if (falls_ == falls_needed_) {
      mu_ = std::max(0.0, mu_ - step_);
      falls_ = 0;  // the next so many begin here
    }
  }
  last_ = loss;
  least_ = std::min(least_, mu_);
  most_ = std::max(most_, mu_);
}

}  // namespace polyclinic
