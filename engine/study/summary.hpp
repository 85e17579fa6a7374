// Statistics of a study: over seeds within an arm, and paired by seed between arms.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/statistics.hpp"
#include "base/stream.hpp"
#include "study/plan.hpp"
#include "study/values.hpp"

namespace polyclinic {

// Of one value over seeds.
struct Spread {
  std::int64_t n = 0;
  std::optional<double> mean;
  std::optional<double> sd;  // none below two values
  // Student's 95 % interval for the mean over seeds; none below two values.
  std::optional<statistics::Interval> interval;
  // The percentile bootstrap's, from kBootstrapLeast values on: with fewer it covers too rarely
  // (83 % at 5).
  std::optional<statistics::Interval> bootstrap;
};
inline constexpr std::size_t kBootstrapLeast = 20;
// `stream`: where the bootstrap draws.
Spread spread_of(const std::vector<double>& values, Stream stream);

struct ArmSummary {
  std::int64_t done = 0;
  std::int64_t failed = 0;
  std::vector<std::pair<std::string, Spread>> values;  // the compared one first
  // The compared value minus that of the arm compared with, seed by seed where both have one; none
  // for an arm that is compared with none.
  std::optional<Spread> difference;
};

// The values that a summary shows: the compared one, what else is measured but the parts of Brier's
// score, then sim_seconds, bytes_up, bytes_down.
std::vector<std::string> summary_values(const StudyPlan& plan);

// One for each arm of the plan. `runs` in the plan's order.
std::vector<ArmSummary> summarise(const StudyPlan& plan, const std::vector<StudyRun>& runs);

// Whether larger values of the compared metric are better; "neither" where that is not known.
metrics::Better direction_of(const StudyPlan& plan, const std::vector<StudyRun>& runs);

}  // namespace polyclinic
