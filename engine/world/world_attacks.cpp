// The attackers of a run: who they are, and what a reader must know of them.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>

#include "attack/chances.hpp"
#include "fed/aggregation/pre.hpp"
#include "world/world_impl.hpp"

namespace polyclinic {

namespace {

constexpr std::size_t kListedMost = 1'000;  // of an attack's hospitals; of more those that attacked

std::string names_of(const std::vector<std::string>& names) {
  constexpr std::size_t kNamedMost = 8;
  if (names.size() <= kNamedMost) return join_names(names);
  std::vector<std::string> some(names.begin(), names.begin() + kNamedMost - 1);
  some.push_back(fmt::format("{} more", names.size() - some.size()));
  return join_names(some);
}

// With what the user wrote, and no defaults.
std::string as_written(Part part) {
  std::erase_if(part.fields, [](const FieldValue& field) { return !field.given; });
  return to_text(part);
}

}  // namespace

void World::Impl::build_attacks() {
  attack::PlanContext context;
  context.run = run_key;
  const std::vector<HospitalId> members_of_all = all_members();
  context.candidates = members_of_all;  // the same attackers, whoever stays away
  context.info = &cohort->info();
  context.find = [this](std::string_view name) { return population->find(name); };
  context.names = [this] { return hospital_names(); };
  context.aggregation = spec.scenario.part("aggregation");
  context.secure = spec.scenario.part("secure");
  context.control_vectors = plan.control != TrainingPlan::Control::none;
  std::vector<attack::Plan> plans = attack::make_plans(spec.scenario, context);
  attacking = attack::attackers_of(plans);
  if (attacking.size() == candidates.size()) {
    throw spec.scenario.mistake("attacks", "every hospital attacks: nobody is left to be harmed",
                                "results are averages over honest hospitals: leave some");
  }
  if (plans.empty()) return;
  // nobody attacks: the run is that of a scenario without attacks, bit for bit
  attackers = std::make_unique<attack::Attackers>(std::move(plans), *context.aggregation, run_key);
}

Adversary* World::Impl::adversary() const {
  return attacking.empty() ? nullptr : attackers.get();
}

bool World::Impl::attacks(HospitalId hospital) const {
  return std::binary_search(attacking.begin(), attacking.end(), hospital);
}

// What says how well they work is measured beside what the scenario asks for.
void World::Impl::add_backdoors(MeasurePlan& measure) const {
  if (attacking.empty()) return;
  for (const attack::Plan& one : attackers->plans()) {
    if (!one.hospitals.empty() && one.rows && one.rows->is_backdoor()) {
      measure.backdoors.push_back(*one.rows);
    }
  }
  std::vector<std::string> names = measure.value_names();
  std::sort(names.begin(), names.end());
  if (const auto twice = std::adjacent_find(names.begin(), names.end()); twice != names.end()) {
    throw spec.scenario.part("measure")->mistake(
        "metrics", fmt::format("\"{}\" is what the success of a backdoor is called", *twice),
        "give your metric another name");
  }
}

void World::Impl::fill_attacks() {
  if (!attackers) return;
  const std::vector<attack::Plan>& plans = attackers->plans();
  for (std::size_t k = 0; k < plans.size(); ++k) {
    AttackAccount account;
    account.attack = plans[k].part.name;
    account.settings = as_written(plans[k].part);
    account.knows = attack::knowledge_of(plans[k]);
    account.attackers = static_cast<std::int64_t>(plans[k].hospitals.size());
    account.versions = attackers->versions(k);
    for (const HospitalId id : plans[k].hospitals) {
      const auto found = attackers->records(k).find(id);
      const bool acted = found != attackers->records(k).end();
      if (!acted && plans[k].hospitals.size() > kListedMost) continue;
      const attack::AttackerRecord record = acted ? found->second : attack::AttackerRecord();
      account.hospitals.push_back({id, population->name(id), record.trainings, record.counted,
                                   record.left_out, record.first, record.last});
    }
    result.attacks.push_back(std::move(account));
  }
  add_attack_remarks();
}

// Where rounds invite some at random: how often they have more attackers than the rule is told of.
std::string World::Impl::rounds_with_more_attackers() const {
  const Part& rule = *spec.scenario.part("aggregation");
  const Part chosen = selection_part(candidates.size());
  const std::optional<std::int64_t> target = round_target();
  const std::string& server = spec.scenario.part("protocol")->name;
  if ((server != "sync" && server != "swarm") || rule.find("byzantine") == nullptr ||
      chosen.name != "uniform" || !target) {
    return {};
  }
  const double most = std::ceil(static_cast<double>(*target) * sync_options().over_selection);
  const std::size_t invited = std::min(static_cast<std::size_t>(most), candidates.size());
  const std::size_t told = aggregation::Byzantine::of(rule).among(invited);
  const auto among = std::count_if(candidates.begin(), candidates.end(),
                                   [this](HospitalId id) { return attacks(id); });
  const double chance = attack::more_attackers_than(told, invited, static_cast<std::size_t>(among),
                                                    candidates.size());
  if (chance <= 0) return {};
  return fmt::format(
      "a round invites {} of {} hospitals at random, of whom {} attack: with probability {:.2g} "
      "there are more than the {} that aggregation.{} is told of",
      invited, candidates.size(), among, chance, told, rule.name);
}

void World::Impl::add_attack_remarks() {
  for (const AttackAccount& a : result.attacks) {
    if (a.attackers > 0) continue;
    result.remarks.push_back(
        fmt::format("attack.{}: nobody attacks (a share of hospitals is rounded down)", a.attack));
  }
  if (attacking.empty()) return;
  std::vector<std::string> names;
  for (const HospitalId id : attacking) names.push_back(population->name(id));
  const auto honest = std::count_if(evaluated.begin(), evaluated.end(),
                                    [this](HospitalId id) { return !attacks(id); });
  std::string text =
      fmt::format("metrics are averages over the {} honest hospitals; the attackers are {}", honest,
                  names_of(names));
  if (!result.baselines.empty()) {
    text += "; references are trained on the unharmed rows of all, attackers too";
  }
  result.remarks.push_back(std::move(text));
  if (attackers->left_out() > 0) {
    result.remarks.push_back(
        fmt::format("{} updates of attackers held a NaN or an infinity and were left out",
                    attackers->left_out()));
  }
  if (std::string more = rounds_with_more_attackers(); !more.empty()) {
    result.remarks.push_back(std::move(more));
  }
  if (spec.scenario.part("privacy") != nullptr) {
    result.remarks.push_back(
        "the ledger of privacy is that of hospitals that keep to the protocol: an attacker's "
        "update need not be cut or noisy, and trainings that did not take place cost nothing");
  }
}

}  // namespace polyclinic
