#include "base/stream.hpp"

#include <Random123/philox.h>

#include "base/check.hpp"
#include "base/hash.hpp"

namespace polyclinic {

namespace {
__extension__ using Wide = unsigned __int128;

// The middle of one of 2^52 equal cells: between 2^-53 and 1 - 2^-53, symmetric, exact in a double.
inline double middle_of_cell(std::uint64_t word) {
  // signed, which processors convert in one step
  return (static_cast<double>(static_cast<std::int64_t>(word >> 12U)) + 0.5) * 0x1p-52;
}
}  // namespace

RunKey make_run_key(std::uint64_t seed, std::uint64_t replication) {
  Hasher hasher;
  hasher.word(seed);
  hasher.word(replication);
  return {hasher.value()};
}

inline std::array<std::uint64_t, 4> Stream::block() const {
  // ten rounds, the number that Salmon et al. 2011 (section 4.3) recommend
  const r123::Philox4x64::ctr_type counter{{counter_[0], counter_[1], counter_[2], counter_[3]}};
  const r123::Philox4x64::key_type key{{key_[0], key_[1]}};
  const auto words = r123::Philox4x64()(counter, key);
  return {words[0], words[1], words[2], words[3]};
}

Stream::Stream(RunKey run, Purpose purpose, std::uint64_t entity, std::uint64_t step,
               std::uint64_t lane)
    : key_{run.value, static_cast<std::uint64_t>(purpose)}, counter_{entity, step, lane, 0} {}

void Stream::refill() {
  block_ = block();
  ++counter_[3];
  used_ = 0;
}

std::uint64_t Stream::next_u64() {
  if (used_ == 4) refill();
  return block_[used_++];
}

double Stream::uniform() {
  return static_cast<double>(next_u64() >> 11U) * 0x1p-53;
}

double Stream::uniform_open() {
  return middle_of_cell(next_u64());
}

void Stream::fill_open(std::span<double> out) {
  std::size_t i = 0;
  while (i < out.size() && used_ < 4) out[i++] = middle_of_cell(block_[used_++]);
  for (; i + 4 <= out.size(); i += 4) {
    const std::array<std::uint64_t, 4> words = block();
    ++counter_[3];
    for (std::size_t k = 0; k < 4; ++k) out[i + k] = middle_of_cell(words[k]);
  }
  while (i < out.size()) out[i++] = uniform_open();
}

std::uint64_t Stream::below(std::uint64_t n) {
  ENSURE(n > 0, "there is no number below zero");
  // Lemire 2019, "Fast random integer generation in an interval", algorithm 5: the high word of
  // x * n is the answer, unless the low word falls into the 2^64 mod n values that are one too many
  Wide product = Wide{next_u64()} * n;
  auto low = static_cast<std::uint64_t>(product);
  if (low < n) {
    const std::uint64_t surplus = (0 - n) % n;
    while (low < surplus) {
      product = Wide{next_u64()} * n;
      low = static_cast<std::uint64_t>(product);
    }
  }
  return static_cast<std::uint64_t>(product >> 64U);
}

Stream Stream::lane(std::uint64_t lane) const {
  Stream other = *this;
  other.counter_[2] = lane;
  other.counter_[3] = 0;
  other.used_ = 4;
  return other;
}

}  // namespace polyclinic
