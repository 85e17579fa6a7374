#include "privacy/tilted_sum.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <complex>

#include "base/check.hpp"
#include "privacy/fft.hpp"
#include "privacy/log_math.hpp"

namespace polyclinic::privacy {

namespace {

constexpr double kTiltMin = 1e-6;
constexpr double kTiltMax = 1e5;
// Mass that the window may leave out, relative to the question's delta and to the tilted law.
constexpr double kLeftOut = 1e-8;

struct OneCumulant {
  double value;
  double mean;
  double variance;
};

OneCumulant cumulant_of(const LossPmf& pmf, double lambda) {
  // relative to the end whose factor is the largest; what underflows beside it does not count
  const LossAtom& end = lambda > 0 ? pmf.atoms.back() : pmf.atoms.front();
  double sum = 0;
  double first = 0;
  double second = 0;
  for (const LossAtom& atom : pmf.atoms) {
    const double distance = static_cast<double>(atom.index - end.index) * pmf.step;
    const double exponent = lambda * distance;
    if (exponent < -700) continue;
    const double term = atom.mass * math::exp(exponent);
    sum += term;
    first += term * distance;
    second += term * distance * distance;
  }
  const double at = static_cast<double>(end.index) * pmf.step + pmf.offset;
  const double mean = first / sum;
  return {lambda * at + math::log(sum), at + mean, std::max(0.0, second / sum - mean * mean)};
}

// Golden-section search for the least value of f over [low, high], f with one valley.
template <class F>
double least_value(F f, double low, double high, double width) {
  constexpr double kGolden = 0.6180339887498949;
  double a = high - kGolden * (high - low);
  double b = low + kGolden * (high - low);
  double at_a = f(a);
  double at_b = f(b);
  double least = std::min(at_a, at_b);
  while (high - low > width) {
    if (at_a < at_b) {
      high = b;
      b = a;
      at_b = at_a;
      a = high - kGolden * (high - low);
      at_a = f(a);
      least = std::min(least, at_a);
    } else {
      low = a;
      a = b;
      at_a = at_b;
      b = low + kGolden * (high - low);
      at_b = f(b);
      least = std::min(least, at_b);
    }
  }
  return least;
}

// The tilt at which f is least, on a logarithmic scale.
template <class F>
double least_tilt(F f) {
  double best = kPlusInfinity;
  double where = 1;
  const auto remember = [&](double log_tilt) {
    const double tilt = math::exp(log_tilt);
    const double value = f(tilt);
    if (value < best) {
      best = value;
      where = tilt;
    }
    return value;
  };
  static_cast<void>(least_value(remember, math::log(kTiltMin), math::log(kTiltMax), 0.05));
  return where;
}

// z^n by repeated squaring.
std::complex<double> power(std::complex<double> z, std::int64_t n) {
  double re = 1;
  double im = 0;
  double a = z.real();
  double b = z.imag();
  while (true) {
    if (n & 1) {
      const double t = re * a - im * b;
      im = re * b + im * a;
      re = t;
    }
    n >>= 1;
    if (n == 0) break;
    const double t = a * a - b * b;
    b = 2 * a * b;
    a = t;
  }
  return {re, im};
}

}  // namespace

Cumulant cumulant(const std::vector<PmfSteps>& parts, double lambda) {
  Cumulant sum;
  for (const PmfSteps& part : parts) {
    const OneCumulant one = cumulant_of(part.pmf, lambda);
    const auto steps = static_cast<double>(part.steps);
    sum.value += steps * one.value;
    sum.mean += steps * one.mean;
    sum.variance += steps * one.variance;
  }
  return sum;
}

double tilt_for_delta(const std::vector<PmfSteps>& parts, double delta) {
  const double log_delta = math::log(delta);
  return least_tilt([&](double lambda) {
    // Proposition 12 of Canonne et al. 2020, at order lambda + 1
    return (cumulant(parts, lambda).value - log_delta - math::log1p(lambda)) / lambda -
           math::log1p(1 / lambda);
  });
}

double tilt_for_epsilon(const std::vector<PmfSteps>& parts, double epsilon) {
  return least_tilt([&](double lambda) {
    return cumulant(parts, lambda).value - lambda * epsilon - lambda * math::log1p(1 / lambda) -
           math::log1p(lambda);
  });
}

TiltedSum::TiltedSum(const std::vector<PmfSteps>& parts, double lambda, double scale,
                     std::int64_t largest_transform)
    : lambda_(lambda), cumulant_(cumulant(parts, lambda)) {
  step_ = parts.front().pmf.step;
  double log_finite = 0;
  for (const PmfSteps& part : parts) {
    ENSURE(part.pmf.step == step_, "losses that are added lie on one lattice");
    log_finite += static_cast<double>(part.steps) * math::log1p(-part.pmf.infinite);
  }
  infinite_ = -math::expm1(log_finite);
  choose_window(parts, scale, largest_transform);
  if (fits()) transform(parts);
}

Window window_of(const std::vector<PmfSteps>& parts, double lambda, const Cumulant& at,
                 double scale) {
  double least = 0;
  double largest = 0;
  Window window;
  for (const PmfSteps& part : parts) {
    const auto steps = static_cast<double>(part.steps);
    const double step = part.pmf.step;
    least += steps * (static_cast<double>(part.pmf.atoms.front().index) * step + part.pmf.offset);
    largest += steps * (static_cast<double>(part.pmf.atoms.back().index) * step + part.pmf.offset);
    window.offset += steps * part.pmf.offset;
  }
  const double spread = std::max(std::sqrt(at.variance), parts.front().pmf.step);
  const double log_left_out = math::log(kLeftOut);
  // Chernoff: the tilted law has at most exp(K(lambda + t) - K(lambda) - t x) above x; the x at
  // which that is what may be left out, for the best t found
  const double low = math::log(0.02 / spread);
  const double high = math::log(200 / spread);
  const double tilted_top = least_value(
      [&](double log_t) {
        const double t = math::exp(log_t);
        return (cumulant(parts, lambda + t).value - at.value - log_left_out) / t;
      },
      low, high, 0.3);
  // untilted, exp(K(theta) - theta x) lies above x
  const double log_scale = log_left_out + math::log(scale);
  const double plain_top = least_value(
      [&](double log_t) {
        const double theta = lambda + math::exp(log_t);
        return (cumulant(parts, theta).value - log_scale) / theta;
      },
      low, high, 0.3);
  window.top = std::max(tilted_top, plain_top);
  window.above = kLeftOut * scale;
  window.wrapped = kLeftOut;
  if (window.top >= largest) {
    window.top = largest;
    window.above = 0;
    window.wrapped = 0;
  }
  window.bottom = -least_value(
      [&](double log_t) {
        const double t = math::exp(log_t);
        return (cumulant(parts, lambda - t).value - at.value - log_left_out) / t;
      },
      low, high, 0.3);
  if (window.bottom <= least) {
    window.bottom = least;
  } else {
    window.wrapped += kLeftOut;
  }
  return window;
}

void TiltedSum::choose_window(const std::vector<PmfSteps>& parts, double scale,
                              std::int64_t largest_transform) {
  const Window window = window_of(parts, lambda_, cumulant_, scale);
  bottom_index_ =
      static_cast<std::int64_t>(std::floor((window.bottom - window.offset) / step_)) - 1;
  const double needed = (window.top - window.bottom) / step_ + 4;
  if (!(needed < 8.0 * static_cast<double>(largest_transform))) return;
  length_ = 16;
  while (static_cast<double>(length_) < needed) length_ *= 2;
  bottom_ = static_cast<double>(bottom_index_) * step_ + window.offset;
  above_top_ = window.above;
  wrapped_ = window.wrapped;
}

void TiltedSum::transform(const std::vector<PmfSteps>& parts) {
  RealFft fft(length_);
  const auto length = static_cast<std::int64_t>(length_);
  std::vector<double> values(length_);
  std::vector<std::complex<double>> spectrum;
  std::vector<std::complex<double>> product;
  // sum over parts of steps / |z|: how much a relative error of a coefficient grows
  std::vector<double> growth(length_ / 2 + 1, 0.0);
  const bool single = parts.size() == 1;
  for (const PmfSteps& part : parts) {
    std::fill(values.begin(), values.end(), 0.0);
    const OneCumulant one = cumulant_of(part.pmf, lambda_);
    for (const LossAtom& atom : part.pmf.atoms) {
      const double loss = static_cast<double>(atom.index) * step_ + part.pmf.offset;
      const double mass = atom.mass * math::exp(lambda_ * loss - one.value);
      values[static_cast<std::size_t>(((atom.index % length) + length) % length)] += mass;
    }
    fft.forward(values, spectrum);
    const auto steps = static_cast<double>(part.steps);
    if (product.empty()) product.assign(spectrum.size(), {1, 0});
    for (std::size_t k = 0; k < spectrum.size(); ++k) {
      const double size = std::sqrt(std::norm(spectrum[k]));
      growth[k] += steps / std::max(size, 1e-150);
      const std::complex<double> raised = power(spectrum[k], part.steps);
      product[k] = single
                       ? raised
                       : std::complex<double>(
                             product[k].real() * raised.real() - product[k].imag() * raised.imag(),
                             product[k].real() * raised.imag() + product[k].imag() * raised.real());
    }
  }
  // |error| of a coefficient: its own from the forward transform times steps / |z|, and 4 roundings
  // per multiplication; the inverse adds its own of the mean of the sizes
  const double one_error = fft_error(length_);
  double errors = 0;
  double sizes = 0;
  for (std::size_t k = 0; k < product.size(); ++k) {
    const double twice = k == 0 || k + 1 == product.size() ? 1 : 2;
    const double size = std::sqrt(std::norm(product[k]));
    errors += twice * std::min(2.0, size * growth[k] * (one_error + 5e-16));
    sizes += twice * size;
  }
  mass_error_ = (errors + sizes * one_error) / static_cast<double>(length_);
  fft.inverse(product, values);
  // index i of the transform is the lattice point congruent to it, from bottom_index_ on
  masses_.resize(length_);
  const std::int64_t start = ((bottom_index_ % length) + length) % length;
  for (std::int64_t k = 0; k < length; ++k) {
    masses_[static_cast<std::size_t>(k)] = values[static_cast<std::size_t>((start + k) % length)];
  }
}

double TiltedSum::weight(std::int64_t k) const {
  return math::exp(cumulant_.value - lambda_ * loss(k));
}

}  // namespace polyclinic::privacy
