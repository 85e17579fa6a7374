#include "study/shapley.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include "base/check.hpp"
#include "base/draw.hpp"
#include "base/statistics.hpp"

namespace polyclinic {

namespace {

Coalition only(int player) {
  return Coalition{1} << player;
}

}  // namespace

CoalitionGame::CoalitionGame(int players, Play play) : players_(players), play_(std::move(play)) {
  ENSURE(players >= 1 && players <= kPlayersMost, "a coalition fits its word");
}

void CoalitionGame::prepare(std::vector<Coalition> coalitions) {
  std::sort(coalitions.begin(), coalitions.end());
  coalitions.erase(std::unique(coalitions.begin(), coalitions.end()), coalitions.end());
  std::erase_if(coalitions, [&](Coalition c) { return worth_.count(c) > 0; });
  if (coalitions.empty()) return;
  const std::vector<double> found = play_(coalitions);
  ENSURE(found.size() == coalitions.size(), "every coalition has a worth");
  for (std::size_t i = 0; i < found.size(); ++i) worth_.emplace(coalitions[i], found[i]);
}

double CoalitionGame::worth(Coalition coalition) {
  const auto it = worth_.find(coalition);
  if (it != worth_.end()) return it->second;
  prepare({coalition});
  return worth_.at(coalition);
}

std::vector<double> leave_one_out(CoalitionGame& game) {
  std::vector<Coalition> wanted{game.all()};
  for (int i = 0; i < game.players(); ++i) wanted.push_back(game.all() & ~only(i));
  game.prepare(std::move(wanted));
  std::vector<double> values;
  values.reserve(static_cast<std::size_t>(game.players()));
  for (int i = 0; i < game.players(); ++i) {
    values.push_back(game.worth(game.all()) - game.worth(game.all() & ~only(i)));
  }
  return values;
}

std::vector<double> exact_shapley(CoalitionGame& game) {
  const int n = game.players();
  std::vector<Coalition> wanted(static_cast<std::size_t>(game.all()) + 1);
  std::iota(wanted.begin(), wanted.end(), Coalition{0});
  game.prepare(wanted);
  // |S|! (n - |S| - 1)! / n! = 1 / (n C(n - 1, |S|))
  std::vector<double> weight;
  double choose = 1;
  for (int size = 0; size < n; ++size) {
    weight.push_back(1 / (n * choose));
    choose = choose * (n - 1 - size) / (size + 1);
  }
  std::vector<double> values(static_cast<std::size_t>(n));
  for (const Coalition s : wanted) {
    for (int i = 0; i < n; ++i) {
      if ((s & only(i)) != 0) continue;
      const double added = game.worth(s | only(i)) - game.worth(s);
      values[static_cast<std::size_t>(i)] +=
          weight[static_cast<std::size_t>(std::popcount(s))] * added;
    }
  }
  return values;
}

SampledShapley sample_shapley(CoalitionGame& game, std::int64_t orders, double truncate,
                              const Stream& stream) {
  ENSURE(orders >= 2, "an error needs two orders");
  ENSURE(truncate >= 0, "a tolerance");
  const auto n = static_cast<std::size_t>(game.players());
  const auto count = static_cast<std::size_t>(orders);
  std::vector<std::vector<std::int32_t>> drawn(count);
  for (std::size_t k = 0; k < count; ++k) {
    drawn[k].resize(n);
    std::iota(drawn[k].begin(), drawn[k].end(), 0);
    Stream own = stream.lane(k);
    draw::shuffle(own, drawn[k]);
  }
  game.prepare({0, game.all()});
  SampledShapley result;
  std::vector<std::vector<double>> added(n, std::vector<double>(count, 0.0));
  std::vector<Coalition> present(count, 0);
  std::vector<bool> ended(count, false);
  // place by place, so that all orders' coalitions of one size are played together
  for (std::size_t place = 0; place < n; ++place) {
    std::vector<Coalition> wanted;
    for (std::size_t k = 0; k < count; ++k) {
      const double missing = game.worth(game.all()) - game.worth(present[k]);
      ended[k] = ended[k] || (truncate > 0 && std::fabs(missing) < truncate);
      if (ended[k]) ++result.skipped;
      if (!ended[k]) wanted.push_back(present[k] | only(drawn[k][place]));
    }
    game.prepare(std::move(wanted));
    for (std::size_t k = 0; k < count; ++k) {
      if (ended[k]) continue;
      const Coalition with = present[k] | only(drawn[k][place]);
      added[static_cast<std::size_t>(drawn[k][place])][k] =
          game.worth(with) - game.worth(present[k]);
      present[k] = with;
    }
  }
  for (const std::vector<double>& of_one : added) {
    result.values.push_back(statistics::mean(of_one));
    result.errors.push_back(statistics::sd(of_one) / std::sqrt(static_cast<double>(orders)));
  }
  return result;
}

}  // namespace polyclinic
