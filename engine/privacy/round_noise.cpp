#include "privacy/round_noise.hpp"

#include <algorithm>
#include <bit>
#include <limits>

#include "base/check.hpp"
#include "privacy/noise_stream.hpp"

namespace polyclinic::privacy {

namespace {

constexpr double kImpossible = -std::numeric_limits<double>::infinity();

// Combinations that a search over a tree may look at; beyond it is bounded.
constexpr double kTreeWork = 5e7;

// The complete subtrees that make a tree over so many leaves, largest first: one for each bit.
std::vector<std::int64_t> subtree_sizes(std::int64_t leaves) {
  std::vector<std::int64_t> sizes;
  for (int bit = 62; bit >= 0; --bit) {
    const std::int64_t size = std::int64_t{1} << bit;
    if ((leaves & size) != 0) sizes.push_back(size);
  }
  return sizes;
}

// The largest sums over a subtree's nodes of (leaves taken below it)^2, for every number of leaves
// that are taken and the least distances of the first from the left and of the last from the right
// edge. Distances count up to the separation: beyond it they forbid nothing.
class Worst {
 public:
  Worst(std::int64_t leaves, std::int64_t times, std::int64_t separation)
      : leaves_(leaves),
        edge_(separation),
        most_(std::min(times, (leaves + separation - 1) / separation)),
        best_(static_cast<std::size_t>((most_ + 1) * edge_ * edge_), kImpossible) {
    for (std::int64_t left = 0; left < edge_; ++left) {
      for (std::int64_t right = 0; right < edge_; ++right) at(0, left, right) = 0;
    }
  }

  static Worst leaf(std::int64_t times, std::int64_t separation) {
    Worst one(1, times, separation);
    if (one.most_ >= 1) one.at(1, 0, 0) = 1;
    return one;
  }

  // Two side by side; `joined` where a node stands above both.
  static Worst beside(const Worst& a, const Worst& b, std::int64_t times, bool joined) {
    Worst both(a.leaves_ + b.leaves_, times, a.edge_);
    for (std::int64_t left = 0; left < both.edge_; ++left) {
      for (std::int64_t right = 0; right < both.edge_; ++right) {
        for (std::int64_t n = 1; n <= both.most_; ++n) {
          const double found = best_of(a, b, n, left, right);
          const double node = joined ? static_cast<double>(n) * static_cast<double>(n) : 0;
          both.at(n, left, right) = found + node;
        }
      }
    }
    return both;
  }

  // Of at most so many.
  [[nodiscard]] double of(std::int64_t times) const {
    double result = 0;
    for (std::int64_t n = 0; n <= std::min(times, most_); ++n) {
      result = std::max(result, at(n, 0, 0));
    }
    return result;
  }

 private:
  double& at(std::int64_t n, std::int64_t left, std::int64_t right) {
    return best_[static_cast<std::size_t>((n * edge_ + left) * edge_ + right)];
  }
  [[nodiscard]] double at(std::int64_t n, std::int64_t left, std::int64_t right) const {
    return best_[static_cast<std::size_t>((n * edge_ + left) * edge_ + right)];
  }

  // n leaves, the first at least `left` from the edge and the last at least `right` from the other.
  static double best_of(const Worst& a, const Worst& b, std::int64_t n, std::int64_t left,
                        std::int64_t right) {
    double best = kImpossible;
    // all of them in one of the two: the other adds to the distance of one edge
    if (n <= a.most_) best = a.at(n, left, std::max<std::int64_t>(0, right - b.leaves_));
    if (n <= b.most_) {
      best = std::max(best, b.at(n, std::max<std::int64_t>(0, left - a.leaves_), right));
    }
    const std::int64_t first = std::max<std::int64_t>(1, n - b.most_);
    for (std::int64_t in_a = first; in_a <= std::min(n - 1, a.most_); ++in_a) {
      // distance a.right + b.left + 1 between neighbours is at least the separation
      for (std::int64_t gap = 0; gap < a.edge_; ++gap) {
        best = std::max(best, a.at(in_a, left, gap) + b.at(n - in_a, a.edge_ - 1 - gap, right));
      }
    }
    return best;
  }

  std::int64_t leaves_;
  std::int64_t edge_;
  std::int64_t most_;
  std::vector<double> best_;
};

// Above all of them: in each generation of nodes as many leaves below one as can be.
double tree_bound(std::int64_t leaves, std::int64_t times, std::int64_t separation) {
  const std::int64_t taken = std::min(times, (leaves + separation - 1) / separation);
  double sum = 0;
  for (std::int64_t size = 1; size <= leaves; size *= 2) {
    sum += static_cast<double>(std::min(taken, (size + separation - 1) / separation));
  }
  return static_cast<double>(taken) * sum;
}

// Cost of a tree whose rounds a unit is in at most n times, for every n up to `times`.
std::vector<double> tree_costs(std::int64_t leaves, std::int64_t times, std::int64_t separation) {
  separation = std::min(separation, leaves);  // more forbids nothing more
  const auto edge = static_cast<double>(separation);
  const auto most = static_cast<double>(std::min(times, (leaves + separation - 1) / separation));
  std::vector<double> costs;
  if (most * most * edge * edge * edge > kTreeWork) {
    for (std::int64_t n = 0; n <= times; ++n) costs.push_back(tree_bound(leaves, n, separation));
    return costs;
  }
  const std::vector<std::int64_t> sizes = subtree_sizes(leaves);
  std::vector<Worst> complete{Worst::leaf(times, separation)};
  for (std::int64_t size = 2; size <= sizes.front(); size *= 2) {
    complete.push_back(Worst::beside(complete.back(), complete.back(), times, true));
  }
  const auto of_size = [&](std::int64_t size) {
    return complete[static_cast<std::size_t>(std::countr_zero(static_cast<std::uint64_t>(size)))];
  };
  Worst all = of_size(sizes.front());
  for (std::size_t i = 1; i < sizes.size(); ++i) {
    all = Worst::beside(all, of_size(sizes[i]), times, false);
  }
  for (std::int64_t n = 0; n <= times; ++n) costs.push_back(all.of(n));
  return costs;
}

// The most expensive way to share `times` rounds among the trees, as if each knew nothing of when a
// unit was in the one before.
double trees_squared(const RoundNoisePlan& plan, std::int64_t times) {
  const std::int64_t each = plan.tree_rounds();
  const std::vector<double> whole = tree_costs(each, times, plan.separation);
  if (each == plan.rounds) return whole.back();
  std::vector<double> total(static_cast<std::size_t>(times) + 1, 0.0);
  const auto add = [&](const std::vector<double>& costs) {
    std::vector<double> next = total;
    for (std::size_t here = 1; here < costs.size(); ++here) {
      for (std::size_t n = here; n < next.size(); ++n) {
        next[n] = std::max(next[n], total[n - here] + costs[here]);
      }
    }
    total = std::move(next);
  };
  for (std::int64_t tree = 0; tree < plan.rounds / each; ++tree) add(whole);
  if (const std::int64_t rest = plan.rounds % each; rest > 0) {
    add(tree_costs(rest, times, plan.separation));
  }
  return total.back();
}

// Norm of the sum of the columns of C at these rounds.
double banded_squared(const RoundNoisePlan& plan, std::span<const std::int64_t> rounds) {
  const std::vector<double> bands = square_root_bands(std::min(plan.bands, plan.rounds));
  std::vector<double> moved(static_cast<std::size_t>(plan.rounds), 0.0);
  for (const std::int64_t round : rounds) {
    for (std::size_t j = 0; j < bands.size(); ++j) {
      const auto at = static_cast<std::size_t>(round - 1) + j;
      if (at < moved.size()) moved[at] += bands[j];
    }
  }
  double squares = 0;
  for (const double x : moved) squares += x * x;
  return squares;
}

// The sum over all nodes whose leaves are known: those of a generation are told by their place.
double tree_squared(const RoundNoisePlan& plan, std::span<const std::int64_t> rounds) {
  const std::int64_t each = plan.tree_rounds();
  double squares = 0;
  for (std::int64_t size = 1; size <= each; size *= 2) {
    std::int64_t node = -1;  // of the running count
    double count = 0;
    for (const std::int64_t round : rounds) {
      const std::int64_t tree = (round - 1) / each;
      const std::int64_t leaves = std::min(each, plan.rounds - tree * each);
      const std::int64_t place = (round - 1) % each / size;
      if ((place + 1) * size > leaves) continue;  // a node that is never complete
      const std::int64_t name = tree * each + place;
      if (name != node) {
        squares += count * count;
        count = 0;
        node = name;
      }
      ++count;
    }
    squares += count * count;
  }
  return squares;
}

}  // namespace

std::vector<double> square_root_bands(std::int64_t bands) {
  std::vector<double> c{1.0};
  for (std::int64_t j = 1; j < bands; ++j) {
    c.push_back(c.back() * (2 * static_cast<double>(j) - 1) / (2 * static_cast<double>(j)));
  }
  return c;
}

double sensitivity_squared(const RoundNoisePlan& plan, std::int64_t times) {
  ENSURE(plan.rounds >= 1 && plan.separation >= 1 && plan.bands >= 1, "a plan has rounds");
  const std::int64_t taken = std::min(times, plan.most());
  if (taken == 0) return 0;
  switch (plan.kind) {
    case RoundNoiseKind::independent: return static_cast<double>(taken);
    case RoundNoiseKind::tree: return trees_squared(plan, taken);
    case RoundNoiseKind::banded: break;
  }
  std::vector<std::int64_t> first;
  for (std::int64_t i = 0; i < taken; ++i) first.push_back(1 + i * plan.separation);
  return banded_squared(plan, first);
}

double sensitivity_squared(const RoundNoisePlan& plan, std::span<const std::int64_t> rounds) {
  if (rounds.empty()) return 0;
  ENSURE(rounds.front() >= 1 && rounds.back() <= plan.rounds, "rounds of the plan");
  switch (plan.kind) {
    case RoundNoiseKind::independent: return static_cast<double>(rounds.size());
    case RoundNoiseKind::tree: return tree_squared(plan, rounds);
    case RoundNoiseKind::banded: break;
  }
  return banded_squared(plan, rounds);
}

RoundNoise::RoundNoise(const RoundNoisePlan& plan, RunKey run) : plan_(plan), run_(run) {
  if (plan.kind != RoundNoiseKind::banded) return;
  bands_ = square_root_bands(plan.bands);
  recent_.resize(bands_.size());
}

void RoundNoise::add(std::int64_t round, double deviation, std::span<double> values) {
  ENSURE(round > last_, "rounds increase");
  switch (plan_.kind) {
    case RoundNoiseKind::independent:
      for (std::int64_t t = last_ + 1; t <= round; ++t) add_normals(0, t, deviation, values);
      break;
    case RoundNoiseKind::tree: add_tree(round, deviation, values); break;
    case RoundNoiseKind::banded:
      for (std::int64_t t = last_ + 1; t <= round; ++t) add_banded(t, deviation, values);
      break;
  }
  last_ = round;
}

void RoundNoise::add_normals(std::uint64_t entity, std::int64_t round, double factor,
                             std::span<double> values) const {
  NoiseStream stream(run_, Purpose::kRoundNoise, entity, static_cast<std::uint64_t>(round));
  for (double& x : values) x += factor * stream.normal();
}

namespace {

// A node of the prefix sum up to a round: its last round, and its height above the leaves.
struct Node {
  std::int64_t last = 0;
  int height = 0;
  bool operator==(const Node&) const = default;
};

// Those whose sum is the prefix, over all trees, up to that round.
std::vector<Node> prefix(std::int64_t round, std::int64_t each) {
  std::vector<Node> nodes;
  for (std::int64_t start = 0; start < round; start += each) {
    std::int64_t last = start;
    for (const std::int64_t size : subtree_sizes(std::min(each, round - start))) {
      last += size;
      nodes.push_back({last, std::countr_zero(static_cast<std::uint64_t>(size))});
    }
  }
  return nodes;
}

}  // namespace

// What the prefix up to this round has and the last one had not, and the other way round. Nodes are
// drawn anew from their addresses whenever they are needed: nothing is kept.
void RoundNoise::add_tree(std::int64_t round, double deviation, std::span<double> values) const {
  const std::int64_t each = plan_.tree_rounds();
  const std::vector<Node> now = prefix(round, each);
  const std::vector<Node> before = prefix(last_, each);
  const auto only_in = [&](const std::vector<Node>& these, const std::vector<Node>& others,
                           double factor) {
    for (const Node& node : these) {
      if (std::find(others.begin(), others.end(), node) != others.end()) continue;
      add_normals(1 + static_cast<std::uint64_t>(node.height), node.last, factor, values);
    }
  };
  only_in(now, before, deviation);
  only_in(before, now, -deviation);
}

// w_t = z_t - sum_j c_j w_(t-j): a row of C^-1 Z.
void RoundNoise::add_banded(std::int64_t round, double deviation, std::span<double> values) {
  const auto bands = static_cast<std::int64_t>(bands_.size());
  std::vector<double> w(values.size(), 0.0);
  add_normals(0, round, 1, w);
  for (std::int64_t j = 1; j < std::min(bands, round); ++j) {
    const std::vector<double>& old = recent_[static_cast<std::size_t>((round - j) % bands)];
    const double factor = bands_[static_cast<std::size_t>(j)];
    for (std::size_t i = 0; i < w.size(); ++i) w[i] -= factor * old[i];
  }
  for (std::size_t i = 0; i < w.size(); ++i) values[i] += deviation * w[i];
  recent_[static_cast<std::size_t>(round % bands)] = std::move(w);
}

}  // namespace polyclinic::privacy
