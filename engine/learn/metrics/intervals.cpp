#include "learn/metrics/intervals.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/draw.hpp"
#include "base/math.hpp"

namespace polyclinic::metrics {

double normal_z(double level) {
  ENSURE(level > 0 && level < 1, "the level of an interval is a probability");
  return math::normal_quantile(0.5 + level / 2);
}

Limits wilson(double successes, double trials, double level) {
  ENSURE(trials > 0, "a proportion of nothing");
  ENSURE(successes >= 0 && successes <= trials, "no more successes than trials");
  const double z = normal_z(level);
  const double p = successes / trials;
  const double scale = 1 / (1 + z * z / trials);
  const double centre = (p + z * z / (2 * trials)) * scale;
  const double half = z * scale * std::sqrt(p * (1 - p) / trials + z * z / (4 * trials * trials));
  // at the ends the limit is exact, whatever rounding says
  return {successes == 0 ? 0.0 : std::max(0.0, centre - half),
          successes == trials ? 1.0 : std::min(1.0, centre + half)};
}

Limits logit_interval(double value, double standard_error, double level) {
  ENSURE(value > 0 && value < 1, "a logit needs a value inside (0, 1)");
  const double half = normal_z(level) * standard_error / (value * (1 - value));
  const double centre = math::logit(value);
  return {math::sigmoid(centre - half), math::sigmoid(centre + half)};
}

namespace {

// Hanley and McNeil 1982 with exponential laws, as modified by Newcombe 2006:
// V(a) = a (1 - a) (1 + N* (1 - a) / (2 - a) + N* a / (1 + a)) / (m n),  N* = (m + n) / 2 - 1
double hanley_mcneil_variance(double a, double m, double n) {
  const double star = (m + n) / 2 - 1;
  return a * (1 - a) * (1 + star * (1 - a) / (2 - a) + star * a / (1 + a)) / (m * n);
}

// The AUROC between `estimate` and `end` where |estimate - a| = z sqrt(V(a)), by bisection.
double newcombe_limit(double estimate, double end, double z, double m, double n) {
  double outside = end;
  double inside = estimate;
  for (int i = 0; i < 100; ++i) {
    const double a = (outside + inside) / 2;
    const double distance = estimate - a;
    const bool too_far = distance * distance > z * z * hanley_mcneil_variance(a, m, n);
    (too_far ? outside : inside) = a;
  }
  return inside;
}

}  // namespace

Limits newcombe_auroc(double auroc, std::int64_t events, std::int64_t non_events, double level) {
  ENSURE(auroc >= 0 && auroc <= 1, "an AUROC is a probability");
  ENSURE(events > 0 && non_events > 0, "an AUROC needs both classes");
  const double z = normal_z(level);
  const auto m = static_cast<double>(events);
  const auto n = static_cast<double>(non_events);
  return {newcombe_limit(auroc, 0, z, m, n), newcombe_limit(auroc, 1, z, m, n)};
}

MeanEstimate mean_estimate(std::span<const double> values, double level) {
  ENSURE(!values.empty(), "the mean of nothing");
  const auto n = static_cast<double>(values.size());
  double sum = 0;
  for (const double value : values) sum += value;
  MeanEstimate result{sum / n, std::nullopt};
  if (values.size() < 2) return result;
  double squares = 0;
  for (const double value : values) squares += (value - result.mean) * (value - result.mean);
  const double se = std::sqrt(squares / (n - 1) / n);
  const double half = math::student_t_quantile(0.5 + level / 2, n - 1) * se;
  result.limits = Limits{result.mean - half, result.mean + half};
  return result;
}

Limits mover(std::span<const double> weights, std::span<const double> values,
             std::span<const Limits> limits) {
  ENSURE(weights.size() == values.size(), "a weight per value");
  ENSURE(limits.size() == values.size(), "limits per value");
  double centre = 0;
  double below = 0;
  double above = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double low = weights[i] * (values[i] - limits[i].low);
    const double high = weights[i] * (limits[i].high - values[i]);
    centre += weights[i] * values[i];
    below += low * low;
    above += high * high;
  }
  return {centre - std::sqrt(below), centre + std::sqrt(above)};
}

Limits mover_difference(double a, const Limits& of_a, double b, const Limits& of_b) {
  // not hypot: the C library's need not give the same bits everywhere
  const auto norm = [](double x, double y) { return std::sqrt(x * x + y * y); };
  const double below = norm(a - of_a.low, of_b.high - b);
  const double above = norm(of_a.high - a, b - of_b.low);
  return {a - b - below, a - b + above};
}

namespace {

// Quantile by linear interpolation between order statistics (Hyndman and Fan 1996, type 7).
double quantile(const std::vector<double>& sorted, double p) {
  const double place = p * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  const double share = place - static_cast<double>(below);
  return sorted[below] + share * (sorted[above] - sorted[below]);
}

}  // namespace

std::optional<Limits> bootstrap(
    std::size_t n, const Stream& stream,
    const std::function<std::optional<double>(std::span<const std::int32_t> rows)>& statistic,
    const BootstrapOptions& options) {
  ENSURE(options.resamples >= 100, "limits from fewer resamples are noise");
  ENSURE(n <= static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()), "rows fit int32");
  if (n < 2) return std::nullopt;
  std::vector<double> values;
  values.reserve(static_cast<std::size_t>(options.resamples));
  const auto size = static_cast<std::int32_t>(n);
  for (int b = 0; b < options.resamples; ++b) {
    Stream own = stream.lane(static_cast<std::uint64_t>(b));
    const std::vector<std::int32_t> rows = draw::sample_with_replacement(own, size, size);
    const std::optional<double> value = statistic(rows);
    if (value && std::isfinite(*value)) values.push_back(*value);
  }
  if (static_cast<double>(values.size()) < 0.9 * options.resamples) return std::nullopt;
  std::sort(values.begin(), values.end());
  const double tail = (1 - options.level) / 2;
  return Limits{quantile(values, tail), quantile(values, 1 - tail)};
}

}  // namespace polyclinic::metrics
