// What a scenario says about regional aggregators.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/schema.hpp"
#include "base/time.hpp"
#include "net/network.hpp"

namespace polyclinic {

struct HierarchyOptions {
  std::int64_t rounds = 30;                     // of the server
  std::int64_t regional_rounds = 1;             // of each region in one of them
  TimeNs deadline = kNever;                     // of a regional round; kNever: none
  TimeNs global_deadline = kNever;              // of a round of the server
  double over_selection = 1.0;                  // within a region
  std::optional<std::int64_t> minimum_replies;  // within a region; none: max(2, two thirds)
  std::optional<std::int64_t> minimum_regions;  // none: two thirds, rounded up
  TimeNs pause;
  std::int64_t control_bytes = 1000;
};

// Reads a resolved part protocol.hierarchical; rounds and deadline are the scenario's.
HierarchyOptions hierarchy_options(const Part& part, std::int64_t rounds, TimeNs deadline);
// The link of aggregators that are machines of their own, in that region.
AccessLink aggregator_link(const Part& part, const std::string& region);
// Refuses parts of a scenario that do not work with regional sums; objective, secure and
// compression may be null.
std::vector<Mistake> hierarchy_conflicts(const Part& protocol, const Part& aggregation,
                                         const Part* objective, const Part* secure,
                                         const Part* compression);

// protocol.hierarchical.
Schema hierarchical_schema(std::vector<Field> common);

}  // namespace polyclinic
