// Runs of one scenario that together answer a question: each under a seed, changed a little.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>

#include "base/parallel.hpp"
#include "study/plan.hpp"
#include "world/result.hpp"

namespace polyclinic {

// The user asked to stop: nothing is kept.
struct Interrupted {};

// Hospitals whose profiles are looked at before anything runs.
inline constexpr std::int64_t kDescribedMost = 10'000;

// Throws ScenarioError where a gain in `metric` ("auroc", "loss.worst") would be neither good nor
// bad: who answers by differences needs to know.
void refuse_without_direction(const std::string& metric);

class AskedRuns {
 public:
  // What it is given outlives it. REQUIRES: threads >= 1.
  AskedRuns(const LoadStudy& load, int threads, const std::atomic<bool>* interrupt);

  // The scenario as it is, under the first seed. Throws ScenarioError with `advice` where the file
  // returns a study.
  LoadedStudy first(const std::string& file, std::optional<std::uint64_t> seed, const char* advice);

  // Calls `body` for each i < count, several at a time; after one that throws, nothing comes of the
  // others. `ended` is called after each, by one thread at a time. Throws Interrupted.
  void for_each(std::size_t count, const std::function<void(std::size_t)>& body,
                const std::function<void()>& ended);

  // One run within for_each: `change` makes the world another, `take` reads what came of it. What
  // goes wrong is a RunError which begins with `which` run it was and ends with the advice.
  void run(std::uint64_t seed, const std::string& which, const char* advice,
           const std::function<void(WorldSpec&)>& change,
           const std::function<void(const RunResult&)>& take);

 private:
  void run_world(std::uint64_t seed, const std::function<void(WorldSpec&)>& change,
                 const std::function<void(const RunResult&)>& take);

  const LoadStudy& load_;
  const std::atomic<bool>* interrupt_;
  Workers workers_;
  std::uint64_t source_hash_ = 0;
  std::atomic<bool> broken_{false};
  std::mutex mutex_;
};

}  // namespace polyclinic
