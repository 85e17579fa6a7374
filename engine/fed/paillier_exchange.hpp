// Sums of encrypted updates with real cryptography (secure/paillier.hpp).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/stream.hpp"
#include "fed/sum_exchange.hpp"
#include "secure/paillier_costs.hpp"

namespace polyclinic {

// The key of a run, and its shares where it has such.
struct PaillierKeys;
std::shared_ptr<const PaillierKeys> make_paillier_keys(const secure::PaillierShape& shape,
                                                       RunKey run);

// The parties outlive it.
std::unique_ptr<SumExchange> make_paillier_exchange(const secure::PaillierShape& shape,
                                                    std::shared_ptr<const PaillierKeys> keys,
                                                    const std::vector<SecureParty>& parties,
                                                    RunKey run, std::int64_t round);

}  // namespace polyclinic
