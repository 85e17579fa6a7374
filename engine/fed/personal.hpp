// Models that stay at the hospitals: each is scored with its own, made beside the global one, of it
// or from it. Nothing of them travels.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/schema.hpp"
#include "fed/home_layers.hpp"
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
    // Some layers of the model stay at the hospital: FedPer (Arivazhagan et al. 2019, Algorithm 1),
    // and with `alternate` FedRep (Collins et al. 2021, Algorithm 1); where what normalises stays,
    // FedBN (Li et al. 2021, Algorithm 1).
    layers,
    // A model that is trained in the same steps as the shared one (OwnModel of learn/trainer.hpp):
    // pFedMe (Dinh, Tran, Nguyen 2020), APFL (Deng, Kamani, Mahdavi 2020).
    in_steps,
  };
  Kind kind = Kind::none;
  // Of the own model; of the kept layers where they are trained alone.
  TrainingPlan plan;
  OwnModel own;            // in_steps: goes into the plan of the shared model
  double first_share = 0;  // in_steps, a mixture: of the own model in a hospital's first training
  // layers: which; null otherwise. Shared with nobody but copies of the rule.
  std::shared_ptr<const HomeLayers> layers;
  ParameterVector first_kept;  // layers: what every hospital's kept ones begin with
  bool alternate = false;      // layers: the kept ones alone, then the shared ones alone
  double new_epochs = 0;       // layers: of one that has none yet, before it is scored
  bool estimates = false;      // layers: such a one takes the statistics of its rows instead

  // Each training is followed or preceded by a second one, with `plan`.
  [[nodiscard]] bool trains_twice() const { return kind == Kind::ditto || alternate; }
  // A hospital keeps something between its trainings.
  [[nodiscard]] bool keeps() const {
    return kind == Kind::ditto || kind == Kind::layers || kind == Kind::in_steps;
  }
  // It is scored with a mixture of what it keeps and the global model.
  [[nodiscard]] bool mixes() const { return own.kind == OwnModel::Kind::mixture; }
};

// What a personal part has to get on with.
struct PersonalContext {
  const TrainingPlan* plan = nullptr;             // of the global model
  std::shared_ptr<const ParameterLayout> layout;  // of the model
  bool stragglers = false;                        // trainings are cut short
  const Part* privacy = nullptr;                  // null: there is none
  const Part* objective = nullptr;                // null: there is none
  const Part* aggregation = nullptr;
};
// Reads a resolved part `personal.*` (or null: none); first_kept is the caller's to fill. Throws
// ScenarioError where two trainings meet what counts with one (stragglers, private steps), where
// layers are named that the model does not have, or all of them, and where a model in the same
// steps meets what those steps cannot be.
PersonalRule personal_rule(const Part* part, const PersonalContext& context);

// Schemas of personal.*.
std::vector<Schema> personal_schemas();

}  // namespace polyclinic
