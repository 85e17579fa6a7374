// Reads comma-separated text as a stream of rows: quotes, CRLF, byte-order mark, UTF-8. Types and
// names of columns are the business of csv_table.hpp.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace polyclinic {

// A row's cells, in order; valid during the call. `line` is where the row begins, from 1.
using CsvRowHandler = std::function<void(int line, std::span<const std::string_view> cells)>;

// Calls `row` for each row that is not blank; blanks around unquoted cells are cut off. Memory is
// one row, whatever the size of the file. Throws ScenarioError, positioned in the file, when it
// cannot be read, is no UTF-8 text, or its quotes do not match; and what `row` throws.
void read_csv(const std::string& path, char separator, const CsvRowHandler& row);
// The same from memory; `name` stands for the file in messages.
void read_csv_text(std::string_view text, const std::string& name, char separator,
                   const CsvRowHandler& row);

// Where the cell (from 0) begins in a line of the file, from 1: for carets. 0 when it cannot be
// said.
int cell_column(const std::string& path, int line, std::size_t cell, char separator);

}  // namespace polyclinic
