// A server that does not follow the protocol of a secure sum: what it tells whom in a round, who
// notices, and what it reads. All of it follows from who reached which phase, so that the clock
// knows it before any cryptography is computed; with fidelity = "real" the cryptography then has
// to agree (fed/secure_exchange.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/schema.hpp"
#include "fed/secure_party.hpp"
#include "fed/secure_rule.hpp"

namespace polyclinic {

// In one round.
struct Lie {
  Tampering::With with = Tampering::With::keys;
  std::size_t victim = 0;  // index of the party
};
// nullopt: it is honest in this round, or has nobody to lie about yet.
std::optional<Lie> lie_in(const SecureRule& rule, const std::vector<SecureParty>& parties,
                          std::int64_t round);
// Whether the party is told that the victim was lost. REQUIRES: the lie is about survivors.
bool told_without(const std::vector<SecureParty>& parties, const Lie& lie, std::size_t index);
// Why a party that is asked in the phase does not answer; none: it has nothing to complain of.
secure::Refusal refusal_of(const SecureRule& rule, std::size_t threshold,
                           const std::vector<SecureParty>& parties, const Lie& lie,
                           secure::Phase phase, std::size_t index);
// Of those who told shares, how many told one of each secret that the sum needs.
std::size_t helpful(const std::vector<SecureParty>& parties, const std::optional<Lie>& lie);
// Whether the server has the victim's update.
bool reads_alone(std::size_t threshold, const std::vector<SecureParty>& parties, const Lie& lie);

// Schemas of tampering.*.
std::vector<Schema> tampering_schemas();

}  // namespace polyclinic
