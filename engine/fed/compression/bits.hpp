// Numbers of any width side by side, as messages hold them: the first in the low bits of the first
// byte.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace polyclinic::compression {

// A message as it travels.
using Message = std::vector<std::uint8_t>;

// Bits that tell n things apart: ceil(log2 n); 0 for one.
int bits_for(std::uint64_t n);
// Whole bytes that hold so many bits.
inline std::int64_t bytes_of(std::int64_t bits) {
  return (bits + 7) / 8;
}

class BitWriter {
 public:
  // REQUIRES: value < 2^bits, bits <= 32.
  void put(std::uint32_t value, int bits);
  void put_float(float value);
  // Fills the last byte with zero bits, so that what follows starts a new one.
  void align();
  [[nodiscard]] Message take();

 private:
  Message bytes_;
  std::uint64_t pending_ = 0;
  int pending_bits_ = 0;
};

// Reads what a BitWriter wrote, by the same calls. REQUIRES: no more than was written.
class BitReader {
 public:
  explicit BitReader(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}
  [[nodiscard]] std::uint32_t get(int bits);
  [[nodiscard]] float get_float();
  void align();

 private:
  std::span<const std::uint8_t> bytes_;
  std::size_t next_ = 0;
  std::uint64_t pending_ = 0;
  int pending_bits_ = 0;
};

}  // namespace polyclinic::compression
