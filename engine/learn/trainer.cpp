#include "learn/trainer.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/check.hpp"
#include "base/math.hpp"
#include "learn/loader.hpp"

namespace polyclinic {

double Schedule::at(std::int64_t round) const {
  // linear warm-up: the first of `warmup` rounds has 1/(warmup + 1) of the rate
  if (round < warmup) {
    return rate * static_cast<double>(round + 1) / static_cast<double>(warmup + 1);
  }
  const std::int64_t after = round - warmup;
  const std::int64_t span = std::max<std::int64_t>(1, rounds - warmup);
  const double progress = std::min(1.0, static_cast<double>(after) / static_cast<double>(span));
  switch (kind) {
    case Kind::constant: return rate;
    case Kind::step: {
      const std::int64_t steps = after / every;  // whole ones
      return rate * math::pow(decay, static_cast<double>(steps));
    }
    case Kind::exponential: return rate * math::pow(decay, static_cast<double>(after));
    case Kind::cosine:
      // Loshchilov and Hutter 2017, eq. 5, one period
      return rate_end + (rate - rate_end) * (1 + math::cos(std::numbers::pi * progress)) / 2;
    case Kind::linear: return rate + (rate_end - rate) * progress;
  }
  return rate;
}

TrainingExtent extent(const TrainingPlan& plan, std::int64_t rows, std::int64_t steps_before) {
  if (rows == 0) return {};
  const BatchShape shape = batch_shape(plan, rows);
  const std::int64_t per_epoch = shape.per_epoch();
  TrainingExtent out;
  // steps mode: position in the epoch where the training begins, in batches
  const std::int64_t begin = plan.steps > 0 ? steps_before % per_epoch : 0;
  out.steps = plan.steps > 0 ? plan.steps
                             : std::max<std::int64_t>(
                                   1, std::llround(plan.epochs * static_cast<double>(per_epoch)));
  if (plan.is_private()) {
    out.rows_visited = out.steps * shape.batch;
    return out;
  }
  const std::int64_t end = begin + out.steps;
  const std::int64_t ended =
      end / per_epoch - begin / per_epoch;  // epochs whose last batch is taken
  out.rows_visited =
      out.steps * shape.batch - (shape.rest > 0 ? ended * (shape.batch - shape.rest) : 0);
  out.epochs_begun = (end + per_epoch - 1) / per_epoch - (begin + per_epoch - 1) / per_epoch;
  out.rows_beside = plan.control == TrainingPlan::Control::gradient ? rows : 0;
  if (plan.own.kind == OwnModel::Kind::envelope) {
    out.rows_beside += (plan.own.inner - 1) * out.rows_visited;
  }
  if (plan.own.kind == OwnModel::Kind::mixture) out.rows_beside += out.rows_visited;
  if (plan.contrast.weight > 0) out.rows_beside += (2 * rows + 2) / 3;
  return out;
}

double sampling_rate(const TrainingPlan& plan, std::int64_t rows) {
  return static_cast<double>(batch_shape(plan, rows).batch) / static_cast<double>(rows);
}

TrainingResult train(const Model& model, const TrainingTask& task, Workspace& workspace) {
  ENSURE(task.data != nullptr, "a training has data");
  ENSURE(task.plan != nullptr, "a training has a plan");
  ENSURE(task.global != nullptr, "a training starts somewhere");
  ENSURE(task.global->layout().size() == model.layout()->size(), "the parameters are the model's");
  TrainingResult result = model.train(task, workspace);
  result.accumulated = accumulated_steps(*task.plan, result.steps, task.round);
  result.rate = task.plan->schedule.at(task.round);
  return result;
}

// The optimiser's recursion itself, fed with gradients of one: u is what has become of them, and a
// proximal term takes rate mu u away from each. For plain descent with rate mu = r that is
// (1 - (1 - r)^K) / r, with momentum (K - m (1 - m^K) / (1 - m)) / (1 - m), as the paper has it.
double accumulated_steps(const TrainingPlan& plan, std::int64_t steps, std::int64_t round) {
  using Optimizer = TrainingPlan::Optimizer;
  const bool momentum = plan.optimizer == Optimizer::momentum;
  if (plan.optimizer != Optimizer::sgd && !momentum) return 0;
  if (momentum && plan.keep_optimizer_state) return 0;
  const double shrink = plan.schedule.at(round) * plan.proximal;
  if (!momentum && shrink == 0) return static_cast<double>(steps);
  double u = 0;
  double moment = 0;
  for (std::int64_t k = 0; k < steps; ++k) {
    const double gradient = 1 - shrink * u;
    if (!momentum) {
      u += gradient;
      continue;
    }
    moment = plan.momentum * moment + gradient;
    u += plan.nesterov ? gradient + plan.momentum * moment : moment;
  }
  return u;
}

}  // namespace polyclinic
