#include "privacy/mixture.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/check.hpp"
#include "privacy/log_math.hpp"

namespace polyclinic::privacy {

namespace {

double least_mean(const std::vector<Component>& mixture) {
  double least = kPlusInfinity;
  for (const Component& c : mixture) least = std::min(least, c.mean);
  return least;
}

double largest_mean(const std::vector<Component>& mixture) {
  double largest = kMinusInfinity;
  for (const Component& c : mixture) largest = std::max(largest, c.mean);
  return largest;
}

double weight_at(const std::vector<Component>& mixture, double mean) {
  double weight = 0;
  for (const Component& c : mixture) {
    if (c.mean == mean) weight += c.weight;
  }
  return weight;
}

// log of the sum of w exp((2 m x - m^2) / (2 sigma^2)): the mixture's density over that of N(0),
// and the mean of m under those terms.
struct Tilted {
  double log_sum;
  double mean;
};
Tilted tilted(const std::vector<Component>& mixture, double variance, double x) {
  if (mixture.size() == 1) {
    const double m = mixture[0].mean;
    return {math::log(mixture[0].weight) + m * (x - 0.5 * m) / variance, m};
  }
  double largest = kMinusInfinity;
  for (const Component& c : mixture) {
    largest = std::max(largest, c.mean * (x - 0.5 * c.mean) / variance);
  }
  double sum = 0;
  double moment = 0;
  for (const Component& c : mixture) {
    const double term = c.weight * math::exp(c.mean * (x - 0.5 * c.mean) / variance - largest);
    sum += term;
    moment += term * c.mean;
  }
  return {largest + math::log(sum), moment / sum};
}

bool is_zero_alone(const std::vector<Component>& mixture) {
  return mixture.size() == 1 && mixture[0].mean == 0;
}

bool is_zero_and_one_more(const std::vector<Component>& mixture) {
  return mixture.size() == 2 && mixture[0].mean == 0 && mixture[1].mean != 0;
}

// The x at which log(w0 + w1 exp((2 m x - m^2) / (2 sigma^2))) is `value`.
double x_of_two(const std::vector<Component>& mixture, double variance, double value) {
  const double m = mixture[1].mean;
  // exp(value) - w0, where w0 + w1 = 1
  const double rest = math::expm1(value) + mixture[1].weight;
  if (rest <= 0) return m > 0 ? kMinusInfinity : kPlusInfinity;
  return variance / m * math::log(rest / mixture[1].weight) + 0.5 * m;
}

}  // namespace

double MixturePair::loss(double x) const {
  const double variance = sigma * sigma;
  return tilted(p, variance, x).log_sum - tilted(q, variance, x).log_sum;
}

double MixturePair::loss_slope(double x) const {
  const double variance = sigma * sigma;
  return (tilted(p, variance, x).mean - tilted(q, variance, x).mean) / variance;
}

double MixturePair::least_loss() const {
  const double mean = least_mean(p);
  if (mean > least_mean(q)) return kMinusInfinity;
  return math::log(weight_at(p, mean)) - math::log(weight_at(q, mean));
}

double MixturePair::largest_loss() const {
  const double mean = largest_mean(q);
  if (largest_mean(p) > mean) return kPlusInfinity;
  return math::log(weight_at(p, mean)) - math::log(weight_at(q, mean));
}

double MixturePair::x_of_loss(double value, double start) const {
  if (value <= least_loss()) return kMinusInfinity;
  if (value >= largest_loss()) return kPlusInfinity;
  const double variance = sigma * sigma;
  if (is_zero_alone(q) && is_zero_and_one_more(p)) return x_of_two(p, variance, value);
  if (is_zero_alone(p) && is_zero_and_one_more(q)) return x_of_two(q, variance, -value);

  const auto at = [&](double x) {
    const Tilted over_p = tilted(p, variance, x);
    const Tilted over_q = tilted(q, variance, x);
    return std::pair{over_p.log_sum - over_q.log_sum - value,
                     (over_p.mean - over_q.mean) / variance};
  };
  const auto close = [&](double step, double x) {
    return std::fabs(step) <= 1e-15 * (std::fabs(x) + sigma);
  };
  // from a good guess Newton's steps shrink at once
  double x = start;
  double last_step = kPlusInfinity;
  for (int i = 0; i < 12; ++i) {
    const auto [miss, slope] = at(x);
    const double step = miss / slope;
    if (!(std::fabs(step) < 0.5 * last_step)) {
      if (close(step, x)) return x;
      break;
    }
    x -= step;
    if (close(step, x)) return x;
    last_step = std::fabs(step);
  }
  // otherwise a bracket around the root, and steps kept inside it
  double low = start;
  double high = start;
  double width = sigma;
  while (at(low).first > 0) {
    high = low;
    low -= width;
    width *= 2;
    if (width > 1e12 * sigma) return kMinusInfinity;
  }
  width = sigma;
  while (at(high).first < 0) {
    low = high;
    high += width;
    width *= 2;
    if (width > 1e12 * sigma) return kPlusInfinity;
  }
  x = 0.5 * (low + high);
  for (int i = 0; i < 200 && low < high; ++i) {
    const auto [miss, slope] = at(x);
    (miss > 0 ? high : low) = x;
    double next = x - miss / slope;
    if (!(next > low && next < high)) next = 0.5 * (low + high);
    const double step = next - x;
    x = next;
    if (close(step, x)) break;
  }
  return x;
}

MixturePair poisson_pair(double q, double sigma) {
  MixturePair pair;
  pair.sigma = sigma;
  pair.q = {{1, 0}};
  if (q == 1) {
    pair.p = {{1, 1}};
  } else {
    pair.p = {{1 - q, 0}, {q, 1}};
  }
  return pair;
}

MixturePair poisson_replace_pair(double q, double sigma) {
  MixturePair pair = poisson_pair(q, sigma);
  pair.q = pair.p;
  for (Component& c : pair.q) c.mean = -c.mean;
  return pair;
}

MixturePair group_pair(double q, double sigma, int records) {
  ENSURE(records >= 1, "a unit has a record");
  MixturePair pair;
  pair.sigma = sigma;
  pair.q = {{1, 0}};
  if (q == 1) {
    pair.p = {{1, static_cast<double>(records)}};
    return pair;
  }
  for (int i = 0; i <= records; ++i) {
    const double log_weight =
        log_binomial(records, i) + i * math::log(q) + (records - i) * math::log1p(-q);
    const double weight = math::exp(log_weight);
    if (weight > 0) pair.p.push_back({weight, static_cast<double>(i)});
  }
  return pair;
}

MixturePair reversed(const MixturePair& pair) {
  MixturePair result;
  result.sigma = pair.sigma;
  result.p = pair.q;
  result.q = pair.p;
  // mirrored, so that the loss rises with x again
  for (Component& c : result.p) c.mean = c.mean == 0 ? 0 : -c.mean;
  for (Component& c : result.q) c.mean = c.mean == 0 ? 0 : -c.mean;
  return result;
}

double below(const std::vector<Component>& mixture, double sigma, double x) {
  double sum = 0;
  for (const Component& c : mixture) sum += c.weight * math::normal_cdf((x - c.mean) / sigma);
  return sum;
}

double above(const std::vector<Component>& mixture, double sigma, double x) {
  double sum = 0;
  for (const Component& c : mixture) sum += c.weight * math::normal_cdf((c.mean - x) / sigma);
  return sum;
}

}  // namespace polyclinic::privacy
