#include "fed/compression/bits.hpp"

#include <bit>

#include "base/check.hpp"

namespace polyclinic::compression {

int bits_for(std::uint64_t n) {
  return n <= 1 ? 0 : static_cast<int>(std::bit_width(n - 1));
}

void BitWriter::put(std::uint32_t value, int bits) {
  DENSURE(bits == 32 || value < (std::uint64_t{1} << static_cast<unsigned>(bits)),
          "a number fits the width that its format gives it");
  pending_ |= static_cast<std::uint64_t>(value) << static_cast<unsigned>(pending_bits_);
  pending_bits_ += bits;
  while (pending_bits_ >= 8) {
    bytes_.push_back(static_cast<std::uint8_t>(pending_ & 0xffU));
    pending_ >>= 8U;
    pending_bits_ -= 8;
  }
}

void BitWriter::put_float(float value) {
  put(std::bit_cast<std::uint32_t>(value), 32);
}

void BitWriter::align() {
  if (pending_bits_ > 0) put(0, 8 - pending_bits_);
}

Message BitWriter::take() {
  align();
  return std::move(bytes_);
}

std::uint32_t BitReader::get(int bits) {
  while (pending_bits_ < bits) {
    ENSURE(next_ < bytes_.size(), "a message is as long as its format says");
    pending_ |= static_cast<std::uint64_t>(bytes_[next_++]) << static_cast<unsigned>(pending_bits_);
    pending_bits_ += 8;
  }
  const std::uint64_t mask = (std::uint64_t{1} << static_cast<unsigned>(bits)) - 1;
  const auto value = static_cast<std::uint32_t>(pending_ & mask);
  pending_ >>= static_cast<unsigned>(bits);
  pending_bits_ -= bits;
  return value;
}

float BitReader::get_float() {
  return std::bit_cast<float>(get(32));
}

void BitReader::align() {
  const int rest = pending_bits_ % 8;
  pending_ >>= static_cast<unsigned>(rest);
  pending_bits_ -= rest;
}

}  // namespace polyclinic::compression
