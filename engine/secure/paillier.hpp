// Paillier's additively homomorphic encryption (Paillier 1999, Public-Key Cryptosystems Based on
// Composite Degree Residuosity Classes, scheme 1) with g = n + 1:
//
//   E(m, r) = (1 + m n) r^n  mod n^2,   E(a) E(b) = E(a + b mod n)
//
// and its decryption by a threshold of holders (Fouque, Poupard, Stern 2000; Damgard, Jurik 2001),
// whose shares a trusted dealer makes. Against parties that keep to the protocol: there are no
// proofs that a ciphertext or a part of a decryption is right. For that the primes need not be safe
// ones: it is enough that (p - 1) / 2 and (q - 1) / 2 have no factor up to the number of holders
// and none in common, which makes any t - 1 shares uniform and independent of the secret (Fouque
// and Stern 2001, Fully Distributed Threshold RSA under Standard Assumptions).
#pragma once

#include <gmpxx.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "secure/crypto.hpp"

namespace polyclinic::secure {

struct PaillierKey {
  int bits = 0;  // of n
  mpz_class n;
  mpz_class n_squared;
};
struct PaillierSecret {
  PaillierKey open;
  mpz_class p;
  mpz_class q;
};

// Two primes of bits / 2 each. REQUIRES: bits even, at least 64.
PaillierSecret make_paillier(int bits, SecretStream& secrets);

// REQUIRES: 0 <= m < n.
mpz_class encrypt(const PaillierKey& key, const mpz_class& m, SecretStream& secrets);
// Of the sum of what they hold.
mpz_class add(const PaillierKey& key, const mpz_class& a, const mpz_class& b);
// By the primes, each modulo its square (Paillier 1999, section 7).
mpz_class decrypt(const PaillierSecret& secret, const mpz_class& ciphertext);

// --- by several holders, at places 1..holders

struct ThresholdPaillier {
  PaillierKey open;
  std::size_t holders = 0;
  std::size_t threshold = 0;
  mpz_class factorial;  // of holders
};
struct DealtPaillier {
  ThresholdPaillier key;
  std::vector<mpz_class> shares;  // of places 1..holders
};
// REQUIRES: 1 <= threshold <= holders.
DealtPaillier deal_paillier(int bits, std::size_t holders, std::size_t threshold,
                            SecretStream& secrets);
// A holder's part of a decryption: c^(2 holders! share).
mpz_class decrypt_part(const ThresholdPaillier& key, const mpz_class& ciphertext,
                       const mpz_class& share);
// From the parts of `threshold` holders at distinct places.
mpz_class combine_parts(const ThresholdPaillier& key, std::span<const std::uint32_t> places,
                        std::span<const mpz_class> parts);

// --- many small numbers in one

// Numbers side by side in slots so wide that no sum of theirs reaches the next one.
struct Packing {
  int key_bits = 0;
  int slot_bits = 0;  // at most 63

  [[nodiscard]] std::size_t slots() const;  // of one plaintext
  [[nodiscard]] std::size_t plaintexts(std::size_t values) const;
  [[nodiscard]] std::vector<mpz_class> pack(std::span<const std::uint32_t> values) const;
  [[nodiscard]] std::vector<std::uint64_t> unpack(std::span<const mpz_class> plaintexts,
                                                  std::size_t values) const;
};
// Bits of a slot for the sum of so many parties' values of `bits` bits: ceil(log2 parties) of them
// are guard.
int slot_bits(std::size_t parties, int bits);

}  // namespace polyclinic::secure
