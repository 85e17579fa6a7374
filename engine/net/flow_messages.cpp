// Messages between machines: hospitals to each other, to a regional aggregator, and that one to the
// server. What they cross are links of one solver.
#include <algorithm>
#include <cmath>

#include "base/check.hpp"
#include "net/flow_network.hpp"
#include "net/flow_transfer.hpp"

namespace polyclinic {

namespace {
constexpr std::uint32_t kFirstHost = 0x80000000U;  // hospitals have the numbers below
constexpr double kLatencyLeast_s = 1e-6;
constexpr double kRoundTripMost_s = 1e3;
}  // namespace

HostId FlowNetwork::add_host(const AccessLink& link, Availability* availability) {
  ENSURE(link.up_bytes_per_s > 0, "an access link lets something through");
  ENSURE(link.down_bytes_per_s > 0, "an access link lets something through");
  Access& access = accesses_.emplace_back();
  access.network = this;
  access.hospital = {kFirstHost + static_cast<std::uint32_t>(hosts_.size())};
  access.of_hospital = false;
  access.availability = availability;
  access.link = link;
  // the server is where all ways lead
  static const Route kNoWay;
  access.route = hosts_.empty() ? &kNoWay : &topology_.route(access.hospital, link.region);
  access.attached = true;
  hosts_.push_back(&access);
  return {access.hospital.value};
}

HostId FlowNetwork::server_host() const {
  return {kFirstHost};
}

FlowNetwork::Access& FlowNetwork::host(HostId id) {
  if (id.value >= kFirstHost) {
    ENSURE(id.value - kFirstHost < hosts_.size(), "a machine is announced before it sends");
    return *hosts_[id.value - kFirstHost];
  }
  Access& access = access_of(HospitalId{id.value});
  ENSURE(access.attached, "a hospital is attached before it sends or receives");
  return access;
}

void FlowNetwork::advance_solvers() const {
  for (const Trunk& t : trunks_) {
    if (t.sharing) t.sharing->advance(simulation_.now());
  }
}

const std::array<LinkId, 2>& FlowNetwork::own_links(Access& access) {
  BandwidthSharing& sharing = *trunks_[kMessages].sharing;
  if (!access.own_links) {
    const LinkId down = sharing.add_link(access.link.down_bytes_per_s);
    access.own_links = {down, sharing.add_link(access.link.up_bytes_per_s)};
  }
  return *access.own_links;
}

// Both ways to the server, up to where they meet: there the message turns.
FlowNetwork::Path FlowNetwork::path_between(Access& from, Access& to) {
  constexpr auto kUp = TransferDirection::up;
  constexpr auto kDown = TransferDirection::down;
  Trunk& t = trunks_[kMessages];
  if (!t.sharing) {
    std::vector<double> capacities;
    for (const SharedLink& link : topology_.links) {
      capacities.insert(capacities.end(), link.bytes_per_s.begin(), link.bytes_per_s.end());
    }
    t.sharing = make_general_sharing(capacities);
    t.sharing->advance(simulation_.now());
  }
  std::size_t up = from.route->size();
  std::size_t down = to.route->size();
  while (up > 0 && down > 0 && (*from.route)[up - 1] == (*to.route)[down - 1]) {
    --up;
    --down;
  }
  Path path;
  TimeNs latency = std::min(from.link.latency + to.link.latency, kTimeMax);
  path.goodput = (1 - from.link.loss) * (1 - to.link.loss) * options_.flow.bandwidth_factor;
  path.route.push_back(own_links(from)[static_cast<std::size_t>(kUp)]);
  double inverse_rates = 1 / from.rate(kUp) + 1 / to.rate(kDown);
  const auto cross = [&](LinkId link, TransferDirection direction) {
    const SharedLink& shared = topology_.links[link.value];
    path.route.push_back(message_link(link, direction));
    latency = std::min(latency + shared.latency, kTimeMax);
    inverse_rates += 1 / shared.bytes_per_s[static_cast<std::size_t>(direction)];
  };
  for (std::size_t i = 0; i < up; ++i) cross((*from.route)[i], kUp);
  for (std::size_t i = down; i-- > 0;) cross((*to.route)[i], kDown);
  path.route.push_back(own_links(to)[static_cast<std::size_t>(kDown)]);
  path.latency = factored(latency);
  path.cap = std::min({from.rate(kUp), to.rate(kDown), window_cap(latency)});
  path.weight = from.link.weight;
  if (options_.flow.round_trip_weights) {
    double round_trip_s = std::max(latency.seconds(), kLatencyLeast_s);
    if (options_.flow.weight_bytes > 0) round_trip_s += options_.flow.weight_bytes * inverse_rates;
    path.weight /= std::min(round_trip_s, kRoundTripMost_s);
  }
  return path;
}

Task<TransferOutcome> FlowNetwork::send(HostId from, HostId to, std::int64_t bytes,
                                        TimeNs give_up) {
  ENSURE(from != to, "a message goes to another machine");
  ENSURE(bytes >= 0, "a message has a size");
  Access& sender = host(from);
  Access& receiver = host(to);
  Path path = path_between(sender, receiver);
  Transfer transfer(*this, sender, receiver, std::move(path), bytes, give_up);
  transfer.begin();
  co_await transfer.ended().wait();
  co_return transfer.outcome();
}

}  // namespace polyclinic
