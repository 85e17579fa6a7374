// What a scenario resolves to before anything has happened, as plain data: `polyclinic check`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "net/population.hpp"

namespace polyclinic {

struct WorldDescription {
  std::string title;
  std::uint64_t seed = 0;
  std::int64_t members = 0;
  std::int64_t external = 0;
  // The first of them; patients are those of the data where files or a generator decide.
  std::vector<HospitalProfile> hospitals;
  std::string outcome;
  std::string task;  // "binary"
  std::string standardisation;
  std::vector<std::string> features;  // in the order of the model's inputs
  std::string model;                  // "logistic, 57 parameters"
  std::int64_t parameters = 0;
  // Fields of the scenario that hold parts, as texts with every default.
  std::vector<std::pair<std::string, std::string>> parts;

  // how a hospital trains in a round
  double rate = 0;
  double epochs = 0;       // 0: steps say it
  std::int64_t steps = 0;  // 0: epochs say it
  std::int64_t batch = 0;  // 0: all rows

  std::int64_t rounds = 0;
  std::string deadline;
  std::string selection;
  std::optional<std::int64_t> minimum_replies;  // absent: two thirds of a number that varies
  std::string visits;  // without common rounds: who is invited when; empty: rounds are common
  std::vector<std::string> metrics;
  std::int64_t measured_every = 1;  // versions; 0: only the last
  std::vector<std::string> baselines;
  std::string stop;                                         // empty: after the last round
  std::vector<std::string> timeline;                        // when each entry happens
  std::vector<std::pair<std::string, std::string>> params;  // filled by who knows the script
};

}  // namespace polyclinic
