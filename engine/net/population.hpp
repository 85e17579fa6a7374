// Who the hospitals are: size, machine, link and habits of each, drawn jointly at its own address.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/schema.hpp"
#include "base/stream.hpp"
#include "base/time.hpp"

namespace polyclinic {

// A daily window in which a hospital may train: from `opens` to `closes` after midnight (across it
// when closes < opens). Day 0 starts at time 0.
struct DailyWindow {
  TimeNs opens;
  TimeNs closes;
  [[nodiscard]] bool open_at(TimeNs time) const;
  // The first time not before `time` at which it is open.
  [[nodiscard]] TimeNs next_open(TimeNs time) const;
  // The first time after `time` at which it closes.
  [[nodiscard]] TimeNs next_close(TimeNs time) const;
};

enum class HospitalRole : std::uint8_t {
  member,    // takes part
  external,  // only evaluated on
  later,     // takes part once the timeline lets it join
};

// As scenarios and results call it.
constexpr const char* name(HospitalRole role) {
  switch (role) {
    case HospitalRole::member: return "member";
    case HospitalRole::external: return "external";
    case HospitalRole::later: break;
  }
  return "later";
}

// One hospital, resolved. Pure function of (run, scenario, id).
struct HospitalProfile {
  HospitalId id;
  std::string name;
  std::string region;
  std::string profile;  // "university", "rural", or empty
  HospitalRole role = HospitalRole::member;
  std::int64_t patients = 0;  // asked size; data files may say otherwise
  double speed_flops = 0;     // effective floating-point operations per second
  double up_bytes_per_s = 0;
  double down_bytes_per_s = 0;
  TimeNs latency;              // one way
  double loss = 0;             // share of packets lost: goodput = rate x (1 - loss)
  TimeNs overhead_median;      // invitation to start: queue, container, loading data
  double overhead_spread = 0;  // its own rounds vary around it (jitter)
  std::optional<DailyWindow> window;
  TimeNs approval;  // before the first training, once
  double prevalence_rank = 0.5;
  double case_mix_rank = 0.5;
  std::optional<double> prevalence;  // given by name
  Value availability;                // a part, a list of parts, or absent
};

// The hospitals of a world, made on demand: profile(id) is pure, so a million cost nothing.
class Population {
 public:
  virtual ~Population() = default;
  [[nodiscard]] virtual std::int64_t count() const = 0;
  [[nodiscard]] virtual HospitalProfile profile(HospitalId id) const = 0;
  [[nodiscard]] virtual std::string name(HospitalId id) const = 0;
  // profile(id).role, cheaper where the population can say so: asked for every hospital of a world.
  [[nodiscard]] virtual HospitalRole role(HospitalId id) const { return profile(id).role; }
  [[nodiscard]] virtual std::optional<HospitalId> find(std::string_view name) const = 0;
  // Every region that hospitals may be in, in alphabetical order; "" when some may be in none.
  [[nodiscard]] virtual std::vector<std::string> regions() const = 0;
  // Overhead of this hospital in this round: the median jittered at its own address.
  [[nodiscard]] virtual TimeNs overhead(HospitalId id, std::int64_t round) const = 0;
};

struct PopulationContext {
  RunKey run;
  // Names that the data give (csv); empty: the scenario's names, else made ones ("hospital-001").
  std::vector<std::string> data_names;
  // Rows of each hospital where tables of patients decide how many it has; size_follows ranks the
  // hospitals by them. Empty: drawn sizes count.
  std::vector<std::int64_t> data_rows;
  // Whether the cohort makes sick patients as often, and as sick, as hospitals ask for.
  bool outcome_follows = true;
};

// Builds the population of a resolved part `hospitals`; nullptr: eight hospitals with defaults.
// Throws ScenarioError: unknown hospital in `site`, impossible rank correlations, duplicate names,
// fields that the data overrule.
std::unique_ptr<Population> make_population(const Part* hospitals,
                                            const PopulationContext& context);

}  // namespace polyclinic
