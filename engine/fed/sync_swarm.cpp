// Synchronous rounds without a server: in each another hospital gathers the updates
// (Warnat-Herresthal et al. 2021, Swarm Learning). The model comes from who made it, the updates go
// to who makes the next one.
#include <algorithm>

#include "fed/sync_server.hpp"

namespace polyclinic {

bool SyncServer::reachable(HospitalId hospital) const {
  const Member& member = s_.members->of(hospital);
  return member.availability->up_at(s_.simulation->now()) && s_.network->connected(hospital);
}

// Whose turn it is, or the next that is there. Where nobody is, the round waits for the former.
void SyncServer::elect(Round& round) {
  if (!s_.aggregator) return;
  const std::size_t count = s_.candidates.size();
  const auto index = static_cast<std::uint64_t>(round.index);
  std::size_t first = index % count;
  if (s_.aggregator->drawn) {
    Stream stream(s_.run, Purpose::kGossipGraph, 2, index);
    first = stream.below(count);
  }
  round.aggregator = s_.candidates[first];
  for (std::size_t i = 0; i < count; ++i) {
    const HospitalId other = s_.candidates[(first + i) % count];
    if (!reachable(other)) continue;
    round.aggregator = other;
    break;
  }
  round.holder = holder(*round.aggregator);
}

// Who has the newest version and sends it: the hospital that made it, or one that got it in a round
// that failed. All begin with the same.
HospitalId SyncServer::holder(HospitalId aggregator) const {
  if (!last_aggregator_) return aggregator;
  if (reachable(*last_aggregator_)) return *last_aggregator_;
  for (const HospitalId other : s_.candidates) {
    const bool has_it = s_.members->of(other).version_held == s_.versions->current();
    if (has_it && reachable(other)) return other;
  }
  return *last_aggregator_;
}

void SyncServer::send_by(const Round& round, Participant& participant) const {
  if (!round.aggregator) return;
  const Member& member = s_.members->of(participant.hospital);
  participant.with = host_of(round.holder);
  participant.to = host_of(*round.aggregator);
  participant.start = s_.wire->model(*s_.versions);
  // who has the model is told only that a round begins
  if (s_.versions->current() == 0 || member.version_held == s_.versions->current()) {
    participant.bytes_down = s_.options.control_bytes;
  }
  // nothing leaves a machine for itself
  if (participant.hospital == round.holder) participant.bytes_down = 0;
}

// The round made a version, which its aggregator has.
void SyncServer::take_over(const Round& round) {
  if (!round.aggregator) return;
  last_aggregator_ = round.aggregator;
  s_.members->of(*round.aggregator).version_held = s_.versions->current();
}

}  // namespace polyclinic
