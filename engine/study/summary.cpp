#include "study/summary.hpp"

#include <algorithm>
#include <map>

namespace polyclinic {

namespace {

// Values of one arm by replication.
using BySeed = std::map<std::int64_t, double>;

std::vector<BySeed> compared_values(const StudyPlan& plan, const std::vector<StudyRun>& runs) {
  std::vector<BySeed> values(plan.arms.size());
  for (const StudyRun& run : runs) {
    if (const auto value = value_of(run, plan.metric)) values[run.arm][run.replication] = *value;
  }
  return values;
}

std::vector<double> differences(const BySeed& values, const BySeed& against) {
  std::vector<double> result;
  for (const auto& [replication, value] : values) {
    const auto other = against.find(replication);
    if (other != against.end()) result.push_back(value - other->second);
  }
  return result;
}

// Percentiles of the means of resamples (Efron and Tibshirani 1993, section 13.3).
statistics::Interval bootstrap_interval(const std::vector<double>& values, Stream& stream) {
  constexpr int kResamples = 2000;
  std::vector<double> means;
  std::vector<double> resample(values.size());
  for (int i = 0; i < kResamples; ++i) {
    for (double& x : resample) x = values[stream.below(values.size())];
    means.push_back(statistics::mean(resample));
  }
  const std::vector<double> ends = statistics::quantiles(means, std::vector<double>{0.025, 0.975});
  return {ends[0], ends[1]};
}

// Where the bootstrap of one value of one arm draws: no run has this replication.
Stream bootstrap_stream(const StudyPlan& plan, std::size_t arm, std::size_t value) {
  constexpr std::uint64_t kOfTheStudy = ~std::uint64_t{0};
  return {make_run_key(plan.first_seed, kOfTheStudy), Purpose::kInterval, arm, value};
}

}  // namespace

Spread spread_of(const std::vector<double>& values, Stream stream) {
  Spread spread;
  spread.n = static_cast<std::int64_t>(values.size());
  if (values.empty()) return spread;
  spread.mean = statistics::mean(values);
  if (values.size() < 2) return spread;
  spread.sd = statistics::sd(values);
  spread.interval = statistics::student_interval(values);
  if (values.size() >= kBootstrapLeast) spread.bootstrap = bootstrap_interval(values, stream);
  return spread;
}

std::vector<std::string> summary_values(const StudyPlan& plan) {
  std::vector<std::string> names;
  const auto add = [&](const std::string& name) {
    if (name.empty() || std::find(names.begin(), names.end(), name) != names.end()) return;
    names.push_back(name);
  };
  add(plan.metric);
  for (const std::string& name : plan.measured) {
    if (name.rfind("brier_", 0) != 0) add(name);
  }
  for (const char* name : {"sim_seconds", "bytes_up", "bytes_down"}) add(name);
  return names;
}

std::vector<ArmSummary> summarise(const StudyPlan& plan, const std::vector<StudyRun>& runs) {
  std::vector<ArmSummary> arms(plan.arms.size());
  const std::vector<std::string> names = summary_values(plan);
  std::vector<std::vector<std::vector<double>>> values(
      plan.arms.size(), std::vector<std::vector<double>>(names.size()));
  for (const StudyRun& run : runs) {
    ++(run.state == RunState::done ? arms[run.arm].done : arms[run.arm].failed);
    for (std::size_t v = 0; v < names.size(); ++v) {
      if (const auto value = value_of(run, names[v])) values[run.arm][v].push_back(*value);
    }
  }
  const std::vector<BySeed> compared = compared_values(plan, runs);
  for (std::size_t a = 0; a < arms.size(); ++a) {
    for (std::size_t v = 0; v < names.size(); ++v) {
      arms[a].values.emplace_back(names[v], spread_of(values[a][v], bootstrap_stream(plan, a, v)));
    }
    const std::size_t against = plan.arms[a].against;
    if (against == a) continue;
    arms[a].difference = spread_of(differences(compared[a], compared[against]),
                                   bootstrap_stream(plan, a, names.size()));
  }
  return arms;
}

metrics::Better direction_of(const StudyPlan& plan, const std::vector<StudyRun>& runs) {
  for (const StudyRun& run : runs) {
    for (const MeasuredAverages& averages : run.averages) {
      const bool same =
          averages.metric == plan.metric || plan.metric.rfind(averages.metric + ".", 0) == 0;
      if (same) return averages.better;
    }
  }
  return metrics::Better::neither;
}

}  // namespace polyclinic
