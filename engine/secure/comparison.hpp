// What it costs servers that hold shares of numbers to find their middle ones: a model of rounds,
// bytes and time. Nothing of it is computed: who uses it takes the numbers themselves.
//
// The servers hold every number as shares by exclusive or (Goldreich, Micali, Wigderson 1987), and
// send the numbers of each coordinate through a network of comparators (Batcher 1968). One
// comparator of k-bit numbers is a comparison of 3 k - ceil(log2 k) - 2 AND gates, ceil(log2 k) + 1
// of them one after another (Garay, Schoenmakers, Villegas 2007), and a swap of k gates in one
// step. A gate takes every two servers 128 bits each way beforehand (one random oblivious transfer
// in each direction: Asharov et al. 2013) and 2 bits each way at its turn; gates of a step share
// one message. A single middle number is opened; of several the sum alone: they are converted to
// additive shares (k transfers, k * 128 + (k^2 + k) / 2 bits, two steps: Demmler, Schneider, Zohner
// 2015, ABY) and their sum is opened. With three servers every two of them exchange as much.
#pragma once

#include <cstddef>
#include <cstdint>

#include "secure/rates.hpp"

namespace polyclinic::secure {

struct Comparisons {
  std::size_t values = 0;       // coordinates
  int bits = 0;                 // k
  std::size_t comparators = 0;  // of one coordinate
  std::size_t depth = 0;        // of them one after another
  std::size_t kept = 1;         // numbers whose sum comes out
};

// Of every two servers.
struct ComparisonCost {
  std::int64_t and_gates = 0;
  std::int64_t bytes_before = 0;  // each way, in one message
  std::int64_t rounds = 0;        // messages each way, one after another
  std::int64_t bytes_round = 0;   // each way, in each of them
  double seconds = 0;             // of a server's processor, for one other server
};

// REQUIRES: bits >= 1, kept >= 1.
ComparisonCost cost(const Comparisons& task, const Rates& rates = {});

}  // namespace polyclinic::secure
