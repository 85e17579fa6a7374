// What a scenario says about secure.light: masks that are rebuilt at one stroke from coded pieces.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/schema.hpp"
#include "fed/hospital_count.hpp"
#include "secure/light.hpp"

namespace polyclinic {

struct LightRule {
  HospitalCount colluding;                 // T: who learn nothing with the server
  HospitalCount dropouts;                  // D: who may be lost
  std::optional<HospitalCount> survivors;  // U: who must answer in every phase; none: n - D

  // U in a round of so many; may be what cannot work.
  [[nodiscard]] std::size_t needed(std::size_t invited) const;
  // Whether T < U <= n - D, and U is at least two.
  [[nodiscard]] bool works(std::size_t invited) const;
  // REQUIRES: works().
  [[nodiscard]] secure::LightSettings settings(std::size_t invited, std::size_t values) const;
};

// Reads a resolved part `secure.light`.
LightRule light_rule(const Part& part);

Schema light_schema();

}  // namespace polyclinic
