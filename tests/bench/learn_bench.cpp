// Training loops as in the peers' workloads W1 and W2, and how far their kernels are from the peak.
#include <benchmark/benchmark.h>
#include <immintrin.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <string>
#include <vector>

#include "../learn/support.hpp"
#include "learn/trainer.hpp"

#ifdef POLYCLINIC_OPENBLAS
#include <cblas.h>
#endif

namespace polyclinic {
namespace {

// GFLOP/s of OpenBLAS's sgemm on one core, 1,024 x 1,024 x 1,024: what a product can reach here,
// the median of 15. 0 where OpenBLAS was not there to build with.
double sgemm_peak() {
#ifdef POLYCLINIC_OPENBLAS
  static const double peak = [] {
    constexpr int n = 1024;
    openblas_set_num_threads(1);
    const std::vector<float> a(n * n, 0.5F);
    const std::vector<float> b(n * n, 0.25F);
    std::vector<float> c(n * n);
    std::vector<double> rates;
    for (int i = 0; i < 15; ++i) {
      timespec begin{};
      timespec end{};
      clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
      cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, n, n, 1.0F, a.data(), n, b.data(),
                  n, 0.0F, c.data(), n);
      clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
      const double seconds = static_cast<double>(end.tv_sec - begin.tv_sec) +
                             1e-9 * static_cast<double>(end.tv_nsec - begin.tv_nsec);
      rates.push_back(2e-9 * n * n * n / seconds);
    }
    std::sort(rates.begin(), rates.end());
    return rates[rates.size() / 2];
  }();
  return peak;
#else
  return 0;
#endif
}

struct Federation {
  Federation(dense::NetworkSpec spec, int hospitals, std::int64_t rows) : network(std::move(spec)) {
    for (int i = 0; i < hospitals; ++i) {
      data.push_back(test::make_data(network.spec().head, rows, network.spec().features, 1,
                                     static_cast<std::uint64_t>(i)));
    }
    network.initialise(global, Stream(make_run_key(1, 0), Purpose::kModelInit, 0));
  }
  dense::Network network;
  std::vector<Dataset> data;
  ParameterVector global;
};

// One pass over all hospitals as one round with plain averaging; returns the steps made.
std::int64_t run_round(Federation& f, const TrainingPlan& plan, std::int64_t round,
                       std::size_t participants, Workspace& work) {
  ParameterVector mean(f.network.layout());
  std::int64_t steps = 0;
  for (std::size_t i = 0; i < participants; ++i) {
    const std::size_t hospital =
        (static_cast<std::size_t>(round) * participants + i) % f.data.size();
    TrainingTask task;
    task.data = &f.data[hospital];
    task.global = &f.global;
    task.plan = &plan;
    task.round = round;
    task.run = make_run_key(1, 0);
    task.entity = hospital;
    const TrainingResult result = train(f.network, task, work);
    mean.add_scaled(result.delta, 1.0F / static_cast<float>(participants));
    steps += result.steps;
  }
  f.global.add_scaled(mean, 1.0F);
  return steps;
}

void report(benchmark::State& state, std::int64_t steps, double flops_per_step) {
  const auto n = static_cast<double>(steps);
  state.counters["ns_per_step"] =
      benchmark::Counter(n * 1e-9, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.counters["GFLOPs"] =
      benchmark::Counter(n * flops_per_step * 1e-9, benchmark::Counter::kIsRate);
  if (sgemm_peak() > 0) {
    state.counters["of_sgemm"] =
        benchmark::Counter(n * flops_per_step * 1e-9 / sgemm_peak(), benchmark::Counter::kIsRate);
  }
}

// The whole workload per iteration: 20 rounds of 100 participants.
void train_workload(benchmark::State& state, const dense::NetworkSpec& spec, int hospitals,
                    std::int64_t rows, const TrainingPlan& plan, double flops_per_row,
                    const dense::Kernels& kernels) {
  Federation f(spec, hospitals, rows);
  const auto work = f.network.make_workspace(kernels);
  std::int64_t steps = 0;
  std::int64_t round = 0;
  for (auto _ : state) {
    for (int r = 0; r < 20; ++r) steps += run_round(f, plan, round++, 100, *work);
  }
  const TrainingExtent e = extent(plan, rows);
  report(state, steps,
         flops_per_row * static_cast<double>(e.rows_visited) / static_cast<double>(e.steps));
}

void w1_logistic(benchmark::State& state, const dense::Kernels& kernels) {
  dense::NetworkSpec spec{.name = "logistic", .features = 40, .hidden = {}, .outputs = 1};
  TrainingPlan plan;
  plan.batch = 10;
  plan.schedule.rate = 0.1;
  train_workload(state, spec, 1000, 100, plan, 4.0 * 40, kernels);
}

// forward 2 (40*64 + 64*32 + 32) operations, gradients of weights the same, of activations 2 (64*32
// + 32)
constexpr double kMlpFlops = 4.0 * (40 * 64 + 64 * 32 + 32) + 2.0 * (64 * 32 + 32);

void w2_mlp(benchmark::State& state, const dense::Kernels& kernels,
            TrainingPlan::Optimizer optimizer) {
  dense::NetworkSpec spec{.name = "mlp", .features = 40, .hidden = {64, 32}, .outputs = 1};
  TrainingPlan plan;
  plan.optimizer = optimizer;
  plan.batch = 32;
  plan.schedule.rate = optimizer == TrainingPlan::Optimizer::sgd ? 0.1 : 0.001;
  train_workload(state, spec, 100, 500, plan, kMlpFlops, kernels);
}

// W4: 200 steps of DP-SGD on the network of W2 with an expected batch of 256, and the same steps
// without privacy, one after the other in every iteration: `of_plain` is the median of the ratios
// of their CPU times, noise and coins included.
void w4_private(benchmark::State& state, const dense::Kernels& kernels) {
  const dense::NetworkSpec spec{.name = "mlp", .features = 40, .hidden = {64, 32}, .outputs = 1};
  Federation f(spec, 1, 2560);
  TrainingPlan plan;
  plan.batch = 256;
  plan.steps = 200;
  plan.schedule.rate = 0.1;
  const auto work = f.network.make_workspace(kernels);
  const auto seconds = [&](const RecordPrivacy& privacy, std::int64_t round) {
    plan.privacy = privacy;
    timespec begin{};
    timespec end{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
    TrainingTask task;
    task.data = f.data.data();
    task.global = &f.global;
    task.plan = &plan;
    task.round = round;
    task.run = make_run_key(1, 0);
    benchmark::DoNotOptimize(train(f.network, task, *work));
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
    return static_cast<double>(end.tv_sec - begin.tv_sec) +
           1e-9 * static_cast<double>(end.tv_nsec - begin.tv_nsec);
  };
  std::vector<double> ratios;
  double plain = 0;
  double with = 0;
  std::int64_t round = 0;
  for (auto _ : state) {
    const double without_privacy = seconds({}, round);
    const double with_privacy = seconds({.clip = 1, .noise = 1}, round++);
    ratios.push_back(with_privacy / without_privacy);
    plain += without_privacy;
    with += with_privacy;
  }
  std::sort(ratios.begin(), ratios.end());
  const auto steps = static_cast<double>(round) * 200;
  state.counters["of_plain"] = ratios[ratios.size() / 2];
  state.counters["plain_us_per_step"] = 1e6 * plain / steps;
  state.counters["private_us_per_step"] = 1e6 * with / steps;
}

// A product that fills the registers and stays in the first-level cache: what this core's sgemm
// reaches at best with these kernels.
void sgemm(benchmark::State& state, const dense::Kernels& kernels, std::int64_t m, std::int64_t n,
           std::int64_t k, bool transposed) {
  FloatBuffer a(static_cast<std::size_t>(m * k), 0.5F);
  FloatBuffer b(static_cast<std::size_t>(k * n), 0.25F);
  FloatBuffer c(static_cast<std::size_t>(m * n));
  const dense::Product p{.m = m,
                         .n = n,
                         .k = k,
                         .a = a.data(),
                         .a_row = transposed ? 1 : k,
                         .a_step = transposed ? m : 1,
                         .b = b.data(),
                         .b_step = n,
                         .c = c.data(),
                         .c_row = n};
  for (auto _ : state) {
    kernels.product(p);
    benchmark::ClobberMemory();
  }
  state.counters["GFLOPs"] = benchmark::Counter(
      static_cast<double>(state.iterations()) * 2e-9 * static_cast<double>(m * n * k),
      benchmark::Counter::kIsRate);
}

// Independent multiply-adds in registers: what no product can exceed.
__attribute__((target("avx512f"))) void peak512(benchmark::State& state) {
  __m512 x[12];
  for (auto& v : x) v = _mm512_set1_ps(1.0F);
  const __m512 f = _mm512_set1_ps(0.999F);
  for (auto _ : state) {
    for (int i = 0; i < 1000; ++i) {
#pragma GCC unroll 12
      for (int j = 0; j < 12; ++j) x[j] = _mm512_fmadd_ps(x[j], f, f);
    }
  }
  float sum = 0;
  for (auto& v : x) sum += v[0];
  benchmark::DoNotOptimize(sum);
  state.counters["GFLOPs"] = benchmark::Counter(
      static_cast<double>(state.iterations()) * 1000 * 12 * 32 * 1e-9, benchmark::Counter::kIsRate);
}

__attribute__((target("avx2,fma"))) void peak256(benchmark::State& state) {
  __m256 x[12];
  for (auto& v : x) v = _mm256_set1_ps(1.0F);
  const __m256 f = _mm256_set1_ps(0.999F);
  for (auto _ : state) {
    for (int i = 0; i < 1000; ++i) {
#pragma GCC unroll 12
      for (int j = 0; j < 12; ++j) x[j] = _mm256_fmadd_ps(x[j], f, f);
    }
  }
  float sum = 0;
  for (auto& v : x) sum += v[0];
  benchmark::DoNotOptimize(sum);
  state.counters["GFLOPs"] = benchmark::Counter(
      static_cast<double>(state.iterations()) * 1000 * 12 * 16 * 1e-9, benchmark::Counter::kIsRate);
}

void register_for(const dense::Kernels& k) {
  const std::string isa = std::string("/") + k.name;
  const auto add = [&](const std::string& name, auto body) {
    benchmark::RegisterBenchmark((name + isa).c_str(), body)->Unit(benchmark::kMillisecond);
  };
  add("w1_logistic", [&k](benchmark::State& s) { w1_logistic(s, k); });
  add("w2_mlp_sgd", [&k](benchmark::State& s) { w2_mlp(s, k, TrainingPlan::Optimizer::sgd); });
  add("w2_mlp_adam", [&k](benchmark::State& s) { w2_mlp(s, k, TrainingPlan::Optimizer::adam); });
  add("w4_private", [&k](benchmark::State& s) { w4_private(s, k); });
  add("sgemm_64", [&k](benchmark::State& s) { sgemm(s, k, 64, 64, 64, false); });
  add("sgemm_128", [&k](benchmark::State& s) { sgemm(s, k, 128, 128, 128, false); });
  add("forward_32x64x40", [&k](benchmark::State& s) { sgemm(s, k, 32, 64, 40, false); });
  add("forward_32x32x64", [&k](benchmark::State& s) { sgemm(s, k, 32, 32, 64, false); });
  add("weights_40x64x32", [&k](benchmark::State& s) { sgemm(s, k, 40, 64, 32, true); });
  add("errors_32x64x32", [&k](benchmark::State& s) { sgemm(s, k, 32, 64, 32, false); });
}

}  // namespace
}  // namespace polyclinic

int main(int argc, char** argv) {
  if (polyclinic::dense::find_kernels("avx512") != nullptr) {
    benchmark::RegisterBenchmark("peak/avx512", polyclinic::peak512);
  }
  if (polyclinic::dense::find_kernels("avx2") != nullptr) {
    benchmark::RegisterBenchmark("peak/avx2", polyclinic::peak256);
  }
  for (const polyclinic::dense::Kernels* k : polyclinic::test::all_kernels()) {
    polyclinic::register_for(*k);
  }
  benchmark::Initialize(&argc, argv);
  if (const double peak = polyclinic::sgemm_peak(); peak > 0) {
#ifdef POLYCLINIC_OPENBLAS
    std::printf("OpenBLAS (%s) sgemm, 1024^3, one core: %.1f GFLOP/s\n", openblas_get_corename(),
                peak);
#endif
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
