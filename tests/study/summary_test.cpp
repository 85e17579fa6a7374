// System: statistics over seeds and pairs. Expectation: textbook values of Student's interval;
// pairs are of one seed, and only where both arms have a value.
#include "study/summary.hpp"

#include <doctest/doctest.h>

#include <cmath>

namespace polyclinic {
namespace {

Stream stream() {
  return {make_run_key(1, 0), Purpose::kTest, 0};
}

StudyRun run_of(std::size_t arm, std::int64_t replication, std::optional<double> auroc,
                RunState state = RunState::done) {
  StudyRun run;
  run.arm = arm;
  run.replication = replication;
  run.state = state;
  run.ended = TimeNs{5'000'000'000};
  run.bytes_up = 10;
  MeasuredAverages averages;
  averages.metric = "auroc";
  averages.macro = auroc;
  averages.worst = auroc ? std::optional(*auroc - 0.5) : std::nullopt;
  averages.better = metrics::Better::larger;
  run.averages.push_back(averages);
  return run;
}

StudyPlan two_arms() {
  StudyPlan plan;
  plan.points = {{}};
  plan.metric = "auroc";
  plan.measured = {"auroc"};
  plan.arms.resize(2);
  plan.arms[0].name = "plain";
  plan.arms[1].name = "other";
  return plan;
}

TEST_CASE("mean, spread and Student's interval of 1 to 5") {
  const Spread spread = spread_of({1, 2, 3, 4, 5}, stream());
  CHECK(spread.n == 5);
  CHECK(*spread.mean == 3);
  CHECK(*spread.sd == doctest::Approx(std::sqrt(2.5)));
  // t(0.975; 4 degrees of freedom) = 2.776445 in every table, given to six decimals
  const double reach = 2.776445 * std::sqrt(2.5 / 5);
  CHECK(spread.interval->low == doctest::Approx(3 - reach).epsilon(1e-6));
  CHECK(spread.interval->high == doctest::Approx(3 + reach).epsilon(1e-6));
  CHECK(!spread.bootstrap);
}

TEST_CASE("t quantiles as tabulated, from 1 to 99 degrees of freedom") {
  struct Entry {
    double df, t;  // t(0.975; df), three decimals
  };
  for (const Entry& e : {Entry{1, 12.706},
                         {2, 4.303},
                         {3, 3.182},
                         {9, 2.262},
                         {19, 2.093},
                         {29, 2.045},
                         {99, 1.984}}) {
    const statistics::Interval interval = statistics::student_interval(0, 1, e.df);
    CHECK(std::abs(interval.high - e.t) <= 0.0005);
    CHECK(interval.low == -interval.high);
  }
}

TEST_CASE("one value has no spread, none has no mean") {
  const Spread one = spread_of({0.7}, stream());
  CHECK(*one.mean == 0.7);
  CHECK(!one.sd);
  CHECK(!one.interval);
  const Spread none = spread_of({}, stream());
  CHECK(none.n == 0);
  CHECK(!none.mean);
}

TEST_CASE("the bootstrap begins at 20 values and lies near Student's interval") {
  std::vector<double> values;
  for (int i = 0; i < 19; ++i) values.push_back(i);
  CHECK(!spread_of(values, stream()).bootstrap);
  values.push_back(19);
  const Spread spread = spread_of(values, stream());
  REQUIRE(spread.bootstrap);
  // both are about mean -+ 2 sd / sqrt(20) = 9.5 -+ 2.6; the bootstrap's divides by n, uses normal
  // percentiles (a tenth shorter) and has a Monte-Carlo error of some 0.05 at 2000 resamples
  CHECK(std::abs(spread.bootstrap->low - spread.interval->low) < 0.5);
  CHECK(std::abs(spread.bootstrap->high - spread.interval->high) < 0.5);
  CHECK(spread.bootstrap->high - spread.bootstrap->low <
        spread.interval->high - spread.interval->low);
  // the same stream gives the same bits
  CHECK(spread_of(values, stream()).bootstrap->low == spread.bootstrap->low);
}

TEST_CASE("differences are paired by seed; failed runs and missing values make no pair") {
  const StudyPlan plan = two_arms();
  // plain varies by whole units from seed to seed, other lies 0.1 and 0.3 above: a comparison
  // without pairs would drown in the seeds' spread
  const std::vector<StudyRun> runs{run_of(0, 0, 1.0),          run_of(1, 0, 1.1),
                                   run_of(0, 1, 5.0),          run_of(1, 1, 5.3),
                                   run_of(0, 2, std::nullopt), run_of(1, 2, 7.0),
                                   run_of(0, 3, 9.0),          run_of(1, 3, 9.9, RunState::failed)};
  const std::vector<ArmSummary> arms = summarise(plan, runs);
  REQUIRE(arms.size() == 2);
  CHECK(!arms[0].difference);
  const Spread& d = *arms[1].difference;
  CHECK(d.n == 2);
  CHECK(*d.mean == doctest::Approx(0.2));
  // sd of {0.1, 0.3} = 0.1 sqrt 2; its standard error 0.1; t(0.975; 1) = 12.7062
  CHECK(d.interval->low == doctest::Approx(0.2 - 1.27062).epsilon(1e-5));
  CHECK(d.interval->high == doctest::Approx(0.2 + 1.27062).epsilon(1e-5));
  CHECK(arms[1].done == 3);
  CHECK(arms[1].failed == 1);
  CHECK(arms[1].values[0].second.n == 3);
  CHECK(arms[0].values[0].second.n == 3);
}

TEST_CASE("values by name: averages, time and bytes") {
  const StudyRun run = run_of(0, 0, 0.75);
  CHECK(*value_of(run, "auroc") == 0.75);
  CHECK(*value_of(run, "auroc.macro") == 0.75);
  CHECK(*value_of(run, "auroc.worst") == 0.25);
  CHECK(!value_of(run, "auroc.micro"));
  CHECK(!value_of(run, "brier"));
  CHECK(*value_of(run, "sim_seconds") == 5);
  CHECK(*value_of(run, "bytes_up") == 10);
  CHECK(!value_of(run, "bytes_down"));
  CHECK(is_value_name("auroc.worst", {"auroc"}));
  CHECK(!is_value_name("auroc.best", {"auroc"}));
  CHECK(!is_value_name("aroc", {"auroc"}));
  CHECK(is_value_name("bytes_up", {}));
}

}  // namespace
}  // namespace polyclinic
