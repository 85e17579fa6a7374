// When who is asked and what becomes of the answers: the server's life on the simulated clock.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "fed/border.hpp"
#include "fed/gossip.hpp"
#include "fed/secure_rule.hpp"
#include "learn/parameters.hpp"
#include "sim/task.hpp"
#include "trace/event.hpp"

namespace polyclinic {

class Protocol {
 public:
  virtual ~Protocol() = default;
  // Returns when the versions are made or it was told to stop. After interrupt() it is called again
  // and goes on with the next round.
  virtual Task<void> serve() = 0;
  // The run ends now, whatever the server is doing: frees the hospitals that are at work and says
  // of each that it was. Called from outside the event loop.
  virtual void abandon() = 0;

  // What happens to a federation while it runs; called between its events, as interrupt() is.
  // A hospital may be invited from now on. REQUIRES: it was not.
  // A protocol without a server has none of this: the world refuses it there.
  virtual void join(HospitalId hospital);
  // It may not any more: what it is at ends at once. What has arrived counts.
  virtual void leave(HospitalId hospital);
  // It goes down: what it is at is lost, and it may be invited again.
  virtual void go_down(HospitalId hospital);
  // Whether an update of it has arrived that is part of no version yet.
  [[nodiscard]] virtual bool holds(HospitalId hospital) const;
  // What is open is lost, for this reason; nobody is at work any more. The round that was open, as
  // it was closed, or one of which nobody was told yet; nullopt: none. The coroutine that serve()
  // made must not run again.
  virtual std::optional<RoundClosed> interrupt(DropReason reason, const std::string& why);
  // Rounds of the scenario's plan that are over: where schedules, selections and the end are.
  [[nodiscard]] std::int64_t place() const { return over_ - back_; }
  // Rounds that are over and were undone: the plan has so many more.
  [[nodiscard]] std::int64_t undone() const { return back_; }
  // The plan goes on from an earlier place; `versions` of those made are no part of the newest.
  virtual void go_back(std::int64_t place, std::int64_t versions) {
    back_ = over_ - place;
    versions_back_ = versions;
  }

  // Why it returned before all rounds were done; empty: they are.
  [[nodiscard]] virtual std::string ending() const { return {}; }
  // What became of secure sums; all zero where there are none.
  [[nodiscard]] virtual SecureAccount secure_account() const { return {}; }
  // The model of a hospital that has one of its own because there is no server's; null: it has
  // none, and the newest version is its model.
  [[nodiscard]] virtual const ParameterVector* model_of(HospitalId /*hospital*/) const {
    return nullptr;
  }
  // What became of messages between hospitals; none: there is a server.
  [[nodiscard]] virtual std::optional<GossipAccount> gossip_account() const { return std::nullopt; }
  // What crossed the borders of regions; empty where there are none.
  [[nodiscard]] virtual std::vector<BorderAccount> borders() const { return {}; }

 protected:
  std::int64_t over_ = 0;  // rounds that are over, whatever came of them
  std::int64_t back_ = 0;  // of which so many were undone
  std::int64_t versions_back_ = 0;
  std::optional<RoundClosed> closed_;  // a round of which after_round was not told yet
};

// A list of hospitals in increasing order, as protocols keep those that may be invited.
void add_in_order(std::vector<HospitalId>& hospitals, HospitalId hospital);
void remove_in_order(std::vector<HospitalId>& hospitals, HospitalId hospital);
bool is_among(const std::vector<HospitalId>& hospitals, HospitalId hospital);

}  // namespace polyclinic
