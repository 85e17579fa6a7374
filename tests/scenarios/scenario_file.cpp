#include "scenario_file.hpp"

#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace polyclinic::testing {

namespace {

bool take_prefix(std::string& line, const std::string& prefix) {
  if (line.rfind(prefix, 0) != 0) return false;
  line.erase(0, prefix.size());
  return true;
}

std::string read_all(const std::string& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// The lines up to @end.
std::string read_block(std::ifstream& in, int& number, const std::string& path) {
  std::string block;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (line == "@end") return block;
    block += line + "\n";
  }
  throw std::runtime_error(path + ": a @file without @end");
}

void add_expectation(ScenarioCase& result, int number, const std::string& line) {
  const auto space = line.find(' ');
  result.commands.back().expectations.push_back(
      {number, line.substr(0, space), space == std::string::npos ? "" : line.substr(space + 1)});
}

}  // namespace

ScenarioCase read_scenario_case(const std::string& path) {
  ScenarioCase result;
  result.path = path;
  std::ifstream in(path);
  bool expecting = false;
  int number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (take_prefix(line, "# name: ")) {
      result.name = line;
    } else if (take_prefix(line, "# expect: ")) {
      result.description += line + "\n";
    } else if (take_prefix(line, "# needs: ")) {
      result.needs.push_back(line);
    } else if (take_prefix(line, "@file ")) {
      std::string block = read_block(in, number, path);
      result.files.emplace_back(line, std::move(block));
    } else if (take_prefix(line, "$ ")) {
      result.commands.push_back({number, line, {}});
      expecting = false;
    } else if (line == "----") {
      expecting = true;
    } else if (line.rfind("# ", 0) == 0) {
      continue;
    } else if (result.commands.empty()) {
      result.lua += line + "\n";
    } else if (line.empty()) {
      continue;
    } else if (expecting) {
      add_expectation(result, number, line);
    } else {
      throw std::runtime_error(path + ": a line between a command and ----: " + line);
    }
  }
  if (result.name.empty() || result.commands.empty()) {
    throw std::runtime_error(path + ": a test needs a name and a command");
  }
  return result;
}

Outcome run_program(const std::string& arguments, const std::string& environment) {
  const std::string folder = std::filesystem::temp_directory_path().string();
  std::string scratch = folder + "/polyclinic-test-XXXXXX";
  if (mkdtemp(scratch.data()) == nullptr) throw std::runtime_error("no scratch folder");
  const std::string command = environment + " " POLYCLINIC_PROGRAM " " + arguments + " >" +
                              scratch + "/out 2>" + scratch + "/err </dev/null";
  const int status = std::system(command.c_str());
  Outcome outcome;
  outcome.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  outcome.out = read_all(scratch + "/out");
  outcome.err = read_all(scratch + "/err");
  std::filesystem::remove_all(scratch);
  return outcome;
}

}  // namespace polyclinic::testing
