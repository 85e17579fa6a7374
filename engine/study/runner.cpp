#include "study/runner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <new>
#include <optional>

#include "base/check.hpp"
#include "base/parallel.hpp"
#include "study/study_spec.hpp"
#include "world/world.hpp"

namespace polyclinic {

namespace {

constexpr std::int64_t kCacheBytes = 512LL << 20U;  // for the sites of all runs at work
constexpr std::int64_t kCacheBytesLeast = 64LL << 20U;

std::string one_line(const Mistake& mistake) {
  if (mistake.where.file.empty()) return mistake.message;
  return fmt::format("{}:{}: {}", mistake.where.file, mistake.where.line, mistake.message);
}

// What the result says of one arm.
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

// Adds the baselines of `part`, a reference arm's scenario, that `all` does not have yet.
void add_baselines(const Part& part, List& all) {
  const Value& baselines = part.at("baselines");
  const auto* list = baselines.get_if<List>();
  if (list == nullptr) return;
  for (const Value& one : *list) {
    const bool known = std::any_of(all.begin(), all.end(), [&](const Value& other) {
      return other.part()->name == one.part()->name;
    });
    if (!known) all.push_back(one);
  }
}

class Runner {
 public:
  Runner(const StudyPlan& plan, const LoadStudy& load, const StudyOptions& options)
      : plan_(plan), load_(load), o_(options) {}

  std::vector<StudyRun> run() {
    const auto threads = static_cast<int>(std::clamp<std::int64_t>(o_.threads, 1, simulations()));
    cache_bytes_ = std::max(kCacheBytes / threads, kCacheBytesLeast);
    Workers workers(threads);
    // one body per thread, each taking the next simulation until there is none: results come nearly
    // in order, so that few wait for their turn
    workers.for_each(static_cast<std::size_t>(threads), [this](std::size_t, int) { work(); });
    for (auto& [index, runs] : waiting_) keep(std::move(runs));
    std::sort(kept_.begin(), kept_.end(),
              [](const StudyRun& a, const StudyRun& b) { return a.run < b.run; });
    return std::move(kept_);
  }

 private:
  [[nodiscard]] std::int64_t simulations() const {
    return plan_.seeds * static_cast<std::int64_t>(plan_.units.size());
  }
  [[nodiscard]] bool stopping() const {
    return broken_.load() || (o_.interrupt != nullptr && o_.interrupt->load());
  }

  void work() {
    while (!stopping()) {
      const std::int64_t index = next_.fetch_add(1);
      if (index >= simulations()) return;
      std::vector<StudyRun> runs = simulate(index);
      const std::lock_guard lock(mutex_);
      if (broken_.load()) return;  // nothing is committed behind what could not be
      try {
        ended(index, std::move(runs));
      } catch (...) {
        broken_ = true;
        throw;
      }
    }
  }

  // Commits what is next in order; what ended before its turn waits.
  void ended(std::int64_t index, std::vector<StudyRun> runs) {
    for (const StudyRun& run : runs) {
      if (run.state == RunState::failed) ++failed_;
      if (run.state != RunState::interrupted) ++done_;
    }
    waiting_.emplace(index, std::move(runs));
    for (auto it = waiting_.begin(); it != waiting_.end() && it->first == committed_;
         it = waiting_.erase(it)) {
      keep(std::move(it->second));
      ++committed_;
    }
    if (o_.progress) o_.progress(done_, failed_);
  }

  void keep(std::vector<StudyRun> runs) {
    for (StudyRun& run : runs) {
      if (run.state == RunState::interrupted) continue;
      if (o_.commit) o_.commit(run);
      kept_.push_back(std::move(run));
    }
  }

  // One federation under one seed, and the runs that it is of.
  std::vector<StudyRun> simulate(std::int64_t index) const {
    const auto count = static_cast<std::int64_t>(plan_.units.size());
    const std::vector<std::size_t>& unit = plan_.units[static_cast<std::size_t>(index % count)];
    std::vector<StudyRun> runs;
    for (const std::size_t arm : unit) {
      StudyRun run;
      run.arm = arm;
      run.replication = index / count;
      run.run = plan_.run_number(arm, run.replication);
      run.seed = plan_.first_seed + static_cast<std::uint64_t>(run.replication);
      runs.push_back(std::move(run));
    }
    try {
      run_world(runs);
    } catch (const RunError& error) {
      fail(runs, one_line(error.mistake()));
    } catch (const ScenarioError& error) {
      fail(runs, one_line(error.mistakes().front()));
    } catch (const std::bad_alloc&) {
      fail(runs, "out of memory");
    }
    return runs;
  }

  static void fail(std::vector<StudyRun>& runs, const std::string& reason) {
    for (StudyRun& run : runs) {
      run.state = RunState::failed;
      run.reason = reason;
      run.averages.clear();
    }
  }

  void run_world(std::vector<StudyRun>& runs) const {
    const PlannedArm& first = plan_.arms[runs.front().arm];
    LoadedStudy loaded = load_(plan_.points[first.point], runs.front().seed);
    if (loaded.source_hash != plan_.source_hashes[first.point]) {
      throw RunError({}, "the scenario file changed while the study ran");
    }
    List baselines;
    for (const StudyRun& run : runs) {
      const std::size_t member = plan_.arms[run.arm].member;
      if (member >= loaded.spec.arms.size()) {
        throw RunError({}, "with this seed the file has other arms than with the first");
      }
      add_baselines(loaded.spec.arms[member].spec.scenario, baselines);
    }
    WorldSpec spec = std::move(loaded.spec.arms[first.member].spec);
    ENSURE(spec.seed == runs.front().seed, "a file is read for the seed that was asked for");
    set_baselines(spec.scenario, std::move(baselines));
    RunOptions options;
    options.interrupt = o_.interrupt;
    options.cache_bytes = cache_bytes_;
    const std::int64_t rounds_planned = spec.scenario.integer("rounds");
    World world(std::move(spec), loaded.script.get(), options);
    std::optional<RunError> failure;
    try {
      world.run();
    } catch (const RunError& error) {
      failure = error;
    }
    for (StudyRun& run : runs) {
      run.rounds_planned = rounds_planned;
      take_result(world.result(), plan_.arms[run.arm], run);
    }
    if (failure) throw RunError(*failure);
  }

  const StudyPlan& plan_;
  const LoadStudy& load_;
  const StudyOptions& o_;
  std::int64_t cache_bytes_ = kCacheBytes;
  std::atomic<std::int64_t> next_{0};
  std::atomic<bool> broken_{false};
  std::mutex mutex_;                                       // of everything below
  std::map<std::int64_t, std::vector<StudyRun>> waiting_;  // by simulation
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
