// Builds worlds from the Catalogue without Lua.
#pragma once

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "world/catalogue.hpp"
#include "world/world.hpp"
#include "world/world_spec.hpp"

namespace polyclinic::testing {

using Fields = std::vector<std::pair<std::string, Value>>;

inline Part part(std::string_view kind, std::string_view name, const Fields& fields = {}) {
  static const Catalogue catalogue;
  const Schema* schema = catalogue.find(kind, name);
  ENSURE(schema != nullptr, "tests name things that exist");
  std::vector<FieldValue> given;
  for (const auto& [field, value] : fields) given.push_back({field, value, {}, true});
  std::vector<Mistake> mistakes;
  Part result = schema->resolve(std::move(given), {}, mistakes);
  if (!mistakes.empty()) throw ScenarioError(mistakes);
  return result;
}

inline Value seconds(double s) {
  return Value(Quantity{s * 1e9, Dimension::time});
}
inline Value gflops(double g) {
  return Value(Quantity{g * 1e9, Dimension::speed});
}
inline Value mbit(double m) {
  return Value(Quantity{m * 125'000.0, Dimension::bandwidth});
}
inline Value list(std::vector<Value> items) {
  return Value(List(std::move(items)));
}

// A small generated federation; fields replace or add to its scenario's.
inline WorldSpec small_world(const Fields& fields = {}, std::uint64_t seed = 1) {
  Fields all{{"cohort", part("cohort", "ehr")}, {"rounds", 3}, {"baselines", false}};
  for (const auto& [name, value] : fields) {
    bool replaced = false;
    for (auto& [old, old_value] : all) {
      if (old != name) continue;
      old_value = value;
      replaced = true;
    }
    if (!replaced) all.emplace_back(name, value);
  }
  WorldSpec spec = resolve_world(part("scenario", "", all), "small.lua");
  spec.seed = seed;
  return spec;
}

inline RunResult run(const WorldSpec& spec, RunOptions options = {}) {
  World world(spec, nullptr, options);
  world.run();
  return world.result();
}

}  // namespace polyclinic::testing
