#include "base/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <optional>
#include <utility>

#include "base/utf8.hpp"

namespace polyclinic {

namespace {

// Longer source lines are shown as a window around the caret.
constexpr std::size_t kShownColumns = 100;

std::string headline(const Mistake& mistake) {
  const SourcePosition& where = mistake.where;
  if (where.file.empty()) return mistake.message;
  if (where.line <= 0) return fmt::format("{}: {}", where.file, mistake.message);
  return fmt::format("{}:{}: {}", where.file, where.line, mistake.message);
}

std::string headlines(const std::vector<Mistake>& mistakes) {
  std::string text;
  for (const Mistake& mistake : mistakes) {
    if (!text.empty()) text += '\n';
    text += headline(mistake);
  }
  return text;
}

std::optional<std::string> source_line(const SourcePosition& where) {
  if (where.file.empty() || where.line <= 0) return std::nullopt;
  std::ifstream file(where.file);
  std::string line;
  for (int i = 0; i < where.line; ++i) {
    if (!std::getline(file, line)) return std::nullopt;
  }
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
  return line;
}

bool continues_character(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

// The line and a caret under the byte at `column` (from 1; 0: no caret), each indented by four.
std::string quote_source(std::string line, int column) {
  auto caret = static_cast<std::size_t>(std::max(column, 1) - 1);
  caret = std::min(caret, line.size());

  // cut at the borders of UTF-8 characters
  if (line.size() > kShownColumns) {
    std::size_t begin = caret > kShownColumns / 2 ? caret - kShownColumns / 2 : 0;
    while (begin > 0 && continues_character(line[begin])) --begin;
    std::size_t end = std::min(line.size(), begin + kShownColumns);
    while (end < line.size() && continues_character(line[end])) ++end;
    const bool more = end < line.size();
    line = (begin > 0 ? "..." : "") + line.substr(begin, end - begin) + (more ? "..." : "");
    caret = caret - begin + (begin > 0 ? 3 : 0);
  }
  std::string text = "\n    " + line;
  if (column <= 0) return text;

  // tabs are kept and a character of several bytes takes one place, so that the caret lines up
  text += "\n    ";
  for (std::size_t i = 0; i < caret; ++i) {
    if (!continues_character(line[i])) text += line[i] == '\t' ? '\t' : ' ';
  }
  return text + '^';
}

std::string lower(std::string_view word) {
  std::string result(word);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

// Damerau and Levenshtein's distance in its restricted form (optimal string alignment): insertions,
// deletions, substitutions and swaps of neighbours each cost 1.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> previous(b.size() + 1);
  std::vector<std::size_t> current(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) previous[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    current[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      current[j] = std::min({previous[j] + 1, current[j - 1] + 1, change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        current[j] = std::min(current[j], before[j - 2] + 1);
      }
    }
    std::swap(before, previous);
    std::swap(previous, current);
  }
  return previous[b.size()];
}

// join_names with the last joint chosen by the caller.
std::string join(const std::vector<std::string>& names, bool quoted, std::string_view last) {
  // a table may have a hundred thousand columns
  constexpr std::size_t kShown = 60;
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kShown); ++i) {
    if (i > 0) text += i + 1 == names.size() ? fmt::format(" {} ", last) : ", ";
    text += quoted ? "'" + names[i] + "'" : names[i];
  }
  if (names.size() > kShown) text += fmt::format(" {} {} more", last, names.size() - kShown);
  return text;
}

}  // namespace

ScenarioError::ScenarioError(std::vector<Mistake> mistakes)
    : std::runtime_error(headlines(mistakes)), mistakes_(std::move(mistakes)) {}

ScenarioError::ScenarioError(SourcePosition where, std::string message, std::string hint)
    : ScenarioError(std::vector<Mistake>{{std::move(where), std::move(message), std::move(hint)}}) {
}

RunError::RunError(SourcePosition where, std::string message, std::string hint)
    : std::runtime_error(headline({where, message, {}})),
      mistake_{std::move(where), std::move(message), std::move(hint)} {}

namespace {

// What a terminal may be shown: a quoted file can hold anything, escape codes too.
std::string printable(std::string_view text) {
  std::string shown;
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const auto first = static_cast<unsigned char>(text.front());
    const bool control = (first < 0x20 && first != '\n' && first != '\t') || first == 0x7F;
    shown += length == 0 || control ? std::string_view("\xEF\xBF\xBD") : text.substr(0, length);
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return shown;
}

}  // namespace

std::string to_text(const Mistake& mistake) {
  std::string text = headline(mistake);
  if (auto line = source_line(mistake.where)) {
    text += quote_source(*std::move(line), mistake.where.column);
  }
  std::string_view rest = mistake.hint;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    text += "\n    ";
    text += rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return printable(text);
}

std::vector<std::string> nearest_names(std::string_view word,
                                       const std::vector<std::string>& candidates) {
  struct Near {
    std::size_t distance;  // ignoring case: MB for mb is near
    std::size_t exact;     // with case
    const std::string* name;
  };
  // nobody misspells a page of text
  constexpr std::size_t kWordMost = 100;
  if (word.size() > kWordMost) return {};
  // a third of a short word would be nothing at all
  const std::size_t allowed = std::max<std::size_t>(1, word.size() / 3);
  const std::string folded = lower(word);
  std::vector<Near> near;
  for (const std::string& name : candidates) {
    if (name.size() > word.size() + allowed) continue;
    const std::size_t distance = edit_distance(folded, lower(name));
    // one letter that is another one, or two of two letters, are no resemblance
    if (distance > allowed || distance >= std::max(word.size(), name.size())) continue;
    near.push_back({distance, edit_distance(word, name), &name});
  }
  std::sort(near.begin(), near.end(), [](const Near& a, const Near& b) {
    if (a.distance != b.distance) return a.distance < b.distance;
    if (a.exact != b.exact) return a.exact < b.exact;
    return *a.name < *b.name;
  });
  std::vector<std::string> names;
  for (const Near& item : near) {
    if (names.size() == 3) break;
    if (names.empty() || names.back() != *item.name) names.push_back(*item.name);
  }
  return names;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates) {
  const std::vector<std::string> names = nearest_names(word, candidates);
  if (names.empty()) return {};
  return fmt::format("did you mean {}?", join(names, true, "or"));
}

std::string join_names(const std::vector<std::string>& names, bool quoted) {
  return join(names, quoted, "and");
}

}  // namespace polyclinic
