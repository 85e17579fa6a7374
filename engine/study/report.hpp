// A study's results for people and programs: the table on the terminal, one JSON object, CSV.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "study/plan.hpp"
#include "study/summary.hpp"
#include "study/values.hpp"

namespace polyclinic {

struct StudyResult {
  StudyPlan plan;
  std::vector<StudyRun> runs;  // in the plan's order; fewer than planned when it was cut short
  bool interrupted = false;
  std::vector<std::pair<std::string, std::string>> provenance;
};

// "done", "interrupted", or "failed" when a run failed.
std::string state_of(const StudyResult& result);
std::int64_t failed_runs(const StudyResult& result);

// The table that ends `polyclinic sweep`.
std::string study_table(const StudyResult& result);
// docs/guide/studies.md describes it. indent < 0: on one line.
std::string study_json(const StudyResult& result, int indent = -1);
// What would run, for `polyclinic check --json`; params are the file's own, as text.
std::string plan_json(const StudyPlan& plan,
                      const std::vector<std::pair<std::string, std::string>>& params);
// A row per run, and a row per arm and value.
std::string runs_csv(const StudyResult& result);
std::string arms_csv(const StudyResult& result);

}  // namespace polyclinic
