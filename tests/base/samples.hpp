// Tests of a sample against its law, with critical values for one false alarm in ten thousand.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

namespace polyclinic::samples {

// Kolmogorov and Smirnov: sqrt(n) D exceeds 2.225 with probability 2 exp(-2 * 2.225^2) = 1e-4.
template <class Cdf>
bool follows(std::vector<double> sample, const Cdf& cdf) {
  std::sort(sample.begin(), sample.end());
  const auto n = static_cast<double>(sample.size());
  double distance = 0;
  for (std::size_t i = 0; i < sample.size(); ++i) {
    const double p = cdf(sample[i]);
    distance =
        std::max({distance, p - static_cast<double>(i) / n, static_cast<double>(i + 1) / n - p});
  }
  return std::sqrt(n) * distance < 2.225;
}

// Pearson's chi-squared with cells of expectation `expected`; the critical value by Wilson and
// Hilferty's formula at z = 3.719 (1e-4). The counts and expectations must have equal sums.
inline bool fits(const std::vector<double>& counts, const std::vector<double>& expected) {
  double chi2 = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    chi2 += (counts[i] - expected[i]) * (counts[i] - expected[i]) / expected[i];
  }
  const auto df = static_cast<double>(counts.size() - 1);
  const double spread = 2 / (9 * df);
  return chi2 < df * std::pow(1 - spread + 3.719 * std::sqrt(spread), 3);
}

// Whether the mean and variance lie within five standard errors of the law's, which follow from its
// variance and fourth central moment.
inline bool has_moments(const std::vector<double>& sample, double mean, double variance,
                        double fourth) {
  const auto n = static_cast<double>(sample.size());
  double sum = 0;
  double squares = 0;
  for (double x : sample) {
    sum += x - mean;
    squares += (x - mean) * (x - mean);
  }
  return std::fabs(sum / n) <= 5 * std::sqrt(variance / n) &&
         std::fabs(squares / n - variance) <=
             5 * std::sqrt(std::fmax(0, fourth - variance * variance) / n);
}

}  // namespace polyclinic::samples
