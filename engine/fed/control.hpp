// Control vectors: what SCAFFOLD and FedDyn remember of the hospitals' gradients. Each hospital has
// a vector of its own, zero until its first update counts; the server has their mean.
//
// A hospital's vector moves on when its update becomes part of a version, and only then: the server
// would otherwise average vectors that it never heard of, and both would disagree for ever. Whoever
// was late, lost or left out goes on from the vector that it had.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "base/ids.hpp"
#include "data/cohort.hpp"
#include "fed/parts.hpp"
#include "fed/stores.hpp"
#include "fed/weights.hpp"
#include "learn/trainer.hpp"

namespace polyclinic {

class ControlVectors {
 public:
  // References outlive it.
  struct Setup {
    const TrainingPlan* plan = nullptr;
    const Cohort* cohort = nullptr;  // whose training rows weigh the hospitals
    WeightRule weights;
    std::vector<HospitalId> candidates;  // all that may take part, in order
  };
  explicit ControlVectors(Setup setup) : setup_(std::move(setup)) {}

  [[nodiscard]] bool used() const { return setup_.plan->control != TrainingPlan::Control::none; }
  // Vectors of the model's size in a message, either way: the model or its change, and with
  // SCAFFOLD a control vector.
  [[nodiscard]] std::int64_t vectors_per_message() const;
  // What an order carries; null stands for zero.
  [[nodiscard]] const VersionPtr& server() const { return server_; }
  [[nodiscard]] VersionPtr of(HospitalId hospital) const;

  // An update of the version in the making: takes its change of the hospital's vector.
  void hear(Update& update);
  // The version counts: vectors move on, the server's by sum_k p_k (change of k), p_k the share of
  // hospital k among all that may take part (with equal weights |S|/N times the mean, as in the
  // papers).
  void commit();
  // It does not: nothing has changed.
  void discard() { heard_.clear(); }
  // Others may take part from now on: the server's vector is the mean of theirs, and a vector of
  // who is not among them is erased.
  void set_candidates(std::vector<HospitalId> candidates);
  // All vectors are zero again.
  void begin_anew();
  // What the server does to the aggregate after commit: FedDyn takes h / alpha off it.
  void correct(ParameterVector& aggregate) const;

 private:
  [[nodiscard]] double share(HospitalId hospital);
  void round_sum();

  Setup setup_;
  std::map<HospitalId, double> shares_;  // p_k, made when first asked for
  std::map<HospitalId, VersionPtr> own_;
  std::vector<double> sum_;  // the server's, before rounding
  VersionPtr server_;
  std::vector<std::pair<HospitalId, ParameterVector>> heard_;
};

// Throws ScenarioError where the aggregation cannot do what the local training needs or the other
// way round: control vectors with anything but a mean, normalised averaging of what is no sum of
// gradients.
void check_parts_of_strategy(const TrainingPlan& plan, const Part* objective,
                             const Part& aggregation, const Part& training);
// The same where a loss contrasts representations with models that have no hidden layer, and with
// private steps.
void check_contrast(const TrainingPlan& plan, const Part* objective, const ParameterLayout& layout,
                    const Part* privacy);

}  // namespace polyclinic
