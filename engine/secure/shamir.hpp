// Shamir's secret sharing over the field of field.hpp (Shamir 1979): any `threshold` shares give
// the secret, fewer give nothing.
//
// A secret is cut into pieces of 31 bits, the first piece the most significant; each is the
// constant term of a random polynomial of its own, and a share is their values at the holder's
// place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "secure/crypto.hpp"

namespace polyclinic::secure {

using Share = std::vector<std::uint32_t>;  // one element per piece

// Pieces of a secret of so many bytes.
constexpr std::size_t pieces(std::size_t secret_bytes) {
  return (8 * secret_bytes + 30) / 31;
}
// A share of a key on the wire.
inline constexpr std::size_t kShareBytes = 4 * pieces(kKeyBytes);

// Shares at places, which are distinct and above zero. REQUIRES: 1 <= threshold <= their number.
std::vector<Share> split(std::span<const std::uint8_t> secret, std::size_t threshold,
                         std::span<const std::uint32_t> places, SecretStream& secrets);
// At the places 1..count.
std::vector<Share> split(std::span<const std::uint8_t> secret, std::size_t threshold,
                         std::size_t count, SecretStream& secrets);

// Lagrange's coefficients at zero for distinct places > 0: the same for every secret whose shares
// come from these holders.
std::vector<std::uint32_t> lagrange_at_zero(std::span<const std::uint32_t> places);

// The secret from one share per coefficient. nullopt: the shares are not of one secret of so many
// bytes (seen only where a piece comes out too large).
std::optional<Bytes> reconstruct(std::span<const Share* const> shares,
                                 std::span<const std::uint32_t> coefficients,
                                 std::size_t secret_bytes);

}  // namespace polyclinic::secure
