#include "secure/signature.hpp"

#include <sodium.h>

#include <limits>
#include <string_view>

#include "base/check.hpp"

namespace polyclinic::secure {

namespace {

static_assert(crypto_sign_BYTES == kSignatureBytes);
static_assert(crypto_sign_SECRETKEYBYTES == sizeof(SigningKeys::secret));
static_assert(crypto_sign_PUBLICKEYBYTES == kKeyBytes);
static_assert(crypto_sign_SEEDBYTES == kKeyBytes);

constexpr std::uint64_t kBeforeAllRounds = std::numeric_limits<std::uint64_t>::max();

void put(Bytes& out, std::uint64_t word, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) {
    out.push_back(static_cast<std::uint8_t>(word >> (8 * i)));
  }
}

Bytes begin(std::string_view use, std::uint64_t round) {
  Bytes text(use.begin(), use.end());
  put(text, round, 8);
  return text;
}

}  // namespace

SigningKeys make_signing_keys(SecretStream& secrets) {
  const Key seed = secrets.key();
  SigningKeys keys;
  ENSURE(crypto_sign_seed_keypair(keys.open.data(), keys.secret.data(), seed.data()) == 0,
         "a seed makes signing keys");
  return keys;
}

SigningKeys registered_keys(RunKey run, std::uint64_t entity) {
  SecretStream secrets(run, entity, kBeforeAllRounds);
  return make_signing_keys(secrets);
}

Signature sign(std::span<const std::uint8_t> text, const SigningKeys& keys) {
  Signature signature{};
  unsigned long long length = 0;
  crypto_sign_detached(signature.data(), &length, text.data(), text.size(), keys.secret.data());
  return signature;
}

bool verify(std::span<const std::uint8_t> text, const Signature& signature, const Key& open) {
  return crypto_sign_verify_detached(signature.data(), text.data(), text.size(), open.data()) == 0;
}

Bytes signed_keys(std::uint64_t round, std::uint32_t place, const Key& sealing,
                  const Key& masking) {
  Bytes text = begin("secure sum: keys", round);
  put(text, place, 4);
  text.insert(text.end(), sealing.begin(), sealing.end());
  text.insert(text.end(), masking.begin(), masking.end());
  return text;
}

Bytes signed_survivors(std::uint64_t round, std::span<const std::uint32_t> survivors) {
  Bytes text = begin("secure sum: survivors", round);
  put(text, survivors.size(), 4);
  for (const std::uint32_t place : survivors) put(text, place, 4);
  return text;
}

}  // namespace polyclinic::secure
