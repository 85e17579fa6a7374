// How far one hospital came in one round of a secure sum.
#pragma once

#include "base/ids.hpp"
#include "secure/refusal.hpp"

namespace polyclinic {

// One hospital that was invited; its place is its index + 1.
struct SecureParty {
  HospitalId hospital;
  bool advertised = false;  // member of U1,
  bool shared = false;      // U2,
  bool summed = false;      // U3,
  bool confirmed = false;   // U4, where survivors are signed,
  bool revealed = false;    // U5
  // why it ended its part in the phase after the last that it answered
  secure::Refusal refusal = secure::Refusal::none;
};

}  // namespace polyclinic
