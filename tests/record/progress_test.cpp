// System: the progress line. Expectation: plain lines every tenth of the rounds, a line written
// over on a terminal, rates and the time left from the clock that is given.
#include "record/progress.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "samples.hpp"

namespace polyclinic {
namespace {

struct Screen {
  std::vector<std::string> written;
  double wall = 0;
  Progress::Options options(bool terminal) {
    Progress::Options o;
    o.terminal = terminal;
    o.write = [this](const std::string& text) { written.push_back(text); };
    o.wall_seconds = [this] { return wall; };
    return o;
  }
};

void feed(Screen& screen, Progress& progress, std::int64_t rounds) {
  progress.on(test::started(rounds));
  for (std::int64_t n = 1; n <= rounds; ++n) {
    screen.wall += 0.5;
    for (const Event& event : test::round_events(n)) progress.on(event);
  }
}

TEST_CASE("durations for reading") {
  CHECK(rough_duration(0) == "0 s");
  CHECK(rough_duration(1e-6) == "under 1 ms");
  CHECK(rough_duration(0.0404) == "40 ms");
  CHECK(rough_duration(2.44) == "2.4 s");
  CHECK(rough_duration(9.96) == "10 s");
  CHECK(rough_duration(59.4) == "59 s");
  CHECK(rough_duration(200) == "3 min 20 s");
  CHECK(rough_duration(3599.6) == "1 h");
  CHECK(rough_duration(7500) == "2 h 5 min");
  CHECK(rough_duration(86400 * 3 + 3600 * 4) == "3 d 4 h");
}

TEST_CASE("plain lines: one for every tenth of the rounds, and the last") {
  Screen screen;
  Progress progress(screen.options(false));
  feed(screen, progress, 40);
  progress.on(test::measured(40, "pooled", 0.9));
  progress.on(test::ended(40));
  REQUIRE(screen.written.size() == 10);
  // the fourth round at two rounds a second: 36 rounds take 18 s; a round lasts 100 s of its clock
  CHECK(screen.written[0] ==
        "round 4/40 | 6 min 40 s simulated | 1/2 replied | auroc 0.640, best 0.640 (version 4) | "
        "2.0 rounds/s | 18 s left\n");
  CHECK(screen.written[9] ==
        "round 40/40 | 1 h 7 min simulated | 1/2 replied | auroc 1.000, best 1.000 (version 40) | "
        "2.0 rounds/s\n");
}

TEST_CASE("the best value is kept, and which direction is good") {
  Screen screen;
  Progress progress(screen.options(false));
  progress.on(test::started(3));
  for (std::int64_t n = 1; n <= 3; ++n) {
    screen.wall += 0.01;
    for (Event event : test::round_events(n)) {
      if (auto* m = std::get_if<MetricMeasured>(&event)) {
        m->metric = "loss";
        m->value = n == 2 ? 0.3 : 0.5;
      }
      progress.on(event);
    }
  }
  progress.on(test::ended(3));
  REQUIRE(screen.written.size() == 3);
  CHECK(screen.written[2].find("loss 0.500, best 0.300 (version 2)") != std::string::npos);
}

TEST_CASE("on a terminal one line is written over, at most ten times a second, and taken away") {
  Screen screen;
  Progress progress(screen.options(true));
  progress.on(test::started(100));
  for (std::int64_t n = 1; n <= 50; ++n) {
    screen.wall += 0.01;
    for (const Event& event : test::round_events(n)) progress.on(event);
  }
  progress.on(test::ended(50));
  // half a second: five lines, one at the start, one that clears
  CHECK(screen.written.size() >= 6);
  CHECK(screen.written.size() <= 8);
  for (const std::string& text : screen.written) {
    CHECK(text.find("\r\x1b[K") == 0);
    CHECK(text.find('\n') == std::string::npos);
  }
  CHECK(screen.written.back() == "\r\x1b[K");
}

// 4 of 6 planned rounds are undone after the fifth, which was lost: 11 are to be made, and the plan
// with them is what is left.
TEST_CASE("rounds that are done anew come on top of the plan") {
  Screen screen;
  Progress progress(screen.options(false));
  progress.on(test::started(6));
  for (std::int64_t n = 1; n <= 11; ++n) {
    screen.wall += 0.01;
    for (Event event : test::round_events(n)) {
      if (auto* closed = std::get_if<RoundClosed>(&event)) closed->undone = n > 5 ? 5 : 0;
      progress.on(event);
    }
  }
  progress.on(test::ended(11));
  REQUIRE(screen.written.size() == 11);
  CHECK(screen.written[4].find("round 5/6 ") == 0);
  CHECK(screen.written[5].find("round 6/11 ") == 0);
  CHECK(screen.written[10].find("round 11/11 ") == 0);
}

TEST_CASE("a narrow terminal gets a cut line rather than two") {
  Screen screen;
  Progress::Options options = screen.options(true);
  options.columns = 30;
  Progress progress(options);
  feed(screen, progress, 3);
  for (const std::string& text : screen.written) CHECK(text.size() < 30 + 4);
}

}  // namespace
}  // namespace polyclinic
