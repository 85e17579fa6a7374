#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "base/check.hpp"
#include "base/draw.hpp"
#include "data/npz.hpp"
#include "fed/fair.hpp"
#include "fed/told_losses.hpp"
#include "world/catalogue.hpp"
#include "world/world_impl.hpp"

namespace polyclinic {

namespace {

// A part of the vocabulary with given fields, for choices that the size of the world makes.
Part make_part(std::string_view kind, std::string_view name, std::vector<FieldValue> fields) {
  // built once: a study makes thousands of small worlds
  static const std::vector<Schema> known = fed_schemas();
  for (const Schema& schema : known) {
    if (schema.kind != kind || schema.name != name) continue;
    std::vector<Mistake> mistakes;
    Part part = schema.resolve(std::move(fields), {}, mistakes);
    ENSURE(mistakes.empty(), "defaults are valid");
    return part;
  }
  ENSURE(false, "defaults name things that exist");
  return {};
}

// A selection that asks for no more hospitals than there are, where some stay away.
Part held_to(Part selection, std::size_t hospitals) {
  for (FieldValue& field : selection.fields) {
    if (field.name != "count" && field.name != "candidates") continue;
    const auto n = field.value.integer();
    if (n) field.value = Value(std::min(*n, static_cast<std::int64_t>(hospitals)));
  }
  return selection;
}

constexpr std::size_t kAllUpTo = 50;  // hospitals; of more, some are invited to a round

std::string shape_text(const std::vector<std::int64_t>& shape) {
  return fmt::format("({})", fmt::join(shape, ", "));
}

// The numbers of `init = file "model.npz"` in compact order; empty where init is no file.
std::vector<float> saved_parameters(const Part& part, const Model& model) {
  const Value* init = part.find("init");
  const auto* file = init ? init->get_if<FilePath>() : nullptr;
  if (file == nullptr) return {};
  const std::vector<NamedArray> arrays = read_npz(file->found, part.where_of("init"));
  const auto refuse = [&](const std::string& message) {
    std::vector<std::string> wanted;
    for (const Slice& slice : model.layout()->slices()) {
      wanted.push_back(fmt::format("{} {}", slice.name, shape_text(slice.shape)));
    }
    return part.mistake("init", fmt::format("{}: {}", file->asked, message),
                        "this model's arrays are " + join_names(wanted));
  };
  std::vector<float> values;
  for (const Slice& slice : model.layout()->slices()) {
    const auto it = std::find_if(arrays.begin(), arrays.end(),
                                 [&](const NamedArray& array) { return array.name == slice.name; });
    if (it == arrays.end()) throw refuse(fmt::format("there is no array {}", slice.name));
    if (it->shape != slice.shape) {
      throw refuse(fmt::format("{} has the shape {}, expected {}", slice.name,
                               shape_text(it->shape), shape_text(slice.shape)));
    }
    values.insert(values.end(), it->values.begin(), it->values.end());
  }
  if (arrays.size() > model.layout()->slices().size()) {
    throw refuse("it holds arrays that this model does not have");
  }
  return values;
}

}  // namespace

World::Impl::Impl(WorldSpec world_spec, ScriptHost* script_host, const RunOptions& run_options)
    : spec(std::move(world_spec)),
      script(script_host),
      options(run_options),
      run_key(make_run_key(spec.seed, spec.replication)),
      workers(std::max(1, run_options.threads)) {
  build_sites();
  build_learning();
  build_privacy();
  build_attacks();
  build_measurement();
  check_audit();
  build_federation();
}

World::Impl::~Impl() {
  // coroutine frames hold places in the network: they go first
  sim.root().cancel();
}

std::int64_t World::Impl::count() const {
  return population ? population->count() : 0;
}

bool World::Impl::stays_away(std::string_view name) const {
  return std::find(spec.absent.begin(), spec.absent.end(), name) != spec.absent.end();
}

std::vector<HospitalId> World::Impl::all_members() const {
  std::vector<HospitalId> all = candidates;
  all.insert(all.end(), absent.begin(), absent.end());
  std::sort(all.begin(), all.end());
  return all;
}

SiteRequest World::Impl::request(HospitalId hospital) const {
  const HospitalProfile profile = population->profile(hospital);
  SiteRequest request;
  request.hospital = hospital;
  request.name = profile.name;
  request.patients = profile.patients;
  request.prevalence_rank = profile.prevalence_rank;
  request.case_mix_rank = profile.case_mix_rank;
  request.prevalence = profile.prevalence;
  request.trains = profile.role != HospitalRole::external && !stays_away(profile.name);
  return request;
}

void World::Impl::build_sites() {
  const Part& part = *spec.scenario.part("cohort");
  CohortContext context;
  context.run = run_key;
  context.directory = this;
  context.cache_bytes = options.cache_bytes;
  context.stop = options.interrupt;
  PopulationContext names;
  names.run = run_key;
  names.outcome_follows = part.name == "ehr";
  const Part* hospitals = spec.scenario.part("hospitals");
  // Who says who the hospitals are: a table of patients does, unless it is dealt out to hospitals
  // that the scenario counts or names; a generator takes them from the scenario.
  const bool described = hospitals->given("count") || hospitals->given("names") ||
                         hospitals->given("groups") || hospitals->given("site");
  const Part* partition = part.part("partition");
  const bool dealt = partition != nullptr && partition->name != "by_column";
  const bool from_data = part.name == "csv"         ? !(described && dealt)
                         : part.name == "synthetic" ? !described
                                                    : false;
  if (from_data) {
    cohort = make_cohort(part, context);
    names.data_names = cohort->site_names();
  } else {
    population = make_population(hospitals, names);
    cohort = make_cohort(part, context);
  }
  if (part.name == "csv") {
    for (std::int64_t i = 0; i < cohort->sites(); ++i) {
      names.data_rows.push_back(cohort->train_rows(HospitalId{static_cast<std::uint32_t>(i)}));
    }
  }
  // what the data say of the hospitals counts for who they are
  if (from_data || part.name == "csv") population = make_population(hospitals, names);
  // a table of patients was read before anybody knew who stays away
  if (from_data && !spec.absent.empty()) cohort = make_cohort(part, context);
  cohort->follow(data_epochs);
  const std::int64_t n = population->count();
  for (std::int64_t i = 0; i < n; ++i) {
    const HospitalId id{static_cast<std::uint32_t>(i)};
    const HospitalRole role = population->role(id);
    const bool away = !spec.absent.empty() && stays_away(population->name(id));
    (role == HospitalRole::external ? external : away ? absent : candidates).push_back(id);
    if (role == HospitalRole::member && !away) present.push_back(id);
  }
  ENSURE(absent.size() == spec.absent.size(), "who stays away is a member, named once");
  if (candidates.empty()) {
    throw spec.scenario.mistake("hospitals", "no hospital takes part: all are external",
                                "give at least one hospital the role \"member\"");
  }
  if (present.empty()) {
    throw spec.scenario.mistake("hospitals", "no hospital takes part from the beginning",
                                "give at least one hospital the role \"member\"");
  }
}

void World::Impl::build_learning() {
  const Part& model_part = *spec.scenario.part("model");
  const Part& training = *spec.scenario.part("training");
  ModelShape shape;
  shape.features = cohort->info().feature_count();
  shape.task = cohort->info().task;
  shape.classes = cohort->info().classes;
  model = make_model(model_part, shape);
  plan = make_plan(training, spec.scenario.part("objective"), &model_part);
  fit_plan(plan, training, shape);
  PersonalContext around;
  around.plan = &plan;
  around.layout = model->layout();
  around.stragglers = spec.scenario.part("stragglers") != nullptr;
  around.privacy = spec.scenario.part("privacy");
  around.objective = spec.scenario.part("objective");
  around.aggregation = spec.scenario.part("aggregation");
  personal = personal_rule(spec.scenario.part("personal"), around);
  plan.own = personal.own;
  check_contrast(plan, around.objective, *model->layout(), around.privacy);
  check_parts_of_strategy(plan, spec.scenario.part("objective"), *spec.scenario.part("aggregation"),
                          training);
  check_fair_outcome(*spec.scenario.part("aggregation"), shape);
  if (const Value* order = training.find("order")) {
    if (const auto* function = order->get_if<FunctionRef>()) batch_order = *function;
  }
  const Stream stream(run_key, Purpose::kModelInit, 0);
  initial = initial_parameters(*model, model_part, stream, saved_parameters(model_part, *model));
  if (personal.layers) personal.first_kept = personal.layers->kept_of(initial);
  result.model = fmt::format("{}, {} parameters", model->name(), model->layout()->size());
  result.parameters = model->layout()->size();
}

void World::Impl::build_measurement() {
  Measurement::Setup setup;
  setup.cohort = cohort.get();
  setup.model = model.get();
  setup.workers = &workers;
  setup.functions = script;
  setup.interrupt = options.interrupt;
  setup.plan = make_measure_plan(*spec.scenario.part("measure"), cohort->info());
  add_backdoors(setup.plan);
  const Part& model_part = *spec.scenario.part("model");
  setup.breslow = model_part.name == "cox" && model_part.text("ties") == "breslow";
  evaluated = all_members();
  const std::int64_t most = setup.plan.hospitals_max;
  if (static_cast<std::int64_t>(evaluated.size()) > most) {
    // a fixed sample: the same hospitals at every measurement
    evaluation_sampled = true;
    Stream stream(run_key, Purpose::kMeasureSample, 0);
    const std::vector<HospitalId> all = std::exchange(evaluated, {});
    for (std::int32_t i : draw::sample(stream, static_cast<std::int32_t>(all.size()),
                                       static_cast<std::int32_t>(most))) {
      evaluated.push_back(all[static_cast<std::size_t>(i)]);
    }
  }
  constexpr std::size_t kCrossedMost = 200;  // 40,000 evaluations
  if (wants_baseline(spec.scenario, "cross_site") && evaluated.size() > kCrossedMost) {
    throw spec.scenario.mistake(
        "baselines",
        fmt::format("baseline.cross_site tests every model at every hospital: not of {} hospitals",
                    evaluated.size()),
        fmt::format("measure {{ ..., hospitals = {} }} looks at a sample", kCrossedMost));
  }
  for (HospitalId id : evaluated) {
    (attacks(id) ? setup.attackers : setup.members).push_back(id);
  }
  setup.external = external;
  for (HospitalId id : setup.members) setup.names.push_back(population->name(id));
  measurement = std::make_unique<Measurement>(std::move(setup));

  const Part* stop = spec.scenario.part("stop");
  for (const char* name : {"auroc", "loss"}) {
    if (stop == nullptr || !stop->find(name)) continue;
    const auto& planned = measurement->plan().metrics;
    if (std::find(planned.begin(), planned.end(), *metrics::find_metric(name)) == planned.end()) {
      throw stop->mistake(name, fmt::format("stop looks at '{}', which is not measured", name),
                          fmt::format("add \"{}\" to measure", name));
    }
    if (measurement->plan().every == 0) {
      throw stop->mistake(name,
                          fmt::format("stop looks at '{}', which only the end measures", name),
                          "measure { ..., every = 1 } measures every version");
    }
  }
}

// The scenario's selection, or what `participants` says, or the default: all up to 50, then 20.
Part World::Impl::selection_part(std::size_t hospitals) const {
  const auto refuse_more = [&](const Part& part, const char* field) {
    const auto n = part.find(field) ? part.find(field)->integer() : std::nullopt;
    if (!n || *n <= static_cast<std::int64_t>(hospitals + absent.size())) return;
    throw part.mistake(field, fmt::format("{} participants of {} hospitals", *n, hospitals),
                       "ask for at most as many as there are, or for all");
  };
  if (const Part* given = spec.scenario.part("selection")) {
    refuse_more(*given, "count");
    refuse_more(*given, "candidates");
    return held_to(*given, hospitals);
  }
  const Value* participants = spec.scenario.find("participants");
  const std::string& protocol_name = spec.scenario.part("protocol")->name;
  // who stays away does not turn one default into the other
  const bool few =
      participants ? participants->get_if<All>() != nullptr : hospitals + absent.size() <= kAllUpTo;
  const bool everybody = few || protocol_name == "gossip" || protocol_name == "cyclic";
  if (everybody) return make_part("selection", "all", {});
  FieldValue count{"count", participants ? *participants : Value(std::int64_t{20}),
                   spec.scenario.where_of("participants"), true};
  refuse_more(spec.scenario, "participants");
  return held_to(make_part("selection", "uniform", {count}), hospitals);
}

// Of what travels.
const ParameterLayout& World::Impl::shared_layout() const {
  return personal.layers ? *personal.layers->shared() : *model->layout();
}

TimeNs World::Impl::deadline() const {
  const Value* given = spec.scenario.find("deadline");
  return given && given->get_if<Quantity>() ? spec.scenario.time("deadline") : kNever;
}

SyncOptions World::Impl::sync_options() const {
  const Part& rounds = *spec.scenario.part("protocol");
  SyncOptions sync;
  sync.rounds = spec.scenario.integer("rounds");
  sync.deadline = deadline();
  if (rounds.find("over_selection")) sync.over_selection = rounds.number("over_selection");
  if (rounds.find("minimum_replies")) sync.minimum_replies = rounds.integer("minimum_replies");
  if (!absent.empty() && sync.minimum_replies) {
    // as many as can come
    const auto most = round_target().value_or(static_cast<std::int64_t>(candidates.size()));
    sync.minimum_replies = std::min(*sync.minimum_replies, most);
  }
  sync.pause = rounds.time("pause");
  const Part chosen = selection_part(candidates.size());
  if (chosen.find("wait") != nullptr) sync.poll_wait = chosen.time("wait");
  sync.control_bytes = static_cast<std::int64_t>(rounds.quantity("control"));
  return sync;
}

// The hospitals that every round waits for; nullopt where that varies.
std::optional<std::int64_t> World::Impl::round_target() const {
  return target_of(selection_part(candidates.size()), static_cast<std::int64_t>(candidates.size()));
}

std::optional<std::int64_t> World::Impl::target_of(const Part& chosen, std::int64_t hospitals) {
  if (chosen.name == "all") return hospitals;
  if (chosen.find("count") == nullptr) return std::nullopt;
  const Value& count = chosen.at("count");
  const auto* share = count.get_if<Quantity>();
  return share ? std::llround(share->value * static_cast<double>(hospitals))
               : chosen.integer("count");
}

// A round that can never have enough replies is a mistake, not bad luck.
void World::Impl::check_minimum_replies(const SyncOptions& sync) const {
  if (!sync.minimum_replies) return;
  const auto members_count = static_cast<std::int64_t>(candidates.size());
  const std::int64_t most = round_target().value_or(members_count);
  if (*sync.minimum_replies <= most) return;
  const std::string why = most < members_count
                              ? fmt::format("a round waits for {} hospitals", most)
                              : fmt::format("only {} hospitals take part", members_count);
  throw spec.scenario.part("protocol")
      ->mistake("minimum_replies",
                fmt::format("minimum_replies is {}, but {}", *sync.minimum_replies, why),
                "no round could ever succeed: ask for fewer");
}

// A deadline before which no message can come back is one too.
void World::Impl::check_deadline(TimeNs limit, std::int64_t control_bytes) const {
  constexpr std::size_t kAskedMost = 1000;  // of more hospitals, some other may be near
  if (limit == kNever || candidates.size() > kAskedMost) return;
  const auto whole =
      static_cast<double>(shared_layout().size() * std::int64_t{sizeof(float)} + control_bytes);
  // the first model comes down as it is
  const double update = whole - static_cast<double>(wire->saved_up());
  double least = std::numeric_limits<double>::infinity();
  for (const HospitalId id : candidates) {
    const HospitalProfile profile = population->profile(id);
    const double moving =
        (whole / profile.down_bytes_per_s + update / profile.up_bytes_per_s) / (1 - profile.loss);
    least = std::min(least, 2 * profile.latency.seconds() + moving);
  }
  if (least <= limit.seconds()) return;
  throw spec.scenario.mistake(
      "deadline",
      fmt::format("no hospital can reply before the deadline of {}: the model down and an update "
                  "up take {} at least",
                  to_text(limit),
                  least < kTimeMax.seconds() ? to_text(ceil_to_ns(least)) : "100 years"),
      "no round could ever succeed: allow more time, or give faster links");
}

void World::Impl::build_federation() {
  network = make_network(spec.scenario.part("network"), sim, population.get());
  members = std::make_unique<Members>(*population, *cohort, *network, run_key);
  versions = std::make_unique<VersionStore>(personal.layers ? personal.layers->shared_of(initial)
                                                            : initial);
  selection = make_selection(selection_part(candidates.size()), script, selection_facts());
  const Part& rule = *spec.scenario.part("aggregation");
  control = std::make_unique<ControlVectors>(
      ControlVectors::Setup{&plan, cohort.get(), weight_rule(rule), present});
  build_evaluator();
  if (privacy && privacy->acts() == RunPrivacy::Acts::on_sums) {
    open_pages();  // which say how much noise
    central = central_terms(*spec.scenario.part("privacy"));
    auto noisy = std::make_unique<NoisySum>(central, run_key);
    noisy_sum = noisy.get();
    aggregation = std::move(noisy);
  } else {
    aggregation = make_aggregation(rule, script, able_hospitals());
  }
  if (std::string refusal = aggregation->refusal(candidates, Demand::ever); !refusal.empty()) {
    throw rule.mistake("byzantine", refusal,
                       "no round could ever succeed: see docs/reference/aggregation.md for what "
                       "each rule needs");
  }
  optimizer = make_server_optimizer(*spec.scenario.part("server"));
  if (plan.proximal_step > 0) proximal = std::make_unique<AdaptiveProximal>(plan);
  build_protocol();
  open_pages();
  check_later();
}

// How vectors travel, and who computes what hospitals send.
void World::Impl::build_evaluator() {
  Wire::Setup ways;
  ways.compression = spec.scenario.part("compression");
  ways.initial = versions->parameters();
  ways.vectors = control->vectors_per_message();
  ways.control_bytes =
      static_cast<std::int64_t>(spec.scenario.part("protocol")->quantity("control"));
  ways.run = run_key;
  wire = std::make_unique<Wire>(std::move(ways));
  Evaluator::Setup evaluation;
  evaluation.model = model.get();
  evaluation.cohort = cohort.get();
  evaluation.plan = &plan;
  evaluation.personal = &personal;
  evaluation.adversary = adversary();
  evaluation.compressor = wire->up();
  evaluation.control_compressor = wire->up_control();
  evaluation.workers = &workers;
  evaluation.run = run_key;
  evaluation.interrupt = options.interrupt;
  evaluation.tell_losses = tells_losses();
  if (privacy && privacy->acts() == RunPrivacy::Acts::on_updates) {
    const Part& local = *spec.scenario.part("privacy");
    evaluation.local_privacy =
        UpdateCut{local.number("clip"), local.text("clipping") == "per_layer"};
  }
  evaluator = std::make_unique<Evaluator>(evaluation);
}

SelectionFacts World::Impl::selection_facts() const {
  SelectionFacts facts;
  facts.name = [this](HospitalId id) { return population->name(id); };
  facts.train_rows = [this](HospitalId id) { return cohort->train_rows(id); };
  facts.speed_flops = [this](HospitalId id) { return population->profile(id).speed_flops; };
  facts.past = [this](HospitalId id) {
    SelectionFacts::Past past;
    const auto it = members->touched().find(id);
    if (it == members->touched().end()) return past;
    past.invitations = it->second->invitations;
    past.replies = static_cast<std::int64_t>(it->second->round_durations.size());
    return past;
  };
  return facts;
}

// Whether some part asks hospitals for the loss of the model that they start from.
bool World::Impl::tells_losses() const {
  return polyclinic::tells_losses(*spec.scenario.part("aggregation"),
                                  spec.scenario.part("objective"));
}

// Candidates with a row to train on: looked at when a rule asks, not before.
AbleHospitals World::Impl::able_hospitals() const {
  return [this] {
    std::vector<HospitalId> able;
    for (const HospitalId id : candidates) {
      if (cohort->train_rows(id) > 0) able.push_back(id);
    }
    return able;
  };
}

// Synchronous rounds, and what becomes of a hospital in one.
void World::Impl::build_protocol() {
  if (asynchronous()) return build_async();
  const std::string& name = spec.scenario.part("protocol")->name;
  if (name == "hierarchical") return build_hierarchy();
  if (name == "gossip") return build_gossip();
  if (name == "cyclic") return build_cyclic();
  SyncOptions sync = sync_options();
  check_minimum_replies(sync);
  if (privacy && privacy->amplified()) {
    // a round that fails would show how many came
    sync.minimum_replies = 0;
    sync.empty_rounds = true;
  }
  SyncServer::Setup setup;
  if (name == "swarm") {
    build_swarm(setup, sync);
  } else {
    check_deadline(sync.deadline, sync.control_bytes);
  }
  const Part& rule = *spec.scenario.part("aggregation");
  WeightRule weights = weight_rule(rule);
  if (privacy && privacy->of_sums()) weights.by_size = false;  // each is cut to the same norm
  setup.by_size = weights.by_size;
  if (const Part* stragglers = spec.scenario.part("stragglers")) {
    setup.stragglers = straggler_rule(*stragglers, plan);
  }
  if (const Part* secure = spec.scenario.part("secure")) {
    setup.secure = secure_rule(*secure);
    if (setup.secure->paillier) {
      check_paillier(*secure, static_cast<std::size_t>(shared_layout().size()) + 1);
    }
    if (setup.secure->shares) build_share_servers(*secure, rule, setup);
    if (setup.secure->tampering) find_victim(*secure->part("tampering"), *setup.secure->tampering);
    if (privacy && privacy->acts() == RunPrivacy::Acts::on_shares) {
      open_pages();  // which say how much noise
      setup.secure->noise = shared_noise();
    }
    // shares are not held to a cap: nobody sees them
    weights.max_share = 1;
    const auto members_count = static_cast<std::int64_t>(candidates.size());
    const double most = std::ceil(static_cast<double>(round_target().value_or(members_count)) *
                                  sync.over_selection);
    const auto invited = std::min(static_cast<std::size_t>(most), candidates.size());
    check_secure(*secure, *setup.secure, invited, sync.deadline);
    if (setup.secure->paillier) give_key_shares(*setup.secure, invited);
    if (setup.secure->noise) {
      check_colluding(*spec.scenario.part("privacy"), *secure, *setup.secure, invited);
    }
  }
  build_visits(setup.stragglers, sync.rounds);
  build_maker(weights, setup.secure ? setup.secure->rows_max : 0);
  setup.simulation = &sim;
  setup.network = network.get();
  setup.members = members.get();
  setup.versions = versions.get();
  setup.control = control.get();
  setup.selection = selection.get();
  setup.model = model.get();
  setup.wire = wire.get();
  setup.visits = visits.get();
  setup.maker = maker.get();
  setup.options = sync;
  setup.run = run_key;
  setup.candidates = present;
  setup.evaluator = evaluator.get();
  setup.emit = [this](const Event& event) { emit(event); };
  setup.after_round = [this](const RoundClosed& closed) { return after_round(closed); };
  protocol = std::make_unique<SyncServer>(std::move(setup));
}

void World::Impl::build_visits(const StragglerRule& stragglers, std::int64_t trainings_planned) {
  Visits::Setup setup;
  setup.simulation = &sim;
  setup.network = network.get();
  setup.members = members.get();
  setup.evaluator = evaluator.get();
  setup.versions = versions.get();
  setup.control = control.get();
  setup.wire = wire.get();
  setup.model = model.get();
  setup.plan = &plan;
  setup.personal = &personal;
  setup.adversary = adversary();
  setup.privacy = privacy.get();
  setup.proximal = proximal.get();
  setup.tell_losses = tells_losses();
  setup.stragglers = stragglers;
  if (privacy) privacy->plan_trainings(trainings_planned);
  setup.run = run_key;
  setup.interruption = interruption_of(spec.scenario.part("hospitals"));
  // secrets of a secure sum are in the memory of the machine
  setup.uploads_last =
      uploads_last(spec.scenario.part("network")) && spec.scenario.part("secure") == nullptr;
  setup.functions = script;
  setup.batch_order = batch_order ? &*batch_order : nullptr;
  setup.emit = [this](const Event& event) { emit(event); };
  visits = std::make_unique<Visits>(std::move(setup));
}

void World::Impl::build_maker(const WeightRule& weights, std::int64_t rows_max) {
  VersionMaker::Setup setup;
  setup.members = members.get();
  setup.evaluator = evaluator.get();
  setup.versions = versions.get();
  setup.control = control.get();
  setup.adversary = adversary();
  setup.wire = wire.get();
  setup.aggregation = aggregation.get();
  setup.optimizer = optimizer.get();
  setup.weights = weights;
  setup.rows_max = rows_max;
  if (privacy && privacy->of_sums()) {
    setup.noised = [this](const std::vector<HospitalId>& in_sum, std::int64_t round) {
      privacy->released(in_sum, sim.now(), round);
    };
  }
  setup.proximal = proximal.get();
  setup.run = run_key;
  maker = std::make_unique<VersionMaker>(std::move(setup));
}

}  // namespace polyclinic
