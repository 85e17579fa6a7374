#include "fed/sync_server.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/check.hpp"
#include "base/draw.hpp"

namespace polyclinic {

privacy::HospitalTerms hospital_terms(const TrainingPlan& plan, std::int64_t train_rows,
                                      std::int64_t rounds) {
  privacy::HospitalTerms terms;
  terms.rows = train_rows;
  terms.trainings = rounds;
  if (train_rows == 0) return terms;
  terms.rate = sampling_rate(plan, train_rows);
  terms.steps = extent(plan, train_rows).steps;
  return terms;
}

SyncServer::SyncServer(Setup setup) : s_(std::move(setup)) {
  if (!s_.secure) return;
  secure_account_.real = s_.secure->real;
  secure_sum_.emplace(*s_.secure, s_.run, secure_account_);
}

std::int64_t SyncServer::message_bytes() const {
  return s_.control->vectors_per_message() * s_.model->layout()->size() *
             static_cast<std::int64_t>(sizeof(float)) +
         s_.options.control_bytes;
}

// Of the invitation with the model, and of the update; under a secure sum shares come with the one,
// and the other is a masked vector.
std::int64_t SyncServer::bytes_down(const Round& round) const {
  if (!s_.secure) return message_bytes();
  const auto shared = std::count_if(round.participants.begin(), round.participants.end(),
                                    [](const Participant& p) { return p.shared; });
  return message_bytes() + message_sizes(round).forwarded(static_cast<std::size_t>(shared));
}
std::int64_t SyncServer::bytes_up(const Round& round) const {
  return s_.secure ? message_sizes(round).masked() + s_.options.control_bytes : message_bytes();
}

TimeNs SyncServer::compute_time(const Member& member, const TrainingExtent& amount) const {
  std::int64_t rows = amount.rows_visited + amount.rows_beside;
  // a model of its own is trained besides
  if (s_.personal->kind == PersonalRule::Kind::ditto) {
    rows += extent(s_.personal->plan, member.train_rows).rows_visited;
  }
  const double flops = s_.model->flops_per_row() * static_cast<double>(rows);
  const double seconds = flops / member.profile.speed_flops;
  // what takes a hundred years is never seen to end
  return seconds < kTimeMax.seconds() ? ceil_to_ns(seconds) : kNever;
}

Task<void> SyncServer::serve() {
  Simulation& sim = *s_.simulation;
  for (std::int64_t index = 0; index < s_.options.rounds; ++index) {
    Round round(sim, index);
    open_round_ = &round;
    RoundClosed closed;
    try {
      open(round);
      const bool begun = co_await exchange_keys(round);
      if (begun) {
        co_await gather(round);
        co_await unmask(round);
      }
      closed = close(round);
    } catch (...) {
      // accounted for while the round is still there: unwinding ends it
      abandon();
      throw;
    }
    open_round_ = nullptr;
    const TimeNs deadline = round.ends;
    // measurements see everything that happened in this nanosecond
    co_await sim.at(sim.now(), Priority::measurement);
    const bool stop = s_.after_round(closed);
    if (stop) co_return;
    // a round that failed is not tried again before its deadline: who declined would decline again
    if (closed.failed && deadline != kNever && sim.now() < deadline) co_await sim.at(deadline);
    // a timeline that waited for this version acts before the next round opens
    co_await sim.at(sim.now(), Priority::measurement);
    const bool last = index + 1 == s_.options.rounds;
    if (s_.options.pause.ns > 0 && !last) co_await sim.delay(s_.options.pause);
  }
}

void SyncServer::open(Round& round) {
  Simulation& sim = *s_.simulation;
  round.opened = sim.now();
  if (s_.options.deadline != kNever) round.ends = round.opened + s_.options.deadline;
  round.deadline = round.ends;
  const std::vector<HospitalId>& candidates = s_.candidates;
  std::vector<HospitalId> chosen = s_.selection->choose(candidates, s_.run, round.index);

  // over-selection invites more of those not chosen, drawn at an address of their own
  round.target = chosen.size();
  const auto wanted = static_cast<std::size_t>(
      std::ceil(static_cast<double>(chosen.size()) * s_.options.over_selection - 1e-9));
  if (wanted > chosen.size() && chosen.size() < candidates.size()) {
    std::vector<HospitalId> others;
    std::set_difference(candidates.begin(), candidates.end(), chosen.begin(), chosen.end(),
                        std::back_inserter(others));
    Stream stream(s_.run, Purpose::kSelection, 0, static_cast<std::uint64_t>(round.index), 1);
    const auto extra = std::min(wanted - chosen.size(), others.size());
    for (std::int32_t i : draw::sample(stream, static_cast<std::int32_t>(others.size()),
                                       static_cast<std::int32_t>(extra))) {
      chosen.push_back(others[static_cast<std::size_t>(i)]);
    }
    std::sort(chosen.begin(), chosen.end());
  }
  const std::size_t two_thirds = (2 * round.target + 2) / 3;
  round.minimum = s_.options.minimum_replies
                      ? static_cast<std::size_t>(*s_.options.minimum_replies)
                      : std::min(round.target, std::max<std::size_t>(2, two_thirds));

  // all are known before any is invited: an interruption while their data are made leaves no round
  for (HospitalId id : chosen) s_.members->of(id);

  RoundOpened opened;
  opened.at = round.opened;
  opened.round = round.index + 1;
  opened.version = s_.versions->current();
  opened.participants = chosen;
  opened.deadline = round.deadline;
  s_.emit(opened);
  round.participants.resize(chosen.size());
  const auto epochs = straggler_epochs(s_.stragglers, chosen, s_.run, round.index);
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    round.participants[i].hospital = chosen[i];
    round.participants[i].epochs = epochs[i];
  }
  for (HospitalId id : chosen) ++s_.members->of(id).invitations;
}

Task<void> SyncServer::gather(Round& round) {
  round.open = 0;
  for (std::size_t i = 0; i < round.participants.size(); ++i) {
    const Participant& participant = round.participants[i];
    if (s_.secure && !participant.shared) continue;
    ++round.open;
    s_.simulation->spawn(round.scope, participate(round, i), "hospital",
                         participant.hospital.value);
  }
  while (round.open > 0 && round.arrived < round.target) {
    const std::optional<std::size_t> index = co_await round.inbox.receive_until(round.deadline);
    if (!index) break;
    --round.open;
    Participant& participant = round.participants[*index];
    if (participant.stage == Stage::done && participant.result.valid()) {
      participant.arrived = true;
      ++round.arrived;
    }
  }
  round.scope.cancel();
}

// A hospital from invitation to reply.
Task<void> SyncServer::participate(Round& round, std::size_t index) {
  const bool reached = co_await reach(round, index);
  if (!reached) co_return;
  const bool ready = co_await prepare(round, index);
  if (!ready) co_return;
  const bool trained = co_await compute(round, index);
  if (!trained) co_return;
  const bool sent = co_await upload(round, index);
  if (!sent) co_return;
  round.participants[index].stage = Stage::done;
  round.inbox.send(index);
}

// Whether the guarantee of a hospital's patients leaves room for another training.
bool SyncServer::may_spend(Round& round, std::size_t index) {
  if (s_.ledger == nullptr) return true;
  const Participant& participant = round.participants[index];
  const Member& member = s_.members->of(participant.hospital);
  const TrainingPlan plan = with_epochs(*s_.plan, participant.epochs);
  const std::int64_t steps = extent(plan, member.train_rows).steps;
  s_.ledger->open(participant.hospital,
                  hospital_terms(*s_.plan, member.train_rows, s_.options.rounds));
  if (s_.ledger->admits(participant.hospital, s_.simulation->now(), steps)) return true;
  give_up(round, index, DropReason::budget_spent, {});
  return false;
}

Task<bool> SyncServer::reach(Round& round, std::size_t index) {
  Participant& participant = round.participants[index];
  Member& member = s_.members->of(participant.hospital);
  if (member.train_rows == 0) {
    give_up(round, index, DropReason::too_few_rows, {});
    co_return false;
  }
  if (!may_spend(round, index)) co_return false;
  const bool up = co_await wait_until_up(*s_.simulation, *member.availability, round.deadline);
  if (!up) {
    give_up(round, index, DropReason::unreachable, {});
    co_return false;
  }
  participant.stage = Stage::downloading;
  const std::int64_t bytes = bytes_down(round);
  const TransferOutcome outcome = co_await s_.network->transfer(
      participant.hospital, TransferDirection::down, bytes, round.deadline);
  record_transfer(round, member, TransferDirection::down, outcome, bytes);
  if (!outcome.completed) {
    give_up(round, index, DropReason::send_failed, "while it received the model");
    co_return false;
  }
  co_return true;
}

// Approval once, then the queue, container start and loading of data, then the training window.
Task<bool> SyncServer::prepare(Round& round, std::size_t index) {
  Simulation& sim = *s_.simulation;
  Participant& participant = round.participants[index];
  Member& member = s_.members->of(participant.hospital);
  participant.stage = Stage::approval;
  if (member.approved_at == kNever) member.approved_at = sim.now() + member.profile.approval;
  if (member.approved_at >= round.deadline) {
    give_up(round, index, DropReason::not_approved, {});
    co_return false;
  }
  if (member.approved_at > sim.now()) co_await sim.at(member.approved_at);

  participant.stage = Stage::starting;
  const TimeNs overhead = s_.members->population().overhead(participant.hospital, round.index);
  // what goes on beyond the deadline is not waited for, however long it is
  if (round.deadline != kNever && overhead > round.deadline - sim.now()) {
    co_await sim.at(round.deadline, Priority::deadline);
    give_up(round, index, DropReason::late, "queueing and loading its data");
    co_return false;
  }
  co_await sim.delay(overhead);

  if (member.profile.window) {
    const TimeNs opens = member.profile.window->next_open(sim.now());
    if (opens >= round.deadline) {
      give_up(round, index, DropReason::window_closed, {});
      co_return false;
    }
    participant.stage = Stage::waiting_for_window;
    if (opens > sim.now()) co_await sim.at(opens);
  }
  co_return true;
}

Task<bool> SyncServer::compute(Round& round, std::size_t index) {
  Simulation& sim = *s_.simulation;
  Participant& participant = round.participants[index];
  Member& member = s_.members->of(participant.hospital);
  participant.stage = Stage::training;
  const bool up = member.availability->up_at(sim.now());
  if (!up && s_.interruption == Interruption::abort) {
    give_up(round, index, DropReason::train_interrupted, "it was down when its turn came");
    co_return false;
  }
  // a straggler is at work as long as the whole training would take, and finishes a part of it
  const TrainingExtent whole = extent(*s_.plan, member.train_rows, member.steps_done);
  const TimeNs duration = compute_time(member, whole);
  const TrainingPlan plan = with_epochs(*s_.plan, participant.epochs);
  const TrainingExtent amount = extent(plan, member.train_rows, member.steps_done);
  Order order;
  order.hospital = participant.hospital;
  order.round = round.index;
  order.epochs = participant.epochs;
  if (s_.ledger != nullptr) order.noise = s_.ledger->pages().at(participant.hospital).noise;
  order.start = s_.versions->parameters();
  order.server_control = s_.control->server();
  order.own_control = s_.control->of(participant.hospital);
  order.given_order = given_order(member, amount.epochs_begun);
  const Deferred<TrainingResult> result = s_.evaluator->issue(std::move(order));
  TrainingStarted started;
  started.at = sim.now();
  started.hospital = participant.hospital;
  started.round = round.index + 1;
  started.duration = duration;
  s_.emit(started);
  const bool finished =
      co_await work(sim, *member.availability, duration, s_.interruption, round.deadline);
  if (!finished) {
    give_up(round, index, DropReason::train_interrupted, {});
    co_return false;
  }
  // the hospital did train, whether or not its update will be heard
  s_.evaluator->trained(result);
  if (s_.ledger != nullptr) {
    privacy::LedgerEntry entry;
    entry.at = sim.now();
    entry.round = round.index + 1;
    entry.steps = amount.steps;
    s_.ledger->charge(participant.hospital, entry);
  }
  member.busy += duration;
  member.steps_done += amount.steps;
  member.epochs_begun += amount.epochs_begun;
  if (participant.epochs > 0) {
    ++member.partial;
    if (s_.stragglers.dropped) {
      give_up(round, index, DropReason::partial_work,
              fmt::format("{} of {:g} epochs", participant.epochs, s_.plan->epochs));
      co_return false;
    }
  }
  participant.result = result;
  co_return true;
}

Task<bool> SyncServer::upload(Round& round, std::size_t index) {
  Simulation& sim = *s_.simulation;
  Participant& participant = round.participants[index];
  Member& member = s_.members->of(participant.hospital);
  participant.stage = Stage::uploading;
  const std::int64_t bytes = bytes_up(round);
  if (s_.secure) {
    const TimeNs masking = masking_time(round);
    co_await sim.delay(masking);
  }
  const TransferOutcome outcome = co_await s_.network->transfer(
      participant.hospital, TransferDirection::up, bytes, round.deadline);
  record_transfer(round, member, TransferDirection::up, outcome, bytes);
  if (!outcome.completed) {
    give_up(round, index, DropReason::send_failed, "while it sent its update");
    co_return false;
  }
  member.round_durations.push_back(sim.now() - round.opened);
  UpdateArrived arrived;
  arrived.at = sim.now();
  arrived.hospital = participant.hospital;
  arrived.round = round.index + 1;
  s_.emit(arrived);
  co_return true;
}

std::vector<std::int32_t> SyncServer::given_order(const Member& member, std::int64_t epochs) const {
  std::vector<std::int32_t> order;
  if (s_.batch_order == nullptr) return order;
  for (std::int64_t epoch = 0; epoch < epochs; ++epoch) {
    const std::vector<std::int32_t> one = s_.functions->batch_order(
        *s_.batch_order, member.profile.name, member.epochs_begun + epoch, member.train_rows);
    order.insert(order.end(), one.begin(), one.end());
  }
  return order;
}

void SyncServer::record_transfer(const Round& round, Member& member, TransferDirection direction,
                                 const TransferOutcome& outcome, std::int64_t bytes) {
  TransferEnded ended;
  ended.at = s_.simulation->now();
  ended.hospital = member.profile.id;
  ended.round = round.index + 1;
  ended.direction = direction;
  ended.bytes = bytes;
  ended.bytes_moved = outcome.bytes_on_wire;
  ended.started = outcome.started;
  ended.completed = outcome.completed;
  ended.attempts = outcome.attempts;
  auto& moved =
      direction == TransferDirection::up ? secure_account_.bytes_up : secure_account_.bytes_down;
  moved[static_cast<std::size_t>(round.phase)] += outcome.bytes_on_wire;
  s_.emit(ended);
}

// The hospital itself gives up: the server hears of it.
void SyncServer::give_up(Round& round, std::size_t index, DropReason reason, std::string detail) {
  // what ends at the deadline ended because of it
  const bool at_deadline = s_.simulation->now() >= round.deadline;
  if (at_deadline &&
      (reason == DropReason::train_interrupted || reason == DropReason::send_failed)) {
    reason = late_or_cut_off(round.participants[index]);
  }
  drop(round, round.participants[index], reason, std::move(detail));
  round.inbox.send(index);
}

void SyncServer::drop(Round& round, Participant& participant, DropReason reason,
                      std::string detail) {
  const bool began = participant.stage == Stage::training ||
                     participant.stage == Stage::uploading || participant.result.valid();
  if (s_.control->used() && began) ++controls_kept_;
  participant.stage = Stage::done;
  participant.result = {};
  ++s_.members->of(participant.hospital).drops[reason];
  HospitalDropped dropped;
  dropped.at = s_.simulation->now();
  dropped.hospital = participant.hospital;
  dropped.round = round.index + 1;
  dropped.reason = reason;
  dropped.detail = std::move(detail);
  s_.emit(dropped);
}

// Who was disconnected or down while a message was on its way was not slow.
DropReason SyncServer::late_or_cut_off(const Participant& participant) const {
  const Member& member = s_.members->of(participant.hospital);
  const bool up = member.availability->up_at(s_.simulation->now());
  if (up && s_.network->connected(participant.hospital)) return DropReason::late;
  if (participant.stage == Stage::downloading) return DropReason::unreachable;
  return participant.stage == Stage::uploading ? DropReason::send_failed : DropReason::late;
}

// Those over whose heads the round closed.
void SyncServer::drop_unfinished(Round& round) {
  const bool enough = round.arrived >= round.target;
  for (Participant& participant : round.participants) {
    if (participant.arrived) continue;
    if (participant.stage == Stage::done && !participant.result.valid()) continue;  // gave up
    if (enough) {
      drop(round, participant, DropReason::not_needed, {});
      continue;
    }
    switch (participant.stage) {
      case Stage::invited: drop(round, participant, DropReason::unreachable, {}); break;
      case Stage::waiting_for_window:
        drop(round, participant, DropReason::window_closed, {});
        break;
      case Stage::downloading:
        drop(round, participant, late_or_cut_off(participant), "receiving the model");
        break;
      case Stage::approval: drop(round, participant, DropReason::not_approved, {}); break;
      case Stage::starting:
        drop(round, participant, DropReason::late, "queueing and loading its data");
        break;
      case Stage::training: drop(round, participant, DropReason::late, "training"); break;
      case Stage::uploading:
      case Stage::done:
        drop(round, participant, late_or_cut_off(participant), "sending its update");
        break;
    }
  }
}

void SyncServer::abandon() {
  if (open_round_ == nullptr) return;
  Round& round = *open_round_;
  round.scope.cancel();
  for (Participant& participant : round.participants) {
    if (participant.stage == Stage::done && !participant.result.valid()) continue;  // gave up
    drop(round, participant, DropReason::run_ended, {});
  }
  open_round_ = nullptr;
}

RoundClosed SyncServer::close(Round& round) {
  drop_unfinished(round);
  RoundClosed closed;
  closed.round = round.index + 1;
  closed.opened = round.opened;
  closed.invited = static_cast<std::int64_t>(round.participants.size());
  closed.failed = round.arrived < round.minimum || round.arrived == 0 || !round.failure.empty();
  closed.reason = round.failure;
  if (closed.failed) {
    for (Participant& participant : round.participants) {
      if (participant.arrived) drop(round, participant, DropReason::round_failed, round.failure);
    }
  } else {
    closed.failed = !aggregate(round, closed);
  }
  closed.at = s_.simulation->now();
  closed.version = s_.versions->current();
  s_.emit(closed);
  return closed;
}

// Why the rule cannot combine what arrived and was finite, or "".
std::string SyncServer::rule_refusal(const Round& round,
                                     const std::vector<HospitalId>& diverged) const {
  std::vector<HospitalId> from;
  for (const Participant& participant : round.participants) {
    const HospitalId id = participant.hospital;
    if (participant.arrived && std::find(diverged.begin(), diverged.end(), id) == diverged.end()) {
      from.push_back(id);
    }
  }
  return from.empty() ? "" : s_.aggregation->refusal(from, Demand::guaranteed);
}

// Makes the next version from what arrived; false when there was nothing usable.
bool SyncServer::aggregate(Round& round, RoundClosed& closed) {
  std::vector<DeferredUpdates::Item> items;
  std::vector<std::int64_t> rows;
  for (Participant& participant : round.participants) {
    if (!participant.arrived) continue;
    DeferredUpdates::Item item;
    item.hospital = participant.hospital;
    item.result = participant.result;
    items.push_back(std::move(item));
    std::int64_t counted = s_.members->of(participant.hospital).train_rows;
    if (s_.secure) counted = std::min(counted, s_.secure->rows_max);
    rows.push_back(counted);
  }
  const Weights weights = shares(s_.weights, rows);
  weights_capped_ = weights_capped_ || weights.capped;
  for (std::size_t i = 0; i < items.size(); ++i) items[i].weight = weights.share[i];

  constexpr std::size_t kWindow = 64;  // updates in memory at once; not a function of threads
  DeferredUpdates updates(*s_.evaluator, std::move(items), kWindow,
                          [this](Update& update) { s_.control->hear(update); });
  AggregationContext context;
  const VersionPtr global = s_.versions->parameters();
  context.global = global.get();
  context.previous = previous_.empty() ? nullptr : &previous_;
  context.version = s_.versions->current() + 1;
  Stream stream(s_.run, Purpose::kLuaCallback, 1, static_cast<std::uint64_t>(context.version));
  context.seed = stream.next_u64();
  context.workers = s_.evaluator->workers();
  ParameterVector combined(global->shared_layout());
  bool summed = true;
  if (s_.secure) {
    summed = secure_mean(round, updates, combined);
  } else {
    combined = s_.aggregation->combine(updates, context);
  }
  if (s_.evaluator->interrupted()) {
    s_.control->discard();
    for (Participant& participant : round.participants) {
      if (participant.arrived) drop(round, participant, DropReason::run_ended, {});
    }
    return false;
  }

  closed.mean_loss = updates.mean_loss();
  // under masks nobody sees who sent zeros of no weight
  const std::size_t left = weights.share.size() - (s_.secure ? 0 : updates.diverged().size());
  const std::string refusal = rule_refusal(round, updates.diverged());
  const bool usable = summed && left >= std::max<std::size_t>(round.minimum, 1) && refusal.empty();
  if (!usable) s_.control->discard();
  if (usable) {
    s_.control->commit();
    s_.control->correct(combined);
    ParameterVector next = *global;
    s_.optimizer->step(next, combined);
    if (!next.finite()) {
      throw RunError({}, fmt::format("the global model overflowed in round {}", round.index + 1),
                     "lower the learning rate of training or server");
    }
    rows_visited_ += updates.rows_visited();
    steps_ += updates.steps();
    previous_ = std::move(combined);
    s_.versions->publish(std::move(next));
  }
  if (!usable && closed.reason.empty()) closed.reason = refusal;
  closed.aggregated = account(round, updates.diverged(), weights.share, usable, refusal);
  return usable;
}

// Who took part in the version, with which share of it; returns how many.
std::int64_t SyncServer::account(Round& round, const std::vector<HospitalId>& diverged,
                                 const std::vector<double>& shares, bool usable,
                                 const std::string& refusal) {
  std::vector<std::pair<Member*, double>> used;
  double sum = 0;
  std::size_t i = 0;
  for (Participant& participant : round.participants) {
    if (!participant.arrived) continue;
    const double share = shares[i++];
    if (std::find(diverged.begin(), diverged.end(), participant.hospital) != diverged.end()) {
      drop(round, participant, DropReason::diverged, "its update was left out");
      continue;
    }
    if (!usable) {
      drop(round, participant, DropReason::round_failed, refusal);
      continue;
    }
    used.emplace_back(&s_.members->of(participant.hospital), share);
    sum += share;
  }
  for (const auto& [member, share] : used) {
    ++member->participations;
    // what diverged leaves its share to the others
    member->shares += share / sum;
  }
  return static_cast<std::int64_t>(used.size());
}

}  // namespace polyclinic
