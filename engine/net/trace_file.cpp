// Availability from a CSV file.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <optional>
#include <utility>

#include "net/availability_kinds.hpp"

namespace polyclinic {

namespace {

struct Cell {
  std::string text;
  int column = 0;  // from 1
};

// Splits a line at commas; a cell may stand in double quotes. Spaces around a cell do not count.
std::vector<Cell> split(std::string_view line) {
  std::vector<Cell> cells;
  std::size_t begin = 0;
  while (true) {
    Cell cell;
    std::size_t at = begin;
    while (at < line.size() && line[at] == ' ') ++at;
    cell.column = static_cast<int>(at) + 1;
    if (at < line.size() && line[at] == '"') {
      const std::size_t close = std::min(line.find('"', at + 1), line.size());
      cell.text = line.substr(at + 1, close - at - 1);
      at = std::min(line.find(',', close), line.size());
    } else {
      const std::size_t comma = std::min(line.find(',', at), line.size());
      cell.text = line.substr(at, comma - at);
      while (!cell.text.empty() && cell.text.back() == ' ') cell.text.pop_back();
      at = comma;
    }
    cells.push_back(std::move(cell));
    if (at >= line.size()) return cells;
    begin = at + 1;
  }
}

class TraceReader {
 public:
  explicit TraceReader(const std::string& path) : path_(path), file_(path) {
    if (!file_) {
      throw ScenarioError(SourcePosition{}, fmt::format("cannot read the trace file '{}'", path));
    }
  }

  std::map<std::string, TraceLine, std::less<>> read() {
    std::string line;
    while (next(line)) {
      const std::vector<Cell> cells = split(line);
      if (columns_ == 0) {
        read_header(cells);
      } else {
        read_row(cells);
      }
    }
    if (columns_ == 0) fail(0, "the trace file is empty", kFormats);
    return std::move(lines_);
  }

 private:
  static constexpr const char* kFormats =
      "its first line names the columns: hospital,time,state or hospital,start,end";

  // The next line that is not empty, without line end and byte order mark.
  bool next(std::string& line) {
    while (std::getline(file_, line)) {
      ++number_;
      if (number_ == 1 && line.starts_with("\xEF\xBB\xBF")) line.erase(0, 3);
      while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
      if (!line.empty()) return true;
    }
    return false;
  }

  [[noreturn]] void fail(int column, std::string message, std::string hint = {}) const {
    throw ScenarioError(SourcePosition{path_, std::max(number_, 1), column}, std::move(message),
                        std::move(hint));
  }

  void read_header(const std::vector<Cell>& cells) {
    columns_ = cells.size();
    const auto place = [&](std::string_view name) -> std::optional<std::size_t> {
      const auto it = std::find_if(cells.begin(), cells.end(),
                                   [&](const Cell& cell) { return cell.text == name; });
      if (it == cells.end()) return std::nullopt;
      return static_cast<std::size_t>(it - cells.begin());
    };
    const auto hospital = place("hospital");
    const auto time = place("time");
    const auto state = place("state");
    const auto start = place("start");
    const auto end = place("end");
    intervals_ = start && end;
    if (!hospital || columns_ != 3 || !(intervals_ || (time && state))) {
      fail(1, "the columns of this trace file are not known", kFormats);
    }
    hospital_ = *hospital;
    first_ = intervals_ ? *start : *time;
    second_ = intervals_ ? *end : *state;
  }

  void read_row(const std::vector<Cell>& cells) {
    if (cells.size() != columns_) {
      fail(0,
           fmt::format("{} cells where the first line names {} columns", cells.size(), columns_));
    }
    const Cell& name = cells[hospital_];
    if (name.text.empty()) fail(name.column, "a line without a hospital");
    if (intervals_) {
      add_interval(name.text, cells[first_], cells[second_]);
    } else {
      add_state(name.text, cells[first_], cells[second_]);
    }
  }

  void add_interval(const std::string& hospital, const Cell& from, const Cell& to) {
    const TimeNs start = time_of(from);
    const TimeNs end = time_of(to);
    if (end <= start) {
      fail(to.column, fmt::format("the end {} is not after the start {}", to.text, from.text));
    }
    TraceLine& line = lines_[hospital];
    line.up_at_start = false;
    if (!line.changes.empty() && start < line.changes.back()) {
      fail(from.column,
           fmt::format("'{}' goes back in time: it is up until {} already", hospital,
                       to_text(line.changes.back())),
           "lines of one hospital are in order of time and do not overlap");
    }
    // an interval that begins where the last one ends goes on with it
    if (!line.changes.empty() && start == line.changes.back()) {
      line.changes.pop_back();
    } else {
      line.changes.push_back(start);
    }
    line.changes.push_back(end);
  }

  void add_state(const std::string& hospital, const Cell& when, const Cell& state) {
    const TimeNs time = time_of(when);
    if (state.text != "up" && state.text != "down") {
      fail(state.column, fmt::format("the state \"{}\" is neither up nor down", state.text));
    }
    const auto last = last_time_.find(hospital);
    if (last != last_time_.end() && time <= last->second) {
      fail(when.column,
           fmt::format("'{}' goes back in time: its last line is of {}", hospital,
                       to_text(last->second)),
           "lines of one hospital are in order of time");
    }
    last_time_[hospital] = time;
    TraceLine& line = lines_[hospital];
    const bool up = line.up_at_start == (line.changes.size() % 2 == 0);
    if (up != (state.text == "up")) line.changes.push_back(time);
  }

  TimeNs time_of(const Cell& cell) const {
    double seconds = 0;
    const char* end = cell.text.data() + cell.text.size();
    const auto parsed = std::from_chars(cell.text.data(), end, seconds);
    if (parsed.ec != std::errc() || parsed.ptr != end) {
      const auto quantity = parse_quantity(cell.text);
      if (!quantity || quantity->dimension != Dimension::time) {
        fail(cell.column, fmt::format("\"{}\" is no time", cell.text),
             "write seconds (5400), or a number with a unit (1.5h)");
      }
      seconds = quantity->value / 1e9;
    }
    if (!(seconds >= 0 && seconds <= kTimeMax.seconds())) {
      fail(cell.column, fmt::format("the time {} is not between 0 and a hundred years", cell.text));
    }
    return {std::llround(seconds * 1e9)};
  }

  std::string path_;
  std::ifstream file_;
  int number_ = 0;
  std::size_t columns_ = 0;
  bool intervals_ = false;
  std::size_t hospital_ = 0;
  std::size_t first_ = 0;
  std::size_t second_ = 0;
  std::map<std::string, TraceLine, std::less<>> lines_;
  std::map<std::string, TimeNs, std::less<>> last_time_;
};

class Trace final : public Availability {
 public:
  Trace(std::shared_ptr<const TraceTable> table, const TraceLine& line)
      : table_(std::move(table)), line_(line) {}
  [[nodiscard]] bool up_at(TimeNs time) override {
    return line_.up_at_start == ((after(time) - line_.changes.begin()) % 2 == 0);
  }
  [[nodiscard]] TimeNs next_change(TimeNs time) override {
    const auto it = after(time);
    return it == line_.changes.end() ? kNever : *it;
  }

 private:
  [[nodiscard]] std::vector<TimeNs>::const_iterator after(TimeNs time) const {
    return std::upper_bound(line_.changes.begin(), line_.changes.end(), time);
  }
  std::shared_ptr<const TraceTable> table_;
  const TraceLine& line_;  // in table_
};

}  // namespace

TraceTable TraceTable::read(const std::string& path) {
  TraceTable table;
  table.lines_ = TraceReader(path).read();
  return table;
}

const TraceLine* TraceTable::find(std::string_view hospital) const {
  auto it = lines_.find(hospital);
  if (it == lines_.end()) it = lines_.find("*");
  return it == lines_.end() ? nullptr : &it->second;
}

std::vector<std::string> TraceTable::hospitals() const {
  std::vector<std::string> names;
  for (const auto& [name, line] : lines_) names.push_back(name);
  return names;
}

std::shared_ptr<const TraceTable> TraceFiles::get(const std::string& path) {
  auto& table = tables_[path];
  if (!table) table = std::make_shared<const TraceTable>(TraceTable::read(path));
  return table;
}

std::unique_ptr<Availability> make_trace(const Part& part, const AvailabilityContext& context) {
  const Value& file = part.at("file");
  const auto* found = file.get_if<FilePath>();
  const std::string& path = found ? found->found : file.as<std::string>();
  if (!std::ifstream(path)) {
    throw part.mistake("file", fmt::format("cannot read the trace file '{}'", path));
  }
  TraceFiles own;
  auto table = (context.files ? *context.files : own).get(path);
  const TraceLine* line = table->find(context.name);
  if (!line) {
    std::vector<std::string> names = table->hospitals();
    std::string hint = did_you_mean(context.name, names);
    if (!hint.empty()) hint += '\n';
    constexpr std::size_t kShown = 12;
    const bool more = names.size() > kShown;
    if (more) names.resize(kShown);
    hint += "it names " + join_names(names) + (more ? ", ..." : "") +
            "; a hospital called * stands for all others";
    throw part.mistake(
        "file", fmt::format("'{}' says nothing about the hospital '{}'", path, context.name), hint);
  }
  return std::make_unique<Trace>(std::move(table), *line);
}

}  // namespace polyclinic
