// Evaluation metrics: the registry by name and one function that computes any of them. Pure
// functions of their input: no randomness, no threads, sums in row order in double. The formulas
// and their sources are beside the functions of learn/metrics/*.hpp.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "learn/metrics/types.hpp"

namespace polyclinic::metrics {

// What `measure { "auroc", "brier" }` can name. A metric gives one or more named values.
enum class Metric : std::uint8_t {
  loss,               // what training minimises, per patient (survival: per event)
  log_loss,           // proper score of probabilities, without bound for certain errors
  accuracy,           // share of right decisions; says little at low prevalence
  balanced_accuracy,  // mean sensitivity over classes
  sensitivity,        // share of events that are predicted
  specificity,        // share of non-events that are not predicted
  positive_rate,      // share of patients that are predicted to have the event
  f1,                 // harmonic mean of precision and sensitivity
  auroc,              // discrimination, blind to calibration and prevalence
  auprc,              // discrimination among the highest risks; floor is the prevalence
  brier,              // mean squared error of probabilities, with its decomposition
  calibration,        // intercept and slope of logistic recalibration
  ece,                // expected calibration error beside what perfect calibration shows
  rmse,               // root mean squared error, in the unit of the outcome
  mae,                // mean absolute error, in the unit of the outcome
  deviance,           // of counts, against a Poisson law
  c_index,            // discrimination of risk scores against censored times
};

// One named value of a metric.
struct ValueInfo {
  std::string_view name;  // "calibration_slope"
  Better better;
  std::string_view doc;
};

// The declaration of a metric, for validation, docs and editor stubs.
struct MetricInfo {
  Metric metric;
  std::string_view name;  // "calibration"
  std::string_view doc;   // one line
  std::string_view paper;
  std::span<const TaskKind> tasks;
  std::span<const ValueInfo> values;
};

// All metrics in the order of the enum.
std::span<const MetricInfo> all_metrics();
const MetricInfo& info(Metric metric);
std::optional<Metric> find_metric(std::string_view name);
bool applies(Metric metric, TaskKind task);
// The declaration of a value by its own name ("calibration_slope"), or nullptr.
const ValueInfo* find_value(std::string_view name);
// What `measure` takes when nothing is said (science.md, defaults), for a task.
std::span<const Metric> default_metrics(TaskKind task);

// True when `a` is worse than `b` in the sense of `better`; never for Better::neither.
bool worse(double a, double b, Better better);

// Computes every value of a metric, in the order of its declaration. Values that do not exist are
// null with a reason: no patients, one class only, too few events, predictions that are not finite
// or no probabilities, a metric that does not apply to the task.
// REQUIRES: sizes of scores, labels and seen agree.
std::vector<NamedValue> compute(Metric metric, const Predictions& predictions,
                                const MetricOptions& options = {});

}  // namespace polyclinic::metrics
