#include "learn/metrics.hpp"

#include <cmath>

#include "learn/metrics/calibration.hpp"
#include "learn/metrics/common.hpp"
#include "learn/metrics/error.hpp"
#include "learn/metrics/ranking.hpp"
#include "learn/metrics/survival.hpp"
#include "learn/metrics/threshold.hpp"

namespace polyclinic::metrics {

namespace {

constexpr TaskKind kAllTasks[] = {TaskKind::binary, TaskKind::multiclass, TaskKind::regression,
                                  TaskKind::count, TaskKind::survival};
constexpr TaskKind kBinary[] = {TaskKind::binary};
constexpr TaskKind kClasses[] = {TaskKind::binary, TaskKind::multiclass};
constexpr TaskKind kNumbers[] = {TaskKind::regression, TaskKind::count};
constexpr TaskKind kCount[] = {TaskKind::count};
constexpr TaskKind kSurvival[] = {TaskKind::survival};

constexpr ValueInfo kLoss[] = {{"loss", Better::smaller,
                                "log-loss, cross-entropy, squared error, Poisson loss or partial "
                                "likelihood, as the task has it"}};
constexpr ValueInfo kLogLoss[] = {
    {"log_loss", Better::smaller,
     "mean of -log of the probability given to what happened, in nats"}};
constexpr ValueInfo kAccuracy[] = {{"accuracy", Better::larger, "share of right decisions"}};
constexpr ValueInfo kBalanced[] = {
    {"balanced_accuracy", Better::larger, "mean over classes of the share found"}};
constexpr ValueInfo kSensitivity[] = {
    {"sensitivity", Better::larger, "share of events at or above the threshold"}};
constexpr ValueInfo kSpecificity[] = {
    {"specificity", Better::larger, "share of non-events below the threshold"}};
constexpr ValueInfo kPositiveRate[] = {
    {"positive_rate", Better::neither, "share of patients at or above the threshold"}};
constexpr ValueInfo kF1[] = {
    {"f1", Better::larger, "harmonic mean of precision and sensitivity; mean over classes"}};
constexpr ValueInfo kAuroc[] = {
    {"auroc", Better::larger,
     "P(an event scores above a non-event), ties half; mean of one against the rest"}};
constexpr ValueInfo kAuprc[] = {
    {"auprc", Better::larger, "average precision; guessing gives the prevalence"}};
constexpr ValueInfo kBrier[] = {
    {"brier", Better::smaller, "mean squared error of the probabilities"},
    {"brier_reliability", Better::smaller, "part due to miscalibration between bins"},
    {"brier_resolution", Better::larger, "part won by telling bins apart"},
    {"brier_uncertainty", Better::neither, "prevalence * (1 - prevalence)"},
    {"brier_within", Better::neither, "variance less covariance inside bins"}};
constexpr ValueInfo kCalibration[] = {
    {"calibration_intercept", Better::zero,
     "logistic recalibration with slope 1: above 0 the model predicts too little risk"},
    {"calibration_slope", Better::one,
     "logistic recalibration: below 1 predictions are too extreme"}};
constexpr ValueInfo kEce[] = {
    {"ece", Better::smaller,
     "mean gap between predicted and observed share over 10 equal-count bins, ties together"},
    {"ece_expected", Better::neither, "what a perfectly calibrated model shows on average here"}};
constexpr ValueInfo kRmse[] = {
    {"rmse", Better::smaller, "root mean squared error, in the outcome's unit"}};
constexpr ValueInfo kMae[] = {
    {"mae", Better::smaller, "mean absolute error, in the outcome's unit"}};
constexpr ValueInfo kDeviance[] = {
    {"deviance", Better::smaller,
     "mean Poisson deviance; about 1 for a right model of large counts"}};
constexpr ValueInfo kConcordance[] = {
    {"c_index", Better::larger, "share of known pairs in which the earlier event has more risk"}};

constexpr MetricInfo kMetrics[] = {
    {Metric::loss, "loss", "what training minimises, per patient (survival: per event)", "",
     kAllTasks, kLoss},
    {Metric::log_loss, "log_loss",
     "logarithmic score of probabilities, moved into [1e-7, 1 - 1e-7]", "Good 1952", kClasses,
     kLogLoss},
    {Metric::accuracy, "accuracy",
     "share of right decisions at the threshold; says little at low prevalence", "", kClasses,
     kAccuracy},
    {Metric::balanced_accuracy, "balanced_accuracy",
     "mean of sensitivity and specificity at the threshold", "Brodersen et al. 2010", kClasses,
     kBalanced},
    {Metric::sensitivity, "sensitivity", "share of events found at the threshold",
     "Yerushalmy 1947", kBinary, kSensitivity},
    {Metric::specificity, "specificity", "share of non-events spared at the threshold",
     "Yerushalmy 1947", kBinary, kSpecificity},
    {Metric::positive_rate, "positive_rate",
     "share of patients predicted to have the event at the threshold", "", kBinary, kPositiveRate},
    {Metric::f1, "f1", "harmonic mean of precision and sensitivity at the threshold",
     "van Rijsbergen 1979; interval: Lam et al. 2023", kClasses, kF1},
    {Metric::auroc, "auroc", "area under the ROC curve, ties half; blind to calibration",
     "DeLong et al. 1988; interval: Pohar Perme and Manevski 2018", kClasses, kAuroc},
    {Metric::auprc, "auprc", "area under the precision-recall curve as average precision",
     "Boyd et al. 2013", kBinary, kAuprc},
    {Metric::brier, "brier", "mean squared error of probabilities with its decomposition",
     "Brier 1950; Stephenson et al. 2008", kClasses, kBrier},
    {Metric::calibration, "calibration", "intercept and slope of logistic recalibration",
     "Cox 1958; Steyerberg 2019", kBinary, kCalibration},
    {Metric::ece, "ece", "expected calibration error beside its value under perfect calibration",
     "Naeini et al. 2015", kBinary, kEce},
    {Metric::rmse, "rmse", "root mean squared error", "", kNumbers, kRmse},
    {Metric::mae, "mae", "mean absolute error", "", kNumbers, kMae},
    {Metric::deviance, "deviance", "mean deviance of counts against a Poisson law",
     "McCullagh and Nelder 1989", kCount, kDeviance},
    {Metric::c_index, "c_index", "Harrell's concordance of risk scores with censored times",
     "Harrell et al. 1982", kSurvival, kConcordance},
};

constexpr Metric kDefaultBinary[] = {Metric::auroc, Metric::auprc, Metric::brier,
                                     Metric::calibration};
constexpr Metric kDefaultMulticlass[] = {Metric::auroc, Metric::accuracy, Metric::log_loss,
                                         Metric::brier};
constexpr Metric kDefaultRegression[] = {Metric::rmse, Metric::mae};
constexpr Metric kDefaultCount[] = {Metric::deviance, Metric::rmse};
constexpr Metric kDefaultSurvival[] = {Metric::c_index, Metric::loss};

}  // namespace

std::span<const MetricInfo> all_metrics() {
  return kMetrics;
}

const MetricInfo& info(Metric metric) {
  const auto index = static_cast<std::size_t>(metric);
  ENSURE(index < std::size(kMetrics), "every metric is declared");
  ENSURE(kMetrics[index].metric == metric, "declarations are in the order of the enum");
  return kMetrics[index];
}

std::optional<Metric> find_metric(std::string_view name) {
  for (const MetricInfo& candidate : kMetrics) {
    if (candidate.name == name) return candidate.metric;
  }
  return std::nullopt;
}

bool applies(Metric metric, TaskKind task) {
  for (const TaskKind candidate : info(metric).tasks) {
    if (candidate == task) return true;
  }
  return false;
}

const ValueInfo* find_value(std::string_view name) {
  for (const MetricInfo& candidate : kMetrics) {
    for (const ValueInfo& value : candidate.values) {
      if (value.name == name) return &value;
    }
  }
  return nullptr;
}

std::span<const Metric> default_metrics(TaskKind task) {
  switch (task) {
    case TaskKind::binary: return kDefaultBinary;
    case TaskKind::multiclass: return kDefaultMulticlass;
    case TaskKind::regression: return kDefaultRegression;
    case TaskKind::count: return kDefaultCount;
    case TaskKind::survival: return kDefaultSurvival;
  }
  ENSURE(false, "every task has default metrics");
}

bool worse(double a, double b, Better better) {
  switch (better) {
    case Better::larger: return a < b;
    case Better::smaller: return a > b;
    case Better::zero: return std::fabs(a) > std::fabs(b);
    case Better::one: return std::fabs(a - 1) > std::fabs(b - 1);
    case Better::neither: return false;
  }
  ENSURE(false, "every direction has a worse side");
}

namespace {

// A part of a metric: a number without interval, null where the whole is null.
MetricValue part_of(const MetricValue& whole, double value) {
  MetricValue part = whole;
  part.low.reset();
  part.high.reset();
  if (whole.value) part.value = value;
  return part;
}

MetricValue loss(const Predictions& p, const MetricOptions& options) {
  switch (p.task) {
    case TaskKind::binary: return log_loss(p.scores, p.labels, options);
    case TaskKind::multiclass: return cross_entropy(p.scores, p.labels, p.classes, options);
    case TaskKind::regression: return mean_squared_error(p.scores, p.labels, options);
    case TaskKind::count: return poisson_loss(p.scores, p.labels, options);
    case TaskKind::survival: return partial_likelihood_loss(p.scores, p.labels, p.seen, options);
  }
  ENSURE(false, "every task has a loss");
}

std::vector<MetricValue> brier_values(const Predictions& p, const MetricOptions& options) {
  if (p.task == TaskKind::multiclass) {
    const MetricValue score = brier_multiclass(p.scores, p.labels, p.classes, options);
    MetricValue none = null_value({score.n, 0}, "decomposed for two classes only");
    return {score, none, none, none, none};
  }
  const Brier b = brier(p.scores, p.labels, options);
  return {b.score, part_of(b.score, b.reliability), part_of(b.score, b.resolution),
          part_of(b.score, b.uncertainty),
          part_of(b.score, b.within_variance - b.within_covariance)};
}

std::vector<MetricValue> compute_values(Metric metric, const Predictions& p,
                                        const MetricOptions& options) {
  const bool several = p.task == TaskKind::multiclass;
  switch (metric) {
    case Metric::loss: return {loss(p, options)};
    case Metric::log_loss:
      return {several ? cross_entropy(p.scores, p.labels, p.classes, options)
                      : log_loss(p.scores, p.labels, options)};
    case Metric::accuracy:
      return {several ? accuracy_multiclass(p.scores, p.labels, p.classes, options)
                      : accuracy(p.scores, p.labels, options)};
    case Metric::balanced_accuracy:
      return {several ? balanced_accuracy_multiclass(p.scores, p.labels, p.classes, options)
                      : balanced_accuracy(p.scores, p.labels, options)};
    case Metric::sensitivity: return {sensitivity(p.scores, p.labels, options)};
    case Metric::specificity: return {specificity(p.scores, p.labels, options)};
    case Metric::positive_rate: return {positive_rate(p.scores, p.labels, options)};
    case Metric::f1:
      return {several ? f1_multiclass(p.scores, p.labels, p.classes, options)
                      : f1(p.scores, p.labels, options)};
    case Metric::auroc:
      return {several ? auroc_one_vs_rest(p.scores, p.labels, p.classes, options)
                      : auroc(p.scores, p.labels, options)};
    case Metric::auprc: return {auprc(p.scores, p.labels, options)};
    case Metric::brier: return brier_values(p, options);
    case Metric::calibration: {
      const Recalibration fit = recalibrate(p.scores, p.labels, options);
      return {fit.intercept, fit.slope};
    }
    case Metric::ece: {
      const CalibrationError error = expected_calibration_error(p.scores, p.labels, options);
      return {error.observed, error.expected};
    }
    case Metric::rmse: return {rmse(p.scores, p.labels, options)};
    case Metric::mae: return {mean_absolute_error(p.scores, p.labels, options)};
    case Metric::deviance: return {poisson_deviance(p.scores, p.labels, options)};
    case Metric::c_index: return {c_index(p.scores, p.labels, p.seen, options)};
  }
  ENSURE(false, "every metric is computed");
}

}  // namespace

std::vector<NamedValue> compute(Metric metric, const Predictions& predictions,
                                const MetricOptions& options) {
  const MetricInfo& declared = info(metric);
  std::vector<MetricValue> values;
  if (applies(metric, predictions.task)) {
    values = compute_values(metric, predictions, options);
  } else {
    const ClassCounts counts{static_cast<std::int64_t>(predictions.size()), 0};
    const std::string reason = "not for " + std::string(task_name(predictions.task)) + " outcomes";
    values.assign(declared.values.size(), null_value(counts, reason));
  }
  ENSURE(values.size() == declared.values.size(), "a metric gives the values it declares");
  std::vector<NamedValue> named;
  named.reserve(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    named.push_back({declared.values[i].name, declared.values[i].better, std::move(values[i])});
  }
  return named;
}

}  // namespace polyclinic::metrics
