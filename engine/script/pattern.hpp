// Lua's patterns with a bound on the work: the matcher backtracks, and with the original one a
// short pattern over a short text can run for hours without a single Lua instruction.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

namespace polyclinic::script {

struct PatternError {
  const char* message;
};

// One pattern over one text. Every step is reported to `charge` in portions; it may throw.
class Pattern {
 public:
  static constexpr std::size_t kPosition = static_cast<std::size_t>(-1);
  struct Capture {
    std::size_t begin = 0;
    std::size_t length = 0;  // kPosition: a position capture, ()
  };

  Pattern(std::string_view text, std::string_view pattern,
          std::function<void(std::int64_t)> charge);

  // Matches at exactly this place; true with the end of the match. Throws PatternError for a
  // pattern that is not one.
  bool match(std::size_t begin, std::size_t* end);
  [[nodiscard]] const std::vector<Capture>& captures() const { return captures_; }
  [[nodiscard]] bool anchored() const { return anchored_; }

 private:
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  static constexpr std::size_t kOpen = static_cast<std::size_t>(-2);

  void step();
  std::size_t match_here(std::size_t s, std::size_t p, int depth);
  std::size_t match_class_item(std::size_t s, std::size_t p, std::size_t end, int depth);
  std::size_t max_expand(std::size_t s, std::size_t p, std::size_t end, int depth);
  std::size_t min_expand(std::size_t s, std::size_t p, std::size_t end, int depth);
  std::size_t open_capture(std::size_t s, std::size_t p, std::size_t kind, int depth);
  std::size_t close_capture(std::size_t s, std::size_t p, int depth);
  std::size_t balance(std::size_t s, std::size_t p);
  std::size_t frontier(std::size_t s, std::size_t p, int depth);
  std::size_t back_reference(std::size_t s, char digit);
  // Behind the single-character item at p.
  std::size_t item_end(std::size_t p) const;
  bool single(std::size_t s, std::size_t p, std::size_t end);
  bool in_set(char c, std::size_t p, std::size_t end) const;

  std::string_view text_;
  std::string_view pattern_;
  std::function<void(std::int64_t)> charge_;
  std::int64_t steps_ = 0;
  bool anchored_ = false;
  std::vector<Capture> captures_;
};

}  // namespace polyclinic::script
