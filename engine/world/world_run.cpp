#include <fmt/format.h>

#include <algorithm>

#include "base/check.hpp"
#include "sim/scope.hpp"
#include "world/world_impl.hpp"

namespace polyclinic {

namespace {

constexpr Handler kTimeUp = Handler("stop", [](void* world, std::uint64_t unused) {
  static_cast<World::Impl*>(world)->on_time_up(unused);
});

// Adds what an event says to the fingerprint's timeline: ids and sizes beside the clock's own
// order.
struct Folder {
  Hasher& hasher;
  void operator()(const RoundOpened& e) const {
    for (HospitalId id : e.participants) hasher.word(id.value);
  }
  void operator()(const TransferEnded& e) const {
    hasher.word(static_cast<std::uint64_t>(e.bytes));
    hasher.word(e.completed ? 1 : 0);
  }
  void operator()(const HospitalDropped& e) const {
    hasher.word(e.hospital.value);
    hasher.word(static_cast<std::uint64_t>(e.reason));
  }
  void operator()(const HospitalInvited& e) const { hasher.word(e.hospital.value); }
  void operator()(const UpdateUsed& e) const {
    hasher.word(e.hospital.value);
    hasher.word(static_cast<std::uint64_t>(e.version));
    hasher.word(static_cast<std::uint64_t>(e.staleness));
  }
  void operator()(const SecurePhaseClosed& e) const {
    hasher.word(static_cast<std::uint64_t>(e.answered));
  }
  void operator()(const RegionalRoundOpened& e) const {
    for (HospitalId id : e.participants) hasher.word(id.value);
  }
  void operator()(const BorderCrossed& e) const {
    hasher.word(static_cast<std::uint64_t>(e.bytes));
    hasher.word(e.completed ? 1 : 0);
  }
  void operator()(const Happened& e) const {
    hasher.word(static_cast<std::uint64_t>(e.kind));
    hasher.word(e.hospital ? e.hospital->value + 1ULL : 0);
    hasher.word(static_cast<std::uint64_t>(e.version));
  }
  void operator()(const RoundClosed& e) const {
    hasher.word(static_cast<std::uint64_t>(e.at.ns));
    hasher.word(static_cast<std::uint64_t>(e.version));
  }
  template <class T>
  void operator()(const T&) const {}
};

}  // namespace

void World::Impl::emit(const Event& event) {
  std::visit(Folder{fingerprint.timeline}, event);
  const auto* closed = std::get_if<RoundClosed>(&event);
  if (closed != nullptr && protocol->undone() > 0) {
    RoundClosed told = *closed;
    told.undone = protocol->undone();
    for (Observer* observer : options.observers) observer->on(told);
    return;
  }
  for (Observer* observer : options.observers) observer->on(event);
}

void World::Impl::run() {
  RunStarted started;
  const Value* title = spec.scenario.find("title");
  started.title = title ? title->as<std::string>() : "";
  started.scenario = spec.file;
  started.seed = spec.seed;
  started.world_hash = spec.hash();
  started.hospitals = static_cast<std::int64_t>(candidates.size() + external.size());
  started.rounds_planned = spec.scenario.integer("rounds");
  started.parameters = model->layout()->size();
  emit(started);

  std::exception_ptr failure;
  try {
    run_events();
  } catch (const RunError& error) {
    failure = std::current_exception();
    result.failed = true;
    result.stop_reason = "it failed: " + error.mistake().message;
  } catch (const SiteInterrupted&) {
    result.interrupted = true;
    end("interrupted");
  }
  // whatever happened, what there is until now is kept and said
  protocol->abandon();
  if (script && script_started) script->finish();
  if (!failure) {
    try {
      if (measured_version != versions->current() || data_moved()) measure_now();
      measure_groups();
      run_baselines();
      run_audit();
    } catch (const SiteInterrupted&) {
      // what was measured before stands
    }
    if (evaluator->interrupted() && !result.interrupted) {
      result.interrupted = true;
      result.stop_reason += "; interrupted before everything was measured";
    }
  }
  fill_result();
  RunEnded over;
  over.at = sim.now();
  over.version = versions->current();
  over.interrupted = result.interrupted;
  over.reason = result.stop_reason;
  over.fingerprint = result.fingerprint;
  emit(over);
  if (failure) std::rethrow_exception(failure);
}

void World::Impl::run_events() {
  sim.feed(fingerprint);
  if (const Part* stop = spec.scenario.part("stop"); stop && stop->find("after")) {
    Call call;
    call.handler = &kTimeUp;
    call.context = this;
    sim.schedule(stop->time("after"), Priority::measurement, call);
  }
  const List timeline = spec.scenario.list("timeline");
  if (script && !timeline.empty()) {
    script_started = true;
    script->start(timeline, *this);
  }
  if (may_go_back()) milestones.next(milestone(), false);
  server_scope = std::make_unique<Scope>(sim, "server");
  start_server();
  while (!ended) {
    if (options.before_event) options.before_event(*this, sim.dispatched());
    if (ended || !sim.step()) break;
    if (options.interrupt && options.interrupt->load(std::memory_order_relaxed)) {
      result.interrupted = true;
      end("interrupted");
    }
  }
  if (!ended) {
    throw RunError({}, "nothing can happen any more, yet hospitals wait", sim.pending_text());
  }
}

void World::Impl::start_server() {
  sim.spawn(*server_scope, main_actor(), "server");
}

Task<void> World::Impl::main_actor() {
  if (server_up_at > sim.now()) {
    co_await sim.at(server_up_at);
    happened(HappeningKind::server_back, std::nullopt, std::string());
  }
  co_await protocol->serve();
  if (ended) co_return;
  std::string reason = protocol->ending();
  if (reason.empty()) {
    reason = fmt::format("all {} rounds are done", spec.scenario.integer("rounds"));
  } else if (all_spent()) {
    reason = "the privacy budget of every hospital is spent";
  }
  end(std::move(reason));
}

void World::Impl::end(std::string reason) {
  if (ended) return;
  ended = true;
  result.stop_reason = std::move(reason);
}

void World::Impl::on_time_up(std::uint64_t again) {
  if (again == 0) {
    // behind whatever closes in this instant: a round that ends now is recorded and measured
    Call call;
    call.handler = &kTimeUp;
    call.context = this;
    call.argument = 1;
    sim.schedule(sim.now(), Priority::measurement, call);
    return;
  }
  end(fmt::format("{} have passed", to_text(sim.now())));
}

void World::Impl::on_wake(std::uint64_t token) {
  script->resume(token);
}

void World::Impl::record_round(const RoundClosed& closed) {
  RoundRecord record;
  record.round = closed.round;
  record.version = closed.version;
  record.opened = closed.opened;
  record.closed = closed.at;
  record.invited = closed.invited;
  record.aggregated = closed.aggregated;
  record.failed = closed.failed;
  record.reason = closed.reason;
  record.staleness_mean = closed.staleness_mean;
  record.staleness_most = closed.staleness_most;
  record.consensus = closed.consensus;
  if (closed.aggregator) record.aggregator = population->name(*closed.aggregator);
  result.round_records.push_back(record);
}

bool World::Impl::after_round(const RoundClosed& closed) {
  record_round(closed);
  watch_selection(closed);
  if (!closed.failed) {
    fingerprint.results.word(versions->parameters()->hash());
    if (closed.consensus) fingerprint.results.number(*closed.consensus);
    remember_version();
    const std::int64_t every = measurement->plan().every;
    if (every > 0 && versions->current() % every == 0) measure_now();
    wake_those_that_wait();
  }
  if (const auto reason = stop_condition()) end(*reason);
  if (!ended && all_spent()) end("the privacy budget of every hospital is spent");
  return ended;
}

// What hospitals are scored with instead of the global model.
std::map<HospitalId, ParameterVector> World::Impl::own_models() {
  std::map<HospitalId, ParameterVector> own;
  if (personal.kind == PersonalRule::Kind::none) return own;
  const bool layers = personal.kind == PersonalRule::Kind::layers;
  std::vector<HospitalId> asked = evaluated;
  // without layers of its own an external hospital could not be scored at all
  if (layers) asked.insert(asked.end(), external.begin(), external.end());
  std::vector<ParameterVector> models =
      evaluator->personal_models(asked, *versions->parameters(), versions->current());
  without_model = 0;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    const bool member = i < evaluated.size();
    if (member && (models[i].empty() || (layers && !evaluator->has_own(asked[i])))) ++without_model;
    if (!models[i].empty()) own.emplace(asked[i], std::move(models[i]));
  }
  return own;
}

// Timelines that wait for the newest version go on in this instant.
void World::Impl::wake_those_that_wait() {
  const auto [first, last] = version_waits.equal_range(versions->current());
  for (auto it = first; it != last; ++it) wake_at(sim.now(), it->second);
  version_waits.erase(first, last);
}

std::optional<ArmResult> World::Impl::evaluate_federation(Measurement::Groups groups) {
  const VersionPtr parameters = versions->parameters();
  const std::map<HospitalId, ParameterVector> own = own_models();
  return measurement->evaluate(
      "federated",
      [&](HospitalId id) -> const ParameterVector& {
        if (const ParameterVector* its = protocol->model_of(id)) return *its;
        const auto its = own.find(id);
        return its == own.end() ? *parameters : its->second;
      },
      [&](HospitalId id) { return cohort->site(id); }, groups);
}

void World::Impl::measure_now() {
  std::optional<ArmResult> measured = evaluate_federation(Measurement::Groups::no);
  if (!measured) return;  // interrupted: the measurement before it stands
  result.federated = *std::move(measured);
  result.federated.standardisation = cohort->info().standardisation;
  measured_version = versions->current();
  measured_at = sim.now();
  measured_changes = data_epochs.count();
  for (const MeasuredAverages& averages : result.federated.averages) {
    fingerprint.results.text(averages.metric);
    fingerprint.results.number(averages.macro.value_or(-1.0));
    fingerprint.results.number(averages.micro.value_or(-1.0));
  }
  if (!result.federated.averages.empty()) {
    const MeasuredAverages& first = result.federated.averages.front();
    curve.metric = first.metric;
    curve.better = first.better;
    // two thousandths of an AUROC and its like are within what nobody would wait for
    const bool of_ours = metrics::find_value(first.metric) != nullptr;
    curve.worth = of_ours && first.better == metrics::Better::larger ? 0.002 : 0.0;
    // the same version on other data: its newest value counts
    const bool again = !curve.points.empty() && curve.points.back().first == versions->current();
    if (again) curve.points.pop_back();
    if (first.macro) curve.points.emplace_back(versions->current(), *first.macro);
  }
  emit_metrics(result.federated);
}

// Of the last model alone: nothing that happens depends on it.
void World::Impl::measure_groups() {
  if (measurement->plan().groups.empty() || evaluator->interrupted()) return;
  std::optional<ArmResult> measured = evaluate_federation(Measurement::Groups::yes);
  if (measured) result.federated.groups = std::move(measured->groups);
}

std::optional<std::string> World::Impl::stop_condition() const {
  const Part* stop = spec.scenario.part("stop");
  if (stop == nullptr) return std::nullopt;
  if (stop->find("versions") && versions->current() >= stop->integer("versions")) {
    return fmt::format("version {} is made", versions->current());
  }
  if (measured_version != versions->current()) return std::nullopt;
  const auto auroc = macro_of(result.federated, "auroc");
  if (stop->find("auroc") && auroc && *auroc >= stop->number("auroc")) {
    return fmt::format("the macro AUROC reached {:.4f}", *auroc);
  }
  const auto loss = macro_of(result.federated, "loss");
  if (stop->find("loss") && loss && *loss <= stop->number("loss")) {
    return fmt::format("the macro loss fell to {:.4f}", *loss);
  }
  return std::nullopt;
}

}  // namespace polyclinic
