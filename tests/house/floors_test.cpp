// System: every #include under engine/. Expectation: each floor uses only what its row of the table
// names. Reason: the house stands only while nothing reaches upwards, and heavy headers stay where
// they belong (docs/architecture.md).
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;
using Names = std::set<std::string>;

// floor -> floors that it may use; itself is always allowed
const std::map<std::string, Names>& table() {
  static const std::map<std::string, Names> rows = [] {
    std::map<std::string, Names> r;
    r["base"] = {};
    r["trace"] = {"base"};
    r["sim"] = {"base", "trace"};
    r["privacy"] = {"base"};
    r["data"] = {"base"};
    r["net"] = {"base", "trace", "sim"};
    r["learn"] = {"base", "data", "privacy"};
    r["secure"] = {"base", "trace", "sim", "net"};
    // "all above", "fed and below", ...: what a floor may use includes what that one may use
    r["fed"] = {"base", "trace", "sim", "privacy", "data", "net", "learn", "secure"};
    r["attack"] = r["fed"];
    r["attack"].insert("fed");
    r["world"] = r["attack"];
    r["world"].insert("attack");
    r["record"] = r["world"];
    r["record"].insert("world");
    r["study"] = r["record"];
    r["study"].insert("record");
    r["audit"] = r["study"];
    r["script"] = r["world"];
    r["script"].insert({"world", "study"});
    r["cli"] = r["study"];
    r["cli"].insert({"study", "audit", "script"});
    r["app"] = {"cli", "viewer"};
    return r;
  }();
  return rows;
}

// header prefix -> the only places under engine/ that may include it
const std::vector<std::pair<std::string, Names>>& guarded_headers() {
  static const std::vector<std::pair<std::string, Names>> rows = {{"lua", {"script"}},
                                                                  {"lauxlib.h", {"script"}},
                                                                  {"lualib.h", {"script"}},
                                                                  {"unsupported/", {"privacy"}},
                                                                  {"torch/", {"learn/torch"}},
                                                                  {"ATen/", {"learn/torch"}},
                                                                  {"imgui", {}},
                                                                  {"sqlite3.h", {"record", "cli"}},
                                                                  {"CLI/", {"cli"}},
                                                                  {"oneapi/", {"base"}},
                                                                  {"tbb/", {"base"}},
                                                                  {"Random123/", {"base"}},
                                                                  {"csv.h", {"data"}},
                                                                  {"sodium.h", {"secure"}},
                                                                  {"gmp.h", {"secure"}},
                                                                  {"gmpxx.h", {"secure"}},
                                                                  {"zip.h", {"data", "record"}}};
  return rows;
}

// headers too heavy for a header of ours; forward declarations are what may stand there instead
const Names kForward{"nlohmann/json_fwd.hpp"};
const Names kCppOnly{"nlohmann/", "fmt/", "sqlite3.h", "CLI/", "oneapi/", "tbb/", "lua.h", "regex"};

struct Include {
  std::string file;   // relative to engine/
  std::string floor;  // first folder
  std::string header;
  bool in_header = false;
};

// The header that a line includes, or "".
std::string included(const std::string& line) {
  const auto hash = line.find_first_not_of(" \t");
  if (hash == std::string::npos || line[hash] != '#') return {};
  const auto word = line.find_first_not_of(" \t", hash + 1);
  if (word == std::string::npos || line.compare(word, 7, "include") != 0) return {};
  const auto open = line.find_first_of("<\"", word);
  if (open == std::string::npos) return {};
  const auto close = line.find_first_of(">\"", open + 1);
  return close == std::string::npos ? std::string() : line.substr(open + 1, close - open - 1);
}

std::vector<Include> includes_of(const fs::path& root) {
  std::vector<Include> found;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    const std::string extension = entry.path().extension().string();
    if (extension != ".cpp" && extension != ".hpp" && extension != ".inl") continue;
    std::ifstream in(entry.path());
    const std::string file = fs::relative(entry.path(), root).string();
    for (std::string line; std::getline(in, line);) {
      const std::string header = included(line);
      if (header.empty()) continue;
      found.push_back({file, file.substr(0, file.find('/')), header, extension != ".cpp"});
    }
  }
  return found;
}

bool starts_with(const std::string& text, const std::string& prefix) {
  return text.rfind(prefix, 0) == 0;
}

// What is wrong with one include, or "".
std::string fault(const Include& include) {
  const auto row = table().find(include.floor);
  if (row == table().end()) return include.file + " lies in a folder that is no floor";
  const auto slash = include.header.find('/');
  const std::string target = slash == std::string::npos ? "" : include.header.substr(0, slash);
  if (table().count(target) > 0 && target != include.floor && row->second.count(target) == 0) {
    return include.file + " includes " + include.header + ", but " + include.floor +
           " may not use " + target;
  }
  for (const auto& [prefix, places] : guarded_headers()) {
    if (!starts_with(include.header, prefix) || table().count(target) > 0) continue;
    const bool allowed = std::any_of(places.begin(), places.end(), [&](const std::string& place) {
      return starts_with(include.file, place + "/");
    });
    if (!allowed) return include.file + " includes " + include.header + ", which is not for it";
  }
  if (include.in_header && kForward.count(include.header) == 0) {
    for (const std::string& prefix : kCppOnly) {
      if (starts_with(include.header, prefix) && !starts_with(include.file, "script/")) {
        return include.file + " is a header and includes the heavy " + include.header;
      }
    }
  }
  return {};
}

TEST_CASE("every floor uses only what the table names") {
  const std::vector<Include> all = includes_of(fs::path(POLYCLINIC_SOURCE_DIR) / "engine");
  CHECK(all.size() > 300);  // the test reads something
  for (const Include& include : all) {
    const std::string wrong = fault(include);
    CHECK_MESSAGE(wrong.empty(), wrong);
  }
}

TEST_CASE("planted violations are seen") {
  CHECK(!fault({"data/x.cpp", "data", "learn/model.hpp", false}).empty());
  CHECK(!fault({"learn/x.cpp", "learn", "fed/parts.hpp", false}).empty());
  CHECK(!fault({"world/x.cpp", "world", "script/scenario_script.hpp", false}).empty());
  CHECK(!fault({"fed/x.cpp", "fed", "lua.h", false}).empty());
  CHECK(!fault({"learn/dense/x.cpp", "learn", "torch/torch.h", false}).empty());
  CHECK(!fault({"net/x.hpp", "net", "fmt/format.h", true}).empty());
  CHECK(!fault({"elsewhere/x.cpp", "elsewhere", "vector", false}).empty());
  CHECK(fault({"fed/x.cpp", "fed", "learn/model.hpp", false}).empty());
  CHECK(fault({"net/x.cpp", "net", "fmt/format.h", false}).empty());
}

}  // namespace
