#include "secure/crypto.hpp"

#include <sodium.h>

#include <algorithm>
#include <cstring>

#include "base/check.hpp"

namespace polyclinic::secure {

namespace {

static_assert(crypto_scalarmult_BYTES == kKeyBytes);
static_assert(crypto_stream_chacha20_ietf_KEYBYTES == kKeyBytes);
static_assert(crypto_aead_chacha20poly1305_ietf_KEYBYTES == kKeyBytes);
static_assert(crypto_aead_chacha20poly1305_ietf_ABYTES == kSealBytes);

// libsodium chooses its code for this processor once
void prepare() {
  static const int ready = sodium_init();
  ENSURE(ready >= 0, "libsodium can be used");
}

constexpr std::array<std::uint8_t, crypto_stream_chacha20_ietf_NONCEBYTES> kNoNonce{};

// The key stream from a block of 64 bytes on.
void key_stream(const Key& key, std::uint32_t block, std::span<std::uint8_t> out) {
  static constexpr std::array<std::uint8_t, 16384> kZeros{};
  ENSURE(out.size() <= kZeros.size(), "a piece of a key stream fits the zeros it is laid over");
  crypto_stream_chacha20_ietf_xor_ic(out.data(), kZeros.data(), out.size(), kNoNonce.data(), block,
                                     key.data());
}

class Digest {
 public:
  explicit Digest(std::string_view use) {
    prepare();
    crypto_generichash_init(&state_, nullptr, 0, kKeyBytes);
    std::array<std::uint8_t, 32> name{};
    ENSURE(use.size() <= name.size(), "the name of a use is short");
    std::copy(use.begin(), use.end(), name.begin());
    add(name);
  }
  void add(std::span<const std::uint8_t> bytes) {
    crypto_generichash_update(&state_, bytes.data(), bytes.size());
  }
  void add(std::uint64_t word) {
    std::array<std::uint8_t, 8> bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      bytes[i] = static_cast<std::uint8_t>(word >> (8 * i));
    }
    add(bytes);
  }
  Key end() {
    Key key{};
    crypto_generichash_final(&state_, key.data(), key.size());
    return key;
  }

 private:
  crypto_generichash_state state_{};
};

using Nonce = std::array<std::uint8_t, crypto_aead_chacha20poly1305_ietf_NPUBBYTES>;

Nonce nonce_of(std::uint32_t sender, std::uint32_t receiver) {
  Nonce nonce{};
  std::memcpy(nonce.data(), &sender, sizeof sender);
  std::memcpy(nonce.data() + sizeof sender, &receiver, sizeof receiver);
  return nonce;
}

}  // namespace

SecretStream::SecretStream(RunKey run, std::uint64_t entity, std::uint64_t step) {
  Digest digest("polyclinic secrets at an address");
  digest.add(run.value);
  digest.add(static_cast<std::uint64_t>(Purpose::kSecureSecrets));
  digest.add(entity);
  digest.add(step);
  key_ = digest.end();
}

void SecretStream::refill() {
  key_stream(key_, static_cast<std::uint32_t>(blocks_ * (kBlock / 64)), buffer_);
  ++blocks_;
  used_ = 0;
}

void SecretStream::fill(std::span<std::uint8_t> out) {
  while (!out.empty()) {
    if (used_ == kBlock) refill();
    const std::size_t n = std::min(out.size(), kBlock - used_);
    std::copy_n(buffer_.begin() + static_cast<std::ptrdiff_t>(used_), n, out.begin());
    used_ += n;
    out = out.subspan(n);
  }
}

Key SecretStream::key() {
  Key key{};
  fill(key);
  return key;
}

std::uint32_t SecretStream::element() {
  constexpr std::uint64_t kPrime = 2147483659ULL;
  for (;;) {
    std::array<std::uint8_t, 4> bytes{};
    fill(bytes);
    std::uint32_t word = 0;
    std::memcpy(&word, bytes.data(), sizeof word);
    if (word < kPrime) return word;
  }
}

void SecretStream::elements(std::span<std::uint32_t> out) {
  constexpr std::uint32_t kPrime = 2147483659U;
  std::array<std::uint32_t, kBlock / sizeof(std::uint32_t)> words{};
  std::array<std::uint32_t, words.size()> kept{};
  while (!out.empty()) {
    refill();
    std::memcpy(words.data(), buffer_.data(), kBlock);
    std::size_t n = 0;
    for (const std::uint32_t word : words) {  // half of them: no branch that could be foreseen
      kept[n] = word;
      n += word < kPrime ? 1 : 0;
    }
    n = std::min(n, out.size());
    std::copy_n(kept.begin(), n, out.begin());
    out = out.subspan(n);
  }
  used_ = kBlock;
}

KeyPair make_key_pair(SecretStream& secrets) {
  KeyPair pair;
  pair.secret = secrets.key();
  pair.open = public_of(pair.secret);
  return pair;
}

Key public_of(const Key& secret) {
  prepare();
  Key open{};
  crypto_scalarmult_base(open.data(), secret.data());
  return open;
}

std::optional<Key> agree(const KeyPair& mine, const Key& theirs, std::string_view use) {
  Key point{};
  if (crypto_scalarmult(point.data(), mine.secret.data(), theirs.data()) != 0) return std::nullopt;
  Digest digest(use);
  digest.add(point);
  digest.add(std::min(mine.open, theirs));
  digest.add(std::max(mine.open, theirs));
  return digest.end();
}

Bytes seal(std::span<const std::uint8_t> text, const Key& key, std::uint32_t sender,
           std::uint32_t receiver) {
  Bytes sealed(text.size() + kSealBytes);
  const Nonce nonce = nonce_of(sender, receiver);
  unsigned long long length = 0;
  crypto_aead_chacha20poly1305_ietf_encrypt(sealed.data(), &length, text.data(), text.size(),
                                            nullptr, 0, nullptr, nonce.data(), key.data());
  return sealed;
}

std::optional<Bytes> unseal(std::span<const std::uint8_t> sealed, const Key& key,
                            std::uint32_t sender, std::uint32_t receiver) {
  if (sealed.size() < kSealBytes) return std::nullopt;
  Bytes text(sealed.size() - kSealBytes);
  const Nonce nonce = nonce_of(sender, receiver);
  unsigned long long length = 0;
  if (crypto_aead_chacha20poly1305_ietf_decrypt(text.data(), &length, nullptr, sealed.data(),
                                                sealed.size(), nullptr, 0, nonce.data(),
                                                key.data()) != 0) {
    return std::nullopt;
  }
  return text;
}

namespace {

constexpr std::size_t kWords = 2048;  // 8 KB: the key stream stays in the first cache

void add(Sign sign, const std::uint32_t* words, std::uint32_t* out, std::size_t n) {
  if (sign == Sign::plus) {
    for (std::size_t i = 0; i < n; ++i) out[i] += words[i];
  } else {
    for (std::size_t i = 0; i < n; ++i) out[i] -= words[i];
  }
}

}  // namespace

void add_mask(const Key& seed, Sign sign, std::span<std::uint32_t> values) {
  prepare();
  std::array<std::uint32_t, kWords> words;
  std::uint32_t block = 0;
  for (std::size_t from = 0; from < values.size(); from += kWords) {
    const std::size_t n = std::min(kWords, values.size() - from);
    key_stream(seed, block, {reinterpret_cast<std::uint8_t*>(words.data()), 4 * n});
    block += kWords * 4 / 64;
    add(sign, words.data(), values.data() + from, n);
  }
}

}  // namespace polyclinic::secure
