#include "net/flow_transfer.hpp"

#include <algorithm>
#include <cmath>

#include "base/check.hpp"

namespace polyclinic {

namespace {
// A pause between two attempts never exceeds this.
constexpr TimeNs kPauseMax{3600 * kNsPerSecond};
}  // namespace

FlowNetwork::Transfer::Transfer(FlowNetwork& network, Access& access, TransferDirection direction,
                                std::int64_t bytes, TimeNs give_up)
    : network_(&network),
      access_(&access),
      direction_(direction),
      trunk_(static_cast<std::size_t>(direction)),
      bytes_(static_cast<double>(bytes)),
      left_(bytes_),
      give_up_at_(give_up) {
  outcome_.started = network.simulation_.now();
  outcome_.attempts = 0;
}

FlowNetwork::Transfer::Transfer(FlowNetwork& network, Access& from, Access& to, Path path,
                                std::int64_t bytes, TimeNs give_up)
    : Transfer(network, from, TransferDirection::up, bytes, give_up) {
  to_ = &to;
  path_ = std::move(path);
  trunk_ = kMessages;
}

FlowNetwork::Transfer::~Transfer() {
  if (!network_ || phase_ == Phase::ended) return;
  if (flowing()) moved_ += stop_flow();
  cancel_events();
  network_->leave(*this);
}

void FlowNetwork::Transfer::begin() {
  static constexpr Handler kGiveUp = method_handler<&Transfer::on_give_up>("transfer given up");
  network_->enter(*this);
  Simulation& simulation = network_->simulation_;
  if (give_up_at_ < simulation.now()) return finish(false);
  if (give_up_at_ <= kTimeMax) {
    give_up_ = simulation.schedule(give_up_at_, Priority::deadline,
                                   Call{&kGiveUp, this, 0, access_->hospital.value});
  }
  if (reachable()) try_start();
}

void FlowNetwork::Transfer::came_up() {
  static constexpr Handler kTimer = method_handler<&Transfer::on_timer>("transfer goes on");
  if (phase_ != Phase::waiting || !reachable()) return;
  if (!pause_due_) return try_start();
  phase_ = Phase::pausing;
  TimeNs pause = std::min(network_->options_.back_off, kPauseMax);
  for (std::int32_t i = 1; i < outcome_.attempts && pause < kPauseMax; ++i) {
    pause = std::min(pause + pause, kPauseMax);
  }
  timer_ = network_->simulation_.schedule(network_->simulation_.now() + pause, Priority::wakeup,
                                          Call{&kTimer, this, 0, access_->hospital.value});
}

void FlowNetwork::Transfer::went_down() {
  const FlowOptions& options = network_->options_;
  const bool attempting = phase_ == Phase::latency || phase_ == Phase::flowing;
  network_->simulation_.cancel(timer_);
  if (flowing()) {
    const double delivered = stop_flow();
    moved_ += delivered;
    if (options.interrupted == Interruption::resume) keep_chunks(delivered);
  }
  phase_ = Phase::waiting;
  if (!attempting || options.interrupted == Interruption::resume) return;
  if (outcome_.attempts > options.retries) return finish(false);
  pause_due_ = true;
}

void FlowNetwork::Transfer::complete() {
  moved_ += attempt();
  finish(true);
}

// What had arrived when it broke off; of a chunk that was on its way nothing is kept.
void FlowNetwork::Transfer::keep_chunks(double delivered) {
  const double chunk = network_->options_.resuming.chunk_bytes;
  const double left = std::max(0.0, left_ - std::max(0.0, delivered - asking_));
  if (chunk <= 0) {
    left_ = left;
    return;
  }
  // the solver counts in parts of bytes: one that is all but whole has arrived
  constexpr double kWhole = 1e-6;
  const double arrived = bytes_ - left;
  left_ = std::min(left_, bytes_ - chunk * std::floor(arrived / chunk + kWhole));
}

void FlowNetwork::Transfer::abandon() {
  cancel_events();
  network_ = nullptr;
}

double FlowNetwork::Transfer::moved() const {
  if (!flowing()) return moved_;
  const double wire_left = network_->trunks_[trunk_].sharing->remaining(flow_);
  return moved_ + std::max(0.0, attempt() - payload(wire_left));
}

void FlowNetwork::Transfer::try_start() {
  static constexpr Handler kTimer = method_handler<&Transfer::on_timer>("transfer goes on");
  pause_due_ = false;
  ++outcome_.attempts;
  phase_ = Phase::latency;
  TimeNs wait = latency();
  if (outcome_.attempts > 1 && network_->options_.interrupted == Interruption::resume) {
    const Resuming& resuming = network_->options_.resuming;
    wait = wait + ceil_to_ns(2 * resuming.round_trips * latency().seconds());
    asking_ = resuming.bytes;
  }
  // the end of the latency is the network's own business, before any actor looks
  timer_ =
      network_->simulation_.schedule(network_->simulation_.now() + wait, Priority::transfer_end,
                                     Call{&kTimer, this, 0, access_->hospital.value});
}

void FlowNetwork::Transfer::start_flow() {
  if (left_ <= 0) return finish(true);
  FlowDemand demand;
  demand.bytes = wire_bytes(attempt());
  if (path_) {
    demand.cap_bytes_per_s = path_->cap;
    demand.weight = path_->weight;
    demand.route = path_->route;
  } else {
    demand.cap_bytes_per_s = std::min(access_->rate(direction_), access_->cap);
    demand.weight = access_->weight[static_cast<std::size_t>(direction_)];
    if (!network_->topology_.star) demand.route = *access_->route;
  }
  flow_ = network_->solver(trunk_).start(demand);
  phase_ = Phase::flowing;
  std::vector<Transfer*>& owners = network_->trunks_[trunk_].owners;
  if (flow_.value >= owners.size()) owners.resize(flow_.value + std::size_t{1});
  owners[flow_.value] = this;
  // alone it has the cap that it was started with
  if (!path_ && access_->transfers.size() > 1) network_->share_access(*access_, direction_);
}

// Takes the flow off the wire; returns the payload bytes that it had delivered.
double FlowNetwork::Transfer::stop_flow() {
  const double wire_left = network_->solver(trunk_).abort(flow_);
  phase_ = Phase::waiting;
  if (!path_) network_->share_access(*access_, direction_);
  return std::max(0.0, attempt() - payload(wire_left));
}

void FlowNetwork::Transfer::finish(bool completed) {
  phase_ = Phase::ended;
  cancel_events();
  outcome_.completed = completed;
  outcome_.ended = network_->simulation_.now();
  outcome_.bytes_on_wire = network_->leave(*this);
  ended_.open();
}

void FlowNetwork::Transfer::cancel_events() {
  network_->simulation_.cancel(timer_);
  network_->simulation_.cancel(give_up_);
}

void FlowNetwork::Transfer::on_timer(std::uint64_t) {
  if (phase_ == Phase::pausing) return try_start();
  start_flow();
}

void FlowNetwork::Transfer::on_give_up(std::uint64_t) {
  if (flowing()) moved_ += stop_flow();
  finish(false);
}

}  // namespace polyclinic
