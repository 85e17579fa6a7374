// The text of a scenario as written: where the calls and fields of the vocabulary stand, so that a
// message can point at them. Lua itself only knows the line of a call.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace polyclinic::script {

struct Token {
  enum class Kind : unsigned char { name, text, number, symbol, end };
  Kind kind = Kind::end;
  std::string_view text;  // into the source; a string's token holds its quotes
  int line = 0;
  int column = 0;
};

// The places of one table constructor: `key = value` by name, list items in order.
struct TablePlaces {
  std::map<std::string, SourcePosition, std::less<>> fields;
  std::map<std::string, TablePlaces, std::less<>> tables;  // fields that are tables themselves
  std::vector<SourcePosition> items;
  std::vector<TablePlaces> item_tables;  // as many as items; empty for one that is no table
};

struct CallPlace {
  SourcePosition where;
  TablePlaces arguments;
};

class SourceText {
 public:
  SourceText(std::string name, std::string text);
  SourceText(const SourceText&) = delete;
  SourceText& operator=(const SourceText&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::string& text() const { return text_; }
  // Without its line break; "" beyond the end.
  [[nodiscard]] std::string_view line(int number) const;
  // Lines `first` to `last`, both included.
  [[nodiscard]] std::string_view lines(int first, int last) const;
  // Where `name` stands in the line, as a member (after . or :) or by itself; else the first
  // character that is not blank.
  [[nodiscard]] SourcePosition find_name(int line, std::string_view name, bool member) const;
  // As find_name, of what a running call is known by; the first character that is not blank where
  // the line has several such places. The name of a function that is called, with a first argument
  // that is a plain string to tell calls apart by:
  [[nodiscard]] SourcePosition find_called(int line, std::string_view name, bool member,
                                           std::string_view argument) const;
  // .key or ["key"]
  [[nodiscard]] SourcePosition find_key(int line, std::string_view key) const;
  // An operator by the name of its metamethod: "add", "lt".
  [[nodiscard]] SourcePosition find_operator(int line, std::string_view metamethod) const;
  // The nth call (from 0, modulo their number) of `word` ("cohort.ehr", "scenario") that begins in
  // the line and, where there are several, was written with exactly the given fields.
  [[nodiscard]] CallPlace find_call(int line, std::string_view word,
                                    const std::vector<std::string>& fields, int nth) const;

 private:
  void scan();
  void scan_token(std::size_t& at, int& line_number, std::size_t& line_begin);
  [[nodiscard]] std::size_t first_token_of(int line) const;
  [[nodiscard]] bool matches_word(std::size_t token, std::string_view word,
                                  std::size_t* after) const;
  [[nodiscard]] SourcePosition place(const Token& token) const;
  [[nodiscard]] SourcePosition first_of(int line) const;
  // The tokens of a line for which `wanted(index)` holds.
  template <class F>
  [[nodiscard]] std::vector<std::size_t> tokens_of(int line, F wanted) const;
  [[nodiscard]] bool is_member(std::size_t token) const;
  [[nodiscard]] CallPlace read_call(std::size_t token, std::size_t after) const;
  // Reads the constructor whose `{` is at `open`.
  [[nodiscard]] TablePlaces read_table(std::size_t open, int depth) const;
  // The token behind the expression that starts at `at`: a comma, semicolon or closing bracket.
  [[nodiscard]] std::size_t skip_expression(std::size_t at) const;

  std::string name_;
  std::string text_;
  std::vector<std::size_t> line_begins_;
  std::vector<Token> tokens_;
};

}  // namespace polyclinic::script
