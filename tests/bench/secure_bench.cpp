// Secure sums: masks per second, and a round of 100 hospitals with 100,000 values of which 10 are
// lost, all parties' work on one core (W5).
#include <benchmark/benchmark.h>

#include "../secure/round.hpp"
#include "secure/light.hpp"
#include "secure/paillier.hpp"
#include "secure/quantiser.hpp"
#include "secure/sizes.hpp"

namespace polyclinic::secure {
namespace {

void masks(benchmark::State& state) {
  std::vector<std::uint32_t> values(100'000, 1);
  Key seed{};
  for (auto _ : state) {
    ++seed[0];
    add_mask(seed, Sign::plus, values);
    benchmark::DoNotOptimize(values.data());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(4 * values.size()));
}
BENCHMARK(masks);

void agreement(benchmark::State& state) {
  SecretStream secrets(make_run_key(1, 0), 0, 0);
  const KeyPair mine = make_key_pair(secrets);
  const KeyPair theirs = make_key_pair(secrets);
  for (auto _ : state) benchmark::DoNotOptimize(agree(mine, theirs.open, "bench"));
}
BENCHMARK(agreement)->Unit(benchmark::kMicrosecond);

void key_pair(benchmark::State& state) {
  SecretStream secrets(make_run_key(1, 0), 0, 0);
  for (auto _ : state) benchmark::DoNotOptimize(make_key_pair(secrets));
}
BENCHMARK(key_pair)->Unit(benchmark::kMicrosecond);

void signing(benchmark::State& state) {
  const SigningKeys keys = registered_keys(make_run_key(1, 0), 0);
  const Bytes text(100, 1);
  for (auto _ : state) benchmark::DoNotOptimize(sign(text, keys));
}
BENCHMARK(signing)->Unit(benchmark::kMicrosecond);

void verifying(benchmark::State& state) {
  const SigningKeys keys = registered_keys(make_run_key(1, 0), 0);
  const Bytes text(100, 1);
  const Signature signature = sign(text, keys);
  for (auto _ : state) benchmark::DoNotOptimize(verify(text, signature, keys.open));
}
BENCHMARK(verifying)->Unit(benchmark::kMicrosecond);

void sharing(benchmark::State& state) {
  SecretStream secrets(make_run_key(1, 0), 0, 0);
  const Key secret = secrets.key();
  for (auto _ : state) benchmark::DoNotOptimize(split(secret, 67, 100, secrets));
}
BENCHMARK(sharing)->Unit(benchmark::kMicrosecond);

// The round, over so many neighbours of whom so many give a secret.
void w5(benchmark::State& state, const PairwiseSettings& settings) {
  const std::vector<std::vector<std::uint32_t>> inputs(
      100, std::vector<std::uint32_t>(settings.values, 12345));
  std::vector<int> lost(100, 4);
  for (std::size_t i = 0; i < 10; ++i) lost[10 * i] = 2;
  for (auto _ : state) {
    const Played played = play(settings, lost, inputs);
    if (!played.sum || (*played.sum)[7] != 90U * 12345U) state.SkipWithError("a wrong sum");
  }
}

PairwiseSettings w5_settings() {
  PairwiseSettings settings;
  settings.parties = 100;
  settings.threshold = 67;
  settings.values = 100'000;
  settings.modulus_bits = modulus_bits(100, 24);
  return settings;
}

// `model_s` is what sizes.hpp says of it.
void w5_complete_graph(benchmark::State& state) {
  const PairwiseSettings settings = w5_settings();
  w5(state, settings);
  state.counters["model_s"] = 100 * (Seconds{}.advertise() + Seconds{}.share_keys(100, 99, 67)) +
                              90 * (Seconds{}.mask(99, settings.values) + Seconds{}.reveal(99)) +
                              Seconds{}.unmask(100, 90, 10 * 90, 67, settings.values);
}
BENCHMARK(w5_complete_graph)->Unit(benchmark::kSecond)->Iterations(3);

// A tenth may collude and a tenth be lost: 22 neighbours, of whom 11 give a secret.
void w5_neighbours(benchmark::State& state) {
  PairwiseSettings settings = w5_settings();
  const auto size = graph_size(100, 10, 10);
  if (!size) return state.SkipWithError("no graph");
  Stream stream(make_run_key(1, 0), Purpose::kTest, 0);
  settings.threshold = size->threshold;
  settings.least = 90;
  settings.graph = std::make_shared<Graph>(100, size->degree, stream);
  w5(state, settings);
  const std::size_t k = size->degree;
  state.counters["neighbours"] = static_cast<double>(k);
  state.counters["model_s"] =
      100 * (Seconds{}.advertise() + Seconds{}.share_keys(k, k, size->threshold)) +
      90 * (Seconds{}.mask(k, settings.values) + Seconds{}.reveal(k)) +
      Seconds{}.unmask(100, 90, 10 * k * 9 / 10, size->threshold, settings.values);
}
BENCHMARK(w5_neighbours)->Unit(benchmark::kSecond)->Iterations(3);

// The same round in coded pieces: 30 may collude, 20 be lost.
void w5_pieces(benchmark::State& state) {
  const LightSettings settings{100, 30, 80, 100'000};
  const std::vector<std::uint32_t> input(settings.values, 12345);
  for (auto _ : state) {
    LightServer server(settings);
    std::vector<LightHospital> hospitals;
    for (Place place = 1; place <= 100; ++place) {
      hospitals.emplace_back(settings, place, SecretStream(make_run_key(5, 0), place, 0));
      server.advertised(hospitals.back().advertise());
    }
    for (Place place = 1; place <= 100; ++place) {
      server.shared(place, *hospitals[place - 1].share_mask(server.keys()));
    }
    for (Place place = 1; place <= 90; ++place) {
      const bool goes_on = hospitals[place - 1].receive(server.sharers(), server.shares_for(place));
      if (!goes_on) state.SkipWithError("pieces were not taken");
      std::vector<std::uint32_t> values = input;
      hospitals[place - 1].mask(values);
      server.masked(place, values);
    }
    for (Place place = 1; place <= 80; ++place) {
      server.revealed(place, *hospitals[place - 1].reveal(server.summed()));
    }
    const auto sum = server.sum();
    if (!sum || (*sum)[7] != 90U * 12345U) state.SkipWithError("a wrong sum");
  }
  const LightSeconds seconds{settings, {}};
  state.counters["model_s"] = 100 * (seconds.advertise() + seconds.share(99)) +
                              90 * seconds.mask() + 80 * seconds.reveal(90) + seconds.unmask(90);
  state.counters["server_s"] = seconds.unmask(90);
}
BENCHMARK(w5_pieces)->Unit(benchmark::kSecond)->Iterations(3);

// One ciphertext of a key of so many bits.
void encryption(benchmark::State& state) {
  SecretStream secrets(make_run_key(1, 0), 0, 0);
  const PaillierSecret secret = make_paillier(static_cast<int>(state.range(0)), secrets);
  for (auto _ : state) benchmark::DoNotOptimize(encrypt(secret.open, 5, secrets));
}
BENCHMARK(encryption)->Unit(benchmark::kMillisecond)->Arg(2048)->Arg(3072);

}  // namespace
}  // namespace polyclinic::secure

BENCHMARK_MAIN();
