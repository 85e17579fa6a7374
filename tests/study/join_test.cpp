// System: what joining is worth to one of four hospitals. Expectation: values are those of worlds
// that this test runs itself; gains are paired by seed, and their intervals Student's, by hand.
#include "study/join.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "studies.hpp"
#include "world/world.hpp"

namespace polyclinic {
namespace {

using testing::list;
using testing::part;

constexpr std::size_t kHospitals = 4;
constexpr std::size_t kJoiner = 1;  // hospital-2
constexpr std::int64_t kSeeds = 3;
// 97.5 % quantile of Student's t with two degrees of freedom (any table)
constexpr double kT = 4.302652729749464;

LoadStudy loader() {
  const Part scenario =
      part("scenario", "",
           {{"hospitals", part("hospitals", "", {{"count", 4}, {"patients", 150}})},
            {"cohort", part("cohort", "ehr")},
            {"rounds", 3},
            {"measure", part("measure", "", {{"metrics", list({"loss"})}, {"every", "end"}})}});
  return [scenario](const Settings&, std::optional<std::uint64_t> seed) {
    LoadedStudy loaded;
    WorldSpec spec = resolve_world(scenario, "join.lua");
    if (seed) spec.seed = *seed;
    loaded.spec = study_of_one(spec);
    return loaded;
  };
}

struct Run {
  std::vector<double> loss;
  std::vector<double> alone;
  double seconds = 0;
};

std::vector<double> losses(const ArmResult& arm) {
  std::vector<double> values;
  for (const HospitalMetrics& hospital : arm.hospitals) {
    values.push_back(hospital.metrics.front().second.value.value());
  }
  return values;
}

Run run(std::uint64_t seed, bool with) {
  LoadedStudy loaded = loader()({}, seed);
  WorldSpec spec = std::move(loaded.spec.arms.front().spec);
  if (with) {
    set_baselines(spec.scenario, List{Value(part("baseline", "local_only"))});
  } else {
    spec.absent = {"hospital-2"};
  }
  World world(std::move(spec), nullptr, RunOptions());
  world.run();
  Run found;
  found.loss = losses(world.result().federated);
  if (with) found.alone = losses(world.result().baselines.front());
  found.seconds = world.result().ended.seconds();
  return found;
}

struct Mean {
  double mean = 0;
  double half = 0;  // of the interval
};

Mean student(const std::vector<double>& x) {
  const double mean = (x[0] + x[1] + x[2]) / 3;
  double squares = 0;
  for (const double one : x) squares += (one - mean) * (one - mean);
  return {mean, kT * std::sqrt(squares / 2 / 3)};
}

void compare(const JoinReport& report, const char* name, const std::vector<double>& expected) {
  CAPTURE(name);
  const Spread& found = report.quantity(name).value;
  const Mean by_hand = student(expected);
  // sums of a few numbers of size one: rounding alone
  REQUIRE(found.interval);
  CHECK(*found.mean == doctest::Approx(by_hand.mean).epsilon(1e-9));
  CHECK(found.interval->low == doctest::Approx(by_hand.mean - by_hand.half).epsilon(1e-6));
  CHECK(found.interval->high == doctest::Approx(by_hand.mean + by_hand.half).epsilon(1e-6));
}

JoinReport ask(int threads) {
  JoinOptions options;
  options.file = "join.lua";
  options.hospital = "hospital-2";
  options.seeds = kSeeds;
  options.threads = threads;
  return ask_join(options, loader()).value();
}

TEST_CASE("gains and costs are those of separate runs, paired by seed") {
  const JoinReport report = ask(1);
  CHECK(report.smaller_is_better);
  REQUIRE(report.hospitals.size() == kHospitals);
  CHECK(report.joiner == kJoiner);
  std::vector<double> over_alone;
  std::vector<double> over_without;
  std::vector<double> others;
  std::vector<double> worst;
  std::vector<double> least;
  std::vector<double> time;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const Run with = run(seed, true);
    const Run without = run(seed, false);
    // of a loss less is better
    over_alone.push_back(with.alone[kJoiner] - with.loss[kJoiner]);
    over_without.push_back(without.loss[kJoiner] - with.loss[kJoiner]);
    std::vector<double> gains;
    for (std::size_t i = 0; i < kHospitals; ++i) {
      if (i != kJoiner) gains.push_back(without.loss[i] - with.loss[i]);
    }
    others.push_back((gains[0] + gains[1] + gains[2]) / 3);
    least.push_back(std::min({gains[0], gains[1], gains[2]}));
    worst.push_back(std::max({without.loss[0], without.loss[2], without.loss[3]}) -
                    std::max({with.loss[0], with.loss[2], with.loss[3]}));
    time.push_back(with.seconds - without.seconds);
  }
  compare(report, "gain_over_alone", over_alone);
  compare(report, "gain_over_without", over_without);
  compare(report, "others_mean_gain", others);
  compare(report, "others_least_gain", least);
  compare(report, "others_worst_gain", worst);
  compare(report, "federation_extra_time", time);
}

TEST_CASE("threads change no bit of it") {
  CHECK(join_json(ask(1)) == join_json(ask(3)));
}

}  // namespace
}  // namespace polyclinic
