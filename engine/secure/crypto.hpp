// The cryptography of secure sums, from libsodium: X25519, ChaCha20, ChaCha20-Poly1305, BLAKE2b.
// Secrets come from ChaCha20 keyed by an address, as all random numbers of a run come from one:
// whoever knows the seed of the run knows them. That makes runs reproducible and the secrecy a
// simulated one; nothing here protects real data.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/stream.hpp"

namespace polyclinic::secure {

using Bytes = std::vector<std::uint8_t>;
inline constexpr std::size_t kKeyBytes = 32;
using Key = std::array<std::uint8_t, kKeyBytes>;

// Secret bytes at one address, one after the other: ChaCha20 under a key that BLAKE2b makes of the
// address. REQUIRES: no two uses of one address (it would repeat its secrets).
class SecretStream {
 public:
  SecretStream(RunKey run, std::uint64_t entity, std::uint64_t step);
  void fill(std::span<std::uint8_t> out);
  [[nodiscard]] Key key();
  // Uniform in the field of the shares, by rejection.
  [[nodiscard]] std::uint32_t element();
  // The same, many at once: of whole blocks, what is left of the last one is not used.
  void elements(std::span<std::uint32_t> out);

 private:
  void refill();
  static constexpr std::size_t kBlock = 1024;
  Key key_{};
  std::uint64_t blocks_ = 0;
  std::array<std::uint8_t, kBlock> buffer_{};
  std::size_t used_ = kBlock;
};

struct KeyPair {
  Key secret{};
  Key open{};  // the public half
};
KeyPair make_key_pair(SecretStream& secrets);
Key public_of(const Key& secret);
// What two parties agree on: BLAKE2b of their X25519 point and of both public keys, so that it is
// the same from either side; `use` keeps keys for different uses apart. nullopt: the other's key is
// one of the few that agree on nothing.
std::optional<Key> agree(const KeyPair& mine, const Key& theirs, std::string_view use);

// ChaCha20-Poly1305 (IETF). sender and receiver make the nonce: one message each way under one key.
inline constexpr std::size_t kSealBytes = 16;
Bytes seal(std::span<const std::uint8_t> text, const Key& key, std::uint32_t sender,
           std::uint32_t receiver);
// nullopt: it was changed on the way, or was sealed under another key.
std::optional<Bytes> unseal(std::span<const std::uint8_t> sealed, const Key& key,
                            std::uint32_t sender, std::uint32_t receiver);

// values += (or -=) the ChaCha20 key stream of `seed` as little-endian 32-bit words, mod 2^32. Mod
// a smaller power of two the caller keeps the low bits.
enum class Sign : std::uint8_t { plus, minus };
void add_mask(const Key& seed, Sign sign, std::span<std::uint32_t> values);

}  // namespace polyclinic::secure
