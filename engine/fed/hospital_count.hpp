// A number of hospitals, or a share of those invited. Plain data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/schema.hpp"

namespace polyclinic {

struct HospitalCount {
  std::int64_t count = 0;
  std::optional<double> share;  // rounded up
  [[nodiscard]] std::size_t of(std::size_t invited) const;
};
// REQUIRES: the field has a value.
HospitalCount hospital_count(const Part& part, std::string_view field);

}  // namespace polyclinic
