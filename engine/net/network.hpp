// Moving bytes between hospitals and server on the clock: latency first, then max-min fair sharing.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.hpp"
#include "base/schema.hpp"
#include "base/time.hpp"
#include "net/availability.hpp"
#include "net/population.hpp"
#include "sim/simulation.hpp"
#include "sim/task.hpp"
#include "trace/event.hpp"

namespace polyclinic {

// What happens to work that an outage interrupts.
enum class Interruption : std::uint8_t {
  abort,   // it is lost; a transfer is tried again from its beginning, as often as the network
           // allows
  resume,  // it goes on where it was when the hospital is back
};

struct TransferOutcome {
  bool completed = false;
  TimeNs started;
  TimeNs ended;
  std::int32_t attempts = 1;
  std::int64_t bytes_on_wire = 0;  // of all attempts, lost packets not counted
};

// The name of the link that all transfers cross.
inline constexpr const char* kServerLink = "server";

// The access links of one hospital, given when it first sends or receives.
struct AccessLink {
  double up_bytes_per_s = 0;
  double down_bytes_per_s = 0;
  TimeNs latency;
  double loss = 0;
  double weight = 1;   // share at a bottleneck relative to others
  std::string region;  // decides which shared links its transfers cross
};

// The transport of a world. Owned by the event loop.
class Network {
 public:
  virtual ~Network() = default;
  // Announces a hospital; its availability decides when transfers break. Both outlive the network.
  // Called again for the same hospital: does nothing.
  virtual void attach(HospitalId hospital, const AccessLink& link, Availability* availability) = 0;
  // Moves payload bytes between the hospital and the server; ends when the last byte is there or
  // the transfer is given up (after the retries the scenario allows, or when `give_up` has come).
  virtual Task<TransferOutcome> transfer(HospitalId hospital, TransferDirection direction,
                                         std::int64_t bytes, TimeNs give_up) = 0;

  // --- messages of which neither end need be the server
  // Announces a machine that is no hospital and stands where the hospitals of `link.region` do, on
  // their side of the line that they share. Its availability, which outlives the network, decides
  // when messages to and from it break; nullptr: it is always up.
  virtual HostId add_host(const AccessLink& link, Availability* availability) = 0;
  HostId add_host(const AccessLink& link) { return add_host(link, nullptr); }
  // The server's machine, behind its links.
  [[nodiscard]] virtual HostId server_host() const = 0;
  // Moves payload bytes directly from one machine to another: over the sender's own link up, the
  // shared links between them, and the receiver's own link down, each of which flows share max-min
  // fairly. It goes on while both ends are up; otherwise as transfer(). These messages share links
  // with each other, not with those of transfer(): a protocol uses the one or the other.
  // REQUIRES: from and to differ and were announced.
  virtual Task<TransferOutcome> send(HostId from, HostId to, std::int64_t bytes,
                                     TimeNs give_up) = 0;

  // A time no smaller than what an undisturbed transfer of so many bytes takes at least.
  [[nodiscard]] virtual TimeNs least_time(HospitalId hospital, TransferDirection direction,
                                          std::int64_t bytes) const = 0;
  // Payload bytes that this hospital's transfers have moved so far, those of transfers that broke
  // off or were abandoned included; sums to bytes_total over the hospitals.
  [[nodiscard]] virtual std::int64_t bytes_of(HospitalId hospital,
                                              TransferDirection direction) const = 0;
  // Payload bytes that hospitals have sent (up) or received (down) so far.
  [[nodiscard]] virtual std::int64_t bytes_total(TransferDirection direction) const = 0;
  // Names of the shared links; kServerLink first.
  [[nodiscard]] virtual std::vector<std::string> links() const = 0;
  // Changes a shared link from now on (timelines do this). 0 stops what crosses it. REQUIRES: the
  // link is there.
  virtual void set_link(std::string_view name, TransferDirection direction, double bytes_per_s) = 0;
  [[nodiscard]] virtual double link(std::string_view name, TransferDirection direction) const = 0;
  // The same for the server's link.
  void set_server(TransferDirection direction, double bytes_per_s) {
    set_link(kServerLink, direction, bytes_per_s);
  }
  [[nodiscard]] double server(TransferDirection direction) const {
    return link(kServerLink, direction);
  }
  // Cuts a hospital off, or lets it back, on top of its availability.
  virtual void set_connected(HospitalId hospital, bool connected) = 0;
  // Whether set_connected lets it through; its availability is not asked.
  [[nodiscard]] virtual bool connected(HospitalId hospital) const = 0;
};

// Builds the network of a resolved part `network.*`; nullptr: network.star with its defaults. The
// population says which regions there are (nullptr: none); the simulation must outlive the network.
// Throws ScenarioError.
std::unique_ptr<Network> make_network(const Part* part, Simulation& simulation,
                                      const Population* population = nullptr);

// What the field `interrupted` of a resolved part says ("abort" or "resume"); nullptr: abort.
Interruption interruption_of(const Part* part);
// Whether it says `resumable { ... }`: what has arrived is kept on disk at both ends.
bool uploads_last(const Part* part);

// How a work of `duration` that starts at `start` ends, known without waiting.
struct WorkPlan {
  TimeNs ends;             // kNever: it never gets done, nor is it interrupted
  bool completed = false;  // false: an outage ends it then
};
WorkPlan plan_work(Availability& availability, TimeNs start, TimeNs duration,
                   Interruption interruption);

// Waits until the hospital has worked for `duration`. With abort, an outage ends it (false); with
// resume, the clock of the work stands still while the hospital is down. Ends false when `give_up`
// has come.
Task<bool> work(Simulation& simulation, Availability& availability, TimeNs duration,
                Interruption interruption, TimeNs give_up);

// The first time not before `time` at which it is up; kNever when it never is within a hundred
// years.
TimeNs next_up(Availability& availability, TimeNs time);

// Waits until the hospital is up (true) or `give_up` has come (false).
Task<bool> wait_until_up(Simulation& simulation, Availability& availability, TimeNs give_up);

// Schemas of hospitals, group, availability.*, network.*, nightly, profile.*.
std::vector<Schema> net_schemas();

}  // namespace polyclinic
