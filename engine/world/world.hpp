// Assembles the world that a WorldSpec describes and runs it.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "trace/event.hpp"
#include "world/description.hpp"
#include "world/result.hpp"
#include "world/script_host.hpp"
#include "world/world_spec.hpp"

namespace polyclinic {

struct RunOptions {
  int threads = 1;
  std::vector<Observer*> observers;              // outlive the run; called on its thread
  const std::atomic<bool>* interrupt = nullptr;  // set: end cleanly at the next event
  std::int64_t cache_bytes = 512LL << 20U;       // for sites' data
  // Called before each event, with the number of those dispatched: what it does to the world stands
  // there in the order of things, as a command would. Empty: nothing.
  std::function<void(WorldControl& world, std::uint64_t dispatched)> before_event;
};

class World {
 public:
  // Builds everything that can fail for the user's reasons (data files, sizes, names); throws
  // ScenarioError. script may be null when the scenario has no functions; it outlives the world.
  World(WorldSpec spec, ScriptHost* script, const RunOptions& options);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // The resolved world with its first hospitals, for `polyclinic check`.
  [[nodiscard]] WorldDescription describe(std::int64_t hospitals_most) const;

  // What results will call the measured values: "auroc", "calibration_slope", ... in their order.
  [[nodiscard]] std::vector<std::string> measured_values() const;

  // Who a hospital is. REQUIRES: its id came in an event or in the result.
  [[nodiscard]] HospitalProfile hospital(HospitalId id) const;

  // Runs to the end, once. Throws RunError when something failed after the first event; result()
  // then still holds what there was until then.
  void run();
  [[nodiscard]] const RunResult& result() const;

  // The inside (world_impl.hpp), named here for the files of this floor.
  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace polyclinic
