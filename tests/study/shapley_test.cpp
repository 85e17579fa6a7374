// System: leave-one-out and Shapley values of games. Expectation: Shapley's axioms, closed forms of
// known games, and errors of sampled values that are what they say; every coalition played once.
#include "study/shapley.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <functional>
#include <set>

#include "base/statistics.hpp"

namespace polyclinic {
namespace {

using Worth = std::function<double(Coalition)>;

CoalitionGame game_of(int players, Worth worth) {
  return {players, [worth = std::move(worth)](std::span<const Coalition> list) {
            std::vector<double> found;
            for (const Coalition c : list) found.push_back(worth(c));
            return found;
          }};
}

Stream orders_of(std::uint64_t entity) {
  return {make_run_key(21, 0), Purpose::kTest, entity};
}

double sum(const std::vector<double>& values) {
  return statistics::mean(values) * static_cast<double>(values.size());
}

// A game without any structure: worth by a hash of the coalition.
double ragged(Coalition c) {
  Stream stream(make_run_key(5, 0), Purpose::kTest, c);
  return c == 0 ? 0.5 : stream.uniform();
}

TEST_CASE("in an additive game everybody has what he brings, whatever the method") {
  const double brings[] = {0.3, -0.2, 0, 1.5, 0.01};
  const auto additive = [&](Coalition c) {
    double worth = 2;
    for (int i = 0; i < 5; ++i) worth += (c >> i & 1U) != 0 ? brings[i] : 0;
    return worth;
  };
  CoalitionGame game = game_of(5, additive);
  const std::vector<double> exact = exact_shapley(game);
  const std::vector<double> without = leave_one_out(game);
  CoalitionGame other = game_of(5, additive);
  const SampledShapley sampled = sample_shapley(other, 3, 0, orders_of(1));
  for (std::size_t i = 0; i < 5; ++i) {
    // sums of at most 32 numbers near 3
    CHECK(std::fabs(exact[i] - brings[i]) < 1e-13);
    CHECK(std::fabs(without[i] - brings[i]) < 1e-13);
    CHECK(std::fabs(sampled.values[i] - brings[i]) < 1e-13);
    CHECK(sampled.errors[i] < 1e-13);
  }
}

TEST_CASE("Shapley's axioms hold on a game without structure") {
  for (int n = 1; n <= 6; ++n) {
    CoalitionGame game = game_of(n, ragged);
    const std::vector<double> values = exact_shapley(game);
    // efficiency
    CHECK(std::fabs(sum(values) - (game.worth(game.all()) - game.worth(0))) < 1e-13);
    CHECK(game.played().size() == std::size_t{1} << n);
  }
  // a null player: the third bit changes nothing
  CoalitionGame with_null = game_of(5, [](Coalition c) { return ragged(c & ~Coalition{4}); });
  CHECK(std::fabs(exact_shapley(with_null)[2]) < 1e-15);
  CHECK(std::fabs(leave_one_out(with_null)[2]) < 1e-15);
  // symmetry: the first two count as one another
  CoalitionGame symmetric = game_of(5, [](Coalition c) {
    const bool first = (c & 1U) != 0;
    const bool second = (c & 2U) != 0;
    return ragged((c & ~Coalition{3}) | (first != second ? 1U : first ? 3U : 0U));
  });
  const std::vector<double> same = exact_shapley(symmetric);
  CHECK(std::fabs(same[0] - same[1]) < 1e-14);
  // additivity: of the sum of two games the sum of the values
  CoalitionGame one = game_of(4, ragged);
  CoalitionGame two = game_of(4, [](Coalition c) { return ragged(c + 1000); });
  CoalitionGame both = game_of(4, [](Coalition c) { return ragged(c) + ragged(c + 1000); });
  const std::vector<double> a = exact_shapley(one);
  const std::vector<double> b = exact_shapley(two);
  const std::vector<double> ab = exact_shapley(both);
  for (std::size_t i = 0; i < 4; ++i) CHECK(std::fabs(ab[i] - a[i] - b[i]) < 1e-13);
}

TEST_CASE("the airport game has Littlechild and Owen's closed form") {
  // worth = the dearest runway that a member needs; players by increasing cost share each piece of
  // it among those who need it: phi_i = sum over j <= i of (c_j - c_(j-1)) / (n - j + 1)
  const double cost[] = {1, 1.5, 4, 4.5, 9};
  const auto runway = [&](Coalition c) {
    double worth = 0;
    for (int i = 0; i < 5; ++i) worth = (c >> i & 1U) != 0 ? cost[i] : worth;
    return worth;
  };
  CoalitionGame game = game_of(5, runway);
  const std::vector<double> values = exact_shapley(game);
  double expected = 0;
  for (int i = 0; i < 5; ++i) {
    expected += (cost[i] - (i > 0 ? cost[i - 1] : 0)) / (5 - i);
    CHECK(std::fabs(values[static_cast<std::size_t>(i)] - expected) < 1e-13);
  }
  // all but the last player's airline are worth nothing to leave-one-out
  CHECK(leave_one_out(game)[0] == 0);
  CHECK(leave_one_out(game)[4] == 4.5);
}

TEST_CASE("sampled values sum to the whole and err as they say") {
  CoalitionGame whole = game_of(6, ragged);
  const std::vector<double> exact = exact_shapley(whole);
  // 200 samples of 30 orders: the mean square of error over its standard error is that of t with 29
  // degrees, 29 / 27; over 6 players that sum to a constant its own error is about
  // sqrt(2 / (200 * 5)) = 4.5 %; four of it
  double squares = 0;
  constexpr int kSamples = 200;
  for (int k = 0; k < kSamples; ++k) {
    CoalitionGame game = game_of(6, ragged);
    const SampledShapley sampled =
        sample_shapley(game, 30, 0, orders_of(100 + static_cast<std::uint64_t>(k)));
    CHECK(std::fabs(sum(sampled.values) - (whole.worth(whole.all()) - whole.worth(0))) < 1e-12);
    CHECK(sampled.skipped == 0);
    for (std::size_t i = 0; i < 6; ++i) {
      const double off = (sampled.values[i] - exact[i]) / sampled.errors[i];
      squares += off * off / (6 * kSamples);
    }
  }
  CHECK(std::fabs(squares / (29.0 / 27) - 1) < 0.2);
}

TEST_CASE("each coalition is played once; the same orders for the same address") {
  std::multiset<Coalition> played;
  const auto count = [&](Coalition c) {
    played.insert(c);
    return ragged(c);
  };
  CoalitionGame game = game_of(7, count);
  const SampledShapley sampled = sample_shapley(game, 40, 0, orders_of(3));
  leave_one_out(game);
  CHECK(std::set<Coalition>(played.begin(), played.end()).size() == played.size());
  CHECK(played.size() == game.played().size());
  CHECK(played.size() <= 128);
  CoalitionGame again = game_of(7, ragged);
  CHECK(sample_shapley(again, 40, 0, orders_of(3)).values == sampled.values);
  CoalitionGame other = game_of(7, ragged);
  CHECK(sample_shapley(other, 40, 0, orders_of(4)).values != sampled.values);
}

TEST_CASE("an order that has come near to all ends, and what it left out is bounded") {
  // worth saturates: 1 - 2^-size; within .1 of all (1 - 2^-8) from four players on, for
  // 2^-4 - 2^-8 < .1 <= 2^-3 - 2^-8
  const auto saturating = [](Coalition c) { return 1 - std::exp2(-std::popcount(c)); };
  CoalitionGame game = game_of(8, saturating);
  const SampledShapley sampled = sample_shapley(game, 50, 0.1, orders_of(5));
  CHECK(sampled.skipped == 50 * 4);
  // what every order left out is the same, so that the sum is what four reach
  CHECK(std::fabs(sum(sampled.values) - (1 - std::exp2(-4))) < 1e-12);
  for (const auto& [coalition, worth] : game.played()) {
    CHECK((std::popcount(coalition) <= 4 || coalition == game.all()));
  }
}

}  // namespace
}  // namespace polyclinic
