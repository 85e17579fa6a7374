// What `join` and `contribution` keep of a question that many runs answered.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace polyclinic {

class Sqlite;

struct Answer {
  std::vector<std::pair<std::string, std::string>> files;  // name, whole text
  std::function<void(const Sqlite&)> rows;                 // adds them to the open database
  std::vector<std::pair<std::string, std::string>> provenance;
};

// Fills a new folder with results.sqlite and the files. Throws ScenarioError where it holds results
// already, RunError where it cannot be written.
void write_answer(const Answer& answer, const std::string& folder);

// "seed 7", "10 seeds from 7"
std::string seeds_text(std::uint64_t first, std::int64_t seeds);

}  // namespace polyclinic
