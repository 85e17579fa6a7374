// Hospitals that train fewer epochs than the others.
//
// random    some participants of a round finish only some epochs in the time in which the others
//           finish all (Li et al. 2020, FedProx, section 5.2). A synthetic kind of slowness: it
//           comes on top of what speeds, links and deadlines make of a round by themselves.
// by_speed  the server asks each for as many as fit into a time (fed/pace.hpp), on the clock as it
//           is.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/ids.hpp"
#include "base/schema.hpp"
#include "base/stream.hpp"
#include "fed/pace.hpp"
#include "learn/trainer.hpp"

namespace polyclinic {

// The same for a whole run. Plain data.
struct StragglerRule {
  double share = 0;               // of a round's participants, rounded; 0: nobody
  std::int64_t epochs_least = 1;  // a straggler finishes between these, uniformly
  std::int64_t epochs_most = 1;
  bool dropped = false;          // its work is left out; else it counts as any other's
  std::optional<PaceRule> pace;  // by speed: nobody straggles, and everybody is asked for his own
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

// Refuses them where nobody can do what they need: where no server keeps the hospitals' times,
// where there are no rounds of which somebody is a share, and where a training ends by itself.
std::vector<Mistake> straggler_conflicts(const Part& scenario);

// Schemas of stragglers.*.
std::vector<Schema> straggler_schemas();

}  // namespace polyclinic
