// System: running statistics of batch normalisation in a federation. Expectation: a version has the
// mean of the hospitals' statistics, whatever moves the other parameters, and with
// keep = "norm" (FedBN) they stay where they are.
#include <doctest/doctest.h>

#include "quadratic.hpp"

namespace polyclinic {
namespace {

using namespace testing;  // NOLINT: the vocabulary of these tests

// Two features, two hidden units: weights 0..3, scale 4, 5, shift 6, 7, mean 8, 9, variance 10, 11,
// output 12..14.
constexpr std::size_t kMean = 8;
constexpr std::size_t kVariance = 10;
constexpr std::size_t kParameters = 15;

Fields base(std::int64_t rounds, const Fields& more = {}) {
  Fields fields{
      {"model", part("model", "mlp", {{"hidden", list({Value(2)})}, {"norm", "batch"}})},
      {"rounds", rounds},
      {"hospitals", part("hospitals", "", {{"overhead", seconds(60)}, {"jitter", 0.0}})},
      {"deadline", Value(None{})},
      {"training",
       part("training", "sgd",
            {{"rate", 0.1}, {"epochs", 1.0}, {"batch", Value(All{})}, {"weight_decay", 0.2}})},
      {"measure", part("measure", "", {{"every", "end"}})}};
  bool has_rule = false;
  for (const auto& field : more) {
    has_rule = has_rule || field.first == "aggregation";
    fields.push_back(field);
  }
  if (!has_rule) {
    fields.emplace_back("aggregation", part("aggregation", "mean", {{"weights", "equal"}}));
  }
  return fields;
}

// One step over all rows: a tenth of the moments of what the initial weights make of them.
std::vector<double> expected_statistics(const std::vector<QuadraticSite>& sites,
                                        const std::vector<float>& initial) {
  std::vector<double> out(4, 0.0);
  for (const QuadraticSite& site : sites) {
    const auto n = static_cast<double>(site.rows.size());
    for (std::size_t unit = 0; unit < 2; ++unit) {
      std::vector<double> z;
      double mean = 0;
      for (const auto& row : site.rows) {
        z.push_back(static_cast<double>(initial[2 * unit]) * row[0] +
                    static_cast<double>(initial[2 * unit + 1]) * row[1]);
        mean += z.back() / n;
      }
      double variance = 0;
      for (const double v : z) variance += (v - mean) * (v - mean) / (n - 1);
      const auto hospitals = static_cast<double>(sites.size());
      out[unit] += 0.1 * mean / hospitals;
      out[2 + unit] += (0.9 + 0.1 * variance) / hospitals;
    }
  }
  return out;
}

TEST_CASE("a version has the mean of the hospitals' statistics, whatever the server does else") {
  const auto sites = mixed_sites();
  const QuadraticTable table(sites);
  const RunResult start = run(table.world(base(0)));
  REQUIRE(start.final_parameters.size() == kParameters);
  const std::vector<float> initial(start.final_parameters.begin(), start.final_parameters.end());
  const std::vector<double> expected = expected_statistics(sites, initial);
  const RunResult plain = run(table.world(base(1)));
  const std::vector<Fields> others{
      {},
      {{"server", part("server", "sgd", {{"rate", 3.0}, {"momentum", 0.5}})}},
      {{"server", part("server", "adam")}},
      {{"aggregation", part("aggregation", "normalized", {{"weights", "equal"}})}},
      {{"objective", part("objective", "control_variates", {{"update", "gradient"}})}},
      {{"objective", part("objective", "control_variates")}},
      {{"objective", part("objective", "dynamic", {{"alpha", 0.1}})}},
      {{"objective", part("objective", "dynamic", {{"alpha", 0.1}})},
       {"compression", part("compression", "bf16")}}};
  for (std::size_t k = 0; k < others.size(); ++k) {
    CAPTURE(k);
    const RunResult result = run(table.world(base(1, others[k])));
    // bf16 keeps 8 bits of a change of a tenth; else a few roundings of numbers of size 1
    const double rounding = k + 1 == others.size() ? 1e-3 : 1e-6;
    for (std::size_t i = 0; i < 4; ++i) {
      CHECK(std::fabs(result.final_parameters[kMean + i] - expected[i]) < rounding);
    }
    // those of momentum, Adam and FedDyn go another way with the rest
    const bool elsewhere = k == 1 || k == 2 || k >= 6;
    if (elsewhere) CHECK(result.final_parameters[0] != plain.final_parameters[0]);
  }
  static_assert(kVariance == kMean + 2);
}

// Batches of 8 make 1, 2, 3 and 5 steps; parameters stay nearly where they are.
TEST_CASE("statistics are not divided by steps, which gradients are") {
  const QuadraticTable table(mixed_sites());
  const auto reach = [&](const Part& rule) {
    Fields fields = base(1, {{"aggregation", rule}});
    std::erase_if(fields, [](const auto& field) { return field.first == "training"; });
    fields.emplace_back("training",
                        part("training", "sgd", {{"rate", 1e-9}, {"epochs", 1.0}, {"batch", 8}}));
    return run(table.world(fields)).final_parameters;
  };
  const auto mean = reach(part("aggregation", "mean", {{"weights", "equal"}}));
  const auto normalized = reach(part("aggregation", "normalized", {{"weights", "equal"}}));
  for (std::size_t i = kMean; i < kMean + 4; ++i) {
    CHECK(std::fabs(mean[i] - normalized[i]) < 1e-6);
  }
}

TEST_CASE("with keep = norm nothing that normalises travels, and the rest is averaged") {
  const auto sites = mixed_sites();
  const QuadraticTable table(sites);
  const Fields at_home{{"personal", part("personal", "layers", {{"keep", "norm"}})}};
  const RunResult fedbn = run(table.world(base(1, at_home)));
  const RunResult fedavg = run(table.world(base(1)));
  // weights and output: what FedAvg has too after one round, in which all begin alike
  REQUIRE(fedbn.final_parameters.size() == 7);
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(fedbn.final_parameters[i] == fedavg.final_parameters[i]);
  }
  for (std::size_t i = 4; i < 7; ++i) {
    CHECK(fedbn.final_parameters[i] == fedavg.final_parameters[8 + i]);
  }
  // 15 and 7 values of four bytes, to and from every hospital
  const auto hospitals = static_cast<std::int64_t>(sites.size());
  CHECK(fedavg.bytes_up - fedbn.bytes_up == hospitals * 8 * 4);
  CHECK(fedavg.bytes_down - fedbn.bytes_down == hospitals * 8 * 4);
}

}  // namespace
}  // namespace polyclinic
