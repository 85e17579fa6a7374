// Inside the privacy floor: from delta as a function of epsilon to epsilon at a delta.
#pragma once

namespace polyclinic::privacy {

// The least epsilon at or above 0 whose delta is at most `delta`, by bisection to the last bits;
// ends on the side where the guarantee holds. REQUIRES: delta_of falls, and falls below `delta`.
template <class DeltaOf>
double least_epsilon(const DeltaOf& delta_of, double delta) {
  if (delta_of(0.0) <= delta) return 0;
  double low = 0;
  double high = 1;
  while (delta_of(high) > delta) {
    low = high;
    high *= 2;
  }
  while (high - low > 1e-15 * high) {
    const double middle = 0.5 * (low + high);
    if (middle <= low || middle >= high) break;
    (delta_of(middle) > delta ? low : high) = middle;
  }
  return high;
}

}  // namespace polyclinic::privacy
