#include "data/csv_reader.hpp"

#include <csv.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <memory>
#include <vector>

#include "base/check.hpp"
#include "base/utf8.hpp"

namespace polyclinic {

namespace {

constexpr std::size_t kChunkBytes = 64U << 10U;
// No cell of a table is longer; a quote that is never closed swallows the rest of the file.
constexpr std::size_t kCellBytesMax = 1U << 20U;
constexpr std::size_t kCellsMax = 1U << 20U;  // of one row

// libcsv with its callbacks. Exceptions must not cross its C frames: they wait in `failure`.
class Parser {
 public:
  Parser(std::string file, char separator, const CsvRowHandler& row)
      : file_(std::move(file)), row_(row) {
    ENSURE(csv_init(&csv_, CSV_STRICT | CSV_STRICT_FINI | CSV_REPALL_NL) == 0, "libcsv starts");
    csv_set_delim(&csv_, static_cast<unsigned char>(separator));
  }
  ~Parser() { csv_free(&csv_); }
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;

  void feed(std::string_view chunk) {
    if (first_) chunk = without_mark(chunk);
    const std::size_t nul = chunk.find('\0');
    const std::string_view text = chunk.substr(0, nul);
    const std::size_t done = csv_parse(&csv_, text.data(), text.size(), on_cell, on_row, this);
    if (failure_) std::rethrow_exception(failure_);
    if (done != text.size()) throw parse_error();
    if (csv_.entry_pos > kCellBytesMax) {
      throw ScenarioError(
          here(),
          fmt::format("a cell of more than {} MiB begins in this row", kCellBytesMax >> 20U),
          "is a quote opened and never closed? is this a table at all?");
    }
    if (nul != std::string_view::npos) {
      throw ScenarioError(here(), "there is a zero byte in this row: the file is no text",
                          "UTF-16 text is turned to UTF-8 by: iconv -f utf-16 -t utf-8 FILE");
    }
  }

  void finish() {
    const int result = csv_fini(&csv_, on_cell, on_row, this);
    if (failure_) std::rethrow_exception(failure_);
    if (result != 0) {
      throw ScenarioError(here(), "a quote is opened in this row and never closed",
                          "a quote inside a quoted cell is written twice: \"\"");
    }
  }

 private:
  static void on_cell(void* text, std::size_t size, void* self) noexcept {
    static_cast<Parser*>(self)->cell({static_cast<const char*>(text), size});
  }
  static void on_row(int end, void* self) noexcept {
    auto* parser = static_cast<Parser*>(self);
    if (parser->failure_) return;
    try {
      parser->end_of_row(end);
    } catch (...) {
      parser->failure_ = std::current_exception();
    }
  }

  void cell(std::string_view text) noexcept {
    if (failure_) return;
    try {
      if (!is_utf8(text)) throw utf8_error();
      if (ends_.size() >= kCellsMax) {
        throw ScenarioError(here(), "this row has more than a million cells",
                            "is this a table at all?");
      }
      text_ += text;
      ends_.push_back(text_.size());
      lines_inside_ += static_cast<int>(std::count(text.begin(), text.end(), '\n'));
    } catch (...) {
      failure_ = std::current_exception();
    }
  }

  // `end` is the character that ended the row, or -1 at the end of the file. CR LF is told as two
  // ends, the second of an empty row.
  void end_of_row(int end) {
    const bool second_of_two = end == CSV_LF && last_end_ == CSV_CR && ends_.empty();
    last_end_ = ends_.empty() && second_of_two ? 0 : end;
    if (second_of_two) return;
    if (!ends_.empty()) {
      cells_.clear();
      std::size_t begin = 0;
      for (const std::size_t cell_end : ends_) {
        cells_.emplace_back(text_.data() + begin, cell_end - begin);
        begin = cell_end;
      }
      row_(line_, cells_);
    }
    line_ += 1 + lines_inside_;
    lines_inside_ = 0;
    text_.clear();
    ends_.clear();
  }

  std::string_view without_mark(std::string_view chunk) {
    first_ = false;
    if (chunk.starts_with("\xEF\xBB\xBF")) chunk.remove_prefix(3);
    return chunk;
  }

  [[nodiscard]] SourcePosition here() const { return {file_, line_, 0}; }
  ScenarioError utf8_error() const {
    return {here(), fmt::format("cell {} of this row is not UTF-8", ends_.size() + 1),
            "turn the file to UTF-8, for Western European text by: iconv -f windows-1252 -t utf-8 "
            "FILE"};
  }
  ScenarioError parse_error() const {
    return {here(), fmt::format("stray quote in cell {} of this row", ends_.size() + 1),
            "a cell with quotes is quoted as a whole, and its own quotes are written twice: "
            "\"5\"\" tube\""};
  }

  csv_parser csv_{};
  std::string file_;
  const CsvRowHandler& row_;
  bool first_ = true;
  int line_ = 1;          // where the current row begins
  int lines_inside_ = 0;  // newlines in its quoted cells
  int last_end_ = 0;
  std::string text_;  // the cells of the current row, one after another
  std::vector<std::size_t> ends_;
  std::vector<std::string_view> cells_;
  std::exception_ptr failure_;
};

ScenarioError open_error(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    return {{path, 0, 0}, "this is a folder, not a file", {}};
  }
  return {{path, 0, 0}, fmt::format("cannot read the file: {}", std::strerror(errno)), {}};
}

}  // namespace

void read_csv_text(std::string_view text, const std::string& name, char separator,
                   const CsvRowHandler& row) {
  Parser parser(name, separator, row);
  // in chunks, so that a long cell is found before it is copied whole
  for (std::size_t begin = 0; begin < text.size(); begin += kChunkBytes) {
    parser.feed(text.substr(begin, kChunkBytes));
  }
  parser.finish();
}

void read_csv(const std::string& path, char separator, const CsvRowHandler& row) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::error_code ignored;
  if (!file || std::filesystem::is_directory(path, ignored)) throw open_error(path);
  Parser parser(path, separator, row);
  std::vector<char> chunk(kChunkBytes);
  while (file) {
    file.read(chunk.data(), static_cast<std::streamsize>(chunk.size()));
    if (file.bad()) throw open_error(path);
    parser.feed({chunk.data(), static_cast<std::size_t>(file.gcount())});
  }
  parser.finish();
}

int cell_column(const std::string& path, int line, std::size_t cell, char separator) {
  std::ifstream file(path, std::ios::binary);
  std::string text;
  for (int i = 0; i < line; ++i) {
    if (!std::getline(file, text)) return 0;
  }
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (cell == 0) return static_cast<int>(i) + 1;
    if (text[i] == '"') quoted = !quoted;
    if (text[i] == separator && !quoted) --cell;
  }
  return cell == 0 && !quoted ? static_cast<int>(text.size()) + 1 : 0;
}

}  // namespace polyclinic
