// Federations in which hospitals take turns: with the one model that goes round, or in gathering
// the updates of all; and what must be read with their numbers.
#include <fmt/format.h>

#include <set>

#include "fed/cyclic_server.hpp"
#include "fed/turns.hpp"
#include "world/world_impl.hpp"

namespace polyclinic {

namespace {

void need_two(const Part& protocol, std::size_t hospitals) {
  if (hospitals >= 2) return;
  throw protocol.mistake(
      "", fmt::format("protocol.{}: one hospital has nobody to take turns with", protocol.name),
      "two hospitals at least");
}

}  // namespace

void World::Impl::build_cyclic() {
  const Part& part = *spec.scenario.part("protocol");
  need_two(part, candidates.size());
  const SyncOptions sync = sync_options();
  check_message_time(sync);
  CyclicServer::Setup setup;
  setup.options = cyclic_options(part, sync.rounds, sync.deadline);
  if (const Part* stragglers = spec.scenario.part("stragglers")) {
    setup.stragglers = straggler_rule(*stragglers, plan);
  }
  build_visits(setup.stragglers, trainings_planned());
  build_maker({}, 0);
  setup.simulation = &sim;
  setup.members = members.get();
  setup.evaluator = evaluator.get();
  setup.versions = versions.get();
  setup.model = model.get();
  setup.visits = visits.get();
  setup.maker = maker.get();
  setup.run = run_key;
  setup.hospitals = candidates;
  setup.emit = [this](const Event& event) { emit(event); };
  setup.after_round = [this](const RoundClosed& closed) { return after_round(closed); };
  protocol = std::make_unique<CyclicServer>(std::move(setup));
}

void World::Impl::build_swarm(SyncServer::Setup& setup, const SyncOptions& sync) {
  const Part& part = *spec.scenario.part("protocol");
  need_two(part, candidates.size());
  check_message_time(sync);
  setup.aggregator = aggregator_rule(part);
}

void World::Impl::add_turn_remarks() {
  const std::string& name = spec.scenario.part("protocol")->name;
  if (name == "cyclic") {
    result.remarks.emplace_back(
        "no server: one model went from hospital to hospital; a version is what the last of a "
        "round made of it, so that later hospitals weigh more than earlier ones");
  }
  if (name != "swarm") return;
  std::set<std::string> who;
  std::int64_t lost = 0;
  for (const RoundRecord& record : result.round_records) {
    if (!record.failed) who.insert(record.aggregator);
    if (record.failed && record.reason.ends_with("was cut off")) ++lost;
  }
  std::string text = fmt::format(
      "no server: {} hospitals aggregated in turn, and each saw every update of its rounds",
      who.size());
  result.remarks.push_back(std::move(text));
  if (lost == 0) return;
  result.remarks.push_back(
      fmt::format("{} lost with the hospital that gathered {}",
                  lost == 1 ? "a round was" : fmt::format("{} rounds were", lost),
                  lost == 1 ? "its updates" : "their updates"));
}

}  // namespace polyclinic
