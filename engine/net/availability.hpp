// When a hospital, a link or a region is up: a pure function of time, evaluated only while somebody
// waits on it.
#pragma once

#include <memory>

#include "base/ids.hpp"
#include "base/schema.hpp"
#include "base/stream.hpp"
#include "base/time.hpp"

namespace polyclinic {

class Availability {
 public:
  virtual ~Availability() = default;
  // Whether it is up at `time`. The answer never depends on what was asked before. Implementations
  // may remember where they are, so they belong to the event loop.
  [[nodiscard]] virtual bool up_at(TimeNs time) = 0;
  // The first time after `time` at which the state changes; kNever when it never does again.
  [[nodiscard]] virtual TimeNs next_change(TimeNs time) = 0;
};

// Trace files that were read, so that each is read once however many hospitals share it.
class TraceFiles;

// Whose availability: entity addresses for the random numbers.
struct AvailabilityContext {
  RunKey run;
  HospitalId hospital;
  std::string name;    // for trace files
  std::string region;  // for correlated outages
  // Where trace files are kept; nullptr: read anew for this hospital. Used during the call only.
  TraceFiles* files = nullptr;
};

// Builds what a resolved part `availability.*` (or a list of them: up when all are) describes;
// nullptr or none: always up. Throws ScenarioError (a broken trace file, a calendar that makes no
// sense).
std::unique_ptr<Availability> make_availability(const Value* value,
                                                const AvailabilityContext& context);

}  // namespace polyclinic
