#include "fed/cyclic_server.hpp"

#include <fmt/format.h>

#include <numeric>
#include <utility>

#include "base/draw.hpp"
#include "base/error.hpp"

namespace polyclinic {

Task<void> CyclicServer::serve() {
  Simulation& sim = *s_.simulation;
  model_ = s_.versions->parameters();
  for (std::int64_t index = 0; index < s_.options.rounds; ++index) {
    round_ = std::make_unique<Round>();
    round_->index = index;
    Round& round = *round_;
    open(round);
    for (Participant& participant : round.participants) {
      co_await take_turn(participant);
      learn(round, participant);
      if (s_.evaluator->interrupted()) break;
    }
    const RoundClosed closed = close(round);
    round_.reset();
    // measurements see everything that happened in this nanosecond
    co_await sim.at(sim.now(), Priority::measurement);
    const bool stop = s_.after_round(closed);
    if (stop) co_return;
    // a timeline that waited for this version acts before the next round opens
    co_await sim.at(sim.now(), Priority::measurement);
    const bool last = index + 1 == s_.options.rounds;
    if (s_.options.pause.ns > 0 && !last) co_await sim.delay(s_.options.pause);
  }
}

std::vector<HospitalId> CyclicServer::order_of(std::int64_t round) const {
  if (!s_.options.shuffled) return s_.hospitals;
  std::vector<std::int32_t> places(s_.hospitals.size());
  std::iota(places.begin(), places.end(), 0);
  Stream stream(s_.run, Purpose::kGossipGraph, 3, static_cast<std::uint64_t>(round));
  draw::shuffle(stream, places);
  std::vector<HospitalId> order;
  order.reserve(places.size());
  for (const std::int32_t place : places) {
    order.push_back(s_.hospitals[static_cast<std::size_t>(place)]);
  }
  return order;
}

void CyclicServer::open(Round& round) {
  round.opened = s_.simulation->now();
  // all are known before any begins: an interruption while their data are made leaves no round
  for (const HospitalId id : s_.hospitals) s_.members->of(id);
  const std::vector<HospitalId> order = order_of(round.index);
  RoundOpened opened;
  opened.at = round.opened;
  opened.round = round.index + 1;
  opened.version = s_.versions->current();
  opened.participants = s_.hospitals;
  opened.deadline = kNever;  // every turn has its own
  s_.emit(opened);
  const auto epochs = straggler_epochs(s_.stragglers, order, s_.run, round.index);
  round.participants.resize(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    Participant& participant = round.participants[i];
    participant.hospital = order[i];
    participant.number = round.index;
    participant.epochs = epochs[i];
    ++s_.members->of(order[i]).invitations;
  }
}

// The model comes from who has it, and is trained; by the end of the turn, or not at all.
Task<void> CyclicServer::take_turn(Participant& self) {
  Simulation& sim = *s_.simulation;
  const HostId own = host_of(self.hospital);
  const HostId from = holder_ ? host_of(*holder_) : own;
  self.invited = sim.now();
  self.deadline = s_.options.deadline == kNever ? kNever : sim.now() + s_.options.deadline;
  self.with = from;
  self.start = model_;
  if (from != own) {
    self.bytes_down = s_.model->layout()->size() * static_cast<std::int64_t>(sizeof(float)) +
                      s_.options.control_bytes;
  }
  turn_ = std::make_unique<Turn>(sim);
  sim.spawn(turn_->scope, live(*turn_, self), "hospital", self.hospital.value);
  co_await turn_->inbox.receive_until(self.deadline);
  // what ends at the deadline says so itself
  co_await sim.at(sim.now(), Priority::measurement);
  turn_->scope.cancel();
  turn_.reset();
  if (!self.trained && !self.gave_up()) s_.visits->cut_off(self);
}

Task<void> CyclicServer::live(Turn& turn, Participant& self) {
  const bool trained = co_await s_.visits->run(self);
  self.trained = trained;
  turn.inbox.send(true);
}

void CyclicServer::learn(Round& round, Participant& self) {
  if (!self.trained) return;
  std::vector<DeferredUpdates::Item> items(1);
  items[0].hospital = self.hospital;
  items[0].result = self.result;
  items[0].weight = 1.0;
  DeferredUpdates updates(*s_.evaluator, std::move(items), 1);
  const Update* update = updates.next();
  if (s_.evaluator->interrupted()) return;  // the run ends: close() says so of all
  holder_ = self.hospital;
  if (update == nullptr) {
    self.trained = false;
    s_.visits->drop(self, DropReason::diverged, "it sends on the model that it got");
    return;
  }
  ParameterVector next = *model_;
  next.add_scaled(update->delta, 1.0F);
  if (!next.finite()) {
    throw RunError({}, fmt::format("the model overflowed in round {}", round.index + 1),
                   "lower the learning rate of training");
  }
  model_ = std::make_shared<const ParameterVector>(std::move(next));
  round.learnt.push_back(self.hospital);
  round.loss += updates.mean_loss();
  round.rows_visited += updates.rows_visited();
  round.steps += updates.steps();
}

RoundClosed CyclicServer::close(Round& round) {
  RoundClosed closed;
  closed.round = round.index + 1;
  closed.opened = round.opened;
  closed.invited = static_cast<std::int64_t>(round.participants.size());
  if (s_.evaluator->interrupted()) {
    for (Participant& participant : round.participants) {
      if (!participant.dropped) s_.visits->drop(participant, DropReason::run_ended, {});
    }
    round.learnt.clear();
  }
  const auto count = static_cast<double>(round.learnt.size());
  for (const HospitalId hospital : round.learnt) {
    Member& member = s_.members->of(hospital);
    ++member.participations;
    member.shares += 1.0 / count;
  }
  closed.aggregated = static_cast<std::int64_t>(round.learnt.size());
  closed.failed = round.learnt.empty();
  if (closed.failed) {
    if (!s_.evaluator->interrupted()) closed.reason = "no hospital trained";
  } else {
    closed.mean_loss = round.loss / count;
    s_.maker->count(round.rows_visited, round.steps);
    s_.versions->publish(*model_);
  }
  closed.at = s_.simulation->now();
  closed.version = s_.versions->current();
  s_.emit(closed);
  return closed;
}

void CyclicServer::abandon() {
  if (round_ == nullptr) return;
  if (turn_ != nullptr) turn_->scope.cancel();
  // also those that trained in this round: no version has it
  for (Participant& participant : round_->participants) {
    if (!participant.dropped) s_.visits->drop(participant, DropReason::run_ended, {});
  }
  round_.reset();
}

}  // namespace polyclinic
