#include "base/stream.hpp"

#include <Random123/philox.h>

#include "base/check.hpp"
#include "base/hash.hpp"

namespace polyclinic {

namespace {
__extension__ using Wide = unsigned __int128;
}

RunKey make_run_key(std::uint64_t seed, std::uint64_t replication) {
  Hasher hasher;
  hasher.word(seed);
  hasher.word(replication);
  return {hasher.value()};
}

Stream::Stream(RunKey run, Purpose purpose, std::uint64_t entity, std::uint64_t step,
               std::uint64_t lane)
    : key_{run.value, static_cast<std::uint64_t>(purpose)}, counter_{entity, step, lane, 0} {}

void Stream::refill() {
  // ten rounds, the number that Salmon et al. 2011 (section 4.3) recommend
  const r123::Philox4x64::ctr_type counter{{counter_[0], counter_[1], counter_[2], counter_[3]}};
  const r123::Philox4x64::key_type key{{key_[0], key_[1]}};
  const auto words = r123::Philox4x64()(counter, key);
  for (unsigned i = 0; i < 4; ++i) block_[i] = words[i];
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
  // the middles of 2^52 equal cells: between 2^-53 and 1 - 2^-53, symmetric, exact in a double
  return (static_cast<double>(next_u64() >> 12U) + 0.5) * 0x1p-52;
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
