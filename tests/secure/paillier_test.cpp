// System: Paillier's encryption. Expectation: its laws hold on small keys whose numbers are
// computed here in another way; any threshold of holders decrypts and packed sums never meet.
// Reason: a sum that is wrong in one slot is a wrong model.
#include "secure/paillier.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "base/stream.hpp"
#include "secure/quantiser.hpp"

namespace polyclinic::secure {
namespace {

SecretStream secrets(std::uint64_t step) {
  return {make_run_key(8, 0), 77, step};
}

TEST_CASE("a key small enough to be computed by hand") {
  // p = 5, q = 7, n = 35, n^2 = 1225, r = 2: 2^35 mod 1225 and 1 + 35 m
  PaillierSecret secret;
  secret.p = 5;
  secret.q = 7;
  secret.open.bits = 6;
  secret.open.n = 35;
  secret.open.n_squared = 1225;
  std::uint64_t r_to_n = 1;
  for (int i = 0; i < 35; ++i) r_to_n = r_to_n * 2 % 1225;
  for (std::uint64_t m = 0; m < 35; ++m) {
    const std::uint64_t c = (1 + 35 * m) * r_to_n % 1225;
    CHECK(decrypt(secret, mpz_class(static_cast<unsigned long>(c))) == m);
    // and by the formula of the paper, section 4: L(c^lambda) / L(g^lambda) mod n, lambda = lcm(4,
    // 6) = 12
    std::uint64_t c_to_lambda = 1;
    std::uint64_t g_to_lambda = 1;
    for (int i = 0; i < 12; ++i) {
      c_to_lambda = c_to_lambda * c % 1225;
      g_to_lambda = g_to_lambda * 36 % 1225;
    }
    std::uint64_t quotient = 0;
    while (quotient * ((g_to_lambda - 1) / 35) % 35 != (c_to_lambda - 1) / 35) ++quotient;
    CHECK(quotient == m);
  }
}

TEST_CASE("what is encrypted comes back, and products hold sums") {
  for (const int bits : {64, 128, 256}) {
    SecretStream stream = secrets(static_cast<std::uint64_t>(bits));
    const PaillierSecret secret = make_paillier(bits, stream);
    const PaillierKey& key = secret.open;
    CHECK(mpz_sizeinbase(key.n.get_mpz_t(), 2) == static_cast<std::size_t>(bits));
    CHECK(secret.p * secret.q == key.n);
    const mpz_class top = key.n - 1;
    for (const mpz_class& m : {mpz_class(0), mpz_class(1), mpz_class(123456789), top}) {
      const mpz_class c = encrypt(key, m, stream);
      CHECK(decrypt(secret, c) == m);
      // never the same twice
      CHECK(encrypt(key, m, stream) != c);
      CHECK(decrypt(secret, add(key, c, encrypt(key, 5, stream))) == (m + 5) % key.n);
      mpz_class power;
      mpz_powm_ui(power.get_mpz_t(), c.get_mpz_t(), 7, key.n_squared.get_mpz_t());
      CHECK(decrypt(secret, power) == 7 * m % key.n);
    }
  }
}

TEST_CASE("keys and ciphertexts are those of their address") {
  SecretStream one = secrets(1);
  SecretStream again = secrets(1);
  SecretStream other = secrets(2);
  const PaillierSecret secret = make_paillier(128, one);
  CHECK(secret.open.n == make_paillier(128, again).open.n);
  CHECK(secret.open.n != make_paillier(128, other).open.n);
  CHECK(encrypt(secret.open, 3, one) == encrypt(secret.open, 3, again));
}

TEST_CASE("any threshold of holders decrypts, fewer do not") {
  SecretStream stream = secrets(3);
  const DealtPaillier dealt = deal_paillier(128, 5, 3, stream);
  const PaillierKey& key = dealt.key.open;
  const mpz_class m = key.n - 12345;
  const mpz_class c = add(key, encrypt(key, m, stream), encrypt(key, 100, stream));
  std::vector<mpz_class> parts;
  for (const mpz_class& share : dealt.shares) parts.push_back(decrypt_part(dealt.key, c, share));
  int sets = 0;
  for (unsigned set = 0; set < 32; ++set) {
    std::vector<std::uint32_t> places;
    std::vector<mpz_class> told;
    for (std::uint32_t i = 0; i < 5; ++i) {
      if ((set >> i & 1U) == 0) continue;
      places.push_back(i + 1);
      told.push_back(parts[i]);
    }
    if (places.size() != 3) continue;
    ++sets;
    CHECK(combine_parts(dealt.key, places, told) == m + 100);
    std::swap(places[0], places[2]);
    std::swap(told[0], told[2]);
    CHECK(combine_parts(dealt.key, places, told) == m + 100);
    // two of the three parts with a third that is made up
    told[1] = encrypt(key, 1, stream);
    CHECK(combine_parts(dealt.key, places, told) != m + 100);
  }
  CHECK(sets == 10);
}

TEST_CASE("packed sums never reach the next slot") {
  constexpr std::size_t kParties = 50;
  SecretStream stream = secrets(20);
  const PaillierSecret secret = make_paillier(256, stream);
  const Quantiser quantiser(1, 24);
  const Packing packing{256, slot_bits(kParties, 24)};
  // 24 bits and 6 of guard: 8 slots in 255 bits
  CHECK(packing.slot_bits == 30);
  CHECK(packing.slots() == 8);
  CHECK(packing.plaintexts(8) == 1);
  CHECK(packing.plaintexts(9) == 2);
  // the least, the largest, and beside each other what would be seen of a carry
  std::vector<std::uint32_t> extremes;
  for (const double x : {1.0, -1.0, 1.0, 1.0, -1.0, -1.0, 1.0, 1.0, 1.0, -1.0, 1.0}) {
    extremes.push_back(quantiser.quantise(x, 0));
  }
  CHECK(extremes[0] == quantiser.top());
  CHECK(extremes[1] == 0);
  std::vector<mpz_class> sums(packing.plaintexts(extremes.size()), 1);
  for (std::size_t i = 0; i < kParties; ++i) {
    const std::vector<mpz_class> plain = packing.pack(extremes);
    for (std::size_t k = 0; k < plain.size(); ++k) {
      CHECK(plain[k] < secret.open.n);
      sums[k] = add(secret.open, sums[k], encrypt(secret.open, plain[k], stream));
    }
  }
  for (mpz_class& sum : sums) sum = decrypt(secret, sum);
  const std::vector<std::uint64_t> found = packing.unpack(sums, extremes.size());
  for (std::size_t i = 0; i < extremes.size(); ++i) {
    CHECK(found[i] == kParties * std::uint64_t{extremes[i]});
    CHECK(quantiser.dequantise(found[i], kParties) ==
          doctest::Approx(kParties * (extremes[i] == 0 ? -1.0 : 1.0)));
  }
  // one party needs no guard, a power of two none more than its logarithm
  CHECK(slot_bits(1, 24) == 24);
  CHECK(slot_bits(2, 24) == 25);
  CHECK(slot_bits(64, 24) == 30);
  CHECK(slot_bits(65, 24) == 31);
}

}  // namespace
}  // namespace polyclinic::secure
