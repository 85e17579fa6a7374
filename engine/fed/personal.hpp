// Models that stay at the hospitals: each is scored with its own, made beside the global one or
// from it. Nothing of them travels.
#pragma once

#include <cstdint>
#include <vector>

#include "base/schema.hpp"
#include "learn/trainer.hpp"

namespace polyclinic {

// The same for a whole run. Plain data.
struct PersonalRule {
  enum class Kind : std::uint8_t {
    none,
    // Ditto (Li et al. 2021, Algorithm 1): beside each training of the global model one of the
    // hospital's own, pulled towards the global model that it was sent. Begins with that model.
    ditto,
    // The global model, trained a little more at home whenever it is looked at; nothing is kept.
    fine_tuned,
  };
  Kind kind = Kind::none;
  TrainingPlan plan;  // of the own model
};

// Reads a resolved part `personal.*` (or null: none); `plan` is that of the global model. Throws
// ScenarioError beside stragglers, of which nobody says how far they get with a second training.
PersonalRule personal_rule(const Part* part, const TrainingPlan& plan, bool stragglers);

// Schemas of personal.*.
std::vector<Schema> personal_schemas();

}  // namespace polyclinic
