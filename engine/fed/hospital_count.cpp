#include "fed/hospital_count.hpp"

#include <cmath>

#include "base/check.hpp"

namespace polyclinic {

HospitalCount hospital_count(const Part& part, std::string_view field) {
  const Value* value = part.find(field);
  ENSURE(value != nullptr, "counts of hospitals have defaults");
  HospitalCount result;
  if (const auto* share = value->get_if<Quantity>()) {
    result.share = share->value;
  } else {
    result.count = part.integer(field);
  }
  return result;
}

std::size_t HospitalCount::of(std::size_t invited) const {
  if (!share) return static_cast<std::size_t>(count);
  return static_cast<std::size_t>(std::ceil(*share * static_cast<double>(invited) - 1e-9));
}

}  // namespace polyclinic
