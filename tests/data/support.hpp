// What the tests of data share: parts built as a scenario builds them, files that live for a test.
#pragma once

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "../temporary_folder.hpp"
#include "base/schema.hpp"
#include "data/cohort.hpp"

namespace polyclinic::test {

inline const Schema& schema(const std::string& kind, const std::string& name = {}) {
  static const std::vector<Schema> all = data_schemas();
  for (const Schema& one : all) {
    if (one.kind == kind && one.name == name) return one;
  }
  throw std::logic_error("no schema " + kind + "." + name);
}

using Fields = std::vector<std::pair<std::string, Value>>;

// A resolved part; a mistake in it throws ScenarioError, as in a scenario.
inline Part part(const std::string& kind, const std::string& name, Fields fields) {
  std::vector<FieldValue> given;
  int line = 1;
  for (auto& [field, value] : fields)
    given.push_back({field, value, {"world.lua", ++line, 3}, true});
  std::vector<Mistake> mistakes;
  Part result = schema(kind, name).resolve(std::move(given), {"world.lua", 1, 1}, mistakes);
  if (!mistakes.empty()) throw ScenarioError(mistakes);
  return result;
}
inline Part column(const std::string& name) {
  return part("column", "", {{"name", Value(name)}});
}
inline Part positive(const std::string& name) {
  return part("positive", "", {{"column", Value(name)}});
}

inline List words(std::initializer_list<const char*> items) {
  List list;
  for (const char* item : items) list.emplace_back(item);
  return list;
}

class Folder : public TemporaryFolder {
 public:
  // Writes a file and returns it as data "..." does.
  FilePath write(const std::string& name, const std::string& text) const {
    return {name, TemporaryFolder::write(name, text)};
  }
};

// The public data sets; empty when this machine does not have them.
inline std::string data_folder() {
  const char* asked = std::getenv("POLYCLINIC_DATA");
  const std::string folder = asked ? asked : std::string(POLYCLINIC_SOURCE_DIR) + "/../shared/data";
  return std::filesystem::exists(folder + "/heart_disease/processed.va.data") ? folder : "";
}
#define NEEDS_DATA()                                                                     \
  if (::polyclinic::test::data_folder().empty()) {                                       \
    MESSAGE("skipped: needs the UCI heart files (set POLYCLINIC_DATA to their folder)"); \
    return;                                                                              \
  }

inline RunKey run_of(std::uint64_t seed) {
  return make_run_key(seed, 0);
}

inline std::unique_ptr<Cohort> cohort(const Part& part, std::uint64_t seed = 1,
                                      std::int64_t cache_bytes = 64LL << 20U,
                                      const SiteDirectory* directory = nullptr) {
  return make_cohort(part, {run_of(seed), directory, cache_bytes});
}

// The four hospitals of UCI Heart Disease as FLamby uses them; `more` replaces or adds fields.
inline Part heart(Fields more = {}) {
  const std::string folder = data_folder() + "/heart_disease/processed.";
  const auto file = [&](const char* name) {
    return Value(FilePath{name, folder + name + ".data"});
  };
  Fields fields{{"files", Value(Table{{"Budapest", file("hungarian")},
                                      {"Cleveland", file("cleveland")},
                                      {"Long Beach", file("va")},
                                      {"Zurich", file("switzerland")}})},
                {"columns", words({"age", "sex", "cp", "trestbps", "chol", "fbs", "restecg",
                                   "thalach", "exang", "oldpeak", "slope", "ca", "thal", "num"})},
                {"drop", words({"slope", "ca", "thal"})},
                {"categorical", words({"cp", "restecg"})},
                {"missing", words({"?"})},
                {"rows_with_missing", Value("drop")},
                {"outcome", Value(positive("num"))},
                {"order", words({"Cleveland", "Budapest", "Zurich", "Long Beach"})}};
  for (auto& [name, value] : more) {
    bool found = false;
    for (auto& [old, old_value] : fields) {
      if (old == name) {
        old_value = value;
        found = true;
      }
    }
    if (!found) fields.emplace_back(name, value);
  }
  return part("cohort", "csv", std::move(fields));
}

}  // namespace polyclinic::test
