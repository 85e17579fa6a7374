// How far a run is, for a person who waits: one line that is written over again on a terminal,
// a plain line every tenth of the rounds elsewhere. The only place that looks at the wall clock.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "trace/event.hpp"

namespace polyclinic {

class Progress final : public Observer {
 public:
  struct Options {
    bool terminal = false;                          // write over the same line, with control codes
    int columns = 120;                              // of the terminal; longer lines are cut
    std::function<void(const std::string&)> write;  // gets text to show at once
    std::function<double()> wall_seconds;           // a clock that only goes forward
  };
  explicit Progress(Options options);

  void on(const Event& event) override;
  // Takes the live line away; nothing elsewhere.
  void clear();

 private:
  void started(const RunStarted& event);
  void round_closed(const RoundClosed& event);
  void measured(const MetricMeasured& event);
  void show(bool due);
  [[nodiscard]] std::string line() const;

  Options o_;
  std::int64_t rounds_ = 0;
  std::int64_t planned_ = 0;
  std::int64_t plan_ = 0;         // without rounds that are done anew
  std::int64_t shown_round_ = 0;  // plain lines: the last that got one
  TimeNs simulated_;
  std::int64_t invited_ = 0;
  std::int64_t aggregated_ = 0;
  std::optional<double> staleness_;  // mean; none: rounds are common to all
  std::string metric_;               // the first that is measured
  std::optional<double> newest_, best_;
  std::int64_t best_version_ = 0;
  std::string arm_;  // the baseline being shown; empty: the federation is at work
  double wall_started_ = 0;
  double wall_round_ = 0;  // when the newest round closed
  double wall_shown_ = -1;
  bool line_open_ = false;
};

// "40 ms", "2.4 s", "12 s", "3 min 20 s", "2 h 5 min", "3 d 4 h": for reading.
std::string rough_duration(double seconds);

}  // namespace polyclinic
