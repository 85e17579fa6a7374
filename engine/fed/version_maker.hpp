// From updates that arrived to the next version of the global parameters, whatever the protocol
// that gathered them: weights, aggregation rule, control vectors, server optimiser.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "fed/compression/wire.hpp"
#include "fed/control.hpp"
#include "fed/evaluator.hpp"
#include "fed/members.hpp"
#include "fed/parts.hpp"
#include "fed/stores.hpp"
#include "fed/told_losses.hpp"
#include "fed/weights.hpp"

namespace polyclinic {

class VersionMaker {
 public:
  // References outlive it.
  struct Setup {
    Members* members = nullptr;
    Evaluator* evaluator = nullptr;
    VersionStore* versions = nullptr;
    ControlVectors* control = nullptr;
    Adversary* adversary = nullptr;  // null: every hospital is honest
    Wire* wire = nullptr;
    AggregationRule* aggregation = nullptr;
    ServerOptimizer* optimizer = nullptr;
    WeightRule weights;
    std::int64_t rows_max = 0;  // that a hospital counts with; 0: all
    // Told of every version that is made where noise hides who is in it (and who sent no numbers):
    // a count of usable updates is not looked at then. Empty: there is no such noise.
    std::function<void(const std::vector<HospitalId>& in_sum, std::int64_t round)> noised;
    AdaptiveProximal* proximal = nullptr;  // null: the pull of the hospitals does not move
    RunKey run;
  };
  explicit VersionMaker(Setup setup) : s_(std::move(setup)) {}

  struct Arrival {
    HospitalId hospital;
    Deferred<TrainingResult> result;
    double factor = 1;  // what its update is multiplied with, whatever the rule
    VersionPtr start;   // not null: what counts is its model, not its change of this version
  };
  struct Outcome {
    bool made = false;
    bool interrupted = false;          // the person did; nothing was made
    std::string refusal;               // of the rule: why it could not combine them
    double mean_loss = 0;              // training loss over the updates, weighted as they were
    double told_loss = 0;              // that hospitals told, weighted the same way
    std::vector<HospitalId> diverged;  // whose updates held no numbers and were left out
    std::vector<std::size_t> diverged_places;  // the same among the arrivals
    std::vector<double> shares;                // of the arrivals
    std::int64_t rows_visited = 0;             // by those that are part of it
    std::int64_t steps = 0;
  };
  // Instead of the rule: a sum under masks, in which nobody sees who sent what. False: there is
  // none.
  using MaskedMean = std::function<bool(UpdateStream&, ParameterVector&)>;

  // The next version from at least `minimum` usable updates (under noise also from none), in
  // hospital order; several of one hospital in the order in which it trained. Throws RunError,
  // which names the round (from 1), when the model overflows.
  [[nodiscard]] Outcome make(const std::vector<Arrival>& arrivals, std::size_t minimum,
                             std::int64_t round, const MaskedMean& masked = {});

  // Where updates are combined that move another model than the newest version: a region's.
  struct Place {
    AggregationRule* rule = nullptr;
    const ParameterVector* global = nullptr;
    const ParameterVector* previous = nullptr;  // the last aggregate there; null: there was none
    std::uint64_t lane = 0;  // of the rule's random numbers, beside the version's
    std::int64_t round = 0;  // from 1; 0: there is none
  };
  // What those updates are together; the model stays. As make() but for publish() and count().
  [[nodiscard]] Outcome combine(const std::vector<Arrival>& arrivals, std::size_t minimum,
                                const Place& place, ParameterVector& combined,
                                const MaskedMean& masked = {});
  // The server optimiser makes the next version of it. Throws as make().
  void publish(const ParameterVector& global, ParameterVector combined, std::int64_t round);
  // Trainings became part of a version.
  void count(std::int64_t rows_visited, std::int64_t steps) {
    rows_visited_ += rows_visited;
    steps_ += steps;
  }

  // What it remembers beside the newest version, to go on from there another time. The optimiser is
  // copied, the rest shared.
  struct Memory {
    std::shared_ptr<const ServerOptimizer> optimizer;
    VersionPtr previous;
    std::int64_t rows_visited = 0;
    std::int64_t steps = 0;
  };
  [[nodiscard]] Memory memory() const;
  void go_back(const Memory& memory);

  [[nodiscard]] bool weights_were_capped() const { return weights_capped_; }
  // Rows that trainings visited which became part of a version: what a fair reference may visit.
  [[nodiscard]] std::int64_t rows_visited() const { return rows_visited_; }
  // Optimiser steps of the same trainings.
  [[nodiscard]] std::int64_t steps() const { return steps_; }

 private:
  [[nodiscard]] Weights weigh(const std::vector<Arrival>& arrivals);
  [[nodiscard]] AggregationContext context(const Place& place) const;

  Setup s_;
  VersionPtr previous_;  // the last aggregate, for rules that look back; null: there was none
  std::unique_ptr<ServerOptimizer> taken_up_;  // the optimiser, once it went back
  bool weights_capped_ = false;
  std::int64_t rows_visited_ = 0;
  std::int64_t steps_ = 0;
};

}  // namespace polyclinic
