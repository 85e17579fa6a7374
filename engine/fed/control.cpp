#include "fed/control.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/check.hpp"

namespace polyclinic {

std::int64_t ControlVectors::vectors_per_message() const {
  using Control = TrainingPlan::Control;
  const Control control = setup_.plan->control;
  return control == Control::gradient || control == Control::difference ? 2 : 1;
}

VersionPtr ControlVectors::of(HospitalId hospital) const {
  const auto it = own_.find(hospital);
  return it == own_.end() ? nullptr : it->second;
}

void ControlVectors::hear(Update& update) {
  if (!used()) return;
  ENSURE(!update.control.empty(), "a training with control vectors says how its own changed");
  heard_.emplace_back(update.hospital, std::move(update.control));
}

double ControlVectors::share(HospitalId hospital) {
  if (shares_.empty()) {
    // hospitals without a row to train on never take part
    std::vector<HospitalId> able;
    std::vector<std::int64_t> rows;
    for (const HospitalId id : setup_.candidates) {
      const std::int64_t n = setup_.cohort->train_rows(id);
      if (n == 0) continue;
      able.push_back(id);
      rows.push_back(n);
    }
    const Weights weights = shares(setup_.weights, rows);
    for (std::size_t i = 0; i < able.size(); ++i) shares_[able[i]] = weights.share[i];
  }
  // who left while its update was on its way counts in no mean
  const auto it = shares_.find(hospital);
  return it == shares_.end() ? 0.0 : it->second;
}

void ControlVectors::commit() {
  for (auto& [hospital, change] : heard_) {
    const auto delta = std::as_const(change).padded();
    if (sum_.empty()) sum_.assign(delta.size(), 0.0);
    const double p = share(hospital);
    if (p == 0) continue;
    for (std::size_t i = 0; i < sum_.size(); ++i) sum_[i] += p * static_cast<double>(delta[i]);
    VersionPtr& own = own_[hospital];
    if (own) change.add_scaled(*own, 1.0F);
    own = std::make_shared<const ParameterVector>(std::move(change));
  }
  heard_.clear();
  if (!own_.empty()) round_sum();
}

void ControlVectors::round_sum() {
  ParameterVector rounded(own_.begin()->second->shared_layout());
  const auto out = rounded.padded();
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<float>(sum_[i]);
  server_ = std::make_shared<const ParameterVector>(std::move(rounded));
}

void ControlVectors::set_candidates(std::vector<HospitalId> candidates) {
  setup_.candidates = std::move(candidates);
  shares_.clear();
  if (own_.empty()) return;
  std::fill(sum_.begin(), sum_.end(), 0.0);
  for (auto it = own_.begin(); it != own_.end();) {
    const double p = share(it->first);
    const auto own = it->second->padded();
    for (std::size_t i = 0; i < sum_.size(); ++i) sum_[i] += p * static_cast<double>(own[i]);
    it = p > 0 ? std::next(it) : own_.erase(it);
  }
  if (own_.empty()) {
    begin_anew();
  } else {
    round_sum();
  }
}

void ControlVectors::begin_anew() {
  own_.clear();
  sum_.clear();
  server_.reset();
  heard_.clear();
}

// Acar et al. 2021, Algorithm 1: h <- h - alpha/m sum (theta_k - theta), theta <- mean - h / alpha.
// The hospitals' changes of c_k are -alpha (theta_k - theta), so that h is the mean of the c_k.
void ControlVectors::correct(ParameterVector& aggregate) const {
  if (setup_.plan->control != TrainingPlan::Control::dynamic || server_ == nullptr) return;
  aggregate.add_scaled(*server_, static_cast<float>(-1.0 / setup_.plan->proximal));
}

void check_parts_of_strategy(const TrainingPlan& plan, const Part* objective,
                             const Part& aggregation, const Part& training) {
  const bool mixed = has_pre(aggregation);
  if (plan.control != TrainingPlan::Control::none && (aggregation.name != "mean" || mixed)) {
    ENSURE(objective != nullptr, "an objective asked for control vectors");
    throw objective->mistake(
        "",
        fmt::format("aggregation.{}{} cannot be combined with objective.{}: the server's control "
                    "vector is the mean of the hospitals', which fits a mean of their updates and "
                    "nothing else",
                    aggregation.name, mixed ? " with pre" : "", objective->name),
        "aggregation = aggregation.mean {}, or another objective");
  }
  if (aggregation.name != "normalized") return;
  if (plan.optimizer == TrainingPlan::Optimizer::momentum && plan.keep_optimizer_state) {
    throw training.mistake("keep_state",
                           "aggregation.normalized divides an update by how often its gradients "
                           "count, and momentum that is kept brings in those of earlier rounds",
                           "leave out keep_state");
  }
  if (plan.optimizer != TrainingPlan::Optimizer::sgd &&
      plan.optimizer != TrainingPlan::Optimizer::momentum) {
    throw aggregation.mistake("",
                              fmt::format("aggregation.normalized divides an update by how often "
                                          "its gradients count, and an update of training.{} is "
                                          "no weighted sum of gradients",
                                          training.name),
                              "train with training.sgd or training.momentum");
  }
}

void check_contrast(const TrainingPlan& plan, const Part* objective, const ParameterLayout& layout,
                    const Part* privacy) {
  if (plan.contrast.weight <= 0) return;
  ENSURE(objective != nullptr, "an objective asked to contrast");
  if (!layout.slices().front().name.starts_with("hidden")) {
    throw objective->mistake("",
                             "objective.contrastive compares what the last hidden layer makes of "
                             "a row, and the model has no hidden layer",
                             "model = model.mlp { hidden = { 16 } }");
  }
  if (privacy == nullptr || (privacy->name != "record" && privacy->name != "patient")) return;
  throw objective->mistake(
      "",
      fmt::format("privacy.{} cuts the gradient of each row's loss alone, and the contrast with "
                  "earlier models would be added to it uncut",
                  privacy->name),
      "another objective, or privacy.local_dp, .hospital or .distributed");
}

}  // namespace polyclinic
