// System: a small form of scenarios/byzantine_study.lua against the published order of rules under
// attack (Karimireddy, He, Jaggi 2022; docs/lessons/byzantine.md has the whole table). Data, model
// and accuracies are others: what is compared is which of two rules is better under which attack.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <sstream>
#include <utility>
#include <vector>

#include "json_query.hpp"
#include "scenario_file.hpp"

namespace polyclinic::testing {
namespace {

using Pair = std::pair<std::string, std::string>;  // an attack and a rule

struct Published {
  double accuracy = 0;
  double sd = 0;
};

// Where each worker held a class or two; "bucketed_" before a rule: of means of two.
std::map<Pair, Published> published() {
  std::ifstream in(POLYCLINIC_SOURCE_DIR "/tests/reference/robust_training.csv");
  std::string line;
  REQUIRE(std::getline(in, line));
  std::map<Pair, Published> rows;
  while (std::getline(in, line)) {
    std::stringstream cells(line);
    std::string cell;
    std::vector<std::string> row;
    while (std::getline(cells, cell, ',')) row.push_back(cell);
    REQUIRE(row.size() == 6);
    const bool bucketed = row[2] != "1";
    // of these two the study has no bucketed form
    if (bucketed && (row[1] == "mean" || row[1] == "centered_clipping")) continue;
    // other numbers of hospitals and steps
    if (row[0] != "sorted" || row[3] == "nobody") continue;
    rows[{row[3], (bucketed ? "bucketed_" : "") + row[1]}] = {std::stod(row[4]), std::stod(row[5])};
  }
  return rows;
}

using Found = std::map<std::string, std::vector<double>>;  // percent by seed, of every arm

Found found(const std::string& settings) {
  std::string command = "run " POLYCLINIC_SOURCE_DIR "/scenarios/byzantine_study.lua --json";
  std::stringstream words(settings);
  for (std::string word; words >> word;) command += " --set " + word;
  const Outcome outcome = run_program(command, "");
  INFO(command, "\n", outcome.err);
  REQUIRE(outcome.exit_code == 0);
  Found arms;
  const Json study = Json::parse(outcome.out);
  for (const Json& run : study.at("runs")) {
    const double accuracy = query(run, "metrics.accuracy.macro").get<double>();
    arms[run.at("arm").get<std::string>()].push_back(100 * accuracy);
  }
  return arms;
}

struct Difference {
  double mean = 0;
  double error = 0;  // standard error of that mean
};

// Of two arms, seed by seed.
Difference difference(const Found& arms, const std::string& a, const std::string& b) {
  const std::vector<double>& one = arms.at(a);
  const std::vector<double>& other = arms.at(b);
  REQUIRE(one.size() == other.size());
  const auto n = static_cast<double>(one.size());
  Difference d;
  for (std::size_t i = 0; i < one.size(); ++i) d.mean += (one[i] - other[i]) / n;
  for (std::size_t i = 0; i < one.size(); ++i) {
    d.error += std::pow(one[i] - other[i] - d.mean, 2) / (n - 1) / n;
  }
  d.error = std::sqrt(d.error);
  return d;
}

constexpr const char* kRules =
    "rules=mean,centered_clipping,geometric_median,median,krum,bucketed_geometric_median,"
    "bucketed_median,bucketed_krum";

// The published geometric median falls under inner product manipulation below every other rule,
// here below two only; the lesson says why.
bool differs(const std::string& attack, const std::string& better, const std::string& worse) {
  return attack == "ipm" && worse == "geometric_median" &&
         (better == "median" || better == "krum" || better == "bucketed_krum");
}

// A pair of rules is compared where the published difference is 5 points or more and three times
// its own sd: there the paper gives an order. Ours, over three seeds, may not be the opposite by
// more than three of its standard errors; where the paper has 20 points or more it must be the
// same.
TEST_CASE("byzantine: rules under attack come in the published order where classes differ") {
  const auto table = published();
  const Found arms =
      found(std::string(kRules) + " attacks=sign_flip,label_flip,mimic,ipm,alie fractions=0.2");
  int compared = 0;
  for (const auto& [one, a] : table) {
    for (const auto& [other, b] : table) {
      const double gap = a.accuracy - b.accuracy;
      if (one.first != other.first || gap < std::max(5.0, 3 * std::hypot(a.sd, b.sd))) continue;
      ++compared;
      const Difference d = difference(arms, one.second + ", " + one.first + " 0.2",
                                      other.second + ", " + one.first + " 0.2");
      INFO(one.first, ": ", one.second, " less ", other.second, ": ", d.mean, " (error ", d.error,
           "), published ", gap);
      if (differs(one.first, one.second, other.second)) {
        CHECK(d.mean < 0);
        continue;
      }
      CHECK(d.mean >= -3 * d.error);
      if (gap >= 20) CHECK(d.mean > 0);
    }
  }
  CHECK(compared == 70);
}

// In exact arithmetic a rule of updates that are all the same is their mean: what it costs comes
// from how much they differ. Two seeds: the costs differ by far more than from seed to seed.
TEST_CASE("byzantine: nobody attacking, rules cost more where hospitals differ") {
  const std::string control = "rules=mean,geometric_median,median,krum attacks=none seeds=2";
  const Found differ = found(control);
  const Found alike = found(control + " iid=true");
  for (const std::string rule : {"geometric_median", "median", "krum"}) {
    const double cost = difference(differ, "mean, nobody", rule + ", nobody").mean;
    const double cost_alike = difference(alike, "mean, nobody", rule + ", nobody").mean;
    INFO(rule, " costs ", cost, ", and where all follow one law ", cost_alike);
    CHECK(cost > cost_alike);
  }
}

}  // namespace
}  // namespace polyclinic::testing
