#include "base/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/check.hpp"
#include "base/math.hpp"

namespace polyclinic::statistics {

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

double count(std::span<const double> sample) {
  return static_cast<double>(sample.size());
}

// Sums of squares and products around the means.
struct Moments {
  double mean_x;
  double mean_y;
  double xx = 0;
  double xy = 0;
  double yy = 0;
};

Moments moments(std::span<const double> x, std::span<const double> y) {
  ENSURE(x.size() == y.size(), "pairs have two sides");
  Moments m{mean(x), mean(y)};
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double dx = x[i] - m.mean_x;
    const double dy = y[i] - m.mean_y;
    m.xx += dx * dx;
    m.xy += dx * dy;
    m.yy += dy * dy;
  }
  return m;
}

double sorted_quantile(const std::vector<double>& sorted, double p) {
  ENSURE(p >= 0 && p <= 1, "a quantile is asked for at a probability");
  if (sorted.empty()) return kNaN;
  const double place = p * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const double rest = place - static_cast<double>(below);
  if (below + 1 >= sorted.size() || rest == 0) return sorted[below];
  return sorted[below] + rest * (sorted[below + 1] - sorted[below]);
}

}  // namespace

double mean(std::span<const double> sample) {
  if (sample.empty()) return kNaN;
  return std::accumulate(sample.begin(), sample.end(), 0.0) / count(sample);
}

double variance(std::span<const double> sample) {
  if (sample.size() < 2) return kNaN;
  const double centre = mean(sample);
  double squares = 0;
  for (double x : sample) squares += (x - centre) * (x - centre);
  return squares / (count(sample) - 1);
}

double sd(std::span<const double> sample) {
  return std::sqrt(variance(sample));
}

double quantile(std::span<const double> sample, double p) {
  return quantiles(sample, std::span(&p, 1)).front();
}

std::vector<double> quantiles(std::span<const double> sample, std::span<const double> p) {
  std::vector<double> sorted(sample.begin(), sample.end());
  std::sort(sorted.begin(), sorted.end());
  std::vector<double> result;
  result.reserve(p.size());
  for (double probability : p) result.push_back(sorted_quantile(sorted, probability));
  return result;
}

double median(std::span<const double> sample) {
  return quantile(sample, 0.5);
}

std::vector<double> ranks(std::span<const double> sample) {
  std::vector<std::size_t> order(sample.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return sample[a] < sample[b]; });
  std::vector<double> result(sample.size());
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin + 1;
    while (end < order.size() && sample[order[end]] == sample[order[begin]]) ++end;
    // ranks begin + 1 .. end, shared
    const double shared = 0.5 * static_cast<double>(begin + 1 + end);
    for (std::size_t i = begin; i < end; ++i) result[order[i]] = shared;
    begin = end;
  }
  return result;
}

double pearson(std::span<const double> x, std::span<const double> y) {
  const Moments m = moments(x, y);
  if (!(m.xx > 0) || !(m.yy > 0)) return kNaN;
  return std::clamp(m.xy / (std::sqrt(m.xx) * std::sqrt(m.yy)), -1.0, 1.0);
}

double spearman(std::span<const double> x, std::span<const double> y) {
  return pearson(ranks(x), ranks(y));
}

Interval student_interval(std::span<const double> sample, double level) {
  if (sample.size() < 2) return {kNaN, kNaN};
  return student_interval(mean(sample), sd(sample) / std::sqrt(count(sample)), count(sample) - 1,
                          level);
}

Interval student_interval(double estimate, double standard_error, double df, double level) {
  ENSURE(level > 0 && level < 1, "a confidence level is a probability");
  const double reach = math::student_t_quantile(0.5 + 0.5 * level, df) * standard_error;
  return {estimate - reach, estimate + reach};
}

Interval clopper_pearson(std::int64_t successes, std::int64_t trials, double level) {
  ENSURE(trials > 0, "a proportion needs trials");
  ENSURE(successes >= 0 && successes <= trials, "successes are some of the trials");
  ENSURE(level > 0 && level < 1, "a confidence level is a probability");
  const double tail = 0.5 * (1 - level);
  const auto k = static_cast<double>(successes);
  const auto rest = static_cast<double>(trials - successes);
  // P(Binomial(n, p) >= k) = I_p(k, n - k + 1): the ends are where a tail is (1 - level) / 2
  Interval interval{0, 1};
  if (successes > 0) interval.low = math::beta_i_inverse(k, rest + 1, tail);
  if (successes < trials) interval.high = math::beta_i_inverse(k + 1, rest, 1 - tail);
  return interval;
}

Line fit_line(std::span<const double> x, std::span<const double> y) {
  const Moments m = moments(x, y);
  Line line{kNaN, kNaN, kNaN, x.size()};
  if (!(m.xx > 0)) return line;
  line.slope = m.xy / m.xx;
  line.intercept = m.mean_y - line.slope * m.mean_x;
  if (x.size() < 3) return line;

  // se^2 = sum of squared residuals / (n - 2) / sum (x - mean)^2; summed from the residuals, as
  // yy - slope xy cancels for a good fit
  double residuals = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double r = y[i] - m.mean_y - line.slope * (x[i] - m.mean_x);
    residuals += r * r;
  }
  line.slope_se = std::sqrt(residuals / (count(x) - 2) / m.xx);
  return line;
}

}  // namespace polyclinic::statistics
