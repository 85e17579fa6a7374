#include <fmt/format.h>

#include <algorithm>

#include "base/check.hpp"
#include "learn/metrics/calibration.hpp"
#include "world/baselines.hpp"
#include "world/world_impl.hpp"

namespace polyclinic {

bool wants_baseline(const Part& scenario, std::string_view name) {
  const Value& baselines = scenario.at("baselines");
  // the table of all models at all hospitals is made for those who name it
  if (const auto* flag = baselines.get_if<bool>()) return *flag && name != "cross_site";
  for (const Value& item : baselines.as<List>()) {
    if (item.part()->name == name) return true;
  }
  return false;
}

std::int64_t patients_of(const Site& site) {
  std::int64_t without_id = 0;  // where nobody says who is who, every row is a patient
  std::vector<std::int64_t> ids;
  for (const Dataset* split : {&site.train, &site.validation, &site.test}) {
    if (split->patient.empty()) without_id += split->rows;
    ids.insert(ids.end(), split->patient.begin(), split->patient.end());
  }
  std::sort(ids.begin(), ids.end());
  return without_id + (std::unique(ids.begin(), ids.end()) - ids.begin());
}

namespace {

TimeNs median(std::vector<TimeNs> times) {
  if (times.empty()) return {};
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  return *middle;
}

using Intervals = std::vector<std::pair<TimeNs, TimeNs>>;

// When a hospital was down until `end`, whether or not anybody waited: by its availability, and cut
// off by the timeline (`cut`, in order; kNever: until the end). Times that touch are one outage.
Intervals down_times(Availability& availability, const Intervals& cut, TimeNs end) {
  constexpr int kChangesMost = 100'000;
  Intervals times;
  TimeNs at{0};
  bool up = availability.up_at(at);
  for (int i = 0; i < kChangesMost; ++i) {
    const TimeNs next = availability.next_change(at);
    if (!up) times.emplace_back(at, std::min(next, end));
    if (next >= end) break;
    at = next;
    up = !up;
  }
  if (cut.empty()) return times;
  for (const auto& [from, until] : cut) {
    if (from < std::min(until, end)) times.emplace_back(from, std::min(until, end));
  }
  std::sort(times.begin(), times.end());
  Intervals merged;
  for (const auto& time : times) {
    if (!merged.empty() && time.first <= merged.back().second) {
      merged.back().second = std::max(merged.back().second, time.second);
    } else {
      merged.push_back(time);
    }
  }
  return merged;
}

}  // namespace

void World::Impl::emit_metrics(const ArmResult& arm) {
  if (options.observers.empty()) return;
  const auto event = [&](const std::string& metric) {
    MetricMeasured e;
    e.at = sim.now();
    e.version = versions->current();
    e.arm = arm.name;
    e.metric = metric;
    return e;
  };
  for (const MeasuredAverages& a : arm.averages) {
    const std::pair<Average, std::optional<double>> values[] = {{Average::macro, a.macro},
                                                                {Average::weighted, a.weighted},
                                                                {Average::micro, a.micro},
                                                                {Average::worst, a.worst}};
    for (const auto& [average, value] : values) {
      MetricMeasured e = event(a.metric);
      e.average = average;
      e.value = value;
      if (average == Average::macro) {
        e.low = a.macro_low;
        e.high = a.macro_high;
      }
      e.hospitals_counted = a.hospitals_counted;
      emit(e);
    }
  }
  for (const HospitalMetrics& hospital : arm.hospitals) {
    for (const auto& [metric, value] : hospital.metrics) {
      MetricMeasured e = event(metric);
      e.hospital = hospital.hospital;
      e.value = value.value;
      e.low = value.low;
      e.high = value.high;
      e.n = value.n;
      e.events = value.events;
      e.reason = value.reason;
      emit(e);
    }
  }
}

void World::Impl::run_baselines() {
  if (result.interrupted || evaluator->interrupted()) return;
  BaselineSetup setup;
  setup.cohort = cohort.get();
  setup.model = model.get();
  setup.plan = &plan;
  setup.initial = &initial;
  setup.workers = &workers;
  setup.measurement = measurement.get();
  setup.run = run_key;
  setup.members = evaluated;
  setup.external = external;
  setup.rounds = versions->current() - versions_back;
  setup.interrupt = options.interrupt;
  // visits per training row that the federation really made, over all hospitals that could take
  // part
  double rows = 0;
  for (HospitalId id : evaluated) rows += static_cast<double>(cohort->train_rows(id));
  rows *= static_cast<double>(candidates.size()) / static_cast<double>(evaluated.size());
  setup.visits = rows > 0 ? static_cast<double>(maker->rows_visited()) / rows : 0.0;
  const auto add = [&](std::optional<ArmResult> arm) {
    if (arm) result.baselines.push_back(*std::move(arm));
  };
  measure_mean_model();
  if (wants_baseline(spec.scenario, "pooled")) {
    add(run_pooled(setup));
    // another quantity than the federation estimates (science.md, rule 9): given both ways
    if (survival()) add(run_pooled(setup, PooledRisk::within_hospitals));
  }
  const bool crossed = wants_baseline(spec.scenario, "cross_site");
  if (crossed || wants_baseline(spec.scenario, "local_only")) {
    const std::vector<ParameterVector> models = train_local_models(setup);
    if (wants_baseline(spec.scenario, "local_only")) add(score_local_models(setup, models));
    if (crossed) result.cross_site = cross_models(setup, models);
  }
  if (!result.baselines.empty()) result.oracle = cohort->oracle();
  for (const ArmResult& arm : result.baselines) {
    emit_metrics(arm);
    for (const MeasuredAverages& averages : arm.averages) {
      fingerprint.results.number(averages.macro.value_or(-1.0));
    }
  }
  if (!result.baselines.empty() && evaluation_sampled) {
    result.remarks.push_back(
        fmt::format("the baselines use the {} hospitals that are evaluated, not all {}",
                    evaluated.size(), candidates.size()));
  }
}

void World::Impl::fill_accounts() {
  std::vector<HospitalId> listed = evaluated;
  for (const auto& [id, member] : members->touched()) listed.push_back(id);
  listed.insert(listed.end(), external.begin(), external.end());
  std::sort(listed.begin(), listed.end());
  listed.erase(std::unique(listed.begin(), listed.end()), listed.end());
  // who interrupts a run does not wait until data are generated for its account
  const bool brief = evaluator->interrupted();
  for (HospitalId id : listed) {
    HospitalAccount account;
    account.hospital = id;
    const HospitalProfile profile = population->profile(id);
    account.name = profile.name;
    account.region = profile.region;
    account.role = profile.role;
    account.attacker = attacks(id);
    const auto it = members->touched().find(id);
    const SitePtr site = brief ? cohort->site_at_hand(id) : cohort->site(id);
    if (!site) {
      account.patients = profile.patients;
      if (it != members->touched().end()) account.train_rows = it->second->train_rows;
    } else {
      account.train_rows = site->train.rows;
      account.rows = site->train.rows + site->validation.rows + site->test.rows;
      account.patients = patients_of(*site);
      account.remarks = site->remarks;
    }
    if (it != members->touched().end()) {
      const Member& member = *it->second;
      const auto made =
          static_cast<double>(std::max<std::int64_t>(versions->current() - times_back, 1));
      account.weight = member.shares / made;
      account.bytes_up = network->bytes_of(id, TransferDirection::up);
      account.bytes_down = network->bytes_of(id, TransferDirection::down);
      account.invitations = member.invitations;
      account.participations = member.participations;
      account.drops = member.drops;
      account.partial = member.partial;
      account.epochs = member.epochs;
      account.busy = member.busy;
      account.median_round = median(member.round_durations);
      constexpr std::size_t kTimesMost = 1'000;
      const auto cut = cut_off.find(id);
      account.outage_times = down_times(
          *member.availability, cut == cut_off.end() ? Intervals() : cut->second, sim.now());
      account.outages = static_cast<std::int64_t>(account.outage_times.size());
      for (const auto& [from, until] : account.outage_times) account.down += until - from;
      if (account.outage_times.size() > kTimesMost) account.outage_times.resize(kTimesMost);
    }
    result.hospitals.push_back(std::move(account));
  }
}

// Thresholded metrics say where they cut (science.md, rule 4).
void World::Impl::add_threshold_remark() {
  if (result.federated.threshold.empty()) return;
  std::string text = "decisions cut probabilities at " + result.federated.threshold;
  for (const ArmResult& arm : result.baselines) text += ", " + arm.name + " at " + arm.threshold;
  result.remarks.push_back(std::move(text));
}

void World::Impl::add_straggler_remark() {
  const Part* stragglers = spec.scenario.part("stragglers");
  if (stragglers == nullptr) return;
  std::int64_t partial = 0;
  for (const auto& [id, member] : members->touched()) partial += member->partial;
  if (stragglers->name == "by_speed") {
    const Visits::Work& work = visits->work_done();
    if (work.trainings == 0) return;
    result.remarks.push_back(fmt::format(
        "work by speed: {} of {} trainings had fewer than {:g} epochs; {:.1f} in the mean, from "
        "{:g} to {:g}",
        partial, work.trainings, plan.epochs, work.epochs / static_cast<double>(work.trainings),
        work.least, work.most));
    return;
  }
  result.remarks.push_back(
      fmt::format("stragglers finished a part of {} trainings: their work {}", partial,
                  stragglers->text("work") == "drop" ? "was dropped" : "counted as any other's"));
}

void World::Impl::add_stopping_remark() {
  if (plan.early_stopping.patience == 0) return;
  const Visits::Work& work = visits->work_done();
  if (work.trainings == 0) return;
  result.remarks.push_back(fmt::format(
      "early stopping ended {} of {} trainings before their last epoch; {:.1f} epochs in the mean, "
      "from {:g} to {:g}",
      work.stopped, work.trainings, work.epochs / static_cast<double>(work.trainings), work.least,
      work.most));
}

// Whose update does not count keeps its control vector, which nobody could tell from the accounts.
void World::Impl::add_control_remark() {
  const std::int64_t kept = visits->controls_kept();
  if (kept == 0) return;
  result.remarks.push_back(fmt::format(
      "control vectors: {} training{} begun that did not count, and the hospital kept the "
      "vector that it had",
      kept, kept == 1 ? " was" : "s were"));
}

// Losses that hospitals tell are messages of theirs, and what the server does with them decides.
void World::Impl::add_told_loss_remarks() {
  if (!tells_losses()) return;
  std::string text =
      "losses: with every update a hospital told the loss of the model that it started from, on "
      "all "
      "its training rows, without noise";
  if (proximal) {
    text += fmt::format("; by them mu went from {:.4g} to {:.4g}, between {:.4g} and {:.4g}",
                        plan.proximal, proximal->mu(), proximal->least(), proximal->most());
  }
  result.remarks.push_back(std::move(text));
}

// What is scored where own models are trained in the steps of the shared one.
std::string World::Impl::in_steps_remark() const {
  if (!personal.mixes()) return "personal.envelope: each hospital is scored with its own model";
  std::string remark =
      "personal.mixture: each hospital is scored with its own model mixed with the global one";
  if (!personal.own.adapts) return remark + fmt::format(", {:g} of it", personal.first_share);
  double least = 1;
  double most = 0;
  for (const HospitalId id : evaluated) {
    const double share = evaluator->own_share(id).value_or(personal.first_share);
    least = std::min(least, share);
    most = std::max(most, share);
  }
  return remark + fmt::format(", {:.3g} to {:.3g} of it", least, most);
}

// Personalised strategies have no single model: what was scored must be said.
void World::Impl::add_personal_remark() {
  if (personal.kind == PersonalRule::Kind::none) return;
  if (personal.layers) return add_layers_remark();
  const bool in_steps = personal.kind == PersonalRule::Kind::in_steps;
  std::string remark = in_steps ? in_steps_remark()
                       : personal.kind == PersonalRule::Kind::ditto
                           ? "personal.ditto: each hospital is scored with its own model"
                           : "personal.fine_tuned: each hospital is scored with the global model "
                             "after training it at "
                             "home, which is not on the clock";
  if (without_model > 0) {
    remark += fmt::format("; {} that {} none with the global one", without_model,
                          without_model == 1 ? "has" : "have");
  }
  if (!external.empty()) remark += "; external hospitals with the global one";
  result.remarks.push_back(std::move(remark));
}

// The same where layers stay at home: how many values travel, and who had to be given layers.
void World::Impl::add_layers_remark() {
  const HomeLayers& layers = *personal.layers;
  std::vector<std::string> names;
  for (const Slice& slice : layers.kept()->slices()) names.push_back(slice.name);
  std::string remark = fmt::format(
      "personal.layers: each hospital is scored with the shared layers and its own; {} stay at "
      "home, {} of {} values travel, and those are all that model.npz holds",
      join_names(names), layers.shared()->size(), model->layout()->size());
  const auto some = static_cast<std::int64_t>(external.size()) + without_model;
  if (some > 0 && personal.estimates) {
    remark += fmt::format(
        "; {} hospital{} without any of {} own took initial scales and shifts and the statistics "
        "of {} training rows, outcomes not looked at, which is not on the clock",
        some, some == 1 ? "" : "s", some == 1 ? "its" : "their", some == 1 ? "its" : "their");
  } else if (some > 0) {
    remark += fmt::format(
        "; {} hospital{} without layers of {} own fitted them to {} training rows for {:g} epochs "
        "before scoring, which is not on the clock",
        some, some == 1 ? "" : "s", some == 1 ? "its" : "their", some == 1 ? "its" : "their",
        personal.new_epochs);
  }
  result.remarks.push_back(std::move(remark));
}

// What a number must be read with (science.md, rule 4): how ECE is binned, what AUPRC starts from.
void World::Impl::add_definition_remarks() {
  const auto& planned = measurement->plan().metrics;
  const auto measured = [&](const char* name) {
    return std::find(planned.begin(), planned.end(), *metrics::find_metric(name)) != planned.end();
  };
  if (measured("ece")) {
    result.remarks.push_back("ece: " + metrics::bins_text({}) +
                             "; ece_expected is what perfect calibration would show");
  }
  if (!measured("auprc")) return;
  double prevalence = 0;
  int counted = 0;
  for (const HospitalMetrics& hospital : result.federated.hospitals) {
    const bool member = std::binary_search(evaluated.begin(), evaluated.end(), hospital.hospital);
    if (!member || attacks(hospital.hospital)) continue;
    for (const auto& [name, value] : hospital.metrics) {
      if (name != "auprc" || !value.value || value.n == 0) continue;
      prevalence += static_cast<double>(value.events) / static_cast<double>(value.n);
      ++counted;
    }
  }
  if (counted == 0) return;
  result.remarks.push_back(
      fmt::format("auprc: without any knowledge it is the prevalence, {:.3f} in the mean over "
                  "hospitals",
                  prevalence / counted));
}

// A timeline that waits for a version that never came did nothing, which nobody would see.
void World::Impl::add_waiting_remark() {
  if (version_waits.empty()) return;
  result.remarks.push_back(
      fmt::format("a timeline waited for version {}, which did not come: there are {}",
                  version_waits.begin()->first, versions->current()));
}

void World::Impl::add_failure_remark() {
  const std::vector<RoundRecord>& rounds = result.round_records;
  const auto failed =
      std::count_if(rounds.begin(), rounds.end(), [](const RoundRecord& r) { return r.failed; });
  if (5 * failed <= std::ssize(rounds)) return;
  if (!asynchronous()) {
    result.remarks.push_back(fmt::format(
        "{} of {} rounds failed for too few replies: a longer deadline, a pause between "
        "rounds or fewer minimum_replies would help",
        failed, rounds.size()));
    return;
  }
  const auto last =
      std::find_if(rounds.rbegin(), rounds.rend(), [](const RoundRecord& r) { return r.failed; });
  result.remarks.push_back(
      fmt::format("{} of {} times no version was made; at the last of them: {}", failed,
                  rounds.size(), last->reason));
}

void World::Impl::check_curve() {
  result.convergence = check_convergence(curve);
  if (measurement->plan().every == 0) {
    result.convergence.text = "convergence was not checked: only the last version is measured";
  }
}

void World::Impl::fill_result() {
  result.scenario = spec.file;
  const Value* title = spec.scenario.find("title");
  result.title = title ? title->as<std::string>() : "";
  result.seed = spec.seed;
  result.world_hash = spec.hash();
  result.rounds = static_cast<std::int64_t>(result.round_records.size());
  result.versions = versions->current();
  result.ended = sim.now();
  result.outcome = cohort->info().outcome;
  result.protocol = spec.scenario.part("protocol")->name;
  if (asynchronous()) result.staleness = staleness_account();
  result.hospitals_total = static_cast<std::int64_t>(candidates.size() + external.size());
  result.hospitals_evaluated = static_cast<std::int64_t>(evaluated.size() + external.size());
  result.steps = maker->steps();
  result.bytes_up = network->bytes_total(TransferDirection::up);
  result.bytes_down = network->bytes_total(TransferDirection::down);
  fill_accounts();
  check_curve();
  if (evaluation_sampled) {
    result.remarks.push_back(
        fmt::format("metrics are those of a fixed random sample of {} of the {} hospitals",
                    evaluated.size(), candidates.size()));
  }
  if (maker->weights_were_capped()) {
    result.remarks.push_back(fmt::format(
        "a hospital with more than {:.0f} % of the training rows was held to that weight",
        100.0 * weight_rule(*spec.scenario.part("aggregation")).max_share));
  }
  add_threshold_remark();
  add_straggler_remark();
  add_stopping_remark();
  add_control_remark();
  add_told_loss_remarks();
  add_personal_remark();
  result.compressed_up = wire->account_up();
  result.compressed_down = wire->account_down();
  add_secure_remarks();
  fill_attacks();
  add_border_remarks();
  add_gossip_remarks();
  add_turn_remarks();
  add_happening_remarks();
  finish_changes();
  add_definition_remarks();
  add_waiting_remark();
  if (survival()) {
    result.remarks.push_back(
        "stratified Cox: patients are compared with those of their own hospital only, which "
        "estimates something else than a Cox model of one table; of the references pooled compares "
        "all patients, pooled_stratified those of a hospital");
  }
  std::int64_t diverged = 0;
  for (const auto& [id, member] : members->touched()) {
    const auto it = member->drops.find(DropReason::diverged);
    if (it != member->drops.end()) diverged += it->second;
  }
  if (attackers) diverged -= attackers->left_out();  // said of the attackers
  if (diverged > 0) {
    result.remarks.push_back(fmt::format(
        "{} trainings overflowed: the learning rate is too large for these data", diverged));
  }
  for (const ArmResult& arm : result.baselines) {
    if (arm.overflowed == 0) continue;
    result.remarks.push_back(arm.name == "pooled"
                                 ? "the pooled training overflowed: it has no values"
                                 : fmt::format("{} trainings of {} overflowed: they have no values",
                                               arm.overflowed, arm.name));
  }
  if (!result.baselines.empty() && maker->rows_visited() == 0) {
    result.remarks.push_back(
        "the references were not trained: no update of the federation was used");
  }
  add_failure_remark();
  if (metric_read) {
    result.remarks.push_back(
        "a script read world.metric: the run depends on the experimenter's view");
  }
  for (const auto& [id, member] : members->touched()) {
    if (member->invitations > 0 && member->participations == 0) {
      result.remarks.push_back(fmt::format("{} was invited {} times and never heard",
                                           member->profile.name, member->invitations));
    }
  }
  fill_privacy();
  result.fingerprint = fingerprint.text();
  result.events_dispatched = sim.dispatched();
  result.final_parameters = versions->parameters()->compact();
  for (const Slice& slice : versions->parameters()->layout().slices()) {
    result.parameter_slices.emplace_back(slice.name, slice.shape);
  }
  result.provenance.emplace_back("threads", fmt::format("{}", workers.threads()));
}

}  // namespace polyclinic
