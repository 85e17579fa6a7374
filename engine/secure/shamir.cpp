#include "secure/shamir.hpp"

#include <numeric>

#include "base/check.hpp"
#include "secure/field.hpp"

namespace polyclinic::secure {

namespace {

// Bit i of a big-endian number, i = 0 the least significant.
bool bit(std::span<const std::uint8_t> number, std::size_t i) {
  return (number[number.size() - 1 - i / 8] >> (i % 8) & 1U) != 0;
}

std::vector<std::uint32_t> to_pieces(std::span<const std::uint8_t> secret) {
  std::vector<std::uint32_t> result(pieces(secret.size()), 0);
  for (std::size_t i = 0; i < 8 * secret.size(); ++i) {
    if (bit(secret, i)) result[result.size() - 1 - i / 31] |= 1U << (i % 31);
  }
  return result;
}

std::optional<Bytes> from_pieces(std::span<const std::uint32_t> parts, std::size_t bytes) {
  Bytes secret(bytes, 0);
  for (std::size_t p = 0; p < parts.size(); ++p) {
    if (parts[p] >> 31U != 0) return std::nullopt;
    for (std::size_t b = 0; b < 31; ++b) {
      if ((parts[p] >> b & 1U) == 0) continue;
      const std::size_t i = (parts.size() - 1 - p) * 31 + b;
      if (i >= 8 * bytes) return std::nullopt;
      secret[bytes - 1 - i / 8] =
          static_cast<std::uint8_t>(secret[bytes - 1 - i / 8] | 1U << i % 8);
    }
  }
  return secret;
}

}  // namespace

std::vector<Share> split(std::span<const std::uint8_t> secret, std::size_t threshold,
                         std::span<const std::uint32_t> places, SecretStream& secrets) {
  ENSURE(threshold >= 1 && threshold <= places.size(), "a threshold is between 1 and the holders");
  const std::vector<std::uint32_t> constant = to_pieces(secret);
  std::vector<Share> shares(places.size(), Share(constant.size()));
  std::vector<std::uint32_t> polynomial(threshold);
  for (std::size_t piece = 0; piece < constant.size(); ++piece) {
    polynomial[0] = constant[piece];
    for (std::size_t k = 1; k < threshold; ++k) polynomial[k] = secrets.element();
    for (std::size_t holder = 0; holder < places.size(); ++holder) {
      std::uint64_t value = 0;  // Horner
      for (std::size_t k = threshold; k-- > 0;) {
        value = (value * places[holder] + polynomial[k]) % field::kPrime;
      }
      shares[holder][piece] = static_cast<std::uint32_t>(value);
    }
  }
  return shares;
}

std::vector<Share> split(std::span<const std::uint8_t> secret, std::size_t threshold,
                         std::size_t count, SecretStream& secrets) {
  std::vector<std::uint32_t> places(count);
  std::iota(places.begin(), places.end(), 1U);
  return split(secret, threshold, places, secrets);
}

std::vector<std::uint32_t> lagrange_at_zero(std::span<const std::uint32_t> places) {
  std::vector<std::uint32_t> coefficients;
  coefficients.reserve(places.size());
  for (std::size_t i = 0; i < places.size(); ++i) {
    std::uint64_t above = 1;
    std::uint64_t below = 1;
    for (std::size_t j = 0; j < places.size(); ++j) {
      if (i == j) continue;
      above = field::multiply(above, places[j]);
      below = field::multiply(below, field::subtract(places[j], places[i]));
    }
    ENSURE(below != 0, "every holder has a place of its own");
    coefficients.push_back(
        static_cast<std::uint32_t>(field::multiply(above, field::inverse(below))));
  }
  return coefficients;
}

std::optional<Bytes> reconstruct(std::span<const Share* const> shares,
                                 std::span<const std::uint32_t> coefficients,
                                 std::size_t secret_bytes) {
  ENSURE(shares.size() == coefficients.size(), "one coefficient per share");
  std::vector<std::uint32_t> parts(pieces(secret_bytes), 0);
  for (std::size_t piece = 0; piece < parts.size(); ++piece) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < shares.size(); ++i) {
      value = field::add(value, field::multiply((*shares[i])[piece], coefficients[i]));
    }
    // 2^31 itself and what little the field has above it are no pieces
    if (value >> field::kBitsPerElement != 0) return std::nullopt;
    parts[piece] = static_cast<std::uint32_t>(value);
  }
  return from_pieces(parts, secret_bytes);
}

}  // namespace polyclinic::secure
