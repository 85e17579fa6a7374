// Inside the net floor: what lies between the hospitals' own links and the server, and how a flow
// on it behaves.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/time.hpp"
#include "net/population.hpp"
#include "net/sharing.hpp"

namespace polyclinic {

// A link that transfers share; both directions are there at once (full duplex).
struct SharedLink {
  std::string name;
  std::array<double, 2> bytes_per_s{};  // by TransferDirection: down, up
  TimeNs latency;                       // one way
};

// The shared links that a hospital's transfers cross, from its own link to the server. The way down
// is the same backwards, so the two directions never meet on a link.
using Route = std::vector<LinkId>;

// The key of `by_region` that stands for every other region, and for hospitals without one.
inline constexpr const char* kAnyRegion = "*";

struct Topology {
  std::vector<SharedLink> links;  // LinkId{i} is links[i]; links[0] is the server's
  // True: every route is the server's link alone.
  bool star = true;
  std::map<std::uint32_t, Route> by_hospital;
  std::map<std::string, Route> by_region;
  // REQUIRES: the hospital, its region or kAnyRegion has a route.
  [[nodiscard]] const Route& route(HospitalId hospital, const std::string& region) const;
};

// How a flow behaves beyond its share: corrections that stand for TCP. The default corrects
// nothing.
struct FlowModel {
  double latency_factor = 1;    // of the time before the first byte
  double bandwidth_factor = 1;  // payload per byte on the wire
  // Bytes under way at most: a flow gets at most window / (2 x latency).
  double window_bytes = std::numeric_limits<double>::infinity();
  // Shares of a full link are as 1 / (latency + sum over links of weight_bytes / bandwidth) instead
  // of equal.
  bool round_trip_weights = false;
  double weight_bytes = 0;
};

// From a resolved part `network.*`. `population` (may be nullptr) says which regions and hospitals
// there are. Throw ScenarioError.
Topology make_topology(const Part& part, const Population* population);
FlowModel make_flow_model(const Part& network);

}  // namespace polyclinic
