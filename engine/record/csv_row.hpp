// Rows of a CSV file, each ended by the note that every file of results bears: a column, not a
// comment line, which not every reader understands.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace polyclinic {

inline constexpr std::string_view kCsvNoteColumn = "note";

class CsvRow {
 public:
  // Text is quoted where it must be; a number is as short as it can be read back exactly.
  CsvRow& add(std::string_view text);
  CsvRow& add(const char* text) { return add(std::string_view(text)); }
  CsvRow& add(const std::string& text) { return add(std::string_view(text)); }
  CsvRow& add(std::int64_t value);
  CsvRow& add(double value);
  // An empty cell without a value.
  CsvRow& add(const std::optional<double>& value);
  // Ends the row with the note.
  [[nodiscard]] std::string done() const;

 private:
  std::string text_;
};

// The line of column names.
std::string csv_head(const std::vector<std::string>& names);

}  // namespace polyclinic
