#include "script/source.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace polyclinic::script {

namespace {

constexpr int kDepthMax = 50;

bool starts_name(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) || c == '_';
}
bool continues_name(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_';
}

// The length of a long bracket `[==[` at `at`, or 0.
std::size_t long_bracket(std::string_view text, std::size_t at) {
  std::size_t i = at + 1;
  while (i < text.size() && text[i] == '=') ++i;
  return i < text.size() && text[i] == '[' ? i - at + 1 : 0;
}

// The end of the long string or comment that opens at `at` with `length` characters.
std::size_t long_end(std::string_view text, std::size_t at, std::size_t length) {
  const std::string close = "]" + std::string(length - 2, '=') + "]";
  const std::size_t end = text.find(close, at + length);
  return end == std::string_view::npos ? text.size() : end + close.size();
}

std::size_t quoted_end(std::string_view text, std::size_t at) {
  const char quote = text[at];
  std::size_t i = at + 1;
  while (i < text.size() && text[i] != quote && text[i] != '\n') i += text[i] == '\\' ? 2 : 1;
  return std::min(text.size(), i + 1);
}

std::size_t symbol_length(std::string_view text, std::size_t at) {
  constexpr std::array<std::string_view, 10> kLong{
      "...", "..", "==", "~=", "<=", ">=", "//", "::", "<<", ">>"};
  for (const std::string_view symbol : kLong) {
    if (text.substr(at, symbol.size()) == symbol) return symbol.size();
  }
  return 1;
}

// The end of the token at `at`, and its kind.
std::size_t token_end(std::string_view text, std::size_t at, Token::Kind* kind) {
  const char c = text[at];
  std::size_t i = at;
  if (starts_name(c)) {
    *kind = Token::Kind::name;
    while (i < text.size() && continues_name(text[i])) ++i;
    return i;
  }
  if (std::isdigit(static_cast<unsigned char>(c))) {
    *kind = Token::Kind::number;
    while (i < text.size() && (continues_name(text[i]) || text[i] == '.')) ++i;
    return i;
  }
  if (c == '"' || c == '\'') {
    *kind = Token::Kind::text;
    return quoted_end(text, at);
  }
  if (c == '[') {
    if (const std::size_t length = long_bracket(text, at)) {
      *kind = Token::Kind::text;
      return long_end(text, at, length);
    }
  }
  *kind = Token::Kind::symbol;
  return at + symbol_length(text, at);
}

bool opens(const Token& token) {
  return token.kind == Token::Kind::symbol &&
         (token.text == "{" || token.text == "(" || token.text == "[");
}
bool closes(const Token& token) {
  return token.kind == Token::Kind::symbol &&
         (token.text == "}" || token.text == ")" || token.text == "]");
}
bool opens_block(const Token& token) {
  return token.kind == Token::Kind::name && (token.text == "function" || token.text == "if" ||
                                             token.text == "do" || token.text == "repeat");
}
bool closes_block(const Token& token) {
  return token.kind == Token::Kind::name && (token.text == "end" || token.text == "until");
}
bool is(const Token& token, std::string_view symbol) {
  return token.kind == Token::Kind::symbol && token.text == symbol;
}
// What a plain string holds; empty for anything else.
std::string_view unquoted(const Token& token) {
  const bool quoted = token.kind == Token::Kind::text && token.text.size() >= 2;
  return quoted && token.text[0] != '[' ? token.text.substr(1, token.text.size() - 2)
                                        : std::string_view();
}

}  // namespace

SourceText::SourceText(std::string name, std::string text)
    : name_(std::move(name)), text_(std::move(text)) {
  scan();
}

std::string_view SourceText::line(int number) const {
  if (number < 1 || number > static_cast<int>(line_begins_.size())) return {};
  const std::size_t begin = line_begins_[static_cast<std::size_t>(number) - 1];
  std::size_t end = text_.find('\n', begin);
  if (end == std::string::npos) end = text_.size();
  if (end > begin && text_[end - 1] == '\r') --end;
  return std::string_view(text_).substr(begin, end - begin);
}

std::string_view SourceText::lines(int first, int last) const {
  const std::string_view begin = line(first);
  const std::string_view end = line(last);
  if (begin.data() == nullptr || end.data() == nullptr || last < first) return {};
  return {begin.data(), static_cast<std::size_t>(end.data() + end.size() - begin.data())};
}

void SourceText::scan() {
  line_begins_.push_back(0);
  for (std::size_t i = 0; i < text_.size(); ++i) {
    if (text_[i] == '\n') line_begins_.push_back(i + 1);
  }
  std::size_t at = 0;
  int line_number = 1;
  std::size_t line_begin = 0;
  // a first line that starts with # is for the shell
  if (!text_.empty() && text_[0] == '#') at = std::min(text_.find('\n'), text_.size());
  while (at < text_.size()) scan_token(at, line_number, line_begin);
  tokens_.push_back({Token::Kind::end, {}, line_number, 0});
}

void SourceText::scan_token(std::size_t& at, int& line_number, std::size_t& line_begin) {
  const std::string_view text = text_;
  const std::size_t begin = at;
  Token token{Token::Kind::symbol, {}, line_number, static_cast<int>(at - line_begin) + 1};
  if (std::isspace(static_cast<unsigned char>(text[at]))) {
    ++at;
  } else if (text.substr(at, 2) == "--") {
    const std::size_t length =
        at + 2 < text.size() && text[at + 2] == '[' ? long_bracket(text, at + 2) : 0;
    at = length > 0 ? long_end(text, at + 2, length) : std::min(text.find('\n', at), text.size());
  } else {
    at = token_end(text, at, &token.kind);
    token.text = text.substr(begin, at - begin);
    tokens_.push_back(token);
  }
  for (std::size_t i = begin; i < at; ++i) {
    if (text[i] != '\n') continue;
    ++line_number;
    line_begin = i + 1;
  }
}

std::size_t SourceText::first_token_of(int line) const {
  const auto it =
      std::lower_bound(tokens_.begin(), tokens_.end(), line,
                       [](const Token& token, int wanted) { return token.line < wanted; });
  return static_cast<std::size_t>(it - tokens_.begin());
}

SourcePosition SourceText::place(const Token& token) const {
  return {name_, token.line, token.column};
}

SourcePosition SourceText::find_name(int line, std::string_view name, bool member) const {
  const std::size_t first = first_token_of(line);
  for (std::size_t i = first; i < tokens_.size() && tokens_[i].line == line; ++i) {
    const bool after_dot = i > 0 && (is(tokens_[i - 1], ".") || is(tokens_[i - 1], ":"));
    if (tokens_[i].kind == Token::Kind::name && tokens_[i].text == name && after_dot == member) {
      return place(tokens_[i]);
    }
  }
  return first_of(line);
}

SourcePosition SourceText::first_of(int line) const {
  const std::size_t first = first_token_of(line);
  if (first < tokens_.size() && tokens_[first].line == line) return place(tokens_[first]);
  return {name_, line, 0};
}

template <class F>
std::vector<std::size_t> SourceText::tokens_of(int line, F wanted) const {
  std::vector<std::size_t> found;
  for (std::size_t i = first_token_of(line); i < tokens_.size() && tokens_[i].line == line; ++i) {
    if (wanted(i)) found.push_back(i);
  }
  return found;
}

bool SourceText::is_member(std::size_t token) const {
  return token > 0 && (is(tokens_[token - 1], ".") || is(tokens_[token - 1], ":"));
}

SourcePosition SourceText::find_called(int line, std::string_view name, bool member,
                                       std::string_view argument) const {
  const std::vector<std::size_t> calls = tokens_of(line, [&](std::size_t i) {
    if (tokens_[i].kind != Token::Kind::name || tokens_[i].text != name) return false;
    const Token& next = tokens_[i + 1];
    return is_member(i) == member &&
           (next.kind == Token::Kind::text || is(next, "(") || is(next, "{"));
  });
  if (calls.size() == 1) return place(tokens_[calls[0]]);
  if (argument.empty()) return first_of(line);
  for (const std::size_t i : calls) {
    if (unquoted(tokens_[is(tokens_[i + 1], "(") ? i + 2 : i + 1]) == argument) {
      return place(tokens_[i]);
    }
  }
  return first_of(line);
}

SourcePosition SourceText::find_key(int line, std::string_view key) const {
  const std::vector<std::size_t> keys = tokens_of(line, [&](std::size_t i) {
    const Token& token = tokens_[i];
    if (token.kind == Token::Kind::name) return token.text == key && is_member(i);
    return i > 0 && is(tokens_[i - 1], "[") && unquoted(token) == key;
  });
  return keys.size() == 1 ? place(tokens_[keys[0]]) : first_of(line);
}

SourcePosition SourceText::find_operator(int line, std::string_view metamethod) const {
  struct Operator {
    std::string_view metamethod;
    std::string_view symbol;
  };
  constexpr std::array<Operator, 14> kOperators{{{"add", "+"},
                                                 {"sub", "-"},
                                                 {"unm", "-"},
                                                 {"mul", "*"},
                                                 {"div", "/"},
                                                 {"idiv", "//"},
                                                 {"mod", "%"},
                                                 {"pow", "^"},
                                                 {"concat", ".."},
                                                 {"len", "#"},
                                                 {"lt", "<"},
                                                 {"lt", ">"},
                                                 {"le", "<="},
                                                 {"le", ">="}}};
  const std::vector<std::size_t> found = tokens_of(line, [&](std::size_t i) {
    return std::any_of(kOperators.begin(), kOperators.end(), [&](const Operator& o) {
      return o.metamethod == metamethod && is(tokens_[i], o.symbol);
    });
  });
  return found.size() == 1 ? place(tokens_[found[0]]) : first_of(line);
}

bool SourceText::matches_word(std::size_t token, std::string_view word, std::size_t* after) const {
  if (token > 0 && (is(tokens_[token - 1], ".") || is(tokens_[token - 1], ":"))) return false;
  while (true) {
    const std::size_t dot = std::min(word.find('.'), word.size());
    const Token& found = tokens_[token];
    if (found.kind != Token::Kind::name || found.text != word.substr(0, dot)) return false;
    ++token;
    if (dot == word.size()) break;
    if (!is(tokens_[token], ".")) return false;
    ++token;
    word.remove_prefix(dot + 1);
  }
  *after = token;
  const Token& next = tokens_[token];
  return next.kind == Token::Kind::text || is(next, "(") || is(next, "{");
}

CallPlace SourceText::find_call(int line, std::string_view word,
                                const std::vector<std::string>& fields, int nth) const {
  std::vector<CallPlace> all;
  std::vector<CallPlace> exact;
  for (std::size_t i = first_token_of(line); i < tokens_.size() && tokens_[i].line == line; ++i) {
    std::size_t after = 0;
    if (!matches_word(i, word, &after)) continue;
    CallPlace call = read_call(i, after);
    const auto& found = call.arguments.fields;
    const bool same = found.size() == fields.size() &&
                      std::all_of(fields.begin(), fields.end(),
                                  [&](const std::string& f) { return found.contains(f); });
    if (same) exact.push_back(call);
    all.push_back(std::move(call));
  }
  const std::vector<CallPlace>& calls = exact.empty() ? all : exact;
  if (calls.empty()) return {find_name(line, {}, false), {}};
  return calls[static_cast<std::size_t>(nth) % calls.size()];
}

CallPlace SourceText::read_call(std::size_t token, std::size_t after) const {
  CallPlace call{place(tokens_[token]), {}};
  if (is(tokens_[after], "{")) {
    call.arguments = read_table(after, 0);
  } else if (is(tokens_[after], "(") && is(tokens_[after + 1], "{")) {
    call.arguments = read_table(after + 1, 0);
  } else if (is(tokens_[after], "(")) {
    // positional arguments: the places of the values
    std::size_t i = after + 1;
    while (tokens_[i].kind != Token::Kind::end && !closes(tokens_[i])) {
      call.arguments.items.push_back(place(tokens_[i]));
      i = skip_expression(i);
      if (is(tokens_[i], ",")) ++i;
    }
  } else {
    call.arguments.items.push_back(place(tokens_[after]));
  }
  return call;
}

TablePlaces SourceText::read_table(std::size_t open, int depth) const {
  TablePlaces places;
  std::size_t i = open + 1;
  while (tokens_[i].kind != Token::Kind::end && !closes(tokens_[i])) {
    const Token& first = tokens_[i];
    std::string key;
    std::size_t value = i;
    if (first.kind == Token::Kind::name && is(tokens_[i + 1], "=")) {
      key = first.text;
      value = i + 2;
    } else if (is(first, "[") && tokens_[i + 1].kind == Token::Kind::text &&
               is(tokens_[i + 2], "]")) {
      const std::string_view quoted = tokens_[i + 1].text;
      key = quoted.size() >= 2 ? quoted.substr(1, quoted.size() - 2) : quoted;
      value = i + 4;
    }
    value = std::min(value, tokens_.size() - 1);
    if (key.empty()) {
      places.items.push_back(place(first));
      const bool table = is(first, "{") && depth < kDepthMax;
      places.item_tables.push_back(table ? read_table(value, depth + 1) : TablePlaces{});
    } else {
      places.fields.insert_or_assign(key, place(first));
      if (is(tokens_[value], "{") && depth < kDepthMax) {
        places.tables.insert_or_assign(key, read_table(value, depth + 1));
      }
    }
    i = skip_expression(value);
    if (is(tokens_[i], ",") || is(tokens_[i], ";")) ++i;
  }
  return places;
}

std::size_t SourceText::skip_expression(std::size_t at) const {
  int depth = 0;
  int blocks = 0;
  for (; tokens_[at].kind != Token::Kind::end; ++at) {
    const Token& token = tokens_[at];
    if (depth == 0 && blocks == 0 && (closes(token) || is(token, ",") || is(token, ";"))) break;
    if (opens(token)) ++depth;
    if (closes(token)) --depth;
    if (opens_block(token)) ++blocks;
    if (closes_block(token)) --blocks;
  }
  return at;
}

}  // namespace polyclinic::script
