#include "net/star_network.hpp"

#include <algorithm>
#include <cmath>

#include "base/check.hpp"
#include "net/star_transfer.hpp"

namespace polyclinic {

namespace {
constexpr double kCapacityMax = 1e18;  // bytes per second
}

double StarNetwork::Access::rate(TransferDirection direction) const {
  return direction == TransferDirection::up ? link.up_bytes_per_s : link.down_bytes_per_s;
}

StarNetwork::StarNetwork(Simulation& simulation, const StarOptions& options)
    : simulation_(simulation), options_(options) {
  for (std::size_t i = 0; i < trunks_.size(); ++i) {
    trunks_[i].capacity = options.server_bytes_per_s[i];
    trunks_[i].sharing = make_star_sharing(trunks_[i].capacity);
    trunks_[i].sharing->advance(simulation.now());
  }
}

StarNetwork::~StarNetwork() {
  for (Transfer* transfer : active_) {
    simulation_.cancel(transfer->access_->change);
    transfer->abandon();
  }
  for (const Trunk& t : trunks_) simulation_.cancel(t.end);
  simulation_.cancel(solve_);
}

void StarNetwork::attach(HospitalId hospital, const AccessLink& link, Availability* availability) {
  Access& access = access_of(hospital);
  if (access.attached) return;
  ENSURE(link.up_bytes_per_s > 0, "an access link lets something through");
  ENSURE(link.down_bytes_per_s > 0, "an access link lets something through");
  ENSURE(link.loss >= 0 && link.loss < 1, "some packets arrive");
  ENSURE(link.weight > 0, "a hospital has a share");
  access.link = link;
  access.availability = availability;
  access.attached = true;
}

Task<TransferOutcome> StarNetwork::transfer(HospitalId hospital, TransferDirection direction,
                                            std::int64_t bytes, TimeNs give_up) {
  Access& access = access_of(hospital);
  ENSURE(access.attached, "a hospital is attached before it sends or receives");
  ENSURE(bytes >= 0, "a message has a size");
  Transfer transfer(*this, access, direction, bytes, give_up);
  transfer.begin();
  co_await transfer.ended().wait();
  co_return transfer.outcome();
}

TimeNs StarNetwork::least_time(HospitalId hospital, TransferDirection direction,
                               std::int64_t bytes) const {
  const Access& access = attached(hospital);
  const double rate = std::min(access.rate(direction), trunk(direction).capacity);
  const double seconds = static_cast<double>(bytes) / (1 - access.link.loss) / rate;
  if (bytes == 0) return access.link.latency;
  if (!(seconds < kTimeMax.seconds())) return kNever;
  return access.link.latency + ceil_to_ns(seconds);
}

std::int64_t StarNetwork::bytes_of(HospitalId hospital, TransferDirection direction) const {
  const auto it = accesses_.find(hospital.value);
  if (it == accesses_.end()) return 0;
  std::int64_t bytes = it->second.bytes[static_cast<std::size_t>(direction)];
  trunk(direction).sharing->advance(simulation_.now());
  for (const Transfer* transfer : it->second.transfers) {
    if (transfer->direction() == direction) bytes += std::llround(transfer->moved());
  }
  return bytes;
}

std::int64_t StarNetwork::bytes_total(TransferDirection direction) const {
  // whole bytes, so that the order of the list does not matter
  std::int64_t bytes = trunk(direction).bytes;
  trunk(direction).sharing->advance(simulation_.now());
  for (const Transfer* transfer : active_) {
    if (transfer->direction() == direction) bytes += std::llround(transfer->moved());
  }
  return bytes;
}

void StarNetwork::set_server(TransferDirection direction, double bytes_per_s) {
  ENSURE(bytes_per_s >= 0, "a link has a capacity");
  // a script may ask for anything; beyond this a link is no limit any more
  trunk(direction).capacity = std::min(bytes_per_s, kCapacityMax);
  solver(direction).set_capacity(LinkId{0}, trunk(direction).capacity);
}

double StarNetwork::server(TransferDirection direction) const {
  return trunk(direction).capacity;
}

void StarNetwork::set_connected(HospitalId hospital, bool connected) {
  Access& access = access_of(hospital);
  access.connected = connected;
  if (!access.transfers.empty()) update_state(access);
}

bool StarNetwork::connected(HospitalId hospital) const {
  const auto it = accesses_.find(hospital.value);
  return it == accesses_.end() || it->second.connected;
}

StarNetwork::Access& StarNetwork::access_of(HospitalId hospital) {
  Access& access = accesses_[hospital.value];
  access.network = this;
  access.hospital = hospital;
  return access;
}

const StarNetwork::Access& StarNetwork::attached(HospitalId hospital) const {
  const auto it = accesses_.find(hospital.value);
  ENSURE(it != accesses_.end(), "a hospital is attached before it is asked about");
  ENSURE(it->second.attached, "a hospital is attached before it is asked about");
  return it->second;
}

// Moves the solver's clock to now and makes sure that the next completion is looked up again before
// time goes on: all changes of one instant are solved together.
BandwidthSharing& StarNetwork::solver(TransferDirection direction) {
  static constexpr Handler kSolve = method_handler<&StarNetwork::on_solve>("bandwidth shared");
  Trunk& t = trunk(direction);
  t.sharing->advance(simulation_.now());
  t.changed = true;
  if (!solving_) {
    solve_ = simulation_.schedule(simulation_.now(), Priority::measurement, Call{&kSolve, this});
    solving_ = true;
  }
  return *t.sharing;
}

void StarNetwork::enter(Transfer& transfer) {
  Access& access = *transfer.access_;
  transfer.active_index_ = active_.size();
  active_.push_back(&transfer);
  access.transfers.push_back(&transfer);
  if (access.transfers.size() > 1) return;
  // its state has not been followed while nobody waited on it
  access.up =
      access.connected && (!access.availability || access.availability->up_at(simulation_.now()));
  watch(access);
}

void StarNetwork::leave(Transfer& transfer) {
  Access& access = *transfer.access_;
  const std::int64_t moved = std::llround(transfer.moved_);
  trunk(transfer.direction_).bytes += moved;
  access.bytes[static_cast<std::size_t>(transfer.direction_)] += moved;
  active_[transfer.active_index_] = active_.back();
  active_[transfer.active_index_]->active_index_ = transfer.active_index_;
  active_.pop_back();
  access.transfers.erase(std::find(access.transfers.begin(), access.transfers.end(), &transfer));
  if (access.transfers.empty()) simulation_.cancel(access.change);
}

void StarNetwork::watch(Access& access) {
  static constexpr Handler kChange = method_handler<&Access::on_change>("availability changes");
  if (!access.availability) return;
  const TimeNs next = access.availability->next_change(simulation_.now());
  if (next > kTimeMax) return;
  access.change = simulation_.schedule(next, Priority::state,
                                       Call{&kChange, &access, 0, access.hospital.value});
}

void StarNetwork::Access::on_change(std::uint64_t) {
  network->update_state(*this);
  if (!transfers.empty()) network->watch(*this);
}

void StarNetwork::update_state(Access& access) {
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
void StarNetwork::share_access(Access& access, TransferDirection direction) {
  double flows = 0;
  for (const Transfer* transfer : access.transfers) {
    if (transfer->flowing() && transfer->direction() == direction) ++flows;
  }
  if (flows == 0) return;
  const double cap = access.rate(direction) / flows;
  for (const Transfer* transfer : access.transfers) {
    if (transfer->flowing() && transfer->direction() == direction) {
      solver(direction).set_cap(transfer->flow(), cap);
    }
  }
}

void StarNetwork::on_solve(std::uint64_t) {
  static constexpr Handler kEnd = method_handler<&StarNetwork::on_end>("transfer ends");
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

void StarNetwork::on_end(std::uint64_t direction) {
  const auto which = static_cast<TransferDirection>(direction);
  Trunk& t = trunk(which);
  t.end_at = kNever;
  completed_.clear();
  solver(which).take_completed(completed_);
  // none of them is on the wire any more: said of all before any of them frees its access link
  for (const FlowId flow : completed_) t.owners[flow.value]->arrive();
  for (const FlowId flow : completed_) {
    Transfer& transfer = *t.owners[flow.value];
    transfer.complete();
    share_access(*transfer.access_, which);
  }
}

}  // namespace polyclinic
