// Secret random words at one address, one after the other, for noise: ChaCha20 (RFC 8439) whose key
// is the address (run, purpose, entity, step). Whoever knows the seed of the run knows them: the
// secrecy is a simulated one.
#pragma once

#include <array>
#include <cstdint>

#include "base/stream.hpp"

namespace polyclinic::privacy {

class NoiseStream {
 public:
  // REQUIRES: no two uses of one address (it would repeat its noise).
  NoiseStream(RunKey run, Purpose purpose, std::uint64_t entity, std::uint64_t step);

  std::uint64_t next_u64();
  // Uniform in [0, n), unbiased, by rejection. REQUIRES: n > 0.
  std::uint64_t below(std::uint64_t n);
  // Uniform in (0, 1), 52 bits and a half.
  double uniform_open();
  // Standard normal by inversion, in double: up to 8.2 standard deviations.
  double normal();

  // One block of the cipher, for its test: key and nonce as words, little-endian.
  using Block = std::array<std::uint32_t, 16>;
  static Block block(const std::array<std::uint32_t, 8>& key, std::uint32_t counter,
                     const std::array<std::uint32_t, 3>& nonce);

 private:
  std::array<std::uint32_t, 8> key_;
  std::uint64_t counter_ = 0;
  Block words_{};
  unsigned used_ = 16;
};

}  // namespace polyclinic::privacy
