// Rounds whose updates are summed under masks: the phases around the training.
//
//   advertise keys -> share keys -> (model down, training, masked update up) -> unmask
//
// Keys come before the training, so that whoever is lost in it costs the others no second try; the
// server opens each phase with those who answered the one before, and closes it when all have
// answered or the wait is over.
#include <fmt/format.h>

#include <algorithm>

#include "base/quantity.hpp"
#include "fed/sync_server.hpp"

namespace polyclinic {

using secure::Phase;

secure::MessageSizes SyncServer::message_sizes(const Round& round) const {
  secure::MessageSizes sizes;
  sizes.parties = round.participants.size();
  sizes.values = static_cast<std::size_t>(s_.model->layout()->size()) + 1;  // and the weight
  sizes.modulus_bits = sum_bits(*s_.secure, sizes.parties);
  return sizes;
}

TimeNs SyncServer::masking_time(const Round& round) const {
  const auto shared = std::count_if(round.participants.begin(), round.participants.end(),
                                    [](const Participant& p) { return p.shared; });
  return ceil_to_ns(
      secure::Seconds::mask(static_cast<std::size_t>(shared), message_sizes(round).values));
}

// Keys and shares; false when the round failed there.
Task<bool> SyncServer::exchange_keys(Round& round) {
  if (!s_.secure) co_return true;
  const std::size_t invited = round.participants.size();
  const auto threshold = static_cast<std::int64_t>(secure_threshold(*s_.secure, invited));
  SecureAccount& account = secure_account_;
  account.threshold_least =
      account.rounds == 0 ? threshold : std::min(account.threshold_least, threshold);
  account.threshold_most = std::max(account.threshold_most, threshold);
  account.modulus_bits = std::max(account.modulus_bits, message_sizes(round).modulus_bits);
  ++account.rounds;
  if (round.ends != kNever) round.deadline = round.ends - s_.secure->wait;
  co_await run_phase(round, Phase::advertise);
  if (round.failure.empty()) co_await run_phase(round, Phase::share_keys);
  round.phase = Phase::masked_input;
  co_return round.failure.empty();
}

// What arrived becomes a sum when enough of those who sent it tell shares.
Task<void> SyncServer::unmask(Round& round) {
  if (!s_.secure) co_return;
  const auto shared =
      static_cast<std::size_t>(std::count_if(round.participants.begin(), round.participants.end(),
                                             [](const Participant& p) { return p.shared; }));
  end_phase(round, Phase::masked_input, shared, round.arrived);
  if (!round.failure.empty() || round.arrived < round.minimum) co_return;
  // who has not arrived by now is lost, whatever comes of the others
  drop_unfinished(round);
  secure_account_.lost_after_sharing += static_cast<std::int64_t>(shared - round.arrived);
  co_await run_phase(round, Phase::unmask);
  if (!round.failure.empty()) co_return;
  const std::size_t threshold = secure_threshold(*s_.secure, round.participants.size());
  const TimeNs duration = ceil_to_ns(
      secure::Seconds::unmask(shared, round.arrived, threshold, message_sizes(round).values));
  co_await s_.simulation->delay(duration);
}

bool SyncServer::takes_part(const Participant& participant, Phase phase) const {
  if (phase == Phase::advertise) return participant.stage != VisitStage::done;
  if (phase == Phase::share_keys) return participant.advertised;
  return participant.arrived;
}

SyncServer::Call SyncServer::call_of(const Round& round, Phase phase) const {
  const secure::MessageSizes sizes = message_sizes(round);
  std::size_t advertised = 0;
  std::size_t shared = 0;
  for (const Participant& participant : round.participants) {
    advertised += participant.advertised ? 1U : 0U;
    shared += participant.shared ? 1U : 0U;
  }
  Call call;
  call.until = std::min(s_.simulation->now() + s_.secure->wait, round.ends);
  switch (phase) {
    case Phase::advertise:
      call.bytes_down = s_.options.control_bytes;
      call.bytes_up = sizes.advertise();
      call.seconds = secure::Seconds::advertise();
      break;
    case Phase::share_keys:
      call.bytes_down = sizes.keys(advertised);
      call.bytes_up = sizes.shares(advertised);
      call.seconds = secure::Seconds::share_keys(
          advertised, secure_threshold(*s_.secure, round.participants.size()));
      break;
    case Phase::masked_input: break;  // a training: participate()
    case Phase::unmask:
      call.bytes_down = sizes.ask(shared);
      call.bytes_up = sizes.reveal(shared);
      call.seconds = secure::Seconds::reveal(shared);
      break;
  }
  return call;
}

// Asks all that take part and waits for their answers; the first threshold of them where shares are
// told, as more say nothing new.
Task<void> SyncServer::run_phase(Round& round, Phase phase) {
  round.phase = phase;
  const Call call = call_of(round, phase);
  const std::size_t threshold = secure_threshold(*s_.secure, round.participants.size());
  std::size_t asked = 0;
  for (std::size_t i = 0; i < round.participants.size(); ++i) {
    const Participant& participant = round.participants[i];
    if (!takes_part(participant, phase)) continue;
    ++asked;
    s_.simulation->spawn(round.scope, answer(round, i, call), "hospital",
                         participant.hospital.value);
  }
  std::size_t open = asked;
  std::size_t answered = 0;
  while (open > 0 && (phase != Phase::unmask || answered < threshold)) {
    const std::optional<std::size_t> index = co_await round.inbox.receive_until(call.until);
    if (!index) break;
    --open;
    Participant& participant = round.participants[*index];
    if (phase == Phase::unmask ? !participant.revealed : participant.stage == VisitStage::done)
      continue;
    if (phase == Phase::advertise) participant.advertised = true;
    if (phase == Phase::share_keys) participant.shared = true;
    ++answered;
  }
  round.scope.cancel();
  while (round.inbox.try_receive()) {
  }
  if (phase != Phase::unmask) lose_silent(round);
  end_phase(round, phase, asked, answered);
}

// One hospital in a phase of keys or shares: asked, computing, answering.
Task<void> SyncServer::answer(Round& round, std::size_t index, Call call) {
  Simulation& sim = *s_.simulation;
  const HospitalId hospital = round.participants[index].hospital;
  Member& member = s_.members->of(hospital);
  if (member.train_rows == 0) {
    lose(round, index, DropReason::too_few_rows, "");
    co_return;
  }
  const bool up = co_await wait_until_up(sim, *member.availability, call.until);
  if (!up) {
    lose(round, index, DropReason::unreachable, "");
    co_return;
  }
  const TransferOutcome asked =
      co_await s_.network->transfer(hospital, TransferDirection::down, call.bytes_down, call.until);
  record_transfer(round, hospital, TransferDirection::down, asked, call.bytes_down);
  if (!asked.completed) {
    lose(round, index, DropReason::send_failed, "being asked");
    co_return;
  }
  // a board that lets it train lets it say so; the first to ask is whoever invites
  if (member.approved_at == kNever) member.approved_at = sim.now() + member.profile.approval;
  if (member.approved_at >= call.until) {
    lose(round, index, DropReason::not_approved, "");
    co_return;
  }
  const TimeNs ready = std::max(member.approved_at, sim.now()) + ceil_to_ns(call.seconds);
  co_await sim.at(ready);
  const TransferOutcome told =
      co_await s_.network->transfer(hospital, TransferDirection::up, call.bytes_up, call.until);
  record_transfer(round, hospital, TransferDirection::up, told, call.bytes_up);
  if (!told.completed) {
    lose(round, index, DropReason::send_failed, "answering");
    co_return;
  }
  if (round.phase == Phase::unmask) round.participants[index].revealed = true;
  round.inbox.send(index);
}

// It will not answer. Its update is in the sum if it is lost when shares are told.
void SyncServer::lose(Round& round, std::size_t index, DropReason reason, std::string_view doing) {
  if (round.phase != Phase::unmask) {
    std::string detail = fmt::format("phase '{}'", name(round.phase));
    if (!doing.empty()) detail += fmt::format(", {}", doing);
    s_.visits->drop(round.participants[index], reason, std::move(detail));
  }
  round.inbox.send(index);
}

// Those from whom nothing came while the server waited.
void SyncServer::lose_silent(Round& round) {
  for (Participant& participant : round.participants) {
    const bool answered =
        round.phase == Phase::advertise ? participant.advertised : participant.shared;
    if (answered || participant.stage == VisitStage::done) continue;
    s_.visits->drop(participant, DropReason::late, fmt::format("phase '{}'", name(round.phase)));
  }
}

void SyncServer::end_phase(Round& round, Phase phase, std::size_t asked, std::size_t answered) {
  const std::size_t threshold = secure_threshold(*s_.secure, round.participants.size());
  const auto p = static_cast<std::size_t>(phase);
  secure_account_.asked[p] += static_cast<std::int64_t>(asked);
  secure_account_.answered[p] += static_cast<std::int64_t>(answered);
  SecurePhaseClosed closed;
  closed.at = s_.simulation->now();
  closed.round = round.index + 1;
  closed.phase = name(phase);
  closed.asked = static_cast<std::int64_t>(asked);
  closed.answered = static_cast<std::int64_t>(answered);
  closed.threshold = static_cast<std::int64_t>(threshold);
  s_.emit(closed);
  if (answered >= threshold) return;
  ++secure_account_.missed[p];
  round.failure =
      fmt::format("phase '{}' had {} answers, {} were needed", name(phase), answered, threshold);
  if (phase == Phase::unmask || phase == Phase::masked_input) return;
  for (Participant& participant : round.participants) {
    if (participant.stage == VisitStage::done) continue;
    s_.visits->drop(participant, DropReason::round_failed, round.failure);
  }
}

bool SyncServer::secure_mean(const Round& round, UpdateStream& updates, ParameterVector& out) {
  std::vector<SecureParty> parties;
  for (const Participant& participant : round.participants) {
    SecureParty party;
    party.hospital = participant.hospital;
    party.advertised = participant.advertised;
    party.shared = participant.shared;
    party.summed = participant.arrived;
    party.revealed = participant.revealed;
    parties.push_back(party);
  }
  SecureAccount& account = secure_account_;
  const auto summed = static_cast<std::int64_t>(round.arrived);
  account.parties_least = account.sums == 0 ? summed : std::min(account.parties_least, summed);
  account.sums_below_four += summed < 4 ? 1 : 0;
  ++account.sums;
  return secure_sum_->mean(parties, updates, round.index, s_.by_size, out);
}

// A message of a phase of keys or shares.
void SyncServer::record_transfer(const Round& round, HospitalId hospital,
                                 TransferDirection direction, const TransferOutcome& outcome,
                                 std::int64_t bytes) {
  auto& moved =
      direction == TransferDirection::up ? secure_account_.bytes_up : secure_account_.bytes_down;
  moved[static_cast<std::size_t>(round.phase)] += outcome.bytes_on_wire;
  s_.visits->record_transfer(hospital, round.index, direction, outcome, bytes);
}

SecureAccount SyncServer::secure_account() const {
  SecureAccount account = secure_account_;
  constexpr auto kMasked = static_cast<std::size_t>(Phase::masked_input);
  account.bytes_up[kMasked] = s_.visits->moved().up;
  account.bytes_down[kMasked] = s_.visits->moved().down;
  return account;
}

}  // namespace polyclinic
