#include "record/csv_row.hpp"

#include <fmt/format.h>

namespace polyclinic {

namespace {

constexpr std::string_view kNote = "simulation not for clinical use";

std::string quoted(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string out = "\"";
  for (char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

}  // namespace

CsvRow& CsvRow::add(std::string_view text) {
  text_ += quoted(text) + ",";
  return *this;
}

CsvRow& CsvRow::add(std::int64_t value) {
  return add(std::string_view(fmt::format("{}", value)));
}

CsvRow& CsvRow::add(double value) {
  return add(std::string_view(fmt::format("{}", value)));
}

CsvRow& CsvRow::add(const std::optional<double>& value) {
  return value ? add(*value) : add(std::string_view());
}

std::string CsvRow::done() const {
  return text_ + std::string(kNote) + "\n";
}

std::string csv_head(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += quoted(name) + ",";
  return text + std::string(kCsvNoteColumn) + "\n";
}

}  // namespace polyclinic
