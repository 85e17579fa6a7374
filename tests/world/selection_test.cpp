// System: federations whose hospitals are chosen by their losses. Expectation: the same choices
// follow from the losses that plain loops in double find at the models of the run.
#include <doctest/doctest.h>

#include <cmath>

#include "quadratic.hpp"

namespace polyclinic {
namespace {

using namespace testing;  // NOLINT: the vocabulary of these tests

// Losses that differ by less could change places through rounding; each test requires more.
constexpr double kClear = 1e-4;

Fields fields_of(const Part& selection, std::int64_t rounds) {
  return {{"rounds", rounds},
          {"hospitals", part("hospitals", "", {{"overhead", seconds(60)}, {"jitter", 0.0}})},
          {"deadline", Value(None{})},
          {"selection", selection},
          {"training", part("training", "sgd", {{"rate", 0.05}, {"batch", Value(All{})}})}};
}

struct Seen {
  RunResult result;
  Participation participation;
};

Seen observe(const WorldSpec& spec, int threads = 2) {
  Seen seen;
  RunOptions options;
  options.threads = threads;
  options.observers.push_back(&seen.participation);
  seen.result = run(spec, std::move(options));
  return seen;
}

// The places of the k largest, in increasing order.
std::vector<std::size_t> largest(const std::vector<double>& values, std::size_t k) {
  std::vector<std::size_t> places(values.size());
  for (std::size_t i = 0; i < places.size(); ++i) places[i] = i;
  std::sort(places.begin(), places.end(),
            [&](std::size_t a, std::size_t b) { return values[a] > values[b]; });
  REQUIRE(values[places[k - 1]] - values[places[k]] > kClear * values[places[0]]);
  places.resize(k);
  std::sort(places.begin(), places.end());
  return places;
}

// The model that a round of the run begins with: of a run that ends before it.
Point model_before(const QuadraticTable& table, const Part& selection, std::size_t round) {
  if (round == 0) return {};
  const auto rounds = static_cast<std::int64_t>(round);
  return final_point(observe(table.world(fields_of(selection, rounds))).result);
}

// Cho, Wang, Joshi 2022, section 3, where all are asked: the m largest F_k(w)
TEST_CASE("power of choice trains those whose loss is largest") {
  const auto sites = mixed_sites();
  const QuadraticTable table(sites);
  const Part selection = part("selection", "power_of_choice", {{"count", 2}, {"candidates", 4}});
  constexpr std::int64_t kRounds = 6;
  const Seen seen = observe(table.world(fields_of(selection, kRounds)));
  REQUIRE(seen.participation.rounds.size() == kRounds);
  bool changed = false;
  for (std::size_t t = 0; t < kRounds; ++t) {
    CAPTURE(t);
    const Point w = model_before(table, selection, t);
    std::vector<double> losses;
    for (const QuadraticSite& site : sites) losses.push_back(rmse(site, w));
    CHECK(seen.participation.rounds[t].invited == largest(losses, 2));
    changed =
        changed || seen.participation.rounds[t].invited != seen.participation.rounds[0].invited;
  }
  // the choice follows the model, or the test shows little
  CHECK(changed);
}

// U = |B| sqrt(mean of Loss^2), Loss = (w . x - y)^2 up to a factor
double utility(const QuadraticSite& site, const Point& w) {
  double sum = 0;
  for (const auto& row : site.rows) {
    const double error = w[0] * row[0] + w[1] * row[1] + w[2] * row[2] - row[3];
    sum += std::pow(error, 4);
  }
  const auto rows = static_cast<double>(site.rows.size());
  return rows * std::sqrt(sum / rows);
}

// Lai et al. 2021, Algorithm 1, without exploration once all are known and with nobody too slow
TEST_CASE("oort goes by the losses that came with updates") {
  const auto sites = mixed_sites();
  const QuadraticTable table(sites);
  const Part selection = part("selection", "oort",
                              {{"count", 2},
                               {"exploration", 1.0},
                               {"decay", 1.0},
                               {"cutoff", 1.0},
                               {"pace", seconds(1e6)}});
  constexpr std::int64_t kRounds = 6;
  const Seen seen = observe(table.world(fields_of(selection, kRounds)));
  REQUIRE(seen.participation.rounds.size() == kRounds);
  std::vector<double> told(sites.size(), -1);
  std::vector<double> last(sites.size(), 0);
  for (std::size_t t = 0; t < kRounds; ++t) {
    CAPTURE(t);
    const std::vector<std::size_t>& invited = seen.participation.rounds[t].invited;
    if (t < 2) {
      for (const std::size_t k : invited) CHECK(told[k] < 0);
    } else {
      const auto [least, most] = std::minmax_element(told.begin(), told.end());
      std::vector<double> scores;
      for (std::size_t k = 0; k < sites.size(); ++k) {
        scores.push_back((told[k] - *least) / (*most - *least) +
                         std::sqrt(0.1 * std::log(static_cast<double>(t + 1)) / last[k]));
      }
      CHECK(invited == largest(scores, 2));
    }
    const Point w = model_before(table, selection, t);
    for (const std::size_t k : invited) {
      told[k] = utility(sites[k], w);
      last[k] = static_cast<double>(t + 1);
    }
  }
}

TEST_CASE("choices by loss are the same for any number of threads") {
  const QuadraticTable table(mixed_sites());
  for (const Part& selection :
       {part("selection", "power_of_choice", {{"count", 2}, {"candidates", 3}}),
        part("selection", "oort", {{"count", 2}}), part("selection", "reliable", {{"count", 2}})}) {
    const WorldSpec spec = table.world(fields_of(selection, 8));
    const Seen one = observe(spec, 1);
    for (const int threads : {2, 3, 8}) {
      const Seen more = observe(spec, threads);
      CHECK(more.result.fingerprint == one.result.fingerprint);
      CHECK(more.result.final_parameters == one.result.final_parameters);
    }
  }
}

}  // namespace
}  // namespace polyclinic
