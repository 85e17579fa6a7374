// What each player adds to a game that any coalition of players can play. Knows no hospitals.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "base/stream.hpp"

namespace polyclinic {

// Bit i: player i is in it.
using Coalition = std::uint64_t;
inline constexpr int kPlayersMost = 60;

// The worth of coalitions, each asked for once.
class CoalitionGame {
 public:
  // Returns the worth of several coalitions, in their order; may throw.
  using Play = std::function<std::vector<double>(std::span<const Coalition>)>;
  // REQUIRES: 1 <= players <= kPlayersMost.
  CoalitionGame(int players, Play play);

  [[nodiscard]] int players() const { return players_; }
  [[nodiscard]] Coalition all() const { return (Coalition{1} << players_) - 1; }
  // Plays those that were not played yet, by increasing number.
  void prepare(std::vector<Coalition> coalitions);
  // Plays it where that was not done.
  double worth(Coalition coalition);
  [[nodiscard]] const std::map<Coalition, double>& played() const { return worth_; }

 private:
  int players_;
  Play play_;
  std::map<Coalition, double> worth_;
};

// worth(all) - worth(all without the player), of every player.
std::vector<double> leave_one_out(CoalitionGame& game);

// Shapley 1953: the mean, over all orders in which the players may come, of what each adds to those
// before it:  phi_i = sum over S without i of |S|! (n - |S| - 1)! / n! * (worth(S + i) - worth(S)).
// Sums to worth(all) - worth(nobody). Plays all 2^n coalitions.
std::vector<double> exact_shapley(CoalitionGame& game);

struct SampledShapley {
  std::vector<double> values;
  std::vector<double> errors;  // standard errors of the values, by the orders that were drawn
  std::int64_t skipped = 0;    // additions taken as 0
};
// The mean over so many orders drawn at random (Castro, Gomez and Tejada 2009). `truncate`: once
// those who have come are within so much of worth(all), who comes later is taken to add nothing
// (Ghorbani and Zou 2019); 0: never. Order k is drawn from lane k of `stream`.
// REQUIRES: orders >= 2, truncate >= 0.
SampledShapley sample_shapley(CoalitionGame& game, std::int64_t orders, double truncate,
                              const Stream& stream);

}  // namespace polyclinic
