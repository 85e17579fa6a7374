// Rounds whose updates are summed under masks: the phases around the training.
//
//   advertise keys -> share keys -> (model down, training, masked update up)
//                  [-> consistency check, where the server may lie] -> unmask
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
  sizes.values =
      static_cast<std::size_t>(s_.versions->parameters()->layout().size()) + 1;  // and the weight
  if (s_.secure->shares) {
    const secure::ShareSizes shares = share_sizes(round);
    sizes.values = shares.values;
    sizes.modulus_bits = shares.modulus_bits;
    return sizes;
  }
  sizes.modulus_bits = sum_bits(*s_.secure, sizes.parties);
  sizes.active = s_.secure->active;
  return sizes;
}

std::vector<secure::Place> SyncServer::places(const Round& round, Flag flag) {
  std::vector<secure::Place> result;
  for (std::size_t i = 0; i < round.participants.size(); ++i) {
    if (round.participants[i].*flag) result.push_back(static_cast<secure::Place>(i + 1));
  }
  return result;
}

std::size_t SyncServer::others(const Round& round, std::size_t index, Flag flag) {
  std::size_t count = 0;
  if (round.plan.graph) {
    for (const secure::Place place :
         round.plan.graph->around(static_cast<secure::Place>(index + 1))) {
      count += round.participants[place - 1].*flag ? 1U : 0U;
    }
    return count;
  }
  for (const Participant& participant : round.participants) {
    count += participant.*flag ? 1U : 0U;
  }
  return count - (round.participants[index].*flag ? 1U : 0U);
}

// On the complete graph of secure.pairwise a hospital counts among the holders of its secrets.
std::size_t SyncServer::with_itself(const Round& round, std::size_t others) {
  return others + (round.plan.graph ? 0U : 1U);
}

TimeNs SyncServer::masking_time(const Round& round, std::size_t index) const {
  if (s_.secure->shares) {
    const secure::ShareSeconds seconds;
    return ceil_to_ns(seconds.split(s_.secure->shares->servers, share_sizes(round).values));
  }
  if (s_.secure->paillier) {
    return ceil_to_ns(secure::PaillierSeconds{paillier_shape(round), {}}.encrypt());
  }
  if (s_.secure->light) return ceil_to_ns(secure::LightSeconds{light_settings(round), {}}.mask());
  return ceil_to_ns(secure::Seconds{}.mask(others(round, index, &Participant::shared),
                                           message_sizes(round).values));
}

// false: so few were invited that nothing is safe.
bool SyncServer::plan_sum(Round& round) {
  SecureAccount& account = secure_account_;
  const std::size_t invited = round.participants.size();
  account.sparse = s_.secure->sparse.has_value();
  account.masks = s_.secure->masks();
  account.light = s_.secure->light.has_value();
  if (s_.secure->paillier) {
    account.key = s_.secure->paillier->holder;
    account.key_bits = s_.secure->paillier->key_bits;
    account.ciphertexts = static_cast<std::int64_t>(paillier_shape(round).ciphertexts());
  }
  if (s_.secure->shares) {
    account.servers = static_cast<std::int64_t>(s_.secure->shares->servers);
    account.compared = s_.secure->shares->middle.has_value();
  }
  account.active = s_.secure->active;
  const std::optional<SecurePlan> plan = secure_plan(*s_.secure, invited, s_.run, round.index);
  const bool first = account.rounds++ == 0;
  if (!plan) {
    round.failure = no_plan_text(*s_.secure, invited);
    drop_waiting(round);
    return false;
  }
  round.plan = *plan;
  // of more than the schedule waits for: a sum of fewer would not come out
  round.target = std::max(round.target, plan->answers);
  const auto widen = [first](std::int64_t& least, std::int64_t& most, std::size_t value) {
    const auto v = static_cast<std::int64_t>(value);
    least = first ? v : std::min(least, v);
    most = std::max(most, v);
  };
  widen(account.threshold_least, account.threshold_most, plan->answers);
  if (account.active) {
    std::int64_t most = 0;
    widen(account.colluders_least, most, 2 * plan->shares - invited - 1);
  }
  if (account.light) {
    std::int64_t most = 0;
    widen(account.colluding_least, most, s_.secure->light->colluding.of(invited));
  }
  if (plan->graph) {
    std::int64_t most = 0;
    widen(account.degree_least, account.degree_most, plan->graph->degree());
    widen(account.shares_least, most, plan->shares);
  }
  account.modulus_bits = std::max(account.modulus_bits, message_sizes(round).modulus_bits);
  return true;
}

// Keys and shares; false when the round failed there.
Task<bool> SyncServer::exchange_keys(Round& round) {
  if (!s_.secure) co_return true;
  const bool planned = plan_sum(round);
  if (!planned) co_return false;
  const std::int64_t afterwards = s_.secure->active ? 2 : 1;
  if (round.ends != kNever) {
    round.deadline = round.ends - TimeNs{afterwards * s_.secure->wait.ns};
  }
  if (!s_.secure->masks()) {
    for (Participant& participant : round.participants) participant.shared = true;
    co_return true;
  }
  co_await run_phase(round, Phase::advertise);
  if (round.failure.empty()) co_await run_phase(round, Phase::share_keys);
  round.phase = Phase::masked_input;
  co_return round.failure.empty();
}

// What arrived becomes a sum when enough of those who sent it tell shares.
Task<void> SyncServer::unmask(Round& round) {
  if (!s_.secure) co_return;
  if (s_.secure->paillier) {
    co_await decrypt_sum(round);
    co_return;
  }
  if (!s_.secure->masks()) {
    co_await find_sum(round);
    co_return;
  }
  const auto shared =
      static_cast<std::size_t>(std::count_if(round.participants.begin(), round.participants.end(),
                                             [](const Participant& p) { return p.shared; }));
  end_phase(round, Phase::masked_input, shared, round.arrived);
  if (!round.failure.empty() || round.arrived < round.minimum) co_return;
  // who has not arrived by now is lost, whatever comes of the others
  drop_unfinished(round);
  secure_account_.lost_after_sharing += static_cast<std::int64_t>(shared - round.arrived);
  if (s_.secure->active) co_await run_phase(round, Phase::consistency);
  if (!round.failure.empty()) co_return;
  co_await run_phase(round, Phase::unmask);
  if (!round.failure.empty()) co_return;
  if (s_.secure->light) {
    co_await s_.simulation->delay(light_unmasking(round));
    co_return;
  }
  // masks between a hospital that was lost and one in the sum
  std::size_t pairs = 0;
  for (std::size_t i = 0; i < round.participants.size(); ++i) {
    const Participant& participant = round.participants[i];
    if (participant.shared && !participant.arrived)
      pairs += others(round, i, &Participant::arrived);
  }
  const TimeNs duration = ceil_to_ns(secure::Seconds{}.unmask(
      shared, round.arrived, pairs, round.plan.shares, message_sizes(round).values));
  co_await s_.simulation->delay(duration);
}

bool SyncServer::takes_part(const Participant& participant, Phase phase) const {
  if (phase == Phase::advertise) return participant.stage != VisitStage::done;
  if (phase == Phase::share_keys) return participant.advertised;
  if (phase == Phase::unmask && s_.secure->active) return participant.confirmed;
  return participant.arrived;
}

SyncServer::Flag SyncServer::flag_of(Phase phase) {
  switch (phase) {
    case Phase::advertise: return &Participant::advertised;
    case Phase::share_keys: return &Participant::shared;
    case Phase::masked_input: return &Participant::arrived;
    case Phase::consistency: return &Participant::confirmed;
    case Phase::unmask: break;
  }
  return &Participant::revealed;
}

SyncServer::Call SyncServer::call_of(const Round& round, Phase phase, std::size_t index) const {
  if (s_.secure->light) return light_call(round, phase, index);
  if (s_.secure->paillier) return decrypt_call(round);
  const secure::MessageSizes sizes = message_sizes(round);
  const secure::Seconds seconds;
  const std::size_t keys = others(round, index, &Participant::advertised);
  const std::size_t shared = others(round, index, &Participant::shared);
  const std::size_t confirmed = places(round, &Participant::confirmed).size();
  const bool active = s_.secure->active;
  Call call;
  call.until = std::min(s_.simulation->now() + s_.secure->wait, round.ends);
  switch (phase) {
    case Phase::advertise:
      call.bytes_down = s_.options.control_bytes;
      call.bytes_up = sizes.advertise();
      call.seconds = seconds.advertise() + (active ? seconds.sign() : 0);
      break;
    case Phase::share_keys:
      call.bytes_down = sizes.keys(with_itself(round, keys));
      call.bytes_up = sizes.shares(keys);
      call.seconds = seconds.share_keys(with_itself(round, keys), keys, round.plan.shares) +
                     (active ? seconds.verify(keys) : 0);
      break;
    case Phase::masked_input: break;  // a training: participate()
    case Phase::consistency:
      call.bytes_down = sizes.survivors(round.arrived);
      call.bytes_up = sizes.confirm();
      call.seconds = seconds.sign();
      break;
    case Phase::unmask:
      call.bytes_down = active ? sizes.confirmed(confirmed) : sizes.ask(with_itself(round, shared));
      call.bytes_up = sizes.reveal(with_itself(round, shared));
      call.seconds = seconds.reveal(shared) + (active ? seconds.verify(confirmed) : 0);
      break;
  }
  call.refusal = refusal_of(round, phase, index);
  return call;
}

// Asks all that take part and waits for their answers; where shares are told until they give every
// secret, as more say nothing new.
Task<void> SyncServer::run_phase(Round& round, Phase phase) {
  round.phase = phase;
  std::size_t asked = 0;
  for (std::size_t i = 0; i < round.participants.size(); ++i) {
    const Participant& participant = round.participants[i];
    if (!takes_part(participant, phase)) continue;
    ++asked;
    const Call call = call_of(round, phase, i);
    s_.simulation->spawn(round.scope, answer(round, i, call), "hospital",
                         participant.hospital.value);
  }
  std::size_t answered = co_await hear_answers(round, phase, asked);
  round.scope.cancel();
  while (round.inbox.try_receive()) {
  }
  if (phase == Phase::advertise || phase == Phase::share_keys) {
    lose_silent(round);
    leave_out(round, flag_of(phase));
    answered = places(round, flag_of(phase)).size();
  } else if (phase == Phase::unmask && tells_two_lists(round)) {
    answered = helpful(parties_of(round), lie_of(round));
  }
  end_phase(round, phase, asked, answered);
}

Task<std::size_t> SyncServer::hear_answers(Round& round, Phase phase, std::size_t asked) {
  const TimeNs until = std::min(s_.simulation->now() + s_.secure->wait, round.ends);
  std::optional<secure::SharesTold> told;
  if (round.plan.graph) {
    told.emplace(*round.plan.graph, places(round, &Participant::shared), round.plan.shares);
  }
  std::size_t open = asked;
  std::size_t answered = 0;
  // who lies about survivors wants the answers of all
  const bool all = tells_two_lists(round);
  const auto enough = [&] {
    return told ? told->missing() == 0 : !all && answered >= round.plan.shares;
  };
  while (open > 0 && (phase != Phase::unmask || !enough())) {
    const std::optional<std::size_t> index = co_await round.inbox.receive_until(until);
    if (!index) break;
    --open;
    Participant& participant = round.participants[*index];
    // after the training a visit is over, and an answer has left its mark
    const bool after = phase == Phase::consistency || phase == Phase::unmask;
    const Flag flag = flag_of(phase);
    if (after ? !(participant.*flag) : participant.stage == VisitStage::done) continue;
    participant.*flag = true;
    if (phase == Phase::unmask && told) told->told(static_cast<secure::Place>(*index + 1));
    ++answered;
  }
  co_return answered;
}

// Those with so few neighbours left that nobody could rebuild their secrets.
void SyncServer::leave_out(Round& round, Flag flag) {
  if (!round.plan.graph) return;
  const std::vector<secure::Place> before = places(round, flag);
  const std::vector<secure::Place> kept = core(*round.plan.graph, before, round.plan.shares);
  for (const secure::Place place : before) {
    if (std::binary_search(kept.begin(), kept.end(), place)) continue;
    Participant& participant = round.participants[place - 1];
    participant.*flag = false;
    if (participant.stage == VisitStage::done) continue;
    s_.visits->drop(participant, DropReason::round_failed,
                    fmt::format("phase '{}': fewer than {} of its neighbours answered",
                                phase_name(secure_account_, round.phase), round.plan.shares));
  }
}

// Whose shares the answers are too few of.
std::size_t SyncServer::missing_secrets(const Round& round) {
  if (!round.plan.graph) return 0;
  secure::SharesTold told(*round.plan.graph, places(round, &Participant::shared),
                          round.plan.shares);
  for (const secure::Place place : places(round, &Participant::revealed)) told.told(place);
  return told.missing();
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
  if (call.refusal != secure::Refusal::none) {
    refuse(round, index, call.refusal);
    co_return;
  }
  const TransferOutcome told =
      co_await s_.network->transfer(hospital, TransferDirection::up, call.bytes_up, call.until);
  record_transfer(round, hospital, TransferDirection::up, told, call.bytes_up);
  if (!told.completed) {
    lose(round, index, DropReason::send_failed, "answering");
    co_return;
  }
  const bool after = round.phase == Phase::consistency || round.phase == Phase::unmask;
  if (after) round.participants[index].*flag_of(round.phase) = true;
  round.inbox.send(index);
}

// It ends its part: what it was told cannot be from an honest server.
void SyncServer::refuse(Round& round, std::size_t index, secure::Refusal why) {
  round.participants[index].refusal = why;
  auto& all = secure_account_.refused;
  const auto same = std::find_if(all.begin(), all.end(), [&](const SecureAccount::Refused& one) {
    return one.phase == round.phase && one.why == why;
  });
  if (same == all.end()) {
    all.push_back({round.phase, why, 1, round.index + 1});
  } else {
    ++same->hospitals;
  }
  lose(round, index, DropReason::refused, describe(why));
}

// It will not answer. Its update is in the sum if it is lost when shares are told.
void SyncServer::lose(Round& round, std::size_t index, DropReason reason, std::string_view doing) {
  if (round.phase == Phase::advertise || round.phase == Phase::share_keys) {
    std::string detail = fmt::format("phase '{}'", phase_name(secure_account_, round.phase));
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
    s_.visits->drop(participant, DropReason::late,
                    fmt::format("phase '{}'", phase_name(secure_account_, round.phase)));
  }
}

void SyncServer::end_phase(Round& round, Phase phase, std::size_t asked, std::size_t answered) {
  const bool by_secret = round.plan.graph && phase == Phase::unmask;
  const std::size_t threshold = phase == Phase::unmask ? round.plan.shares : round.plan.answers;
  const std::size_t missing = by_secret ? missing_secrets(round) : 0;
  const auto p = static_cast<std::size_t>(phase);
  secure_account_.asked[p] += static_cast<std::int64_t>(asked);
  secure_account_.answered[p] += static_cast<std::int64_t>(answered);
  SecurePhaseClosed closed;
  closed.at = s_.simulation->now();
  closed.round = round.index + 1;
  closed.phase = phase_name(secure_account_, phase);
  closed.asked = static_cast<std::int64_t>(asked);
  closed.answered = static_cast<std::int64_t>(answered);
  closed.threshold = static_cast<std::int64_t>(threshold);
  s_.emit(closed);
  if (by_secret ? missing == 0 : answered >= threshold) return;
  ++secure_account_.missed[p];
  round.failure =
      by_secret ? fmt::format(
                      "phase '{}' had {} answers, and for {} hospitals fewer than {} of their "
                      "neighbours'",
                      closed.phase, answered, missing, threshold)
                : fmt::format("phase '{}' had {} answers, {} were needed", closed.phase, answered,
                              threshold);
  round.failure += refused_text(round, phase);
  if (phase == Phase::advertise || phase == Phase::share_keys) drop_waiting(round);
}

// Those whose round has failed before they trained.
void SyncServer::drop_waiting(Round& round) {
  for (Participant& participant : round.participants) {
    if (participant.stage == VisitStage::done) continue;
    s_.visits->drop(participant, DropReason::round_failed, round.failure);
  }
}

bool SyncServer::secure_mean(const Round& round, UpdateStream& updates, ParameterVector& out) {
  note_sum(round);
  return secure_sum_->mean(parties_of(round), updates, round.index, s_.by_size, out);
}

void SyncServer::note_sum(const Round& round) {
  SecureAccount& account = secure_account_;
  const bool first = account.sums++ == 0;
  auto seen = static_cast<std::int64_t>(round.arrived);
  if (round.plan.graph) {
    const std::vector<secure::Place> summed = places(round, &Participant::arrived);
    const std::vector<std::size_t> sizes = pieces_among(*round.plan.graph, summed);
    account.sums_in_pieces += sizes.size() > 1 ? 1 : 0;
    seen = static_cast<std::int64_t>(sizes.front());
    std::size_t fewest = round.arrived;
    for (const secure::Place place : summed) {
      fewest = std::min(fewest, others(round, place - 1, &Participant::arrived));
    }
    const auto around = static_cast<std::int64_t>(fewest);
    account.neighbours_in_sum = first ? around : std::min(account.neighbours_in_sum, around);
  }
  account.parties_least = first ? seen : std::min(account.parties_least, seen);
  account.sums_below_four += seen < 4 ? 1 : 0;
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
  account.bytes_up[kMasked] += s_.visits->moved().up;
  account.bytes_down[kMasked] += s_.visits->moved().down;
  return account;
}

}  // namespace polyclinic
