// What a results folder says about its run, read from the database.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/error.hpp"
#include "base/time.hpp"

namespace polyclinic {

struct StoredRun {
  std::string scenario;
  std::string title;
  std::string seed;
  std::string state;  // "running" (or killed), "done", "interrupted", "failed"
  std::string reason;
  std::string outcome;
  std::string model;
  std::string convergence;
  std::string fingerprint;
  std::int64_t hospitals = 0;
  std::int64_t rounds_planned = 0;
  std::int64_t rounds_committed = 0;  // closed ones
  std::int64_t versions = 0;
  TimeNs last;  // the run's end, or the close of the last committed round
};

// "DIR/results.sqlite".
std::string database_path(const std::string& folder);

// Reads the run of a database file. Throws ScenarioError when it is no results database.
StoredRun read_stored_run(const std::string& database);

// "Ways to weight (study.lua), a study: 12 of 30 runs are done; it was killed or still runs" where
// the database holds a study; nullopt where it holds a run. Throws ScenarioError as above.
std::optional<std::string> describe_stored_study(const std::string& database);

// "Sepsis risk (scenarios/quickstart.lua), seed 1: 7 of 30 rounds; it was killed or still runs".
std::string describe(const StoredRun& run);

// The refusal to write into a folder whose database is there: says what it holds.
ScenarioError holds_results(const std::string& folder);

}  // namespace polyclinic
