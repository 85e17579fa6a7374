#include "data/csv_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "base/check.hpp"
#include "data/csv_reader.hpp"

namespace polyclinic {

namespace {

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();
// No measurement is larger; squares of such numbers are still finite.
constexpr double kLargest = 1e30;
constexpr std::int64_t kTableBytesMax = 8LL << 30U;
constexpr std::size_t kMistakesMax = 10;
constexpr std::int64_t kRaggedMax = 3;        // shown of rows with the wrong number of cells
constexpr std::size_t kCategoriesMax = 1000;  // more levels are names or numbers, not categories

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// The number a cell says, infinity and NaN included; nullopt: it says none.
std::optional<double> read_number(std::string_view text, bool decimal_comma) {
  std::string changed;
  if (decimal_comma && std::count(text.begin(), text.end(), ',') == 1) {
    changed = text;
    changed[changed.find(',')] = '.';
    text = changed;
  }
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || stop != end || error == std::errc::invalid_argument) return std::nullopt;
  if (error == std::errc::result_out_of_range) {
    const std::size_t exponent = text.find_first_of("eE");
    const bool tiny = exponent != std::string_view::npos && text.substr(exponent).find('-') == 1;
    return tiny ? 0.0 : std::numeric_limits<double>::infinity();
  }
  return value;
}

std::optional<double> read_boolean(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  for (const std::string_view yes : {"1", "1.0", "true", "t", "yes", "y"}) {
    if (lower == yes) return 1.0;
  }
  for (const std::string_view no : {"0", "0.0", "false", "f", "no", "n"}) {
    if (lower == no) return 0.0;
  }
  return std::nullopt;
}

// 1, 1.0 and +1 are one category; 007 is a code and stays.
std::string level_name(std::string_view text, bool identifier) {
  const bool code = text.size() > 1 && text[0] == '0' && is_digit(text[1]);
  if (!identifier && !code) {
    const auto number = parse_number(text);
    if (number) return fmt::format("{}", *number == 0 ? 0.0 : *number);
  }
  return std::string(text);
}

// As a message shows a cell: not longer than a line.
std::string shown(std::string_view text) {
  constexpr std::size_t kShownMax = 40;
  if (text.size() <= kShownMax) return std::string(text);
  std::size_t end = kShownMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return std::string(text.substr(0, end)) + "...";
}

struct MissingCodes {
  std::vector<std::string> texts;
  std::vector<double> numbers;

  void add(const std::vector<std::string>& codes) {
    for (const std::string& code : codes) {
      texts.push_back(code);
      if (const auto number = parse_number(code)) numbers.push_back(*number);
    }
  }
  [[nodiscard]] bool contains(std::string_view cell, bool decimal_comma) const {
    if (cell.empty()) return true;
    if (std::find(texts.begin(), texts.end(), cell) != texts.end()) return true;
    if (numbers.empty()) return false;
    const auto number = parse_number(cell, decimal_comma);
    return number && std::find(numbers.begin(), numbers.end(), *number) != numbers.end();
  }
};

// What went wrong in the files, so that one run tells all of it.
class Mistakes {
 public:
  void add(Mistake mistake) { mistakes_.push_back(std::move(mistake)); }
  // A mistake of which there may be one in every row: the first stands for all.
  void add_cell(std::size_t column, const std::function<Mistake()>& mistake) {
    auto [place, is_new] = first_.emplace(column, mistakes_.size());
    if (!is_new) {
      ++more_[place->second];
      return;
    }
    // finding a cell reads its file again: not for mistakes that nobody will see
    mistakes_.push_back(mistakes_.size() < kMistakesMax ? mistake() : Mistake{});
    more_.resize(mistakes_.size());
  }
  void add_ragged(const std::function<Mistake()>& mistake) {
    if (++ragged_ <= kRaggedMax) mistakes_.push_back(mistake());
  }
  [[nodiscard]] std::int64_t ragged() const { return ragged_; }
  // REQUIRES: one was added.
  [[nodiscard]] Mistake& last() { return mistakes_.back(); }

  void throw_if_any() {
    if (mistakes_.empty()) return;
    for (std::size_t i = 0; i < more_.size(); ++i) {
      if (more_[i] > 0) {
        mistakes_[i].message +=
            fmt::format(" (and {} more cell{} of this column)", more_[i], more_[i] == 1 ? "" : "s");
      }
    }
    if (ragged_ > kRaggedMax) {
      const std::int64_t more = ragged_ - kRaggedMax;
      std::string& hint = mistakes_.back().hint;
      hint += fmt::format("{}{} more row{} a wrong number of cells", hint.empty() ? "" : "\n", more,
                          more == 1 ? " has" : "s have");
    }
    if (mistakes_.size() > kMistakesMax) mistakes_.resize(kMistakesMax);
    throw ScenarioError(std::move(mistakes_));
  }

 private:
  std::vector<Mistake> mistakes_;
  std::map<std::size_t, std::size_t> first_;  // column -> its mistake
  std::vector<std::int64_t> more_;            // per mistake: cells like it
  std::int64_t ragged_ = 0;
};

// The columns a scenario names, and the field where it does.
std::vector<std::pair<std::string, std::string>> named_columns(const CsvOptions& options) {
  std::vector<std::pair<std::string, std::string>> named;
  const auto add = [&](const std::string& column, const char* field) {
    if (!column.empty()) named.emplace_back(column, field);
  };
  add(options.outcome.column, "outcome");
  add(options.outcome.event, "outcome");
  add(options.hospital, "hospital");
  add(options.patient, "patient");
  add(options.split.column, "split");
  for (const CsvGroup& group : options.groups) add(group.column, "groups");
  for (const std::string& column : options.drop) add(column, "drop");
  for (const auto& [column, type] : options.types) {
    const bool dropped =
        std::find(options.drop.begin(), options.drop.end(), column) != options.drop.end();
    if (!dropped) add(column, type == CsvType::categorical ? "categorical" : "types");
  }
  for (const auto& [column, codes] : options.missing_in) add(column, "missing_in");
  return named;
}

class Loader {
 public:
  explicit Loader(const CsvOptions& options) : options_(options) {}

  CsvTable load() {
    for (source_ = 0; source_ < options_.sources.size(); ++source_) read_source();
    mistakes_.throw_if_any();
    if (table_.rows == 0) {
      source_ = 0;
      throw ScenarioError({path(), 0, 0}, "the table has no rows, only the names of columns");
    }
    for (CsvColumn& column : table_.columns) sort_levels(column);
    return std::move(table_);
  }

 private:
  [[nodiscard]] const std::string& path() const { return options_.sources[source_].path; }

  void read_source();
  void on_first_row(int line, std::span<const std::string_view> cells);
  void on_row(int line, std::span<const std::string_view> cells);
  void on_cell(std::size_t cell, int line, std::string_view text);
  void check_names(int line, std::span<const std::string_view> cells);
  void declare_columns();
  void match_columns();
  void check_named() const;
  void wrong_width(int line, std::size_t cells);
  void add_number(CsvColumn& column, std::size_t cell, int line, std::string_view text);
  void add_level(CsvColumn& column, std::size_t index, std::size_t cell, int line,
                 std::string_view text);
  static void sort_levels(CsvColumn& column);
  [[nodiscard]] SourcePosition at_cell(int line, std::size_t cell) const {
    return {path(), line, cell_column(path(), line, cell, options_.separator)};
  }

  const CsvOptions& options_;
  CsvTable table_;
  Mistakes mistakes_;
  std::vector<MissingCodes> codes_;  // per column of the table
  std::vector<std::unordered_map<std::string, std::int32_t>> dictionary_;

  // the file being read
  std::size_t source_ = 0;
  std::vector<std::string> names_;       // of its cells
  std::vector<std::int32_t> column_of_;  // per cell: index into the table, -1: not used
  bool started_ = false;
  int last_line_ = 0;
  int ragged_line_ = 0;  // the last row with too few cells
};

void Loader::read_source() {
  started_ = false;
  last_line_ = 0;
  ragged_line_ = 0;
  read_csv(path(), options_.separator, [this](int line, std::span<const std::string_view> cells) {
    last_line_ = line;
    if (started_) {
      on_row(line, cells);
    } else {
      started_ = true;
      on_first_row(line, cells);
    }
  });
  if (!started_) {
    throw ScenarioError({path(), 0, 0}, "the file is empty",
                        options_.columns.empty() ? "its first line names the columns" : "");
  }
  if (ragged_line_ > 0 && ragged_line_ == last_line_ && mistakes_.ragged() <= kRaggedMax) {
    mistakes_.last().hint = "this is the last row: was the file cut off while it was copied?";
  }
}

void Loader::on_first_row(int line, std::span<const std::string_view> cells) {
  const bool header = options_.header.value_or(options_.columns.empty());
  if (!options_.columns.empty()) {
    names_ = options_.columns;
    if (cells.size() != names_.size()) {
      throw ScenarioError(
          {path(), line, 0},
          fmt::format("this row has {} cell{}, and the scenario's 'columns' names {}", cells.size(),
                      cells.size() == 1 ? "" : "s", names_.size()),
          "'columns' are " + join_names(names_));
    }
  } else if (header) {
    check_names(line, cells);
  } else {
    names_.clear();
    for (std::size_t i = 0; i < cells.size(); ++i)
      names_.push_back(fmt::format("column {}", i + 1));
  }
  if (table_.columns.empty()) declare_columns();
  match_columns();
  if (!header) on_row(line, cells);
}

// The header's names: there, different, and no data.
void Loader::check_names(int line, std::span<const std::string_view> cells) {
  names_.assign(cells.begin(), cells.end());
  std::unordered_map<std::string_view, std::size_t> places;  // looked up, never walked through
  std::size_t numbers = 0;
  for (std::size_t i = 0; i < names_.size(); ++i) {
    std::string& name = names_[i];
    const bool unnamed = name.empty();
    if (unnamed) name = fmt::format("column {}", i + 1);
    if (parse_number(name, options_.decimal_comma)) ++numbers;
    const auto [before, is_new] = places.emplace(name, i);
    if (!is_new) {
      throw ScenarioError(at_cell(line, i),
                          fmt::format("columns {} and {} are both named '{}'", before->second + 1,
                                      i + 1, shown(name)),
                          "rename one in the file, or name all columns in the scenario:\n"
                          "columns = { ... }, header = true");
    }
    // a table saved with its row numbers has them first, without a name: no measurement
    if (unnamed && !options_.types.contains(name)) {
      throw ScenarioError(at_cell(line, i), fmt::format("column {} has no name", i + 1),
                          fmt::format("of no use: drop = {{ \"{}\" }}", name));
    }
  }
  if (numbers * 2 > names_.size()) {
    throw ScenarioError({path(), line, 0}, "the first line holds numbers, not the names of columns",
                        "a file without a header needs columns = { \"age\", \"sex\", ... }");
  }
  if (names_.size() > 1) return;
  for (const char separator : {';', '\t', '|', ','}) {
    if (separator == options_.separator || names_[0].find(separator) == std::string::npos) continue;
    throw ScenarioError(
        {path(), line, 0}, fmt::format("the first line has one cell only: '{}'", shown(names_[0])),
        fmt::format("is the file separated otherwise? separator = \"{}\"",
                    separator == '\t' ? std::string("\\t") : std::string(1, separator)));
  }
}

void Loader::check_named() const {
  std::vector<Mistake> mistakes;
  for (const auto& [column, field] : named_columns(options_)) {
    if (std::find(names_.begin(), names_.end(), column) != names_.end()) continue;
    std::string hint = did_you_mean(column, names_);
    if (!hint.empty()) hint += "\n";
    hint += "its columns are " + join_names(names_);
    mistakes.push_back({options_.part.where_of(field),
                        fmt::format("{}: {} has no column '{}'", field, path(), column), hint});
  }
  if (!mistakes.empty()) throw ScenarioError(std::move(mistakes));
}

// Decides from the first file what each column is for.
void Loader::declare_columns() {
  check_named();
  const CsvOutcome& outcome = options_.outcome;
  const bool outcome_level = !outcome.values.empty() || outcome.task == OutcomeKind::multiclass;
  for (const std::string& name : names_) {
    CsvColumn column;
    column.name = name;
    const auto type = options_.types.find(name);
    if (type != options_.types.end()) column.type = type->second;
    const bool has_role = name == outcome.column || name == outcome.event ||
                          name == options_.hospital || name == options_.patient ||
                          name == options_.split.column;
    column.feature = !has_role && column.type != CsvType::ignored;
    column.identifier =
        name == options_.hospital || name == options_.patient || name == options_.split.column;
    column.wants_level = column.identifier ||
                         (column.feature && column.type == CsvType::categorical) ||
                         (name == outcome.column && outcome_level);
    column.wants_number = (column.feature && column.type != CsvType::categorical) ||
                          (name == outcome.column && !outcome_level) || name == outcome.event;
    for (const CsvGroup& group : options_.groups) {
      if (group.column == name)
        (group.cuts.empty() ? column.wants_level : column.wants_number) = true;
    }
    table_.columns.push_back(std::move(column));
    MissingCodes codes;
    codes.add(options_.missing);
    if (const auto own = options_.missing_in.find(name); own != options_.missing_in.end()) {
      codes.add(own->second);
    }
    codes_.push_back(std::move(codes));
  }
  dictionary_.resize(table_.columns.size());
  const bool any = std::any_of(table_.columns.begin(), table_.columns.end(),
                               [](const CsvColumn& column) { return column.feature; });
  if (!any) {
    throw options_.part.mistake("outcome",
                                fmt::format("{} has no column left to learn from", path()),
                                "its columns are " + join_names(names_));
  }
}

// A later file may order its columns differently, and have more; it must have all that are used.
void Loader::match_columns() {
  column_of_.assign(names_.size(), -1);
  std::unordered_map<std::string_view, std::size_t> places;  // looked up, never walked through
  for (std::size_t i = 0; i < names_.size(); ++i) places.emplace(names_[i], i);
  for (std::size_t c = 0; c < table_.columns.size(); ++c) {
    const CsvColumn& column = table_.columns[c];
    const auto place = places.find(column.name);
    if (place == places.end()) {
      if (!column.wants_number && !column.wants_level) continue;
      throw ScenarioError({path(), 1, 0},
                          fmt::format("there is no column '{}', which {} has", column.name,
                                      options_.sources[0].path),
                          "its columns are " + join_names(names_));
    }
    column_of_[place->second] = static_cast<std::int32_t>(c);
  }
}

void Loader::wrong_width(int line, std::size_t cells) {
  if (cells < names_.size()) ragged_line_ = line;
  mistakes_.add_ragged([&] {
    return Mistake{{path(), line, 0},
                   fmt::format("this row has {} cell{}, and there are {} columns", cells,
                               cells == 1 ? "" : "s", names_.size()),
                   cells == 1 ? "is the file separated otherwise? separator = \";\"" : ""};
  });
}

void Loader::on_row(int line, std::span<const std::string_view> cells) {
  if (cells.size() != names_.size()) return wrong_width(line, cells.size());
  const std::int64_t bytes = table_.rows * static_cast<std::int64_t>(table_.columns.size() * 8);
  if (bytes > kTableBytesMax || table_.rows >= std::numeric_limits<std::int32_t>::max()) {
    throw ScenarioError({path(), line, 0}, "the table is too large: more than 8 GiB in memory",
                        "drop columns that are not needed, or take a sample of the rows");
  }
  for (std::size_t i = 0; i < cells.size(); ++i) on_cell(i, line, cells[i]);
  table_.source.push_back(static_cast<std::int32_t>(source_));
  table_.line.push_back(line);
  ++table_.rows;
}

void Loader::on_cell(std::size_t cell, int line, std::string_view text) {
  if (column_of_[cell] < 0) return;
  const auto index = static_cast<std::size_t>(column_of_[cell]);
  CsvColumn& column = table_.columns[index];
  if (!column.wants_number && !column.wants_level) return;
  if (codes_[index].contains(text, options_.decimal_comma)) {
    ++column.missing;
    if (column.wants_number) column.numbers.push_back(kMissing);
    if (column.wants_level) column.level.push_back(-1);
    return;
  }
  if (column.wants_number) add_number(column, cell, line, text);
  if (column.wants_level) add_level(column, index, cell, line, text);
}

void Loader::add_number(CsvColumn& column, std::size_t cell, int line, std::string_view text) {
  const bool boolean = column.type == CsvType::boolean;
  const auto value = boolean ? read_boolean(text) : read_number(text, options_.decimal_comma);
  if (value && std::fabs(*value) <= kLargest) {
    column.numbers.push_back(*value);
    return;
  }
  column.numbers.push_back(kMissing);
  const auto column_index = static_cast<std::size_t>(&column - table_.columns.data());
  mistakes_.add_cell(column_index, [&] {
    const std::string word = shown(text);
    std::string message;
    std::string hint;
    if (value && std::isfinite(*value)) {
      message =
          fmt::format("'{}' in column '{}' is too large for a measurement", word, column.name);
      hint = fmt::format(
          "numbers reach to 1e30; a code for missing: missing_in = {{ {} = {{ \"{}\" }} }}",
          column.name, word);
    } else if (value) {
      message = fmt::format("'{}' in column '{}' is not a finite number", word, column.name);
      hint = fmt::format("a code for missing: missing = {{ \"{}\" }}", word);
    } else {
      message = fmt::format("'{}' in column '{}' is not {}", word, column.name,
                            boolean ? "true or false" : "a number");
      hint = fmt::format("a code for missing: missing = {{ \"{}\" }}", word);
      if (column.name == options_.outcome.column) {
        hint += fmt::format(
            "\nwords that mean an event: outcome = positive {{ column = \"{}\", values = {{ \"{}\" "
            "}} }}",
            column.name, word);
      } else if (!boolean) {
        hint += fmt::format(
            "\na category: categorical = {{ \"{0}\" }}; of no use: drop = {{ \"{0}\" }}",
            column.name);
      }
      if (!options_.decimal_comma && parse_number(text, true)) {
        hint += "\na decimal comma: decimal = \",\"";
      }
      if (line == 1 && options_.header == std::nullopt) {
        hint += "\nif the first line names the columns: header = true";
      }
    }
    return Mistake{at_cell(line, cell), std::move(message), std::move(hint)};
  });
}

void Loader::add_level(CsvColumn& column, std::size_t index, std::size_t cell, int line,
                       std::string_view text) {
  const auto [place, is_new] = dictionary_[index].emplace(
      level_name(text, column.identifier), static_cast<std::int32_t>(column.levels.size()));
  if (is_new) column.levels.push_back(place->first);
  column.level.push_back(place->second);
  if (column.identifier || column.levels.size() <= kCategoriesMax) return;
  if (!is_new) return;
  mistakes_.add_cell(index, [&] {
    return Mistake{at_cell(line, cell),
                   fmt::format("column '{}' has more than {} different values: this is no category",
                               column.name, kCategoriesMax),
                   fmt::format("of no use: drop = {{ \"{}\" }}", column.name)};
  });
}

// Levels in an order that does not depend on the order of rows.
void Loader::sort_levels(CsvColumn& column) {
  std::vector<std::int32_t> order(column.levels.size());
  std::iota(order.begin(), order.end(), 0);
  std::vector<double> numbers;
  for (const std::string& level : column.levels) {
    if (const auto number = parse_number(level)) numbers.push_back(*number);
  }
  const bool all_numbers = numbers.size() == column.levels.size();
  std::sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
    if (all_numbers && numbers[a] != numbers[b]) return numbers[a] < numbers[b];
    return column.levels[a] < column.levels[b];
  });
  std::vector<std::int32_t> place(order.size());
  std::vector<std::string> sorted;
  for (std::size_t i = 0; i < order.size(); ++i) {
    place[order[i]] = static_cast<std::int32_t>(i);
    sorted.push_back(std::move(column.levels[order[i]]));
  }
  column.levels = std::move(sorted);
  for (std::int32_t& level : column.level) {
    if (level >= 0) level = place[level];
  }
}

}  // namespace

const CsvColumn& CsvTable::column(const std::string& name) const {
  const auto found = std::find_if(columns.begin(), columns.end(),
                                  [&](const CsvColumn& column) { return column.name == name; });
  ENSURE(found != columns.end(), "names of columns have been checked when the files were read");
  return *found;
}

std::optional<double> parse_number(std::string_view text, bool decimal_comma) {
  const auto value = read_number(text, decimal_comma);
  return value && std::isfinite(*value) ? value : std::nullopt;
}

CsvTable load_csv_table(const CsvOptions& options) {
  return Loader(options).load();
}

}  // namespace polyclinic
