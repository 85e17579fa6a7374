#include "secure/refusal.hpp"

namespace polyclinic::secure {

std::string_view describe(Refusal refusal) {
  switch (refusal) {
    case Refusal::none: break;
    case Refusal::too_few: return "fewer hospitals than the threshold are left";
    case Refusal::key_twice: return "two hospitals are said to have one key";
    case Refusal::stranger: return "it is told of hospitals that it shares nothing with";
    case Refusal::not_signed: return "keys are not signed by their hospital for this round";
    case Refusal::no_agreement: return "a key agrees on nothing";
    case Refusal::both_secrets: return "it is asked for both secrets of one hospital";
    case Refusal::asked_again: return "it is asked a second time";
    case Refusal::left_out: return "it is told that it was lost itself";
    case Refusal::unreadable: return "shares for it cannot be opened";
    case Refusal::not_confirmed: return "the survivors were not confirmed";
    case Refusal::few_signatures:
      return "fewer hospitals confirm the survivors it was told than the threshold";
    case Refusal::other_survivors:
      return "a hospital has not signed the survivors it was told for this round";
  }
  return "it refuses nothing";
}

}  // namespace polyclinic::secure
