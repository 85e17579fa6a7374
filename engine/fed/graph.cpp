#include "fed/graph.hpp"

#include <fmt/format.h>

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/check.hpp"
#include "base/draw.hpp"

namespace polyclinic {

namespace {

std::size_t at(std::int32_t index) {
  return static_cast<std::size_t>(index);
}

void add_edge(Graph& graph, std::int32_t a, std::int32_t b) {
  for (const auto& [from, to] : {std::pair(a, b), std::pair(b, a)}) {
    auto& list = graph.to[at(from)];
    list.insert(std::lower_bound(list.begin(), list.end(), to), to);
  }
}

// Each with the next in `order`, and the last with the first.
Graph ring(const std::vector<std::int32_t>& order) {
  Graph graph{std::vector<std::vector<std::int32_t>>(order.size())};
  // two are neighbours once
  for (std::size_t i = 0; i < order.size() && order.size() > 1; ++i) {
    const std::int32_t next = order[(i + 1) % order.size()];
    if (!graph.sends(order[i], next)) add_edge(graph, order[i], next);
  }
  return graph;
}

std::vector<std::int32_t> in_order(std::int32_t n) {
  std::vector<std::int32_t> order(at(n));
  std::iota(order.begin(), order.end(), 0);
  return order;
}

Graph complete(std::int32_t n) {
  Graph graph{std::vector<std::vector<std::int32_t>>(at(n))};
  for (std::int32_t i = 0; i < n; ++i) {
    for (std::int32_t j = 0; j < n; ++j) {
      if (i != j) graph.to[at(i)].push_back(j);
    }
  }
  return graph;
}

// Steger and Wormald 1999, Generating random regular graphs quickly: pairs of free ends at random,
// those that would make a loop or a double edge drawn again; anew when none is left that fits.
bool try_regular(Graph& graph, std::int32_t degree, Stream& stream) {
  const std::int32_t n = graph.nodes();
  std::vector<std::int32_t> ends;
  for (std::int32_t i = 0; i < n; ++i) ends.insert(ends.end(), at(degree), i);
  while (!ends.empty()) {
    bool found = false;
    // a bounded number of tries, then a look whether any pair fits
    for (int i = 0; i < 100 && !found; ++i) {
      const std::size_t a = stream.below(ends.size());
      const std::size_t b = stream.below(ends.size());
      if (ends[a] == ends[b] || graph.sends(ends[a], ends[b])) continue;
      add_edge(graph, ends[a], ends[b]);
      for (const std::size_t end : {std::max(a, b), std::min(a, b)}) {
        ends[end] = ends.back();
        ends.pop_back();
      }
      found = true;
    }
    if (!found) return false;
  }
  return true;
}

// Who are neighbours in it are not in `graph`, and the other way round.
Graph complement(const Graph& graph) {
  Graph other{std::vector<std::vector<std::int32_t>>(graph.to.size())};
  for (std::int32_t i = 0; i < graph.nodes(); ++i) {
    for (std::int32_t j = 0; j < graph.nodes(); ++j) {
      if (i != j && !graph.sends(i, j)) other.to[at(i)].push_back(j);
    }
  }
  return other;
}

Graph regular(std::int32_t n, std::int32_t degree, RunKey run) {
  if (degree == 2) {
    // drawn pair by pair, one of many nodes would hardly ever be a single ring
    Stream stream(run, Purpose::kGossipGraph, 0, 0);
    std::vector<std::int32_t> order = in_order(n);
    draw::shuffle(stream, order);
    return ring(order);
  }
  // of two graphs that are each what the other lacks the thinner one is drawn: pairs that still fit
  // are found quickly. n - 1 - degree neighbours exist wherever degree ones do, as n (n - 1) is
  // even
  const bool thin = degree <= (n - 1) / 2;
  const std::int32_t drawn = thin ? degree : n - 1 - degree;
  for (std::uint64_t attempt = 0;; ++attempt) {
    ENSURE(attempt < 10'000, "a connected regular graph is found in a few attempts");
    Stream stream(run, Purpose::kGossipGraph, 0, attempt);
    Graph graph{std::vector<std::vector<std::int32_t>>(at(n))};
    if (!try_regular(graph, drawn, stream)) continue;
    if (!thin) graph = complement(graph);
    if (graph.connected()) return graph;
  }
}

Graph matching(std::int32_t n, RunKey run, std::int64_t round) {
  Stream stream(run, Purpose::kGossipGraph, 1, static_cast<std::uint64_t>(round));
  std::vector<std::int32_t> order = in_order(n);
  draw::shuffle(stream, order);
  Graph graph{std::vector<std::vector<std::int32_t>>(at(n))};
  for (std::size_t i = 0; i + 1 < order.size(); i += 2) add_edge(graph, order[i], order[i + 1]);
  return graph;
}

// Assran et al. 2019, Stochastic Gradient Push, appendix A: one peer each, ever further away.
Graph exponential(std::int32_t n, std::int64_t round) {
  std::int64_t hops = 0;
  while ((std::int64_t{1} << hops) < n) ++hops;
  Graph graph{std::vector<std::vector<std::int32_t>>(at(n))};
  if (n < 2) return graph;
  const std::int64_t step = std::int64_t{1} << (round % std::max<std::int64_t>(hops, 1));
  for (std::int32_t i = 0; i < n; ++i) {
    graph.to[at(i)].push_back(static_cast<std::int32_t>((i + step) % n));
  }
  return graph;
}

// Nodes that are reached from the first one.
std::size_t reached(const std::vector<std::vector<std::int32_t>>& to) {
  std::vector<bool> seen(to.size(), false);
  std::vector<std::int32_t> open{0};
  seen[0] = true;
  std::size_t count = 1;
  while (!open.empty()) {
    const std::int32_t node = open.back();
    open.pop_back();
    for (const std::int32_t next : to[at(node)]) {
      if (seen[at(next)]) continue;
      seen[at(next)] = true;
      ++count;
      open.push_back(next);
    }
  }
  return count;
}

}  // namespace

bool Graph::sends(std::int32_t from, std::int32_t other) const {
  const auto& list = to[at(from)];
  return std::binary_search(list.begin(), list.end(), other);
}

bool Graph::symmetric() const {
  for (std::int32_t i = 0; i < nodes(); ++i) {
    for (const std::int32_t j : to[at(i)]) {
      if (!sends(j, i)) return false;
    }
  }
  return true;
}

// Everybody is reached from the first node, and it from everybody.
bool Graph::connected() const {
  if (to.empty()) return true;
  std::vector<std::vector<std::int32_t>> back(to.size());
  for (std::int32_t i = 0; i < nodes(); ++i) {
    for (const std::int32_t j : to[at(i)]) back[at(j)].push_back(i);
  }
  return reached(to) == to.size() && reached(back) == to.size();
}

bool changes_with_time(GraphKind kind) {
  return kind == GraphKind::matching || kind == GraphKind::exponential;
}

std::string graph_refusal(const GraphRule& rule, std::int32_t nodes) {
  if (nodes < 2) return "one hospital has nobody to talk to";
  const bool complete = rule.kind == GraphKind::complete;
  const std::int64_t degree = complete ? nodes - 1 : rule.degree;
  const bool many = complete || rule.kind == GraphKind::regular;
  if (many && degree < nodes && nodes * degree > kMessagesMost) {
    return fmt::format(
        "{} hospitals with {} neighbours each are {} messages in every round: at "
        "most {} are simulated",
        nodes, degree, nodes * degree, kMessagesMost);
  }
  if (rule.kind != GraphKind::regular) return {};
  if (rule.degree >= nodes) {
    return fmt::format("{} hospitals cannot have {} neighbours each", nodes, rule.degree);
  }
  if (static_cast<std::int64_t>(nodes) * rule.degree % 2 != 0) {
    return fmt::format(
        "{} hospitals with {} neighbours each are an odd number of ends, and an edge "
        "has two",
        nodes, rule.degree);
  }
  if (rule.degree == 1 && nodes > 2) return "with one neighbour each not everybody is reached";
  return {};
}

Graph make_graph(const GraphRule& rule, std::int32_t nodes, RunKey run, std::int64_t round) {
  switch (rule.kind) {
    case GraphKind::ring: return ring(in_order(nodes));
    case GraphKind::complete: return complete(nodes);
    case GraphKind::regular: return regular(nodes, rule.degree, run);
    case GraphKind::matching: return matching(nodes, run, round);
    case GraphKind::exponential: return exponential(nodes, round);
  }
  return {};
}

MixingMatrix metropolis(const Graph& graph) {
  return metropolis(graph, [](std::int32_t, std::int32_t) { return true; });
}

double spectral_gap(const MixingMatrix& matrix) {
  const auto n = static_cast<Eigen::Index>(matrix.size());
  Eigen::MatrixXd dense = Eigen::MatrixXd::Zero(n, n);
  for (Eigen::Index i = 0; i < n; ++i) {
    for (const auto& [j, weight] : matrix[static_cast<std::size_t>(i)]) dense(i, j) = weight;
  }
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(dense, Eigen::EigenvaluesOnly);
  // in increasing order; the last is 1, of the mean
  const Eigen::VectorXd& values = solver.eigenvalues();
  const double second =
      n < 2 ? 0.0
            : std::max(std::abs(values(0)), std::abs(values(std::max<Eigen::Index>(n - 2, 0))));
  // last bits are those of the machine's vectors, and no result
  constexpr double kDigits = 1e9;
  return std::round((1.0 - second) * kDigits) / kDigits;
}

}  // namespace polyclinic
