#include "secure/paillier.hpp"

#include <bit>

#include "base/check.hpp"

namespace polyclinic::secure {

namespace {

mpz_class from_bytes(std::span<const std::uint8_t> bytes) {
  mpz_class number;
  mpz_import(number.get_mpz_t(), bytes.size(), 1, 1, 0, 0, bytes.data());
  return number;
}

// Uniform in [0, 2^bits).
mpz_class random_bits(std::size_t bits, SecretStream& secrets) {
  Bytes bytes((bits + 7) / 8);
  secrets.fill(bytes);
  if (bits % 8 != 0) bytes.front() &= static_cast<std::uint8_t>((1U << bits % 8) - 1U);
  return from_bytes(bytes);
}

// Uniform in [0, bound).
mpz_class random_below(const mpz_class& bound, SecretStream& secrets) {
  const std::size_t bits = mpz_sizeinbase(bound.get_mpz_t(), 2);
  for (;;) {
    mpz_class number = random_bits(bits, secrets);
    if (number < bound) return number;
  }
}

// For secrets: the time does not depend on the numbers. REQUIRES: modulus odd, exponent > 0.
mpz_class power(const mpz_class& base, const mpz_class& exponent, const mpz_class& modulus) {
  mpz_class result;
  mpz_powm_sec(result.get_mpz_t(), base.get_mpz_t(), exponent.get_mpz_t(), modulus.get_mpz_t());
  return result;
}

mpz_class inverse(const mpz_class& a, const mpz_class& modulus) {
  mpz_class result;
  const int there = mpz_invert(result.get_mpz_t(), a.get_mpz_t(), modulus.get_mpz_t());
  ENSURE(there != 0, "only units are inverted");
  return result;
}

// Whether p - 1 = 2 k with k odd and without a factor up to `least`.
bool is_smooth_free(const mpz_class& p, std::size_t least) {
  const mpz_class k = (p - 1) / 2;
  for (unsigned long f = 2; f <= least || f == 2; ++f) {
    if (mpz_divisible_ui_p(k.get_mpz_t(), f) != 0) return false;
  }
  return true;
}

// A prime of exactly so many bits, the two highest set, so that a product of two has twice as many.
// least > 0: the half of what is below it has no factor up to that.
mpz_class prime(std::size_t bits, std::size_t least, SecretStream& secrets) {
  constexpr int kRounds = 40;  // Baillie-PSW, and Miller-Rabin beyond 24
  for (;;) {
    mpz_class candidate = random_bits(bits, secrets);
    mpz_setbit(candidate.get_mpz_t(), bits - 1);
    mpz_setbit(candidate.get_mpz_t(), bits - 2);
    mpz_setbit(candidate.get_mpz_t(), 0);
    if (least > 0 && !is_smooth_free(candidate, least)) continue;
    if (mpz_probab_prime_p(candidate.get_mpz_t(), kRounds) > 0) return candidate;
  }
}

PaillierSecret with_primes(int bits, std::size_t least, SecretStream& secrets) {
  ENSURE(bits >= 64, "tiny keys have too few primes");
  ENSURE(bits % 2 == 0, "both primes have half the bits");
  const auto half = static_cast<std::size_t>(bits / 2);
  PaillierSecret secret;
  secret.p = prime(half, least, secrets);
  do {
    secret.q = prime(half, least, secrets);
  } while (secret.q == secret.p || (least > 0 && gcd(secret.p - 1, secret.q - 1) > 2));
  secret.open.bits = bits;
  secret.open.n = secret.p * secret.q;
  secret.open.n_squared = secret.open.n * secret.open.n;
  return secret;
}

// L(u) = (u - 1) / d.
mpz_class quotient(const mpz_class& u, const mpz_class& d) {
  return (u - 1) / d;
}

// m mod p from c: L_p(c^(p-1) mod p^2) / L_p(g^(p-1) mod p^2), whose divisor is -q mod p.
mpz_class residue(const mpz_class& c, const mpz_class& p, const mpz_class& q) {
  const mpz_class square = p * p;
  const mpz_class top = quotient(power(c % square, p - 1, square), p);
  return top * inverse(p - q % p, p) % p;
}

}  // namespace

PaillierSecret make_paillier(int bits, SecretStream& secrets) {
  return with_primes(bits, 0, secrets);
}

mpz_class encrypt(const PaillierKey& key, const mpz_class& m, SecretStream& secrets) {
  ENSURE(m >= 0, "a plaintext is not negative");
  ENSURE(m < key.n, "a plaintext is below n");
  mpz_class r;
  do {
    r = random_below(key.n, secrets);
  } while (gcd(r, key.n) != 1);
  return (1 + m * key.n) % key.n_squared * power(r, key.n, key.n_squared) % key.n_squared;
}

mpz_class add(const PaillierKey& key, const mpz_class& a, const mpz_class& b) {
  return a * b % key.n_squared;
}

mpz_class decrypt(const PaillierSecret& secret, const mpz_class& ciphertext) {
  const mpz_class at_p = residue(ciphertext, secret.p, secret.q);
  const mpz_class at_q = residue(ciphertext, secret.q, secret.p);
  // m = m_q + q ((m_p - m_q) / q mod p)   (Garner)
  mpz_class difference = (at_p - at_q) % secret.p;
  if (difference < 0) difference += secret.p;
  return at_q + secret.q * (difference * inverse(secret.q % secret.p, secret.p) % secret.p);
}

DealtPaillier deal_paillier(int bits, std::size_t holders, std::size_t threshold,
                            SecretStream& secrets) {
  ENSURE(threshold >= 1, "somebody decrypts");
  ENSURE(threshold <= holders, "holders suffice");
  const PaillierSecret secret = with_primes(bits, holders, secrets);
  DealtPaillier dealt;
  dealt.key.open = secret.open;
  dealt.key.holders = holders;
  dealt.key.threshold = threshold;
  mpz_fac_ui(dealt.key.factorial.get_mpz_t(), holders);
  // d = 0 mod m and 1 mod n, m = (p - 1)(q - 1) / 4, and a polynomial with it mod n m
  const mpz_class m = (secret.p - 1) / 2 * ((secret.q - 1) / 2);
  const mpz_class modulus = secret.open.n * m;
  std::vector<mpz_class> coefficients{m * inverse(m % secret.open.n, secret.open.n)};
  while (coefficients.size() < threshold) {
    coefficients.push_back(random_below(modulus, secrets));
  }
  for (std::size_t place = 1; place <= holders; ++place) {
    mpz_class value = 0;
    for (std::size_t i = threshold; i-- > 0;) {
      value = (value * static_cast<unsigned long>(place) + coefficients[i]) % modulus;
    }
    dealt.shares.push_back(value);
  }
  return dealt;
}

mpz_class decrypt_part(const ThresholdPaillier& key, const mpz_class& ciphertext,
                       const mpz_class& share) {
  // a share of zero would end the power at once: it has the chance of 1 in n m
  return power(ciphertext, 2 * key.factorial * share, key.open.n_squared);
}

mpz_class combine_parts(const ThresholdPaillier& key, std::span<const std::uint32_t> places,
                        std::span<const mpz_class> parts) {
  ENSURE(places.size() == key.threshold, "as many parts as the threshold");
  ENSURE(parts.size() == places.size(), "a part of each");
  const mpz_class& modulus = key.open.n_squared;
  // c^(4 D^2 d) by Lagrange at zero, times D = holders!, which makes the coefficients whole
  mpz_class product = 1;
  for (std::size_t i = 0; i < places.size(); ++i) {
    mpz_class above = key.factorial;
    mpz_class below = 1;
    for (std::size_t j = 0; j < places.size(); ++j) {
      if (j == i) continue;
      above *= static_cast<unsigned long>(places[j]);
      below *= static_cast<long>(places[j]) - static_cast<long>(places[i]);
    }
    const mpz_class exponent = 2 * above / below;
    mpz_class factor;
    // places are public: nothing secret here
    mpz_powm(factor.get_mpz_t(), parts[i].get_mpz_t(), exponent.get_mpz_t(), modulus.get_mpz_t());
    product = product * factor % modulus;
  }
  const mpz_class scaled = quotient(product, key.open.n) % key.open.n;
  const mpz_class four = 4 * key.factorial * key.factorial % key.open.n;
  return scaled * inverse(four, key.open.n) % key.open.n;
}

std::size_t Packing::slots() const {
  return static_cast<std::size_t>((key_bits - 1) / slot_bits);
}

std::size_t Packing::plaintexts(std::size_t values) const {
  return (values + slots() - 1) / slots();
}

std::vector<mpz_class> Packing::pack(std::span<const std::uint32_t> values) const {
  std::vector<mpz_class> plaintexts(this->plaintexts(values.size()));
  for (std::size_t i = values.size(); i-- > 0;) {
    mpz_class& plaintext = plaintexts[i / slots()];
    plaintext <<= static_cast<mp_bitcnt_t>(slot_bits);
    plaintext += static_cast<unsigned long>(values[i]);
  }
  return plaintexts;
}

std::vector<std::uint64_t> Packing::unpack(std::span<const mpz_class> plaintexts,
                                           std::size_t values) const {
  static_assert(sizeof(unsigned long) == sizeof(std::uint64_t), "a slot fits a word");
  std::vector<std::uint64_t> result(values);
  mpz_class rest;
  mpz_class slot;
  for (std::size_t i = 0; i < values; ++i) {
    if (i % slots() == 0) rest = plaintexts[i / slots()];
    mpz_fdiv_r_2exp(slot.get_mpz_t(), rest.get_mpz_t(), static_cast<mp_bitcnt_t>(slot_bits));
    result[i] = slot.get_ui();
    rest >>= static_cast<mp_bitcnt_t>(slot_bits);
  }
  return result;
}

int slot_bits(std::size_t parties, int bits) {
  return bits + static_cast<int>(std::bit_width(parties - 1));
}

}  // namespace polyclinic::secure
