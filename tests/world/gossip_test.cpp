// System: federations without a server. Expectation: the models are those of Lian et al. 2017,
// Algorithm 1, computed here in double; without training nothing moves; each hospital is scored
// with its own model; threads change no bit.
#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "quadratic.hpp"

namespace polyclinic {
namespace {

using namespace testing;  // NOLINT: the vocabulary of these tests

Part gossip(const Fields& fields = {}) {
  return part("protocol", "gossip", fields);
}

Fields world(int rounds, int epochs, double rate, Part protocol) {
  const Fields hospitals{
      {"overhead", seconds(1)}, {"jitter", 0.0}, {"availability", part("availability", "always")}};
  return {{"hospitals", part("hospitals", "", hospitals)},
          {"rounds", rounds},
          {"training",
           part("training", "sgd", {{"rate", rate}, {"batch", Value(All{})}, {"epochs", epochs}})},
          {"protocol", std::move(protocol)}};
}

// Lian et al. 2017, Algorithm 1, with several local steps: train, then average with neighbours.
std::vector<Point> paper_gossip(const std::vector<QuadraticSite>& sites,
                                const std::vector<std::vector<double>>& matrix, int rounds,
                                int steps, double rate) {
  const std::size_t n = sites.size();
  std::vector<Point> x(n, Point{});
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < n; ++i) {
      for (int s = 0; s < steps; ++s) {
        const Point gradient = sites[i].gradient(x[i]);
        for (std::size_t j = 0; j < 3; ++j) x[i][j] -= rate * gradient[j];
      }
    }
    std::vector<Point> mixed(n, Point{});
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t k = 0; k < n; ++k) {
        for (std::size_t j = 0; j < 3; ++j) mixed[i][j] += matrix[i][k] * x[k][j];
      }
    }
    x = mixed;
  }
  return x;
}

Point mean_of(const std::vector<Point>& x) {
  Point mean{};
  for (const Point& one : x) {
    for (std::size_t j = 0; j < 3; ++j) mean[j] += one[j] / static_cast<double>(x.size());
  }
  return mean;
}

double spread(const std::vector<Point>& x) {
  const Point mean = mean_of(x);
  double all = 0;
  for (const Point& one : x) all += distance(one, mean) * distance(one, mean);
  return std::sqrt(all / static_cast<double>(x.size()));
}

const std::vector<std::vector<double>> kRing{{1.0 / 3, 1.0 / 3, 0, 1.0 / 3},
                                             {1.0 / 3, 1.0 / 3, 1.0 / 3, 0},
                                             {0, 1.0 / 3, 1.0 / 3, 1.0 / 3},
                                             {1.0 / 3, 0, 1.0 / 3, 1.0 / 3}};

TEST_CASE("averaging over a ring follows the paper's algorithm, model by model") {
  const std::vector<QuadraticSite> sites = mixed_sites();
  const QuadraticTable table(sites);
  for (const int steps : {1, 4}) {
    const RunResult result = run(table.world(world(12, steps, 0.1, gossip())));
    const std::vector<Point> expected = paper_gossip(sites, kRing, 12, steps, 0.1);
    // floats in 12 rounds of at most 4 steps and a mixing
    CHECK(distance(final_point(result), mean_of(expected)) < 1e-5);
    REQUIRE(result.gossip);
    CHECK(result.gossip->consensus == doctest::Approx(spread(expected)).epsilon(1e-4));
    CHECK(*result.gossip->spectral_gap == doctest::Approx(2.0 / 3));
    // there is something to tell apart
    CHECK(spread(expected) > 0.01);
    // four hospitals tell two neighbours in each round
    CHECK(result.gossip->messages == 4 * 2 * 12);
    CHECK(result.gossip->lost == 0);
  }
}

TEST_CASE("each hospital is scored with its own model") {
  const std::vector<QuadraticSite> sites = mixed_sites();
  const QuadraticTable table(sites);
  Fields fields = world(12, 4, 0.1, gossip());
  fields.emplace_back(
      "measure", part("measure", "",
                      {{"metrics", list({"rmse"})}, {"train", list({"rmse"})}, {"every", "end"}}));
  fields.emplace_back("baselines", list({part("baseline", "local_only")}));
  const RunResult result = run(table.world(fields));
  const std::vector<Point> expected = paper_gossip(sites, kRing, 12, 4, 0.1);
  const auto train_rmse = [](const ArmResult& arm, std::size_t hospital) {
    for (const auto& [name, value] : arm.hospitals[hospital].metrics) {
      if (name == "train_rmse") return value.value.value();
    }
    FAIL("train_rmse is measured");
    return 0.0;
  };
  const ArmResult& mean_model = result.baselines.front();
  CHECK(mean_model.name == "mean_model");
  for (std::size_t k = 0; k < 4; ++k) {
    CHECK(train_rmse(result.federated, k) ==
          doctest::Approx(rmse(sites[k], expected[k])).epsilon(1e-4));
    CHECK(train_rmse(mean_model, k) ==
          doctest::Approx(rmse(sites[k], mean_of(expected))).epsilon(1e-4));
  }
}

TEST_CASE("all with all is the mean of one server where all count alike") {
  const QuadraticTable table(mixed_sites());
  Fields flat = world(8, 3, 0.1, part("protocol", "sync"));
  flat.emplace_back("aggregation", part("aggregation", "mean", {{"weights", "equal"}}));
  const Point server = final_point(run(table.world(flat)));
  for (const char* exchange : {"average", "push_sum"}) {
    const RunResult all =
        run(table.world(world(8, 3, 0.1, gossip({{"graph", "complete"}, {"exchange", exchange}}))));
    CHECK(distance(final_point(all), server) < 1e-5);
    CHECK(all.gossip->consensus < 1e-5);
  }
}

TEST_CASE("pushing over an exponential graph ends near the mean optimum; its models agree") {
  const std::vector<QuadraticSite> sites = mixed_sites();
  const QuadraticTable table(sites);
  const RunResult result = run(table.world(
      world(400, 1, 0.02, gossip({{"graph", "exponential"}, {"exchange", "push_sum"}}))));
  const Point least = optimum(sites, {0.25, 0.25, 0.25, 0.25});
  // one step between mixings: what is off shrinks with the rate (Assran et al. 2019, theorem 1)
  CHECK(distance(final_point(result), least) < 0.05);
  CHECK(result.gossip->consensus < 0.05);
}

TEST_CASE("threads change no bit, and another seed is another run") {
  for (const char* graph : {"regular", "matching"}) {
    const auto spec = [&](std::uint64_t seed) {
      Fields fields{{"rounds", 3}};
      Fields protocol{{"graph", graph}};
      if (std::string(graph) == "regular") protocol.emplace_back("degree", 3);
      fields.emplace_back("protocol", gossip(protocol));
      return small_world(fields, seed);
    };
    RunOptions options;
    const RunResult one = run(spec(1), options);
    CHECK(one.versions > 0);
    for (const int threads : {2, 3, 8}) {
      options.threads = threads;
      CHECK(run(spec(1), options).fingerprint == one.fingerprint);
    }
    CHECK(run(spec(2)).fingerprint != one.fingerprint);
  }
}

TEST_CASE("bytes are those of the messages, and what one sends another receives") {
  const QuadraticTable table(mixed_sites());
  const RunResult result = run(table.world(world(5, 1, 0.1, gossip({{"graph", "matching"}}))));
  // four hospitals, one message each in five rounds, of 3 floats and 1 kB
  CHECK(result.bytes_up == 4 * 5 * (3 * 4 + 1000));
  CHECK(result.bytes_down == result.bytes_up);
}

TEST_CASE("trainings that overflow leave their hospitals with the models that they had") {
  // the first hospital's rows are so large that its training overflows, the others' do not
  std::vector<QuadraticSite> sites = mixed_sites();
  for (auto& row : sites[0].rows) row[0] *= 1e12;
  const QuadraticTable table(sites);
  for (const int threads : {1, 3}) {
    RunOptions options;
    options.threads = threads;
    const RunResult result = run(table.world(world(6, 20, 0.05, gossip())), options);
    CHECK(result.versions == 6);
    for (const HospitalAccount& account : result.hospitals) {
      const auto diverged = account.drops.find(DropReason::diverged);
      const bool first = account.hospital.value == 0;
      CHECK((diverged != account.drops.end() && diverged->second == 6) == first);
      CHECK(account.participations == (first ? 0 : 6));
    }
    for (const float x : result.final_parameters) CHECK(std::isfinite(x));
  }
}

// What is left of a rate after the first round is nothing: hospitals differ, and only mix.
Part first_round_only(int epochs, double rate) {
  const Part falls =
      part("schedule", "step", {{"rate", rate}, {"decay", 1e-9}, {"every", std::int64_t{1}}});
  return part("training", "sgd", {{"rate", falls}, {"batch", Value(All{})}, {"epochs", epochs}});
}

TEST_CASE("models that only mix come together as the eigenvalues of the ring say") {
  // of the ring of four with weights of a third: 1, 1/3, 1/3 and -1/3, so that what is off the
  // mean is a third in each round, whatever it is (Lian et al. 2017, theorem 1, by their spectral
  // gap)
  const std::vector<QuadraticSite> sites = mixed_sites();
  const QuadraticTable table(sites);
  Fields fields = world(7, 4, 0.1, gossip());
  for (auto& [name, value] : fields) {
    if (name == "training") value = Value(first_round_only(4, 0.1));
  }
  const RunResult result = run(table.world(fields));
  REQUIRE(result.round_records.size() == 7);
  CHECK(result.round_records[0].consensus.value() > 0.1);
  for (std::size_t i = 1; i < 7; ++i) {
    // floats of size 1 against distances above 0.1 / 3^6: 6e-8 * 729 / 0.1
    const double before = result.round_records[i - 1].consensus.value();
    CHECK(result.round_records[i].consensus.value() / before ==
          doctest::Approx(1.0 / 3).epsilon(1e-3));
  }
  // and the mean stays what it was
  CHECK(distance(final_point(result), mean_of(paper_gossip(sites, kRing, 1, 4, 0.1))) < 1e-5);
}

TEST_CASE("models pushed one way only agree on the mean after as many rounds as doublings") {
  const std::vector<QuadraticSite> sites = mixed_sites();
  const QuadraticTable table(sites);
  Fields fields = world(2, 4, 0.1, gossip({{"graph", "exponential"}, {"exchange", "push_sum"}}));
  for (auto& [name, value] : fields) {
    if (name == "training") value = Value(first_round_only(4, 0.1));
  }
  const RunResult result = run(table.world(fields));
  // four hospitals: one place on, then two (Assran et al. 2019, appendix A)
  CHECK(result.round_records[0].consensus.value() > 0.1);
  CHECK(result.round_records[1].consensus.value() < 1e-6);
  CHECK(distance(final_point(result), mean_of(paper_gossip(sites, kRing, 1, 4, 0.1))) < 1e-5);
}

}  // namespace
}  // namespace polyclinic
