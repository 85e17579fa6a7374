// Partitioners: every row exactly once, and the skew that was asked for.
#include "data/partition.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "support.hpp"

namespace polyclinic {

using namespace test;

namespace {

Stream stream(std::uint64_t seed) {
  return {make_run_key(seed, 0), Purpose::kPartition, 0};
}

std::vector<std::int32_t> cycling_labels(std::size_t rows, std::int32_t classes) {
  std::vector<std::int32_t> labels(rows);
  for (std::size_t i = 0; i < rows; ++i) labels[i] = static_cast<std::int32_t>(i) % classes;
  return labels;
}

// Each row is in exactly one hospital.
bool covers(const Partition& partition, std::size_t rows) {
  std::vector<int> seen(rows, 0);
  for (const auto& part : partition) {
    if (!std::is_sorted(part.begin(), part.end())) return false;
    for (const std::int32_t row : part) ++seen[static_cast<std::size_t>(row)];
  }
  return std::all_of(seen.begin(), seen.end(), [](int times) { return times == 1; });
}

// Share of each hospital's commonest label, averaged.
double concentration(const Partition& partition, std::span<const std::int32_t> labels,
                     std::int32_t classes) {
  double sum = 0;
  for (const auto& part : partition) {
    std::vector<double> count(static_cast<std::size_t>(classes), 0.0);
    for (const std::int32_t row : part)
      count[static_cast<std::size_t>(labels[static_cast<std::size_t>(row)])] += 1;
    sum += *std::max_element(count.begin(), count.end()) /
           std::max<double>(1.0, static_cast<double>(part.size()));
  }
  return sum / static_cast<double>(partition.size());
}

}  // namespace

TEST_CASE("every partitioner uses each row exactly once, for many sizes and seeds") {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    for (const std::size_t rows : {40U, 97U, 1000U}) {
      const auto labels = cycling_labels(rows, 3);
      for (const std::int32_t count : {1, 2, 7, 20}) {
        CAPTURE(rows);
        CAPTURE(count);
        CHECK(covers(partition_iid(std::ssize(labels), count, stream(seed)), rows));
        CHECK(covers(partition_dirichlet_by_label(labels, 3, count, 0.1, stream(seed)), rows));
        CHECK(covers(partition_dirichlet_by_hospital(labels, 3, count, 0.1, stream(seed)), rows));
        CHECK(covers(partition_shards(labels, count, 2, stream(seed)), rows));
      }
    }
  }
}

TEST_CASE("iid: sizes differ by at most one") {
  const Partition partition = partition_iid(103, 10, stream(1));
  for (const auto& part : partition) CHECK((part.size() == 10 || part.size() == 11));
}

TEST_CASE("dirichlet by label: equal sizes, mixes as skewed as Beta(alpha, alpha) says") {
  // two classes in plenty: a hospital's share of class 0 is Beta(1/2, 1/2). P(share < .05 or > .95)
  // = 2 * (2/pi) asin(sqrt(.05)) = .287 (science.md says 29 %). 400 hospitals of 100 rows from a
  // table of 40,000: the supply runs out for the last rows only, which pulls extremes inwards a
  // little; standard error .023
  const auto labels = cycling_labels(40'000, 2);
  const Partition partition = partition_dirichlet_by_label(labels, 2, 400, 0.5, stream(1));
  int extreme = 0;
  for (const auto& part : partition) {
    CHECK(part.size() == 100);
    const auto zeros = std::count_if(part.begin(), part.end(), [&](std::int32_t row) {
      return labels[static_cast<std::size_t>(row)] == 0;
    });
    if (zeros < 5 || zeros > 95) ++extreme;
  }
  CHECK(extreme / 400.0 > 0.287 - 0.1);
  CHECK(extreme / 400.0 < 0.287 + 0.07);
}

TEST_CASE("dirichlet: a smaller alpha concentrates labels, a large one spreads them evenly") {
  const auto labels = cycling_labels(5000, 5);
  for (const bool by_label : {true, false}) {
    const auto cut = [&](double alpha) {
      const Partition partition =
          by_label ? partition_dirichlet_by_label(labels, 5, 10, alpha, stream(2))
                   : partition_dirichlet_by_hospital(labels, 5, 10, alpha, stream(2));
      return concentration(partition, labels, 5);
    };
    CHECK(cut(0.05) > 0.6);
    CHECK(cut(0.05) > cut(1.0));
    CHECK(cut(1.0) > cut(1000.0));
    CHECK(cut(1000.0) < 0.26);  // one fifth each, plus the largest of five binomial deviations
  }
}

TEST_CASE("shards: a hospital sees as many labels as it has shards, and few more") {
  // 10 labels of 100 rows, 20 shards of 50 rows: each shard lies within one label
  const auto labels = cycling_labels(1000, 10);
  for (const auto& part : partition_shards(labels, 10, 2, stream(3))) {
    CHECK(part.size() == 100);
    std::vector<std::int32_t> seen;
    for (const std::int32_t row : part) seen.push_back(labels[static_cast<std::size_t>(row)]);
    std::sort(seen.begin(), seen.end());
    CHECK(std::unique(seen.begin(), seen.end()) - seen.begin() <= 2);
  }
}

TEST_CASE("proportional sizes: exact sums, minimum kept, order of shares kept") {
  const std::vector<double> shares{5, 3, 1, 1, 0};
  for (std::int64_t rows = 10; rows < 300; rows += 7) {
    const auto sizes = proportional_sizes(rows, shares, 2);
    CHECK(std::accumulate(sizes.begin(), sizes.end(), std::int64_t{0}) == rows);
    for (const std::int64_t size : sizes) CHECK(size >= 2);
    CHECK(std::is_sorted(sizes.rbegin(), sizes.rend()));
  }
}

TEST_CASE("partition.quantity: sizes fall as the power law says") {
  const auto labels = cycling_labels(1000, 2);
  const Part quantity =
      part("partition", "quantity",
           {{"count", Value(4)}, {"exponent", Value(1.0)}, {"minimum", Value(1)}});
  const Partition partition = make_partition(quantity, labels, 2, 0, run_of(1));
  CHECK(covers(partition, 1000));
  // 996 rows beyond the minimum in proportion 1, 1/2, 1/3, 1/4 (sum 25/12): 478.08 239.04 159.36
  // 119.52
  CHECK(partition[0].size() == 479);
  CHECK(partition[1].size() == 240);
  CHECK(partition[2].size() == 160);
  CHECK(partition[3].size() == 121);
}

TEST_CASE("partition.dirichlet by hospital keeps the minimum") {
  const auto labels = cycling_labels(400, 2);
  const Part dirichlet = part("partition", "dirichlet",
                              {{"count", Value(8)}, {"alpha", Value(0.3)}, {"minimum", Value(10)}});
  const Partition partition = make_partition(dirichlet, labels, 2, 0, run_of(4));
  CHECK(covers(partition, 400));
  for (const auto& rows : partition) CHECK(rows.size() >= 10);
}

TEST_CASE("the same run gives the same partition, another seed another") {
  const auto labels = cycling_labels(200, 2);
  const Part iid = part("partition", "iid", {{"count", Value(4)}});
  CHECK(make_partition(iid, labels, 2, 0, run_of(1)) ==
        make_partition(iid, labels, 2, 0, run_of(1)));
  CHECK(make_partition(iid, labels, 2, 0, run_of(1)) !=
        make_partition(iid, labels, 2, 0, run_of(2)));
}

TEST_CASE("partitions that cannot be made say why") {
  const auto labels = cycling_labels(30, 2);
  const auto message = [&](const Part& part, std::int64_t named = 0) {
    try {
      static_cast<void>(make_partition(part, labels, 2, named, run_of(1)));
    } catch (const ScenarioError& error) {
      return to_text(error.mistakes()[0]);
    }
    return std::string("no mistake");
  };
  CHECK(message(part("partition", "iid", {})) ==
        "world.lua:1: partition.iid does not say into how many hospitals\n"
        "    count = 8, or hospitals { count = 8 } in the scenario");
  CHECK(message(part("partition", "iid", {{"count", Value(4)}}), 8) ==
        "world.lua:2: partition.iid makes 4 hospitals, and the scenario has 8\n"
        "    leave one of the two out");
  CHECK(message(part("partition", "dirichlet", {{"count", Value(8)}})) ==
        "world.lua:2: 8 hospitals with at least 10 rows each need 80 rows; there are 30");
  CHECK(message(part("partition", "shards", {{"count", Value(8)}, {"per_hospital", Value(5)}})) ==
        "world.lua:2: 40 hospitals with at least 1 row each need 40 rows; there are 30");
  CHECK(message(part("partition", "dirichlet", {{"count", Value(3)}, {"alpha", Value(0.001)}})) ==
        "world.lua:3: in 1000 draws some hospital always had fewer than 10 rows\n"
        "    a larger alpha, fewer hospitals or a smaller minimum makes it possible");
}

}  // namespace polyclinic
