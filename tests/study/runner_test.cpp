// System: all runs of a study. Expectation: the same bits for any number of threads; arms with one
// seed live in one world; a run that fails or is cut short takes nothing from the others.
#include "study/runner.hpp"

#include <doctest/doctest.h>

#include <atomic>

#include "studies.hpp"
#include "study/report.hpp"
#include "world/measurement.hpp"

namespace polyclinic {
namespace {

using testing::arm_part;
using testing::busy_scenario;
using testing::loader_of;
using testing::part;
using testing::study_part;

// Three ways to learn in one world, and a reference.
Part four_arms() {
  return study_part(
      busy_scenario(),
      {arm_part("plain"),
       arm_part("momentum", {{"server", part("server", "sgd", {{"momentum", 0.9}})}}),
       arm_part("proximal", {{"objective", part("objective", "proximal", {{"mu", 0.5}})}}),
       arm_part("pooled", {{"strategy", part("baseline", "pooled")}})});
}

StudyPlan plan_for(const LoadStudy& load) {
  PlanOptions options;
  options.file = "study.lua";
  return make_plan(options, load);
}

StudyResult result_of(const Part& study, int threads) {
  const LoadStudy load = loader_of(study);
  StudyResult result;
  result.plan = plan_for(load);
  StudyOptions options;
  options.threads = threads;
  result.runs = run_study(result.plan, load, options);
  return result;
}

// Made once, on one thread.
const StudyResult& whole_study() {
  static const StudyResult result = result_of(four_arms(), 1);
  return result;
}

std::string timeline_of(const StudyRun& run) {
  return run.fingerprint.substr(0, run.fingerprint.find('-'));
}

TEST_CASE("threads change no bit; the order is the plan's") {
  const StudyResult& one = whole_study();
  REQUIRE(one.runs.size() == 12);
  for (std::size_t i = 0; i < one.runs.size(); ++i) {
    CHECK(one.runs[i].run == static_cast<std::int64_t>(i) + 1);
    CHECK(one.runs[i].state == RunState::done);
  }
  for (const int threads : {2, 3}) {
    const StudyResult more = result_of(four_arms(), threads);
    CHECK(study_json(more) == study_json(one));
    CHECK(runs_csv(more) == runs_csv(one));
    CHECK(arms_csv(more) == arms_csv(one));
  }
}

TEST_CASE("arms that differ in how they learn share one world draw by draw; seeds do not") {
  const StudyResult& study = whole_study();
  // replication by replication: plain, momentum, proximal, pooled
  for (std::size_t r = 0; r < 3; ++r) {
    const StudyRun* arms = &study.runs[4 * r];
    CHECK(arms[0].seed == 1 + r);
    // who was selected, when each transfer and training ended, who dropped out: one timeline
    CHECK(timeline_of(arms[0]) == timeline_of(arms[1]));
    CHECK(timeline_of(arms[0]) == timeline_of(arms[2]));
    CHECK(timeline_of(arms[0]) == timeline_of(arms[3]));
    // but other results
    CHECK(arms[0].fingerprint != arms[1].fingerprint);
    CHECK(arms[0].fingerprint != arms[2].fingerprint);
  }
  CHECK(timeline_of(study.runs[0]) != timeline_of(study.runs[4]));
  CHECK(timeline_of(study.runs[4]) != timeline_of(study.runs[8]));
}

TEST_CASE("arms with one seed have the same hospitals, patients, outages and drops") {
  const StudySpec study = make_study(four_arms(), "study.lua", {});
  const RunResult plain = testing::run(study.arms[0].spec);
  const RunResult momentum = testing::run(study.arms[1].spec);
  REQUIRE(plain.hospitals.size() == momentum.hospitals.size());
  std::int64_t outages = 0;
  for (std::size_t i = 0; i < plain.hospitals.size(); ++i) {
    const HospitalAccount& a = plain.hospitals[i];
    const HospitalAccount& b = momentum.hospitals[i];
    CHECK(a.name == b.name);
    CHECK(a.patients == b.patients);
    CHECK(a.train_rows == b.train_rows);
    CHECK(a.outage_times == b.outage_times);
    CHECK(a.drops == b.drops);
    CHECK(a.busy == b.busy);
    CHECK(a.participations == b.participations);
    outages += a.outages;
  }
  CHECK(outages > 0);  // something was there to be shared
}

TEST_CASE("references come from the base's own simulation, with its numbers") {
  const StudyResult& study = whole_study();
  REQUIRE(study.plan.units.size() == 3);
  CHECK(study.plan.units[0] == std::vector<std::size_t>{0, 3});
  StudySpec spec = make_study(four_arms(), "study.lua", {});
  const RunResult pooled = testing::run(spec.arms[3].spec);
  REQUIRE(pooled.baselines.size() == 1);
  const StudyRun& run = study.runs[3];
  CHECK(value_of(run, "auroc") == macro_of(pooled.baselines[0], "auroc"));
  CHECK(value_of(study.runs[0], "auroc") == macro_of(pooled.federated, "auroc"));
  CHECK(!value_of(run, "bytes_up"));
  CHECK(!value_of(run, "sim_seconds"));
}

TEST_CASE("a run that fails is a row with its reason; the others are as they were") {
  const Part study = four_arms();
  const LoadStudy good = loader_of(study);
  const LoadStudy load = [&](const Settings& varied, std::optional<std::uint64_t> seed) {
    if (seed == 2) throw RunError({"s.lua", 7, 0}, "as asked");
    return good(varied, seed);
  };
  StudyResult result;
  result.plan = plan_for(load);
  StudyOptions options;
  options.threads = 2;
  result.runs = run_study(result.plan, load, options);
  const StudyResult& whole = whole_study();
  REQUIRE(result.runs.size() == 12);
  CHECK(failed_runs(result) == 4);
  for (std::size_t i = 0; i < 12; ++i) {
    const bool failed = i / 4 == 1;
    CHECK(result.runs[i].state == (failed ? RunState::failed : RunState::done));
    CHECK(result.runs[i].reason ==
          (failed ? std::string("s.lua:7: as asked") : whole.runs[i].reason));
    if (!failed) CHECK(result.runs[i].fingerprint == whole.runs[i].fingerprint);
  }
  CHECK(state_of(result) == "failed");
  CHECK(study_table(result).find("plain, seed 2, failed: s.lua:7: as asked") != std::string::npos);
}

TEST_CASE("a file that changes while the study runs fails what would be another study") {
  const LoadStudy good = loader_of(four_arms());
  std::atomic<int> loads{0};
  const LoadStudy load = [&](const Settings& varied, std::optional<std::uint64_t> seed) {
    LoadedStudy loaded = good(varied, seed);
    if (++loads > 1) loaded.source_hash = 77;
    return loaded;
  };
  const StudyPlan plan = plan_for(load);
  const std::vector<StudyRun> runs = run_study(plan, load, {});
  REQUIRE(runs.size() == 12);
  CHECK(runs[0].state == RunState::failed);
  CHECK(runs[0].reason == "the scenario file changed while the study ran");
}

TEST_CASE("an interrupted study keeps what had ended, and nothing half-done") {
  const StudyResult& whole = whole_study();
  const LoadStudy load = loader_of(four_arms());
  const StudyPlan plan = plan_for(load);
  for (const int threads : {1, 2}) {
    std::atomic<bool> interrupt{false};
    StudyOptions options;
    options.threads = threads;
    options.interrupt = &interrupt;
    std::vector<std::int64_t> committed;
    options.commit = [&](const StudyRun& run) { committed.push_back(run.run); };
    options.progress = [&](std::int64_t ended, std::int64_t) { interrupt = ended >= 5; };
    const std::vector<StudyRun> runs = run_study(plan, load, options);
    CHECK(runs.size() >= 5);
    CHECK(runs.size() < 12);
    CHECK(committed.size() == runs.size());
    for (const StudyRun& run : runs) {
      const StudyRun& same = whole.runs[static_cast<std::size_t>(run.run) - 1];
      CHECK(run.fingerprint == same.fingerprint);
      CHECK(value_of(run, "auroc") == value_of(same, "auroc"));
    }
  }
}

TEST_CASE("what a commit throws ends the study") {
  const LoadStudy load = loader_of(four_arms());
  const StudyPlan plan = plan_for(load);
  StudyOptions options;
  options.threads = 2;
  int commits = 0;
  options.commit = [&](const StudyRun&) {
    if (++commits == 3) throw RunError({}, "the disk is full");
  };
  CHECK_THROWS_AS(run_study(plan, load, options), RunError);
  CHECK(commits == 3);
}

}  // namespace
}  // namespace polyclinic
