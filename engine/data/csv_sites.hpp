// Which rows of the table belong to which hospital, and to which split there.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/cohort.hpp"
#include "data/csv_labels.hpp"

namespace polyclinic {

struct CsvSite {
  std::string name;                // empty when the world names it
  std::vector<std::int32_t> rows;  // of the table, in file order
  std::int64_t left_out = 0;       // rows that lack the outcome or, if so asked, any value
  SplitRows split;                 // rows of the table, increasing
  std::vector<std::string> remarks;
};

// Assigns rows to hospitals, leaves out what the options say, and splits each hospital. A patient
// seen at several hospitals is in the same split at all of them. Throws ScenarioError when a
// hospital has nothing to train on.
std::vector<CsvSite> make_csv_sites(const CsvTable& table, const CsvLabels& labels,
                                    const CsvOptions& options, const CohortContext& context);

// Per row of the table: the patient's number; a row without one is a patient of its own. Empty when
// no column names patients.
std::vector<std::int64_t> csv_patients(const CsvTable& table, const CsvOptions& options);

}  // namespace polyclinic
