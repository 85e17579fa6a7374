// What a timeline may see and do.
#include <fmt/format.h>

#include <algorithm>

#include "world/world_impl.hpp"

namespace polyclinic {

namespace {
constexpr Handler kTimelineWake = Handler("timeline", [](void* world, std::uint64_t token) {
  static_cast<World::Impl*>(world)->on_wake(token);
});
}  // namespace

HospitalId World::Impl::find_hospital(std::string_view name) const {
  if (const auto id = population->find(name)) return *id;
  const std::vector<std::string> names = hospital_names();
  std::string hint = did_you_mean(name, names);
  if (!hint.empty()) hint += "\n";
  if (names.size() <= 30) hint += "hospitals are " + join_names(names);
  throw RunError({}, fmt::format("there is no hospital \"{}\"", name), hint);
}

TimeNs World::Impl::now() const {
  return sim.now();
}

std::int64_t World::Impl::version() const {
  return versions->current();
}

std::vector<std::string> World::Impl::hospital_names() const {
  std::vector<std::string> names;
  for (std::int64_t i = 0; i < population->count(); ++i) {
    names.push_back(population->name(HospitalId{static_cast<std::uint32_t>(i)}));
  }
  return names;
}

// Makes the hospital known to the network. False when the run was interrupted meanwhile: no Lua
// sees that, and the run ends after this event.
bool World::Impl::touch(HospitalId hospital) const {
  try {
    members->of(hospital);
    return true;
  } catch (const SiteInterrupted&) {
    return false;
  }
}

void World::Impl::disconnect(std::string_view hospital) {
  const HospitalId id = find_hospital(hospital);
  if (!touch(id)) return;
  cuts[id].disconnected = true;
  connect(id);
}

// As far as the timeline lets it.
void World::Impl::connect(HospitalId hospital) {
  const Cut& cut = cuts[hospital];
  const bool lets = !cut.disconnected && cut.outages == 0;
  if (network->connected(hospital) != lets) {
    if (lets) {
      cut_off.at(hospital).back().second = sim.now();
    } else {
      cut_off[hospital].emplace_back(sim.now(), kNever);
    }
  }
  network->set_connected(hospital, lets);
}

void World::Impl::reconnect(std::string_view hospital) {
  const HospitalId id = find_hospital(hospital);
  if (!touch(id)) return;
  cuts[id].disconnected = false;
  connect(id);
}

bool World::Impl::connected(std::string_view hospital) const {
  const HospitalId id = find_hospital(hospital);
  return !touch(id) || network->connected(id);
}

std::int64_t World::Impl::participations(std::string_view hospital) const {
  const auto it = members->touched().find(find_hospital(hospital));
  return it == members->touched().end() ? 0 : it->second->participations;
}

std::vector<std::string> World::Impl::links() const {
  return network->links();
}

void World::Impl::set_link(std::string_view name, TransferDirection direction, double bytes_per_s) {
  network->set_link(name, direction, bytes_per_s);
}

double World::Impl::link(std::string_view name, TransferDirection direction) const {
  return network->link(name, direction);
}

void World::Impl::note(std::string text) {
  fingerprint.results.text(text);
  result.notes.emplace_back(sim.now(), text);
  Note event;
  event.at = sim.now();
  event.text = std::move(text);
  emit(event);
}

std::optional<double> World::Impl::metric(std::string_view name) {
  metric_read = true;
  const std::vector<std::string> names = measurement->plan().value_names();
  if (std::find(names.begin(), names.end(), name) == names.end()) {
    std::string hint = did_you_mean(name, names);
    if (!hint.empty()) hint += "\n";
    throw RunError({}, fmt::format("world.metric.{} is not measured", name),
                   hint + "measured are " + join_names(names));
  }
  if (measured_version < 0) return std::nullopt;
  return macro_of(result.federated, name);
}

void World::Impl::stop(std::string reason) {
  end(reason.empty() ? "the scenario's timeline ended it" : std::move(reason));
}

void World::Impl::wake_at(TimeNs time, std::uint64_t token) {
  Call call;
  call.handler = &kTimelineWake;
  call.context = this;
  call.argument = token;
  sim.schedule(time, Priority::timeline, call);
}

void World::Impl::wake_at_version(std::int64_t version, std::uint64_t token) {
  if (versions->current() >= version)
    wake_at(sim.now(), token);
  else
    version_waits.emplace(version, token);
}

}  // namespace polyclinic
