// A hierarchical federation: its regions, their aggregators, and what crossed their borders.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "fed/hierarchical_server.hpp"
#include "fed/weights.hpp"
#include "world/world_impl.hpp"

namespace polyclinic {

namespace {

using ByRegion = std::map<std::string, std::vector<HospitalId>>;

// Whose machine aggregates in a region, by the field aggregators.
std::map<std::string, HospitalId> named_aggregators(const Part& protocol, const ByRegion& regions,
                                                    const Population& population) {
  std::map<std::string, HospitalId> at;
  const Value* given = protocol.find("aggregators");
  if (given == nullptr) return at;
  std::vector<std::string> known;
  for (const auto& [name, hospitals] : regions) known.push_back(name);
  for (const auto& [region, name] : given->as<Table>()) {
    const std::string& hospital = name.as<std::string>();
    if (regions.find(region) == regions.end()) {
      std::string hint = did_you_mean(region, known);
      if (!hint.empty()) hint += '\n';
      throw protocol.mistake("aggregators",
                             fmt::format("aggregators: no hospital that takes part is in the "
                                         "region '{}'",
                                         region),
                             hint + "regions are " + join_names(known));
    }
    const std::optional<HospitalId> id = population.find(hospital);
    if (!id) {
      std::vector<std::string> names;
      for (const HospitalId member : regions.at(region)) names.push_back(population.name(member));
      std::string hint = did_you_mean(hospital, names);
      if (!hint.empty()) hint += '\n';
      throw protocol.mistake(
          "aggregators", fmt::format("aggregators: there is no hospital '{}'", hospital),
          hint + fmt::format("hospitals of {} are {}", region, join_names(names)));
    }
    const std::string home = population.profile(*id).region;
    if (home != region) {
      throw protocol.mistake(
          "aggregators",
          fmt::format("aggregators: {} aggregates for {} and is {}: every update of {} would cross "
                      "a border",
                      hospital, region, home.empty() ? "in no region" : "in " + home, region),
          "nothing of one hospital leaves its region: name one of the region");
    }
    at.emplace(region, *id);
  }
  return at;
}

}  // namespace

// Hospitals that take part, by region. Throws where one has none, or is alone in its region.
std::map<std::string, std::vector<HospitalId>> World::Impl::regions_of_members() const {
  ByRegion regions;
  for (const HospitalId id : candidates) {
    const HospitalProfile profile = population->profile(id);
    if (profile.region.empty()) {
      throw spec.scenario.part("protocol")
          ->mistake("", fmt::format("protocol.hierarchical: {} is in no region", profile.name),
                    "group { region = \"EU\", count = 5 } gives hospitals one");
    }
    regions[profile.region].push_back(id);
  }
  for (const auto& [region, hospitals] : regions) {
    if (hospitals.size() >= static_cast<std::size_t>(kLeastInSum)) continue;
    throw spec.scenario.part("protocol")
        ->mistake("",
                  fmt::format("protocol.hierarchical: {} is alone in the region '{}': a sum of one "
                              "hospital is that hospital's update, which may not cross the border",
                              population->name(hospitals.front()), region),
                  "a region needs two hospitals at least");
  }
  return regions;
}

void World::Impl::check_hierarchy(
    const HierarchyOptions& rounds,
    const std::map<std::string, std::vector<HospitalId>>& regions) const {
  const Part& part = *spec.scenario.part("protocol");
  const auto count = static_cast<std::int64_t>(regions.size());
  if (rounds.minimum_regions && *rounds.minimum_regions > count) {
    throw part.mistake("minimum_regions",
                       fmt::format("minimum_regions is {}, but there {} {}",
                                   *rounds.minimum_regions, count == 1 ? "is" : "are", count),
                       "no round could ever succeed: ask for fewer");
  }
  for (const auto& [region, hospitals] : regions) {
    // as many as a round of the region waits for; where that varies, all of them
    const auto all = static_cast<std::int64_t>(hospitals.size());
    const std::int64_t most = target_of(selection_part(hospitals.size()), all).value_or(all);
    const std::int64_t needed = rounds.minimum_replies.value_or(kLeastInSum);
    if (needed <= most) continue;
    throw part.mistake("minimum_replies",
                       fmt::format("a round of {} needs {} replies and waits for {} {}", region,
                                   needed, most, most == 1 ? "hospital" : "hospitals"),
                       "no round of that region could ever succeed: a sum is of two hospitals at "
                       "least, and of minimum_replies");
  }
}

void World::Impl::build_hierarchy() {
  const Part& part = *spec.scenario.part("protocol");
  const Part& rule = *spec.scenario.part("aggregation");
  const ByRegion regions = regions_of_members();
  const std::map<std::string, HospitalId> at = named_aggregators(part, regions, *population);
  const SyncOptions sync = sync_options();
  HierarchicalServer::Setup setup;
  setup.options = hierarchy_options(part, sync.rounds, sync.deadline);
  check_hierarchy(setup.options, regions);
  check_deadline(sync.deadline, sync.control_bytes);
  for (const auto& [name, hospitals] : regions) {
    HierarchicalServer::Region region;
    region.name = name;
    for (const HospitalId id : hospitals) {
      if (is_among(present, id)) region.candidates.push_back(id);
    }
    const AccessLink link = aggregator_link(part, name);
    if (const auto own = at.find(name); own != at.end()) {
      if (!is_among(present, own->second)) {
        throw part.mistake("aggregators",
                           fmt::format("aggregators: {} aggregates for {} and is not there from "
                                       "the beginning",
                                       population->name(own->second), name),
                           "name a hospital of the role \"member\"");
      }
      region.at = own->second;
      region.aggregator = host_of(own->second);
    } else {
      region.aggregator = network->add_host(link);
    }
    region.selection = make_selection(selection_part(hospitals.size()), script, selection_facts());
    region.rule = make_aggregation(rule, script);
    if (std::string refusal = region.rule->refusal(hospitals, Demand::ever); !refusal.empty()) {
      throw rule.mistake("byzantine", fmt::format("in the region {}: {}", name, refusal),
                         "no round could ever succeed: see docs/reference/aggregation.md for what "
                         "each rule needs");
    }
    setup.regions.push_back(std::move(region));
  }
  if (const Part* stragglers = spec.scenario.part("stragglers")) {
    setup.stragglers = straggler_rule(*stragglers, plan);
  }
  const WeightRule weights = weight_rule(rule);
  build_visits(setup.stragglers, trainings_planned());
  build_maker(weights, 0);
  setup.simulation = &sim;
  setup.network = network.get();
  setup.members = members.get();
  setup.versions = versions.get();
  setup.model = model.get();
  setup.visits = visits.get();
  setup.maker = maker.get();
  setup.by_size = weights.by_size;
  setup.run = run_key;
  setup.emit = [this](const Event& event) { emit(event); };
  setup.after_round = [this](const RoundClosed& closed) { return after_round(closed); };
  protocol = std::make_unique<HierarchicalServer>(std::move(setup));
}

// What must be read with the table of borders (science.md, rule 5).
void World::Impl::add_border_remarks() {
  result.borders = protocol->borders();
  if (result.borders.empty()) return;
  std::int64_t least = 0;
  std::int64_t inside = 0;
  for (const BorderAccount& border : result.borders) {
    inside += border.inside;
    if (border.sums == 0) continue;
    least = least == 0 ? border.hospitals_least : std::min(least, border.hospitals_least);
  }
  std::string text = fmt::format(
      "borders: models came down and regional sums went up, nothing of a single hospital; its {} "
      "messages stayed in its region, whose aggregator sees every update",
      inside);
  if (least > 0) {
    text += fmt::format(
        "; the smallest sum was of {} hospitals: {} of them together with the "
        "server could tell the last one's update",
        least, least - 1);
    if (least < 4) text += ", which is few";
  }
  if (spec.scenario.part("aggregation")->name == "custom") {
    text += "; aggregation.custom is trusted to send no single update as a sum";
  }
  result.remarks.push_back(std::move(text));
}

}  // namespace polyclinic
