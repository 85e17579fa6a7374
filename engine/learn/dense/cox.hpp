// Cox's partial likelihood over a set of rows, in double.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace polyclinic::dense {

enum class Ties : std::uint8_t {
  breslow,  // tied events share one denominator: biased towards zero with many ties
  efron,    // denominators shrink as tied events go: nearer the exact likelihood
};

// Scratch memory; grows to the largest set of rows and stays.
struct CoxScratch {
  std::vector<std::int32_t> order;
  std::vector<double> highest;  // score among those at risk, at the first row of a time
  std::vector<double> at_risk;  // their sum of e^(score - highest), likewise
};

struct CoxRows {
  std::span<const float> score;  // log hazard ratios
  std::span<const float> time;
  std::span<const float> event;  // 1 seen, 0 censored
  // Rows with equal numbers share a risk set; empty: all do.
  std::span<const std::int32_t> stratum{};
};

// Negative log partial likelihood per event, summed over the risk sets; 0 without events. Writes
// its slope with respect to each score unless `slope` is empty. REQUIRES: spans of equal length.
double cox_loss(const CoxRows& rows, Ties ties, std::span<float> slope, CoxScratch& scratch);

}  // namespace polyclinic::dense
