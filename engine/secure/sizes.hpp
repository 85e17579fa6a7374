// What a pairwise secure sum sends and computes, as functions of its size alone.
#pragma once

#include <cstddef>
#include <cstdint>

#include "secure/rates.hpp"

namespace polyclinic::secure {

// Bits that a user sends and receives by the formula of Bonawitz et al. 2017 (section 7.1): 2 n a_K
// + (5 n - 4) a_S + m ceil(log2 R), a_K = a_S = 256.
std::uint64_t published_user_bits(std::uint64_t parties, std::uint64_t values, int bits);
// The same messages over a graph of so many neighbours (Bell et al. 2020, algorithm 2), none of
// them to itself: 2 (k + 1) a_K + 5 k a_S + m ceil(log2 R).
std::uint64_t published_user_bits_of_graph(std::uint64_t parties, std::uint64_t neighbours,
                                           std::uint64_t values, int bits);

// Bytes of our messages, between the server and one hospital, which shares with so many others and,
// on the complete graph, with itself. Places of hospitals take 4 bytes.
struct MessageSizes {
  std::size_t parties = 0;  // n: invited
  std::size_t values = 0;   // in a masked vector
  int modulus_bits = 0;
  bool active = false;  // keys and survivors are signed

  [[nodiscard]] std::int64_t advertise() const;                    // up: two public keys
  [[nodiscard]] std::int64_t keys(std::size_t holders) const;      // down: theirs
  [[nodiscard]] std::int64_t shares(std::size_t others) const;     // up: sealed, for each
  [[nodiscard]] std::int64_t forwarded(std::size_t others) const;  // down: sealed, of each
  [[nodiscard]] std::int64_t masked() const;                       // up
  [[nodiscard]] std::int64_t ask(std::size_t holders) const;       // down: who is in the sum
  // Where survivors are signed:
  [[nodiscard]] std::int64_t survivors(std::size_t summed) const;   // down: who is in the sum
  [[nodiscard]] std::int64_t confirm() const;                       // up: a signature
  [[nodiscard]] std::int64_t confirmed(std::size_t signers) const;  // down: all of them
  [[nodiscard]] std::int64_t reveal(std::size_t holders) const;     // up: one share of each
};

// Processor time, in seconds: a model, so that the clock never depends on the machine that
// simulates.
struct Seconds {
  Rates rates;
  [[nodiscard]] double advertise() const;
  [[nodiscard]] double sign() const;                     // a signature
  [[nodiscard]] double verify(std::size_t count) const;  // and so many of others
  // Shares for so many holders of whom so many are others, each a key that is agreed on.
  [[nodiscard]] double share_keys(std::size_t holders, std::size_t others,
                                  std::size_t threshold) const;
  // Masks against the others and the own one, over a vector of `values`.
  [[nodiscard]] double mask(std::size_t others, std::size_t values) const;
  // Opening the shares of the others.
  [[nodiscard]] double reveal(std::size_t others) const;
  // The server's: rebuilding one secret per party of `shared`, the own masks of `summed` hospitals
  // and as many pairwise ones as a lost hospital and one in the sum have between them.
  [[nodiscard]] double unmask(std::size_t shared, std::size_t summed, std::size_t pairs,
                              std::size_t threshold, std::size_t values) const;
};

}  // namespace polyclinic::secure
