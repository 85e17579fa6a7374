#include "fed/personal.hpp"

#include "base/check.hpp"

namespace polyclinic {

PersonalRule personal_rule(const Part* part, const TrainingPlan& plan, bool stragglers) {
  PersonalRule rule;
  if (part == nullptr) return rule;
  ENSURE(part->name == "ditto" || part->name == "fine_tuned", "schemas name only what exists");
  const bool ditto = part->name == "ditto";
  if (ditto && stragglers) {
    throw part->mistake("",
                        "stragglers finish a part of one training, and personal.ditto has two of "
                        "which nobody says how far they get",
                        "leave out stragglers, or personal");
  }
  rule.kind = ditto ? PersonalRule::Kind::ditto : PersonalRule::Kind::fine_tuned;
  rule.plan = plan;
  rule.plan.control = TrainingPlan::Control::none;
  rule.plan.keep_optimizer_state = false;
  rule.plan.proximal = ditto ? part->number("lambda") : 0.0;
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
             .example = "personal = personal.fine_tuned { epochs = 1 }"}};
}

}  // namespace polyclinic
