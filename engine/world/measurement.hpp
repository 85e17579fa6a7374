// The experimenter's view: how good a model is at every hospital that is evaluated, and over them.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "attack/rows.hpp"
#include "base/ids.hpp"
#include "base/parallel.hpp"
#include "base/value.hpp"
#include "data/cohort.hpp"
#include "fed/parts.hpp"
#include "learn/metrics.hpp"
#include "learn/model.hpp"
#include "world/result.hpp"

namespace polyclinic {

// What `measure { ... }` asks for, checked against the cohort's outcome.
struct MeasurePlan {
  struct Custom {
    std::string name;
    FunctionRef function;
    bool larger_is_better = true;
  };
  std::vector<metrics::Metric> metrics;
  std::vector<metrics::Metric> train;  // on training rows; their values are called "train_..."
  std::vector<Custom> custom;
  std::int64_t every = 1;             // versions; 0: only the last
  std::optional<double> threshold;    // none: 80 % sensitivity on validation rows
  std::int64_t hospitals_max = 1000;  // evaluated at most
  // How often each backdoor's trigger brings its class, and the same rows without it: "target_rate"
  // and "target_rate_clean"; of the second "target_rate_2", ...
  std::vector<attack::RowPoison> backdoors;
  // Variables by which patients are grouped, by their place in DatasetInfo::groups.
  std::vector<std::size_t> groups;

  // What results will call the values: "brier", "brier_reliability", ... in the order of measuring.
  [[nodiscard]] std::vector<std::string> value_names() const;
};
// Throws ScenarioError: an unknown metric (nearest names), one that does not fit the outcome, two
// values of the same name.
MeasurePlan make_measure_plan(const Part& measure, const DatasetInfo& info);

class Measurement {
 public:
  struct Setup {
    const Cohort* cohort = nullptr;
    const Model* model = nullptr;
    Workers* workers = nullptr;
    PartFunctions* functions = nullptr;
    MeasurePlan plan;
    bool breslow = false;                          // how the model counts tied times
    std::vector<HospitalId> members;               // counted in averages
    std::vector<HospitalId> attackers;             // take part, and are only listed
    std::vector<HospitalId> external;              // only listed
    std::vector<std::string> names;                // of members, for "worst: Lyon"
    const std::atomic<bool>* interrupt = nullptr;  // set: evaluations end early, without a result
  };
  explicit Measurement(Setup setup);

  using ParametersOf = std::function<const ParameterVector&(HospitalId)>;
  using SiteOf = std::function<SitePtr(HospitalId)>;
  // Evaluates one model per hospital (the same one for all, where there is one) on test rows, and
  // on training rows where the plan asks for it.
  // `groups`: also groups of patients, where the plan asks for some.
  enum class Groups : std::uint8_t { no, yes };
  [[nodiscard]] std::optional<ArmResult> evaluate(std::string arm, const ParametersOf& parameters,
                                                  const SiteOf& site, Groups groups);
  [[nodiscard]] const MeasurePlan& plan() const { return s_.plan; }

  enum class Rows : std::uint8_t { test, train };
  struct Scored;  // of one hospital (measurement_scored.hpp)

 private:
  [[nodiscard]] bool interrupted() const;
  [[nodiscard]] std::vector<Scored> score(const ParametersOf& parameters, const SiteOf& site);
  void add_metric(metrics::Metric metric, Rows rows, const std::vector<Scored>& scored,
                  const metrics::MetricOptions& options, ArmResult& arm) const;
  void add_backdoor(std::size_t which, const std::vector<Scored>& scored,
                    const metrics::MetricOptions& options, ArmResult& arm) const;
  void add_custom(const MeasurePlan::Custom& custom, const std::vector<Scored>& scored,
                  ArmResult& arm) const;
  void add_groups(const std::vector<Scored>& scored, const metrics::MetricOptions& options,
                  ArmResult& arm) const;
  // prefix: of the values' names in results.
  void add_values(const std::vector<std::vector<metrics::NamedValue>>& per_hospital,
                  const std::vector<metrics::NamedValue>& micro, std::string_view prefix,
                  ArmResult& arm) const;
  [[nodiscard]] bool decides() const;  // whether a metric cuts probabilities
  [[nodiscard]] metrics::MetricOptions options_for(const std::vector<Scored>& scored,
                                                   std::string& text) const;

  Setup s_;
  std::vector<HospitalId> all_;  // members, then attackers, then external
  std::vector<std::unique_ptr<Workspace>> workspaces_;
};

// The average that progress, comparisons and checks use; nullopt when it was not measured.
std::optional<double> macro_of(const ArmResult& arm, std::string_view metric);

}  // namespace polyclinic
