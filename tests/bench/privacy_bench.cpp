// Accounting as a person waits for it: epsilon by PLD and RDP of 10,000 sampled steps, and the
// noise that a target epsilon needs.
#include <benchmark/benchmark.h>

#include "privacy/account.hpp"
#include "privacy/pld.hpp"

namespace polyclinic::privacy {
namespace {

std::vector<LossSteps> sampled_steps() {
  std::vector<LossSteps> plan(1);
  plan[0].steps = 10'000;
  const MixturePair pair = poisson_pair(0.01, 1);
  plan[0].directions.push_back(mixture_law(pair));
  plan[0].directions.push_back(mixture_law(reversed(pair)));
  return plan;
}

AccountRequest request() {
  AccountRequest result;
  result.phases = {{0.01, 1, 10'000}};
  result.sampling = Sampling::poisson;
  result.delta = 1e-5;
  return result;
}

void pld_upper(benchmark::State& state) {
  const auto plan = sampled_steps();
  PldOptions options;
  options.with_lower = false;
  double epsilon = 0;
  for (auto _ : state) epsilon = pld_epsilon(plan, 1e-5, options).upper;
  state.counters["epsilon"] = epsilon;
}
BENCHMARK(pld_upper)->Unit(benchmark::kMillisecond);

void pld_both(benchmark::State& state) {
  const auto plan = sampled_steps();
  Bounds bounds;
  for (auto _ : state) bounds = pld_epsilon(plan, 1e-5, {});
  state.counters["lower"] = bounds.lower;
  state.counters["upper"] = bounds.upper;
}
BENCHMARK(pld_both)->Unit(benchmark::kMillisecond);

void rdp(benchmark::State& state) {
  AccountRequest asked = request();
  asked.accountants = {Accountant::rdp};
  double epsilon = 0;
  for (auto _ : state) epsilon = account(asked).rows[0].epsilon;
  state.counters["epsilon"] = epsilon;
}
BENCHMARK(rdp)->Unit(benchmark::kMillisecond);

void noise_for_epsilon(benchmark::State& state, Accountant accountant) {
  AccountRequest asked = request();
  asked.accountants = {accountant};
  asked.phases[0].sigma = 0;
  asked.target_epsilon = 3;
  double sigma = 0;
  for (auto _ : state) sigma = account(asked).rows[0].sigma;
  state.counters["sigma"] = sigma;
}
BENCHMARK_CAPTURE(noise_for_epsilon, pld, Accountant::pld)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(noise_for_epsilon, rdp, Accountant::rdp)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace polyclinic::privacy

BENCHMARK_MAIN();
