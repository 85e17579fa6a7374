#include "learn/early_stopping.hpp"

#include <cmath>
#include <string>

namespace polyclinic {

EarlyStopping early_stopping_rule(const Part& training, double epochs, std::int64_t steps) {
  const Part& part = *training.part("early_stopping");
  if (steps > 0) {
    throw training.mistake("early_stopping",
                           "'early_stopping' looks after each epoch, and training counts steps",
                           "say how long a training lasts at most: training.sgd { epochs = 20 }");
  }
  EarlyStopping rule;
  rule.patience = part.integer("patience");
  rule.min_delta = part.number("min_delta");
  rule.on_training = part.text("watch") == "training";
  rule.keep_best = part.text("keep") == "best";
  if (epochs != std::floor(epochs)) {
    throw training.mistake("epochs",
                           "'early_stopping' looks after each epoch, and the last is none",
                           "take whole epochs");
  }
  // the first epoch always is the best so far: the earliest stop is after patience + 1
  if (epochs <= static_cast<double>(rule.patience + 1) && !(rule.keep_best && epochs > 1)) {
    throw part.mistake("patience",
                       "'early_stopping' never stops: the earliest end is after " +
                           std::to_string(rule.patience + 1) + " epochs, and there are no more",
                       "training says how many are the most: training.sgd { epochs = 20 }");
  }
  return rule;
}

bool EpochWatch::goes_on(double loss) {
  ++epochs_;
  if (std::isfinite(loss) && (best_ == 0 || loss < least_ - rule_.min_delta)) {
    best_ = epochs_;
    least_ = loss;
  }
  return epochs_ - best_ < rule_.patience;
}

std::vector<Mistake> early_stopping_conflicts(const Part& scenario) {
  std::vector<Mistake> mistakes;
  const Part& training = *scenario.part("training");
  const Part* part = training.part("early_stopping");
  if (part == nullptr) return mistakes;
  const auto refuse = [&](const std::string& with, const std::string& why, std::string hint) {
    mistakes.push_back({training.where_of("early_stopping"),
                        "early_stopping cannot be combined with " + with + ": " + why,
                        std::move(hint)});
  };
  if (const Part* privacy = scenario.part("privacy")) {
    const std::string name = "privacy." + privacy->name;
    if (privacy->name == "record" || privacy->name == "patient") {
      refuse(name, "when a training stops would depend on records without noise",
             "say how many epochs: every step is accounted for");
    } else if (privacy->name == "local_dp" || privacy->name == "distributed") {
      refuse(name,
             "an update has noise, and when its training stopped, which everybody sees by the "
             "clock, has none",
             "say how many epochs");
    } else if (privacy->name == "hospital") {
      refuse(name,
             "when a version comes out, which everybody sees by the clock, would depend on records "
             "without noise",
             "say how many epochs");
    }
  }
  const Part* stragglers = scenario.part("stragglers");
  if (stragglers != nullptr && stragglers->name == "random") {
    refuse("stragglers.random",
           "a straggler finishes a drawn part of the epochs, and takes as long as all of them",
           "let speeds differ, or use stragglers.by_speed");
  }
  const Part* personal = scenario.part("personal");
  const bool twice =
      personal != nullptr &&
      (personal->name == "ditto" || personal->name == "envelope" || personal->name == "mixture" ||
       (personal->name == "layers" && personal->find("alternate") != nullptr &&
        personal->find("alternate")->integer().value_or(0) > 0));
  if (twice) {
    refuse("personal." + personal->name,
           "two models are trained, and nobody says which of them stops", "leave out one of them");
  }
  return mistakes;
}

Schema early_stopping_schema() {
  return {
      .kind = "early_stopping",
      .doc =
          "A hospital ends its training when a loss on rows of its own has not fallen for "
          "`patience` epochs. It is looked at after each epoch; the clock goes on for the epochs "
          "that ran and for the checks, a forward pass each.",
      .paper = "Prechelt 1998, Early Stopping - But When?",
      .fields = {{.name = "patience",
                  .type = type::integer().between(1, 1e6),
                  .standard = std::int64_t{2},
                  .doc = "epochs in a row without a new least loss after which it stops"},
                 {.name = "min_delta",
                  .type = type::number().at_least(0),
                  .standard = 0.0,
                  .doc = "a loss is a new least one only if it is less by more than this"},
                 {.name = "watch",
                  .type = type::choice({"validation", "training"}),
                  .standard = "validation",
                  .doc =
                      "validation: the loss on the hospital's validation rows, on which nobody "
                      "trains (a hospital without any trains all its epochs); training: the mean "
                      "loss of the epoch's own steps, which costs nothing and sees no "
                      "overfitting"},
                 {.name = "keep",
                  .type = type::choice({"last", "best"}),
                  .standard = "last",
                  .doc = "what is sent: the model of the last epoch, or that of the best"}},
      .example =
          "training = training.sgd { epochs = 20, early_stopping = early_stopping { patience "
          "= 2, keep = \"best\" } }"};
}

}  // namespace polyclinic
