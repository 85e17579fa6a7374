// Inside the net floor: what a group of hospitals is drawn from.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "base/copula.hpp"
#include "net/population.hpp"

namespace polyclinic {

// The quantities that are drawn jointly, in the order of their random words. Append only: the order
// is part of every result.
enum class Ranked : std::uint8_t {
  size,
  speed,
  uplink,
  downlink,
  latency,
  overhead,
  prevalence,
  case_mix,
};
inline constexpr std::size_t kRanked = 8;
using Ranks = std::array<double, kRanked>;

// Laws and habits of one kind of hospital.
struct HospitalSettings {
  std::string profile;  // "university", "rural" or ""
  double share = 1;     // of the hospitals of its rule
  Distribution patients, speed, uplink, downlink, latency, loss, overhead, approval;
  double jitter = 0;
  std::optional<DailyWindow> window;
  Value availability;
  HospitalRole role = HospitalRole::member;
  std::string region;
  std::optional<double> prevalence;
  std::optional<double> case_mix;
  std::optional<GaussianCopula> copula;  // none: independent
};

// Kinds of hospital with their shares; one unless the profile is "mixed".
using HospitalRule = std::vector<HospitalSettings>;

// Resolved parts from the most general (`hospitals`) to the most special (a group, a site). What a
// later one gives wins; what a part gives wins over the profile it names. Throws ScenarioError.
HospitalRule make_rule(const std::vector<const Part*>& layers);

// Ranks of one hospital, each uniform in (0, 1), with the settings' rank correlations. A given rank
// of its size stands in for the drawn one: what follows size follows it.
Ranks draw_ranks(const HospitalSettings& settings, RunKey run, HospitalId id,
                 std::optional<double> size_rank = {});

}  // namespace polyclinic
