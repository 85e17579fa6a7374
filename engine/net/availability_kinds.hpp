// Inside the net floor: the kinds of availability behind make_availability.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/availability.hpp"

namespace polyclinic {

// Where the random numbers of one source of outages come from; its step is the interval's number.
struct AvailabilityAddress {
  RunKey run;
  std::uint64_t entity = 0;
  std::uint64_t lane = 0;
};

// Up and down in turn, each for a time of its law, stationary at time 0. A constant law stands for
// an exponential one of that mean. REQUIRES: the laws give times > 0.
std::unique_ptr<Availability> make_alternating(const AvailabilityAddress& address,
                                               const Distribution& up, const Distribution& down);

// From resolved `availability.diurnal` and `availability.maintenance`. Throw ScenarioError.
std::unique_ptr<Availability> make_diurnal(const Part& part, const AvailabilityAddress& address);
std::unique_ptr<Availability> make_maintenance(const Part& part);

// What one hospital does in a trace: its state at time 0 and the times at which it changes.
struct TraceLine {
  bool up_at_start = true;
  std::vector<TimeNs> changes;  // strictly increasing, >= 0
};

// A trace file, read. Columns (in any order, named in the first line): hospital, time, state (up or
// down from then on; up before the first line) or hospital, start, end (up from start to end; down
// otherwise). Lines of one hospital are in order of time. Throws ScenarioError with file:line.
class TraceTable {
 public:
  static TraceTable read(const std::string& path);
  // nullptr when neither the hospital nor * is named.
  [[nodiscard]] const TraceLine* find(std::string_view hospital) const;
  [[nodiscard]] std::vector<std::string> hospitals() const;

 private:
  std::map<std::string, TraceLine, std::less<>> lines_;
};

// shared: availabilities of many hospitals look into one table and outlive the cache.
class TraceFiles {
 public:
  std::shared_ptr<const TraceTable> get(const std::string& path);

 private:
  std::map<std::string, std::shared_ptr<const TraceTable>> tables_;
};

// From a resolved `availability.trace`.
std::unique_ptr<Availability> make_trace(const Part& part, const AvailabilityContext& context);

}  // namespace polyclinic
