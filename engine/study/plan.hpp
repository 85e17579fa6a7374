// The runs of a study: the product of varied parameters, arms and seeds, in the order in which
// results are kept.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "study/study_spec.hpp"
#include "world/script_host.hpp"

namespace polyclinic {

// Values of --vary at one point of the product: name and value, as --set takes them.
using Settings = std::vector<std::pair<std::string, std::string>>;

// "noise=0.5 skew=1".
std::string settings_text(const Settings& settings);

// A scenario file as it was read for one point and seed.
struct LoadedStudy {
  std::unique_ptr<ScriptHost> script;  // null where the arms have no functions
  StudySpec spec;                      // its worlds have the seed
  std::uint64_t source_hash = 0;       // of everything that was read
};
// Reads the file; without a seed the base's own holds. Each result is used by one thread; called
// from several. Throws ScenarioError.
using LoadStudy =
    std::function<LoadedStudy(const Settings& varied, std::optional<std::uint64_t> seed)>;

struct PlannedArm {
  std::string name;         // "median", "noise=0.5", "median noise=0.5"
  std::size_t point = 0;    // of the product of --vary
  std::size_t member = 0;   // position among the arms of the file
  std::string changes;      // in the base, as written
  std::string reference;    // "pooled", "local_only", or empty
  std::size_t against = 0;  // the arm that it is compared with, by position; itself: with none
};

struct StudyPlan {
  std::string file;
  std::string title;
  std::vector<Settings> points;  // at least one; the only one is empty where nothing varies
  std::vector<std::uint64_t> source_hashes;  // by point
  std::vector<PlannedArm> arms;              // points in order, arms of the file within
  std::uint64_t first_seed = 1;              // replication r runs with seed first_seed + r
  std::int64_t seeds = 10;
  std::string metric;                 // what is compared
  std::vector<std::string> measured;  // values that the first arm measures

  // Arms that one simulation of a federation serves, by position: the base and the references that
  // are measured beside it; elsewhere one arm each.
  std::vector<std::vector<std::size_t>> units;

  [[nodiscard]] std::int64_t runs() const { return seeds * static_cast<std::int64_t>(arms.size()); }
  // From 1, replication by replication.
  [[nodiscard]] std::int64_t run_number(std::size_t arm, std::int64_t replication) const {
    return replication * static_cast<std::int64_t>(arms.size()) + static_cast<std::int64_t>(arm) +
           1;
  }
};

// One --vary: a parameter and its values.
struct Variation {
  std::string name;
  std::vector<std::string> values;
};

struct PlanOptions {
  std::string file;
  std::vector<Variation> vary;
  std::optional<std::int64_t> seeds;  // --seeds, else the study's
  std::optional<std::uint64_t> seed;  // --seed, else the base's: the first
  std::string metric;                 // --compare, else the study's, else the first measured
  std::string against;                // --against, else the study's, else the first arm
  int threads = 1;
};

// Reads a --vary: "noise=0.5,1,2", "skew=0.1:1.0:4" (from, to, how many), "delay=10ms:40ms:4".
// Throws ScenarioError.
Variation parse_variation(const std::string& text);

// Reads the file for every point, builds every arm's world once and checks what is compared, so
// that no mistake waits until half of the runs are done. Throws ScenarioError with every mistake.
StudyPlan make_plan(const PlanOptions& options, const LoadStudy& load);

}  // namespace polyclinic
