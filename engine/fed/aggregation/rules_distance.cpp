#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/check.hpp"
#include "fed/aggregation/rules.hpp"

namespace polyclinic::aggregation {

namespace {

Members everyone(std::size_t n) {
  Members all(n);
  std::iota(all.begin(), all.end(), std::size_t{0});
  return all;
}

std::size_t place_of_least(const std::vector<double>& scores) {
  return static_cast<std::size_t>(std::min_element(scores.begin(), scores.end()) - scores.begin());
}

// The `count` places with the least scores.
Members least(const std::vector<double>& scores, std::size_t count) {
  Members order = everyone(scores.size());
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return scores[a] < scores[b]; });
  order.resize(count);
  std::sort(order.begin(), order.end());
  return order;
}

}  // namespace

// s(i) = sum over the n - f - 2 nearest others of |x_i - x_j|^2 (Blanchard et al. 2017, section 4)
std::vector<double> krum_scores(const Square& distances, std::span<const std::size_t> among,
                                const KrumOptions& options) {
  const std::size_t n = among.size();
  const std::size_t away = options.byzantine + options.fewer;
  const std::size_t wanted = n > away ? n - away : 1;
  const std::size_t neighbours = std::min(std::max<std::size_t>(wanted, 1), n - 1);
  std::vector<double> scores;
  std::vector<double> others;
  for (const std::size_t i : among) {
    others.clear();
    for (const std::size_t j : among) {
      if (j == i) continue;
      const double squared = distances(i, j);
      others.push_back(options.power == 2 ? squared : squared * squared);
    }
    std::sort(others.begin(), others.end());
    double score = 0;
    for (std::size_t k = 0; k < neighbours; ++k) score += others[k];
    scores.push_back(score);
  }
  return scores;
}

std::size_t krum(const Square& distances, const KrumOptions& options) {
  return place_of_least(krum_scores(distances, everyone(distances.size()), options));
}

Members multi_krum(const Square& distances, const KrumOptions& options, std::size_t m) {
  return least(krum_scores(distances, everyone(distances.size()), options), m);
}

Members iterated_krum(const Square& distances, const KrumOptions& options, std::size_t count) {
  Members rest = everyone(distances.size());
  Members chosen;
  while (chosen.size() < count) {
    const std::size_t place = place_of_least(krum_scores(distances, rest, options));
    chosen.push_back(rest[place]);
    rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(place));
  }
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

double choices(std::size_t n, std::size_t k) {
  double product = 1;
  for (std::size_t i = 1; i <= k; ++i) {
    product *= static_cast<double>(n - k + i) / static_cast<double>(i);
  }
  return std::round(product);
}

namespace {

// Depth first over increasing members; a choice as wide as the best one so far is left.
class DiameterSearch {
 public:
  DiameterSearch(const Square& distances, std::size_t count)
      : distances_(distances), count_(count) {}

  Members run() {
    extend(0, 0.0);
    return best_;
  }

 private:
  void extend(std::size_t from, double width) {
    if (chosen_.size() == count_) {
      best_ = chosen_;
      narrowest_ = width;
      return;
    }
    const std::size_t missing = count_ - chosen_.size();
    for (std::size_t i = from; i + missing <= distances_.size(); ++i) {
      double wider = width;
      for (const std::size_t j : chosen_) wider = std::max(wider, distances_(i, j));
      if (!(wider < narrowest_)) continue;
      chosen_.push_back(i);
      extend(i + 1, wider);
      chosen_.pop_back();
    }
  }

  const Square& distances_;
  std::size_t count_;
  Members chosen_;
  Members best_;
  double narrowest_ = std::numeric_limits<double>::infinity();
};

}  // namespace

Members minimum_diameter(const Square& distances, std::size_t count) {
  return DiameterSearch(distances, count).run();
}

Members smallest_eigenvalue(const Square& distances, std::size_t count) {
  const std::size_t n = distances.size();
  Members chosen = everyone(count);
  Members best = chosen;
  double least_value = std::numeric_limits<double>::infinity();
  while (true) {
    const double value = largest_eigenvalue(distances, chosen);
    if (value < least_value) {
      least_value = value;
      best = chosen;
    }
    // the next choice in lexicographic order
    std::size_t at = count;
    while (at > 0 && chosen[at - 1] == n - count + at - 1) --at;
    if (at == 0) return best;
    ++chosen[at - 1];
    for (std::size_t i = at; i < count; ++i) chosen[i] = chosen[i - 1] + 1;
  }
}

Members nearest_to(const Square& distances, std::size_t one, std::size_t count) {
  std::vector<double> from(distances.size());
  for (std::size_t j = 0; j < from.size(); ++j) from[j] = distances(one, j);
  from[one] = -1;  // itself first, whoever equals it
  return least(from, count);
}

}  // namespace polyclinic::aggregation
