// What the primitives of secure sums take on one core: rates from which times on the simulated
// clock are made, so that it never depends on the machine that simulates.
#pragma once

namespace polyclinic::secure {

// In seconds. Unless a comment says otherwise, the defaults were measured on one core of a 2-core
// AMD EPYC with AVX2 (tests/bench/secure_bench.cpp).
struct Rates {
  double key_pair = 40e-6;
  double agreement = 45e-6;
  double sealed = 2e-6;  // sealing or opening a short message
  double signing = 22e-6;
  double verified = 64e-6;
  double mask_value = 2.2e-9;  // 4 bytes of ChaCha20 and an addition
  double share_step = 3.3e-9;  // of a polynomial of shares: a product mod p
  double element = 40e-9;      // a random coefficient of one
  // of whole vectors mod p: a random element, a step of a polynomial, a sum, 4 bytes more to seal
  double field_random = 5.4e-9;
  double field_step = 1.1e-9;
  double field_add = 0.7e-9;
  double sealed_value = 3.2e-9;
  double power_step = 1.45e-9;  // one bit of an exponent, for each squared limb of the modulus
  double add_value = 0.4e-9;    // an addition alone: assumed
  // One AND gate between two servers, its share of the oblivious transfers included: assumed, as
  // none is computed.
  double and_gate = 1e-6;
};

}  // namespace polyclinic::secure
