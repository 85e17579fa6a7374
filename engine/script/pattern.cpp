#include "script/pattern.hpp"

#include <cctype>

namespace polyclinic::script {

namespace {

constexpr int kDepthMax = 200;
constexpr std::size_t kCapturesMax = 32;
constexpr std::int64_t kStepsPerCharge = 1000;

bool is_class(char c, char letter) {
  const int u = static_cast<unsigned char>(c);
  bool result = false;
  switch (std::tolower(static_cast<unsigned char>(letter))) {
    case 'a': result = std::isalpha(u) != 0; break;
    case 'c': result = std::iscntrl(u) != 0; break;
    case 'd': result = std::isdigit(u) != 0; break;
    case 'g': result = std::isgraph(u) != 0; break;
    case 'l': result = std::islower(u) != 0; break;
    case 'p': result = std::ispunct(u) != 0; break;
    case 's': result = std::isspace(u) != 0; break;
    case 'u': result = std::isupper(u) != 0; break;
    case 'w': result = std::isalnum(u) != 0; break;
    case 'x': result = std::isxdigit(u) != 0; break;
    default: return letter == c;
  }
  return std::isupper(static_cast<unsigned char>(letter)) != 0 ? !result : result;
}

}  // namespace

Pattern::Pattern(std::string_view text, std::string_view pattern,
                 std::function<void(std::int64_t)> charge)
    : text_(text), pattern_(pattern), charge_(std::move(charge)) {
  anchored_ = !pattern_.empty() && pattern_[0] == '^';
  if (anchored_) pattern_.remove_prefix(1);
}

bool Pattern::match(std::size_t begin, std::size_t* end) {
  captures_.clear();
  const std::size_t found = match_here(begin, 0, 0);
  if (found == kNone) return false;
  for (const Capture& capture : captures_) {
    if (capture.length == kOpen) throw PatternError{"unfinished capture"};
  }
  *end = found;
  return true;
}

void Pattern::step() {
  if (++steps_ % kStepsPerCharge == 0) charge_(kStepsPerCharge);
}

std::size_t Pattern::match_here(std::size_t s, std::size_t p, int depth) {
  if (depth > kDepthMax) throw PatternError{"pattern too complex"};
  while (p < pattern_.size()) {
    step();
    switch (pattern_[p]) {
      case '(':
        return p + 1 < pattern_.size() && pattern_[p + 1] == ')'
                   ? open_capture(s, p + 2, kPosition, depth)
                   : open_capture(s, p + 1, kOpen, depth);
      case ')': return close_capture(s, p + 1, depth);
      case '$':
        if (p + 1 == pattern_.size()) return s == text_.size() ? s : kNone;
        break;
      case '%':
        if (p + 1 < pattern_.size() && pattern_[p + 1] == 'b') {
          s = balance(s, p + 2);
          if (s == kNone) return kNone;
          p += 4;
          continue;
        }
        if (p + 1 < pattern_.size() && pattern_[p + 1] == 'f') return frontier(s, p + 2, depth);
        if (p + 1 < pattern_.size() && std::isdigit(static_cast<unsigned char>(pattern_[p + 1]))) {
          s = back_reference(s, pattern_[p + 1]);
          if (s == kNone) return kNone;
          p += 2;
          continue;
        }
        break;
      default: break;
    }
    const std::size_t end = item_end(p);
    const char repeat = end < pattern_.size() ? pattern_[end] : '\0';
    if (repeat == '*' || repeat == '+' || repeat == '-' || repeat == '?') {
      return match_class_item(s, p, end, depth);
    }
    if (!single(s, p, end)) return kNone;
    ++s;
    p = end;
  }
  return s;
}

// An item with *, +, - or ? behind it.
std::size_t Pattern::match_class_item(std::size_t s, std::size_t p, std::size_t end, int depth) {
  switch (pattern_[end]) {
    case '?':
      if (single(s, p, end)) {
        const std::size_t found = match_here(s + 1, end + 1, depth + 1);
        if (found != kNone) return found;
      }
      return match_here(s, end + 1, depth + 1);
    case '+': return single(s, p, end) ? max_expand(s + 1, p, end, depth) : kNone;
    case '-': return min_expand(s, p, end, depth);
    default: return max_expand(s, p, end, depth);
  }
}

std::size_t Pattern::max_expand(std::size_t s, std::size_t p, std::size_t end, int depth) {
  std::size_t count = 0;
  while (single(s + count, p, end)) {
    ++count;
    step();
  }
  while (true) {
    const std::size_t found = match_here(s + count, end + 1, depth + 1);
    if (found != kNone || count == 0) return found;
    --count;
    step();
  }
}

std::size_t Pattern::min_expand(std::size_t s, std::size_t p, std::size_t end, int depth) {
  while (true) {
    const std::size_t found = match_here(s, end + 1, depth + 1);
    if (found != kNone) return found;
    if (!single(s, p, end)) return kNone;
    ++s;
    step();
  }
}

std::size_t Pattern::open_capture(std::size_t s, std::size_t p, std::size_t kind, int depth) {
  if (captures_.size() >= kCapturesMax) throw PatternError{"too many captures"};
  captures_.push_back({s, kind});
  const std::size_t level = captures_.size();
  const std::size_t found = match_here(s, p, depth + 1);
  if (found == kNone) captures_.resize(level - 1);
  return found;
}

std::size_t Pattern::close_capture(std::size_t s, std::size_t p, int depth) {
  std::size_t level = captures_.size();
  while (level > 0 && captures_[level - 1].length != kOpen) --level;
  if (level == 0) throw PatternError{"invalid pattern capture"};
  captures_[level - 1].length = s - captures_[level - 1].begin;
  const std::size_t found = match_here(s, p, depth + 1);
  if (found == kNone) captures_[level - 1].length = kOpen;
  return found;
}

std::size_t Pattern::balance(std::size_t s, std::size_t p) {
  if (p + 1 >= pattern_.size()) throw PatternError{"missing arguments to '%b'"};
  if (s >= text_.size() || text_[s] != pattern_[p]) return kNone;
  int open = 1;
  for (std::size_t i = s + 1; i < text_.size(); ++i) {
    step();
    if (text_[i] == pattern_[p + 1]) {
      if (--open == 0) return i + 1;
    } else if (text_[i] == pattern_[p]) {
      ++open;
    }
  }
  return kNone;
}

std::size_t Pattern::frontier(std::size_t s, std::size_t p, int depth) {
  if (p >= pattern_.size() || pattern_[p] != '[') throw PatternError{"missing '[' after '%f'"};
  const std::size_t end = item_end(p);
  const char before = s == 0 ? '\0' : text_[s - 1];
  const char here = s < text_.size() ? text_[s] : '\0';
  if (in_set(before, p, end - 1) || !in_set(here, p, end - 1)) return kNone;
  return match_here(s, end, depth + 1);
}

std::size_t Pattern::back_reference(std::size_t s, char digit) {
  const auto level = static_cast<std::size_t>(digit - '1');
  if (digit == '0' || level >= captures_.size() || captures_[level].length == kOpen) {
    throw PatternError{"invalid capture index"};
  }
  const Capture& capture = captures_[level];
  const std::size_t length = capture.length == kPosition ? 0 : capture.length;
  steps_ += static_cast<std::int64_t>(length / 8);
  step();
  if (text_.size() - s < length) return kNone;
  return text_.substr(capture.begin, length) == text_.substr(s, length) ? s + length : kNone;
}

std::size_t Pattern::item_end(std::size_t p) const {
  const char c = pattern_[p++];
  if (c == '%') {
    if (p >= pattern_.size()) throw PatternError{"malformed pattern (ends with '%')"};
    return p + 1;
  }
  if (c != '[') return p;
  if (p < pattern_.size() && pattern_[p] == '^') ++p;
  do {
    if (p >= pattern_.size()) throw PatternError{"malformed pattern (missing ']')"};
    const char inside = pattern_[p++];
    if (inside == '%') ++p;
  } while (p >= pattern_.size() || pattern_[p] != ']');
  return p + 1;
}

bool Pattern::single(std::size_t s, std::size_t p, std::size_t end) {
  if (s >= text_.size()) return false;
  switch (pattern_[p]) {
    case '.': return true;
    case '%': return is_class(text_[s], pattern_[p + 1]);
    case '[':
      steps_ += static_cast<std::int64_t>((end - p) / 4);
      return in_set(text_[s], p, end - 1);
    default: return pattern_[p] == text_[s];
  }
}

// p is at the opening bracket, end at the closing one.
bool Pattern::in_set(char c, std::size_t p, std::size_t end) const {
  const auto u = static_cast<unsigned char>(c);
  bool inside = true;
  if (pattern_[p + 1] == '^') {
    inside = false;
    ++p;
  }
  while (++p < end) {
    if (pattern_[p] == '%') {
      ++p;
      if (is_class(c, pattern_[p])) return inside;
    } else if (p + 2 < end && pattern_[p + 1] == '-') {
      const auto low = static_cast<unsigned char>(pattern_[p]);
      const auto high = static_cast<unsigned char>(pattern_[p + 2]);
      if (low <= u && u <= high) return inside;
      p += 2;
    } else if (pattern_[p] == c) {
      return inside;
    }
  }
  return !inside;
}

}  // namespace polyclinic::script
