// System: what aggregation rules are made of, and what they promise beyond the reference vectors:
// the same bits for any number of workers and instruction set, no mean poisoned by size, refusal in
// place of nonsense.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <vector>

#include "base/draw.hpp"
#include "fed/aggregation/networks.hpp"
#include "fed/aggregation/pre.hpp"
#include "fed/aggregation/robust.hpp"
#include "fed/aggregation/rules.hpp"

namespace polyclinic::aggregation {
namespace {

struct Vectors {
  Vectors(std::size_t n, std::size_t size, double spread = 1.0, double common = 0.0) {
    Stream stream(RunKey{3}, Purpose::kTest, n, size);
    std::vector<double> centre(size);
    for (double& c : centre) c = draw::normal(stream, 0.0, common);
    for (std::size_t i = 0; i < n; ++i) {
      FloatBuffer buffer(size);
      for (std::size_t k = 0; k < size; ++k) {
        buffer[k] = static_cast<float>(centre[k] + draw::normal(stream, 0.0, spread));
      }
      buffers.push_back(std::move(buffer));
    }
  }
  [[nodiscard]] VectorSet set(Workers* workers = nullptr) const {
    std::vector<const float*> rows;
    for (const FloatBuffer& buffer : buffers) rows.push_back(buffer.data());
    return {rows, buffers[0].size(), workers};
  }
  std::vector<FloatBuffer> buffers;
};

bool same_bits(const FloatBuffer& a, const FloatBuffer& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

void apply(const std::vector<std::uint16_t>& network, std::vector<int>& x) {
  for (std::size_t p = 0; p < network.size(); p += 2) {
    if (x[network[p]] > x[network[p + 1]]) std::swap(x[network[p]], x[network[p + 1]]);
  }
}

TEST_CASE("networks sort: all inputs of zeros and ones") {
  // a network that sorts them sorts everything (Knuth, TAOCP 3, theorem Z)
  for (std::size_t n = 1; n <= 12; ++n) {
    const auto network = sorting_network(n);
    for (std::uint32_t bits = 0; bits < (1U << n); ++bits) {
      std::vector<int> x(n);
      for (std::size_t i = 0; i < n; ++i) x[i] = static_cast<int>(bits >> i & 1U);
      apply(network, x);
      REQUIRE(std::is_sorted(x.begin(), x.end()));
    }
  }
}

TEST_CASE("selection networks put the middle ranks in the middle and are shorter") {
  for (const std::size_t n : {1, 2, 3, 4, 7, 10, 33, 100}) {
    for (const std::size_t cut : {std::size_t{0}, n / 5, (n - 1) / 2}) {
      const auto network = selection_network(n, cut, n - cut);
      CHECK(network.size() <= sorting_network(n).size());
      std::vector<int> x(n);
      std::iota(x.begin(), x.end(), 0);
      for (int round = 0; round < 20; ++round) {
        Stream stream(RunKey{5}, Purpose::kTest, n, static_cast<std::uint64_t>(round));
        const auto order =
            draw::sample(stream, static_cast<std::int32_t>(n), static_cast<std::int32_t>(n));
        x.assign(order.begin(), order.end());
        apply(network, x);
        std::vector<int> middle(x.begin() + static_cast<std::ptrdiff_t>(cut),
                                x.end() - static_cast<std::ptrdiff_t>(cut));
        std::sort(middle.begin(), middle.end());
        for (std::size_t i = 0; i < middle.size(); ++i) {
          REQUIRE(middle[i] == static_cast<int>(cut + i));
        }
      }
    }
  }
  // the mean needs no order at all
  CHECK(selection_network(100, 0, 100).empty());
  CHECK(selection_network(100, 49, 51).size() < sorting_network(100).size());
}

TEST_CASE("median and trimmed mean are those of a sort") {
  for (const std::size_t n : {1, 2, 5, 8, 100, 257}) {
    const Vectors v(n, 48);
    FloatBuffer middle(48);
    FloatBuffer trimmed(48);
    const std::size_t f = (n - 1) / 3;
    median(v.set(), middle.data());
    trimmed_mean(v.set(), f, trimmed.data());
    for (std::size_t k = 0; k < 48; ++k) {
      std::vector<double> column;
      for (const FloatBuffer& b : v.buffers) column.push_back(static_cast<double>(b[k]));
      std::sort(column.begin(), column.end());
      const double expected = 0.5 * (column[(n - 1) / 2] + column[n / 2]);
      CHECK(middle[k] == static_cast<float>(expected));
      double sum = 0;
      for (std::size_t i = f; i < n - f; ++i) sum += column[i];
      // sums in double in another order: 1e-15 relative, then one rounding to float
      CHECK(static_cast<double>(trimmed[k]) ==
            doctest::Approx(sum / static_cast<double>(n - 2 * f)).epsilon(1.2e-7).scale(1e-3));
    }
  }
}

TEST_CASE("distances by products are those by differences") {
  // a common part ten thousand times the spread, an outlier and two equal vectors
  Vectors v(37, 8'192, 1e-3, 10.0);
  for (float& x : v.buffers[5]) x *= 1e6F;
  v.buffers[9] = v.buffers[8];
  const Square fast = v.set().pairwise_distances();
  const Square plain = v.set().plain_distances();
  CHECK(fast(8, 9) == 0.0);
  for (std::size_t i = 0; i < 37; ++i) {
    for (std::size_t j = 0; j < 37; ++j) {
      // float sums of 256 terms, then in double: 256 x 2^-24 relative at worst, times 1 / kNear
      CHECK(std::fabs(fast(i, j) - plain(i, j)) <= 2.5e-4 * plain(i, j));
    }
  }
}

TEST_CASE("numbers near the largest float do not overflow a distance") {
  Vectors v(20, 4'096);
  v.buffers[3].assign(4'096, std::numeric_limits<float>::max());
  v.buffers[4].assign(4'096, std::numeric_limits<float>::lowest());
  const Square distances = v.set().pairwise_distances();
  const Square plain = v.set().plain_distances();
  for (std::size_t i = 0; i < 20; ++i) {
    for (std::size_t j = 0; j < 20; ++j) {
      CHECK(std::isfinite(distances(i, j)));
      CHECK(std::fabs(distances(i, j) - plain(i, j)) <= 2.5e-4 * plain(i, j));
    }
  }
  KrumOptions options;
  options.byzantine = 2;
  const std::size_t chosen = krum(distances, options);
  CHECK(chosen != 3);
  CHECK(chosen != 4);
}

// Everything that a rule is made of, into one buffer.
FloatBuffer all_results(const Vectors& v, Workers* workers) {
  const VectorSet set = v.set(workers);
  FloatBuffer results;
  FloatBuffer out(set.size());
  const auto keep = [&] { results.insert(results.end(), out.begin(), out.end()); };
  median(set, out.data());
  keep();
  mean_around_median(set, 7, out.data());
  keep();
  geometric_median(set, std::vector<double>(set.count(), 1.0), {}, out.data());
  keep();
  centered_clipping(set, 1.0, 2, out.data());
  keep();
  trimmed_mean(nearest_neighbour_mixing(set, 2), 2, out.data());
  keep();
  const std::vector<double> caf = caf_weights(set.pairwise_distances(), 2, false);
  set.weighted_sum(caf, 1.0, out.data());
  keep();
  return results;
}

TEST_CASE("results do not depend on the number of workers") {
  const Vectors v(11, 70'000);
  const FloatBuffer one = all_results(v, nullptr);
  for (const int threads : {1, 2, 3, 8}) {
    Workers workers(threads);
    CHECK(same_bits(one, all_results(v, &workers)));
  }
}

TEST_CASE("all instruction sets give the same bits") {
  const Vectors v(19, 160);
  std::vector<const float*> rows;
  for (const FloatBuffer& buffer : v.buffers) rows.push_back(buffer.data());
  std::vector<double> weights;
  for (std::size_t i = 0; i < 19; ++i) weights.push_back(0.1 + 0.01 * static_cast<double>(i));
  const auto network = sorting_network(19);
  ColumnReduction reduction;
  reduction.wires = 19;
  reduction.pairs = network.data();
  reduction.comparators = network.size() / 2;
  reduction.first = 4;
  reduction.last = 15;
  const auto results = [&](const Kernels& k) {
    std::vector<double> sums(160, 0.25);
    k.weighted_sum(rows.data(), weights.data(), 19, 0, 160, sums.data());
    FloatBuffer narrow(160);
    k.narrow(sums.data(), 160, 3.0, narrow.data());
    std::vector<double> distances(19, 0.0);
    const std::vector<double> point(narrow.begin(), narrow.end());
    k.distances(rows.data(), 19, 16, 128, point.data(), distances.data());
    k.dots(rows.data(), 19, 16, 128, point.data(), distances.data());
    FloatBuffer scratch(19 * kColumns);
    FloatBuffer out(320);
    k.reduce_columns(rows.data(), 0, 160, reduction, scratch.data(), out.data());
    ColumnReduction nearest = reduction;
    nearest.keep = 5;
    k.reduce_columns(rows.data(), 0, 160, nearest, scratch.data(), out.data() + 160);
    sums.insert(sums.end(), distances.begin(), distances.end());
    sums.insert(sums.end(), narrow.begin(), narrow.end());
    sums.insert(sums.end(), out.begin(), out.end());
    return sums;
  };
  const std::vector<double> baseline = results(kBaselineKernels);
  for (const char* name : {"avx2", "avx512"}) {
    const Kernels* kernels = find_kernels(name);
    if (kernels == nullptr) continue;  // not on this processor
    CAPTURE(name);
    CHECK(results(*kernels) == baseline);
  }
}

TEST_CASE("a rule that bears f attackers is not moved by their size") {
  const Vectors honest(12, 64);
  double longest = 0;
  for (const double norm : honest.set().norms()) longest = std::max(longest, norm);
  for (const float size : {1e3F, 1e30F}) {
    Vectors v = honest;
    for (int i = 0; i < 2; ++i) v.buffers.emplace_back(64, size);
    const VectorSet set = v.set();
    const Square distances = set.pairwise_distances();
    KrumOptions options;
    options.byzantine = 2;
    FloatBuffer out(64);
    const auto length = [&] { return VectorSet({out.data()}, 64, nullptr).norms()[0]; };
    median(set, out.data());
    CHECK(length() <= longest);
    trimmed_mean(set, 2, out.data());
    CHECK(length() <= longest);
    mean_around_median(set, 12, out.data());
    CHECK(length() <= longest);
    set.mean_of(multi_krum(distances, options, 12), out.data());
    CHECK(length() <= longest);
    set.mean_of(minimum_diameter(distances, 12), out.data());
    CHECK(length() <= longest);
    set.mean_of(without_outliers(distances, 2), out.data());
    CHECK(length() <= longest);
    GeometricMedianOptions steps;
    // from the mean, which lies up to 1e30 away: each step comes 12 / 2 times nearer, 6^50 > 1e38;
    // the default ends after 4 steps or when the sum of distances, most of them the attackers',
    // changes little
    steps.iterations = 50;
    steps.tolerance = 0;
    geometric_median(set, std::vector<double>(14, 1.0), steps, out.data());
    CHECK(length() <= longest);
    median(nearest_neighbour_mixing(set, 2), out.data());
    CHECK(length() <= longest);
  }
}

TEST_CASE("combinations of combinations are as if they had been made one after the other") {
  const Vectors v(6, 32);
  std::vector<double> weights(6, 1.0);
  const VectorSet mixed = bucketing(v.set(), {5, 0, 3, 1, 4, 2}, 2, weights);
  CHECK(weights == std::vector<double>{2, 2, 2});
  REQUIRE(mixed.count() == 3);
  const VectorSet clipped = clipping(mixed, 1.0);
  for (const double norm : clipped.norms()) CHECK(norm == doctest::Approx(1.0).epsilon(1e-6));
  FloatBuffer first(32);
  const std::size_t one[] = {0};
  mixed.mean_of(one, first.data());
  for (std::size_t k = 0; k < 32; ++k) {
    CHECK(static_cast<double>(first[k]) ==
          doctest::Approx(
              0.5 * (static_cast<double>(v.buffers[5][k]) + static_cast<double>(v.buffers[0][k]))));
  }
}

Part rule_part(std::string_view name, std::vector<std::pair<std::string, Value>> fields) {
  for (const Schema& schema : robust_schemas()) {
    if (schema.name != name) continue;
    std::vector<FieldValue> given;
    for (auto& [field, value] : fields) given.push_back({field, value, {}, true});
    std::vector<Mistake> mistakes;
    Part part = schema.resolve(std::move(given), {}, mistakes);
    REQUIRE(mistakes.empty());
    return part;
  }
  FAIL("no such rule");
  return {};
}

std::string refusal_of(std::string_view name, std::vector<std::pair<std::string, Value>> fields,
                       std::uint32_t n) {
  std::vector<HospitalId> from;
  for (std::uint32_t i = 0; i < n; ++i) from.push_back(HospitalId{i});
  return make_robust(rule_part(name, std::move(fields)))->refusal(from, Demand::guaranteed);
}

TEST_CASE("in a run a rule is held to what its paper demands") {
  const std::pair<std::string, Value> two{"byzantine", std::int64_t{2}};
  const std::pair<const char*, std::uint32_t> needs[] = {
      {"trimmed_mean", 5}, {"meamed", 5}, {"krum", 7},  {"multi_krum", 7}, {"bulyan", 11},
      {"mda", 5},          {"smea", 5},   {"monna", 5}, {"caf", 5},        {"dnc", 5}};
  for (const auto& [name, least] : needs) {
    CAPTURE(name);
    CHECK(refusal_of(name, {two}, least).empty());
    CHECK_FALSE(refusal_of(name, {two}, least - 1).empty());
    // left out, f is what the rule can bear; those that choose by neighbours need some
    const std::string_view chooses = name;
    const bool alone = chooses == "krum" || chooses == "multi_krum" || chooses == "bulyan";
    CHECK(refusal_of(name, {}, 1).empty() == !alone);
    CHECK(refusal_of(name, {}, 3).empty());
  }
  CHECK(refusal_of("krum", {two}, 6) ==
        "aggregation.krum with byzantine = 2 needs at least 7 updates, here are 6");
  CHECK(refusal_of("monna", {{"trusted", std::int64_t{9}}}, 8) ==
        "aggregation.monna has no update of the trusted hospital, number 9");
  CHECK_FALSE(refusal_of("mda", {{"byzantine", std::int64_t{20}}}, 41).empty());
  CHECK_FALSE(refusal_of("fltrust", {}, 5).empty());
}

}  // namespace
}  // namespace polyclinic::aggregation
