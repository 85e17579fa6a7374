// Sorting networks: which two of n values to compare and exchange, whatever they are, so that many
// columns can be sorted side by side.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace polyclinic::aggregation {

// Most values that a network sorts.
constexpr std::size_t kWiresMax = 65'535;

// Pairs (low, high): after `if x[low] > x[high] swap` for each in turn the values ascend.
// Batcher's merge exchange (Knuth, TAOCP 3, 5.2.2, Algorithm M). REQUIRES: n <= kWiresMax.
std::vector<std::uint16_t> sorting_network(std::size_t n);

// As much of it as is needed for the wires [first, last) to hold the values of those ranks, in
// whatever order: what only rearranges values within the middle or within an end is left out.
std::vector<std::uint16_t> selection_network(std::size_t n, std::size_t first, std::size_t last);

}  // namespace polyclinic::aggregation
