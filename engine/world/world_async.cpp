// Protocols without common rounds: what they read from the scenario, and what cannot go with them.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>

#include "fed/async_server.hpp"
#include "world/world_impl.hpp"

namespace polyclinic {

namespace {

// What has no meaning where hospitals share no rounds.
void refuse_what_needs_rounds(const Part& scenario) {
  const Part& protocol = *scenario.part("protocol");
  const std::string with = fmt::format("cannot be combined with protocol.{}", protocol.name);
  if (const Part* secure = scenario.part("secure")) {
    const std::string_view sums =
        secure->name == "shares" ? "its servers find the sum of those whose shares they all hold"
                                 : "masks cancel only in the sum of those who agreed on keys "
                                   "before they trained";
    throw scenario.mistake("secure",
                           fmt::format("secure.{} {}: {}, and here nobody knows whose updates a "
                                       "version will be made of",
                                       secure->name, with, sums),
                           "protocol = protocol.sync {}, or secure = none");
  }
  const Part* objective = scenario.part("objective");
  if (objective != nullptr && objective->name != "proximal" && objective->name != "contrastive") {
    throw scenario.mistake("objective",
                           fmt::format("objective.{} {}: a control vector is what a hospital's "
                                       "gradients were at the version that all of a round train "
                                       "from, and here each trains from another",
                                       objective->name, with),
                           "protocol = protocol.sync {}, or objective.proximal");
  }
  const Part* selection = scenario.part("selection");
  if (selection != nullptr && selection->name != "all" && selection->name != "uniform") {
    throw scenario.mistake("selection",
                           fmt::format("selection.{} {}: a hospital is invited whenever another "
                                       "is done, uniformly among those that are idle and up",
                                       selection->name, with),
                           "say how many are at work: participants = 20");
  }
}

}  // namespace

bool World::Impl::asynchronous() const {
  return is_asynchronous(*spec.scenario.part("protocol"));
}

// Hospitals at work at a time: what the protocol says, or the scenario's participants.
std::size_t World::Impl::concurrency() const {
  const Part& part = *spec.scenario.part("protocol");
  const auto members_count = static_cast<std::int64_t>(candidates.size());
  const Value* given = part.find("concurrency");
  if (given == nullptr) return static_cast<std::size_t>(*round_target());
  for (const char* other : {"participants", "selection"}) {
    if (!spec.scenario.given(other)) continue;
    throw part.mistake(
        "concurrency",
        fmt::format("'concurrency' and '{}' both say how many hospitals are at work", other),
        "keep one of them");
  }
  if (given->get_if<All>() != nullptr) return candidates.size();
  if (const auto* share = given->get_if<Quantity>()) {
    const auto count = std::llround(share->value * static_cast<double>(members_count));
    return static_cast<std::size_t>(std::max<long long>(count, 1));
  }
  const std::int64_t count = part.integer("concurrency");
  if (!absent.empty()) return static_cast<std::size_t>(std::min(count, members_count));
  if (count > members_count) {
    throw part.mistake("concurrency",
                       fmt::format("{} hospitals at work, and there are {}", count, members_count),
                       "ask for at most as many as there are, or for all");
  }
  return static_cast<std::size_t>(count);
}

AsyncOptions World::Impl::async_settings() const {
  AsyncOptions settings = async_options(*spec.scenario.part("protocol"), concurrency());
  settings.rounds = spec.scenario.integer("rounds");
  settings.deadline = deadline();
  return settings;
}

// A rule that can never have enough updates in a buffer is a mistake, not bad luck.
void World::Impl::check_buffer(const AsyncOptions& settings) const {
  const Part& rule = *spec.scenario.part("aggregation");
  // whether a hospital that it trusts is in the buffer, only time can tell
  if (settings.every != kNever || rule.find("trusted")) return;
  std::vector<HospitalId> some;
  for (std::size_t i = 0; i < settings.buffer; ++i) {
    some.push_back(candidates[i % candidates.size()]);
  }
  const std::string refusal = aggregation->refusal(some, Demand::ever);
  if (refusal.empty()) return;
  const Part& part = *spec.scenario.part("protocol");
  throw part.mistake(part.find("buffer") ? "buffer" : "",
                     fmt::format("protocol.{} makes a version of {} update{}, and {}", part.name,
                                 settings.buffer, settings.buffer == 1 ? "" : "s", refusal),
                     "no version could ever be made: another rule, or a larger buffer");
}

// Of a hospital, for its ledger: its part of all that the versions are made of.
std::int64_t World::Impl::trainings_planned() const {
  const Part& part = *spec.scenario.part("protocol");
  const std::int64_t rounds = spec.scenario.integer("rounds");
  if (part.name == "hierarchical") return rounds * part.integer("regional_rounds");
  if (!asynchronous()) return rounds;
  const AsyncOptions settings = async_settings();
  if (settings.every != kNever) return rounds;
  const auto members_count = static_cast<std::int64_t>(candidates.size());
  const auto updates = rounds * static_cast<std::int64_t>(settings.buffer);
  return std::max<std::int64_t>((updates + members_count - 1) / members_count, 1);
}

// For `polyclinic check`: who is invited when, and what a version is made of.
std::string World::Impl::visits_text() const {
  const AsyncOptions settings = async_settings();
  const auto hospitals = [](std::size_t n) {
    return fmt::format("{} {}", n, n == 1 ? "hospital" : "hospitals");
  };
  if (settings.every != kNever) {
    return fmt::format("up to {} at work; every {} a version of what has arrived",
                       hospitals(settings.concurrency), to_text(settings.every));
  }
  return fmt::format("{} at work at a time; a version of every {}", hospitals(settings.concurrency),
                     settings.buffer == 1 ? "update" : fmt::format("{} updates", settings.buffer));
}

StalenessAccount World::Impl::staleness_account() const {
  StalenessAccount account;
  double sum = 0;
  for (const RoundRecord& round : result.round_records) {
    account.updates += round.aggregated;
    sum += round.staleness_mean * static_cast<double>(round.aggregated);
    account.most = std::max(account.most, round.staleness_most);
  }
  if (account.updates > 0) account.mean = sum / static_cast<double>(account.updates);
  return account;
}

void World::Impl::build_async() {
  refuse_what_needs_rounds(spec.scenario);
  AsyncServer::Setup setup;
  setup.options = async_settings();
  check_buffer(setup.options);
  check_deadline(setup.options.deadline, setup.options.control_bytes);
  StragglerRule stragglers;
  if (const Part* part = spec.scenario.part("stragglers")) stragglers = straggler_rule(*part, plan);
  build_visits(stragglers, trainings_planned());
  build_maker(weight_rule(*spec.scenario.part("aggregation")), 0);
  setup.simulation = &sim;
  setup.members = members.get();
  setup.versions = versions.get();
  setup.model = model.get();
  setup.visits = visits.get();
  setup.maker = maker.get();
  setup.run = run_key;
  setup.candidates = present;
  setup.emit = [this](const Event& event) { emit(event); };
  setup.after_round = [this](const RoundClosed& closed) { return after_round(closed); };
  protocol = std::make_unique<AsyncServer>(std::move(setup));
}

}  // namespace polyclinic
