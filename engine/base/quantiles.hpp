// Inside base: many normal quantiles at once, compiled once per instruction set. The operations are
// those of math::normal_quantile, so that all of them give the same bits.
#pragma once

#include <span>
#include <string_view>

namespace polyclinic::math {

using Quantiles = void (*)(std::span<double> p);

void baseline_quantiles(std::span<double> p);
// REQUIRES: a processor with AVX2.
void avx2_quantiles(std::span<double> p);

// "baseline" or "avx2"; null where this processor does not have it.
Quantiles find_quantiles(std::string_view isa);

}  // namespace polyclinic::math
