#include "base/quantiles_impl.inl"

namespace polyclinic::math {

void baseline_quantiles(std::span<double> p) {
  quantiles(p);
}

}  // namespace polyclinic::math
