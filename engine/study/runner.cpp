#include "study/runner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <new>
#include <optional>

#include "base/check.hpp"
#include "base/parallel.hpp"
#include "world/world.hpp"

namespace polyclinic {

namespace {

constexpr std::int64_t kCacheBytes = 512LL << 20U;  // for the sites of all runs at work
constexpr std::int64_t kCacheBytesLeast = 64LL << 20U;

std::string one_line(const Mistake& mistake) {
  if (mistake.where.file.empty()) return mistake.message;
  return fmt::format("{}:{}: {}", mistake.where.file, mistake.where.line, mistake.message);
}

void take_result(const RunResult& result, const PlannedArm& arm, StudyRun& run) {
  run.world_hash = result.world_hash;
  run.fingerprint = result.fingerprint;
  run.outcome = result.outcome;
  run.model = result.model;
  run.parameters = result.parameters;
  run.hospitals = result.hospitals_total;
  run.versions = result.versions;
  run.reason = result.stop_reason;
  if (result.interrupted) run.state = RunState::interrupted;
  if (arm.reference.empty()) {
    run.ended = result.ended;
    run.bytes_up = result.bytes_up;
    run.bytes_down = result.bytes_down;
    run.convergence = result.convergence;
    run.averages = result.federated.averages;
    run.standardisation = result.federated.standardisation;
    return;
  }
  const auto reference =
      std::find_if(result.baselines.begin(), result.baselines.end(),
                   [&](const ArmResult& baseline) { return baseline.name == arm.reference; });
  if (reference == result.baselines.end()) return;  // it was interrupted before
  run.averages = reference->averages;
  run.standardisation = reference->standardisation;
}

class Runner {
 public:
  Runner(const StudyPlan& plan, const LoadStudy& load, const StudyOptions& options)
      : plan_(plan), load_(load), o_(options) {}

  std::vector<StudyRun> run() {
    const auto threads = static_cast<int>(
        std::min<std::int64_t>(std::max(1, o_.threads), std::max<std::int64_t>(plan_.runs(), 1)));
    cache_bytes_ = std::max(kCacheBytes / threads, kCacheBytesLeast);
    Workers workers(threads);
    // one body per thread, each taking the next run until there is none: results come nearly in
    // order, so that few wait for their turn
    workers.for_each(static_cast<std::size_t>(threads), [this](std::size_t, int) { work(); });
    for (auto& [index, run] : waiting_) keep(std::move(run));
    waiting_.clear();
    return std::move(kept_);
  }

 private:
  [[nodiscard]] bool stopping() const {
    return broken_.load() || (o_.interrupt != nullptr && o_.interrupt->load());
  }

  void work() {
    while (!stopping()) {
      const std::int64_t index = next_.fetch_add(1);
      if (index >= plan_.runs()) return;
      StudyRun run = run_one(index);
      const std::lock_guard lock(mutex_);
      try {
        ended(index, std::move(run));
      } catch (...) {
        broken_ = true;
        throw;
      }
    }
  }

  // Commits what is next in order; what ended before its turn waits.
  void ended(std::int64_t index, StudyRun run) {
    if (run.state == RunState::failed) ++failed_;
    if (run.state != RunState::interrupted) ++done_;
    waiting_.emplace(index, std::move(run));
    for (auto it = waiting_.begin(); it != waiting_.end() && it->first == committed_;
         it = waiting_.erase(it)) {
      keep(std::move(it->second));
      ++committed_;
    }
    if (o_.progress) o_.progress(done_, failed_);
  }

  void keep(StudyRun run) {
    if (run.state == RunState::interrupted) return;
    if (o_.commit) o_.commit(run);
    kept_.push_back(std::move(run));
  }

  StudyRun run_one(std::int64_t index) const {
    const PlannedArm& arm = plan_.arms[plan_.arm_of(index)];
    StudyRun run;
    run.run = index + 1;
    run.arm = plan_.arm_of(index);
    run.replication = plan_.replication_of(index);
    run.seed = plan_.first_seed + static_cast<std::uint64_t>(run.replication);
    try {
      run_world(arm, run);
    } catch (const RunError& error) {
      fail(run, one_line(error.mistake()));
    } catch (const ScenarioError& error) {
      fail(run, one_line(error.mistakes().front()));
    } catch (const std::bad_alloc&) {
      fail(run, "out of memory");
    }
    return run;
  }

  static void fail(StudyRun& run, std::string reason) {
    run.state = RunState::failed;
    run.reason = std::move(reason);
    run.averages.clear();
  }

  void run_world(const PlannedArm& arm, StudyRun& run) const {
    LoadedStudy loaded = load_(plan_.points[arm.point], run.seed);
    if (loaded.source_hash != plan_.source_hashes[arm.point] ||
        arm.member >= loaded.spec.arms.size()) {
      throw RunError({}, "the scenario file changed while the study ran", "");
    }
    WorldSpec spec = std::move(loaded.spec.arms[arm.member].spec);
    ENSURE(spec.seed == run.seed, "a file is read for the seed that was asked for");
    run.rounds_planned = spec.scenario.integer("rounds");
    RunOptions options;
    options.interrupt = o_.interrupt;
    options.cache_bytes = cache_bytes_;
    World world(std::move(spec), loaded.script.get(), options);
    std::optional<RunError> failure;
    try {
      world.run();
    } catch (const RunError& error) {
      failure = error;
    }
    take_result(world.result(), arm, run);
    if (failure) throw RunError(*failure);
  }

  const StudyPlan& plan_;
  const LoadStudy& load_;
  const StudyOptions& o_;
  std::int64_t cache_bytes_ = kCacheBytes;
  std::atomic<std::int64_t> next_{0};
  std::atomic<bool> broken_{false};
  std::mutex mutex_;  // of everything below
  std::map<std::int64_t, StudyRun> waiting_;
  std::int64_t committed_ = 0;
  std::int64_t done_ = 0;
  std::int64_t failed_ = 0;
  std::vector<StudyRun> kept_;
};

}  // namespace

std::vector<StudyRun> run_study(const StudyPlan& plan, const LoadStudy& load,
                                const StudyOptions& options) {
  return Runner(plan, load, options).run();
}

}  // namespace polyclinic
