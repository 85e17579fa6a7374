// Signatures of hospitals under keys that all know before the run: Ed25519, from libsodium
// (Bonawitz et al. 2017, section 6.2: with them a server can leave messages out, but can neither
// change nor invent any).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/stream.hpp"
#include "secure/crypto.hpp"

namespace polyclinic::secure {

inline constexpr std::size_t kSignatureBytes = 64;
using Signature = std::array<std::uint8_t, kSignatureBytes>;

struct SigningKeys {
  std::array<std::uint8_t, 64> secret{};
  Key open{};  // what the others know
};
SigningKeys make_signing_keys(SecretStream& secrets);
// A hospital's for the whole run, at an address that no round has.
SigningKeys registered_keys(RunKey run, std::uint64_t entity);
Signature sign(std::span<const std::uint8_t> text, const SigningKeys& keys);
bool verify(std::span<const std::uint8_t> text, const Signature& signature, const Key& open);

// What is signed: always under its use and the number of the round, so that nothing of one round or
// phase stands for something of another.
Bytes signed_keys(std::uint64_t round, std::uint32_t place, const Key& sealing, const Key& masking);
Bytes signed_survivors(std::uint64_t round, std::span<const std::uint32_t> survivors);

}  // namespace polyclinic::secure
