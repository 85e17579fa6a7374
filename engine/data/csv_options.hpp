// What a part `cohort.csv { ... }` asks for, read from its fields and checked among themselves.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/value.hpp"
#include "data/dataset.hpp"
#include "data/preparation.hpp"
#include "data/split.hpp"

namespace polyclinic {

// A file and, where files stand for hospitals, the hospital's name. A hospital's files follow each
// other.
struct CsvSource {
  std::string path;
  std::string hospital;
};

// How a column is read when the scenario says so.
enum class CsvType : std::uint8_t { numeric, boolean, categorical, ignored };

struct CsvOutcome {
  std::string column;
  std::optional<double> above;      // positive: the event is a value above this
  std::vector<std::string> values;  // positive: the event is one of these
  std::string event;                // survival: column that says whether the end was seen
  std::optional<OutcomeKind> task;  // absent: binary, if the column holds 0 and 1
  [[nodiscard]] bool positive() const { return above.has_value() || !values.empty(); }
};

struct CsvGroup {
  std::string name;
  std::string column;
  std::vector<double> cuts;  // bands: boundaries, increasing; empty: levels as they are
  std::map<std::string, std::string> names;  // shown names of levels
};

// Which rows go where.
struct CsvSplit {
  enum class Kind : std::uint8_t { stratified, column, lines };
  Kind kind = Kind::stratified;
  SplitShares shares;
  std::string column;  // column: holds train, validation or test
  // lines: per hospital, for each of its files in turn, line numbers there
  using Lines = std::map<std::string, std::vector<std::vector<std::int32_t>>>;
  Lines train;
  Lines validation;
  Lines test;
};

struct CsvOptions {
  Part part;  // for the positions of mistakes
  std::vector<CsvSource> sources;
  char separator = ',';
  bool decimal_comma = false;
  std::optional<bool> header;        // absent: there is one unless `columns` are given
  std::vector<std::string> columns;  // empty: the header names them
  std::vector<std::string> drop;
  std::map<std::string, CsvType> types;
  std::vector<std::string> missing;
  std::map<std::string, std::vector<std::string>> missing_in;
  bool drop_rows_with_missing = false;
  PreparationPlan preparation;
  CsvOutcome outcome;
  std::string hospital;  // column; empty: one file per hospital, or a partition
  std::string patient;   // column; empty: every row is a patient
  std::vector<CsvGroup> groups;
  std::vector<std::string> order;  // of hospitals; empty: by the bytes of their names
  std::int64_t minimum_rows = 0;
  CsvSplit split;
  std::optional<Part> partition;
};

// Reads a resolved part. Throws ScenarioError for combinations that make no sense.
CsvOptions read_csv_options(const Part& part);

}  // namespace polyclinic
