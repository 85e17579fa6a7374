// How a running world meets the scenario's own Lua: the functions it may call, and what a timeline
// may do to it. Implemented by the script floor; the world knows no Lua.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"
#include "base/value.hpp"
#include "fed/parts.hpp"
#include "net/network.hpp"
#include "trace/event.hpp"

namespace polyclinic {

// What a timeline's coroutine may see and do (`world` in Lua). Valid while the world runs. Methods
// throw RunError when asked for something that is not there (an unknown hospital: nearest names).
class WorldControl {
 public:
  virtual ~WorldControl() = default;
  [[nodiscard]] virtual TimeNs now() const = 0;
  [[nodiscard]] virtual std::int64_t version() const = 0;
  [[nodiscard]] virtual std::vector<std::string> hospital_names() const = 0;
  virtual void disconnect(std::string_view hospital) = 0;
  virtual void reconnect(std::string_view hospital) = 0;
  [[nodiscard]] virtual bool connected(std::string_view hospital) const = 0;
  // Who may be invited, from the end of this instant on.
  virtual void join(std::string_view hospital) = 0;
  virtual void leave(std::string_view hospital) = 0;
  // It leaves, and the federation goes back to the last version that it had no part in.
  virtual void forget(std::string_view hospital) = 0;
  [[nodiscard]] virtual bool takes_part(std::string_view hospital) const = 0;
  // The server loses what it was doing, and goes on with the newest version after a time.
  virtual void crash_server(TimeNs down) = 0;
  // A hospital, or all hospitals of a region, are down for a time: what they were doing is lost.
  virtual void outage(std::string_view hospital, TimeNs time) = 0;
  virtual void outage_in(std::string_view region, TimeNs time) = 0;
  [[nodiscard]] virtual std::vector<std::string> regions() const = 0;
  // The data of a hospital, of all hospitals of a region, or of all change from the end of this
  // instant on, as a part change.* says. Throws ScenarioError for what the cohort does not have.
  virtual void change_data(std::string_view hospital, const Part& change) = 0;
  virtual void change_data_in(std::string_view region, const Part& change) = 0;
  virtual void change_all_data(const Part& change) = 0;
  [[nodiscard]] virtual std::int64_t participations(std::string_view hospital) const = 0;
  // The network's shared links (net/network.hpp). REQUIRES of the others: the link is there.
  [[nodiscard]] virtual std::vector<std::string> links() const = 0;
  virtual void set_link(std::string_view name, TransferDirection direction, double bytes_per_s) = 0;
  [[nodiscard]] virtual double link(std::string_view name, TransferDirection direction) const = 0;
  // The same for the server's link.
  void set_server(TransferDirection direction, double bytes_per_s) {
    set_link(kServerLink, direction, bytes_per_s);
  }
  [[nodiscard]] double server(TransferDirection direction) const {
    return link(kServerLink, direction);
  }
  virtual void note(std::string text) = 0;
  // Macro average of the newest measurement; nullopt before the first. Marks the run's output:
  // "a script read world.metric".
  virtual std::optional<double> metric(std::string_view name) = 0;
  // Ends the run after the current event, with the reason for the record.
  virtual void stop(std::string reason) = 0;
  // Calls host.resume(token) at `time` (not before now), after arrivals and deadlines of that
  // instant.
  virtual void wake_at(TimeNs time, std::uint64_t token) = 0;
  // Calls host.resume(token) when the version has been made (at once if it already has).
  virtual void wake_at_version(std::int64_t version, std::uint64_t token) = 0;
};

class ScriptHost : public PartFunctions {
 public:
  // Starts the scenario's timeline: called once, before the first event.
  virtual void start(const List& timeline, WorldControl& world) = 0;
  // Continues what asked to be woken with this token.
  virtual void resume(std::uint64_t token) = 0;
  // The world ends: forget it.
  virtual void finish() = 0;
};

}  // namespace polyclinic
