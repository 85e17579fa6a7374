// A server that lies to the hospitals of a secure sum: what the clock must know of it.
#include <fmt/format.h>

#include <algorithm>

#include "fed/sync_server.hpp"

namespace polyclinic {

using secure::Phase;
using secure::Refusal;

std::vector<SecureParty> SyncServer::parties_of(const Round& round) {
  std::vector<SecureParty> parties;
  for (const Participant& participant : round.participants) {
    SecureParty party;
    party.hospital = participant.hospital;
    party.advertised = participant.advertised;
    party.shared = participant.shared;
    party.summed = participant.arrived;
    party.confirmed = participant.confirmed;
    party.revealed = participant.revealed;
    party.refusal = participant.refusal;
    parties.push_back(party);
  }
  return parties;
}

std::optional<Lie> SyncServer::lie_of(const Round& round) const {
  if (!s_.secure->tampering) return std::nullopt;
  return lie_in(*s_.secure, parties_of(round), round.index);
}

bool SyncServer::tells_two_lists(const Round& round) const {
  const std::optional<Lie> lie = lie_of(round);
  return lie && lie->with == Tampering::With::survivors;
}

Refusal SyncServer::refusal_of(const Round& round, Phase phase, std::size_t index) const {
  const std::optional<Lie> lie = lie_of(round);
  if (!lie) return Refusal::none;
  return polyclinic::refusal_of(*s_.secure, round.plan.shares, parties_of(round), *lie, phase,
                                index);
}

// "; 4 refused: keys are not signed by their hospital for this round"
std::string SyncServer::refused_text(const Round& round, Phase phase) {
  std::size_t count = 0;
  Refusal why = Refusal::none;
  for (const Participant& participant : round.participants) {
    if (participant.refusal == Refusal::none) continue;
    ++count;
    why = participant.refusal;
  }
  // refusals are of the phase that ended, or of an earlier one that had enough answers
  if (count == 0 || phase == Phase::masked_input) return {};
  return fmt::format("; {} refused: {}", count, describe(why));
}

void SyncServer::note_lies(const Round& round) {
  const std::optional<Lie> lie = lie_of(round);
  if (!lie) return;
  const std::vector<SecureParty> parties = parties_of(round);
  ++secure_account_.tampered;
  const bool refused = std::any_of(parties.begin(), parties.end(), [](const SecureParty& one) {
    return one.refusal != Refusal::none;
  });
  const bool read = reads_alone(round.plan.shares, parties, *lie);
  secure_account_.read_alone += read ? 1 : 0;
  if (refused && !round.failure.empty() && s_.secure->real) {
    secure_sum_->rehearse(parties, round.index, message_sizes(round).values);
  }
}

}  // namespace polyclinic
