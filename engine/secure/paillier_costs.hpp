// What sums under Paillier's encryption send and compute, as functions of their size alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "secure/rates.hpp"

namespace polyclinic::secure {

// Who can decrypt.
enum class PaillierHolder : std::uint8_t {
  coordinator,  // the server, which has the key
  hospitals,    // each of them, which all have it
  threshold,    // so many of them together, each with a share
};
std::string_view name(PaillierHolder holder);  // "threshold"

struct PaillierShape {
  PaillierHolder holder = PaillierHolder::threshold;
  int key_bits = 2048;
  int modulus_bits = 0;                           // of a sum
  int slot_bits = 0;                              // of a packed value
  std::size_t values = 0;                         // in a vector
  std::size_t holders = 0;                        // of shares
  std::size_t threshold = 0;                      // parts that decrypt
  [[nodiscard]] std::size_t ciphertexts() const;  // of a vector
};

// Bytes of the messages, exact.
struct PaillierSizes {
  PaillierShape shape;

  [[nodiscard]] std::int64_t encrypted() const;  // up: a vector
  [[nodiscard]] std::int64_t ask() const;        // down: the encrypted sum
  [[nodiscard]] std::int64_t answer() const;     // up: a part of its decryption, or the sum itself
};

// Processor time, in seconds.
struct PaillierSeconds {
  PaillierShape shape;
  Rates rates;

  [[nodiscard]] double encrypt() const;
  [[nodiscard]] double add(std::size_t summed) const;  // the server's
  [[nodiscard]] double decrypt() const;                // by who has the key
  [[nodiscard]] double part() const;                   // by who has a share
  [[nodiscard]] double combine() const;                // the server's
};

}  // namespace polyclinic::secure
