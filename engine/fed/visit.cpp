#include "fed/visit.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "learn/loader.hpp"

namespace polyclinic {

TimeNs Visits::compute_time(const Member& member, const TrainingExtent& amount) const {
  std::int64_t rows = amount.rows_visited + amount.rows_beside;
  // a model of its own, or layers of it, are trained besides
  if (s_.personal->trains_twice()) {
    rows += extent(s_.personal->plan, member.train_rows).rows_visited;
  }
  double passes = static_cast<double>(rows);
  // a forward pass is a third of a step's work
  passes += static_cast<double>(amount.rows_checked) / 3;
  if (s_.tell_losses) passes += static_cast<double>(member.train_rows) / 3;
  const double flops = s_.model->flops_per_row() * passes;
  const double seconds = flops / member.profile.speed_flops;
  // what takes a hundred years is never seen to end
  return seconds < kTimeMax.seconds() ? ceil_to_ns(seconds) : kNever;
}

// As many epochs as fit into a time, where the server goes by speed.
void Visits::ask(Visit& visit, const Member& member) const {
  if (!pace_) return;
  TimeNs one_epoch;
  if (pace_->rule().registered) {
    one_epoch = compute_time(member, extent(with_epochs(*s_.plan, 1), member.train_rows));
  }
  visit.asked = pace_->epochs(visit.hospital, one_epoch);
}

TrainingExtent Visits::asked_of(const Visit& visit, const Member& member) const {
  // most are asked for all, and a plan is not copied to find that out
  const std::int64_t epochs = visit.epochs > 0 ? visit.epochs : visit.asked;
  if (epochs == 0) return extent(*s_.plan, member.train_rows, member.steps_done);
  return extent(with_epochs(*s_.plan, epochs), member.train_rows, member.steps_done);
}

void Visits::forget_times(HospitalId hospital) {
  if (pace_) pace_->forget(hospital);
}

void Visits::forget_times() {
  if (pace_) pace_->begin_anew();
}

Task<bool> Visits::run(Visit& visit) {
  Member& member = s_.members->of(visit.hospital);
  ask(visit, member);
  const bool reached = co_await reach(visit, member);
  if (!reached) co_return false;
  const bool ready = co_await prepare(visit, member);
  if (!ready) co_return false;
  const bool trained = co_await compute(visit, member);
  if (!trained) co_return false;
  const bool sent = co_await upload(visit, member);
  if (!sent) co_return false;
  visit.stage = VisitStage::done;
  co_return true;
}

// Whether the guarantee of a hospital's patients leaves room for another training.
bool Visits::may_spend(Visit& visit) {
  if (s_.privacy == nullptr) return true;
  const Member& member = s_.members->of(visit.hospital);
  const std::int64_t steps = asked_of(visit, member).steps;
  const TimeNs now = s_.simulation->now();
  if (s_.privacy->rests(visit.hospital, visit.number + 1)) {
    give_up(visit, DropReason::resting, {});
    return false;
  }
  if (s_.privacy->may_train(visit.hospital, member.train_rows, now, steps)) return true;
  give_up(visit, DropReason::budget_spent, {});
  return false;
}

Task<bool> Visits::reach(Visit& visit, Member& member) {
  if (member.train_rows == 0) {
    give_up(visit, DropReason::too_few_rows, {});
    co_return false;
  }
  if (!may_spend(visit)) co_return false;
  const bool up = co_await wait_until_up(*s_.simulation, *member.availability, visit.deadline);
  if (!up) {
    give_up(visit, DropReason::unreachable, {});
    co_return false;
  }
  visit.stage = VisitStage::downloading;
  if (!visit.with) visit.start = s_.wire->model(*s_.versions);
  visit.server_control = s_.wire->control(s_.control->server());
  visit.version = s_.versions->current();
  const std::int64_t held = member.version_held;
  const std::int64_t saved = visit.has_model ? 0 : s_.wire->saved_down(held, visit.version);
  const bool received = co_await move(visit, TransferDirection::down, visit.bytes_down - saved);
  if (!visit.has_model) s_.wire->count_down(received, held, visit.version);
  if (received) member.version_held = visit.version;
  if (!received) {
    give_up(visit, DropReason::send_failed, "while it received the model");
    co_return false;
  }
  co_return true;
}

// Approval once, then the queue, container start and loading of data, then the training window.
Task<bool> Visits::prepare(Visit& visit, Member& member) {
  Simulation& sim = *s_.simulation;
  visit.stage = VisitStage::approval;
  if (member.approved_at == kNever) member.approved_at = sim.now() + member.profile.approval;
  if (member.approved_at >= visit.deadline) {
    give_up(visit, DropReason::not_approved, {});
    co_return false;
  }
  if (member.approved_at > sim.now()) co_await sim.at(member.approved_at);

  visit.stage = VisitStage::starting;
  const TimeNs overhead = s_.members->drawn_out(
      visit.hospital, s_.members->population().overhead(visit.hospital, visit.number));
  // what goes on beyond the deadline is not waited for, however long it is
  if (visit.deadline != kNever && overhead > visit.deadline - sim.now()) {
    co_await sim.at(visit.deadline, Priority::deadline);
    give_up(visit, DropReason::late, "queueing and loading its data");
    co_return false;
  }
  co_await sim.delay(overhead);

  if (member.profile.window) {
    const TimeNs opens = member.profile.window->next_open(sim.now());
    if (opens >= visit.deadline) {
      give_up(visit, DropReason::window_closed, {});
      co_return false;
    }
    visit.stage = VisitStage::waiting_for_window;
    if (opens > sim.now()) co_await sim.at(opens);
  }
  co_return true;
}

Order Visits::order_for(const Visit& visit, Member& member, std::int64_t epochs_begun) const {
  Order order;
  order.hospital = visit.hospital;
  order.round = visit.number - visit.back;
  if (visit.by_version) {
    order.round = visit.version - visit.back;
    member.repeats = member.last_start == visit.version ? member.repeats + 1 : 0;
    member.last_start = visit.version;
    order.repeat = member.repeats;
  }
  order.epochs = visit.epochs > 0 ? visit.epochs : visit.asked;
  if (s_.proximal != nullptr) order.proximal = s_.proximal->mu();
  if (s_.privacy != nullptr) {
    order.noise = s_.privacy->noise_of(visit.hospital);
    // the same noise on two updates would show how they differ
    order.life = life_;
  }
  order.start = visit.start;
  order.server_control = visit.server_control;
  order.own_control = s_.control->of(visit.hospital);
  order.given_order = given_order(member, epochs_begun);
  order.acts = visit.acts;
  order.sent = visit.epochs == 0 || !s_.stragglers.dropped;
  return order;
}

Task<bool> Visits::compute(Visit& visit, Member& member) {
  Simulation& sim = *s_.simulation;
  visit.stage = VisitStage::training;
  const bool up = member.availability->up_at(sim.now());
  if (!up && s_.interruption == Interruption::abort) {
    give_up(visit, DropReason::train_interrupted, "it was down when its turn came");
    co_return false;
  }
  TrainingExtent amount = asked_of(visit, member);
  if (s_.adversary != nullptr) {
    visit.acts = s_.adversary->begin(visit.hospital, visit.number, visit.version, sim.now());
  }
  Order order = order_for(visit, member, amount.epochs_begun);
  const std::int64_t asked = amount.steps;
  if (s_.plan->early_stopping.patience > 0) stop_early(order, member, amount);
  // a straggler is at work as long as the whole training would take, and finishes a part of it
  const TrainingExtent whole = extent(*s_.plan, member.train_rows, member.steps_done);
  const TimeNs duration = s_.members->drawn_out(
      visit.hospital, compute_time(member, visit.epochs > 0 ? whole : amount));
  const Deferred<TrainingResult> result = s_.evaluator->issue(std::move(order));
  const TimeNs began = sim.now();
  TrainingStarted started;
  started.at = began;
  started.hospital = visit.hospital;
  started.round = visit.number + 1;
  started.duration = duration;
  s_.emit(started);
  if (visit.by_version && duration <= kTimeMax) {
    s_.evaluator->expect(result, sim.now() + duration);
  }
  const bool finished =
      co_await work(sim, *member.availability, duration, s_.interruption, visit.deadline);
  if (!finished) {
    give_up(visit, DropReason::train_interrupted, {});
    co_return false;
  }
  // the hospital did train, whether or not its update will be heard
  s_.evaluator->trained(result);
  const bool touched_rows = visit.acts == 0 || s_.adversary->trains(visit.acts);
  if (s_.privacy != nullptr && touched_rows) {
    s_.privacy->trained(visit.hospital, sim.now(), visit.number + 1, amount.steps);
  }
  visit.trained_for = sim.now() - began;
  account(visit, member, amount, whole.steps, duration);
  if (amount.steps < asked) ++work_.stopped;
  if (visit.epochs > 0 && s_.stragglers.dropped) {
    give_up(visit, DropReason::partial_work,
            fmt::format("{} of {:g} epochs", visit.epochs, s_.plan->epochs));
    co_return false;
  }
  visit.result = result;
  co_return true;
}

// When it stops by itself is found before it begins, since the clock must know how long it takes.
void Visits::stop_early(Order& order, const Member& member, TrainingExtent& amount) {
  const Evaluator::Stopped stopped = s_.evaluator->epochs_until_stop(order);
  if (stopped.ran == 0) return;
  amount = extent(with_epochs(*s_.plan, stopped.ran), member.train_rows, member.steps_done);
  amount.rows_checked = stopped.rows_checked;
  order.epochs = stopped.counted;
  const TrainingExtent counted = extent(with_epochs(*s_.plan, stopped.counted), member.train_rows);
  order.rows_tried = amount.rows_visited - counted.rows_visited;
  if (order.given_order.empty()) return;
  order.given_order.resize(static_cast<std::size_t>(counted.epochs_begun * member.train_rows));
}

// A training that was finished, as far as it went.
void Visits::account(Visit& visit, Member& member, const TrainingExtent& amount,
                     std::int64_t all_steps, TimeNs duration) {
  const std::int64_t per_epoch = batch_shape(*s_.plan, member.train_rows).per_epoch();
  visit.trained_epochs = static_cast<double>(amount.steps) / static_cast<double>(per_epoch);
  work_.least =
      work_.trainings == 0 ? visit.trained_epochs : std::min(work_.least, visit.trained_epochs);
  work_.most = std::max(work_.most, visit.trained_epochs);
  ++work_.trainings;
  work_.epochs += visit.trained_epochs;
  member.busy += duration;
  member.epochs += visit.trained_epochs;
  if (amount.steps < all_steps) ++member.partial;
  member.steps_done += amount.steps;
  member.epochs_begun += amount.epochs_begun;
}

Task<bool> Visits::upload(Visit& visit, Member& member) {
  Simulation& sim = *s_.simulation;
  visit.stage = VisitStage::uploading;
  if (visit.before_upload.ns > 0) co_await sim.delay(visit.before_upload);
  if (s_.privacy != nullptr) s_.privacy->sends(visit.hospital, sim.now(), visit.number + 1);
  if (visit.sends_first) co_await visit.sends_first();
  const std::int64_t bytes = visit.bytes_up - s_.wire->saved_up();
  const bool sent = co_await move(visit, TransferDirection::up, bytes);
  if (!sent) {
    give_up(visit, DropReason::send_failed, "while it sent its update");
    co_return false;
  }
  s_.wire->count_up(true);
  member.round_durations.push_back(sim.now() - visit.invited);
  if (pace_) {
    Pace::Reply reply;
    reply.epochs = visit.trained_epochs;
    reply.whole = sim.now() - visit.invited;
    reply.training = visit.trained_for;
    pace_->heard(visit.hospital, reply);
  }
  UpdateArrived arrived;
  arrived.at = sim.now();
  arrived.hospital = visit.hospital;
  arrived.round = visit.number + 1;
  s_.emit(arrived);
  co_return true;
}

std::vector<std::int32_t> Visits::given_order(const Member& member, std::int64_t epochs) const {
  std::vector<std::int32_t> order;
  if (s_.batch_order == nullptr) return order;
  for (std::int64_t epoch = 0; epoch < epochs; ++epoch) {
    const std::vector<std::int32_t> one = s_.functions->batch_order(
        *s_.batch_order, member.profile.name, member.epochs_begun + epoch, member.train_rows);
    order.insert(order.end(), one.begin(), one.end());
  }
  return order;
}

// A message to or from whoever invited the hospital.
Task<TransferOutcome> Visits::carry(const Visit& visit, TransferDirection direction,
                                    std::int64_t bytes) {
  if (!visit.with) {
    co_return co_await s_.network->transfer(visit.hospital, direction, bytes, visit.deadline);
  }
  const HostId own = host_of(visit.hospital);
  const bool up = direction == TransferDirection::up;
  const HostId other = up && visit.to ? *visit.to : *visit.with;
  if (own == other) {
    // it asked itself: nothing leaves the machine
    TransferOutcome here;
    here.completed = true;
    here.started = here.ended = s_.simulation->now();
    co_return here;
  }
  co_return co_await s_.network->send(up ? own : other, up ? other : own, bytes, visit.deadline);
}

Task<bool> Visits::move(Visit& visit, TransferDirection direction, std::int64_t bytes) {
  // among hospitals, who was not asked for anything sends no message
  if (bytes == 0 && visit.with) co_return true;
  const TransferOutcome outcome = co_await carry(visit, direction, bytes);
  (direction == TransferDirection::up ? moved_.up : moved_.down) += outcome.bytes_on_wire;
  record_transfer(visit.hospital, visit.number, direction, outcome, bytes);
  co_return outcome.completed;
}

void Visits::record_transfer(HospitalId hospital, std::int64_t number, TransferDirection direction,
                             const TransferOutcome& outcome, std::int64_t bytes) {
  TransferEnded ended;
  ended.at = s_.simulation->now();
  ended.hospital = hospital;
  ended.round = number + 1;
  ended.direction = direction;
  ended.bytes = bytes;
  ended.bytes_moved = outcome.bytes_on_wire;
  ended.started = outcome.started;
  ended.completed = outcome.completed;
  ended.attempts = outcome.attempts;
  s_.emit(ended);
}

// The hospital itself gives up.
void Visits::give_up(Visit& visit, DropReason reason, std::string detail) {
  // what ends at the deadline ended because of it
  const bool at_deadline = s_.simulation->now() >= visit.deadline;
  if (at_deadline &&
      (reason == DropReason::train_interrupted || reason == DropReason::send_failed)) {
    reason = late_or_cut_off(visit);
  }
  drop(visit, reason, std::move(detail));
}

void Visits::drop(Visit& visit, DropReason reason, std::string detail) {
  if (pace_ && visit.stage != VisitStage::done) {
    pace_->missed(visit.hospital, visit.asked, s_.simulation->now() - visit.invited);
  }
  const bool began = visit.stage == VisitStage::training || visit.stage == VisitStage::uploading ||
                     visit.result.valid();
  if (s_.control->used() && began) ++controls_kept_;
  if (visit.stage == VisitStage::uploading) {
    // its hospital sees that the message broke off
    s_.evaluator->lost(visit.result);
    s_.wire->count_up(false);
  }
  visit.stage = VisitStage::done;
  visit.result = {};
  visit.dropped = reason;
  ++s_.members->of(visit.hospital).drops[reason];
  HospitalDropped dropped;
  dropped.at = s_.simulation->now();
  dropped.hospital = visit.hospital;
  dropped.round = visit.number + 1;
  dropped.reason = reason;
  dropped.detail = std::move(detail);
  s_.emit(dropped);
}

namespace {

// What a machine was doing when it went down.
DropReason lost_by(VisitStage stage) {
  switch (stage) {
    case VisitStage::invited:
    case VisitStage::downloading: return DropReason::unreachable;
    case VisitStage::uploading: return DropReason::send_failed;
    default: return DropReason::train_interrupted;
  }
}

}  // namespace

void Visits::end(Visit& visit, Stop why) {
  visit.scope->cancel();
  const bool leaves = why == Stop::leaves;
  drop(visit, leaves ? DropReason::left : lost_by(visit.stage), leaves ? "" : "it went down");
}

// Who was disconnected or down while a message was on its way was not slow.
DropReason Visits::late_or_cut_off(const Visit& visit) const {
  const Member& member = s_.members->of(visit.hospital);
  const bool up = member.availability->up_at(s_.simulation->now());
  if (up && s_.network->connected(visit.hospital)) return DropReason::late;
  if (visit.stage == VisitStage::downloading) return DropReason::unreachable;
  return visit.stage == VisitStage::uploading ? DropReason::send_failed : DropReason::late;
}

void Visits::cut_off(Visit& visit) {
  switch (visit.stage) {
    case VisitStage::invited: drop(visit, DropReason::unreachable, {}); break;
    case VisitStage::waiting_for_window: drop(visit, DropReason::window_closed, {}); break;
    case VisitStage::downloading: drop(visit, late_or_cut_off(visit), "receiving the model"); break;
    case VisitStage::approval: drop(visit, DropReason::not_approved, {}); break;
    case VisitStage::starting:
      drop(visit, DropReason::late, "queueing and loading its data");
      break;
    case VisitStage::training: drop(visit, DropReason::late, "training"); break;
    case VisitStage::uploading:
    case VisitStage::done: drop(visit, late_or_cut_off(visit), "sending its update"); break;
  }
}

}  // namespace polyclinic
