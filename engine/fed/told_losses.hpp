// Losses that hospitals tell with their updates: of the model that they start from, on all their
// training rows. They are messages, made of patients' rows without noise, and take a forward pass
// on the clock.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/schema.hpp"
#include "learn/trainer.hpp"

namespace polyclinic {

// Whether a part asks for them: aggregation.q_fair, .agnostic, .custom with losses, and
// objective.proximal with adapt. objective may be null.
bool tells_losses(const Part& aggregation, const Part* objective);

// Refuses them where other parts keep such things from the server, or where they would have no
// meaning. objective, secure and privacy may be null.
std::vector<Mistake> told_loss_conflicts(const Part& aggregation, const Part* objective,
                                         const Part& protocol, const Part* secure,
                                         const Part* privacy);

// The strength mu of a proximal pull that follows the loss: it grows by a step when the loss rose
// from one round to the next, and shrinks by one after so many falls in a row, never below 0 (Li et
// al. 2020, FedProx, section 5.3.2). The paper's server knows the loss of the new model at once;
// this one hears that of a model with the updates that were trained from it, a round later.
class AdaptiveProximal {
 public:
  // REQUIRES: plan.proximal_step > 0.
  explicit AdaptiveProximal(const TrainingPlan& plan);

  // Of the next trainings.
  [[nodiscard]] double mu() const { return mu_; }
  // A version was made of updates whose hospitals told this loss, in the mean.
  void hear(double loss);
  // Of all that trainings were sent.
  [[nodiscard]] double least() const { return least_; }
  [[nodiscard]] double most() const { return most_; }

 private:
  double mu_;
  double step_;
  std::int64_t falls_needed_;
  std::int64_t falls_ = 0;  // in a row
  std::optional<double> last_;
  double least_;
  double most_;
};

}  // namespace polyclinic
