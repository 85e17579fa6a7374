// A study, read: several arms of one scenario, each resolved to a world of its own, and what is to
// be compared. Plain data.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "world/world_spec.hpp"

namespace polyclinic {

struct StudyArm {
  std::string name;
  WorldSpec spec;           // resolved; computes no baselines but the one that a reference arm is
  std::string reference;    // "pooled", "local_only": its numbers count; empty: the federation's
  std::string changes;      // what it changes in the base, as written; empty: nothing
  bool base_world = false;  // its federation is the base's: a reference, or no change at all
  SourcePosition where;
};

struct StudySpec {
  bool declared =
      false;  // the file returns a study; false: a scenario, which is a study of one arm
  std::string title;
  std::vector<StudyArm> arms;
  std::int64_t seeds = 10;
  std::string metric;   // compared; empty: the first that is measured
  std::string against;  // an arm's name; empty: the first arm
  SourcePosition metric_where;
};

// Makes the composition of a strategy anew after its fields were merged.
using RebuildStrategy = std::function<void(Part& strategy)>;

// Merges the arms of a resolved `study { ... }` into its base and resolves each. Throws
// ScenarioError with every mistake: of the base, two arms of one name, an unknown arm to compare
// with, an arm whose fields make no sense together (its name is said).
StudySpec make_study(const Part& study, const std::string& file, const RebuildStrategy& rebuild);

// A scenario as a study of one arm, "base".
StudySpec study_of_one(const WorldSpec& spec);

// Sets what a scenario computes beside its federation; an empty list: nothing.
void set_baselines(Part& scenario, List baselines);

// The schemas of `study`, `arm` and `compare`; an arm may name the fields of the scenario's schema.
std::vector<Schema> study_schemas(const Schema& scenario);

}  // namespace polyclinic
