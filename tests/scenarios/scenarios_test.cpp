// System: the program as a user runs it, on every *.test file of this folder.
#include <doctest/doctest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "scenario_file.hpp"

namespace polyclinic::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::stringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(' ');
  return first == std::string::npos ? ""
                                    : text.substr(first, text.find_last_not_of(' ') - first + 1);
}

// The value at "hospitals.0.name"; null where there is none.
json at_path(const json& object, const std::string& path) {
  json here = object;
  std::stringstream in(path);
  for (std::string key; std::getline(in, key, '.');) {
    const bool index = !key.empty() && std::all_of(key.begin(), key.end(), ::isdigit);
    if (here.is_array() && index && std::stoul(key) < here.size()) {
      here = json(here[std::stoul(key)]);
    } else if (here.is_object() && here.contains(key)) {
      here = json(here[key]);
    } else {
      return nullptr;
    }
  }
  return here;
}

void check_json(const json& object, const Expectation& expectation) {
  std::stringstream in(expectation.text);
  std::string path;
  std::string op;
  std::string wanted_text;
  in >> path >> op;
  std::getline(in, wanted_text);
  const json found = at_path(object, path);
  const json wanted = json::parse(wanted_text);
  INFO(path, " is ", found.dump());
  const bool holds = op == "=="   ? found == wanted
                     : op == "!=" ? found != wanted
                     : !found.is_number() ? false
                     : op == "<"  ? found < wanted
                     : op == "<=" ? found <= wanted
                     : op == ">"  ? found > wanted
                     : op == ">=" ? found >= wanted
                                  : false;
  CHECK(holds);
}

json without_provenance(json object) {
  object.erase("provenance");
  return object;
}

struct Session {
  fs::path folder;
  std::string file;
  json last;  // the object that the last command printed
};

void check_command(Session& session, const CommandCase& command) {
  std::string arguments = command.command;
  std::string environment;
  // NAME=VALUE words before the command are its environment
  while (arguments.find('=') < arguments.find(' ')) {
    environment += arguments.substr(0, arguments.find(' ')) + " ";
    arguments.erase(0, arguments.find(' ') + 1);
  }
  replace_all(arguments, "{file}", session.file);
  replace_all(arguments, "{dir}", session.folder.string());
  replace_all(arguments, "{source}", POLYCLINIC_SOURCE_DIR);
  const Outcome outcome = run_program(arguments, environment);
  INFO("line ", command.line, ": polyclinic ", arguments, "\nstdout:\n", outcome.out, "stderr:\n",
       outcome.err);
  const json previous = session.last;
  if (!outcome.out.empty() && outcome.out.front() == '{') session.last = json::parse(outcome.out);
  std::vector<std::string> err;
  for (const Expectation& expectation : command.expectations) {
    INFO("line ", expectation.line, ": ", expectation.kind, " ", expectation.text);
    if (expectation.kind == "exit") {
      CHECK(outcome.exit_code == std::stoi(expectation.text));
    } else if (expectation.kind == "json") {
      check_json(session.last, expectation);
    } else if (expectation.kind == "out") {
      const auto lines = lines_of(outcome.out);
      CHECK(std::any_of(lines.begin(), lines.end(), [&](const std::string& line) {
        return trimmed(line) == trimmed(expectation.text);
      }));
    } else if (expectation.kind == "err") {
      err.push_back(expectation.text);
    } else if (expectation.kind == "same") {
      CHECK(without_provenance(session.last) == without_provenance(previous));
    } else {
      FAIL("unknown expectation: " << expectation.kind);
    }
  }
  if (err.empty()) return;
  std::vector<std::string> found = lines_of(outcome.err);
  for (std::string& line : found) {
    replace_all(line, session.file, "{file}");
    replace_all(line, session.folder.string(), "{dir}");
  }
  CHECK(found == err);
}

std::vector<fs::path> cases() {
  std::vector<fs::path> found;
  for (const auto& entry :
       fs::directory_iterator(fs::path(POLYCLINIC_SOURCE_DIR) / "tests" / "scenarios")) {
    if (entry.path().extension() == ".test") found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

TEST_CASE("scenario files") {
  const auto files = cases();
  CHECK(files.size() > 5);
  for (const fs::path& path : files) {
    SUBCASE(path.stem().string().c_str()) {
      const ScenarioCase scenario = read_scenario_case(path.string());
      INFO(path.filename().string(), ": ", scenario.description);
      std::string folder = (fs::temp_directory_path() / "polyclinic-scenario-XXXXXX").string();
      REQUIRE(mkdtemp(folder.data()) != nullptr);
      Session session;
      session.folder = folder;
      session.file = folder + "/" + scenario.name + ".lua";
      std::ofstream(session.file) << scenario.lua;
      for (const CommandCase& command : scenario.commands) check_command(session, command);
      fs::remove_all(folder);
    }
  }
}

}  // namespace
}  // namespace polyclinic::testing
