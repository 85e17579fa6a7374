// The largest hospital that a generator makes: one more would take the machine's memory with it.
#pragma once

#include <cstdint>

#include "base/value.hpp"
#include "data/cohort.hpp"

namespace polyclinic {

// Larger than any hospital, and about what fits into memory.
inline constexpr std::int64_t kSitePatientsMost = 10'000'000;

// Throws ScenarioError, naming the hospital and its number, if more patients are asked for.
void check_site_size(const Part& cohort, const SiteRequest& request);

// The same for the hospitals of a directory before the run starts. Of more than 10,000 hospitals
// the rest are left to check_site_size(), when they are made.
void check_site_sizes(const Part& cohort, const SiteDirectory& directory);

}  // namespace polyclinic
