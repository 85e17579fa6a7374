// What an order is at its hospital: trainings, and what stays of them there. When they are
// evaluated is in evaluator.cpp.
#include <cmath>
#include <numeric>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "fed/evaluator.hpp"
#include "fed/stragglers.hpp"

namespace polyclinic {

namespace {
// Batch orders of own models: a hospital's other trainings have addresses below it.
constexpr std::uint64_t kPersonalEntity = 1ULL << 63U;

// What a hospital is to do, in which the server's order has its say.
TrainingPlan plan_of(const TrainingPlan& common, const Order& order) {
  TrainingPlan plan = with_epochs(common, order.epochs);
  plan.privacy.noise = order.noise;
  if (order.proximal) plan.proximal = *order.proximal;
  return plan;
}

// Trainings of a hospital that share a round have addresses of their own.
std::uint64_t entity_of(const Order& order) {
  return order.hospital.value | (static_cast<std::uint64_t>(order.repeat) << 32U) |
         (static_cast<std::uint64_t>(order.life) << 48U);
}
}  // namespace

void Evaluator::evaluate(Slot& slot, HospitalState* state, Workspace& workspace) const {
  if (interrupted()) {
    TrainingResult nothing;
    nothing.finite = false;
    slot.result = std::move(nothing);
    return;
  }
  const SitePtr site = setup_.cohort->site_at({slot.order.hospital, slot.order.data});
  const Acts acts = slot.order.acts;
  if (acts != 0 && state == nullptr && !setup_.adversary->trains(acts)) {
    slot.result = untrained(slot.order, site->train);
    if (setup_.tell_losses) {
      slot.result->told_loss = loss_of(*slot.order.start, site->train, workspace);
    }
    slot.order.start.reset();
    return;
  }
  std::optional<Dataset> poisoned;
  if (acts != 0) poisoned = setup_.adversary->rows(slot.order.hospital, acts, site->train);
  const TrainingPlan plan = plan_of(*setup_.plan, slot.order);
  const TrainingTask task = task_of(slot.order, poisoned ? *poisoned : site->train, plan, state);
  const bool layers = setup_.personal->kind == PersonalRule::Kind::layers;
  double told_loss = 0;
  if (setup_.tell_losses) {
    told_loss = layers ? loss_of(with_own_layers(*slot.order.start, *state), *task.data, workspace)
                       : loss_of(*slot.order.start, *task.data, workspace);
  }
  slot.result = layers ? train_layers(task, slot.order, *state, workspace)
                       : train_whole(task, state, workspace);
  if (setup_.tell_losses) {
    slot.result->told_loss = told_loss;
    slot.result->finite = slot.result->finite && std::isfinite(told_loss);
  }
  if (setup_.local_privacy && slot.result->finite && !slot.result->stopped) {
    noise_update(slot.result->delta, *setup_.local_privacy, slot.order.noise, setup_.run,
                 task.entity, slot.order.round);
  }
  if (setup_.personal->kind == PersonalRule::Kind::ditto && state != nullptr) {
    train_personal(slot.order, *state, workspace);
  }
  compress(slot, state);
  slot.order.start.reset();
  slot.order.server_control.reset();
  slot.order.own_control.reset();
}

TrainingTask Evaluator::task_of(const Order& order, const Dataset& rows, const TrainingPlan& plan,
                                HospitalState* state) const {
  TrainingTask task;
  task.data = &rows;
  task.global = order.start.get();
  task.plan = &plan;
  task.round = order.round;
  task.run = setup_.run;
  task.entity = entity_of(order);
  task.state = state != nullptr ? &state->trainer : nullptr;
  task.server_control = order.server_control.get();
  task.own_control = order.own_control.get();
  task.given_order = order.given_order;
  task.stop = setup_.interrupt;
  return task;
}

Evaluator::Stopped Evaluator::epochs_until_stop(Order order) {
  const EarlyStopping& rule = setup_.plan->early_stopping;
  ENSURE(rule.patience > 0, "somebody stops");
  order.data = setup_.cohort->now(order.hospital).data;
  const SitePtr site = setup_.cohort->site_at({order.hospital, order.data});
  const Dataset& held_out = site->validation;
  const bool idle = order.acts != 0 && !stateful() && !setup_.adversary->trains(order.acts);
  if (interrupted() || idle || (!rule.on_training && held_out.rows == 0)) return {};
  std::optional<Dataset> poisoned;
  if (order.acts != 0) poisoned = setup_.adversary->rows(order.hospital, order.acts, site->train);
  // what it keeps, as it stands when it begins; a copy, since the clock may yet interrupt it
  HospitalState copy;
  if (stateful()) {
    catch_up(std::span(&order.hospital, 1));
    if (const HospitalState* state = states_.find(order.hospital)) {
      copy.trainer = state->trainer;
      copy.personal = state->personal;
      copy.share = state->share;
      copy.previous = state->previous;
    }
  }
  const TrainingPlan plan = plan_of(*setup_.plan, order);
  TrainingTask task = task_of(order, poisoned ? *poisoned : site->train, plan, &copy);
  if (!checks_) checks_ = setup_.model->make_workspace();
  EpochWatch watch(rule);
  task.after_epoch = [&](double mean_loss, const ParameterVector& parameters) {
    return watch.goes_on(rule.on_training ? mean_loss : loss_of(parameters, held_out, *checks_));
  };
  Workspace& workspace = workspace_of(0);
  const TrainingResult result = setup_.personal->kind == PersonalRule::Kind::layers
                                    ? train_layers(task, order, copy, workspace)
                                    : train_whole(task, &copy, workspace);
  if (result.stopped) return {};
  Stopped stopped;
  stopped.ran = watch.epochs();
  stopped.counted = rule.keep_best && watch.best() > 0 ? watch.best() : stopped.ran;
  stopped.rows_checked = rule.on_training ? 0 : stopped.ran * held_out.rows;
  return stopped;
}

// What a hospital says that did not train: the steps that the others make, and no change.
TrainingResult Evaluator::untrained(const Order& order, const Dataset& rows) const {
  const TrainingPlan plan = plan_of(*setup_.plan, order);
  TrainingResult result;
  result.delta = ParameterVector(order.start->shared_layout());
  result.rows = rows.rows;
  result.steps = extent(plan, rows.rows).steps;
  result.accumulated = accumulated_steps(plan, result.steps, order.round);
  result.rate = plan.schedule.at(order.round);
  return result;
}

double Evaluator::loss_of(const ParameterVector& parameters, const Dataset& rows,
                          Workspace& workspace) const {
  std::vector<std::int32_t> all(static_cast<std::size_t>(rows.rows));
  std::iota(all.begin(), all.end(), 0);
  return setup_.model->loss(parameters, rows, all, nullptr, workspace);
}

// What the hospital sends of a result, as the server decodes it.
void Evaluator::compress(Slot& slot, HospitalState* state) const {
  TrainingResult& result = *slot.result;
  if (setup_.compressor == nullptr || !slot.order.sent) return;
  if (!result.finite || result.stopped) return;
  HospitalState nothing;
  HospitalState& kept = state != nullptr ? *state : nothing;
  const Stream stream(setup_.run, Purpose::kCompression, entity_of(slot.order),
                      static_cast<std::uint64_t>(slot.order.round));
  result.delta = compression::send(*setup_.compressor, result.delta, stream, kept.update);
  result.finite = result.delta.finite();
  if (setup_.plan->control == TrainingPlan::Control::dynamic) {
    // FedDyn's control vectors are no message: both sides make them of the update as it arrived
    result.control = result.delta;
    result.control.clear(Role::norm_statistic);
    result.control.scale(static_cast<float>(-setup_.plan->proximal));
  } else if (!result.control.empty()) {
    // a difference to what the server holds: what it leaves out is in the next one again
    result.control =
        compression::send(*setup_.control_compressor, result.control, stream.lane(1), kept.control);
    result.finite = result.finite && result.control.finite();
  }
  if (slot.lost && result.finite) {
    compression::give_back(*setup_.compressor, result.delta, kept.update);
  }
}

// The shared layers with those that the hospital has, or with the initial ones.
ParameterVector Evaluator::with_own_layers(const ParameterVector& shared,
                                           const HospitalState& state) const {
  const PersonalRule& rule = *setup_.personal;
  return rule.layers->join(shared, state.personal.empty() ? rule.first_kept : state.personal);
}

// The model as it travels, and what a hospital keeps of such a training.
TrainingResult Evaluator::train_whole(TrainingTask task, HospitalState* state,
                                      Workspace& workspace) const {
  if (state == nullptr) return train(*setup_.model, task, workspace);
  if (!state->previous.empty()) task.previous = &state->previous;
  const bool own = setup_.personal->kind == PersonalRule::Kind::in_steps;
  if (own) {
    if (!state->personal.empty()) task.own = &state->personal;
    task.own_share = state->share.value_or(setup_.personal->first_share);
  }
  TrainingResult result = train(*setup_.model, task, workspace);
  // a training that overflowed is given up: what is kept stays as it was
  if (!result.finite || result.stopped) return result;
  if (own && !result.own.empty()) {
    state->personal = std::move(result.own);
    state->share = result.own_share;
  }
  if (task.plan->contrast.weight > 0) {
    state->previous = *task.global;
    state->previous.add_scaled(result.delta, 1.0F);
  }
  return result;
}

// What a hospital with such a state is scored with.
ParameterVector Evaluator::kept_model(const HospitalState& state,
                                      const ParameterVector& global) const {
  if (!setup_.personal->mixes() || state.personal.empty()) return state.personal;
  // APFL (Deng, Kamani, Mahdavi 2020): share v + (1 - share) w
  const double share = state.share.value_or(setup_.personal->first_share);
  ParameterVector mixed = global;
  mixed.scale(static_cast<float>(1 - share));
  mixed.add_scaled(state.personal, static_cast<float>(share));
  return mixed;
}

// The model of which some layers stay: joined for the training, and taken apart after it. What
// comes back is about the shared layers alone; the others move on in the hospital's state.
TrainingResult Evaluator::train_layers(TrainingTask task, const Order& order, HospitalState& state,
                                       Workspace& workspace) const {
  const HomeLayers& layers = *setup_.personal->layers;
  ParameterVector whole = with_own_layers(*order.start, state);
  task.global = &whole;
  task.slices = layers.together();
  if (!state.previous.empty()) task.previous = &state.previous;
  if (setup_.personal->alternate) {
    // FedRep (Collins et al. 2021), Algorithm 1: first the head with the representation as it came,
    // then the representation with that head
    TrainingTask alone = kept_alone(*task.data, whole);
    alone.round = order.round;
    alone.entity = entity_of(order) | kPersonalEntity;
    TrainingResult head = train(*setup_.model, alone, workspace);
    if (!head.finite || head.stopped) return head;
    whole.add_scaled(head.delta, 1.0F);
    task.slices = layers.shared_alone();
  }
  ParameterVector server_control;
  ParameterVector own_control;
  if (task.server_control != nullptr) {
    server_control = layers.widen(*task.server_control);
    task.server_control = &server_control;
  }
  if (task.own_control != nullptr) {
    own_control = layers.widen(*task.own_control);
    task.own_control = &own_control;
  }
  TrainingResult result = train(*setup_.model, task, workspace);
  if (result.finite && !result.stopped) {
    whole.add_scaled(result.delta, 1.0F);
    state.personal = layers.kept_of(whole);
    if (task.plan->contrast.weight > 0) state.previous = whole;
  }
  result.delta = layers.shared_of(result.delta);
  if (!result.control.empty()) result.control = layers.shared_of(result.control);
  return result;
}

// Training of the kept layers of this model, with the others as they are; without an address yet.
TrainingTask Evaluator::kept_alone(const Dataset& rows, const ParameterVector& whole) const {
  TrainingTask task;
  task.data = &rows;
  task.global = &whole;
  task.plan = &setup_.personal->plan;
  task.slices = setup_.personal->layers->kept_alone();
  task.run = setup_.run;
  task.stop = setup_.interrupt;
  return task;
}

// Ditto (Li et al. 2021), Algorithm 1: v <- v - rate (grad F(v) + lambda (v - w)), w as it was
// sent.
void Evaluator::train_personal(const Order& order, HospitalState& state,
                               Workspace& workspace) const {
  const SitePtr site = setup_.cohort->site_at({order.hospital, order.data});
  if (state.personal.empty()) state.personal = *order.start;
  TrainingTask task;
  task.data = &site->train;
  task.global = &state.personal;
  task.anchor = order.start.get();
  task.plan = &setup_.personal->plan;
  task.round = order.round;
  task.run = setup_.run;
  task.entity = entity_of(order) | kPersonalEntity;
  task.stop = setup_.interrupt;
  const TrainingResult result = train(*setup_.model, task, workspace);
  // one that overflowed is given up: the model stays what it was
  if (result.finite && !result.stopped) state.personal.add_scaled(result.delta, 1.0F);
}

ParameterVector Evaluator::fine_tuned(HospitalId hospital, const ParameterVector& global,
                                      std::int64_t version, Workspace& workspace) const {
  const SitePtr site = setup_.cohort->site(hospital);
  if (site->train.rows == 0) return {};
  TrainingTask task;
  task.data = &site->train;
  task.global = &global;
  task.plan = &setup_.personal->plan;
  task.round = version;
  task.run = setup_.run;
  task.entity = hospital.value | kPersonalEntity;
  task.stop = setup_.interrupt;
  const TrainingResult result = train(*setup_.model, task, workspace);
  if (!result.finite || result.stopped) return {};
  ParameterVector own = global;
  own.add_scaled(result.delta, 1.0F);
  return own;
}

// The shared layers and the hospital's own; where it has none, the initial ones, which `fit` trains
// on its rows with the others as they are, or which take the statistics of its rows.
ParameterVector Evaluator::joined(HospitalId hospital, const ParameterVector& shared,
                                  std::int64_t version, bool fit, Workspace& workspace) const {
  const HomeLayers& layers = *setup_.personal->layers;
  if (has_own(hospital)) return layers.join(shared, states_.find(hospital)->personal);
  ParameterVector whole = layers.join(shared, setup_.personal->first_kept);
  const SitePtr site = setup_.cohort->site(hospital);
  if (!fit || site->train.rows == 0) return whole;
  if (setup_.personal->estimates) {
    setup_.model->estimate_statistics(whole, site->train, workspace);
    return whole;
  }
  TrainingPlan plan = setup_.personal->plan;
  plan.epochs = setup_.personal->new_epochs;
  TrainingTask task = kept_alone(site->train, whole);
  task.plan = &plan;
  task.round = version;
  task.entity = hospital.value | kPersonalEntity;
  const TrainingResult result = train(*setup_.model, task, workspace);
  if (result.finite && !result.stopped) whole.add_scaled(result.delta, 1.0F);
  return whole;
}

}  // namespace polyclinic
