// Arithmetic in the prime field of the shares: p = 2^31 + 11, the least prime above 2^31, so that
// 31 bits of a secret fit an element and a product fits 64 bits.
#pragma once

#include <cstdint>

namespace polyclinic::secure::field {

inline constexpr std::uint64_t kPrime = 2147483659ULL;
inline constexpr int kBitsPerElement = 31;

constexpr std::uint64_t add(std::uint64_t a, std::uint64_t b) {
  const std::uint64_t sum = a + b;
  return sum >= kPrime ? sum - kPrime : sum;
}
constexpr std::uint64_t subtract(std::uint64_t a, std::uint64_t b) {
  return a >= b ? a - b : a + kPrime - b;
}
constexpr std::uint64_t multiply(std::uint64_t a, std::uint64_t b) {
  return a * b % kPrime;
}
// a^(p-2) = 1/a (Fermat). REQUIRES: a != 0.
constexpr std::uint64_t inverse(std::uint64_t a) {
  std::uint64_t result = 1;
  for (std::uint64_t exponent = kPrime - 2; exponent > 0; exponent >>= 1U) {
    if ((exponent & 1U) != 0) result = multiply(result, a);
    a = multiply(a, a);
  }
  return result;
}

}  // namespace polyclinic::secure::field
