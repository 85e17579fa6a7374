#include "net/topology.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.hpp"
#include "net/mesh.hpp"
#include "net/network.hpp"
#include "net/schema_help.hpp"

namespace polyclinic {

namespace {

double server_rate(const Part& part, TransferDirection direction) {
  const Value& server = part.at("server");
  if (const auto* both = server.get_if<Quantity>()) return both->value;
  const std::string_view key = direction == TransferDirection::up ? "up" : "down";
  for (const auto& [name, value] : server.as<Table>()) {
    if (name == key) return value.as<Quantity>().value;
  }
  throw part.mistake("server", fmt::format("network.{}: 'server' lacks '{}'", part.name, key),
                     "write server = { up = gbit(1), down = gbit(1) }, or one rate for both");
}

SharedLink server_link(const Part& part) {
  if (const auto* table = part.at("server").get_if<Table>()) {
    check_keys(part, "server", *table, {"up", "down"});
  }
  SharedLink link;
  link.name = kServerLink;
  for (const auto direction : {TransferDirection::down, TransferDirection::up}) {
    link.bytes_per_s[static_cast<std::size_t>(direction)] = server_rate(part, direction);
  }
  return link;
}

// The regions that hospitals name, without "".
std::vector<std::string> regions_of(const Population* population) {
  std::vector<std::string> regions;
  if (population) regions = population->regions();
  regions.erase(std::remove(regions.begin(), regions.end(), ""), regions.end());
  return regions;
}

// Lines of single regions by name, resolved.
std::map<std::string, Part> region_lines(const Part& part, const std::vector<std::string>& known) {
  std::map<std::string, Part> lines;
  const Value* value = part.find("region");
  if (!value) return lines;
  std::vector<Mistake> mistakes;
  const SourcePosition where = part.where_of("region");
  for (const auto& [name, fields] : value->as<Table>()) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      std::string hint = did_you_mean(name, known);
      if (!hint.empty()) hint += '\n';
      hint += known.empty() ? "no hospital names a region: group { region = \"EU\", count = 5 }"
                            : "regions are " + join_names(known);
      mistakes.push_back(
          {where, fmt::format("network.regions: no hospital is in the region '{}'", name), hint});
      continue;
    }
    std::vector<FieldValue> given;
    for (const auto& [field, setting] : fields.as<Table>()) {
      given.push_back({field, setting, where, true});
    }
    lines.emplace(name, region_link_schema(name).resolve(std::move(given), where, mistakes));
  }
  if (!mistakes.empty()) throw ScenarioError(std::move(mistakes));
  return lines;
}

Topology make_regions(const Part& part, const Population* population) {
  Topology topology;
  topology.star = false;
  topology.links.push_back(server_link(part));
  topology.by_region[kAnyRegion] = {LinkId{0}};
  const std::vector<std::string> regions = regions_of(population);
  const std::map<std::string, Part> lines = region_lines(part, regions);
  for (const std::string& name : regions) {
    if (name == kServerLink || name == kAnyRegion) {
      throw part.mistake("region", fmt::format("network.regions: a region is called '{}'", name),
                         fmt::format("{} has a meaning of its own here: rename the region", name));
    }
    const auto line = lines.find(name);
    const auto setting = [&](const char* field) -> double {
      const Part& from =
          line != lines.end() && line->second.find(field) != nullptr ? line->second : part;
      return from.quantity(field);
    };
    SharedLink link;
    link.name = name;
    link.bytes_per_s = {setting("down"), setting("up")};
    link.latency = {static_cast<std::int64_t>(setting("latency"))};
    topology.by_region[name] = {LinkId{static_cast<std::uint32_t>(topology.links.size())},
                                LinkId{0}};
    topology.links.push_back(std::move(link));
  }
  return topology;
}

}  // namespace

const Route& Topology::route(HospitalId hospital, const std::string& region) const {
  const auto own = by_hospital.find(hospital.value);
  if (own != by_hospital.end()) return own->second;
  auto regional = by_region.find(region);
  if (regional == by_region.end()) regional = by_region.find(kAnyRegion);
  ENSURE(regional != by_region.end(), "every hospital has its place in the network");
  return regional->second;
}

Topology make_topology(const Part& part, const Population* population) {
  if (part.name == "regions") return make_regions(part, population);
  if (part.name == "mesh") return make_mesh(part, server_link(part), population);
  ENSURE(part.name == "star", "the schemas know no other network");
  Topology topology;
  topology.links.push_back(server_link(part));
  topology.by_region[kAnyRegion] = {LinkId{0}};
  return topology;
}

FlowModel make_flow_model(const Part& network) {
  FlowModel model;
  const Part* part = network.part("flow");
  if (!part) return model;
  model.latency_factor = part->number("latency_factor");
  model.bandwidth_factor = part->number("bandwidth_factor");
  if (const Value* window = part->find("window")) {
    if (const auto* bytes = window->get_if<Quantity>()) model.window_bytes = bytes->value;
  }
  model.round_trip_weights = part->name != "fair";
  if (part->name == "lv08") model.weight_bytes = part->quantity("weight");
  return model;
}

}  // namespace polyclinic
