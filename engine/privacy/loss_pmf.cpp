#include "privacy/loss_pmf.hpp"

#include <algorithm>
#include <cmath>

#include "base/check.hpp"
#include "privacy/log_math.hpp"

namespace polyclinic::privacy {

namespace {

// The masses of one cell between two lattice points, each with a bound on its rounding error.
struct Cell {
  std::int64_t from = 0;
  std::int64_t to = 0;
  double p = 0;
  double q = 0;
  double p_error = 0;
  double q_error = 0;
};

// From the smaller of the two tails, whose difference is the more exact.
void difference(double below_a, double above_a, double below_b, double above_b, double& mass,
                double& error) {
  if (below_b < above_a) {
    mass = below_b - below_a;
    error = kTailError * below_b;
  } else {
    mass = above_a - above_b;
    error = kTailError * above_a;
  }
  mass = std::max(mass, 0.0);
}

struct Cells {
  std::vector<Cell> cells;
  Tails first;  // at the lowest lattice point
  Tails last;   // at the highest
};

// `half`: cells lie around the lattice points, from - 1/2 to + 1/2, all of width 1.
Cells make_cells(const LossLaw& law, double step, double tail, bool half, double cells_per_loss) {
  const auto [low, high] = law.range(tail);
  ENSURE(std::isfinite(low) && std::isfinite(high), "losses outside the tails are finite");
  const auto begin = static_cast<std::int64_t>(std::floor(low / step));
  const auto end = std::max(begin + 1, static_cast<std::int64_t>(std::ceil(high / step)));
  const double shift = half ? -0.5 : 0;
  double hint = 0;
  Cells result;
  std::int64_t from = begin;
  const auto loss_at = [&](std::int64_t i) { return (static_cast<double>(i) + shift) * step; };
  Tails a = law.at(loss_at(from), hint);
  result.first = a;
  while (from < end) {
    std::int64_t width = 1;
    if (cells_per_loss > 0) {
      // towards 0 a cell must not reach past what its far end would allow
      const auto distance = static_cast<double>(from < 0 ? -from : from);
      width = std::max<std::int64_t>(1, static_cast<std::int64_t>(distance / cells_per_loss));
      if (from < 0) width = std::min(width, -from);
    }
    const std::int64_t to = std::min(from + width, end);
    const Tails b = law.at(loss_at(to), hint);
    Cell cell;
    cell.from = from;
    cell.to = to;
    difference(a.p_below, a.p_above, b.p_below, b.p_above, cell.p, cell.p_error);
    difference(a.q_below, a.q_above, b.q_below, b.q_above, cell.q, cell.q_error);
    result.cells.push_back(cell);
    a = b;
    from = to;
  }
  result.last = a;
  return result;
}

void add(std::vector<LossAtom>& atoms, std::int64_t index, double mass) {
  if (mass <= 0) return;
  if (!atoms.empty() && atoms.back().index == index) {
    atoms.back().mass += mass;
  } else {
    atoms.push_back({index, mass});
  }
}

// A cell's masses of P and Q are kept by two atoms at its ends: a + b = p and
// a exp(-l) + b exp(-l - w) = q, so b = (p - exp(l) q) / (1 - exp(-w)). The hockey-stick curve
// between its exact values at the lattice points is replaced by its chord in exp(epsilon), which
// lies above it. Rounding errors go to b.
LossPmf pessimistic(const LossLaw& law, double step, double tail, double cells_per_loss) {
  const Cells made = make_cells(law, step, tail, false, cells_per_loss);
  LossPmf pmf;
  pmf.step = step;
  pmf.infinite = made.last.p_above * (1 + kTailError);
  add(pmf.atoms, made.cells.front().from, made.first.p_below * (1 + kTailError));
  double squares = 0;
  for (const Cell& cell : made.cells) {
    const double p = cell.p + cell.p_error;
    const double q = std::max(0.0, cell.q - cell.q_error);
    if (p <= 0) continue;
    const double width = static_cast<double>(cell.to - cell.from) * step;
    const double low = static_cast<double>(cell.from) * step;
    const double excess = p - math::exp(low) * q;
    const double b = std::clamp(excess / -math::expm1(-width) + 4e-16 * p / width, 0.0, p);
    add(pmf.atoms, cell.from, p - b);
    add(pmf.atoms, cell.to, b);
    squares += p * width * width;
  }
  pmf.cell_square = squares;
  return pmf;
}

// A cell becomes one outcome of loss log(p/q): to look only at the cell is post-processing, which
// can only lose. Its loss is then moved down to the lattice, whose offset is chosen so that few
// cells move by more than a small part of a step.
LossPmf optimistic(const LossLaw& law, double step, double tail, double cells_per_loss) {
  const Cells made = make_cells(law, step, tail, true, cells_per_loss);
  struct Merged {
    double loss = 0;
    double p = 0;
  };
  std::vector<Merged> merged;
  merged.reserve(made.cells.size());
  for (const Cell& cell : made.cells) {
    const double p = cell.p - cell.p_error;
    if (p <= 0) continue;
    merged.push_back({math::log(p / (cell.q + cell.q_error)) - 1e-15, p});
  }
  // the offset that loses the least: o less than 0 moves all by it, and by a step those whose loss
  // lies less than it above its lattice point
  double best_offset = -0.5 * step;
  double best_gain = kMinusInfinity;
  for (int j = 1; j <= 24; ++j) {
    const double offset = -std::ldexp(step, -j - 1);
    double gain = 0;
    for (const Merged& m : merged) {
      const double place = std::floor((m.loss - offset) / step);
      gain += m.p * (place * step + offset - m.loss);
    }
    if (gain > best_gain) {
      best_gain = gain;
      best_offset = offset;
    }
  }
  LossPmf pmf;
  pmf.step = step;
  pmf.offset = best_offset;
  std::vector<LossAtom> atoms;
  for (const Merged& m : merged) {
    atoms.push_back({static_cast<std::int64_t>(std::floor((m.loss - best_offset) / step)), m.p});
  }
  // what lies above the lattice is at least its end
  atoms.push_back({made.cells.back().to - 1, made.last.p_above * (1 - kTailError)});
  std::stable_sort(atoms.begin(), atoms.end(),
                   [](const LossAtom& a, const LossAtom& b) { return a.index < b.index; });
  for (const LossAtom& atom : atoms) add(pmf.atoms, atom.index, atom.mass);
  return pmf;
}

// Mass around each lattice point, at that point; all moved by the same offset so that the mean is
// that of the loss itself.
LossPmf centred(const LossLaw& law, double step, double tail, double cells_per_loss) {
  const Cells made = make_cells(law, step, tail, true, 0);
  LossPmf pmf;
  pmf.step = step;
  double mean = 0;
  for (const Cell& cell : made.cells) {
    add(pmf.atoms, cell.from, cell.p);
    mean += cell.p * static_cast<double>(cell.from) * step;
  }
  // the loss's own mean, from its pessimistic form with its known excess taken off: a cell of width
  // w whose mass splits to its ends in this way lifts the mean by w^2/12
  const LossPmf fine = pessimistic(law, step, tail, cells_per_loss);
  double true_mean = 0;
  for (const LossAtom& atom : fine.atoms) {
    true_mean += atom.mass * static_cast<double>(atom.index) * step;
  }
  true_mean -= fine.cell_square / 12;
  pmf.offset = true_mean - mean;
  return pmf;
}

}  // namespace

LossPmf discretise(const LossLaw& law, double step, double tail, Rounding rounding,
                   double cells_per_loss) {
  ENSURE(step > 0 && tail > 0, "a lattice has a step and ends somewhere");
  switch (rounding) {
    case Rounding::optimistic: return optimistic(law, step, tail, cells_per_loss);
    case Rounding::centred: return centred(law, step, tail, cells_per_loss);
    case Rounding::pessimistic: break;
  }
  return pessimistic(law, step, tail, cells_per_loss);
}

}  // namespace polyclinic::privacy
