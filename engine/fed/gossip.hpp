// What a scenario says about federations without a server, and what a run can say of one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/schema.hpp"
#include "base/time.hpp"
#include "fed/graph.hpp"

namespace polyclinic {

struct GossipOptions {
  std::int64_t rounds = 30;
  TimeNs deadline = kNever;  // of a round, from training to the last message; kNever: none
  TimeNs pause;
  std::int64_t control_bytes = 1000;
  GraphRule graph;
  bool push_sum = false;  // weights travel with the models: for messages that are lost one way
};

// Reads a resolved part protocol.gossip; rounds and deadline are the scenario's.
GossipOptions gossip_options(const Part& part, std::int64_t rounds, TimeNs deadline);
// Refuses parts of a scenario that mean nothing without a server. REQUIRES: scenario is resolved as
// far as that its fields hold what was given.
std::vector<Mistake> gossip_conflicts(const Part& scenario);

// Of those the ones that hold wherever nobody aggregates. instead: of an aggregation rule; pull:
// what a proximal term is about there.
std::vector<Mistake> no_server_conflicts(const Part& scenario, const std::string& instead,
                                         const std::string& pull);

// What became of the messages of a run.
struct GossipAccount {
  std::string graph;
  std::string exchange;
  std::int64_t hospitals = 0;
  std::int64_t links = 0;              // of the first round's graph; both ways are one
  std::optional<double> spectral_gap;  // of the mixing matrix; none: the graph changes or is large
  std::int64_t messages = 0;           // that were begun
  std::int64_t lost = 0;               // that did not come whole before the round's end
  std::int64_t one_sided = 0;          // that came, and did not count as the answer did not
  double consensus = 0;  // root mean square distance of the hospitals' models from their mean
};

// protocol.gossip.
Schema gossip_schema(std::vector<Field> common);

}  // namespace polyclinic
