// What joining is worth to one hospital, what it changes for the others, and what it costs: the
// federation with it and without it, and the hospital by itself, over the same seeds.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.hpp"
#include "study/plan.hpp"
#include "study/summary.hpp"

namespace polyclinic {

struct JoinOptions {
  std::string file;
  std::string hospital;               // who thinks about joining: a member of the scenario
  std::string metric;                 // "auroc"; empty: the first that is measured
  std::optional<std::uint64_t> seed;  // the first; else the scenario's own
  std::int64_t seeds = 10;
  int threads = 1;
  const std::atomic<bool>* interrupt = nullptr;
  // Called when a simulation has ended, with how many have.
  std::function<void(std::int64_t ended)> progress;
};

struct JoinReport {
  // One hospital's test rows under one seed. None: there is no value, `reason` says why.
  struct Values {
    std::optional<double> with, without, alone;
    std::string reason;
  };
  // One seed: both federations.
  struct Seed {
    std::uint64_t seed = 0;
    std::vector<Values> values;  // by hospital, as in `hospitals`
    // What taking part asks of the hospital.
    std::int64_t train_rows = 0, invitations = 0, participations = 0;
    std::int64_t bytes_up = 0, bytes_down = 0;
    double busy_s = 0;              // training on its machine
    std::optional<double> epsilon;  // spent of its patients' privacy, where there is a ledger
    // Of the federation as a whole.
    double with_s = 0, without_s = 0;
    std::int64_t with_bytes = 0, without_bytes = 0;
    std::int64_t with_versions = 0, without_versions = 0;
  };
  struct Hospital {
    HospitalId id;
    std::string name;
    bool attacker = false;        // listed, not among the others whose mean is taken
    std::int64_t train_rows = 0;  // under the first seed
    // Over seeds; gain: with minus without, paired by seed, its sign turned where less is better.
    Spread with, without, gain;
  };
  // One line of the summary.
  struct Quantity {
    std::string name;     // "gain_over_alone"
    std::string unit;     // "auroc", "s", "bytes", "versions", "count", "epsilon"
    bool paired = false;  // a difference within each seed
    Spread value;
  };
  std::string file, title, metric, hospital;
  std::size_t joiner = 0;  // its place in `hospitals`
  bool smaller_is_better = false;
  std::uint64_t first_seed = 1;
  std::int64_t seeds = 0;
  std::vector<Hospital> hospitals;   // members, the joiner too, in order
  std::vector<Quantity> quantities;  // in the order of kinds above, always the same ones
  std::vector<Seed> runs;            // by seed
  std::vector<std::pair<std::string, std::string>> provenance;

  // REQUIRES: there is such a line.
  [[nodiscard]] const Quantity& quantity(std::string_view name) const;
};

// Runs two federations a seed, the same bits for any number of threads. nullopt: interrupted.
// Throws ScenarioError where the file is a study, has no such member, nobody else or no such
// metric, and RunError where a federation cannot run, which it names.
std::optional<JoinReport> ask_join(const JoinOptions& options, const LoadStudy& load);

// For people and programs.
std::string join_table(const JoinReport& found);
std::string join_json(const JoinReport& found, int indent = -1);
// A row per quantity; a row per seed and hospital; a row per seed.
std::string join_csv(const JoinReport& found);
std::string join_values_csv(const JoinReport& found);
std::string join_costs_csv(const JoinReport& found);
// Fills a new folder with results.sqlite, join.json and the tables. Throws ScenarioError where it
// holds results already, RunError where it cannot be written.
void write_join(const JoinReport& found, const std::string& folder);

}  // namespace polyclinic
