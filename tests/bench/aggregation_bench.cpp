// Aggregation of 100 updates of 1,000,000 floats on one core (the peers' workload W6), beside the
// time of merely reading them. Run tests/bench/aggregation_numpy.py on the same machine to compare.
//
//   cmake --preset bench && cmake --build --preset bench -t aggregation_bench
//   build/bench/tests/bench/aggregation_bench
#include <benchmark/benchmark.h>
#include <emmintrin.h>
#include <sys/resource.h>

#include <memory>
#include <vector>

#include "base/draw.hpp"
#include "fed/aggregation/networks.hpp"
#include "fed/aggregation/pre.hpp"
#include "fed/aggregation/rules.hpp"

namespace polyclinic::aggregation {
namespace {

constexpr std::size_t kUpdates = 100;
constexpr std::size_t kSize = 1'000'000;
constexpr std::size_t kByzantine = 10;

// A common direction and a spread around it, as updates of hospitals have; made once.
const std::vector<FloatBuffer>& updates() {
  static const std::vector<FloatBuffer> made = [] {
    std::vector<FloatBuffer> all(kUpdates, FloatBuffer(kSize));
    std::vector<float> pool(65'537);
    Stream stream(RunKey{6}, Purpose::kTest, 0);
    for (float& x : pool) x = static_cast<float>(draw::normal(stream));
    std::size_t at = 0;
    for (FloatBuffer& update : all) {
      at += static_cast<std::size_t>(stream.below(pool.size()));
      for (std::size_t i = 0; i < kSize; ++i) {
        update[i] = pool[(at + i) % pool.size()] + 0.5F * pool[i % 4'093];
      }
    }
    return all;
  }();
  return made;
}

VectorSet vectors() {
  std::vector<const float*> rows;
  for (const FloatBuffer& update : updates()) rows.push_back(update.data());
  return {rows, kSize, nullptr};
}

// How much the process grew during the benchmark beside the updates.
class Memory {
 public:
  Memory() : before_(peak()) {}
  void report(benchmark::State& state) const {
    state.counters["extra_percent_of_updates"] =
        100.0 * (peak() - before_) / (static_cast<double>(kUpdates * kSize) * sizeof(float));
  }

 private:
  static double peak() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<double>(usage.ru_maxrss) * 1024;
  }
  double before_;
};

template <class Rule>
void measure(benchmark::State& state, const Rule& rule) {
  const VectorSet set = vectors();
  FloatBuffer out(kSize);
  const Memory memory;
  for (auto _ : state) {
    rule(set, out.data());
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
  memory.report(state);
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) *
                          static_cast<std::int64_t>(kUpdates * kSize * sizeof(float)));
}

// Reads all updates one after the other: eight bitwise sums that the compiler cannot leave out.
void read_memory(benchmark::State& state) {
  measure(state, [](const VectorSet&, float*) {
    __m128i sums[8]{};
    for (const FloatBuffer& update : updates()) {
      const auto* words = reinterpret_cast<const __m128i*>(update.data());
      for (std::size_t i = 0; i + 8 <= kSize / 4; i += 8) {
        for (std::size_t k = 0; k < 8; ++k) {
          sums[k] = _mm_xor_si128(sums[k], _mm_load_si128(words + i + k));
        }
      }
    }
    benchmark::DoNotOptimize(sums);
  });
}

void mean(benchmark::State& state) {
  const std::vector<double> weights(kUpdates, 1.0 / kUpdates);
  measure(state, [&](const VectorSet& set, float* out) { set.weighted_sum(weights, 1.0, out); });
}

void coordinate_median(benchmark::State& state) {
  measure(state, [](const VectorSet& set, float* out) { median(set, out); });
}

void trimmed(benchmark::State& state) {
  measure(state, [](const VectorSet& set, float* out) { trimmed_mean(set, kByzantine, out); });
}

void around_median(benchmark::State& state) {
  measure(state, [](const VectorSet& set, float* out) {
    mean_around_median(set, kUpdates - kByzantine, out);
  });
}

void multi_krum_mean(benchmark::State& state) {
  measure(state, [](const VectorSet& set, float* out) {
    KrumOptions options;
    options.byzantine = kByzantine;
    set.mean_of(multi_krum(set.pairwise_distances(), options, kUpdates - kByzantine), out);
  });
}

void weiszfeld(benchmark::State& state) {
  const std::vector<double> weights(kUpdates, 1.0);
  GeometricMedianOptions options;
  options.iterations = state.range(0);
  options.tolerance = 0;
  measure(state,
          [&](const VectorSet& set, float* out) { geometric_median(set, weights, options, out); });
}

void mixing_then_median(benchmark::State& state) {
  measure(state, [](const VectorSet& set, float* out) {
    median(nearest_neighbour_mixing(set, kByzantine), out);
  });
}

BENCHMARK(read_memory)->Unit(benchmark::kMillisecond)->MinTime(1);
BENCHMARK(mean)->Unit(benchmark::kMillisecond)->MinTime(1);
BENCHMARK(coordinate_median)->Unit(benchmark::kMillisecond)->MinTime(1);
BENCHMARK(trimmed)->Unit(benchmark::kMillisecond)->MinTime(1);
BENCHMARK(around_median)->Unit(benchmark::kMillisecond)->MinTime(1);
BENCHMARK(multi_krum_mean)->Unit(benchmark::kMillisecond)->MinTime(1);
BENCHMARK(weiszfeld)->Arg(4)->Unit(benchmark::kMillisecond)->MinTime(1);
BENCHMARK(mixing_then_median)->Unit(benchmark::kMillisecond)->Iterations(1);

}  // namespace
}  // namespace polyclinic::aggregation

BENCHMARK_MAIN();
