#include "secure/sizes.hpp"

#include "secure/crypto.hpp"
#include "secure/quantiser.hpp"
#include "secure/shamir.hpp"
#include "secure/signature.hpp"

namespace polyclinic::secure {

namespace {

constexpr std::size_t kPlaceBytes = 4;
// for whom, then sealed: from whom, for whom, two shares
constexpr std::size_t kSealedBytes = kPlaceBytes + 2 * kPlaceBytes + 2 * kShareBytes + kSealBytes;

std::int64_t bytes(std::size_t n) {
  return static_cast<std::int64_t>(n);
}

double d(std::size_t n) {
  return static_cast<double>(n);
}

}  // namespace

int modulus_bits(std::size_t parties, int bits) {
  const std::uint64_t largest = std::uint64_t{parties} * ((std::uint64_t{1} << bits) - 1);
  int result = 1;
  while ((std::uint64_t{1} << result) <= largest) ++result;
  return result;
}

std::uint64_t published_user_bits(std::uint64_t parties, std::uint64_t values, int bits) {
  constexpr std::uint64_t kKeyBits = 256;
  constexpr std::uint64_t kShareBits = 256;
  return 2 * parties * kKeyBits + (5 * parties - 4) * kShareBits +
         values * static_cast<std::uint64_t>(modulus_bits(parties, bits));
}

std::uint64_t published_user_bits_of_graph(std::uint64_t parties, std::uint64_t neighbours,
                                           std::uint64_t values, int bits) {
  constexpr std::uint64_t kKeyBits = 256;
  constexpr std::uint64_t kShareBits = 256;
  return 2 * (neighbours + 1) * kKeyBits + 5 * neighbours * kShareBits +
         values * static_cast<std::uint64_t>(modulus_bits(parties, bits));
}

std::int64_t MessageSizes::advertise() const {
  return bytes(kPlaceBytes + 2 * kKeyBytes + (active ? kSignatureBytes : 0));
}
std::int64_t MessageSizes::keys(std::size_t holders) const {
  return bytes(holders) * advertise();
}
std::int64_t MessageSizes::shares(std::size_t others) const {
  return bytes(others * kSealedBytes);
}
std::int64_t MessageSizes::forwarded(std::size_t others) const {
  return bytes(others * kSealedBytes);
}
std::int64_t MessageSizes::masked() const {
  return bytes((values * static_cast<std::size_t>(modulus_bits) + 7) / 8);
}
std::int64_t MessageSizes::ask(std::size_t holders) const {
  return bytes(2 * kPlaceBytes + holders * kPlaceBytes);
}
std::int64_t MessageSizes::survivors(std::size_t summed) const {
  return bytes(kPlaceBytes + summed * kPlaceBytes);
}
std::int64_t MessageSizes::confirm() const {
  return bytes(kSignatureBytes);
}
std::int64_t MessageSizes::confirmed(std::size_t signers) const {
  return bytes(kPlaceBytes + signers * (kPlaceBytes + kSignatureBytes));
}
std::int64_t MessageSizes::reveal(std::size_t holders) const {
  return bytes(holders * (kPlaceBytes + kShareBytes));
}

double Seconds::advertise() const {
  return 2 * rates.key_pair;
}
double Seconds::sign() const {
  return rates.signing;
}
double Seconds::verify(std::size_t count) const {
  return d(count) * rates.verified;
}
double Seconds::share_keys(std::size_t holders, std::size_t others, std::size_t threshold) const {
  const double elements = 2 * d(pieces(kKeyBytes)) * d(threshold);
  return elements * (rates.element + rates.share_step * d(holders)) +
         d(others) * (rates.agreement + rates.sealed);
}
double Seconds::mask(std::size_t others, std::size_t values) const {
  return d(others) * rates.agreement + d(others + 1) * d(values) * rates.mask_value;
}
double Seconds::reveal(std::size_t others) const {
  return d(others) * rates.sealed;
}
double Seconds::unmask(std::size_t shared, std::size_t summed, std::size_t pairs,
                       std::size_t threshold, std::size_t values) const {
  const double rebuilt = d(shared) * d(threshold) * d(pieces(kKeyBytes)) * rates.share_step;
  return rebuilt + d(summed) * d(values) * rates.mask_value +
         d(pairs) * (rates.agreement + d(values) * rates.mask_value);
}

}  // namespace polyclinic::secure
