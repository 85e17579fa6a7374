// System: the program as a user runs it, on every *.test file of this folder.
#include <doctest/doctest.h>
#include <stdlib.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "data/npz.hpp"
#include "json_query.hpp"
#include "scenario_file.hpp"

namespace polyclinic::testing {
namespace {

namespace fs = std::filesystem;

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

Json without_provenance(Json object) {
  object.erase("provenance");
  return object;
}

// One .test file: its folder and what its commands printed so far.
class Session {
 public:
  explicit Session(const ScenarioCase& scenario) {
    std::string folder = (fs::temp_directory_path() / "polyclinic-scenario-XXXXXX").string();
    REQUIRE(mkdtemp(folder.data()) != nullptr);
    folder_ = folder;
    file_ = folder + "/" + scenario.name + ".lua";
    std::ofstream(file_) << scenario.lua;
    for (const auto& [name, contents] : scenario.files) {
      fs::create_directories((folder_ / name).parent_path());
      std::ofstream(folder_ / name) << contents;
    }
  }
  ~Session() { fs::remove_all(folder_); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void check(const CommandCase& command) {
    std::string arguments = filled(command.command);
    std::string environment;
    // NAME=VALUE words before the command are its environment
    while (arguments.find('=') < arguments.find(' ')) {
      environment += arguments.substr(0, arguments.find(' ')) + " ";
      arguments.erase(0, arguments.find(' ') + 1);
    }
    const fs::path results = results_folder(arguments);
    const bool fresh = !results.empty() && !fs::exists(results);
    outcome_ = run_program(arguments, environment);
    // whole tables and objects would bury what failed
    const std::string shown = outcome_.out.substr(0, 1500);
    INFO("line ", command.line, ": polyclinic ", arguments, "\nstdout:\n", shown, "\nstderr:\n",
         outcome_.err);
    previous_ = last_;
    if (arguments.find("--json") != std::string::npos && !outcome_.out.empty()) {
      last_ = Json::parse(outcome_.out);
    }
    const auto is_exit = [](const Expectation& e) { return e.kind == "exit"; };
    if (std::none_of(command.expectations.begin(), command.expectations.end(), is_exit)) {
      CHECK(outcome_.exit_code == 0);
    }
    // a mistake of the user's leaves nothing behind
    if (outcome_.exit_code == 2) CHECK(outcome_.out.empty());
    if (outcome_.exit_code == 2 && fresh) CHECK(!fs::exists(results));
    std::vector<std::string> err;
    for (const Expectation& expectation : command.expectations) {
      INFO("line ", expectation.line, ": ", expectation.kind, " ", expectation.text);
      if (expectation.kind == "err") {
        err.push_back(expectation.text);
      } else {
        check(expectation);
      }
    }
    if (!err.empty()) check_errors(err);
  }

 private:
  // What stands behind --out; empty: nothing does.
  static fs::path results_folder(const std::string& arguments) {
    const std::string option = " --out ";
    const std::size_t at = arguments.find(option);
    if (at == std::string::npos) return {};
    const std::size_t begin = at + option.size();
    return arguments.substr(begin, arguments.find(' ', begin) - begin);
  }

  std::string filled(std::string text) const {
    replace_all(text, "{file}", file_.string());
    replace_all(text, "{dir}", folder_.string());
    replace_all(text, "{source}", POLYCLINIC_SOURCE_DIR);
    return text;
  }

  void check(const Expectation& expectation) {
    const std::string& kind = expectation.kind;
    const std::string text = filled(expectation.text);
    if (kind == "exit") {
      CHECK(outcome_.exit_code == std::stoi(text));
    } else if (kind == "json") {
      check_json(text);
    } else if (kind == "keep") {
      kept_[text] = last_;
    } else if (kind == "accounts") {
      for (const std::string& mistake : accounting_mistakes(last_)) FAIL_CHECK(mistake);
    } else if (kind == "eventful") {
      for (const std::string& lack : eventless(last_)) FAIL_CHECK(lack);
    } else if (kind == "same") {
      CHECK(without_provenance(last_) == without_provenance(text.empty() ? previous_ : kept(text)));
    } else if (kind == "npz") {
      check_models(text);
    } else if (kind == "exists") {
      CHECK(fs::exists(text));
    } else if (kind == "out") {
      const auto lines = lines_of(outcome_.out);
      CHECK(std::any_of(lines.begin(), lines.end(),
                        [&](const std::string& line) { return trimmed(line) == trimmed(text); }));
    } else if (kind == "outhas") {
      CHECK(outcome_.out.find(text) != std::string::npos);
    } else if (kind == "errhas") {
      CHECK(outcome_.err.find(text) != std::string::npos);
    } else {
      FAIL("unknown expectation: " << kind);
    }
  }

  const Json& kept(const std::string& name) const {
    const auto it = kept_.find(name);
    if (it == kept_.end()) FAIL("nothing was kept as " << name);
    return it->second;
  }

  // The right side of a comparison: JSON text, @path, or @kept:path.
  Json wanted(const std::string& text) const {
    if (text.empty() || text.front() != '@') return Json::parse(text);
    const auto colon = text.find(':');
    if (colon == std::string::npos) return query(last_, text.substr(1));
    return query(kept(text.substr(1, colon - 1)), text.substr(colon + 1));
  }

  void check_json(const std::string& text) {
    std::stringstream in(text);
    std::string path;
    std::string op;
    std::string right;
    in >> path >> op;
    std::getline(in, right);
    right = trimmed(right);
    double tolerance = 0;
    if (op == "~") {
      tolerance = std::stod(right.substr(right.find(' ')));
      right = right.substr(0, right.find(' '));
    }
    const Json found = query(last_, path);
    const Json want = wanted(right);
    INFO(path, " is ", found.dump(), ", wanted ", op, " ", want.dump());
    const bool numbers = found.is_number() && want.is_number();
    const bool holds = op == "=="   ? found == want
                       : op == "!=" ? found != want
                       : !numbers   ? false
                       : op == "<"  ? found < want
                       : op == "<=" ? found <= want
                       : op == ">"  ? found > want
                       : op == ">=" ? found >= want
                       : op == "~" ? std::abs(found.get<double>() - want.get<double>()) <= tolerance
                                   : false;
    CHECK(holds);
  }

  static void check_models(const std::string& text) {
    std::stringstream in(text);
    std::string left;
    std::string op;
    std::string right;
    double tolerance = 0;
    in >> left >> op >> right >> tolerance;
    const auto a = read_npz(left, {});
    const auto b = read_npz(right, {});
    REQUIRE(a.size() == b.size());
    double most = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      REQUIRE(a[i].name == b[i].name);
      REQUIRE(a[i].shape == b[i].shape);
      for (std::size_t k = 0; k < a[i].values.size(); ++k) {
        most = std::max(most, std::abs(double{a[i].values[k]} - double{b[i].values[k]}));
      }
    }
    CHECK(most <= tolerance);
  }

  void check_errors(const std::vector<std::string>& err) const {
    std::vector<std::string> found = lines_of(outcome_.err);
    for (std::string& line : found) {
      replace_all(line, file_.string(), "{file}");
      replace_all(line, folder_.string(), "{dir}");
      replace_all(line, POLYCLINIC_SOURCE_DIR, "{source}");
    }
    CHECK(found == err);
  }

  fs::path folder_;
  fs::path file_;
  Outcome outcome_;
  Json last_;      // the object that the last command printed
  Json previous_;  // and the one before
  std::map<std::string, Json> kept_;
};

std::vector<fs::path> cases() {
  std::vector<fs::path> found;
  for (const auto& entry :
       fs::directory_iterator(fs::path(POLYCLINIC_SOURCE_DIR) / "tests" / "scenarios")) {
    if (entry.path().extension() == ".test") found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

// Whether everything that the test needs is here; says what is not.
bool has_needs(const ScenarioCase& scenario) {
  for (const std::string& need : scenario.needs) {
    if (fs::exists(fs::path(POLYCLINIC_SOURCE_DIR) / need)) continue;
    MESSAGE(scenario.name << " is skipped: it needs " << need << ", which is not here");
    return false;
  }
  return true;
}

TEST_CASE("scenario files") {
  const auto files = cases();
  CHECK(files.size() > 5);
  for (const fs::path& path : files) {
    SUBCASE(path.stem().string().c_str()) {
      const ScenarioCase scenario = read_scenario_case(path.string());
      INFO(path.filename().string(), ": ", scenario.description);
      if (!has_needs(scenario)) continue;
      Session session(scenario);
      for (const CommandCase& command : scenario.commands) session.check(command);
    }
  }
}

}  // namespace
}  // namespace polyclinic::testing
