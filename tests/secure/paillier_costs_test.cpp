// System: what encrypted sums send. Expectation: bytes are those of the real messages, to the last
// one. Reason: fidelity = "cost" sends the same.
#include "secure/paillier_costs.hpp"

#include <doctest/doctest.h>

#include "base/stream.hpp"
#include "secure/paillier.hpp"
#include "secure/quantiser.hpp"

namespace polyclinic::secure {
namespace {

std::size_t bytes_of(const mpz_class& number) {
  return (mpz_sizeinbase(number.get_mpz_t(), 2) + 7) / 8;
}

TEST_CASE("bytes of encrypted vectors are those of their ciphertexts") {
  for (const int key_bits : {256, 384}) {
    for (const std::size_t values : {1U, 7U, 8U, 30U}) {
      PaillierShape shape;
      shape.key_bits = key_bits;
      shape.modulus_bits = shape.slot_bits = modulus_bits(5, 24);
      shape.values = values;
      shape.holders = 5;
      shape.threshold = 3;
      const Packing packing{key_bits, shape.slot_bits};
      CHECK(shape.ciphertexts() == packing.plaintexts(values));
      SecretStream secrets(make_run_key(3, 0), values, static_cast<std::uint64_t>(key_bits));
      const DealtPaillier dealt = deal_paillier(key_bits, 5, 3, secrets);
      const PaillierSizes sizes{shape};
      const std::int64_t each = sizes.encrypted() / static_cast<std::int64_t>(shape.ciphertexts());
      // no number mod n^2 is longer, and almost every one is as long
      CHECK(static_cast<std::size_t>(each) == bytes_of(dealt.key.open.n_squared));
      const std::vector<std::uint32_t> ones(values, 1);
      for (const mpz_class& plain : packing.pack(ones)) {
        const mpz_class c = encrypt(dealt.key.open, plain, secrets);
        CHECK(bytes_of(c) + 2 >= static_cast<std::size_t>(each));
        CHECK(bytes_of(c) <= static_cast<std::size_t>(each));
        CHECK(bytes_of(decrypt_part(dealt.key, c, dealt.shares[0])) <=
              static_cast<std::size_t>(each));
      }
      CHECK(sizes.answer() == sizes.encrypted());
      CHECK(sizes.ask() == sizes.encrypted());
      shape.holder = PaillierHolder::hospitals;
      CHECK(PaillierSizes{shape}.answer() == static_cast<std::int64_t>((27 * values + 7) / 8));
    }
  }
}

}  // namespace
}  // namespace polyclinic::secure
