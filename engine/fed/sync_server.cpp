#include "fed/sync_server.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/check.hpp"
#include "fed/invited.hpp"

namespace polyclinic {

SyncServer::SyncServer(Setup setup) : s_(std::move(setup)) {
  if (!s_.secure) return;
  secure_account_.real = s_.secure->real;
  secure_sum_.emplace(*s_.secure, s_.run, secure_account_);
}

std::int64_t SyncServer::message_bytes() const {
  return s_.control->vectors_per_message() * s_.versions->parameters()->layout().size() *
             static_cast<std::int64_t>(sizeof(float)) +
         s_.options.control_bytes;
}

// Of the invitation with the model, and of the update; under a secure sum shares come with the one,
// and the other is a masked vector.
std::int64_t SyncServer::bytes_down(const Round& round, std::size_t index) const {
  if (!s_.secure || !s_.secure->masks()) return message_bytes();
  const std::size_t shared = others(round, index, &Participant::shared);
  if (s_.secure->light) return message_bytes() + light_sizes(round).shares(shared);
  return message_bytes() + message_sizes(round).forwarded(shared);
}
std::int64_t SyncServer::bytes_up(const Round& round) const {
  if (s_.secure && s_.secure->light) return light_sizes(round).masked() + s_.options.control_bytes;
  if (s_.secure && s_.secure->paillier) {
    return secure::PaillierSizes{paillier_shape(round)}.encrypted() + s_.options.control_bytes;
  }
  return s_.secure ? message_sizes(round).masked() + s_.options.control_bytes : message_bytes();
}

Task<void> SyncServer::serve() {
  Simulation& sim = *s_.simulation;
  while (place() < s_.options.rounds) {
    Round round(sim, over_, place());
    open_round_ = &round;
    try {
      co_await poll(round);
      open(round);
      const bool begun = co_await exchange_keys(round);
      if (begun) {
        co_await gather(round);
        co_await unmask(round);
      }
      closed_ = close(round);
    } catch (...) {
      // accounted for while the round is still there: unwinding ends it
      abandon();
      throw;
    }
    open_round_ = nullptr;
    ++over_;
    const TimeNs deadline = round.ends;
    // measurements see everything that happened in this nanosecond
    co_await sim.at(sim.now(), Priority::measurement);
    const RoundClosed closed = *std::exchange(closed_, std::nullopt);
    const bool stop = s_.after_round(closed);
    if (stop) co_return;
    // a round that failed is not tried again before its deadline: who declined would decline again
    if (closed.failed && deadline != kNever && sim.now() < deadline) co_await sim.at(deadline);
    // a timeline that waited for this version acts before the next round opens
    co_await sim.at(sim.now(), Priority::measurement);
    const bool last = place() == s_.options.rounds;
    if (s_.options.pause.ns > 0 && !last) co_await sim.delay(s_.options.pause);
  }
}

void SyncServer::open(Round& round) {
  Simulation& sim = *s_.simulation;
  round.opened = sim.now();
  if (s_.options.deadline != kNever) round.ends = round.opened + s_.options.deadline;
  round.deadline = round.ends;
  const Invited invited =
      round.polled.empty()
          ? invite(*s_.selection, s_.candidates, s_.run, round.place, s_.options.over_selection)
          : with_more(round.by_loss, s_.candidates, s_.run, round.place, s_.options.over_selection);
  const std::vector<HospitalId>& chosen = invited.hospitals;
  round.target = invited.target;
  round.minimum = replies_needed(round.target, s_.options.minimum_replies);

  elect(round);
  // all are known before any is invited: an interruption while their data are made leaves no round
  for (HospitalId id : chosen) s_.members->of(id);

  RoundOpened opened;
  opened.at = round.opened;
  opened.round = round.index + 1;
  opened.version = s_.versions->current();
  opened.participants = chosen;
  opened.deadline = round.deadline;
  s_.emit(opened);
  round.announced = true;
  round.participants.resize(chosen.size());
  const auto epochs = straggler_epochs(s_.stragglers, chosen, s_.run, round.place);
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    Participant& participant = round.participants[i];
    participant.hospital = chosen[i];
    participant.number = round.index;
    participant.back = round.index - round.place;
    participant.invited = round.opened;
    participant.epochs = epochs[i];
    const auto at = std::lower_bound(round.polled.begin(), round.polled.end(), chosen[i]);
    participant.has_model =
        at != round.polled.end() && *at == chosen[i] &&
        round.answered[static_cast<std::size_t>(at - round.polled.begin())] != 0;
  }
  for (HospitalId id : chosen) ++s_.members->of(id).invitations;
}

Task<void> SyncServer::gather(Round& round) {
  round.open = 0;
  const std::int64_t up = bytes_up(round);
  for (std::size_t i = 0; i < round.participants.size(); ++i) {
    Participant& participant = round.participants[i];
    if (s_.secure && !participant.shared) continue;
    if (!is_among(s_.candidates, participant.hospital)) {
      s_.visits->drop(participant, DropReason::left, "while keys were told");
      continue;
    }
    ++round.open;
    participant.deadline = round.deadline;
    participant.bytes_down =
        participant.has_model ? s_.options.control_bytes : bytes_down(round, i);
    participant.bytes_up = up;
    participant.before_upload = s_.secure ? masking_time(round, i) : TimeNs{};
    send_by(round, participant);
    send_in_shares(round, i);
    participant.scope = std::make_unique<Scope>(round.scope, "visit");
    s_.simulation->spawn(*participant.scope, participate(round, i), "hospital",
                         participant.hospital.value);
  }
  while (round.open > 0 && round.arrived < round.target) {
    const std::optional<std::size_t> index = co_await round.inbox.receive_until(round.deadline);
    if (!index) break;
    --round.open;
    Participant& participant = round.participants[*index];
    if (participant.stage == VisitStage::done && participant.result.valid()) {
      participant.arrived = true;
      ++round.arrived;
    }
  }
  round.scope.cancel();
  // of those that came at the same moment as the last that counts; what is asked next has answers
  // of its own
  while (round.inbox.try_receive()) {
  }
}

// A hospital from invitation to reply: the server hears of either end.
Task<void> SyncServer::participate(Round& round, std::size_t index) {
  co_await s_.visits->run(round.participants[index]);
  round.inbox.send(index);
}

// Those over whose heads the round closed.
void SyncServer::drop_unfinished(Round& round) {
  const bool enough = round.arrived >= round.target;
  for (Participant& participant : round.participants) {
    if (participant.arrived || participant.gave_up()) continue;
    if (enough) {
      s_.visits->drop(participant, DropReason::not_needed, {});
    } else {
      s_.visits->cut_off(participant);
    }
  }
}

// Whoever is at work, and whoever has sent what is part of no version.
void SyncServer::drop_all(Round& round, DropReason reason, const std::string& detail) {
  round.scope.cancel();
  for (Participant& participant : round.participants) {
    if (!participant.gave_up()) s_.visits->drop(participant, reason, detail);
  }
}

void SyncServer::abandon() {
  if (open_round_ == nullptr) return;
  drop_all(*open_round_, DropReason::run_ended, {});
  open_round_ = nullptr;
}

// A round of secure sums lets nobody go between its phases: there it is lost when the visits begin.
void SyncServer::leave(HospitalId hospital) {
  remove_in_order(s_.candidates, hospital);
  stop(hospital, Stop::leaves);
}

void SyncServer::stop(HospitalId hospital, Stop why) {
  if (open_round_ == nullptr) return;
  Round& round = *open_round_;
  for (std::size_t i = 0; i < round.participants.size(); ++i) {
    Participant& participant = round.participants[i];
    const bool at_work = participant.scope != nullptr && participant.stage != VisitStage::done;
    if (participant.hospital != hospital || !at_work) continue;
    if (s_.visits->outlasts(participant, why)) continue;
    s_.visits->end(participant, why);
    round.inbox.send(i);
  }
}

bool SyncServer::holds(HospitalId hospital) const {
  if (open_round_ == nullptr) return false;
  const std::vector<Participant>& all = open_round_->participants;
  return std::any_of(all.begin(), all.end(), [&](const Participant& one) {
    return one.hospital == hospital && one.stage == VisitStage::done && one.result.valid();
  });
}

std::optional<RoundClosed> SyncServer::interrupt(DropReason reason, const std::string& why) {
  if (open_round_ == nullptr) return std::exchange(closed_, std::nullopt);
  Round& round = *open_round_;
  drop_all(round, reason, {});
  open_round_ = nullptr;
  ++over_;
  if (!round.announced) return std::nullopt;
  RoundClosed closed;
  closed.round = round.index + 1;
  closed.opened = round.opened;
  closed.invited = static_cast<std::int64_t>(round.participants.size());
  closed.failed = true;
  closed.reason = why;
  closed.at = s_.simulation->now();
  closed.version = s_.versions->current();
  s_.emit(closed);
  return closed;
}

RoundClosed SyncServer::close(Round& round) {
  drop_unfinished(round);
  teach_selection(round);
  RoundClosed closed;
  closed.round = round.index + 1;
  closed.opened = round.opened;
  closed.invited = static_cast<std::int64_t>(round.participants.size());
  closed.aggregator = round.aggregator;
  if (round.aggregator && !reachable(*round.aggregator)) {
    round.failure = fmt::format("{}, which gathered the updates, was cut off",
                                s_.members->of(*round.aggregator).profile.name);
  }
  const bool nobody = round.arrived == 0 && !s_.options.empty_rounds;
  closed.failed = round.arrived < round.minimum || nobody || !round.failure.empty();
  closed.reason = round.failure;
  if (s_.secure) note_lies(round);
  if (closed.failed) {
    for (Participant& participant : round.participants) {
      if (!participant.arrived) continue;
      const bool refused = participant.refusal != secure::Refusal::none;
      s_.visits->drop(participant, refused ? DropReason::refused : DropReason::round_failed,
                      round.failure);
    }
  } else {
    closed.failed = !aggregate(round, closed);
    if (!closed.failed) take_over(round);
  }
  closed.at = s_.simulation->now();
  closed.version = s_.versions->current();
  s_.emit(closed);
  return closed;
}

// Makes the next version from what arrived; false when there was nothing usable.
bool SyncServer::aggregate(Round& round, RoundClosed& closed) {
  std::vector<VersionMaker::Arrival> arrivals;
  for (const Participant& participant : round.participants) {
    if (participant.arrived) arrivals.push_back({participant.hospital, participant.result});
  }
  VersionMaker::MaskedMean masked;
  if (s_.secure) {
    masked = [this, &round](UpdateStream& updates, ParameterVector& out) {
      return secure_mean(round, updates, out);
    };
  }
  const VersionMaker::Outcome outcome =
      s_.maker->make(arrivals, round.minimum, round.index + 1, masked);
  if (outcome.interrupted) {
    for (Participant& participant : round.participants) {
      if (participant.arrived) s_.visits->drop(participant, DropReason::run_ended, {});
    }
    return false;
  }
  closed.mean_loss = outcome.mean_loss;
  if (!outcome.made && closed.reason.empty()) closed.reason = outcome.refusal;
  closed.aggregated = account(round, outcome);
  return outcome.made;
}

// Who took part in the version, with which share of it; returns how many.
std::int64_t SyncServer::account(Round& round, const VersionMaker::Outcome& outcome) {
  const std::vector<HospitalId>& diverged = outcome.diverged;
  std::vector<std::pair<Member*, double>> used;
  double sum = 0;
  std::size_t i = 0;
  for (Participant& participant : round.participants) {
    if (!participant.arrived) continue;
    const double share = outcome.shares[i++];
    if (std::find(diverged.begin(), diverged.end(), participant.hospital) != diverged.end()) {
      s_.visits->drop(participant, DropReason::diverged, "its update was left out");
      continue;
    }
    if (!outcome.made) {
      s_.visits->drop(participant, DropReason::round_failed, outcome.refusal);
      continue;
    }
    used.emplace_back(&s_.members->of(participant.hospital), share);
    sum += share;
  }
  for (const auto& [member, share] : used) {
    // what diverged leaves its share to the others
    s_.members->count_in(*member, s_.versions->current(), sum > 0 ? share / sum : 0.0);
  }
  return static_cast<std::int64_t>(used.size());
}

}  // namespace polyclinic
