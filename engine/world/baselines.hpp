// References beside the federation (science.md, rule 2): the same model, initial parameters,
// optimiser, batch and visits per row, but with all training data in one place, or every hospital
// by itself. References, not bounds: either may be beaten.
#pragma once

#include <atomic>
#include <optional>
#include <vector>

#include "base/ids.hpp"
#include "base/parallel.hpp"
#include "data/cohort.hpp"
#include "learn/model.hpp"
#include "learn/trainer.hpp"
#include "world/measurement.hpp"
#include "world/result.hpp"

namespace polyclinic {

struct BaselineSetup {
  const Cohort* cohort = nullptr;
  const Model* model = nullptr;
  const TrainingPlan* plan = nullptr;  // the federation's; its proximal term is left out
  const ParameterVector* initial = nullptr;
  Workers* workers = nullptr;
  Measurement* measurement = nullptr;
  RunKey run;
  std::vector<HospitalId> members;   // whose rows are used
  std::vector<HospitalId> external;  // only evaluated on
  std::int64_t rounds = 0;           // versions of the federation: length of the schedule
  double visits = 0;                 // mean visits per training row that the federation made
  const std::atomic<bool>* interrupt = nullptr;
};

// With whom a patient of a pooled survival model is compared.
enum class PooledRisk : std::uint8_t {
  all,               // with everyone: the Cox model of the pooled table
  within_hospitals,  // with those of the own hospital, as in the federation: stratified Cox
};

// nullopt: interrupted.
std::optional<ArmResult> run_pooled(const BaselineSetup& setup, PooledRisk risk = PooledRisk::all);

// Every member's own model, in their order.
std::vector<ParameterVector> train_local_models(const BaselineSetup& setup);
// Each tested at home. nullopt: interrupted.
std::optional<ArmResult> score_local_models(const BaselineSetup& setup,
                                            const std::vector<ParameterVector>& models);
// Each tested everywhere, on rows prepared as the hospital where they lie prepares them. nullopt:
// interrupted.
std::optional<CrossSite> cross_models(const BaselineSetup& setup,
                                      const std::vector<ParameterVector>& models);

}  // namespace polyclinic
