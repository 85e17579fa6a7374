// From the outcome column of a table to labels.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/csv_table.hpp"

namespace polyclinic {

struct CsvLabels {
  OutcomeKind task = OutcomeKind::binary;
  std::int32_t classes = 2;  // 1 where labels are no classes
  std::string name;          // of the outcome
  std::vector<float> label;  // per row of the table; rows without one hold 0
  std::vector<float> event;  // survival only
  std::vector<std::int32_t>
      stratum;                      // what splits balance: the class, or whether the event was seen
  std::vector<std::uint8_t> known;  // 0: the row has no outcome
};

// Throws ScenarioError when the column does not hold what the outcome says.
CsvLabels make_csv_labels(const CsvTable& table, const CsvOptions& options);

}  // namespace polyclinic
