// System: hospitals that take turns, with the one model that goes round and in gathering the
// updates of all. Expectation: the models are those of the papers' algorithms, computed here in
// double, or those of one server, bit by bit; threads change no bit.
#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "quadratic.hpp"

namespace polyclinic {
namespace {

using namespace testing;  // NOLINT: the vocabulary of these tests

Fields world(int rounds, int epochs, double rate, Part protocol) {
  const Fields hospitals{
      {"overhead", seconds(1)}, {"jitter", 0.0}, {"availability", part("availability", "always")}};
  return {{"hospitals", part("hospitals", "", hospitals)},
          {"rounds", rounds},
          {"training",
           part("training", "sgd", {{"rate", rate}, {"batch", Value(All{})}, {"epochs", epochs}})},
          {"protocol", std::move(protocol)}};
}

// Chang et al. 2018, cyclical weight transfer: each in its turn, from what the one before made.
Point paper_cyclic(const std::vector<QuadraticSite>& sites, int rounds, int steps, double rate) {
  Point x{};
  for (int round = 0; round < rounds; ++round) {
    for (const QuadraticSite& site : sites) {
      for (int s = 0; s < steps; ++s) {
        const Point gradient = site.gradient(x);
        for (std::size_t j = 0; j < 3; ++j) x[j] -= rate * gradient[j];
      }
    }
  }
  return x;
}

TEST_CASE("a model that goes round is trained by each in its turn") {
  const std::vector<QuadraticSite> sites = mixed_sites();
  const QuadraticTable table(sites);
  for (const int steps : {1, 4}) {
    const RunResult result = run(table.world(world(6, steps, 0.1, part("protocol", "cyclic"))));
    const Point expected = paper_cyclic(sites, 6, steps, 0.1);
    // floats in 24 turns of at most 4 steps
    CHECK(distance(final_point(result), expected) < 1e-5);
    // it is not what averages would be
    const RunResult mean = run(table.world(world(6, steps, 0.1, part("protocol", "sync"))));
    CHECK(distance(final_point(mean), expected) > 1e-2);
    CHECK(result.versions == 6);
    // the first begins with the model, every other turn is a message of 3 floats and 1 kB
    CHECK(result.bytes_up == (6 * 4 - 1) * (3 * 4 + 1000));
    CHECK(result.bytes_down == result.bytes_up);
    for (const HospitalAccount& account : result.hospitals) {
      CHECK(account.participations == 6);
      CHECK(account.weight == doctest::Approx(0.25));
    }
  }
}

TEST_CASE("a turn that overflows is passed over: the model goes on as it came") {
  std::vector<QuadraticSite> sites = mixed_sites();
  const std::vector<QuadraticSite> others{sites[0], sites[2], sites[3]};
  for (auto& row : sites[1].rows) row[0] *= 1e12;
  const QuadraticTable table(sites);
  const RunResult result = run(table.world(world(5, 20, 0.05, part("protocol", "cyclic"))));
  CHECK(distance(final_point(result), paper_cyclic(others, 5, 20, 0.05)) < 1e-4);
  for (const HospitalAccount& account : result.hospitals) {
    CHECK(account.participations == (account.hospital.value == 1 ? 0 : 5));
  }
}

TEST_CASE("who gathers the updates changes no bit of the model, and every hospital does in turn") {
  const QuadraticTable table(mixed_sites());
  const RunResult server = run(table.world(world(9, 3, 0.1, part("protocol", "sync"))));
  for (const char* order : {"rotating", "drawn"}) {
    const RunResult swarm =
        run(table.world(world(9, 3, 0.1, part("protocol", "swarm", {{"aggregator", order}}))));
    CHECK(swarm.final_parameters == server.final_parameters);
    CHECK(swarm.fingerprint != server.fingerprint);
    std::map<std::string, int> turns;
    for (const RoundRecord& round : swarm.round_records) ++turns[round.aggregator];
    CHECK(turns.count("") == 0);
    if (std::string(order) == "rotating") {
      CHECK(turns.size() == 4);
      for (const auto& [name, count] : turns) CHECK((count == 2 || count == 3));
      // in the first round all have the model, and are told that it begins; in every other one it
      // comes from who aggregated before. Three hospitals send and get, of three floats and 1 kB
      CHECK(swarm.bytes_up == 3 * 1000 + (2 * 9 - 1) * 3 * (3 * 4 + 1000));
    } else {
      CHECK(turns.size() > 1);
    }
    CHECK(swarm.bytes_down == swarm.bytes_up);
  }
}

TEST_CASE("taking turns, threads change no bit and another seed is another run") {
  const auto shuffled = part("protocol", "cyclic", {{"order", "shuffled"}});
  const auto drawn = part("protocol", "swarm", {{"aggregator", "drawn"}});
  for (const Part& protocol : {shuffled, drawn}) {
    const auto spec = [&](std::uint64_t seed) {
      return small_world({{"rounds", 3}, {"protocol", protocol}}, seed);
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

}  // namespace
}  // namespace polyclinic
