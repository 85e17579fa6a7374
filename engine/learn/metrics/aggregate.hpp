// One metric over many hospitals or groups: "the" AUROC says which (science.md, rule 3).
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/stream.hpp"
#include "learn/metrics.hpp"
#include "learn/metrics/intervals.hpp"

namespace polyclinic::metrics {

// One value over hospitals. Hospitals without a value are left out of macro, weighted and worst and
// counted; micro pools the predictions of all, so that hospitals that differ in prevalence look
// like discrimination: progress, comparisons and checks use macro.
struct Summary {
  std::string_view name;
  Better better = Better::neither;
  MetricValue
      macro;  // mean of the hospitals' values; limits by MOVER (these hospitals, new patients)
  MetricValue weighted;  // mean weighted by rows tested; limits by MOVER
  MetricValue micro;     // of the pooled predictions
  // Fairness over hospitals, of those counted. Each is none where it does not exist: below two
  // hospitals, for a value without a worse side.
  //   spread         standard deviation (n - 1)
  //   spread_chance  the standard deviation that hospitals which are all alike would show, by the
  //                  patients that happened to be tested: root of their mean squared standard error
  //   bottom_decile  mean of the worst tenth, ceil(n / 10) hospitals (Li et al. 2020, "worst 10 %")
  //   jain           (sum x)^2 / (n sum x^2), 1 / n to 1 (Jain, Chiu and Hawe 1984); values >= 0
  std::optional<double> spread;
  std::optional<double> spread_chance;
  std::optional<double> bottom_decile;
  std::optional<double> jain;
  MetricValue worst;  // the worst hospital's, with its interval (not corrected for the choice)
  std::optional<std::size_t> worst_hospital;  // its place in the list, the first of equals
  std::int64_t hospitals_counted = 0;
  std::int64_t hospitals_null = 0;
  std::map<std::string, std::int64_t> null_reasons;  // how many hospitals for each reason
};

// Joins values per hospital (one name, in hospital order) with the pooled value; `level` of their
// intervals.
Summary summarise(std::span<const NamedValue> hospitals, const MetricValue& micro,
                  double level = 0.95);

// Values per hospital and their summaries, one entry per value of the metric.
struct HospitalMetrics {
  std::vector<std::vector<NamedValue>> per_hospital;  // [hospital][value]
  std::vector<Summary> summaries;                     // [value]
};
// REQUIRES: all of one task and number of classes.
HospitalMetrics over_hospitals(Metric metric, std::span<const Predictions> hospitals,
                               const MetricOptions& options = {});

// Predictions of several hospitals one after the other, owned. REQUIRES as over_hospitals.
class Pool {
 public:
  explicit Pool(std::span<const Predictions> parts);
  // Valid while the pool lives and is not moved.
  [[nodiscard]] Predictions predictions() const;

 private:
  TaskKind task_ = TaskKind::binary;
  int classes_ = 2;
  std::vector<double> scores_;
  std::vector<double> labels_;
  std::vector<double> seen_;
};

// One metric inside each group of patients (age band, sex), and the gap between groups.
struct GroupMetrics {
  std::vector<std::uint8_t> codes;                 // groups that occur, increasing
  std::vector<std::vector<NamedValue>> per_group;  // [group][value]
  struct Gap {
    std::string_view name;
    // Largest minus smallest value over groups with one; n: patients in those. The interval is of
    // the difference between these two groups (MOVER), with limits of theirs at 1 - (1 - level) /
    // pairs of groups: it also holds for a pair that was picked because it differs most
    // (Bonferroni). It may reach below 0: the order of the two is then not certain. Rows count as
    // independent.
    MetricValue gap;
    std::optional<std::uint8_t> largest;  // code of the group with the largest value
    std::optional<std::uint8_t> smallest;
    std::int64_t groups_counted = 0;
  };
  std::vector<Gap> gaps;  // [value]; null below two groups with a value
};
// groups[i] is the level of patient i. REQUIRES: groups.size() == predictions.size().
GroupMetrics over_groups(Metric metric, const Predictions& predictions,
                         std::span<const std::uint8_t> groups, const MetricOptions& options = {});

// Adds percentile bootstrap limits to the values that compute() left without, except ECE and its
// expectation (a resample repeats patients, which raises ECE). `stream`: Purpose::kInterval, entity
// the hospital, step the version.
void bootstrap_intervals(Metric metric, const Predictions& predictions,
                         const MetricOptions& options, const Stream& stream,
                         std::vector<NamedValue>& values,
                         const BootstrapOptions& bootstrap_options = {});

}  // namespace polyclinic::metrics
