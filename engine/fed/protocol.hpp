// When who is asked and what becomes of the answers: the server's life on the simulated clock.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "fed/border.hpp"
#include "fed/gossip.hpp"
#include "fed/secure_rule.hpp"
#include "learn/parameters.hpp"
#include "sim/task.hpp"

namespace polyclinic {

class Protocol {
 public:
  virtual ~Protocol() = default;
  // Returns when the versions are made or it was told to stop.
  virtual Task<void> serve() = 0;
  // The run ends now, whatever the server is doing: frees the hospitals that are at work and says
  // of each that it was. Called from outside the event loop.
  virtual void abandon() = 0;
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
};

}  // namespace polyclinic
