// The cryptography of one round's secure sum, played when the round closes.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/stream.hpp"
#include "fed/secure_party.hpp"
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

}  // namespace polyclinic
