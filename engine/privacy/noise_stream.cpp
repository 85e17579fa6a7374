#include "privacy/noise_stream.hpp"

#include <bit>

#include "base/check.hpp"
#include "base/math.hpp"

namespace polyclinic::privacy {

namespace {

// RFC 8439, section 2.1
void quarter_round(NoiseStream::Block& s, std::size_t a, std::size_t b, std::size_t c,
                   std::size_t d) {
  s[a] += s[b];
  s[d] = std::rotl(s[d] ^ s[a], 16);
  s[c] += s[d];
  s[b] = std::rotl(s[b] ^ s[c], 12);
  s[a] += s[b];
  s[d] = std::rotl(s[d] ^ s[a], 8);
  s[c] += s[d];
  s[b] = std::rotl(s[b] ^ s[c], 7);
}

std::uint32_t low(std::uint64_t x) {
  return static_cast<std::uint32_t>(x);
}
std::uint32_t high(std::uint64_t x) {
  return static_cast<std::uint32_t>(x >> 32U);
}

}  // namespace

NoiseStream::NoiseStream(RunKey run, Purpose purpose, std::uint64_t entity, std::uint64_t step)
    : key_{low(run.value),
           high(run.value),
           static_cast<std::uint32_t>(purpose),
           0,
           low(entity),
           high(entity),
           low(step),
           high(step)} {}

// RFC 8439, section 2.3
NoiseStream::Block NoiseStream::block(const std::array<std::uint32_t, 8>& key,
                                      std::uint32_t counter,
                                      const std::array<std::uint32_t, 3>& nonce) {
  const Block start{0x61707865, 0x3320646e, 0x79622d32, 0x6b206574, key[0], key[1],
                    key[2],     key[3],     key[4],     key[5],     key[6], key[7],
                    counter,    nonce[0],   nonce[1],   nonce[2]};
  Block s = start;
  for (int i = 0; i < 10; ++i) {
    quarter_round(s, 0, 4, 8, 12);
    quarter_round(s, 1, 5, 9, 13);
    quarter_round(s, 2, 6, 10, 14);
    quarter_round(s, 3, 7, 11, 15);
    quarter_round(s, 0, 5, 10, 15);
    quarter_round(s, 1, 6, 11, 12);
    quarter_round(s, 2, 7, 8, 13);
    quarter_round(s, 3, 4, 9, 14);
  }
  for (std::size_t i = 0; i < s.size(); ++i) s[i] += start[i];
  return s;
}

std::uint64_t NoiseStream::next_u64() {
  if (used_ >= words_.size()) {
    words_ = block(key_, low(counter_), {high(counter_), 0, 0});
    ++counter_;
    used_ = 0;
  }
  const std::uint64_t word = words_[used_] | static_cast<std::uint64_t>(words_[used_ + 1]) << 32U;
  used_ += 2;
  return word;
}

std::uint64_t NoiseStream::below(std::uint64_t n) {
  ENSURE(n > 0, "there is something to choose from");
  // words from the last incomplete run of n on are drawn again
  const std::uint64_t rest = (0 - n) % n;  // 2^64 mod n
  for (;;) {
    const std::uint64_t word = next_u64();
    if (word >= rest) return word % n;
  }
}

double NoiseStream::uniform_open() {
  return (static_cast<double>(next_u64() >> 12U) + 0.5) * 0x1p-52;
}

double NoiseStream::normal() {
  return math::normal_quantile(uniform_open());
}

}  // namespace polyclinic::privacy
