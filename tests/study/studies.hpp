// Small studies from the Catalogue, without Lua.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "../world/parts.hpp"
#include "study/plan.hpp"

namespace polyclinic::testing {

inline Part arm_part(const std::string& name, const Fields& changes = {}) {
  Part arm;
  arm.kind = "arm";
  arm.fields.push_back({"name", Value(name), {}, true});
  for (const auto& [field, value] : changes) arm.fields.push_back({field, value, {}, true});
  return arm;
}

inline Part study_part(Part base, std::vector<Part> arms) {
  Part study;
  study.kind = "study";
  List list;
  for (Part& arm : arms) list.emplace_back(std::move(arm));
  study.fields = {{"title", Value(), {}, false},
                  {"base", Value(std::move(base)), {}, true},
                  {"arms", Value(std::move(list)), {}, true},
                  {"seeds", Value(3), {}, false},
                  {"compare", Value(), {}, false}};
  return study;
}

// Four hospitals with outages, jitter, a deadline that matters and two invited to a round: every
// kind of draw that a world makes.
inline Part busy_scenario(const Fields& more = {}) {
  const auto minutes = [](double m) { return seconds(60 * m); };
  Fields fields{
      {"hospitals", part("hospitals", "",
                         {{"count", 4},
                          {"patients", 150},
                          {"availability", part("availability", "markov",
                                                {{"up", minutes(60)}, {"down", minutes(20)}})}})},
      {"cohort", part("cohort", "ehr")},
      {"selection", part("selection", "uniform", {{"count", 2}})},
      {"rounds", 6},
      {"deadline", minutes(10)},
      {"measure", part("measure", "", {{"metrics", list({"auroc", "brier"})}, {"every", "end"}})}};
  fields.insert(fields.end(), more.begin(), more.end());
  return part("scenario", "", fields);
}

// Hands out the study's worlds with the seed that is asked for.
inline LoadStudy loader_of(const Part& study) {
  return [study](const Settings&, std::optional<std::uint64_t> seed) {
    LoadedStudy loaded;
    loaded.spec = make_study(study, "study.lua", {});
    for (StudyArm& arm : loaded.spec.arms) {
      if (seed) arm.spec.seed = *seed;
    }
    return loaded;
  };
}

}  // namespace polyclinic::testing
