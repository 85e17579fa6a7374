// The attacks of a scenario, resolved: who, when, and what they may know.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "attack/rows.hpp"
#include "base/ids.hpp"
#include "base/schema.hpp"
#include "base/stream.hpp"
#include "base/time.hpp"
#include "data/dataset.hpp"

namespace polyclinic::attack {

struct Plan {
  Part part;
  std::vector<HospitalId> hospitals;       // who, in order; may be none
  TimeNs from;                             // trainings that begin from then on,
  std::int64_t from_version = 0;           // with models from this version on,
  TimeNs to = kNever;                      // before this time,
  std::optional<std::int64_t> to_version;  // and with models before this version
  double chance = 1;                       // of each such training
  bool sees_all = false;          // it knows all honest updates of its version, not only its own
  std::optional<RowPoison> rows;  // it changes rows, not updates

  [[nodiscard]] bool has(HospitalId hospital) const;
};

// What plans are made from. References outlive the call.
struct PlanContext {
  RunKey run;
  std::span<const HospitalId> candidates;  // who may take part, in order
  const DatasetInfo* info = nullptr;
  std::function<std::optional<HospitalId>(std::string_view name)> find;
  std::function<std::vector<std::string>()> names;  // of all hospitals, for messages
  const Part* aggregation = nullptr;                // the announced rule
  const Part* secure = nullptr;                     // null: no masks
  bool control_vectors = false;                     // travel beside the updates
};

// Reads the scenario's field `attacks` (a list of parts attack.*, or one). Throws ScenarioError for
// what cannot be: nobody named, unknown or external hospitals, an attack that looks at updates
// under masks.
std::vector<Plan> make_plans(const Part& scenario, const PlanContext& context);

// All that ever attack, in order.
std::vector<HospitalId> attackers_of(std::span<const Plan> plans);

// What it may know, in words: "all honest updates of a version".
std::string knowledge_of(const Plan& plan);

// The fields that say who attacks and when, which every attack has.
std::vector<Field> plan_fields();
Field knows_field();

}  // namespace polyclinic::attack
