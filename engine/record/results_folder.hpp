// The folder that `run --out DIR` fills: results.sqlite while the run lasts, and at its end
// result.json, metrics.csv, hospitals.csv, rounds.csv, model.npz and README.txt, each of which
// appears under its name only when it is whole.
#pragma once

#include <string>
#include <string_view>

#include "record/database.hpp"
#include "world/result.hpp"

namespace polyclinic {

// Looks, and changes nothing. Throws ScenarioError when the folder already holds results (saying
// which) or when something else bears its name.
void refuse_results(const std::string& path);
// Makes the folder. Throws ScenarioError when that cannot be done or when it cannot be written.
void make_results_folder(const std::string& path);

class ResultsFolder {
 public:
  // Looks, and changes nothing. Throws ScenarioError when the folder already holds results (saying
  // which) or when something else bears its name.
  explicit ResultsFolder(std::string path);

  // Makes the folder and its database. Throws ScenarioError when that cannot be done.
  void open(ResultsDatabase::ProfileOf profile_of);
  [[nodiscard]] Observer& observer() { return database_; }
  // Writes everything and closes; state is "done", "interrupted" or "failed". Throws RunError.
  void finish(const RunResult& result, std::string_view state);
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  void write_file(const std::string& name, const std::string& text) const;
  void write_model(const RunResult& result) const;

  std::string path_;
  ResultsDatabase database_;
};

}  // namespace polyclinic
