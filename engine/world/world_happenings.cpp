// What a timeline does to the federation itself: hospitals join, leave and are forgotten, the
// server crashes. All of it takes effect at the end of its instant, between the events of others.
#include <fmt/format.h>

#include <algorithm>

#include "world/world_impl.hpp"

namespace polyclinic {

namespace {

constexpr std::uint64_t kWhatShift = 32;

constexpr Handler kRequestMade = Handler("happening", [](void* world, std::uint64_t encoded) {
  static_cast<World::Impl*>(world)->on_request(encoded);
});
constexpr Handler kServerCrash = Handler("crash", [](void* world, std::uint64_t down_ns) {
  static_cast<World::Impl*>(world)->on_crash(TimeNs{static_cast<std::int64_t>(down_ns)});
});

bool without_server(const Part& protocol_part) {
  const std::string& name = protocol_part.name;
  return name == "gossip" || name == "cyclic" || name == "swarm";
}

std::string counted(std::int64_t n, const char* one, const char* many) {
  return fmt::format("{} {}", n, n == 1 ? one : many);
}

}  // namespace

// A guarantee for sums is computed for those who are there; it does not say what their coming and
// going tells.
void World::Impl::check_later() const {
  if (present.size() == candidates.size()) return;
  const Part& rounds = *spec.scenario.part("protocol");
  if (without_server(rounds)) {
    throw spec.scenario.mistake(
        "protocol",
        fmt::format("a hospital of the role \"later\" cannot join under protocol.{}: it has no "
                    "server",
                    rounds.name),
        "give all hospitals the role \"member\" or \"external\", or use protocol.sync");
  }
  if (!privacy || !privacy->of_sums()) return;
  const Part& part = *spec.scenario.part("privacy");
  throw part.mistake(
      "",
      fmt::format("privacy.{} hides who is in a sum, and its guarantee is computed for the "
                  "hospitals that are there: it cannot be combined with hospitals of the role "
                  "\"later\"",
                  part.name),
      "privacy.record and privacy.local_dp protect the patients of each hospital by themselves");
}

// Where hospitals are all there is, nobody keeps the list of those who take part.
void World::Impl::refuse_without_server(const std::string& what) const {
  const Part& rounds = *spec.scenario.part("protocol");
  if (!without_server(rounds)) return;
  throw RunError({}, fmt::format("{} under protocol.{}: it has no server", what, rounds.name),
                 "disconnect() cuts a hospital off, or use protocol.sync");
}

void World::Impl::refuse_request(Request what, HospitalId hospital) const {
  const char* word = what == Request::join ? "join" : what == Request::leave ? "leave" : "forget";
  const std::string name = population->name(hospital);
  if (population->role(hospital) == HospitalRole::external) {
    throw RunError({}, fmt::format("{} is external and cannot {}", name, word),
                   "role = \"later\" makes it a member once it joins");
  }
  if (privacy && privacy->of_sums()) {
    const std::string& of = spec.scenario.part("privacy")->name;
    throw RunError({},
                   fmt::format("{} cannot {} with privacy.{}: its guarantee is computed for the "
                               "hospitals that were there from the beginning",
                               name, word, of),
                   "privacy.record and privacy.local_dp protect the patients of each hospital by "
                   "themselves");
  }
  const Part& data = *spec.scenario.part("cohort");
  const bool scaled = data.find("standardise") && data.text("standardise") == "federated";
  if (what == Request::forget && scaled) {
    throw RunError({},
                   fmt::format("{} cannot be forgotten with standardise = \"federated\": every "
                               "hospital's features are scaled by sums that it is part of",
                               name),
                   "standardise = \"per_hospital\"");
  }
  const Part& rounds = *spec.scenario.part("protocol");
  refuse_without_server(fmt::format("{} cannot {}", name, word));
  const Value* aggregators = rounds.find("aggregators");
  if (what == Request::join || aggregators == nullptr) return;
  for (const auto& [region, at] : aggregators->as<Table>()) {
    if (at.as<std::string>() != name) continue;
    throw RunError(
        {},
        fmt::format("{} cannot {}: its machine aggregates for the region {}", name, word, region),
        "leave out `aggregators`, and the region has a machine of its own");
  }
}

void World::Impl::request(Request what, std::string_view hospital) {
  const HospitalId id = find_hospital(hospital);
  refuse_request(what, id);
  if (!touch(id)) return;
  Call call;
  call.handler = &kRequestMade;
  call.context = this;
  call.argument = (static_cast<std::uint64_t>(what) << kWhatShift) | id.value;
  sim.schedule(sim.now(), Priority::command, call);
}

void World::Impl::join(std::string_view hospital) {
  request(Request::join, hospital);
}

void World::Impl::leave(std::string_view hospital) {
  request(Request::leave, hospital);
}

void World::Impl::forget(std::string_view hospital) {
  request(Request::forget, hospital);
}

bool World::Impl::takes_part(std::string_view hospital) const {
  return is_among(present, find_hospital(hospital));
}

void World::Impl::on_request(std::uint64_t encoded) {
  if (ended) return;
  const HospitalId id{static_cast<std::uint32_t>(encoded)};
  const auto what = static_cast<Request>(encoded >> kWhatShift);
  const bool there = is_among(present, id);
  if (what == Request::join && !there) {
    add_in_order(present, id);
    control->set_candidates(present);
    protocol->join(id);
    happened(HappeningKind::joined, id, {});
  }
  if (what != Request::join && there) {
    remove_in_order(present, id);
    protocol->leave(id);
    control->set_candidates(present);
    happened(HappeningKind::left, id, {});
  }
  if (what == Request::forget) forget_now(id);
}

void World::Impl::happened(HappeningKind kind, std::optional<HospitalId> hospital,
                           std::string text) {
  HappeningRecord record;
  record.at = sim.now();
  record.kind = kind;
  if (hospital) record.hospital = population->name(*hospital);
  record.version = versions->current();
  record.text = text;
  result.happenings.push_back(std::move(record));
  Happened event;
  event.at = sim.now();
  event.kind = kind;
  event.hospital = hospital;
  event.version = versions->current();
  event.text = std::move(text);
  emit(event);
}

// Without a timeline nobody can ask for it, and nothing is kept.
bool World::Impl::may_go_back() const {
  return options.before_event || (script && !spec.scenario.list("timeline").empty());
}

Milestone World::Impl::milestone() const {
  Milestone now;
  now.version = versions->current();
  now.depth = versions->current() - versions_back;
  now.place = protocol->place();
  now.parameters = versions->parameters();
  now.memory = maker->memory();
  now.at = sim.now();
  now.rounds = std::ssize(result.round_records);
  now.bytes_up = network->bytes_total(TransferDirection::up);
  now.bytes_down = network->bytes_total(TransferDirection::down);
  return now;
}

void World::Impl::remember_version() {
  if (!may_go_back()) return;
  milestones.next(milestone(), members->newcomer_in(versions->current()));
  watch_redoing();
}

// Everything that the hospital keeps and that the federation keeps of it; what was spent of its
// patients' privacy stays spent.
void World::Impl::forget_now(HospitalId hospital) {
  Member& member = members->of(hospital);
  ForgettingRecord record;
  record.hospital = hospital;
  record.name = member.profile.name;
  record.at = sim.now();
  record.participations = member.participations;
  record.from_version = record.to_version = record.new_version = versions->current();
  evaluator->forget(hospital);
  members->forget(hospital);
  visits->forget_times(hospital);
  const bool part = member.first_version >= 0;
  const bool arrived = protocol->holds(hospital);
  const std::int64_t place = protocol->place();
  happened(HappeningKind::forgotten, hospital,
           part ? fmt::format("it has been part of versions since version {}", member.first_version)
                : "no version was made with an update of it");
  if (part) {
    const bool goes_on = stop_server(DropReason::gone_back, "the federation went back");
    if (!goes_on) {
      result.forgotten.push_back(std::move(record));
      return;
    }
  } else {
    if (arrived) drop_arrived();
    record.again = ForgettingRecord::Again{};
    record.again->at = sim.now();
    result.forgotten.push_back(std::move(record));
    return;
  }
  const Milestone to = milestones.before(member.first_version);
  const Milestone now = milestone();
  record.from_version = now.version;
  record.to_version = to.version;
  record.rounds = place - to.place;
  record.versions = now.depth - to.depth;
  record.bytes_up = now.bytes_up - to.bytes_up;
  record.bytes_down = now.bytes_down - to.bytes_down;
  record.steps = now.memory.steps - to.memory.steps;
  record.time = now.at - to.at;
  record.new_version = now.version + 1;
  redoing.push_back({result.forgotten.size(), now.depth, {}});
  result.forgotten.push_back(std::move(record));
  go_back(to);
  Milestone& from = redoing.back().from;
  from = milestone();
  from.parameters.reset();
  from.memory.optimizer.reset();
  from.memory.previous.reset();
}

bool World::Impl::stop_server(DropReason reason, const std::string& why) {
  const std::optional<RoundClosed> lost = protocol->interrupt(reason, why);
  server_scope->cancel();
  if (lost) after_round(*lost);
  return !ended;
}

// An update of a hospital that is to be forgotten waits to become part of a version: the round is
// done again, and nothing else.
void World::Impl::drop_arrived() {
  const std::int64_t place = protocol->place();
  const bool goes_on =
      stop_server(DropReason::gone_back, "an update in it was of a hospital that is forgotten");
  if (!goes_on) return;
  visits->begin_anew();
  if (script) script->begin_anew();  // a region's rule may have seen it
  protocol->go_back(place, versions_back);
  start_server();
}

// Whatever was learnt after that version is gone, wherever it was kept: what hospitals remember of
// their trainings began from models that hold it. REQUIRES: the server is stopped.
void World::Impl::go_back(const Milestone& to) {
  const std::int64_t undone = protocol->place() - to.place;
  versions->publish_again(to.parameters);
  ++times_back;
  versions_back = versions->current() - to.depth;
  maker->go_back(to.memory);
  control->begin_anew();
  evaluator->begin_anew();
  members->go_back(to.version);
  visits->begin_anew();
  visits->forget_times();
  wire->begin_anew(*versions);
  if (script) script->begin_anew();
  protocol->go_back(to.place, versions_back);
  milestones.go_back(to.version, milestone());
  fingerprint.results.word(versions->parameters()->hash());
  happened(HappeningKind::went_back, std::nullopt,
           fmt::format("version {} is version {} again; {} to be done anew", versions->current(),
                       to.version, counted(undone, "round is", "rounds are")));
  if (measurement->plan().every > 0) measure_now();
  wake_those_that_wait();
  start_server();
}

// What was undone has been made good when as many versions lie one upon the other again.
void World::Impl::watch_redoing() {
  if (redoing.empty()) return;
  const Milestone now = milestone();
  std::erase_if(redoing, [&](const Redoing& one) {
    if (now.depth < one.depth) return false;
    ForgettingRecord::Again again;
    again.at = now.at;
    again.rounds = now.rounds - one.from.rounds;
    again.bytes_up = now.bytes_up - one.from.bytes_up;
    again.bytes_down = now.bytes_down - one.from.bytes_down;
    again.steps = now.memory.steps - one.from.memory.steps;
    ForgettingRecord& record = result.forgotten[one.record];
    record.again = again;
    happened(HappeningKind::caught_up, record.hospital,
             fmt::format("as many versions as before it was forgotten, after {}",
                         counted(again.rounds, "round", "rounds")));
    return true;
  });
}

void World::Impl::crash_server(TimeNs down) {
  refuse_without_server("the server cannot crash");
  Call call;
  call.handler = &kServerCrash;
  call.context = this;
  call.argument = static_cast<std::uint64_t>(down.ns);
  sim.schedule(sim.now(), Priority::command, call);
}

// Versions are committed when they are made; the round that is open, and what has arrived for it,
// are in the memory of a machine that dies.
void World::Impl::on_crash(TimeNs down) {
  if (ended) return;
  server_up_at = std::max(server_up_at, sim.now() + down);
  const bool goes_on = stop_server(DropReason::server_crashed, "the server crashed");
  if (!goes_on) return;
  happened(HappeningKind::server_crashed, std::nullopt,
           fmt::format("down for {}", to_text(server_up_at - sim.now())));
  start_server();
}

void World::Impl::add_happening_remarks() {
  const auto& all = result.happenings;
  const bool moved = std::any_of(all.begin(), all.end(), [](const HappeningRecord& h) {
    return h.kind == HappeningKind::joined || h.kind == HappeningKind::left;
  });
  if (moved || present.size() != candidates.size()) {
    result.remarks.push_back(
        "hospitals joined or left: averages, and references, are over the same hospitals from the "
        "beginning to the end, whoever took part at the time");
  }
  if (result.forgotten.empty()) return;
  result.remarks.push_back(fmt::format(
      "to be able to forget, {} kept at most{}; what hospitals keep of their trainings (moments, "
      "models of their own, control vectors, residuals) began anew",
      counted(static_cast<std::int64_t>(milestones.most()), "older version was",
              "older versions were"),
      milestones.thinned() ? fmt::format(" (a limit of {}: some hospitals cost more to forget "
                                         "than they would have to)",
                                         Milestones::kMost)
                           : ""));
  if (privacy) {
    result.remarks.push_back(
        "forgetting gives nothing back of what was spent of a guarantee: updates that were sent "
        "have been seen");
  }
}

}  // namespace polyclinic
