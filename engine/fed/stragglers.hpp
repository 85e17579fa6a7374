// Stragglers: participants of a round that finish only some epochs of their training in the time in
// which the others finish all (Li et al. 2020, FedProx, section 5.2). A synthetic kind of slowness:
// it comes on top of what speeds, links and deadlines make of a round by themselves.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/ids.hpp"
#include "base/schema.hpp"
#include "base/stream.hpp"
#include "learn/trainer.hpp"

namespace polyclinic {

// The same for a whole run. Plain data.
struct StragglerRule {
  double share = 0;               // of a round's participants, rounded; 0: nobody
  std::int64_t epochs_least = 1;  // a straggler finishes between these, uniformly
  std::int64_t epochs_most = 1;
  bool dropped = false;  // its work is left out; else it counts as any other's
};

// Reads a resolved part `stragglers.*`. Throws ScenarioError where the training has no epochs of
// which a part could be finished.
StragglerRule straggler_rule(const Part& part, const TrainingPlan& plan);

// Epochs that each participant finishes; 0: all that the plan has. Every hospital draws at an
// address of its own (run, hospital, round), so nothing else in the scenario changes who is slow,
// and the stragglers of a smaller share are among those of a larger one.
std::vector<std::int64_t> straggler_epochs(const StragglerRule& rule,
                                           std::span<const HospitalId> participants, RunKey run,
                                           std::int64_t round);

// The plan with so many epochs; unchanged for 0.
TrainingPlan with_epochs(TrainingPlan plan, std::int64_t epochs);

// Schemas of stragglers.*.
std::vector<Schema> straggler_schemas();

}  // namespace polyclinic
