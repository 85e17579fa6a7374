#include "study/asked_runs.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "learn/metrics.hpp"
#include "world/world.hpp"

namespace polyclinic {

namespace {

constexpr std::int64_t kCacheBytes = 512LL << 20U;  // for the sites of all worlds at work
constexpr std::int64_t kCacheBytesLeast = 64LL << 20U;

}  // namespace

void refuse_without_direction(const std::string& metric) {
  // of a spread less is better and of Jain's index more, whatever they are of
  if (metric.ends_with(".spread") || metric.ends_with(".jain")) return;
  const metrics::ValueInfo* value = metrics::find_value(metric.substr(0, metric.find('.')));
  if (value == nullptr) return;
  if (value->better == metrics::Better::larger || value->better == metrics::Better::smaller) return;
  throw ScenarioError({}, fmt::format("of {} nobody can say whether more is better", metric),
                      "name a measured value of which more, or less, is better: --metric auroc");
}

AskedRuns::AskedRuns(const LoadStudy& load, int threads, const std::atomic<bool>* interrupt)
    : load_(load), interrupt_(interrupt), workers_(threads) {}

LoadedStudy AskedRuns::first(const std::string& file, std::optional<std::uint64_t> seed,
                             const char* advice) {
  LoadedStudy loaded = load_({}, seed);
  if (loaded.spec.declared)
    throw ScenarioError({}, fmt::format("{} returns a study", file), advice);
  source_hash_ = loaded.source_hash;
  return loaded;
}

void AskedRuns::for_each(std::size_t count, const std::function<void(std::size_t)>& body,
                         const std::function<void()>& ended) {
  workers_.for_each(count, [&](std::size_t i, int) {
    if (interrupt_ != nullptr && interrupt_->load()) throw Interrupted();
    if (broken_.load()) return;
    try {
      body(i);
    } catch (...) {
      broken_ = true;
      throw;
    }
    const std::lock_guard lock(mutex_);
    ended();
  });
}

void AskedRuns::run(std::uint64_t seed, const std::string& which, const char* advice,
                    const std::function<void(WorldSpec&)>& change,
                    const std::function<void(const RunResult&)>& take) {
  const auto failed = [&](const std::string& reason) {
    return RunError({}, fmt::format("seed {}, {}: {}", seed, which, reason), advice);
  };
  try {
    run_world(seed, change, take);
  } catch (const ScenarioError& error) {
    throw failed(error.mistakes().front().message);
  } catch (const RunError& error) {
    throw failed(error.mistake().message);
  }
}

void AskedRuns::run_world(std::uint64_t seed, const std::function<void(WorldSpec&)>& change,
                          const std::function<void(const RunResult&)>& take) {
  LoadedStudy loaded = load_({}, seed);
  if (loaded.source_hash != source_hash_) {
    throw RunError({}, "the scenario file changed meanwhile");
  }
  WorldSpec spec = std::move(loaded.spec.arms.front().spec);
  change(spec);
  RunOptions options;
  options.interrupt = interrupt_;
  options.cache_bytes = std::max(kCacheBytes / workers_.threads(), kCacheBytesLeast);
  World world(std::move(spec), loaded.script.get(), options);
  world.run();
  if (world.result().interrupted) throw Interrupted();
  take(world.result());
}

}  // namespace polyclinic
