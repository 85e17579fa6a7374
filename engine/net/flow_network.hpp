// Transfers on a topology: every hospital behind an access link of its own (full duplex), shared
// links between these and the server, each with a capacity up and down.
//
// A transfer is a state machine of plain events; the coroutine that asked for it only waits for its
// end. It is: waiting (its hospital is down) -> latency -> flowing -> done; an outage sends it back
// to waiting. What was sent under `resume` is kept, and only the latency is paid again; with
// `resumable` whole chunks are kept, and the two ends first agree on where they were. Under `abort`
// it starts anew after a pause that doubles with every attempt.
//
// Several transfers of one hospital in one direction share its access link equally: as all of them
// take the same path, giving each an equal part of the link as its cap is max-min fair.
//
// Messages between machines (send) are transfers too, with two ends that must be up. They are a
// trunk of their own, in which both ends' own links and both directions of every shared link are
// links of the solver.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "net/network.hpp"
#include "net/sharing.hpp"
#include "net/topology.hpp"
#include "sim/gate.hpp"

namespace polyclinic {

// What going on after an interruption costs.
struct Resuming {
  double chunk_bytes = 0;  // of payload: a part of one is sent again; 0: every byte is kept
  double round_trips = 0;  // before the first byte, of two latencies each
  double bytes = 0;        // of messages about where it stood, on the way of the transfer
};

struct FlowOptions {
  FlowModel flow;
  Interruption interrupted = Interruption::abort;
  Resuming resuming;              // with Interruption::resume
  std::int32_t retries = 3;       // further attempts after an abort
  TimeNs back_off{kNsPerSecond};  // pause before the second attempt; doubles, up to an hour
};

class FlowNetwork final : public Network {
 public:
  FlowNetwork(Simulation& simulation, const FlowOptions& options, Topology topology);
  // Transfers that still wait are left waiting for ever.
  ~FlowNetwork() override;
  FlowNetwork(const FlowNetwork&) = delete;
  FlowNetwork& operator=(const FlowNetwork&) = delete;

  void attach(HospitalId hospital, const AccessLink& link, Availability* availability) override;
  Task<TransferOutcome> transfer(HospitalId hospital, TransferDirection direction,
                                 std::int64_t bytes, TimeNs give_up) override;
  using Network::add_host;
  HostId add_host(const AccessLink& link, Availability* availability) override;
  [[nodiscard]] HostId server_host() const override;
  Task<TransferOutcome> send(HostId from, HostId to, std::int64_t bytes, TimeNs give_up) override;
  [[nodiscard]] TimeNs least_time(HospitalId hospital, TransferDirection direction,
                                  std::int64_t bytes) const override;
  [[nodiscard]] std::int64_t bytes_of(HospitalId hospital,
                                      TransferDirection direction) const override;
  [[nodiscard]] std::int64_t bytes_total(TransferDirection direction) const override;
  [[nodiscard]] std::vector<std::string> links() const override;
  void set_link(std::string_view name, TransferDirection direction, double bytes_per_s) override;
  [[nodiscard]] double link(std::string_view name, TransferDirection direction) const override;
  void set_connected(HospitalId hospital, bool connected) override;
  [[nodiscard]] bool connected(HospitalId hospital) const override;

 private:
  class Transfer;
  // A hospital's end of its links, and the transfers that are on them.
  struct Access {
    FlowNetwork* network = nullptr;
    HospitalId hospital;
    AccessLink link;
    const Route* route = nullptr;
    TimeNs latency;                      // before the first byte
    double goodput = 1;                  // payload per byte on the wire
    double cap = 0;                      // of one flow: its window
    std::array<double, 2> weight{1, 1};  // of one flow, by direction
    Availability* availability = nullptr;
    bool attached = false;
    bool connected = true;
    bool up = true;                                  // kept only while there are transfers
    bool of_hospital = true;                         // false: a machine of its own
    std::optional<std::array<LinkId, 2>> own_links;  // in the trunk of messages, by direction
    EventId change;
    std::array<std::int64_t, 2> bytes{};  // of transfers that have ended, by direction
    std::vector<Transfer*> transfers;     // in order of their beginning

    [[nodiscard]] double rate(TransferDirection direction) const;
    // What so much payload is on the wire, and back: of every byte sent, a share `loss` has to be
    // sent again, and headers take theirs.
    [[nodiscard]] double wire_bytes(double payload) const { return payload / goodput; }
    [[nodiscard]] double payload(double wire) const { return wire * goodput; }
    void on_change(std::uint64_t);
  };
  // What a message between two machines crosses, and how fast it may be.
  struct Path {
    TimeNs latency;
    double goodput = 1;
    double cap = 0;
    double weight = 1;
    Route route;  // links of the trunk of messages
  };
  // Flows that share links: one direction of transfers with the server, or all messages between
  // machines.
  struct Trunk {
    std::unique_ptr<BandwidthSharing> sharing;
    std::vector<Transfer*> owners;  // by flow number; stale where none runs
    EventId end;                    // the next completion
    TimeNs end_at = kNever;
    bool changed = false;
  };

  Access& access_of(HospitalId hospital);
  [[nodiscard]] const Access* find(HospitalId hospital) const;
  [[nodiscard]] const Access& attached(HospitalId hospital) const;
  void model_flows(Access& access) const;
  Access& host(HostId id);
  [[nodiscard]] Path path_between(Access& from, Access& to);
  const std::array<LinkId, 2>& own_links(Access& access);
  // One direction of a shared link, in the trunk of messages.
  static LinkId message_link(LinkId link, TransferDirection direction) {
    return {2 * link.value + static_cast<std::uint32_t>(direction)};
  }
  [[nodiscard]] double window_cap(TimeNs latency) const;
  [[nodiscard]] TimeNs factored(TimeNs latency) const;
  [[nodiscard]] std::uint32_t index_of(std::string_view name) const;
  // The solver, its clock moved to now: for changes.
  BandwidthSharing& solver(std::size_t trunk);
  void enter(Transfer& transfer);
  void enter(Transfer& transfer, Access& access);
  // Returns the payload bytes that it has moved.
  std::int64_t leave(Transfer& transfer);
  void leave(Transfer& transfer, Access& access, TransferDirection direction, std::int64_t moved);
  void advance_solvers() const;
  void watch(Access& access);
  void update_state(Access& access);
  void share_access(Access& access, TransferDirection direction);
  void on_solve(std::uint64_t);
  void on_end(std::uint64_t trunk);

  Simulation& simulation_;
  FlowOptions options_;
  Topology topology_;
  static constexpr std::size_t kMessages = 2;  // the trunk after those of the two directions
  std::array<Trunk, 3> trunks_;                // that of messages is made with the first of them
  std::array<std::int64_t, 2> bytes_{};        // of hospitals' transfers that have ended
  std::deque<Access> accesses_;                // of hospitals that were ever named here; never move
  std::vector<Access*> by_hospital_;           // by hospital id; nullptr if not named yet
  std::vector<Access*> hosts_;                 // machines of their own, the server's first
  std::vector<Transfer*> active_;              // in order of no meaning
  std::vector<FlowId> completed_;
  EventId solve_;
  bool solving_ = false;  // solve_ is queued
};

}  // namespace polyclinic
