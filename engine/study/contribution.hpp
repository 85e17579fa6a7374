// What every hospital of a scenario contributes: the federation is trained anew by coalitions of
// its hospitals, and each is judged by the same test rows of all of them.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "study/plan.hpp"
#include "study/shapley.hpp"
#include "study/summary.hpp"

namespace polyclinic {

struct ContributionOptions {
  std::string file;
  std::string metric;                 // "auroc", "auroc.worst"; empty: the first that is measured
  std::optional<std::uint64_t> seed;  // the first; else the scenario's own
  std::int64_t seeds = 1;
  bool shapley = true;       // false: leave-one-out alone
  std::int64_t orders = 20;  // drawn where not all coalitions are played
  double truncate = 0;       // 0: no order ends early
  int threads = 1;
  const std::atomic<bool>* interrupt = nullptr;
  // Called when simulations have ended, of those that are known to be needed so far.
  std::function<void(std::int64_t ended, std::int64_t known)> progress;
};

// Up to so many hospitals every coalition is played: 32 simulations a seed.
inline constexpr int kExactUpTo = 5;

struct Contribution {
  struct Hospital {
    std::string name;
    std::int64_t train_rows = 0;  // under the first seed
    bool attacker = false;
    Spread leave_one_out;           // over seeds
    std::optional<Spread> shapley;  // over seeds
    // Standard error of the Shapley value's mean by the orders that were drawn, a part of what its
    // interval over seeds shows; none where all coalitions were played.
    std::optional<double> sampling_error;
  };
  struct Played {
    std::uint64_t seed = 0;
    Coalition members = 0;
    double value = 0;  // of the metric
  };
  std::string file, title, metric;
  bool smaller_is_better = false;  // contributions are improvements: their sign is turned
  std::uint64_t first_seed = 1;
  std::int64_t seeds = 1;
  bool exact = true;
  std::int64_t orders = 0;  // 0: none were drawn
  double truncate = 0;
  std::int64_t skipped = 0;  // additions taken as 0, of all orders and seeds
  Spread all, nobody;        // the metric with every hospital, and of the untrained model
  std::vector<Hospital> hospitals;
  std::vector<Played> played;  // by seed, then coalition
  std::vector<std::pair<std::string, std::string>> provenance;
};

// Runs the coalitions, the same bits for any number of threads. nullopt: interrupted. Throws
// ScenarioError where the file is a study, has too many hospitals or measures no such metric, and
// RunError where a coalition cannot run or has no value, which names it.
std::optional<Contribution> find_contributions(const ContributionOptions& options,
                                               const LoadStudy& load);

// For people and programs.
std::string contribution_table(const Contribution& found);
std::string contribution_json(const Contribution& found, int indent = -1);
// A row per hospital; a row per coalition and seed.
std::string contribution_csv(const Contribution& found);
std::string coalitions_csv(const Contribution& found);
// Fills a new folder with results.sqlite, contribution.json and both tables. Throws ScenarioError
// where it holds results already, RunError where it cannot be written.
void write_contribution(const Contribution& found, const std::string& folder);

}  // namespace polyclinic
