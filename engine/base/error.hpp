// The user's mistakes: where, what was found, what was expected, what to do (style.md, "Errors").
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace polyclinic {

// A place in a scenario or data file. Lines and columns count from 1; 0 means unknown.
struct SourcePosition {
  std::string file;
  int line = 0;
  int column = 0;
};

struct Mistake {
  SourcePosition where;
  std::string message;  // what is wrong, one line, no final full stop
  std::string hint;     // what is allowed or what to do; may be empty; may have several lines
};

// One or more mistakes in a scenario, data file or command line: the command ends with exit code 2.
class ScenarioError : public std::runtime_error {
 public:
  explicit ScenarioError(std::vector<Mistake> mistakes);
  ScenarioError(SourcePosition where, std::string message, std::string hint = {});
  [[nodiscard]] const std::vector<Mistake>& mistakes() const { return mistakes_; }

 private:
  std::vector<Mistake> mistakes_;
};

// The run failed after its first event (a script's error, a full disk): exit code 1, results so far
// kept.
class RunError : public std::runtime_error {
 public:
  RunError(SourcePosition where, std::string message, std::string hint = {});
  [[nodiscard]] const Mistake& mistake() const { return mistake_; }

 private:
  Mistake mistake_;
};

// The message as the terminal shows it: `file:line: message`, the source line with a caret under
// the column where the file can be read, then the hint, indented by four spaces.
std::string to_text(const Mistake& mistake);

// The names among `candidates` most like `word` (edit distance with transpositions, at most a third
// of the word), best first, at most three.
std::vector<std::string> nearest_names(std::string_view word,
                                       const std::vector<std::string>& candidates);

// "did you mean 'a' or 'b'?", or "" when nothing is near.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates);

// "a, b and c"; quotes each name with ' when `quoted`.
std::string join_names(const std::vector<std::string>& names, bool quoted = false);

}  // namespace polyclinic
