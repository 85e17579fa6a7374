// The resolved world, for `polyclinic check`.
#include <algorithm>

#include "world/world_impl.hpp"

namespace polyclinic {

namespace {

std::vector<std::pair<std::string, std::string>> parts_of(const Part& scenario) {
  std::vector<std::pair<std::string, std::string>> parts;
  for (const char* field :
       {"cohort", "training", "objective", "strategy", "stragglers", "privacy", "secure",
        "aggregation", "server", "protocol", "network", "measure", "audit"}) {
    const Part* part = scenario.part(field);
    if (!part) continue;
    Part shown = *part;
    std::erase_if(shown.fields, [](const FieldValue& f) { return f.name == "composition"; });
    parts.emplace_back(field, to_text(shown));
  }
  return parts;
}

}  // namespace

// A profile of `hospitals`, with the patients that its data have.
HospitalProfile World::Impl::described(HospitalId id) const {
  HospitalProfile profile = population->profile(id);
  if (!cohort->site_names().empty()) profile.patients = patients_of(*cohort->site(id));
  return profile;
}

// As the server decides it for each round, where every round waits for the same number.
std::optional<std::int64_t> World::Impl::replies_needed() const {
  if (asynchronous()) return std::nullopt;
  const SyncOptions sync = sync_options();
  const std::string& shape = spec.scenario.part("protocol")->name;
  if (shape == "hierarchical" && !sync.minimum_replies) return std::nullopt;  // regions differ
  if (shape == "gossip" || shape == "cyclic") return 1;
  if (sync.minimum_replies) return sync.minimum_replies;
  const std::optional<std::int64_t> target = round_target();
  if (!target) return std::nullopt;
  return std::min(*target, std::max<std::int64_t>(2, (2 * *target + 2) / 3));
}

WorldDescription World::Impl::describe(std::int64_t hospitals_most) const {
  WorldDescription d;
  const Part& scenario = spec.scenario;
  if (const Value* title = scenario.find("title")) d.title = title->as<std::string>();
  d.seed = spec.seed;
  d.members = static_cast<std::int64_t>(candidates.size());
  d.external = static_cast<std::int64_t>(external.size());
  for (std::int64_t i = 0; i < std::min(population->count(), hospitals_most); ++i) {
    d.hospitals.push_back(described(HospitalId{static_cast<std::uint32_t>(i)}));
  }
  const DatasetInfo& info = cohort->info();
  d.outcome = info.outcome;
  d.task = name(info.task);
  d.standardisation = info.standardisation;
  d.features = info.features;
  d.model = result.model;
  d.parameters = result.parameters;
  d.parts = parts_of(scenario);
  if (attackers) {
    for (const attack::Plan& one : attackers->plans()) {
      d.parts.emplace_back("attack", to_text(one.part));
    }
  }
  d.rate = plan.schedule.rate;
  d.epochs = plan.steps > 0 ? 0 : plan.epochs;
  d.steps = plan.steps;
  d.batch = plan.batch;
  d.rounds = scenario.integer("rounds");
  const Value* deadline = scenario.find("deadline");
  d.deadline = deadline ? to_text(*deadline) : "none";
  d.selection = to_text(selection_part(candidates.size()));
  d.minimum_replies = replies_needed();
  if (asynchronous()) d.visits = visits_text();
  d.metrics = measurement->plan().value_names();
  d.measured_every = measurement->plan().every;
  for (const char* baseline : {"pooled", "local_only"}) {
    if (wants_baseline(scenario, baseline)) d.baselines.emplace_back(baseline);
  }
  if (const Part* stop = scenario.part("stop")) d.stop = to_text(*stop);
  for (const Value& entry : scenario.list("timeline")) {
    d.timeline.push_back(to_text(entry.part()->at("when")));
  }
  return d;
}

}  // namespace polyclinic
