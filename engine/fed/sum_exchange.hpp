// The cryptography of one round's secure sum, played when the round closes.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/stream.hpp"
#include "fed/secure_party.hpp"
#include "secure/light.hpp"
#include "secure/shares.hpp"

namespace polyclinic {

class SumExchange {
 public:
  virtual ~SumExchange() = default;
  // The party's vector, which becomes what is sent instead.
  virtual void send(std::size_t index, std::vector<std::uint32_t>& values) = 0;
  // The sum of all that was sent, mod 2^b.
  virtual std::vector<std::uint32_t> sum() = 0;
};

// Of secure.shares. The parties outlive it.
std::unique_ptr<SumExchange> make_shares_exchange(const secure::ShareSettings& settings,
                                                  const std::vector<SecureParty>& parties,
                                                  RunKey run, std::int64_t round);

// Of secure.light, over sums of so many bits; signed: of whole numbers below and above zero, mod
// 2^bits.
struct LightNumbers {
  int modulus_bits = 0;
  bool with_signs = false;
};
std::unique_ptr<SumExchange> make_light_exchange(const secure::LightSettings& settings,
                                                 LightNumbers numbers,
                                                 const std::vector<SecureParty>& parties,
                                                 RunKey run, std::int64_t round);

}  // namespace polyclinic
