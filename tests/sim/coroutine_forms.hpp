// Looks in C++ source for the coroutine forms that GCC 12.2 gets wrong (style.md, section 7).
//
// It knows tokens and brackets, not types, and refuses more than strictly needed: every brace in a
// statement with co_await (before or after it), and every lambda with captures that is a coroutine.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace polyclinic::forms {

struct Finding {
  int line = 0;
  std::string what;
};

struct Token {
  std::string_view text;
  int line = 0;
};

inline bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// Skips a comment, string or character literal at `i`; false if there is none.
inline bool skip_literal(std::string_view source, std::size_t& i) {
  const auto rest = source.substr(i);
  if (rest.starts_with("//")) {
    i = std::min(source.find('\n', i), source.size());
    return true;
  }
  if (rest.starts_with("/*")) {
    i = std::min(source.find("*/", i + 2), source.size() - 2) + 2;
    return true;
  }
  if (rest.starts_with("R\"")) {
    const std::size_t open = source.find('(', i);
    const std::string end = ")" + std::string(source.substr(i + 2, open - i - 2)) + "\"";
    i = std::min(source.find(end, open), source.size() - end.size()) + end.size();
    return true;
  }
  // a quote after a digit separates digits
  const bool separator = rest[0] == '\'' && i > 0 && is_word(source[i - 1]);
  if (rest[0] == '"' || (rest[0] == '\'' && !separator)) {
    for (++i; i < source.size() && source[i] != rest[0]; ++i) {
      if (source[i] == '\\') ++i;
    }
    ++i;
    return true;
  }
  return false;
}

// Words and single punctuation characters; literals and preprocessor lines are left out.
inline std::vector<Token> tokens_of(std::string_view source) {
  std::vector<Token> tokens;
  int line = 1;
  bool line_start = true;
  for (std::size_t i = 0; i < source.size();) {
    const std::size_t start = i;
    const char c = source[i];
    if (line_start && c == '#') {
      while (i < source.size() && (source[i] != '\n' || source[i - 1] == '\\')) ++i;
    } else if (skip_literal(source, i)) {
      // what is between two tokens of a call must not vanish: f("x", {}) stays f( , { } )
    } else if (is_word(c)) {
      while (i < source.size() && is_word(source[i])) ++i;
      tokens.push_back({source.substr(start, i - start), line});
    } else {
      if (c != ' ' && c != '\t' && c != '\n') tokens.push_back({source.substr(i, 1), line});
      ++i;
    }
    for (std::size_t k = start; k < i; ++k) line += source[k] == '\n' ? 1 : 0;
    if (c == '\n') {
      line_start = true;
    } else if (c != ' ' && c != '\t') {
      line_start = false;
    }
  }
  return tokens;
}

class Scanner {
 public:
  explicit Scanner(std::string_view source) : tokens_(tokens_of(source)) {
    match_brackets();
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      if (is(i, "co_await") && !(i > 0 && is(i - 1, "operator"))) check_statement(i);
      if (is(i, "[")) check_lambda(i);
    }
  }
  [[nodiscard]] const std::vector<Finding>& findings() const { return findings_; }

 private:
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  [[nodiscard]] bool is(std::size_t i, std::string_view text) const {
    return i < tokens_.size() && tokens_[i].text == text;
  }
  [[nodiscard]] bool opens(std::size_t i) const { return is(i, "(") || is(i, "[") || is(i, "{"); }
  [[nodiscard]] bool closes(std::size_t i) const { return is(i, ")") || is(i, "]") || is(i, "}"); }

  void match_brackets() {
    partner_.assign(tokens_.size(), kNone);
    std::vector<std::size_t> open;
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      if (opens(i)) open.push_back(i);
      if (closes(i) && !open.empty()) {
        partner_[i] = open.back();
        partner_[open.back()] = i;
        open.pop_back();
      }
    }
  }

  // True if the brace at `i` begins a block of statements (or a class), not a braced initialiser.
  [[nodiscard]] bool is_block(std::size_t i) const {
    if (i == 0) return true;
    const Token& before = tokens_[i - 1];
    for (const std::string_view word : {")", ";", "{", "}", "else", "do", "try", "const",
                                        "noexcept", "override", "final", "mutable", ":"}) {
      if (before.text == word) return true;
    }
    // a trailing return type: `) -> Task<int> {`; a class or namespace: `struct A : B {`
    for (std::size_t k = i; k-- > 0;) {
      if (is(k, "-") && is(k + 1, ">")) return true;
      for (const std::string_view word : {"struct", "class", "namespace", "enum", "union"}) {
        if (is(k, word)) return true;
      }
      if (is(k, ";") || is(k, "{") || is(k, "}") || is(k, "(") || is(k, ")") || is(k, "=")) break;
    }
    return false;
  }

  // Every brace in the statement around the co_await at `at` is refused.
  void check_statement(std::size_t at) {
    // to the left: up to the end of the statement before, or the block around
    for (std::size_t i = at; i-- > 0;) {
      if (is(i, ";")) break;
      if (is(i, "}") && partner_[i] != kNone) {
        if (is_block(partner_[i]) && !within_parentheses(i, at)) break;
        return report(at, "a brace before co_await in one statement");
      }
      if (is(i, "{")) {
        if (is_block(i)) break;
        return report(at, "co_await within a braced initialiser");
      }
    }
    // to the right: up to the end of the statement, or of the condition of an if or while
    for (std::size_t i = at + 1; i < tokens_.size(); ++i) {
      if (is(i, ";")) return;
      if (is(i, "{")) {
        if (is_block(i) && is(i - 1, ")") && condition_ends(partner_[i - 1], at)) return;
        return report(at, lambda_before(i) ? "a lambda in a co_await expression"
                                           : "a brace in a co_await expression");
      }
    }
  }

  // The bracket closed at `i` lies in parentheses that also hold `at`.
  [[nodiscard]] bool within_parentheses(std::size_t i, std::size_t at) const {
    int depth = 0;
    for (std::size_t k = i + 1; k < at; ++k) {
      if (is(k, ";")) return false;
      if (is(k, "(")) ++depth;
      if (is(k, ")")) --depth;
    }
    return depth < 0 || is(i + 1, ",");
  }
  // The parenthesis opened at `open` belongs to if, while, for or switch and holds `at`.
  [[nodiscard]] bool condition_ends(std::size_t open, std::size_t at) const {
    if (open == kNone || open == 0 || open > at) return false;
    for (const std::string_view word : {"if", "while", "for", "switch", "constexpr"}) {
      if (is(open - 1, word)) return true;
    }
    return false;
  }
  // The brace at `i` is the body of a lambda.
  [[nodiscard]] bool lambda_before(std::size_t i) const {
    // step over a trailing return type, mutable and noexcept
    std::size_t end = i;
    for (std::size_t k = i; k-- > 1 && !is(k, ";") && !opens(k) && !closes(k);) {
      if (is(k - 1, "-") && is(k, ">")) end = k - 1;
    }
    while (end > 0 && (is(end - 1, "mutable") || is(end - 1, "noexcept"))) --end;
    if (end == 0) return false;
    if (is(end - 1, "]")) return true;
    if (!is(end - 1, ")")) return false;
    const std::size_t open = partner_[end - 1];
    return open != kNone && open > 0 && is(open - 1, "]");
  }

  // A lambda with captures must not be a coroutine.
  void check_lambda(std::size_t at) {
    const std::size_t end = partner_[at];
    if (end == kNone || end == at + 1) return;
    // a subscript, an array or an attribute
    if (at > 0 && (is_word(tokens_[at - 1].text[0]) && !is(at - 1, "return") &&
                   !is(at - 1, "co_return") && !is(at - 1, "co_await"))) {
      return;
    }
    if (at > 0 && (is(at - 1, ")") || is(at - 1, "]") || is(at - 1, "["))) return;
    if (is(at + 1, "[")) return;
    // the body: the first brace after the parameters
    std::size_t body = end + 1;
    while (body < tokens_.size() && !is(body, "{")) {
      if (is(body, ";") || closes(body)) return;
      body = opens(body) && partner_[body] != kNone ? partner_[body] + 1 : body + 1;
    }
    if (body >= tokens_.size() || partner_[body] == kNone) return;
    for (std::size_t i = body + 1; i < partner_[body]; ++i) {
      // a lambda within has its own turn
      if (is(i, "{") && lambda_before(i) && partner_[i] != kNone) i = partner_[i];
      if (is(i, "co_await") || is(i, "co_return") || is(i, "co_yield")) {
        return report(at, "a lambda coroutine with captures");
      }
    }
  }

  void report(std::size_t at, const char* what) { findings_.push_back({tokens_[at].line, what}); }

  std::vector<Token> tokens_;
  std::vector<std::size_t> partner_;  // index of the matching bracket
  std::vector<Finding> findings_;
};

inline std::vector<Finding> find_forbidden_forms(std::string_view source) {
  return Scanner(source).findings();
}

}  // namespace polyclinic::forms
