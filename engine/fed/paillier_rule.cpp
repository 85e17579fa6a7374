#include "fed/paillier_rule.hpp"

#include <fmt/format.h>

#include <bit>

#include "base/check.hpp"
#include "base/error.hpp"
#include "base/quantity.hpp"
#include "fed/schema_help.hpp"

namespace polyclinic {

using secure::PaillierHolder;

secure::PaillierShape PaillierRule::shape(std::size_t parties, std::size_t values, int bits,
                                          bool wraps) const {
  secure::PaillierShape result;
  result.holder = holder;
  result.key_bits = key_bits;
  result.modulus_bits = bits;
  // values that stand for numbers below zero have sums beyond the modulus
  result.slot_bits = bits + (wraps ? static_cast<int>(std::bit_width(parties - 1)) : 0);
  result.values = values;
  result.holders = holders;
  result.threshold = parts;
  return result;
}

PaillierRule paillier_rule(const Part& part) {
  PaillierRule rule;
  const std::string& key = part.text("key");
  if (key == "coordinator") {
    rule.holder = PaillierHolder::coordinator;
  } else if (key == "hospitals") {
    rule.holder = PaillierHolder::hospitals;
  } else {
    ENSURE(key == "threshold", "the schema names only keys that exist");
  }
  rule.key_bits = static_cast<int>(part.integer("key_bits"));
  return rule;
}

void check_paillier(const Part& part, std::size_t values) {
  if (part.integer("key_bits") % 128 != 0) {
    throw part.mistake("key_bits", "a key has a multiple of 128 bits", "2048 or 3072");
  }
  if (values <= kPaillierValuesMost) return;
  throw ScenarioError(
      {part.where,
       fmt::format("secure.paillier encrypts up to {} values, and an update has {} with its "
                   "weight",
                   kPaillierValuesMost, values),
       "a smaller model, personal.layers that keep most at home, or secure.pairwise, whose masks "
       "cost a thousandth"});
}

Schema paillier_schema() {
  return Schema{
      .kind = "secure",
      .name = "paillier",
      .doc =
          "Sums of encrypted updates, for small vectors: hospitals send ciphertexts, which the "
          "server multiplies; the product holds the sum of whoever arrived. Values are packed side "
          "by side. No phase comes before the training: keys are those of the run, given out by "
          "somebody who is trusted and forgets them. Who could read what depends on the key, and "
          "the report says it. Against parties that follow the protocol.",
      .paper =
          "Paillier 1999, Public-Key Cryptosystems Based on Composite Degree Residuosity Classes; "
          "by a threshold: Damgard and Jurik 2001",
      .fields =
          {Field{"key", type::choice({"threshold", "hospitals", "coordinator"}), "threshold",
                 "threshold: each hospital has a share of it, and so many together decrypt; "
                 "hospitals: all of them have it, and the server has not: one with the server "
                 "reads every update; coordinator: the server has it, and could read every update "
                 "itself"},
           Field{"key_bits", type::integer().between(1024, 4096), std::int64_t{2048},
                 "of n, a multiple of 128; below 2048 for trials only"},
           Field{"threshold",
                 type::integer().at_least(2) | some_share(type::quantity(Dimension::fraction)),
                 {},
                 "hospitals whose updates must arrive, else the round fails, and where the key is "
                 "in shares so many decrypt: a count, or fraction(0.6) of those invited",
                 false,
                 "two thirds of those invited, rounded down, and one; two where the key is not in "
                 "shares"}},
      .example = "secure = secure.paillier { key = \"threshold\", threshold = 4 }"};
}

}  // namespace polyclinic
