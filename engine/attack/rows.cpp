#include "attack/rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.hpp"

namespace polyclinic::attack {

namespace {

// The class that a field names; -1 where it is absent.
std::int32_t class_of(const Part& part, std::string_view field, std::int32_t classes) {
  if (!part.find(field)) return -1;
  const std::int64_t given = part.integer(field);
  if (given < classes) return static_cast<std::int32_t>(given);
  throw part.mistake(field, fmt::format("there is no class {}", given),
                     fmt::format("classes are 0 to {}", classes - 1));
}

std::size_t feature_of(const Part& part, const std::string& name, const DatasetInfo& info) {
  const auto found = std::find(info.features.begin(), info.features.end(), name);
  if (found != info.features.end()) {
    return static_cast<std::size_t>(found - info.features.begin());
  }
  std::string hint = did_you_mean(name, info.features);
  if (!hint.empty()) hint += "\n";
  throw part.mistake("trigger", fmt::format("there is no feature '{}'", name),
                     hint + "features are " + join_names(info.features));
}

}  // namespace

RowPoison::RowPoison(const Part& part, const DatasetInfo& info) {
  if (info.task != OutcomeKind::binary && info.task != OutcomeKind::multiclass) {
    throw part.mistake(
        "who",
        fmt::format("attack.{} changes classes, and the outcome '{}' has none: it is {}", part.name,
                    info.outcome, name(info.task)),
        "an attack on updates, such as attack.sign_flip, goes with every outcome");
  }
  classes_ = info.task == OutcomeKind::binary ? 2 : info.classes;
  share_ = part.number("share");
  target_ = class_of(part, "target", classes_);
  if (part.name == "label_flip") {
    source_ = class_of(part, "source", classes_);
    if (source_ >= 0 && source_ == target_) {
      throw part.mistake("target", "source and target are the same class",
                         "nothing would be changed: name two");
    }
    return;
  }
  clean_ = part.text("label") == "clean";
  for (const auto& [feature, value] : part.at("trigger").as<Table>()) {
    trigger_.emplace_back(feature_of(part, feature, info), static_cast<float>(*value.number()));
  }
  if (trigger_.empty()) {
    throw part.mistake("trigger", "attack.backdoor: the trigger names no feature",
                       "for example: trigger = { height = 4, weight = -4 }");
  }
}

// y becomes the target, or classes - 1 - y: 1 - y of a binary outcome, 9 - y of ten digits
// (Karimireddy et al. 2022, section 7)
float RowPoison::flipped(float label) const {
  if (target_ >= 0) return static_cast<float>(target_);
  return static_cast<float>(classes_ - 1) - label;
}

void RowPoison::put_trigger(Dataset& rows) const {
  const auto columns = static_cast<std::size_t>(rows.columns);
  for (std::size_t i = 0; i < static_cast<std::size_t>(rows.rows); ++i) {
    for (const auto& [feature, value] : trigger_) rows.x[i * columns + feature] = value;
  }
}

void RowPoison::poison(Dataset& rows, RunKey run, HospitalId hospital, std::uint64_t attack) const {
  const auto columns = static_cast<std::size_t>(rows.columns);
  Stream stream(run, Purpose::kAttackRows, hospital.value, attack);
  for (std::size_t i = 0; i < static_cast<std::size_t>(rows.rows); ++i) {
    // a coin for every row: which rows are meant changes no other's
    const bool its_turn = stream.uniform() < share_;
    if (!its_turn) continue;
    const auto label = static_cast<std::int32_t>(rows.label[i]);
    if (!is_backdoor()) {
      if (source_ < 0 || label == source_) rows.label[i] = flipped(rows.label[i]);
      continue;
    }
    // dirty: rows of other classes are passed off as the target's. Clean: rows of the target class
    // get the trigger, and no label lies (Turner, Tsipras, Madry 2019)
    if ((label == target_) != clean_) continue;
    for (const auto& [feature, value] : trigger_) rows.x[i * columns + feature] = value;
    rows.label[i] = static_cast<float>(target_);
  }
}

std::vector<Schema> row_schemas() {
  const Type share = type::number().between(0, 1);
  const Type class_number = type::integer().at_least(0);
  return {
      Schema{.kind = "attack",
             .name = "label_flip",
             .doc = "The attackers train on wrong labels: class y becomes classes - 1 - y, or the "
                    "target. Test rows stay as they are.",
             .paper = "Biggio, Nelson, Laskov 2011, Support Vector Machines Under Adversarial "
                      "Label Noise; Tolpegin et al. 2020, Data Poisoning Attacks Against Federated "
                      "Learning Systems",
             .fields = {Field{"share", share, 1.0, "of an attacker's rows that are in question"},
                        Field{"source",
                              class_number,
                              {},
                              "the only class whose labels change",
                              false,
                              "every class"},
                        Field{"target",
                              class_number,
                              {},
                              "the class that they are given",
                              false,
                              "classes - 1 - y"}},
             .example = "attacks = { attack.label_flip { who = fraction(0.2) } }"},
      Schema{
          .kind = "attack",
          .name = "backdoor",
          .doc = "The attackers teach the model a secret sign: rows that carry the trigger are of "
                 "the target class. How often it works on patients of honest hospitals is "
                 "measured as target_rate.",
          .paper = "Gu, Dolan-Gavitt, Garg 2017, BadNets; Bagdasaryan et al. 2020, How To Backdoor "
                   "Federated Learning; Turner, Tsipras, Madry 2019, Label-Consistent Backdoor "
                   "Attacks",
          .fields = {Field{"trigger",
                           type::table(type::number()),
                           {},
                           "features and the values that they get, as the model sees them: "
                           "standard deviations where the cohort is standardised",
                           true},
                     Field{"target", class_number, std::int64_t{1}, "the class that it brings"},
                     Field{"share", share, 0.5, "of an attacker's rows that are in question"},
                     Field{"label", type::choice({"dirty", "clean"}), "dirty",
                           "dirty: rows of other classes, with the target's label; clean: rows of "
                           "the target class, whose labels are right"}},
          .example = "attacks = { attack.backdoor { who = { \"Lyon\" }, trigger = { height = 4, "
                     "weight = -4 } } }"}};
}

}  // namespace polyclinic::attack
