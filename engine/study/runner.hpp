// Runs a study: one simulation per thread, each single-threaded inside, committed in the plan's
// order.
#pragma once

#include <atomic>
#include <functional>
#include <vector>

#include "study/plan.hpp"
#include "study/values.hpp"

namespace polyclinic {

struct StudyOptions {
  int threads = 1;
  const std::atomic<bool>* interrupt = nullptr;  // set: runs at work end early and are not kept
  // Called for every run that ended, in an order that the plan fixes, by one thread at a time. What
  // it throws ends the study.
  std::function<void(const StudyRun&)> commit;
  // Called when a run has ended, in the order of time, by one thread at a time.
  std::function<void(std::int64_t ended, std::int64_t failed)> progress;
};

// Returns the runs that were done or failed, by number: the same for any number of threads. A run
// that fails is one of them; the others go on. Each run reads the scenario file anew, with a Lua
// state of its own; a file that changed since the plan was made fails it.
std::vector<StudyRun> run_study(const StudyPlan& plan, const LoadStudy& load,
                                const StudyOptions& options);

}  // namespace polyclinic
