// One transfer of a network, alive in the frame of the coroutine that waits for it.
#pragma once

#include <cstddef>
#include <optional>

#include "net/flow_network.hpp"

namespace polyclinic {

class FlowNetwork::Transfer {
 public:
  Transfer(FlowNetwork& network, Access& access, TransferDirection direction, std::int64_t bytes,
           TimeNs give_up);
  // A message from one machine to another.
  Transfer(FlowNetwork& network, Access& from, Access& to, Path path, std::int64_t bytes,
           TimeNs give_up);
  // Takes the transfer off the network when its coroutine is cancelled.
  ~Transfer();
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  void begin();
  [[nodiscard]] Gate& ended() { return ended_; }
  [[nodiscard]] const TransferOutcome& outcome() const { return outcome_; }

  // The hospital is reachable again, or no longer. May end the transfer.
  void came_up();
  void went_down();
  // The last byte is there (the solver has taken the flow out); then: tell who waits.
  void arrive() { phase_ = Phase::arrived; }
  void complete();
  // The network goes away first.
  void abandon();

  [[nodiscard]] bool flowing() const { return phase_ == Phase::flowing; }
  [[nodiscard]] std::size_t trunk() const { return trunk_; }
  // Whether it is one that this machine sends (up) or receives (down).
  [[nodiscard]] bool is_of(const Access& access, TransferDirection direction) const {
    if (to_ == &access) return direction == TransferDirection::down;
    return access_ == &access && direction_ == direction;
  }
  [[nodiscard]] FlowId flow() const { return flow_; }
  // Payload bytes moved by all attempts so far.
  [[nodiscard]] double moved() const;

 private:
  friend class FlowNetwork;
  enum class Phase : std::uint8_t { waiting, pausing, latency, flowing, arrived, ended };

  // Both ends, where it has two.
  [[nodiscard]] bool reachable() const { return access_->up && (to_ == nullptr || to_->up); }
  [[nodiscard]] TimeNs latency() const { return path_ ? path_->latency : access_->latency; }
  [[nodiscard]] double goodput() const { return path_ ? path_->goodput : access_->goodput; }
  [[nodiscard]] double wire_bytes(double payload) const { return payload / goodput(); }
  [[nodiscard]] double payload(double wire) const { return wire * goodput(); }
  void try_start();
  void start_flow();
  double stop_flow();
  void keep_chunks(double delivered);
  // All that this attempt is to move.
  [[nodiscard]] double attempt() const { return asking_ + left_; }
  void finish(bool completed);
  void cancel_events();
  void on_timer(std::uint64_t);
  void on_give_up(std::uint64_t);

  FlowNetwork* network_;
  Access* access_;            // of the hospital, or of a message's sender
  Access* to_ = nullptr;      // of a message's receiver; nullptr: the server is the other end
  std::optional<Path> path_;  // of a message
  TransferDirection direction_;
  std::size_t trunk_;
  Phase phase_ = Phase::waiting;
  bool pause_due_ = false;  // an attempt has failed: pause before the next
  FlowId flow_;
  double bytes_;
  double left_;        // payload still to move
  double asking_ = 0;  // bytes before it in this attempt: where did it stand?
  double moved_ = 0;   // by attempts that have ended
  TimeNs give_up_at_;
  EventId timer_;
  EventId give_up_;
  std::size_t active_index_ = 0;  // in the network's list
  TransferOutcome outcome_;
  Gate ended_{"end of transfer"};
};

}  // namespace polyclinic
