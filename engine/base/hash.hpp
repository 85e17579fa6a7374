// A fixed 64-bit hash for fingerprints and content keys; the same on every machine, not
// cryptographic.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace polyclinic {

// Order-dependent accumulator over 64-bit words. The mixing step is the finaliser of SplitMix64
// (Steele, Lea, Flood 2014) applied to the running state xor the word.
class Hasher {
 public:
  constexpr void word(std::uint64_t value) {
    std::uint64_t z = (state_ ^ value) + 0x9E3779B97F4A7C15ULL;
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBULL;
    state_ = z ^ (z >> 31U);
  }
  // Hashes the bits; -0.0 and 0.0 differ, all NaN are one.
  void number(double value) {
    word(value != value ? 0x7FF8000000000000ULL : std::bit_cast<std::uint64_t>(value));
  }
  void text(std::string_view value) {
    word(value.size());
    bytes(std::as_bytes(std::span(value.data(), value.size())));
  }
  void bytes(std::span<const std::byte> value) {
    std::size_t i = 0;
    for (; i + 8 <= value.size(); i += 8) {
      std::uint64_t w = 0;
      std::memcpy(&w, value.data() + i, 8);
      word(w);
    }
    if (i < value.size()) {
      std::uint64_t w = 0;
      std::memcpy(&w, value.data() + i, value.size() - i);
      word(w);
    }
  }
  [[nodiscard]] constexpr std::uint64_t value() const { return state_; }

 private:
  std::uint64_t state_ = 0x506F6C79636C696EULL;  // "Polyclin"
};

}  // namespace polyclinic
