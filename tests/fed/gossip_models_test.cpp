// System: models of hospitals without a server, mixed by a matrix. Expectation: without training
// they come to the mean of where they began, on a ring as fast as its second eigenvalue says; what
// is pushed keeps its sum and its weights whatever is lost. Reason: this is all that gossip adds to
// local training.
#include <doctest/doctest.h>

#include <cmath>
#include <memory>
#include <numbers>
#include <vector>

#include "fed/gossip_server.hpp"

namespace polyclinic {
namespace {

const RunKey kRun = make_run_key(3, 0);

// A model of `values` copies of x for each x.
std::vector<VersionPtr> models_of(const std::vector<double>& x, std::int64_t values = 3) {
  auto layout = std::make_shared<ParameterLayout>();
  layout->add("w", {values}, Role::weight);
  std::vector<VersionPtr> models;
  for (const double one : x) {
    ParameterVector model(layout);
    for (float& value : model.slice(0)) value = static_cast<float>(one);
    models.push_back(std::make_shared<const ParameterVector>(std::move(model)));
  }
  return models;
}

TEST_CASE("on a ring the distance to the mean shrinks by the second eigenvalue in each round") {
  for (const std::int32_t n : {5, 8, 16}) {
    // its eigenvector: the distance shrinks by exactly that
    std::vector<double> x;
    for (std::int32_t i = 0; i < n; ++i) x.push_back(1 + std::cos(2 * std::numbers::pi * i / n));
    GossipModels models(models_of(x));
    const MixingMatrix matrix = metropolis(make_graph({GraphKind::ring}, n, kRun, 0));
    const double lambda = 1 - spectral_gap(matrix);
    double distance = models.distance(models.mean());
    for (int round = 0; round < 10; ++round) {
      REQUIRE(models.mix(matrix, nullptr));
      const double next = models.distance(models.mean());
      // floats of numbers up to 2 against distances above 0.05: 2^-23 / 0.05 and some
      CHECK(next / distance == doctest::Approx(lambda).epsilon(1e-5));
      distance = next;
      CHECK(models.mean().slice(0)[0] == doctest::Approx(1.0).epsilon(1e-6));
    }
  }
}

TEST_CASE("a matching drawn anew in each round comes to the mean too") {
  std::vector<double> x;
  for (int i = 0; i < 10; ++i) x.push_back(i);
  GossipModels models(models_of(x));
  const double before = models.distance(models.mean());
  for (std::int64_t round = 0; round < 40; ++round) {
    REQUIRE(models.mix(metropolis(make_graph({GraphKind::matching}, 10, kRun, round)), nullptr));
  }
  CHECK(models.distance(models.mean()) < 1e-4 * before);
  CHECK(models.mean().slice(0)[0] == doctest::Approx(4.5).epsilon(1e-6));
}

TEST_CASE(
    "what is pushed keeps its sum and its weights under lost messages, and comes to the mean") {
  for (const GraphKind kind : {GraphKind::exponential, GraphKind::ring, GraphKind::regular}) {
    constexpr std::int32_t kNodes = 10;
    std::vector<double> x;
    for (int i = 0; i < kNodes; ++i) x.push_back(i * i);
    GossipModels models(models_of(x));
    Stream stream(kRun, Purpose::kTest, static_cast<std::uint64_t>(kind));
    double least = 1;
    for (std::int64_t round = 0; round < 300; ++round) {
      const Graph graph = make_graph({kind, 4}, kNodes, kRun, round);
      const MixingMatrix matrix =
          push_shares(graph, [&](std::int32_t, std::int32_t) { return stream.uniform() < 0.7; });
      REQUIRE(models.mix(matrix, nullptr));
      double weight = 0;
      for (std::size_t i = 0; i < kNodes; ++i) {
        weight += models.weight(i);
        least = std::min(least, models.weight(i));
      }
      CHECK(weight == doctest::Approx(kNodes).epsilon(1e-12));
      // 300 roundings to floats of sums of 285
      CHECK(models.mean().slice(0)[0] == doctest::Approx(28.5).epsilon(1e-4));
    }
    // weights really differed: plain averaging would have gone elsewhere
    CHECK(least < 0.7);
    CHECK(models.distance(models.mean()) < 1e-2);
  }
}

TEST_CASE("what a hospital learns is in what it mixes, and an overflow is told") {
  GossipModels models(models_of({1, 3}));
  ParameterVector moved(models.of(0)->shared_layout());
  for (float& value : moved.slice(0)) value = 4;
  models.learn(0, moved);
  CHECK(models.of(0)->slice(0)[0] == 1.0F);
  const MixingMatrix half{{{0, 0.5}, {1, 0.5}}, {{0, 0.5}, {1, 0.5}}};
  REQUIRE(models.mix(half, nullptr));
  CHECK(models.of(1)->slice(0)[0] == 4.0F);
  for (float& value : moved.slice(0)) value = 3e38F;
  models.learn(0, moved);
  models.learn(0, moved);
  CHECK_FALSE(models.mix(half, nullptr));
}

}  // namespace
}  // namespace polyclinic
