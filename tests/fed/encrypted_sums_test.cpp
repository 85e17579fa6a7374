// System: encrypted sums with the parties of a round. Expectation: for every pattern of hospitals
// whose vectors arrive and of those who decrypt, the sum is exact, by each kind of key. Reason: a
// sum is that of whoever arrived, whoever is lost.
#include <doctest/doctest.h>

#include "fed/paillier_exchange.hpp"
#include "fed/paillier_rule.hpp"

namespace polyclinic {
namespace {

using secure::PaillierHolder;

std::vector<SecureParty> five(int pattern) {
  std::vector<SecureParty> parties(5);
  for (std::uint32_t i = 0; i < 5; ++i) {
    // holders of shares beyond those invited, at other places
    parties[i].hospital = HospitalId{2 * i + 1};
    parties[i].summed = pattern % 3 > 0;
    parties[i].revealed = pattern % 3 > 1;
    pattern /= 3;
  }
  return parties;
}

// Values of `bits` bits; wraps: as residues of numbers below zero, too.
int sums(PaillierHolder holder, bool wraps) {
  PaillierRule rule;
  rule.holder = holder;
  rule.key_bits = 256;
  rule.holders = holder == PaillierHolder::threshold ? 12 : 0;
  rule.parts = holder == PaillierHolder::threshold ? 3 : 0;
  const std::uint32_t modulus = 1U << 20U;
  const secure::PaillierShape shape = rule.shape(5, 20, 20, wraps);
  const RunKey run = make_run_key(4, 0);
  const auto keys = make_paillier_keys(shape, run);
  int made = 0;
  for (int pattern = 0; pattern < 243; ++pattern) {
    const std::vector<SecureParty> parties = five(pattern);
    std::size_t decrypt = 0;
    std::size_t arrived = 0;
    for (const SecureParty& party : parties) {
      decrypt += party.revealed ? 1 : 0;
      arrived += party.summed ? 1 : 0;
    }
    // the round is failed before where fewer answered
    const std::size_t needed = holder == PaillierHolder::coordinator ? 0
                               : holder == PaillierHolder::hospitals ? 1
                                                                     : 3;
    if (decrypt < needed || arrived < 2) continue;
    const auto exchange =
        make_paillier_exchange(shape, keys, parties, run, static_cast<std::int64_t>(pattern));
    std::vector<std::uint32_t> expected(20, 0);
    Stream stream(run, Purpose::kTest, static_cast<std::uint64_t>(pattern));
    for (std::size_t i = 0; i < 5; ++i) {
      if (!parties[i].summed) continue;
      std::vector<std::uint32_t> values(20);
      for (std::size_t k = 0; k < values.size(); ++k) {
        values[k] = static_cast<std::uint32_t>(stream.below(wraps ? modulus : modulus / 5));
        expected[k] = (expected[k] + values[k]) % modulus;
      }
      exchange->send(i, values);
    }
    REQUIRE(exchange->sum() == expected);
    ++made;
  }
  return made;
}

TEST_CASE("every pattern of dropouts of five hospitals under each kind of key") {
  // arrived, or arrived and decrypted: C(5,k) 2^k for k = 2 to 5 arrive
  CHECK(sums(PaillierHolder::coordinator, false) == 40 + 80 + 80 + 32);
  // without those in which nobody decrypts: C(5,k) (2^k - 1)
  CHECK(sums(PaillierHolder::hospitals, true) == 30 + 70 + 75 + 31);
  // three at least decrypt: C(5,3) + C(5,4) (4 + 1) + 10 + 5 + 1
  CHECK(sums(PaillierHolder::threshold, false) == 10 + 25 + 16);
  CHECK(sums(PaillierHolder::threshold, true) == 51);
}

}  // namespace
}  // namespace polyclinic
