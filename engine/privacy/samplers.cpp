#include "privacy/samplers.hpp"

#include <algorithm>
#include <cmath>

#include "base/check.hpp"

namespace polyclinic::privacy {

namespace {

__extension__ using Wide = unsigned __int128;

// Uniform in [0, n): as many bits as n has, drawn again while they are too many.
Wide below(Wide n, NoiseStream& stream) {
  if (n <= ~std::uint64_t{0}) return stream.below(static_cast<std::uint64_t>(n));
  Wide mask = ~Wide{0};
  while (mask >> 1U >= n - 1) mask >>= 1U;
  for (;;) {
    const Wide high = stream.next_u64();
    const Wide word = ((high << 64U) | stream.next_u64()) & mask;
    if (word < n) return word;
  }
}

// Algorithm 1 for gamma = num / den at most 1: the number of coins num / den, num / (2 den), ...
// that fall heads one after the other is even with probability exp(-gamma).
bool exp_of_fraction(Wide num, Wide den, NoiseStream& stream) {
  Wide k = 1;
  while (below(den * k, stream) < num) ++k;
  return k % 2 == 1;
}

bool exp_of(Wide num, Wide den, NoiseStream& stream) {
  for (Wide whole = num / den; whole > 0; --whole) {
    if (!exp_of_fraction(1, 1, stream)) return false;
  }
  return exp_of_fraction(num % den, den, stream);
}

}  // namespace

bool bernoulli(Ratio p, NoiseStream& stream) {
  ENSURE(p.den > 0 && p.num <= p.den, "a probability is at most 1");
  return stream.below(p.den) < p.num;
}

bool bernoulli_exp(Ratio gamma, NoiseStream& stream) {
  ENSURE(gamma.den > 0, "a ratio has a denominator");
  return exp_of(gamma.num, gamma.den, stream);
}

// Algorithm 2, with t = num and s = den
std::int64_t discrete_laplace(Ratio scale, NoiseStream& stream) {
  ENSURE(scale.num > 0 && scale.den > 0 && scale.num < std::uint64_t{1} << 32U,
         "a scale is a small positive fraction");
  for (;;) {
    const std::uint64_t u = stream.below(scale.num);
    if (!exp_of(u, scale.num, stream)) continue;
    std::uint64_t v = 0;
    while (exp_of_fraction(1, 1, stream)) ++v;
    const auto size = static_cast<std::int64_t>((u + scale.num * v) / scale.den);
    const bool negative = stream.below(2) == 1;
    if (negative && size == 0) continue;
    return negative ? -size : size;
  }
}

DiscreteGaussian::DiscreteGaussian(double sigma)
    : scale_(static_cast<std::uint64_t>(std::floor(sigma)) + 1) {
  ENSURE(sigma > 0 && sigma <= kSigmaMost, "a deviation is positive and not too large");
  // (|Y| t den - num)^2 must fit 127 bits for every |Y| below 2^8 t: den t^2 < 2^55
  const double room = 0x1p54 / (static_cast<double>(scale_) * static_cast<double>(scale_));
  std::uint64_t den = 1;
  while (den < std::uint64_t{1} << 20U && static_cast<double>(den * 2) <= room) den *= 2;
  square_.den = den;
  square_.num = static_cast<std::uint64_t>(std::ceil(sigma * sigma * static_cast<double>(den)));
}

// Algorithm 3: exp(-(|y| - sigma^2 / t)^2 / (2 sigma^2)) in whole numbers.
std::int64_t DiscreteGaussian::draw(NoiseStream& stream) const {
  const Wide t = scale_;
  const Wide n = square_.num;
  const Wide d = square_.den;
  for (;;) {
    const std::int64_t y = discrete_laplace({scale_, 1}, stream);
    const auto size = static_cast<std::uint64_t>(y < 0 ? -y : y);
    // P < exp(-250)
    ENSURE(size < scale_ * 250, "a Laplace number is not hundreds of scales away");
    const Wide far = d * t * size;
    const Wide gap = far > n ? far - n : n - far;
    if (exp_of(gap * gap, 2 * n * d * t * t, stream)) return y;
  }
}

}  // namespace polyclinic::privacy
