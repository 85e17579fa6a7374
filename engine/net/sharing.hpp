// Who gets how much of a shared link: weighted max-min fairness between flows.
//
// A flow is a number of bytes on its way. Its rate is limited by a cap of its own (its access link)
// and by the links it shares with others; it gets its weight's share of the first of them that is
// full (its bottleneck). Rates are constant between changes, so a solver keeps no clock: the caller
// moves it with advance() and asks for the next completion.
//
//   const FlowId flow = sharing.start({.bytes = 1e6, .cap_bytes_per_s = 2.5e6});
//   sharing.advance(*sharing.next_completion());
//   sharing.take_completed(done);
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/check.hpp"
#include "base/ids.hpp"
#include "base/time.hpp"

namespace polyclinic {

// A running flow. The number is used again once the flow has completed or was aborted.
using FlowId = Id<struct FlowTag>;
// A shared link of a solver's topology.
using LinkId = Id<struct LinkTag>;

struct FlowDemand {
  double bytes = 0;
  double cap_bytes_per_s = 0;       // what its own access link lets through
  double weight = 1;                // share at a bottleneck relative to others
  std::span<const LinkId> route{};  // shared links that it crosses; a star has one: leave empty
};

// What every solver may rely on: other numbers are a mistake of ours.
inline void ensure_possible(const FlowDemand& demand) {
  ENSURE(demand.bytes > 0 && demand.bytes / demand.weight <= 1e18, "a flow has bytes to move");
  ENSURE(demand.cap_bytes_per_s > 0 && demand.cap_bytes_per_s < 1e20, "a flow can move");
  ENSURE(demand.weight > 0 && demand.weight < 1e12, "a flow has a share");
}

// One topology with its flows. Not thread-safe: owned by the event loop. The order in which flows
// start at one instant changes no rate and no time. Changes at one instant are solved once, when
// the clock moves or somebody asks for a rate or the next completion.
class BandwidthSharing {
 public:
  virtual ~BandwidthSharing() = default;
  // Starts a flow now. REQUIRES: bytes, cap and weight > 0 and finite, bytes / weight <= 1e18.
  virtual FlowId start(const FlowDemand& demand) = 0;
  // Takes a flow out and returns the bytes it still had to move. REQUIRES: it runs.
  virtual double abort(FlowId flow) = 0;
  // Changes a flow's own limit from now on. REQUIRES: it runs; cap > 0 and finite.
  virtual void set_cap(FlowId flow, double bytes_per_s) = 0;
  // Another link that flows may cross. REQUIRES: no star; capacity >= 0, finite.
  virtual LinkId add_link(double capacity_bytes_per_s) = 0;
  // Changes a shared link from now on; 0 stops what crosses it. REQUIRES: capacity >= 0, finite.
  virtual void set_capacity(LinkId link, double bytes_per_s) = 0;
  // Time at which the next flow completes if nothing changes, rounded up to 1 ns; nullopt when none
  // runs, or none would end within a hundred years.
  virtual std::optional<TimeNs> next_completion() = 0;
  // Moves the clock. REQUIRES: clock() <= now <= next_completion().
  virtual void advance(TimeNs now) = 0;
  // Takes out the flows that are complete by now and appends them in order of their start.
  virtual void take_completed(std::vector<FlowId>& completed) = 0;

  // Bytes per second of a flow, and bytes still to move, now. REQUIRES: it runs.
  virtual double rate(FlowId flow) = 0;
  virtual double remaining(FlowId flow) = 0;
  [[nodiscard]] virtual TimeNs clock() const = 0;
  [[nodiscard]] virtual std::size_t running() const = 0;
};

// A star: every flow crosses its own access link and one link that all share (LinkId{0}).
// start, abort and completion cost O(log n), and O(log n) for each other flow whose cap the water
// level crosses; a flow that stays on its side of the level is not touched.
std::unique_ptr<BandwidthSharing> make_star_sharing(double capacity_bytes_per_s);

// Any topology: LinkId{i} has capacities[i], and every flow names the links that it crosses, each
// once. Two flows touch each other when they cross a link that their caps together could fill, and
// a change is solved among the F flows and T links that it touches so, all changes of an instant at
// once: O(H log T + R log n) where these flows cross H links and R of them change their rate. Apart
// from that each change costs a move within a sorted list of the n flows. A link that its flows
// cannot fill even at their caps connects nothing. REQUIRES: capacities >= 0, finite.
std::unique_ptr<BandwidthSharing> make_general_sharing(const std::vector<double>& capacities);

}  // namespace polyclinic
