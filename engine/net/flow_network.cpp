#include "net/flow_network.hpp"

#include <algorithm>
#include <cmath>

#include "base/check.hpp"
#include "net/flow_transfer.hpp"

namespace polyclinic {

namespace {
constexpr double kCapacityMax = 1e18;  // bytes per second
// For windows and weights a path takes at least and at most so long: one of 0 would have all of a
// link, and the solver wants weights that it can tell from 0.
constexpr double kLatencyLeast_s = 1e-6;
constexpr double kRoundTripMost_s = 1e3;
}  // namespace

double FlowNetwork::Access::rate(TransferDirection direction) const {
  return direction == TransferDirection::up ? link.up_bytes_per_s : link.down_bytes_per_s;
}

FlowNetwork::FlowNetwork(Simulation& simulation, const FlowOptions& options, Topology topology)
    : simulation_(simulation), options_(options), topology_(std::move(topology)) {
  for (std::size_t i = 0; i < kMessages; ++i) {
    std::vector<double> capacities;
    for (const SharedLink& link : topology_.links) capacities.push_back(link.bytes_per_s[i]);
    trunks_[i].sharing =
        topology_.star ? make_star_sharing(capacities.front()) : make_general_sharing(capacities);
    trunks_[i].sharing->advance(simulation.now());
  }
  // the server's machine: what bounds it are the server's links
  AccessLink server;
  server.up_bytes_per_s = server.down_bytes_per_s = kCapacityMax;
  add_host(server, nullptr);
}

FlowNetwork::~FlowNetwork() {
  for (Transfer* transfer : active_) {
    simulation_.cancel(transfer->access_->change);
    transfer->abandon();
  }
  for (const Trunk& t : trunks_) simulation_.cancel(t.end);
  simulation_.cancel(solve_);
}

void FlowNetwork::attach(HospitalId hospital, const AccessLink& link, Availability* availability) {
  Access& access = access_of(hospital);
  if (access.attached) return;
  ENSURE(link.up_bytes_per_s > 0, "an access link lets something through");
  ENSURE(link.down_bytes_per_s > 0, "an access link lets something through");
  ENSURE(link.loss >= 0 && link.loss < 1, "some packets arrive");
  ENSURE(link.weight > 0, "a hospital has a share");
  access.link = link;
  access.availability = availability;
  access.route = &topology_.route(hospital, link.region);
  model_flows(access);
  access.attached = true;
}

// What the model of flows makes of a hospital's path. Casanova and Marchal 2002 (CM02): a window of
// W bytes lets through W / (2 latency), and TCP shares a full link as 1 / round-trip time; Velho et
// al. 2013 (LV08): factors for slow start and headers, and each link adds S / bandwidth to the
// time.
void FlowNetwork::model_flows(Access& access) const {
  const FlowModel& flow = options_.flow;
  access.goodput = (1 - access.link.loss) * flow.bandwidth_factor;
  TimeNs latency = access.link.latency;
  for (const LinkId id : *access.route) {
    latency = std::min(latency + topology_.links[id.value].latency, kTimeMax);
  }
  access.latency = factored(latency);
  const double seconds = std::max(latency.seconds(), kLatencyLeast_s);
  access.cap = window_cap(latency);
  for (const auto direction : {TransferDirection::down, TransferDirection::up}) {
    double& weight = access.weight[static_cast<std::size_t>(direction)];
    weight = access.link.weight;
    if (!flow.round_trip_weights) continue;
    double round_trip_s = seconds;
    if (flow.weight_bytes > 0) {
      round_trip_s += flow.weight_bytes / access.rate(direction);
      for (const LinkId id : *access.route) {
        const SharedLink& shared = topology_.links[id.value];
        round_trip_s += flow.weight_bytes / shared.bytes_per_s[static_cast<std::size_t>(direction)];
      }
    }
    weight /= std::min(round_trip_s, kRoundTripMost_s);
  }
}

// The time before the first byte.
TimeNs FlowNetwork::factored(TimeNs latency) const {
  const double factored_ns = static_cast<double>(latency.ns) * options_.flow.latency_factor;
  return {std::llround(std::min(factored_ns, static_cast<double>(kTimeMax.ns)))};
}

// What a window lets through on a path of that latency.
double FlowNetwork::window_cap(TimeNs latency) const {
  const double seconds = std::max(latency.seconds(), kLatencyLeast_s);
  return std::min(options_.flow.window_bytes / (2 * seconds), kCapacityMax);
}

Task<TransferOutcome> FlowNetwork::transfer(HospitalId hospital, TransferDirection direction,
                                            std::int64_t bytes, TimeNs give_up) {
  Access& access = access_of(hospital);
  ENSURE(access.attached, "a hospital is attached before it sends or receives");
  ENSURE(bytes >= 0, "a message has a size");
  Transfer transfer(*this, access, direction, bytes, give_up);
  transfer.begin();
  co_await transfer.ended().wait();
  co_return transfer.outcome();
}

TimeNs FlowNetwork::least_time(HospitalId hospital, TransferDirection direction,
                               std::int64_t bytes) const {
  const Access& access = attached(hospital);
  double rate = std::min(access.rate(direction), access.cap);
  for (const LinkId id : *access.route) {
    rate =
        std::min(rate, topology_.links[id.value].bytes_per_s[static_cast<std::size_t>(direction)]);
  }
  const double seconds = access.wire_bytes(static_cast<double>(bytes)) / rate;
  if (bytes == 0) return access.latency;
  if (!(seconds < kTimeMax.seconds())) return kNever;
  return access.latency + ceil_to_ns(seconds);
}

std::int64_t FlowNetwork::bytes_of(HospitalId hospital, TransferDirection direction) const {
  const Access* const access = find(hospital);
  if (access == nullptr) return 0;
  std::int64_t bytes = access->bytes[static_cast<std::size_t>(direction)];
  advance_solvers();
  for (const Transfer* transfer : access->transfers) {
    if (transfer->is_of(*access, direction)) bytes += std::llround(transfer->moved());
  }
  return bytes;
}

std::int64_t FlowNetwork::bytes_total(TransferDirection direction) const {
  // whole bytes, so that the order of the list does not matter
  std::int64_t bytes = bytes_[static_cast<std::size_t>(direction)];
  advance_solvers();
  for (const Transfer* transfer : active_) {
    for (const Access* end : {transfer->access_, transfer->to_}) {
      const bool counts = end != nullptr && end->of_hospital && transfer->is_of(*end, direction);
      if (counts) bytes += std::llround(transfer->moved());
    }
  }
  return bytes;
}

std::uint32_t FlowNetwork::index_of(std::string_view name) const {
  const auto it = std::find_if(topology_.links.begin(), topology_.links.end(),
                               [&](const SharedLink& link) { return link.name == name; });
  ENSURE(it != topology_.links.end(), "a link of this network");
  return static_cast<std::uint32_t>(it - topology_.links.begin());
}

std::vector<std::string> FlowNetwork::links() const {
  std::vector<std::string> names;
  for (const SharedLink& link : topology_.links) names.push_back(link.name);
  return names;
}

void FlowNetwork::set_link(std::string_view name, TransferDirection direction, double bytes_per_s) {
  ENSURE(bytes_per_s >= 0, "a link has a capacity");
  const std::uint32_t index = index_of(name);
  double& capacity = topology_.links[index].bytes_per_s[static_cast<std::size_t>(direction)];
  // a script may ask for anything; beyond this a link is no limit any more
  capacity = std::min(bytes_per_s, kCapacityMax);
  solver(static_cast<std::size_t>(direction)).set_capacity(LinkId{index}, capacity);
  if (trunks_[kMessages].sharing) {
    solver(kMessages).set_capacity(message_link(LinkId{index}, direction), capacity);
  }
}

double FlowNetwork::link(std::string_view name, TransferDirection direction) const {
  return topology_.links[index_of(name)].bytes_per_s[static_cast<std::size_t>(direction)];
}

void FlowNetwork::set_connected(HospitalId hospital, bool connected) {
  Access& access = access_of(hospital);
  access.connected = connected;
  if (!access.transfers.empty()) update_state(access);
}

bool FlowNetwork::connected(HospitalId hospital) const {
  const Access* const access = find(hospital);
  return access == nullptr || access->connected;
}

const FlowNetwork::Access* FlowNetwork::find(HospitalId hospital) const {
  return hospital.value < by_hospital_.size() ? by_hospital_[hospital.value] : nullptr;
}

FlowNetwork::Access& FlowNetwork::access_of(HospitalId hospital) {
  if (hospital.value >= by_hospital_.size()) by_hospital_.resize(hospital.value + std::size_t{1});
  Access*& access = by_hospital_[hospital.value];
  if (access == nullptr) {
    access = &accesses_.emplace_back();
    access->network = this;
    access->hospital = hospital;
  }
  return *access;
}

const FlowNetwork::Access& FlowNetwork::attached(HospitalId hospital) const {
  const Access* const access = find(hospital);
  ENSURE(access != nullptr, "a hospital is attached before it is asked about");
  ENSURE(access->attached, "a hospital is attached before it is asked about");
  return *access;
}

// Moves the solver's clock to now and makes sure that the next completion is looked up again before
// time goes on: all changes of one instant are solved together.
BandwidthSharing& FlowNetwork::solver(std::size_t trunk) {
  static constexpr Handler kSolve = method_handler<&FlowNetwork::on_solve>("bandwidth shared");
  Trunk& t = trunks_[trunk];
  t.sharing->advance(simulation_.now());
  t.changed = true;
  if (!solving_) {
    solve_ = simulation_.schedule(simulation_.now(), Priority::measurement, Call{&kSolve, this});
    solving_ = true;
  }
  return *t.sharing;
}

void FlowNetwork::enter(Transfer& transfer) {
  transfer.active_index_ = active_.size();
  active_.push_back(&transfer);
  enter(transfer, *transfer.access_);
  if (transfer.to_ != nullptr) enter(transfer, *transfer.to_);
}

void FlowNetwork::enter(Transfer& transfer, Access& access) {
  access.transfers.push_back(&transfer);
  if (access.transfers.size() > 1) return;
  // its state has not been followed while nobody waited on it
  access.up =
      access.connected && (!access.availability || access.availability->up_at(simulation_.now()));
  watch(access);
}

std::int64_t FlowNetwork::leave(Transfer& transfer) {
  const std::int64_t moved = std::llround(transfer.moved_);
  active_[transfer.active_index_] = active_.back();
  active_[transfer.active_index_]->active_index_ = transfer.active_index_;
  active_.pop_back();
  leave(transfer, *transfer.access_, transfer.direction_, moved);
  if (transfer.to_ != nullptr) leave(transfer, *transfer.to_, TransferDirection::down, moved);
  return moved;
}

void FlowNetwork::leave(Transfer& transfer, Access& access, TransferDirection direction,
                        std::int64_t moved) {
  const auto which = static_cast<std::size_t>(direction);
  access.bytes[which] += moved;
  if (access.of_hospital) bytes_[which] += moved;
  access.transfers.erase(std::find(access.transfers.begin(), access.transfers.end(), &transfer));
  if (access.transfers.empty()) simulation_.cancel(access.change);
}

void FlowNetwork::watch(Access& access) {
  static constexpr Handler kChange = method_handler<&Access::on_change>("availability changes");
  if (!access.availability) return;
  const TimeNs next = access.availability->next_change(simulation_.now());
  if (next > kTimeMax) return;
  access.change = simulation_.schedule(next, Priority::state,
                                       Call{&kChange, &access, 0, access.hospital.value});
}

void FlowNetwork::Access::on_change(std::uint64_t) {
  network->update_state(*this);
  if (!transfers.empty()) network->watch(*this);
}

void FlowNetwork::update_state(Access& access) {
  const bool up =
      access.connected && (!access.availability || access.availability->up_at(simulation_.now()));
  if (up == access.up) return;
  access.up = up;
  // a transfer may end, and so leave the list, when the hospital goes down
  const std::vector<Transfer*> transfers = access.transfers;
  for (Transfer* transfer : transfers) {
    if (up) {
      transfer->came_up();
    } else {
      transfer->went_down();
    }
  }
}

// Gives each of a hospital's flows in one direction an equal part of its link.
void FlowNetwork::share_access(Access& access, TransferDirection direction) {
  const auto which = static_cast<std::size_t>(direction);
  double flows = 0;
  for (const Transfer* transfer : access.transfers) {
    if (transfer->flowing() && transfer->trunk() == which) ++flows;
  }
  if (flows == 0) return;
  const double cap = std::min(access.rate(direction) / flows, access.cap);
  for (const Transfer* transfer : access.transfers) {
    if (transfer->flowing() && transfer->trunk() == which) {
      solver(which).set_cap(transfer->flow(), cap);
    }
  }
}

void FlowNetwork::on_solve(std::uint64_t) {
  static constexpr Handler kEnd = method_handler<&FlowNetwork::on_end>("transfer ends");
  solving_ = false;
  for (std::size_t i = 0; i < trunks_.size(); ++i) {
    Trunk& t = trunks_[i];
    if (!t.changed) continue;
    t.changed = false;
    const TimeNs next = t.sharing->next_completion().value_or(kNever);
    if (next == t.end_at) continue;
    simulation_.cancel(t.end);
    t.end_at = next;
    if (next != kNever) {
      t.end = simulation_.schedule(next, Priority::transfer_end, Call{&kEnd, this, i});
    }
  }
}

void FlowNetwork::on_end(std::uint64_t which) {
  Trunk& t = trunks_[which];
  t.end_at = kNever;
  completed_.clear();
  solver(which).take_completed(completed_);
  // none of them is on the wire any more: said of all before any of them frees its access link
  for (const FlowId flow : completed_) t.owners[flow.value]->arrive();
  for (const FlowId flow : completed_) {
    Transfer& transfer = *t.owners[flow.value];
    Access& access = *transfer.access_;
    transfer.complete();
    if (which != kMessages && !access.transfers.empty()) {
      share_access(access, static_cast<TransferDirection>(which));
    }
  }
}

}  // namespace polyclinic
