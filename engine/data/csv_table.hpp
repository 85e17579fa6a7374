// The rows of all files of a cohort in memory, each used column as numbers, as named levels, or
// both.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "data/csv_options.hpp"

namespace polyclinic {

// A column that something uses.
struct CsvColumn {
  std::string name;
  bool feature = false;  // becomes features
  CsvType type = CsvType::numeric;
  bool wants_number = false;  // `numbers` is filled
  bool wants_level = false;   // `level` is filled
  bool identifier = false;    // levels as written; else 1, 1.0 and 01.0 are one level, named 1

  std::vector<double> numbers;      // per row; NaN: missing
  std::vector<std::int32_t> level;  // per row; -1: missing
  std::vector<std::string> levels;  // sorted: by number if all are numbers, else by bytes
  std::int64_t missing = 0;         // rows without a value
};

struct CsvTable {
  std::int64_t rows = 0;
  std::vector<CsvColumn> columns;    // in the order of the first file
  std::vector<std::int32_t> source;  // per row: index into CsvOptions::sources
  std::vector<std::int32_t> line;    // per row: where it begins in its file

  // REQUIRES: the options use the column.
  [[nodiscard]] const CsvColumn& column(const std::string& name) const;
};

// Reads all files. Throws ScenarioError with every mistake that can be told apart: unreadable
// files, rows of the wrong width, cells that are no numbers (the first of each column), unknown
// columns.
CsvTable load_csv_table(const CsvOptions& options);

// The number that a cell says, if it is one and finite. Takes what spreadsheets write: +1, 1e-3,
// .5.
std::optional<double> parse_number(std::string_view text, bool decimal_comma = false);

}  // namespace polyclinic
