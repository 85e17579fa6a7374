// Small statistics of samples. Pure functions; sums run in the order of the sample, so equal inputs
// give equal bits. "Sample" quantities divide by n - 1. An empty or too small sample gives NaN.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace polyclinic::statistics {

double mean(std::span<const double> sample);
// Sample variance and standard deviation (two passes). NaN below two values.
double variance(std::span<const double> sample);
double sd(std::span<const double> sample);

// Quantile of type 7 of Hyndman and Fan 1996 (R's and NumPy's default): linear between order
// statistics. REQUIRES: 0 <= p <= 1.
double quantile(std::span<const double> sample, double p);
// The same for several probabilities with one sort.
std::vector<double> quantiles(std::span<const double> sample, std::span<const double> p);
double median(std::span<const double> sample);

// Ranks from 1; ties get the mean of the ranks that they share (mid-ranks).
std::vector<double> ranks(std::span<const double> sample);

// Correlation of Pearson, and of Spearman (Pearson's of the mid-ranks). NaN below two pairs or when
// one side does not vary. REQUIRES: x.size() == y.size().
double pearson(std::span<const double> x, std::span<const double> y);
double spearman(std::span<const double> x, std::span<const double> y);

struct Interval {
  double low = 0;
  double high = 0;
};
// Student's interval for the mean of a normal sample: mean -+ t sd / sqrt(n). NaN below two values.
// REQUIRES: 0 < level < 1.
Interval student_interval(std::span<const double> sample, double level = 0.95);
// The same from a known estimate and standard error with df degrees of freedom.
Interval student_interval(double estimate, double standard_error, double df, double level = 0.95);

// Exact interval of a proportion (Clopper, Pearson 1934): it covers at least as often as it says.
// Each end leaves out (1 - level) / 2, so one of them alone is a bound at 1 - (1 - level) / 2; 0
// successes have the lower end 0, `trials` of them the upper end 1.
// REQUIRES: 0 <= successes <= trials, trials > 0, 0 < level < 1.
Interval clopper_pearson(std::int64_t successes, std::int64_t trials, double level = 0.95);

// Least squares y = intercept + slope x, with the slope's standard error (homoscedastic errors).
struct Line {
  double slope = 0;
  double intercept = 0;
  double slope_se = 0;  // NaN below three points
  std::size_t n = 0;
};
// REQUIRES: x.size() == y.size(). All NaN below two points or when x does not vary.
Line fit_line(std::span<const double> x, std::span<const double> y);

}  // namespace polyclinic::statistics
