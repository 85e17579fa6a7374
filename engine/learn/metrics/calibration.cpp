#include "learn/metrics/calibration.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/math.hpp"
#include "learn/metrics/common.hpp"

namespace polyclinic::metrics {

namespace {

// Patients with one standardised logit u: logit = centre + scale * u.
struct LogitGroup {
  double u = 0;
  double n = 0;
  double events = 0;
};

struct LogitData {
  std::vector<LogitGroup> groups;
  double centre = 0;
  double scale = 1;
  bool varies = false;
  bool separated = false;
};

LogitData logit_data(const std::vector<TieGroup>& groups) {
  LogitData data;
  double n = 0;
  double sum = 0;
  for (const TieGroup& group : groups) {
    const double x = math::logit(inside_floor(group.score));
    data.groups.push_back({x, static_cast<double>(group.n), static_cast<double>(group.events)});
    n += data.groups.back().n;
    sum += data.groups.back().n * x;
  }
  data.centre = sum / n;
  data.varies = data.groups.front().u < data.groups.back().u;

  // no finite maximum exists when a cut of the logits separates the classes, a shared value at the
  // cut included (Albert and Anderson 1984)
  double event_low = data.groups.back().u;
  double event_high = data.groups.front().u;
  double other_low = event_low;
  double other_high = event_high;
  double squares = 0;
  for (LogitGroup& group : data.groups) {
    if (group.events > 0) {
      event_low = std::min(event_low, group.u);
      event_high = std::max(event_high, group.u);
    }
    if (group.events < group.n) {
      other_low = std::min(other_low, group.u);
      other_high = std::max(other_high, group.u);
    }
    squares += group.n * (group.u - data.centre) * (group.u - data.centre);
  }
  data.separated = other_high <= event_low || event_high <= other_low;
  if (data.varies) data.scale = std::sqrt(squares / n);
  for (LogitGroup& group : data.groups) group.u = (group.u - data.centre) / data.scale;
  return data;
}

// Log-likelihood of logit P = a + b u with its derivatives.
struct Likelihood {
  double value = 0;
  double ga = 0, gb = 0;             // gradient
  double haa = 0, hab = 0, hbb = 0;  // information
};

Likelihood likelihood(const LogitData& data, double a, double b) {
  Likelihood sum;
  for (const LogitGroup& group : data.groups) {
    const double eta = a + b * group.u;
    const double p = math::sigmoid(eta);
    const double residual = group.events - group.n * p;
    const double weight = group.n * p * (1 - p);
    sum.value += group.events * eta - group.n * math::softplus(eta);
    sum.ga += residual;
    sum.gb += residual * group.u;
    sum.haa += weight;
    sum.hab += weight * group.u;
    sum.hbb += weight * group.u * group.u;
  }
  return sum;
}

struct Fit {
  double a = 0;
  double b = 0;
  Likelihood at;
  bool converged = false;
};

// Newton with step halving; the log-likelihood is concave. Ends when the squared Newton decrement,
// the distance to the maximum in squared standard errors, is below 1e-16.
Fit maximise(const LogitData& data, Fit fit, bool free_slope) {
  fit.at = likelihood(data, fit.a, fit.b);
  for (int iteration = 0; iteration < 200; ++iteration) {
    const Likelihood& l = fit.at;
    const double determinant = free_slope ? l.haa * l.hbb - l.hab * l.hab : l.haa;
    if (!(determinant > 0)) return fit;
    double step_a = free_slope ? (l.hbb * l.ga - l.hab * l.gb) / determinant : l.ga / l.haa;
    double step_b = free_slope ? (l.haa * l.gb - l.hab * l.ga) / determinant : 0;
    const double decrement = step_a * l.ga + step_b * l.gb;

    // a first step from saturated predictions may overshoot by millions
    const double longest = std::max(std::fabs(step_a), std::fabs(step_b));
    const double cut = longest > 8 ? 8 / longest : 1;
    step_a *= cut;
    step_b *= cut;
    Likelihood next = likelihood(data, fit.a + step_a, fit.b + step_b);
    const double slack = 1e-13 * (1 + std::fabs(l.value));
    for (int halving = 0; halving < 40 && !(next.value >= l.value - slack); ++halving) {
      step_a /= 2;
      step_b /= 2;
      next = likelihood(data, fit.a + step_a, fit.b + step_b);
    }
    fit.a += step_a;
    fit.b += step_b;
    fit.at = next;
    if (decrement < 1e-16) {
      fit.converged = true;
      return fit;
    }
  }
  return fit;
}

MetricValue wald(const ClassCounts& counts, double value, double se, double level) {
  const double half = normal_z(level) * se;
  return value_with(counts, value, Limits{value - half, value + half});
}

}  // namespace

Recalibration recalibrate(NumberView scores, NumberView labels, const MetricOptions& options) {
  const ClassCounts counts = count_classes(labels);
  std::string reason = unusable_probabilities(scores, labels);
  if (reason.empty()) reason = too_few(counts, options.min_events);
  Recalibration result;
  if (!reason.empty()) {
    result.intercept = null_value(counts, reason);
    result.slope = null_value(counts, reason);
    return result;
  }

  // on standardised logits the slope of 1 is `scale` and the intercept of 0 is `centre`
  const LogitData data = logit_data(tie_groups(scores, labels));
  const Fit large = maximise(data, {data.centre, data.scale, {}, false}, false);
  if (large.converged) {
    result.intercept_se = 1 / std::sqrt(large.at.haa);
    result.intercept = wald(counts, large.a - data.centre, result.intercept_se, options.level);
  } else {
    result.intercept = null_value(counts, "no convergence");
  }

  if (!data.varies || data.separated) {
    result.slope = null_value(
        counts, data.varies ? "predictions separate the classes" : "predictions do not vary");
    return result;
  }
  const Fit free = maximise(data, large, true);
  if (!free.converged) {
    result.slope = null_value(counts, "no convergence");
    return result;
  }
  // inverse of the 2 x 2 information, back on the logit's own scale
  const double determinant = free.at.haa * free.at.hbb - free.at.hab * free.at.hab;
  result.slope_se = std::sqrt(free.at.haa / determinant) / data.scale;
  const double slope = free.b / data.scale;
  result.free_intercept = free.a - slope * data.centre;
  result.slope = wald(counts, slope, result.slope_se, options.level);
  return result;
}

Brier brier(NumberView scores, NumberView labels, const MetricOptions& options) {
  const ClassCounts counts = count_classes(labels);
  Brier result;
  std::string reason = unusable_probabilities(scores, labels);
  if (!reason.empty()) {
    result.score = null_value(counts, std::move(reason));
    return result;
  }
  std::vector<double> errors(labels.size());
  for (std::size_t i = 0; i < errors.size(); ++i) {
    errors[i] = (scores[i] - labels[i]) * (scores[i] - labels[i]);
  }
  MeanEstimate mean = mean_estimate(errors, options.level);
  if (mean.limits) {
    mean.limits = Limits{std::max(0.0, mean.limits->low), std::min(1.0, mean.limits->high)};
  }
  result.score = value_with(counts, mean.mean, mean.limits);

  const std::vector<TieGroup> groups = tie_groups(scores, labels);
  const auto n = static_cast<double>(counts.n);
  const double overall = static_cast<double>(counts.events) / n;
  result.uncertainty = overall * (1 - overall);
  for (const Bin& bin : equal_count_bins(groups, options.bins)) {
    const auto size = static_cast<double>(bin.n);
    const double f = bin.score_sum / size;
    const double o = static_cast<double>(bin.events) / size;
    result.reliability += size * (f - o) * (f - o) / n;
    result.resolution += size * (o - overall) * (o - overall) / n;
    for (std::size_t g = bin.first; g < bin.last; ++g) {
      const auto members = static_cast<double>(groups[g].n);
      const double d = groups[g].score - f;
      result.within_variance += members * d * d / n;
      result.within_covariance += 2 * d * (static_cast<double>(groups[g].events) - members * o) / n;
    }
  }
  return result;
}

MetricValue brier_multiclass(NumberView scores, NumberView labels, int classes,
                             const MetricOptions& options) {
  const ClassCounts counts{static_cast<std::int64_t>(labels.size()), 0};
  std::string reason = unusable_multiclass(scores, labels, classes);
  if (!reason.empty()) return null_value(counts, std::move(reason));
  std::vector<double> errors(labels.size());
  for (std::size_t i = 0; i < errors.size(); ++i) {
    for (int c = 0; c < classes; ++c) {
      const double p = scores[i * static_cast<std::size_t>(classes) + static_cast<std::size_t>(c)];
      const double d = p - (labels[i] == c ? 1 : 0);
      errors[i] += d * d;
    }
  }
  MeanEstimate mean = mean_estimate(errors, options.level);
  if (mean.limits) {
    mean.limits = Limits{std::max(0.0, mean.limits->low), std::min(2.0, mean.limits->high)};
  }
  return value_with(counts, mean.mean, mean.limits);
}

double mean_absolute_deviation(std::span<const double> probabilities,
                               std::span<const std::int64_t> counts) {
  ENSURE(probabilities.size() == counts.size(), "a count per probability");
  double mean = 0;
  double variance = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    ENSURE(probabilities[i] >= 0 && probabilities[i] <= 1, "probabilities");
    mean += static_cast<double>(counts[i]) * probabilities[i];
    variance += static_cast<double>(counts[i]) * probabilities[i] * (1 - probabilities[i]);
  }
  constexpr double kExactVariance = 128;
  if (variance > kExactVariance) return std::sqrt(2 * variance / std::numbers::pi);

  // P(S = start + k) = mass[k]; one variable more shifts a share p of the mass up by one
  constexpr double kNegligible = 1e-20;
  std::vector<double> mass{1.0};
  std::int64_t start = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double p = probabilities[i];
    for (std::int64_t copy = 0; copy < counts[i]; ++copy) {
      mass.push_back(0.0);
      for (std::size_t k = mass.size() - 1; k > 0; --k)
        mass[k] = mass[k] * (1 - p) + mass[k - 1] * p;
      mass[0] *= 1 - p;
      while (mass.back() < kNegligible) mass.pop_back();
      std::size_t cut = 0;
      while (mass[cut] < kNegligible) ++cut;
      mass.erase(mass.begin(), mass.begin() + static_cast<std::ptrdiff_t>(cut));
      start += static_cast<std::int64_t>(cut);
    }
  }
  double deviation = 0;
  for (std::size_t k = 0; k < mass.size(); ++k) {
    deviation += mass[k] * std::fabs(static_cast<double>(start) + static_cast<double>(k) - mean);
  }
  return deviation;
}

CalibrationError expected_calibration_error(NumberView scores, NumberView labels,
                                            const MetricOptions& options) {
  const ClassCounts counts = count_classes(labels);
  std::string reason = unusable_probabilities(scores, labels);
  if (!reason.empty()) return {null_value(counts, reason), null_value(counts, reason)};

  const std::vector<TieGroup> groups = tie_groups(scores, labels);
  const auto n = static_cast<double>(counts.n);
  double observed = 0;
  double expected = 0;
  double noise = 0;     // sum of n_k E |e_k|
  double variance = 0;  // sum of v_k
  std::vector<double> probabilities;
  std::vector<std::int64_t> sizes;
  for (const Bin& bin : equal_count_bins(groups, options.bins)) {
    // n_k |o_k - f_k| = |events - sum of scores|, and its mean if each score were the true risk
    observed += std::fabs(static_cast<double>(bin.events) - bin.score_sum);
    probabilities.clear();
    sizes.clear();
    for (std::size_t g = bin.first; g < bin.last; ++g) {
      probabilities.push_back(groups[g].score);
      sizes.push_back(groups[g].n);
    }
    const double by_scores = mean_absolute_deviation(probabilities, sizes);
    expected += by_scores;
    const auto size = static_cast<double>(bin.n);
    const double share = static_cast<double>(bin.events) / size;
    double v = 0;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      v += static_cast<double>(sizes[i]) * probabilities[i] * (1 - probabilities[i]);
    }
    v = std::max(v, size * share * (1 - share));
    variance += v;
    noise += std::max(by_scores, std::sqrt(2 * v / std::numbers::pi));
  }
  const double half = normal_z(options.level) * std::sqrt(variance);
  const Limits limits{std::max(0.0, (observed - noise - half) / n), (observed + half) / n};
  return {value_with(counts, observed / n, limits), value_with(counts, expected / n, std::nullopt)};
}

std::string bins_text(const MetricOptions& options) {
  return std::to_string(options.bins) + " equal-count bins, ties together";
}

}  // namespace polyclinic::metrics
