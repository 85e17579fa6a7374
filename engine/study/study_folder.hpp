// The folder that `sweep --out DIR` fills: results.sqlite while the study lasts, a commit per run,
// and at its end study.json, runs.csv, arms.csv and README.txt, each of which appears under its
// name only when it is whole.
#pragma once

#include <memory>
#include <string>

#include "study/plan.hpp"
#include "study/report.hpp"
#include "study/values.hpp"

namespace polyclinic {

class StudyFolder {
 public:
  // Looks, and changes nothing. Throws ScenarioError when the folder already holds results.
  explicit StudyFolder(std::string path);
  ~StudyFolder();
  StudyFolder(const StudyFolder&) = delete;
  StudyFolder& operator=(const StudyFolder&) = delete;

  // Makes the folder and its database with the study's arms. Throws ScenarioError.
  void open(const StudyPlan& plan);
  // Adds a run and commits. Throws RunError. By one thread at a time.
  void add(const StudyRun& run);
  // Writes the tables and closes. Throws RunError.
  void finish(const StudyResult& result);

 private:
  struct Database;
  std::string path_;
  std::unique_ptr<Database> database_;
};

}  // namespace polyclinic
