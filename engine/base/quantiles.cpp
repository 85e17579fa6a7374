#include "base/quantiles.hpp"

#include "base/normals.hpp"

namespace polyclinic::math {

Quantiles find_quantiles(std::string_view isa) {
  if (isa == "baseline") return &baseline_quantiles;
  if (isa == "avx2" && __builtin_cpu_supports("avx2")) return &avx2_quantiles;
  return nullptr;
}

void normal_quantiles(std::span<double> p) {
  // the same bits either way: nothing that a user could want to choose
  static const Quantiles widest =
      find_quantiles("avx2") != nullptr ? &avx2_quantiles : &baseline_quantiles;
  widest(p);
}

}  // namespace polyclinic::math
