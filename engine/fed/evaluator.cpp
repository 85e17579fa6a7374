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

std::int64_t Evaluator::rows_tried(const Deferred<TrainingResult>& deferred) {
  return deferred.slot_->order.rows_tried;
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
    const std::int64_t tried = evaluator_.rows_tried(item.result);
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
    rows_visited_ += result.rows_visited + tried;
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
