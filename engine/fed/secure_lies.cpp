#include "fed/secure_lies.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace polyclinic {

using secure::Phase;
using secure::Refusal;

std::optional<Lie> lie_in(const SecureRule& rule, const std::vector<SecureParty>& parties,
                          std::int64_t round) {
  if (!rule.tampering || round + 1 < rule.tampering->from_round) return std::nullopt;
  const Tampering& how = *rule.tampering;
  const auto there = std::find_if(parties.begin(), parties.end(), [&](const SecureParty& party) {
    const bool so_far = how.with == Tampering::With::keys ? party.advertised : party.summed;
    return so_far && (!how.victim || party.hospital == *how.victim);
  });
  if (there == parties.end()) return std::nullopt;
  return Lie{how.with, static_cast<std::size_t>(there - parties.begin())};
}

namespace {

std::size_t count(const std::vector<SecureParty>& parties, bool SecureParty::*flag) {
  return static_cast<std::size_t>(std::count_if(
      parties.begin(), parties.end(), [flag](const SecureParty& one) { return one.*flag; }));
}

// Those of a flag who were told the same survivors as the party.
std::size_t of_one_mind(const std::vector<SecureParty>& parties, const Lie& lie, std::size_t index,
                        bool SecureParty::*flag) {
  const bool without = told_without(parties, lie, index);
  std::size_t result = 0;
  for (std::size_t i = 0; i < parties.size(); ++i) {
    if (parties[i].*flag && told_without(parties, lie, i) == without) ++result;
  }
  return result;
}

}  // namespace

// The second half of the others in the sum, the larger one: of twice the threshold both halves are
// one, as the victim itself is told the truth.
bool told_without(const std::vector<SecureParty>& parties, const Lie& lie, std::size_t index) {
  ENSURE(lie.with == Tampering::With::survivors, "lists differ where survivors are lied about");
  if (index == lie.victim || !parties[index].summed) return false;
  const std::size_t others = count(parties, &SecureParty::summed) - 1;
  std::size_t before = 0;
  for (std::size_t i = 0; i < index; ++i) {
    if (i != lie.victim && parties[i].summed) ++before;
  }
  return before >= others / 2;
}

Refusal refusal_of(const SecureRule& rule, std::size_t threshold,
                   const std::vector<SecureParty>& parties, const Lie& lie, Phase phase,
                   std::size_t index) {
  if (lie.with == Tampering::With::keys) {
    // a key of the server's own, without the signature of the hospital that it is said to be of
    const bool hears_one = index != lie.victim || count(parties, &SecureParty::advertised) > 1;
    return rule.active && phase == Phase::share_keys && hears_one ? Refusal::not_signed
                                                                  : Refusal::none;
  }
  const Phase first = rule.active ? Phase::consistency : Phase::unmask;
  if (phase == first && told_without(parties, lie, index)) {
    const std::size_t told = count(parties, &SecureParty::summed) - 1;
    if (told < threshold) return Refusal::too_few;
  }
  if (rule.active && phase == Phase::unmask &&
      of_one_mind(parties, lie, index, &SecureParty::confirmed) < threshold) {
    return Refusal::few_signatures;
  }
  return Refusal::none;
}

std::size_t helpful(const std::vector<SecureParty>& parties, const std::optional<Lie>& lie) {
  if (!lie || lie->with == Tampering::With::keys) return count(parties, &SecureParty::revealed);
  return of_one_mind(parties, *lie, lie->victim, &SecureParty::revealed);
}

bool reads_alone(std::size_t threshold, const std::vector<SecureParty>& parties, const Lie& lie) {
  const SecureParty& victim = parties[lie.victim];
  if (!victim.summed) return false;
  if (lie.with == Tampering::With::keys) {
    // shares of its seed are with those whom the server plays, and one with itself
    const std::size_t played = count(parties, &SecureParty::advertised) - 1;
    return played + (victim.revealed ? 1U : 0U) >= threshold;
  }
  const std::size_t all = count(parties, &SecureParty::revealed);
  const std::size_t of_seed = helpful(parties, lie);
  return of_seed >= threshold && all - of_seed >= threshold;
}

std::vector<Schema> tampering_schemas() {
  const std::vector<Field> fields{Field{"hospital",
                                        type::text(),
                                        {},
                                        "whose update the server is after",
                                        false,
                                        "the first of those invited that is there"},
                                  Field{"from_round", type::integer().at_least(1), std::int64_t{1},
                                        "the first round in which it lies"}};
  return {
      Schema{.kind = "tampering",
             .name = "keys",
             .doc = "The server plays all other hospitals towards one, and that one towards all "
                    "others: each gets keys of the server's instead of theirs. Unless keys are "
                    "signed it reads the update of that hospital, whatever the threshold, and the "
                    "sum comes out as if nothing had happened.",
             .paper = "Bonawitz et al. 2017, Practical Secure Aggregation for Privacy-Preserving "
                      "Machine Learning, section 6.2",
             .fields = fields,
             .example = "secure = secure.pairwise { tampering = tampering.keys {} }"},
      Schema{.kind = "tampering",
             .name = "survivors",
             .doc = "The server tells half of the hospitals that one was lost, and the others that "
                    "it is in the sum: shares of either of its secrets. Where half of them are a "
                    "threshold, it reads the update of that hospital.",
             .paper = "Bonawitz et al. 2017, Practical Secure Aggregation for Privacy-Preserving "
                      "Machine Learning, section 6.2",
             .fields = fields,
             .example = "secure = secure.pairwise { adversary = \"active\", tampering = "
                        "tampering.survivors { from_round = 3 } }"}};
}

}  // namespace polyclinic
