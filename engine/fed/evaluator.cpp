#include "fed/evaluator.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/check.hpp"
#include "fed/stragglers.hpp"

namespace polyclinic {

Evaluator::Evaluator(const Setup& setup) : setup_(setup) {
  workspaces_.resize(static_cast<std::size_t>(setup.workers->threads()));
}

bool Evaluator::stateful() const {
  // momentum and moments that stay, a position in the data that the next training goes on from, a
  // model of its own, the last local one, or what earlier messages left out
  return setup_.plan->keep_optimizer_state || setup_.plan->steps > 0 || setup_.personal->keeps() ||
         setup_.plan->contrast.weight > 0 ||
         (setup_.compressor != nullptr && setup_.compressor->stateful());
}

bool Evaluator::interrupted() const {
  return setup_.interrupt != nullptr && setup_.interrupt->load(std::memory_order_relaxed);
}

Deferred<TrainingResult> Evaluator::issue(Order order) const {
  order.data = setup_.cohort->now(order.hospital).data;
  return Deferred<TrainingResult>(std::move(order));
}

void Evaluator::trained(const Deferred<TrainingResult>& deferred) {
  ENSURE(deferred.valid(), "only an issued order can have been trained");
  if (!stateful()) return;
  const HospitalId hospital = deferred.slot_->order.hospital;
  auto& chain = chains_[hospital];
  chain.push_back(deferred.slot_);
  if (deferred.slot_->expected != kNever) note_expected(deferred.slot_);
  if (chain.size() < kChainMax) return;
  std::vector<Batch> batches(1);
  batches[0].state = &states_.of(hospital);
  batches[0].slots = take_chain(hospital, nullptr);
  run(batches);
}

void Evaluator::lost(const Deferred<TrainingResult>& deferred) {
  if (setup_.compressor == nullptr || !setup_.compressor->error_feedback()) return;
  ENSURE(deferred.valid(), "what was on its way was issued");
  Slot& slot = *deferred.slot_;
  slot.lost = true;
  if (!slot.result || !slot.result->finite || slot.result->stopped) return;
  compression::Memory& memory = states_.of(slot.order.hospital).update;
  compression::give_back(*setup_.compressor, slot.result->delta, memory);
}

// The pending orders of a hospital up to and with `upto` (all when null), taken out of the chain.
std::vector<std::shared_ptr<Evaluator::Slot>> Evaluator::take_chain(HospitalId hospital,
                                                                    const Slot* upto) {
  std::vector<std::shared_ptr<Slot>> taken;
  auto& chain = chains_[hospital];
  while (!chain.empty()) {
    taken.push_back(std::move(chain.front()));
    taken.back()->taken_up = true;
    chain.pop_front();
    if (taken.back().get() == upto) break;
  }
  return taken;
}

void Evaluator::expect(const Deferred<TrainingResult>& deferred, TimeNs at) {
  ENSURE(deferred.valid(), "only an issued order can be expected");
  if (setup_.workers->threads() == 1) return;
  deferred.slot_->expected = at;
  // a training that changes a state counts when it is over
  if (!stateful()) note_expected(deferred.slot_);
}

void Evaluator::note_expected(const std::shared_ptr<Slot>& slot) {
  // what nobody needs any more lies before what is still to come
  while (!expected_.empty()) {
    const auto first = expected_.begin()->second.lock();
    if (first && !first->taken_up) break;
    expected_.erase(expected_.begin());
  }
  expected_.emplace(std::pair(slot->expected, expectations_++), slot);
}

void Evaluator::force(std::span<const Deferred<TrainingResult>> wanted) {
  std::vector<Batch> batches;
  batches.reserve(wanted.size());
  for (const auto& deferred : wanted) {
    if (!deferred.slot_->taken_up) append(batches, deferred.slot_);
  }
  if (batches.empty()) return;
  add_ahead(batches);
  run(batches);
}

// The order, behind what its hospital's state needs first: one worker does all of one state.
void Evaluator::append(std::vector<Batch>& batches, const std::shared_ptr<Slot>& slot) {
  if (!stateful()) {
    slot->taken_up = true;
    batches.emplace_back();
    batches.back().slots.push_back(slot);
    return;
  }
  const HospitalId hospital = slot->order.hospital;
  HospitalState* state = &states_.of(hospital);
  auto batch = std::find_if(batches.begin(), batches.end(),
                            [&](const Batch& other) { return other.state == state; });
  if (batch == batches.end()) {
    batches.emplace_back();
    batch = std::prev(batches.end());
    batch->state = state;
  }
  for (auto& pending : take_chain(hospital, slot.get())) {
    batch->slots.push_back(std::move(pending));
  }
}

// What is expected next, as much as workers may compute before anybody asks.
void Evaluator::add_ahead(std::vector<Batch>& batches) {
  const std::size_t most = kAheadMost * static_cast<std::size_t>(setup_.workers->threads());
  std::erase_if(ahead_, [](const std::weak_ptr<Slot>& slot) { return slot.expired(); });
  while (ahead_.size() < most && !expected_.empty()) {
    const std::shared_ptr<Slot> slot = expected_.begin()->second.lock();
    expected_.erase(expected_.begin());
    if (!slot || slot->taken_up) continue;
    ahead_.push_back(slot);
    append(batches, slot);
  }
}

void Evaluator::run(std::vector<Batch>& batches) {
  for (const Batch& batch : batches) trainings_ += static_cast<std::int64_t>(batch.slots.size());
  setup_.workers->for_each(batches.size(), [&](std::size_t i, int slot) {
    Workspace& workspace = workspace_of(slot);
    for (auto& pending : batches[i].slots) evaluate(*pending, batches[i].state, workspace);
  });
}

Workspace& Evaluator::workspace_of(int slot) {
  auto& workspace = workspaces_[static_cast<std::size_t>(slot)];
  if (!workspace) workspace = setup_.model->make_workspace();
  return *workspace;
}

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
  TrainingTask task;
  task.data = poisoned ? &*poisoned : &site->train;
  task.global = slot.order.start.get();
  const TrainingPlan plan = plan_of(*setup_.plan, slot.order);
  task.plan = &plan;
  task.round = slot.order.round;
  task.run = setup_.run;
  task.entity = entity_of(slot.order);
  task.state = state != nullptr ? &state->trainer : nullptr;
  task.server_control = slot.order.server_control.get();
  task.own_control = slot.order.own_control.get();
  task.given_order = slot.order.given_order;
  task.stop = setup_.interrupt;
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

// Evaluates what these hospitals trained on the clock, so that their states are up to date.
void Evaluator::catch_up(std::span<const HospitalId> hospitals) {
  std::vector<Batch> batches;
  for (const HospitalId hospital : hospitals) {
    const auto chain = chains_.find(hospital);
    if (chain == chains_.end() || chain->second.empty()) continue;
    Batch batch;
    batch.state = &states_.of(hospital);
    batch.slots = take_chain(hospital, nullptr);
    batches.push_back(std::move(batch));
  }
  run(batches);
}

bool Evaluator::has_own(HospitalId hospital) const {
  const HospitalState* state = states_.find(hospital);
  return state != nullptr && !state->personal.empty();
}

std::optional<double> Evaluator::own_share(HospitalId hospital) const {
  const HospitalState* state = states_.find(hospital);
  return state != nullptr ? state->share : std::nullopt;
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

std::vector<ParameterVector> Evaluator::personal_models(std::span<const HospitalId> hospitals,
                                                        const ParameterVector& global,
                                                        std::int64_t version) {
  using Kind = PersonalRule::Kind;
  std::vector<ParameterVector> models(hospitals.size());
  const Kind kind = setup_.personal->kind;
  if (kind == Kind::none) return models;
  if (setup_.personal->keeps()) catch_up(hospitals);
  if (kind == Kind::ditto || kind == Kind::in_steps) {
    for (std::size_t i = 0; i < hospitals.size(); ++i) {
      const HospitalState* state = states_.find(hospitals[i]);
      if (state != nullptr) models[i] = kept_model(*state, global);
    }
    return models;
  }
  setup_.workers->for_each(hospitals.size(), [&](std::size_t i, int slot) {
    models[i] = kind == Kind::layers
                    ? joined(hospitals[i], global, version, true, workspace_of(slot))
                    : fine_tuned(hospitals[i], global, version, workspace_of(slot));
  });
  return models;
}

void Evaluator::forget(HospitalId hospital) {
  states_.erase(hospital);
  chains_.erase(hospital);
}

void Evaluator::begin_anew() {
  states_.clear();
  chains_.clear();
  expected_.clear();
  ahead_.clear();
}

Acts Evaluator::acts(const Deferred<TrainingResult>& deferred) const {
  ENSURE(deferred.valid(), "only an issued order has attacks");
  return deferred.slot_->order.acts;
}

std::vector<double> Evaluator::losses(std::span<const HospitalId> hospitals,
                                      const ParameterVector& parameters, LossOf of) {
  std::vector<double> losses(hospitals.size(), std::numeric_limits<double>::infinity());
  const bool layers = setup_.personal->kind == PersonalRule::Kind::layers;
  if (layers) catch_up(hospitals);
  setup_.workers->for_each(hospitals.size(), [&](std::size_t i, int slot) {
    const SitePtr site = setup_.cohort->site(hospitals[i]);
    std::vector<std::int32_t> rows(static_cast<std::size_t>(site->train.rows));
    if (rows.empty()) return;
    std::iota(rows.begin(), rows.end(), 0);
    Workspace& workspace = workspace_of(slot);
    ParameterVector whole;
    if (layers) whole = joined(hospitals[i], parameters, 0, false, workspace);
    const ParameterVector& model = layers ? whole : parameters;
    const auto loss_of = [&](std::span<const std::int32_t> some) {
      return setup_.model->loss(model, site->train, some, nullptr, workspace);
    };
    if (of == LossOf::mean) {
      losses[i] = loss_of(rows);
      return;
    }
    double squares = 0;
    for (std::size_t row = 0; row < rows.size(); ++row) {
      const double loss = loss_of(std::span(rows).subspan(row, 1));
      squares += loss * loss;
    }
    losses[i] = std::sqrt(squares / static_cast<double>(rows.size()));
  });
  return losses;
}

TrainingResult Evaluator::take(Deferred<TrainingResult>& deferred) const {
  ENSURE(deferred.slot_ && deferred.slot_->result, "a result is taken after it was forced");
  TrainingResult result = std::move(*deferred.slot_->result);
  deferred.slot_.reset();
  return result;
}

DeferredUpdates::DeferredUpdates(Evaluator& evaluator, std::vector<Item> items, std::size_t window,
                                 std::function<void(Update&)> heard)
    : evaluator_(evaluator),
      items_(std::move(items)),
      window_(std::max<std::size_t>(window, 1)),
      heard_(std::move(heard)) {}

const Update* DeferredUpdates::next() {
  while (position_ < items_.size()) {
    if (position_ == forced_) {
      const std::size_t end = std::min(items_.size(), forced_ + window_);
      std::vector<Deferred<TrainingResult>> wanted;
      for (std::size_t i = forced_; i < end; ++i) wanted.push_back(items_[i].result);
      evaluator_.force(wanted);
      forced_ = end;
    }
    const std::size_t place = position_++;
    Item& item = items_[place];
    current_.place = place;
    current_.acts = evaluator_.acts(item.result);
    TrainingResult result = evaluator_.take(item.result);
    if (!result.finite || result.stopped) {
      diverged_.push_back(item.hospital);
      places_.push_back(place);
      continue;
    }
    current_.hospital = item.hospital;
    current_.delta = std::move(result.delta);
    current_.control = std::move(result.control);
    current_.rows = result.rows;
    current_.steps = result.steps;
    current_.accumulated = result.accumulated;
    current_.mean_loss = result.mean_loss;
    current_.rate = result.rate;
    current_.told_loss = result.told_loss;
    current_.weight = item.weight;
    told_loss_ += item.weight * result.told_loss;
    told_weight_ += item.weight;
    // who did not train saw no loss
    if (current_.acts == 0 || result.rows_visited > 0) {
      loss_ += item.weight * result.mean_loss;
      weight_ += item.weight;
    }
    rows_visited_ += result.rows_visited;
    steps_ += result.steps;
    if (heard_) heard_(current_);
    return &current_;
  }
  return nullptr;
}

bool DeferredUpdates::take(Update& update) {
  if (next() == nullptr) return false;
  update = std::move(current_);
  return true;
}

}  // namespace polyclinic
