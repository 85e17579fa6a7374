// System: sentences about a recorded run, and the table at its end. Expectation: the full text.
#include "record/explain.hpp"

#include <doctest/doctest.h>

#include <sstream>

#include "base/error.hpp"
#include "record/end_table.hpp"
#include "record/results_folder.hpp"
#include "record/text_table.hpp"
#include "samples.hpp"

namespace polyclinic {
namespace {

class Recorded {
 public:
  Recorded() {
    ResultsFolder out(folder_.path("run"));
    out.open(test::profile);
    test::feed(out.observer(), 3);
    out.finish(test::result(), "done");
  }
  [[nodiscard]] std::string path() const { return folder_.path("run"); }
  [[nodiscard]] std::string ask(std::optional<std::string> hospital = {},
                                std::optional<std::int64_t> round = {}) const {
    return explain_run({path(), std::move(hospital), round});
  }

 private:
  test::Folder folder_;
};

const std::string kHead =
    "Two hospitals (two.lua), seed 7. Simulation, not for clinical use.\n"
    "3 rounds were closed and 3 versions made in 5 min of simulated time; all rounds are done.\n";
const std::string kTail =
    "Note of day 0, 00:02:30: auroc 0.610\n"
    "As to the model, not converged: auroc still improves by 0.0100 per round.\n";

TEST_CASE("a clock that starts at midnight") {
  CHECK(clock_text(0) == "day 0, 00:00:00");
  CHECK(clock_text(93'784'999'999'999) == "day 1, 02:03:04");
}

TEST_CASE("the whole run") {
  const Recorded run;
  CHECK(run.ask() == kHead +
                         "6 invitations brought 3 updates that were used. The others:\n"
                         "      3 late: it was still at work when the deadline came\n"
                         "Malm\xc3\xb6, \"S\" was left out: late in rounds 1 to 3.\n"
                         "More: polyclinic explain " +
                         run.path() + " --hospital \"Malm\xc3\xb6, \"S\"\" --round 1\n" + kTail);
}

TEST_CASE("why was this hospital left out of round 2") {
  const Recorded run;
  const std::string malmo = "Malm\xc3\xb6, \"S\"";
  const std::string round =
      "Round 2 opened on day 0, 00:01:40 and closed 1 min 40 s later, at its deadline, with 1 of 2 "
      "updates; they made version 2.\n";
  // 10.5 s after the round opened it began a training of 120 s; the deadline came after 100 s
  const std::string late =
      malmo +
      " was left out on day 0, 00:03:20: it was still at work when the deadline came (training). "
      "It had received the model in 500 ms, waited 10 s and trained for 1 min 30 s of 2 min (it "
      "would have been ready 31 s after the deadline). It was down from day 0, 00:01:50 to day 0, "
      "00:02:40.\n";
  CHECK(run.ask(malmo, 2) == kHead + round + "  " + late);
  CHECK(run.ask({}, 2) == kHead + round +
                              "  Lyon replied after 32 s: it received the model in 500 ms, waited "
                              "10 s, trained for 20 s and sent its update in 1.0 s and 2 "
                              "attempts.\n  " +
                              late);
  CHECK(run.ask("Lyon") == kHead +
                               "3 invitations to Lyon brought 3 updates that were used.\n"
                               "Lyon was never left out of a round it was invited to.\n" +
                               kTail);
}

TEST_CASE("what is not there is said with what is") {
  const Recorded run;
  try {
    (void)run.ask("Lion");
    CHECK(false);
  } catch (const ScenarioError& error) {
    CHECK(error.mistakes().at(0).message == "there is no hospital \"Lion\" in these results");
    CHECK(error.mistakes().at(0).hint ==
          "did you mean 'Lyon'?\nhospitals are Lyon, Malm\xc3\xb6, \"S\" and Oslo");
  }
  try {
    (void)run.ask({}, 4);
    CHECK(false);
  } catch (const ScenarioError& error) {
    CHECK(error.mistakes().at(0).message == "there is no round 4 in these results");
    CHECK(error.mistakes().at(0).hint == "rounds 1 to 3 are recorded");
  }
  CHECK_THROWS_AS(explain_run({"/nowhere", {}, {}}), ScenarioError);
}

TEST_CASE("text is cut, broken and measured in characters") {
  CHECK(text_width("Malm\xc3\xb6") == 5);
  CHECK(shortened("Malm\xc3\xb6", 5) == "Malm\xc3\xb6");
  CHECK(shortened("Malm\xc3\xb6 Stad", 6) == "Malm\xc3\xb6\xe2\x80\xa6");
  CHECK(wrapped("one two three", 8, 2) == "one two\n  three");
  CHECK(wrapped("one", 2, 0) == "one");
}

TEST_CASE("the end table fits 120 columns and holds what a reader needs") {
  const std::string text = end_table(test::result(), false);
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) CHECK(text_width(line) <= 120);
  for (const char* needed :
       {"Two hospitals\n",
        "3 rounds made 3 versions in 5 min of simulated time; 15.0 kB up, 30.0 kB down",
        "Lyon",
        "0.750 (0.65-0.85)",
        "federated",
        "pooled",
        "0.770 (0.72-0.82)",
        "local_only",
        "1 of 2",
        "Oslo *",
        "external: only evaluated on",
        "3 late",
        "late: it was still at work when the deadline came",
        "1 (50 s)",
        "No value (-) at Malm\xc3\xb6, \"S\": one class only.",
        "Standardised, federated and local_only: each by itself.",
        "Standardised, pooled: all together.",
        "not converged: auroc still improves",
        "a remark",
        "note at 2 min 30 s: auroc 0.610",
        "Simulation, not for clinical use.",
        "3 of 6 invitations"}) {
    CHECK_MESSAGE(text.find(needed) != std::string::npos, needed);
  }
  // the parts of Brier's score are left to the files; no control codes without colour
  CHECK(text.find("brier_within") == std::string::npos);
  CHECK(text.find('\x1b') == std::string::npos);
  CHECK(end_table(test::result(), true).find("\x1b[33mnot converged") != std::string::npos);
}

// The head of the first table, with single spaces.
std::string head_of(const RunResult& result) {
  const std::string text = end_table(result, false);
  const std::size_t start = text.find("\n  hospital ") + 3;
  std::string head;
  for (char c : text.substr(start, text.find('\n', start) - start)) {
    if (c != ' ' || head.back() != ' ') head += c;
  }
  return head;
}

TEST_CASE("the end table counts events only where the outcome is one") {
  RunResult result = test::result();
  CHECK(head_of(result) == "hospital patients tested events auroc (95 %) pooled local_only");
  const auto measure_only = [&](const char* metric) {
    result.federated.averages.resize(1);
    result.federated.averages[0].metric = metric;
    for (HospitalMetrics& hospital : result.federated.hospitals) {
      hospital.metrics.resize(1);
      hospital.metrics[0].first = metric;
      hospital.metrics[0].second.events = 0;
    }
  };
  // nobody has it: that stands there where the metric is one of events
  for (const char* metric : {"auprc", "c_index"}) {
    measure_only(metric);
    CHECK(head_of(result) ==
          "hospital patients tested events " + std::string(metric) + " (95 %) pooled local_only");
  }
  // classes and numbers have none
  for (const char* metric : {"auroc", "accuracy", "rmse"}) {
    measure_only(metric);
    CHECK(head_of(result) ==
          "hospital patients tested " + std::string(metric) + " (95 %) pooled local_only");
  }
}

TEST_CASE("a hospital that was down all along is not said to have been up") {
  RunResult result = test::result();
  HospitalAccount& malmo = result.hospitals[1];
  malmo.name = "Malmo";
  CHECK(end_table(result, false).find("  1 (50 s)  ") != std::string::npos);
  malmo.outages = 0;
  malmo.down = result.ended;
  CHECK(end_table(result, false).find("  down (5 min)  ") != std::string::npos);
  malmo.down = {};
  CHECK(end_table(result, false).find("down (") == std::string::npos);
}

}  // namespace
}  // namespace polyclinic
