#include "privacy/pld.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/check.hpp"
#include "privacy/least_epsilon.hpp"
#include "privacy/log_math.hpp"
#include "privacy/tilted_sum.hpp"

namespace polyclinic::privacy {

namespace {

// Of P, per step, what may lie outside the lattice: relative to the delta asked for.
constexpr double kTailShare = 1e-7;

double total_steps(const std::vector<LossSteps>& plan) {
  double sum = 0;
  for (const LossSteps& part : plan) sum += static_cast<double>(part.steps);
  return sum;
}

std::size_t directions_of(const std::vector<LossSteps>& plan) {
  std::size_t most = 0;
  for (const LossSteps& part : plan) most = std::max(most, part.directions.size());
  return most;
}

// delta at epsilon of one step made once, without a lattice.
double single_delta(const LossLaw& law, double epsilon) {
  double hint = 0;
  const Tails tails = law.at(epsilon, hint);
  return std::max(0.0, tails.p_above - math::exp(epsilon) * tails.q_above);
}

bool is_single(const std::vector<LossSteps>& plan) {
  return plan.size() == 1 && plan[0].steps == 1;
}

// The epsilon at delta of a step made once, by bisection.
double single_epsilon(const LossLaw& law, double delta) {
  return least_epsilon([&law](double epsilon) { return single_delta(law, epsilon); }, delta);
}

// The same bound from both sides, of the worse direction.
template <class F>
Bounds worst_single(const LossSteps& only, F f) {
  double worst = 0;
  for (const LawPtr& law : only.directions) worst = std::max(worst, f(*law));
  return {worst, worst};
}

std::vector<PmfSteps> lattice(const std::vector<LossSteps>& plan, std::size_t direction,
                              double step, double tail, Rounding rounding,
                              double cells_per_loss = 1024) {
  std::vector<PmfSteps> parts;
  for (const LossSteps& part : plan) {
    const LossLaw& law = *part.directions[std::min(direction, part.directions.size() - 1)];
    parts.push_back({discretise(law, step, tail, rounding, cells_per_loss), part.steps});
  }
  return parts;
}

double widest_range(const std::vector<LossSteps>& plan, double tail) {
  double widest = 0;
  for (const LossSteps& part : plan) {
    for (const LawPtr& law : part.directions) {
      const auto [low, high] = law->range(tail);
      widest = std::max(widest, high - low);
    }
  }
  return widest;
}

// A step at which connect-the-dots lifts epsilon by the error aimed at. A loss l inside a cell of
// width w moves to its ends so that exp(-L) keeps its mean; exp(lambda L) grows by the factor
// 1 + lambda (lambda + 1) d (w - d) / 2, d its place in the cell, on average by
// lambda (lambda + 1) w^2 / 12. Over T steps the cumulant K grows by T times that, and epsilon, as
// K / lambda, by T (lambda + 1) w^2 / 12.
struct Grid {
  double step = 0;
  double tilt = 0;
  double cells_per_loss = 1024;
  std::vector<PmfSteps> coarse;  // what it was chosen by: pessimistic, too
};
Grid choose_grid(const std::vector<LossSteps>& plan, std::size_t direction, double tail,
                 double delta, double epsilon, const PldOptions& options) {
  const double coarse = widest_range(plan, tail) / 4096;
  std::vector<PmfSteps> parts = lattice(plan, direction, coarse, tail, Rounding::pessimistic);
  const double lambda = delta > 0 ? tilt_for_delta(parts, delta) : tilt_for_epsilon(parts, epsilon);
  const Cumulant at = cumulant(parts, lambda);
  const double spread = std::sqrt(at.variance);
  const double aimed = options.relative_error * std::max(0.1, at.mean);
  double step = std::sqrt(12 * aimed / (total_steps(plan) * (lambda + 1)));
  step = std::min(step, std::max(spread, 1e-9) / 64);
  const double scale =
      delta > 0 ? delta : 1e-3 * math::exp(std::min(0.0, at.value - lambda * epsilon));
  const Window window = window_of(parts, lambda, at, std::max(scale, 1e-290));
  const double width = window.top - window.bottom;
  const double least = width / static_cast<double>(options.largest_transform);
  step = std::max(step, least);
  // a short transform costs little: no fewer points than this
  step = std::min(step, width / static_cast<double>(options.least_points));
  // a transform's length is a power of two: use all of it
  const auto needed = static_cast<std::uint64_t>(width / step) + 1;
  const double filled = 1.1 * width / static_cast<double>(std::bit_ceil(needed));
  // where the tilted loss sits on one atom, spread and width say nothing
  step = std::max(std::min(step, filled), 1e-6 * widest_range(plan, tail));
  // cells of width l / c add T (lambda + 1) E[l^2] / (12 c^2) to epsilon: a fiftieth of what is
  // aimed
  double squares = 0;
  for (const PmfSteps& part : parts) {
    const Cumulant one = cumulant({{part.pmf, 1}}, lambda);
    squares += static_cast<double>(part.steps) * (one.variance + one.mean * one.mean);
  }
  const double cells = std::sqrt(squares * (lambda + 1) / (12 * aimed / 50));
  return {step, lambda, std::clamp(cells, 1024.0, 65536.0), std::move(parts)};
}

// Epsilon from the composed law, or nullopt-like NaN where the lattice begins above it.
double scan_epsilon(const TiltedSum& sum, double target, int slack) {
  const double fixed = slack < 0 ? 0 : sum.infinite() + (slack > 0 ? sum.above_top() : 0);
  if (fixed >= target) return slack < 0 ? 0 : kPlusInfinity;
  const double shrink = math::exp(-sum.step());
  double mass = 0;      // of the losses from k + 1 on
  double reversed = 0;  // their masses times exp(-(loss - loss of k + 1))
  double weights = 0;
  double last_weight = 0;
  for (std::int64_t k = sum.size() - 1; k >= 0; --k) {
    const double next = sum.loss(k) + sum.step();
    if (next <= 0) return 0;
    double extra = fixed + slack * sum.mass_error() * weights;
    if (slack < 0) extra -= sum.wrapped() * last_weight;
    const double delta = mass - shrink * reversed + extra;
    if (delta > target && reversed > 0) {
      const double inside = next + math::log((mass + extra - target) / reversed);
      return std::max(0.0, std::clamp(inside, sum.loss(k), next));
    }
    last_weight = sum.weight(k);
    const double p = std::max(0.0, sum.tilted_mass(k)) * last_weight;
    mass += p;
    reversed = p + shrink * reversed;
    weights += last_weight;
  }
  return std::nan("");
}

}  // namespace

double composed_epsilon(const std::vector<PmfSteps>& parts, double delta, int slack,
                        std::int64_t largest_transform, double tilt) {
  double lambda = tilt > 0 ? tilt : tilt_for_delta(parts, delta);
  for (int attempt = 0; attempt < 12; ++attempt) {
    const TiltedSum sum(parts, lambda, delta, largest_transform);
    // no answer is an answer, too: the bound that always holds
    if (!sum.fits()) return slack < 0 ? 0 : kPlusInfinity;
    const double epsilon = scan_epsilon(sum, delta, slack);
    if (!std::isnan(epsilon)) return epsilon;
    // the window lay above the answer, so its bottom is an upper bound
    if (attempt == 11 && slack >= 0) return std::max(0.0, sum.loss(0));
    lambda /= 2;
  }
  return 0;
}

double composed_delta(const std::vector<PmfSteps>& parts, double epsilon, int slack,
                      std::int64_t largest_transform) {
  const double lambda = tilt_for_epsilon(parts, epsilon);
  const double log_bound = cumulant(parts, lambda).value - lambda * epsilon;
  const double scale = std::max(1e-290, 1e-3 * math::exp(std::min(0.0, log_bound)));
  const TiltedSum sum(parts, lambda, scale, largest_transform);
  if (!sum.fits()) return slack < 0 ? 0 : 1;
  double delta = 0;
  double weights = 0;
  double largest_weight = 0;
  for (std::int64_t k = sum.size() - 1; k >= 0; --k) {
    const double loss = sum.loss(k);
    if (loss <= epsilon) break;
    const double share = -math::expm1(epsilon - loss) * sum.weight(k);
    delta += std::max(0.0, sum.tilted_mass(k)) * share;
    weights += share;
    largest_weight = std::max(largest_weight, share);
  }
  if (slack >= 0) delta += sum.infinite();
  delta += slack * sum.mass_error() * weights;
  if (slack > 0) {
    delta += sum.above_top();
    // losses between epsilon and the lattice's bottom, at most all that wrapped
    if (epsilon < sum.loss(0)) delta += sum.wrapped() * math::exp(std::min(700.0, log_bound));
  }
  if (slack < 0) delta -= sum.wrapped() * largest_weight;
  return std::clamp(delta, 0.0, 1.0);
}

Bounds pld_epsilon(const std::vector<LossSteps>& plan, double delta, const PldOptions& options) {
  if (is_single(plan)) {
    return worst_single(plan[0], [&](const LossLaw& law) { return single_epsilon(law, delta); });
  }
  const double tail = std::max(1e-300, kTailShare * delta / total_steps(plan));
  Bounds bounds;
  std::size_t worst = 0;
  Grid worst_grid;
  for (std::size_t d = 0; d < directions_of(plan); ++d) {
    const Grid grid = choose_grid(plan, d, tail, delta, 0, options);
    // the coarse lattice bounds this direction too: perhaps that is enough
    if (d > 0 && composed_epsilon(grid.coarse, delta, 1, options.largest_transform, grid.tilt) <=
                     bounds.upper) {
      continue;
    }
    const double upper = composed_epsilon(
        lattice(plan, d, grid.step, tail, Rounding::pessimistic, grid.cells_per_loss), delta, 1,
        options.largest_transform, grid.tilt);
    if (worst_grid.step > 0 && upper <= bounds.upper) continue;
    bounds.upper = upper;
    worst = d;
    worst_grid = {grid.step, grid.tilt, grid.cells_per_loss, {}};
  }
  if (!options.with_lower) return bounds;
  bounds.lower = composed_epsilon(
      lattice(plan, worst, worst_grid.step, tail, Rounding::optimistic, worst_grid.cells_per_loss),
      delta, -1, options.largest_transform, worst_grid.tilt);
  bounds.lower = std::min(bounds.lower, bounds.upper);
  return bounds;
}

Bounds pld_delta(const std::vector<LossSteps>& plan, double epsilon, const PldOptions& options) {
  if (is_single(plan)) {
    return worst_single(plan[0], [&](const LossLaw& law) { return single_delta(law, epsilon); });
  }
  Bounds bounds;
  std::size_t worst = 0;
  Grid worst_grid;
  double worst_tail = 0;
  for (std::size_t d = 0; d < directions_of(plan); ++d) {
    // a first look says how small delta is, so that the tails may be smaller still
    double tail = 1e-30 / total_steps(plan);
    Grid grid = choose_grid(plan, d, tail, 0, epsilon, options);
    const double rough = composed_delta(
        lattice(plan, d, grid.step, tail, Rounding::pessimistic, grid.cells_per_loss), epsilon, 1,
        options.largest_transform);
    double upper = rough;
    if (rough < 1e-20) {
      tail = std::max(1e-300, kTailShare * rough * 1e-3 / total_steps(plan));
      grid = choose_grid(plan, d, tail, 0, epsilon, options);
      upper = composed_delta(
          lattice(plan, d, grid.step, tail, Rounding::pessimistic, grid.cells_per_loss), epsilon, 1,
          options.largest_transform);
    }
    if (worst_grid.step > 0 && upper <= bounds.upper) continue;
    bounds.upper = upper;
    worst = d;
    worst_grid = {grid.step, grid.tilt, grid.cells_per_loss, {}};
    worst_tail = tail;
  }
  if (!options.with_lower) return bounds;
  bounds.lower = composed_delta(lattice(plan, worst, worst_grid.step, worst_tail,
                                        Rounding::optimistic, worst_grid.cells_per_loss),
                                epsilon, -1, options.largest_transform);
  bounds.lower = std::min(bounds.lower, bounds.upper);
  return bounds;
}

Estimate prv_epsilon(const std::vector<LossSteps>& plan, double delta) {
  constexpr double kEpsilonError = 0.01;
  constexpr std::int64_t kLargest = std::int64_t{1} << 21;
  const double delta_error = delta / 1000;
  const double tail = std::max(1e-300, kTailShare * delta / total_steps(plan));
  // section 5 there, with their constants
  double mesh = kEpsilonError / std::sqrt(total_steps(plan) / 2 * math::log(12 / delta_error));
  mesh = std::max(mesh, widest_range(plan, tail) / static_cast<double>(kLargest));
  Estimate worst;
  for (std::size_t d = 0; d < directions_of(plan); ++d) {
    const Grid grid = choose_grid(plan, d, tail, delta, 0, {});
    if (d > 0 && composed_epsilon(grid.coarse, delta, 1, kLargest, grid.tilt) <= worst.value) {
      continue;
    }
    const TiltedSum sum(lattice(plan, d, mesh, tail, Rounding::centred), grid.tilt, delta,
                        kLargest);
    if (!sum.fits()) return {0, kPlusInfinity, kPlusInfinity};
    const auto at = [&](double x) { return scan_epsilon(sum, x, 0); };
    Estimate found;
    found.value = at(delta);
    found.upper = at(delta - delta_error) + kEpsilonError;
    found.lower = std::max(0.0, at(delta + delta_error) - kEpsilonError);
    if (std::isnan(found.value)) return {0, kPlusInfinity, kPlusInfinity};
    if (d == 0 || found.value > worst.value) worst = found;
  }
  return worst;
}

}  // namespace polyclinic::privacy
