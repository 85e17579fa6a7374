#include "base/quantiles_impl.inl"

namespace polyclinic::math {

void avx2_quantiles(std::span<double> p) {
  quantiles(p);
}

}  // namespace polyclinic::math
