// A local training of a Network: one call per training, then plain calls of kernels per step.
#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "base/math.hpp"
#include "learn/dense/network.hpp"
#include "learn/dense/pass.hpp"
#include "learn/loader.hpp"

namespace polyclinic::dense {
namespace {

Update::Rule rule_of(const TrainingPlan& plan) {
  switch (plan.optimizer) {
    case TrainingPlan::Optimizer::sgd: return Update::Rule::sgd;
    case TrainingPlan::Optimizer::momentum:
      return plan.nesterov ? Update::Rule::nesterov : Update::Rule::momentum;
    case TrainingPlan::Optimizer::adam: return Update::Rule::adam;
    case TrainingPlan::Optimizer::adamw: return Update::Rule::adamw;
  }
  return Update::Rule::sgd;
}

bool keeps_moments(const TrainingTask& task) {
  return task.plan->keep_optimizer_state && task.state != nullptr &&
         task.plan->optimizer != TrainingPlan::Optimizer::sgd;
}

// The optimiser of one training: moments, bias corrections, clipping.
class Optimiser {
 public:
  Optimiser(const Network& network, const TrainingTask& task, NetworkWorkspace& work)
      : plan_(*task.plan), work_(work) {
    update_.rule = rule_of(plan_);
    update_.n = network.packed_size();
    update_.w = work.parameters.data();
    update_.gradient = work.gradient.data();
    update_.anchor = plan_.proximal > 0 ? work.start.data() : nullptr;
    if (plan_.proximal > 0 && task.anchor != nullptr) {
      work.anchor.assign(static_cast<std::size_t>(network.packed_size()), 0.0F);
      network.pack(work.kernels, *task.anchor, work.anchor.data());
      update_.anchor = work.anchor.data();
    }
    const bool envelope = plan_.own.kind == OwnModel::Kind::envelope;
    if (envelope) {
      work.anchor = work.start;
      update_.anchor = work.anchor.data();
    }
    if (plan_.control != TrainingPlan::Control::none) {
      load_control(network, task);
      update_.linear = work.linear.data();
    }
    update_.moment1 = work.moment1.data();
    update_.moment2 = work.moment2.data();
    update_.rate = static_cast<float>(plan_.schedule.at(task.round));
    update_.proximal = static_cast<float>(envelope ? plan_.own.lambda : plan_.proximal);
    update_.weight_decay = static_cast<float>(plan_.weight_decay);
    update_.momentum = static_cast<float>(plan_.momentum);
    update_.beta1 = static_cast<float>(plan_.beta1);
    update_.beta2 = static_cast<float>(plan_.beta2);
    update_.epsilon = static_cast<float>(plan_.epsilon);
    if (plan_.optimizer != TrainingPlan::Optimizer::sgd) load_moments(network, task);
    find_ranges(network, task.slices);
  }

  void step() {
    if (plan_.clip_gradient > 0) {
      const double norm = std::sqrt(gradient_square());
      update_.gradient_scale =
          norm > plan_.clip_gradient ? static_cast<float>(plan_.clip_gradient / norm) : 1.0F;
    }
    ++taken_;
    // Adam's bias corrections, t counted from 1 (Kingma and Ba 2015, Alg. 1)
    power1_ *= plan_.beta1;
    power2_ *= plan_.beta2;
    update_.correction1 = static_cast<float>(1 - power1_);
    update_.correction2 = static_cast<float>(std::sqrt(1 - power2_));
    if (whole_) {
      work_.kernels.update(update_);
      return;
    }
    for (const Range& range : ranges_) work_.kernels.update(update_of(range));
  }

  // Several of pFedMe's are within one step of the training.
  [[nodiscard]] std::int64_t taken() const { return taken_; }

 private:
  // A run of the packed parameters that is treated alike.
  struct Range {
    std::int64_t offset = 0;
    std::int64_t size = 0;
    bool pulled = true;
  };

  // Running statistics follow the batches, not the gradient: no optimiser moves them.
  void find_ranges(const Network& network, std::span<const SliceUse> uses) {
    const std::span<const Slice> slices = network.layout()->slices();
    whole_ = uses.empty() && !network.layout()->has(Role::norm_statistic);
    if (whole_) return;
    ranges_.reserve(slices.size());
    for (std::size_t i = 0; i < slices.size(); ++i) {
      const SliceUse use = uses.empty() ? SliceUse::trained : uses[i];
      if (use == SliceUse::frozen || slices[i].role == Role::norm_statistic) continue;
      const Network::Packed at = network.packed(i);
      ranges_.push_back({at.offset, at.size, use == SliceUse::trained});
    }
  }

  [[nodiscard]] double gradient_square() const {
    if (whole_) return dot(work_.gradient, work_.gradient);
    double square = 0;
    for (const Range& range : ranges_) {
      const std::span<const float> part(work_.gradient.data() + range.offset,
                                        static_cast<std::size_t>(range.size));
      square += dot(part, part);
    }
    return square;
  }

  [[nodiscard]] Update update_of(const Range& range) const {
    Update part = update_;
    part.n = range.size;
    part.w += range.offset;
    part.gradient += range.offset;
    part.moment1 += range.offset;
    part.moment2 += range.offset;
    part.anchor = part.anchor != nullptr && range.pulled ? part.anchor + range.offset : nullptr;
    part.linear = part.linear != nullptr && range.pulled ? part.linear + range.offset : nullptr;
    return part;
  }

  // c - c_i, or -c_i, as the gradients lie
  void load_control(const Network& network, const TrainingTask& task) {
    work_.linear.assign(static_cast<std::size_t>(network.packed_size()), 0.0F);
    if (task.server_control != nullptr && plan_.control != TrainingPlan::Control::dynamic) {
      network.pack(work_.kernels, *task.server_control, work_.linear.data());
    }
    if (task.own_control == nullptr) return;
    std::fill(work_.gradient.begin(), work_.gradient.end(), 0.0F);  // for a moment: room for c_i
    network.pack(work_.kernels, *task.own_control, work_.gradient.data());
    work_.kernels.axpy(network.packed_size(), -1.0F, work_.gradient.data(), work_.linear.data());
  }

  void load_moments(const Network& network, const TrainingTask& task) {
    std::fill(work_.moment1.begin(), work_.moment1.end(), 0.0F);
    std::fill(work_.moment2.begin(), work_.moment2.end(), 0.0F);
    if (!keeps_moments(task) || task.state->moment1.empty()) return;
    network.pack(work_.kernels, task.state->moment1, work_.moment1.data());
    if (!task.state->moment2.empty()) {
      network.pack(work_.kernels, task.state->moment2, work_.moment2.data());
    }
    const auto steps = static_cast<double>(task.state->moment_steps);
    power1_ = math::pow(plan_.beta1, steps);
    power2_ = math::pow(plan_.beta2, steps);
  }

  const TrainingPlan& plan_;
  NetworkWorkspace& work_;
  Update update_;
  bool whole_ = true;          // everything is trained alike
  std::vector<Range> ranges_;  // otherwise: what is trained
  double power1_ = 1;
  double power2_ = 1;
  std::int64_t taken_ = 0;
};

// Option I of SCAFFOLD: the gradient over all rows at the global parameters, which work.parameters
// hold; what the local objective has beside the loss belongs to it.
ParameterVector full_gradient(const Network& network, const TrainingTask& task, Pass& pass,
                              const NetworkWorkspace& work) {
  const Batch all{task.data, nullptr, task.data->rows, task.plan->class_weights};
  pass.gradient(all, std::nullopt);
  ParameterVector gradient(network.layout());
  network.unpack(work.kernels, work.gradient.data(), gradient);
  if (task.plan->optimizer != TrainingPlan::Optimizer::adamw) {
    gradient.add_scaled(*task.global, static_cast<float>(task.plan->weight_decay));
  }
  return gradient;
}

// New c_i minus old (TrainingPlan::Control); `gradient` of option I is empty otherwise.
ParameterVector control_change(const TrainingTask& task, const TrainingResult& result,
                               ParameterVector gradient) {
  const TrainingPlan& plan = *task.plan;
  if (plan.control == TrainingPlan::Control::gradient) {
    if (task.own_control != nullptr) gradient.add_scaled(*task.own_control, -1.0F);
    gradient.clear(Role::norm_statistic);
    return gradient;
  }
  ParameterVector change = result.delta;
  change.clear(Role::norm_statistic);
  if (plan.control == TrainingPlan::Control::dynamic) {
    change.scale(static_cast<float>(-plan.proximal));
    return change;
  }
  const double walked = plan.schedule.at(task.round) * static_cast<double>(result.steps);
  change.scale(static_cast<float>(-1.0 / walked));
  if (task.server_control != nullptr) change.add_scaled(*task.server_control, -1.0F);
  return change;
}

void save_state(const Network& network, const TrainingTask& task, const NetworkWorkspace& work,
                const Loader* loader, std::int64_t steps, std::int64_t taken, bool finite) {
  TrainerState& state = *task.state;
  state.steps_done += steps;
  if (task.plan->steps > 0 && loader != nullptr) {
    state.epoch = loader->epoch();
    state.order = work.order;
    state.position = loader->position();
  }
  if (!keeps_moments(task) || !finite) return;
  state.moment_steps += taken;
  if (state.moment1.empty()) state.moment1 = ParameterVector(network.layout());
  network.unpack(work.kernels, work.moment1.data(), state.moment1);
  if (task.plan->optimizer == TrainingPlan::Optimizer::momentum) return;
  if (state.moment2.empty()) state.moment2 = ParameterVector(network.layout());
  network.unpack(work.kernels, work.moment2.data(), state.moment2);
}

// Where the gradient of each step comes from: rows in the loader's order, or DP-SGD.
class Steps {
 public:
  Steps(const Network& network, const TrainingTask& task, NetworkWorkspace& work)
      : network_(network),
        task_(task),
        pass_(network, work, Moments::of_batch, task.slices),
        masks_(masks_of(task)) {
    begin_contrast();
    if (task.plan->is_private()) {
      poisson_.emplace(task, work.order);
    } else {
      loader_.emplace(task, work.order);
    }
  }

  // Writes work.gradient; adds to the account of rows and losses.
  void gradient(std::int64_t step) {
    rows_ = poisson_ ? poisson_->at(step) : loader_->next();
    const auto count = static_cast<std::int64_t>(rows_.size());
    const Batch batch{task_.data, rows_.data(), count, task_.plan->class_weights,
                      poisson_ ? poisson_->ends() : std::span<const std::int32_t>()};
    rows_visited_ += count;
    if (poisson_) {
      loss_sum_ += private_gradient(batch, masks_at(step), static_cast<std::uint64_t>(step));
    } else {
      loss_sum_ += pass_.gradient(batch, masks_at(step)) * static_cast<double>(count);
      pass_.move_statistics();
    }
  }

  // Writes work.gradient once more, of the rows of the last step at the parameters as they are now.
  void again(std::int64_t step) {
    ENSURE(!poisson_, "a private step is a single look at its rows");
    const auto count = static_cast<std::int64_t>(rows_.size());
    pass_.gradient({task_.data, rows_.data(), count, task_.plan->class_weights, {}},
                   masks_at(step));
    pass_.move_statistics();
  }

  // The same of another model than the shared one, which nothing is contrasted with.
  void again_plain(std::int64_t step) {
    pass_.end_contrast();
    again(step);
    begin_contrast();
  }

  [[nodiscard]] std::int64_t rows_visited() const { return rows_visited_; }
  [[nodiscard]] double loss_sum() const { return loss_sum_; }
  [[nodiscard]] double mean_loss() const {
    return rows_visited_ > 0 ? loss_sum_ / static_cast<double>(rows_visited_) : 0.0;
  }
  // Null in private trainings: their steps know no order.
  [[nodiscard]] const Loader* loader() const { return loader_ ? &*loader_ : nullptr; }

 private:
  void begin_contrast() {
    if (task_.plan->contrast.weight > 0 && task_.previous != nullptr) {
      pass_.contrast(task_.plan->contrast);
    }
  }

  static Stream masks_of(const TrainingTask& task) {
    return {task.run, Purpose::kDropoutMask, task.entity, static_cast<std::uint64_t>(task.round)};
  }

  [[nodiscard]] std::optional<Stream> masks_at(std::int64_t step) const {
    const bool silences = network_.spec().dropout > 0 && !network_.spec().hidden.empty();
    return silences ? std::optional(masks_.lane(static_cast<std::uint64_t>(step))) : std::nullopt;
  }

  // sum of cut gradients / expected + noise * clip / expected * N(0, 1): noise on the sum, and the
  // division by a number that does not depend on who was taken
  double private_gradient(const Batch& batch, std::optional<Stream> masks, std::uint64_t step) {
    const RecordPrivacy& privacy = task_.plan->privacy;
    const double expected = poisson_->expected();
    const double loss = pass_.clipped_gradient(batch, masks, privacy.clip, expected);
    if (privacy.noise > 0) {
      const SecretAddress at{
          .key = {task_.run.value, static_cast<std::uint64_t>(Purpose::kPrivateNoise), task_.entity,
                  static_cast<std::uint64_t>(task_.round)},
          .nonce = step};
      pass_.add_noise(at, privacy.noise * privacy.clip / expected);
    }
    pass_.add_penalty();
    return loss;
  }

  const Network& network_;
  const TrainingTask& task_;
  Pass pass_;
  Stream masks_;
  std::span<const std::int32_t> rows_;  // of the last step
  std::optional<Loader> loader_;
  std::optional<PoissonLoader> poisson_;
  std::int64_t rows_visited_ = 0;
  double loss_sum_ = 0;
};

// Tells task.after_epoch of every whole epoch.
class EpochEnds {
 public:
  EpochEnds(const Network& network, const TrainingTask& task, const NetworkWorkspace& work)
      : network_(network), task_(task), work_(work) {
    if (!task.after_epoch) return;
    per_epoch_ = batch_shape(*task.plan, task.data->rows).per_epoch();
    parameters_ = ParameterVector(network.layout());
  }

  // After so many steps.
  bool goes_on(std::int64_t steps, const Steps& account) {
    if (per_epoch_ == 0 || steps % per_epoch_ != 0) return true;
    const double loss = account.loss_sum() - loss_before_;
    const std::int64_t rows = account.rows_visited() - rows_before_;
    loss_before_ = account.loss_sum();
    rows_before_ = account.rows_visited();
    network_.unpack(work_.kernels, work_.parameters.data(), parameters_);
    return task_.after_epoch(loss / static_cast<double>(rows), parameters_);
  }

 private:
  const Network& network_;
  const TrainingTask& task_;
  const NetworkWorkspace& work_;
  std::int64_t per_epoch_ = 0;  // 0: nobody asks
  ParameterVector parameters_;
  double loss_before_ = 0;
  std::int64_t rows_before_ = 0;
};

// A model of the hospital's own in the steps of a training (OwnModel): `step` makes one of them.
class OwnSteps {
 public:
  OwnSteps(const Network& network, const TrainingTask& task, NetworkWorkspace& work)
      : network_(network),
        task_(task),
        own_(task.plan->own),
        work_(work),
        share_(task.own_share),
        rate_(task.plan->schedule.at(task.round)) {
    if (own_.kind != OwnModel::Kind::mixture) return;
    const auto size = static_cast<std::size_t>(network.packed_size());
    work.own.assign(size, 0.0F);
    work.mixed.assign(size, 0.0F);
    network.pack(work.kernels, task.own != nullptr ? *task.own : *task.global, work.own.data());
  }

  void step(std::int64_t s, Steps& gradients, Optimiser& optimiser) {
    if (own_.kind == OwnModel::Kind::envelope) {
      envelope_step(s, gradients, optimiser);
    } else {
      mixture_step(s, gradients, optimiser);
    }
  }

  // Own model and share as they are now; work.parameters are those of the shared one afterwards.
  void finish(TrainingResult& result) {
    result.own = ParameterVector(network_.layout());
    result.own_share = share_;
    if (own_.kind == OwnModel::Kind::mixture) {
      network_.unpack(work_.kernels, work_.own.data(), result.own);
      return;
    }
    network_.unpack(work_.kernels, work_.parameters.data(), result.own);
    // running statistics follow batches, and no rate: both models have the same
    const std::span<const Slice> slices = network_.layout()->slices();
    for (std::size_t i = 0; i < slices.size(); ++i) {
      if (slices[i].role != Role::norm_statistic) continue;
      const Network::Packed at = network_.packed(i);
      std::copy_n(work_.parameters.data() + at.offset, at.size, work_.anchor.data() + at.offset);
    }
    std::swap(work_.parameters, work_.anchor);
  }

 private:
  // Dinh, Tran, Nguyen 2020, Algorithm 1: work.parameters are theta, work.anchor is w, to which the
  // optimiser pulls.
  void envelope_step(std::int64_t s, Steps& gradients, Optimiser& optimiser) {
    gradients.gradient(s);
    optimiser.step();
    for (std::int64_t k = 1; k < own_.inner; ++k) {
      gradients.again(s);
      optimiser.step();
    }
    const auto factor = static_cast<float>(own_.rate * own_.lambda);
    for (std::size_t i = 0; i < work_.anchor.size(); ++i) {
      work_.anchor[i] -= factor * (work_.anchor[i] - work_.parameters[i]);
    }
  }

  // Deng, Kamani, Mahdavi 2020, Algorithm 1: both gradients are of the models before the step.
  void mixture_step(std::int64_t s, Steps& gradients, Optimiser& optimiser) {
    const auto share = static_cast<float>(share_);
    for (std::size_t i = 0; i < work_.mixed.size(); ++i) {
      work_.mixed[i] = share * work_.own[i] + (1.0F - share) * work_.parameters[i];
    }
    gradients.gradient(s);
    optimiser.step();
    std::swap(work_.parameters, work_.mixed);
    gradients.again_plain(s);
    std::swap(work_.parameters, work_.mixed);
    descend(own_.adapts && s == 0);
  }

  // A step of v, and of the share where it adapts, by the gradient at the mixture.
  void descend(bool adapts) {
    const TrainingPlan& plan = *task_.plan;
    double scale = 1;
    if (plan.clip_gradient > 0) {
      const double norm = std::sqrt(dot(work_.gradient, work_.gradient));
      if (norm > plan.clip_gradient) scale = plan.clip_gradient / norm;
    }
    const auto keep = static_cast<float>(scale);
    const auto decay = static_cast<float>(plan.weight_decay);
    const auto length = static_cast<float>(rate_ * share_);
    double slope = 0;  // of the loss by the share: <v - w, gradient>, w as the training began
    for (std::size_t i = 0; i < work_.own.size(); ++i) {
      const float g = keep * work_.gradient[i] + decay * work_.mixed[i];
      if (adapts) {
        slope += static_cast<double>(work_.own[i] - work_.start[i]) * static_cast<double>(g);
      }
      work_.own[i] -= length * g;
    }
    if (adapts) share_ = std::clamp(share_ - rate_ * slope, 0.0, 1.0);
  }

  const Network& network_;
  const TrainingTask& task_;
  const OwnModel& own_;
  NetworkWorkspace& work_;
  double share_;
  double rate_;
};

// What the layers before the output make of all rows, in the model that the training begins with
// and in the last local one. Leaves other parameters in the workspace.
void load_contrast(const Network& network, const TrainingTask& task, NetworkWorkspace& work) {
  Pass pass(network, work);
  network.pack(work.kernels, *task.previous, work.parameters.data());
  pass.represent(*task.data, work.far);
  network.pack(work.kernels, *task.global, work.parameters.data());
  pass.represent(*task.data, work.near);
}

// Steps, all of them or to the end of an epoch after which nobody wants more; result.steps says how
// many. False where the training was told to stop.
bool make_steps(const TrainingTask& task, std::int64_t steps, Steps& gradients,
                Optimiser& optimiser, OwnSteps* own, EpochEnds& ends, TrainingResult& result) {
  while (result.steps < steps) {
    if (task.stop != nullptr && task.stop->load(std::memory_order_relaxed)) return false;
    if (own != nullptr) {
      own->step(result.steps, gradients, optimiser);
    } else {
      gradients.gradient(result.steps);
      optimiser.step();
    }
    ++result.steps;
    if (!ends.goes_on(result.steps, gradients)) break;
  }
  return true;
}

}  // namespace

TrainingResult Network::train(const TrainingTask& task, Workspace& workspace) const {
  auto* work = dynamic_cast<NetworkWorkspace*>(&workspace);
  ENSURE(work != nullptr, "a workspace comes from the model that uses it");
  ENSURE(task.data->columns == spec_.features, "the data have the features of the model");
  TrainingResult result;
  result.delta = ParameterVector(layout_);
  result.rows = task.data->rows;
  const std::int64_t steps = extent(*task.plan, task.data->rows).steps;
  if (steps == 0) return result;

  if (task.plan->contrast.weight > 0 && task.previous != nullptr) {
    load_contrast(*this, task, *work);
  }
  pack(work->kernels, *task.global, work->parameters.data());
  std::copy(work->parameters.begin(), work->parameters.end(), work->start.begin());
  ParameterVector at_start;
  if (task.plan->control == TrainingPlan::Control::gradient) {
    Pass pass(*this, *work, Moments::of_batch, task.slices);
    at_start = full_gradient(*this, task, pass, *work);
  }
  Steps gradients(*this, task, *work);
  Optimiser optimiser(*this, task, *work);
  EpochEnds ends(*this, task, *work);
  std::optional<OwnSteps> own;
  if (task.plan->own.kind != OwnModel::Kind::none) own.emplace(*this, task, *work);
  if (!make_steps(task, steps, gradients, optimiser, own ? &*own : nullptr, ends, result)) {
    result.stopped = true;
    return result;
  }
  if (own) own->finish(result);
  result.rows_visited = gradients.rows_visited();
  result.mean_loss = gradients.mean_loss();

  work->kernels.axpy(packed_size_, -1.0F, work->start.data(), work->parameters.data());
  unpack(work->kernels, work->parameters.data(), result.delta);
  // a parameter that overflowed stays infinite or NaN, so looking once at the end is enough
  result.finite = result.delta.finite() && std::isfinite(result.mean_loss) &&
                  (!own || (result.own.finite() && std::isfinite(result.own_share)));
  if (task.plan->control != TrainingPlan::Control::none) {
    result.control = control_change(task, result, std::move(at_start));
    result.finite = result.finite && result.control.finite();
  }
  if (task.state != nullptr) {
    save_state(*this, task, *work, gradients.loader(), result.steps, optimiser.taken(),
               result.finite);
  }
  return result;
}

}  // namespace polyclinic::dense
