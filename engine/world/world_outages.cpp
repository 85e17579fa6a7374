// Outages that a timeline begins: of a hospital, or of all hospitals of a region.
#include <fmt/format.h>

#include <algorithm>

#include "world/world_impl.hpp"

namespace polyclinic {

namespace {

constexpr Handler kOutage = Handler("outage", [](void* world, std::uint64_t which) {
  static_cast<World::Impl*>(world)->on_outage(which);
});
constexpr Handler kOutageOver = Handler("outage over", [](void* world, std::uint64_t which) {
  static_cast<World::Impl*>(world)->on_outage_over(which);
});

Call call_of(const Handler& handler, World::Impl& world, std::uint64_t which) {
  Call call;
  call.handler = &handler;
  call.context = &world;
  call.argument = which;
  return call;
}

}  // namespace

std::vector<std::string> World::Impl::regions() const {
  std::vector<std::string> names = population->regions();
  std::erase(names, "");
  return names;
}

void World::Impl::outage(std::string_view hospital, TimeNs time) {
  begin_outage({find_hospital(hospital)}, {}, time);
}

void World::Impl::outage_in(std::string_view region, TimeNs time) {
  std::vector<HospitalId> hospitals;
  for (std::int64_t i = 0; i < population->count(); ++i) {
    const HospitalId id{static_cast<std::uint32_t>(i)};
    if (population->profile(id).region == region) hospitals.push_back(id);
  }
  begin_outage(std::move(hospitals), std::string(region), time);
}

void World::Impl::begin_outage(std::vector<HospitalId> hospitals, std::string region, TimeNs time) {
  refuse_without_server("an outage cannot begin");
  for (const HospitalId id : hospitals) {
    if (!touch(id)) return;
  }
  const TimeNs until = time > kTimeMax - sim.now() ? kNever : sim.now() + time;
  outages.push_back({std::move(hospitals), std::move(region), until});
  sim.schedule(sim.now(), Priority::command, call_of(kOutage, *this, outages.size() - 1));
}

void World::Impl::on_outage(std::uint64_t which) {
  if (ended) return;
  const Outage& outage = outages[which];
  for (const HospitalId id : outage.hospitals) {
    members->of(id).availability->add(sim.now(), outage.until);
    ++cuts[id].outages;
    connect(id);
    protocol->go_down(id);
  }
  say_outage(HappeningKind::outage, which,
             outage.until == kNever ? "for good" : "for " + to_text(outage.until - sim.now()));
  if (outage.until == kNever) return;
  sim.schedule(outage.until, Priority::state, call_of(kOutageOver, *this, which));
}

void World::Impl::on_outage_over(std::uint64_t which) {
  for (const HospitalId id : outages[which].hospitals) {
    --cuts[id].outages;
    connect(id);
  }
  say_outage(HappeningKind::outage_over, which, {});
}

void World::Impl::say_outage(HappeningKind kind, std::uint64_t which, const std::string& more) {
  const Outage& outage = outages[which];
  if (outage.region.empty()) return happened(kind, outage.hospitals.front(), more);
  const std::size_t n = outage.hospitals.size();
  happened(kind, std::nullopt,
           fmt::format("{}, {} hospital{}{}{}", outage.region, n, n == 1 ? "" : "s",
                       more.empty() ? "" : ", ", more));
}

}  // namespace polyclinic
