// Who shares secrets and masks with whom in a secure sum: everybody with everybody, or each with a
// few neighbours (Bell et al. 2020, Secure Single-Server Aggregation with (Poly)Logarithmic
// Overhead).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/stream.hpp"

namespace polyclinic::secure {

// A hospital's place in a round, from 1: where its shares are polynomials' values.
using Place = std::uint32_t;

// A regular graph over the places 1..n.
class Graph {
 public:
  // Every two are neighbours.
  explicit Graph(std::size_t parties);
  // A ring in random order on which each has the `degree` nearest as neighbours: a Harary graph,
  // its places named at random. REQUIRES: degree is even, 2 <= degree < parties.
  Graph(std::size_t parties, std::size_t degree, Stream& stream);

  [[nodiscard]] std::size_t degree() const { return degree_; }
  [[nodiscard]] bool neighbours(Place a, Place b) const;
  // Its neighbours, ascending.
  [[nodiscard]] std::vector<Place> around(Place place) const;

 private:
  std::vector<std::int32_t> ring_;      // places in the order of the ring
  std::vector<std::int32_t> position_;  // of a place - 1 on the ring
  std::size_t degree_;
};

// What remains of `members` (ascending) when those who have fewer than `least` neighbours among the
// others are left out, again and again: of these every secret can still be rebuilt.
std::vector<Place> core(const Graph& graph, std::vector<Place> members, std::size_t least);

// The sizes of the pieces in which the graph falls apart when only `members` (ascending) are left,
// the smallest first: sums under masks of neighbours tell one sum for each.
std::vector<std::size_t> pieces_among(const Graph& graph, std::span<const Place> members);

// Of each secret, how many shares have been told.
class SharesTold {
 public:
  SharesTold(const Graph& graph, std::vector<Place> owners, std::size_t threshold);
  void told(Place by);  // a neighbour of some; once each
  // Secrets with fewer shares than the threshold.
  [[nodiscard]] std::size_t missing() const { return missing_; }

 private:
  const Graph& graph_;
  std::vector<std::size_t> needed_;  // by place; zero: enough, or nobody's
  std::size_t missing_ = 0;
};

// Against whom a graph is safe.
enum class ServerModel : std::uint8_t {
  curious,         // it follows the protocol, and remembers
  semi_malicious,  // it does so while keys are exchanged, and lies afterwards
};
struct GraphSize {
  std::size_t degree = 0;
  std::size_t threshold = 0;  // shares that give a secret
};
// The least even degree, and its threshold, with which `colluding` hospitals learn nothing but with
// probability 2^-40 at most, and with which the sum comes out though `lost` are lost but with 2^-20
// (Bell et al. 2020, sections 3.2 to 3.4, theorems 3.3 and 3.10). Where no sparse graph is safe
// against a curious server the complete one, if that is. nullopt: none is.
std::optional<GraphSize> graph_size(std::size_t parties, std::size_t colluding, std::size_t lost,
                                    ServerModel server = ServerModel::curious);

}  // namespace polyclinic::secure
