// Columns of text for a terminal.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace polyclinic {

// Characters, not bytes, of UTF-8.
std::size_t text_width(const std::string& text);
// At most `width` characters, the last "…" where something was cut.
std::string shortened(const std::string& text, std::size_t width);
// "981 B", "1.32 MB": three digits say enough of a size.
std::string size_text(std::int64_t bytes);
// The text broken between words into lines of at most `width` characters, each but the first
// indented by `indent` blanks; no final newline. The first line begins after `used` columns.
std::string wrapped(const std::string& text, std::size_t width, std::size_t indent,
                    std::size_t used = 0);

// Columns as wide as their widest cell, two blanks apart. Cells are right-aligned unless their
// column is said to be text.
class TextTable {
 public:
  explicit TextTable(std::vector<bool> is_text = {}) : is_text_(std::move(is_text)) {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  // Every line indented by two blanks and ended by a newline.
  [[nodiscard]] std::string text() const;
  // Of the longest line.
  [[nodiscard]] std::size_t width() const;

 private:
  [[nodiscard]] std::vector<std::size_t> widths() const;
  std::vector<bool> is_text_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace polyclinic
