#include "net/mesh.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/error.hpp"

namespace polyclinic {

namespace {

// A way from a router towards the server: the better one is that of less latency, then of fewer
// links. Of equal ones the first found stays, which the order of the scenario's links decides.
struct Way {
  bool found = false;
  TimeNs latency;
  std::size_t links = 0;
  std::size_t next = 0;  // router
  LinkId first{};
  [[nodiscard]] bool longer_than(TimeNs other_latency, std::size_t other_links) const {
    return !found || other_latency < latency || (other_latency == latency && other_links < links);
  }
};

struct Line {
  std::size_t from = 0;
  std::size_t to = 0;
  LinkId id{};
  TimeNs latency;
};

class MeshBuilder {
 public:
  MeshBuilder(const Part& part, SharedLink server, const Population* population)
      : part_(part), population_(population) {
    topology_.star = false;
    topology_.links.push_back(std::move(server));
  }

  Topology build() {
    for (const Value& value : part_.list("links")) add(*value.part());
    if (routers_.empty()) {
      throw part_.mistake("links", "network.mesh: there are no links",
                          "write link { from = \"Paris\", to = \"Oslo\" } in it");
    }
    find_ways(router("server_at", part_.text("server_at")));
    place_named();
    place_regions();
    return std::move(topology_);
  }

 private:
  std::size_t index_of(const std::string& name) {
    const auto it = std::find(routers_.begin(), routers_.end(), name);
    if (it != routers_.end()) return static_cast<std::size_t>(it - routers_.begin());
    routers_.push_back(name);
    return routers_.size() - 1;
  }

  void add(const Part& link) {
    const std::string& from = link.text("from");
    const std::string& to = link.text("to");
    if (from == to) {
      throw link.mistake("to", fmt::format("link: '{}' is linked with itself", from),
                         "name two routers");
    }
    SharedLink shared;
    shared.name = from + "-" + to;
    const std::string backwards = to + "-" + from;
    for (const SharedLink& other : topology_.links) {
      if (other.name == shared.name || other.name == backwards) {
        throw link.mistake("from", fmt::format("link: '{}' and '{}' are linked twice", from, to),
                           "a link carries both directions; give one link the sum of bandwidths");
      }
    }
    const double rate = link.quantity("bandwidth");
    shared.bytes_per_s = {rate, rate};
    shared.latency = link.time("latency");
    const LinkId id{static_cast<std::uint32_t>(topology_.links.size())};
    const std::size_t start = index_of(from);
    lines_.push_back({start, index_of(to), id, shared.latency});
    topology_.links.push_back(std::move(shared));
  }

  [[nodiscard]] std::size_t router(std::string_view field, const std::string& name) const {
    const auto it = std::find(routers_.begin(), routers_.end(), name);
    if (it != routers_.end()) return static_cast<std::size_t>(it - routers_.begin());
    std::string hint = did_you_mean(name, routers_);
    if (!hint.empty()) hint += '\n';
    throw part_.mistake(field, fmt::format("network.mesh: no link has a router '{}'", name),
                        hint + "routers are " + join_names(routers_));
  }

  // Bellman and Ford: as many rounds as the longest way has links.
  void find_ways(std::size_t server) {
    ways_.resize(routers_.size());
    ways_[server].found = true;
    bool better = true;
    while (better) {
      better = false;
      for (const Line& line : lines_) {
        better = improve(line.from, line.to, line) || better;
        better = improve(line.to, line.from, line) || better;
      }
    }
  }

  // A way from `router` that begins with the line to `next`.
  bool improve(std::size_t from, std::size_t next, const Line& line) {
    if (!ways_[next].found) return false;
    const TimeNs latency = std::min(ways_[next].latency + line.latency, kTimeMax);
    const std::size_t links = ways_[next].links + 1;
    if (!ways_[from].longer_than(latency, links)) return false;
    ways_[from] = {true, latency, links, next, line.id};
    return true;
  }

  [[nodiscard]] Route route_from(std::string_view field, std::size_t router) const {
    if (!ways_[router].found) {
      throw part_.mistake(field,
                          fmt::format("network.mesh: no way leads from '{}' to the server at '{}'",
                                      routers_[router], part_.text("server_at")),
                          "add a link");
    }
    Route route;
    for (std::size_t at = router; ways_[at].links > 0; at = ways_[at].next) {
      route.push_back(ways_[at].first);
    }
    route.push_back(LinkId{0});
    return route;
  }

  [[nodiscard]] std::vector<std::string> regions() const {
    return population_ ? population_->regions() : std::vector<std::string>{};
  }

  void place_named() {
    const Value* at = part_.find("at");
    if (!at) return;
    const std::vector<std::string> known = regions();
    for (const auto& [name, place] : at->as<Table>()) {
      Route route = route_from("at", router("at", place.as<std::string>()));
      if (name == kAnyRegion || std::find(known.begin(), known.end(), name) != known.end()) {
        topology_.by_region[name] = std::move(route);
        continue;
      }
      const auto hospital = population_ ? population_->find(name) : std::nullopt;
      if (!hospital) {
        std::string hint = did_you_mean(name, known);
        if (!hint.empty()) hint += '\n';
        throw part_.mistake("at",
                            fmt::format("network.mesh: '{}' is no region and no hospital", name),
                            hint + "* stands for any other");
      }
      topology_.by_hospital[hospital->value] = std::move(route);
    }
  }

  // Regions that `at` does not name are at the router of their name.
  void place_regions() {
    for (const std::string& region : regions()) {
      if (topology_.by_region.count(region) > 0) continue;
      const auto it = std::find(routers_.begin(), routers_.end(), region);
      if (it != routers_.end()) {
        topology_.by_region[region] =
            route_from("links", static_cast<std::size_t>(it - routers_.begin()));
      } else if (topology_.by_region.count(kAnyRegion) == 0) {
        check_all_named(region);
      }
    }
  }

  // Without a place of its own, every hospital of the region must have one.
  void check_all_named(const std::string& region) const {
    for (std::int64_t i = 0; i < population_->count(); ++i) {
      const HospitalId id{static_cast<std::uint32_t>(i)};
      if (topology_.by_hospital.count(id.value) > 0) continue;
      const HospitalProfile profile = population_->profile(id);
      if (profile.region != region) continue;
      throw part_.mistake(
          "at",
          region.empty() ? fmt::format("network.mesh: hospital '{}' is at no router", profile.name)
                         : fmt::format("network.mesh: the region '{}' is at no router", region),
          fmt::format("write at = {{ [\"{}\"] = \"{}\" }}; * stands for any other",
                      region.empty() ? profile.name : region, routers_.front()));
    }
  }

  const Part& part_;
  const Population* population_;
  Topology topology_;
  std::vector<std::string> routers_;
  std::vector<Line> lines_;
  std::vector<Way> ways_;  // by router
};

}  // namespace

Topology make_mesh(const Part& part, SharedLink server, const Population* population) {
  return MeshBuilder(part, std::move(server), population).build();
}

}  // namespace polyclinic
