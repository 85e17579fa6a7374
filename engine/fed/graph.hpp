// Who talks to whom without a server, and how models are mixed: graphs over hospitals 0..n-1,
// mixing matrices over them, and how fast a matrix brings everybody to the mean.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/stream.hpp"

namespace polyclinic {

enum class GraphKind : std::uint8_t {
  ring,         // each with the one before and the one after
  complete,     // each with every other
  regular,      // each with `degree` others, drawn once for the run
  matching,     // each with one other, drawn anew in each round; of an odd number one has none
  exponential,  // in round k each sends to the one 2^(k mod ceil(log2 n)) places on: directed
};

struct GraphRule {
  GraphKind kind = GraphKind::ring;
  std::int32_t degree = 4;  // of a regular one
};

// Neighbours by node, each list in order: i sends to those of `to[i]`.
struct Graph {
  std::vector<std::vector<std::int32_t>> to;
  [[nodiscard]] std::int32_t nodes() const { return static_cast<std::int32_t>(to.size()); }
  [[nodiscard]] bool sends(std::int32_t from, std::int32_t other) const;
  [[nodiscard]] bool symmetric() const;
  // Whether a way leads from each node to every other.
  [[nodiscard]] bool connected() const;
};

// Of a round: each is an event and some bytes of memory.
constexpr std::int64_t kMessagesMost = 4'000'000;
// Why there is no such graph over so many hospitals, or "".
std::string graph_refusal(const GraphRule& rule, std::int32_t nodes);
// The graph of a round (from 0). REQUIRES: graph_refusal is empty.
Graph make_graph(const GraphRule& rule, std::int32_t nodes, RunKey run, std::int64_t round);
// Whether rounds differ.
bool changes_with_time(GraphKind kind);

// A sparse matrix by rows: (column, weight), columns in order, the diagonal among them.
using MixingMatrix = std::vector<std::vector<std::pair<std::int32_t, double>>>;

// W_ij = 1 / (1 + max(d_i, d_j)) for neighbours, the rest on the diagonal: symmetric and doubly
// stochastic on every undirected graph (Xiao and Boyd 2004, Fast linear iterations for distributed
// averaging, section 2). `counts(i, j)`: whether the edge counts; its weight goes to both diagonals
// otherwise, which keeps both properties. REQUIRES: graph.symmetric(), counts(i, j) == counts(j,
// i).
template <class Counts>
MixingMatrix metropolis(const Graph& graph, Counts counts);
MixingMatrix metropolis(const Graph& graph);

// 1 - the second largest absolute eigenvalue of a symmetric doubly stochastic matrix: the share of
// the distance to the mean that a round takes away at least, to nine digits. Costs n^3.
double spectral_gap(const MixingMatrix& matrix);

template <class Counts>
MixingMatrix metropolis(const Graph& graph, Counts counts) {
  MixingMatrix matrix(graph.to.size());
  for (std::int32_t i = 0; i < graph.nodes(); ++i) {
    const auto& neighbours = graph.to[static_cast<std::size_t>(i)];
    auto& row = matrix[static_cast<std::size_t>(i)];
    double kept = 1;
    std::size_t before = 0;  // entries left of the diagonal
    for (const std::int32_t j : neighbours) {
      if (!counts(i, j)) continue;
      const std::size_t most =
          std::max(neighbours.size(), graph.to[static_cast<std::size_t>(j)].size());
      const double weight = 1.0 / static_cast<double>(1 + most);
      row.emplace_back(j, weight);
      kept -= weight;
      if (j < i) ++before;
    }
    row.emplace(row.begin() + static_cast<std::ptrdiff_t>(before), i, kept);
  }
  return matrix;
}

// Shares that are pushed (Assran et al. 2019): every node keeps 1 / (1 + neighbours), sends as much
// to each of them, and keeps what did not arrive. Columns sum to 1, whatever is lost: nothing of
// what is mixed is ever lost. arrived(i, j): what i sent is with j.
template <class Arrived>
MixingMatrix push_shares(const Graph& graph, Arrived arrived) {
  MixingMatrix matrix(graph.to.size());
  for (std::int32_t from = 0; from < graph.nodes(); ++from) {
    const auto& neighbours = graph.to[static_cast<std::size_t>(from)];
    const double share = 1.0 / static_cast<double>(1 + neighbours.size());
    double kept = 1;
    for (const std::int32_t to : neighbours) {
      if (!arrived(from, to)) continue;
      matrix[static_cast<std::size_t>(to)].emplace_back(from, share);
      kept -= share;
    }
    matrix[static_cast<std::size_t>(from)].emplace_back(from, kept);
  }
  // senders were taken in order, so every row is in the order of its columns
  return matrix;
}

}  // namespace polyclinic
