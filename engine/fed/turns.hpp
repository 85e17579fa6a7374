// What a scenario says about hospitals that take turns: with the one model that goes round
// (protocol.cyclic), or in gathering the updates of all (protocol.swarm).
#pragma once

#include <cstdint>
#include <vector>

#include "base/schema.hpp"
#include "base/time.hpp"
#include "fed/sync_server.hpp"

namespace polyclinic {

struct CyclicOptions {
  std::int64_t rounds = 30;  // each goes round once
  TimeNs deadline = kNever;  // of a turn, from the sending of the model to the end of the training
  TimeNs pause;
  std::int64_t control_bytes = 1000;
  bool shuffled = false;  // another order in each round
};

// Reads a resolved part protocol.cyclic; rounds and deadline are the scenario's.
CyclicOptions cyclic_options(const Part& part, std::int64_t rounds, TimeNs deadline);
// Reads a resolved part protocol.swarm.
AggregatorRule aggregator_rule(const Part& part);

// Refuse parts of a scenario that mean nothing there. REQUIRES: as gossip_conflicts.
std::vector<Mistake> cyclic_conflicts(const Part& scenario);
std::vector<Mistake> swarm_conflicts(const Part& scenario);

// protocol.cyclic and protocol.swarm; common: what protocols with rounds have alike.
Schema cyclic_schema(const std::vector<Field>& common);
Schema swarm_schema(std::vector<Field> common);

}  // namespace polyclinic
