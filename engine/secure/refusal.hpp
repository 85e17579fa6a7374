// Why a hospital ends its part of a secure sum: something that the server sent could not be from an
// honest one, or too few are left to hide among.
#pragma once

#include <cstdint>
#include <string_view>

namespace polyclinic::secure {

enum class Refusal : std::uint8_t {
  none,
  too_few,          // hospitals are left
  key_twice,        // one key for two hospitals
  stranger,         // somebody whom it does not share with
  not_signed,       // keys without the signature of the hospital that they are said to be of
  no_agreement,     // a key with which there is no common secret
  both_secrets,     // it is asked for both secrets of one hospital
  asked_again,      // it has told its shares, or signed a list, before
  left_out,         // it is told that it was lost itself
  unreadable,       // shares that were changed on the way, or sealed for somebody else
  not_confirmed,    // it is asked for shares before the survivors were confirmed
  few_signatures,   // fewer than the threshold confirmed the survivors that it was told
  other_survivors,  // a signature is not one of that hospital under those survivors and this round
};
// "fewer hospitals confirm the survivors it was told than the threshold"
std::string_view describe(Refusal refusal);

}  // namespace polyclinic::secure
