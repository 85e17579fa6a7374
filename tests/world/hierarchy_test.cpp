// System: federations with regional aggregators. Expectation: with one regional round and all
// replies the model is that of one server; with more it is that of Liu et al. 2020, Algorithm 1,
// computed here in double; threads change no bit.
#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "quadratic.hpp"

namespace polyclinic {
namespace {

using namespace testing;  // NOLINT: the vocabulary of these tests

// Four hospitals, of the first two and the last two a region each.
Value two_regions() {
  const auto in = [](const char* region) { return Value(Table{{"region", Value(region)}}); };
  return Value(
      part("hospitals", "",
           {{"site",
             Value(Table{{"h0", in("EU")}, {"h1", in("EU")}, {"h2", in("US")}, {"h3", in("US")}})},
            {"overhead", seconds(1)},
            {"jitter", 0.0},
            {"availability", part("availability", "always")}}));
}

// One step of descent over all rows per epoch.
Fields world(int rounds, int epochs, Part protocol) {
  return {{"hospitals", two_regions()},
          {"rounds", rounds},
          {"training",
           part("training", "sgd", {{"rate", 0.1}, {"batch", Value(All{})}, {"epochs", epochs}})},
          {"aggregation", part("aggregation", "mean", {{"max_share", 1.0}})},
          {"protocol", std::move(protocol)}};
}

Part hierarchical(const Fields& fields = {}) {
  return part("protocol", "hierarchical", fields);
}

std::vector<double> sizes(const std::vector<QuadraticSite>& sites) {
  std::vector<double> rows;
  for (const QuadraticSite& site : sites) rows.push_back(static_cast<double>(site.rows.size()));
  return rows;
}

// Liu et al. 2020, Algorithm 1: kappa_1 local steps, kappa_2 rounds of a region, then the server.
Point paper_hierarchy(const std::vector<QuadraticSite>& sites,
                      const std::vector<std::vector<std::size_t>>& regions, int rounds,
                      int regional_rounds, int steps, double rate) {
  const std::vector<double> rows = sizes(sites);
  double all = 0;
  for (const double r : rows) all += r;
  Point global{};
  for (int g = 0; g < rounds; ++g) {
    Point next{};
    for (const std::vector<std::size_t>& region : regions) {
      double in_region = 0;
      for (const std::size_t k : region) in_region += rows[k];
      Point model = global;
      for (int r = 0; r < regional_rounds; ++r) {
        Point mean{};
        for (const std::size_t k : region) {
          Point y = model;
          for (int s = 0; s < steps; ++s) {
            const Point gradient = sites[k].gradient(y);
            for (std::size_t j = 0; j < 3; ++j) y[j] -= rate * gradient[j];
          }
          for (std::size_t j = 0; j < 3; ++j) mean[j] += rows[k] / in_region * y[j];
        }
        model = mean;
      }
      for (std::size_t j = 0; j < 3; ++j) next[j] += in_region / all * model[j];
    }
    global = next;
  }
  return global;
}

TEST_CASE("with one regional round and all replies the mean is that of one server") {
  const QuadraticTable table(mixed_sites());
  for (const int epochs : {1, 3}) {
    const Point flat = final_point(run(table.world(world(6, epochs, part("protocol", "sync")))));
    const Point tree = final_point(run(table.world(world(6, epochs, hierarchical()))));
    // rounded to floats once more in every region and round: 6 rounds x 2^-24 of values below 2,
    // and local training contracts differences; a hundred times as much is still far from a weight
    // that is off by a patient
    CHECK(distance(flat, tree) < 100 * 6 * 2 * 0x1p-24);
  }
}

TEST_CASE("regional rounds follow the paper's algorithm") {
  const std::vector<QuadraticSite> sites = mixed_sites();
  const QuadraticTable table(sites);
  for (const int regional_rounds : {1, 2, 4}) {
    const RunResult result =
        run(table.world(world(5, 2, hierarchical({{"regional_rounds", regional_rounds}}))));
    const Point expected = paper_hierarchy(sites, {{0, 1}, {2, 3}}, 5, regional_rounds, 2, 0.1);
    // floats in each of 5 x regional_rounds x 2 steps
    CHECK(distance(final_point(result), expected) < 1e-5);
    CHECK(result.versions == 5);
    // every hospital in every regional round, each version counted once
    for (const HospitalAccount& account : result.hospitals) {
      CHECK(account.participations == 5 * regional_rounds);
    }
    double weights = 0;
    for (const HospitalAccount& account : result.hospitals) weights += account.weight;
    CHECK(weights == doctest::Approx(1).epsilon(1e-12));
  }
  // more regional rounds are another model: the test above can tell
  const Point once = paper_hierarchy(sites, {{0, 1}, {2, 3}}, 5, 1, 2, 0.1);
  const Point four = paper_hierarchy(sites, {{0, 1}, {2, 3}}, 5, 4, 2, 0.1);
  CHECK(distance(once, four) > 0.01);
}

TEST_CASE("what crossed is one model and one sum per region and round") {
  const QuadraticTable table(mixed_sites());
  const RunResult result = run(table.world(world(
      5, 1,
      hierarchical({{"regional_rounds", 3}, {"control", Value(Quantity{500, Dimension::data})}}))));
  REQUIRE(result.borders.size() == 2);
  for (const BorderAccount& border : result.borders) {
    CHECK(border.models == 5);
    CHECK(border.sums == 5);
    CHECK(border.bytes_down == 5 * (3 * 4 + 500));
    CHECK(border.bytes_up == 5 * (3 * 4 + 500));
    CHECK(border.hospitals_least == 2);
    // two hospitals, three rounds in each of five, invitation and update
    CHECK(border.inside == 2 * 3 * 5 * 2);
    CHECK(border.rounds == 15);
    CHECK(border.rounds_failed == 0);
  }
  // hospitals' own bytes are those inside
  CHECK(result.bytes_up == 4 * 15 * (3 * 4 + 500));
  CHECK(result.bytes_down == result.bytes_up);
}

TEST_CASE("regional aggregation, selection and a hospital's machine: threads change no bit") {
  const auto spec = [](std::uint64_t seed) {
    Fields hospitals{{"groups", list({part("group", "", {{"region", "EU"}, {"count", 5}}),
                                      part("group", "", {{"region", "US"}, {"count", 4}})})}};
    return small_world(
        {{"rounds", 3},
         {"hospitals", part("hospitals", "", hospitals)},
         {"participants", 3},
         {"aggregation", part("aggregation", "median")},
         {"protocol", hierarchical({{"regional_rounds", 2}, {"over_selection", 1.3}})}},
        seed);
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

}  // namespace
}  // namespace polyclinic
