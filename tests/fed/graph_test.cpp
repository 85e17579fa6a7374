// System: graphs over hospitals, mixing matrices, and how fast they bring everybody to the mean.
// Expectation: degrees, symmetry and eigenvalues in closed form; sums of rows and columns whatever
// is lost.
#include "fed/graph.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <set>
#include <vector>

namespace polyclinic {
namespace {

const RunKey kRun = make_run_key(7, 0);

double entry(const MixingMatrix& matrix, std::int32_t i, std::int32_t j) {
  for (const auto& [column, weight] : matrix[static_cast<std::size_t>(i)]) {
    if (column == j) return weight;
  }
  return 0;
}

std::vector<double> column_sums(const MixingMatrix& matrix) {
  std::vector<double> sums(matrix.size(), 0.0);
  for (const auto& row : matrix) {
    for (const auto& [column, weight] : row) sums[static_cast<std::size_t>(column)] += weight;
  }
  return sums;
}

std::vector<double> row_sums(const MixingMatrix& matrix) {
  std::vector<double> sums;
  for (const auto& row : matrix) {
    double sum = 0;
    for (const auto& [column, weight] : row) sum += weight;
    sums.push_back(sum);
  }
  return sums;
}

// Columns in order, so that sums have one order.
bool ordered(const MixingMatrix& matrix) {
  for (const auto& row : matrix) {
    for (std::size_t i = 1; i < row.size(); ++i) {
      if (row[i - 1].first >= row[i].first) return false;
    }
  }
  return true;
}

constexpr double kRounding = 1e-14;  // some twenty additions of numbers below 1

TEST_CASE("a ring's matrix is 1/3 and its eigenvalues are 1 - 2/3 (1 - cos(2 pi k / n))") {
  for (std::int32_t n = 3; n <= 40; ++n) {
    const Graph graph = make_graph({GraphKind::ring}, n, kRun, 0);
    const MixingMatrix matrix = metropolis(graph);
    for (std::int32_t i = 0; i < n; ++i) {
      CHECK(entry(matrix, i, i) == doctest::Approx(1.0 / 3));
      CHECK(entry(matrix, i, (i + 1) % n) == doctest::Approx(1.0 / 3));
    }
    double second = 0;
    for (std::int32_t k = 1; k < n; ++k) {
      const double angle = 2 * std::numbers::pi * k / n;
      second = std::max(second, std::abs(1 - 2.0 / 3 * (1 - std::cos(angle))));
    }
    CHECK(std::abs(spectral_gap(matrix) - (1 - second)) < 1e-9);  // nine digits
  }
}

TEST_CASE("two on a ring, and all with all, are at the mean after one round") {
  for (const GraphKind kind : {GraphKind::ring, GraphKind::complete}) {
    const MixingMatrix two = metropolis(make_graph({kind}, 2, kRun, 0));
    CHECK(entry(two, 0, 1) == 0.5);
    CHECK(spectral_gap(two) == doctest::Approx(1.0));
  }
  const MixingMatrix matrix = metropolis(make_graph({GraphKind::complete}, 9, kRun, 0));
  for (std::int32_t i = 0; i < 9; ++i) {
    for (std::int32_t j = 0; j < 9; ++j) CHECK(entry(matrix, i, j) == doctest::Approx(1.0 / 9));
  }
  CHECK(spectral_gap(matrix) == doctest::Approx(1.0).epsilon(1e-10));
}

TEST_CASE("a regular graph has its degree everywhere, is connected, and is the run's") {
  for (const std::int32_t degree : {2, 3, 4, 7}) {
    for (const std::int32_t n : {8, 10, 24}) {
      const Graph graph = make_graph({GraphKind::regular, degree}, n, kRun, 0);
      for (const auto& neighbours : graph.to) {
        CHECK(neighbours.size() == static_cast<std::size_t>(degree));
      }
      CHECK(graph.symmetric());
      CHECK(graph.connected());
      // the same in every round of the run; another in another run
      CHECK(make_graph({GraphKind::regular, degree}, n, kRun, 5).to == graph.to);
    }
  }
  const Graph one = make_graph({GraphKind::regular, 4}, 24, kRun, 0);
  CHECK(make_graph({GraphKind::regular, 4}, 24, make_run_key(8, 0), 0).to != one.to);
  // all but complete: what is left is no choice
  CHECK(make_graph({GraphKind::regular, 7}, 8, kRun, 0).to ==
        make_graph({GraphKind::complete}, 8, kRun, 0).to);
}

TEST_CASE("every regular graph that is not refused is found, thin or all but complete") {
  const auto found = [](std::int32_t n, std::int32_t degree) {
    const Graph graph = make_graph({GraphKind::regular, degree}, n, kRun, 0);
    const bool right = std::all_of(graph.to.begin(), graph.to.end(), [&](const auto& to) {
      return to.size() == static_cast<std::size_t>(degree) && std::is_sorted(to.begin(), to.end());
    });
    return right && graph.symmetric() && graph.connected();
  };
  for (std::int32_t n = 2; n <= 24; ++n) {
    for (std::int32_t degree = 1; degree < n; ++degree) {
      if (!graph_refusal({GraphKind::regular, degree}, n).empty()) continue;
      CHECK_MESSAGE(found(n, degree), n << " with " << degree);
    }
  }
  for (const std::int32_t degree : {2, 3, 8, 150, 298}) CHECK(found(300, degree));
}

TEST_CASE("graphs that do not exist are refused with the reason") {
  CHECK(graph_refusal({GraphKind::regular, 4}, 4) == "4 hospitals cannot have 4 neighbours each");
  CHECK(graph_refusal({GraphKind::regular, 3}, 5).find("odd number of ends") != std::string::npos);
  CHECK_FALSE(graph_refusal({GraphKind::regular, 1}, 6).empty());
  CHECK_FALSE(graph_refusal({GraphKind::ring}, 1).empty());
  CHECK(graph_refusal({GraphKind::regular, 3}, 6).empty());
  CHECK(graph_refusal({GraphKind::matching}, 5).empty());
  // what is too much is refused before memory is asked for
  CHECK(graph_refusal({GraphKind::complete}, 1'000'000) ==
        "1000000 hospitals with 999999 neighbours each are 999999000000 messages in every round: "
        "at most 4000000 are simulated");
  CHECK_FALSE(graph_refusal({GraphKind::regular, 10'000}, 1'000'000).empty());
  CHECK(graph_refusal({GraphKind::ring}, 1'000'000).empty());
}

TEST_CASE("a matching gives everybody one other, and in the end every other") {
  for (const std::int32_t n : {6, 7}) {
    std::set<std::pair<std::int32_t, std::int32_t>> met;
    for (std::int64_t round = 0; round < 200; ++round) {
      const Graph graph = make_graph({GraphKind::matching}, n, kRun, round);
      CHECK(graph.symmetric());
      std::int32_t alone = 0;
      for (std::int32_t i = 0; i < n; ++i) {
        const auto& neighbours = graph.to[static_cast<std::size_t>(i)];
        CHECK(neighbours.size() <= 1);
        if (neighbours.empty()) ++alone;
        for (const std::int32_t j : neighbours) met.emplace(i, j);
      }
      CHECK(alone == n % 2);
    }
    CHECK(met.size() == static_cast<std::size_t>(n * (n - 1)));
  }
}

TEST_CASE("on an exponential graph of 2^k nodes k rounds of pushing give everybody the mean") {
  constexpr std::int32_t kNodes = 8;
  std::vector<std::vector<double>> product(kNodes, std::vector<double>(kNodes, 0.0));
  for (std::size_t i = 0; i < kNodes; ++i) product[i][i] = 1;
  for (std::int64_t round = 0; round < 3; ++round) {
    const Graph graph = make_graph({GraphKind::exponential}, kNodes, kRun, round);
    const MixingMatrix matrix = push_shares(graph, [](std::int32_t, std::int32_t) { return true; });
    std::vector<std::vector<double>> next(kNodes, std::vector<double>(kNodes, 0.0));
    for (std::int32_t i = 0; i < kNodes; ++i) {
      for (std::int32_t j = 0; j < kNodes; ++j) {
        for (std::int32_t k = 0; k < kNodes; ++k) {
          next[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)] +=
              entry(matrix, i, k) *
              product[static_cast<std::size_t>(k)][static_cast<std::size_t>(j)];
        }
      }
    }
    product = next;
  }
  for (const auto& row : product) {
    for (const double x : row) CHECK(x == 0.125);
  }
}

TEST_CASE("whatever edges are lost, Metropolis keeps rows and columns, pushing keeps columns") {
  for (std::uint64_t trial = 0; trial < 50; ++trial) {
    Stream stream(kRun, Purpose::kTest, trial);
    const auto n = static_cast<std::int32_t>(6 + stream.below(14));
    for (const GraphKind kind :
         {GraphKind::ring, GraphKind::complete, GraphKind::regular, GraphKind::matching}) {
      const Graph graph = make_graph({kind, 4}, n, kRun, static_cast<std::int64_t>(trial));
      std::set<std::pair<std::int32_t, std::int32_t>> lost;
      for (std::int32_t i = 0; i < n; ++i) {
        for (const std::int32_t j : graph.to[static_cast<std::size_t>(i)]) {
          if (stream.uniform() < 0.3) lost.emplace(i, j);
        }
      }
      const auto came = [&](std::int32_t i, std::int32_t j) { return lost.count({i, j}) == 0; };
      const MixingMatrix average = metropolis(
          graph, [&](std::int32_t i, std::int32_t j) { return came(i, j) && came(j, i); });
      const MixingMatrix push = push_shares(graph, came);
      CHECK(ordered(average));
      CHECK(ordered(push));
      for (const double sum : row_sums(average)) CHECK(std::abs(sum - 1) < kRounding);
      for (const double sum : column_sums(average)) CHECK(std::abs(sum - 1) < kRounding);
      for (const double sum : column_sums(push)) CHECK(std::abs(sum - 1) < kRounding);
      for (std::int32_t i = 0; i < n; ++i) {
        CHECK(entry(average, i, i) >= 0);
        for (std::int32_t j = 0; j < n; ++j) {
          CHECK(entry(average, i, j) == entry(average, j, i));
          if (i != j && !came(j, i)) CHECK(entry(push, i, j) == 0);
        }
      }
    }
  }
}

}  // namespace
}  // namespace polyclinic
