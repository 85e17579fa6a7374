// How many attackers a round that invites only some of the hospitals may have.
#pragma once

#include <cstddef>

namespace polyclinic::attack {

// The probability that of `drawn` hospitals, drawn from `all` of whom `attackers` attack, more than
// `bound` do: the tail of the hypergeometric law. REQUIRES: drawn <= all, attackers <= all.
double more_attackers_than(std::size_t bound, std::size_t drawn, std::size_t attackers,
                           std::size_t all);

}  // namespace polyclinic::attack
