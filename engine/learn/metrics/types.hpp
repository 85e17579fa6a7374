// What goes into a metric and what comes out: predictions of one hospital (or of a pool, or of a
// group) and a value with its interval, or a reason why there is none. Plain data, no ownership.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.hpp"

namespace polyclinic::metrics {

// A read-only view of numbers held as float or as double, read as double. Borrows: what it was made
// from must outlive it.
class NumberView {
 public:
  NumberView() = default;
  NumberView(std::span<const double> values) : doubles_(values.data()), size_(values.size()) {}
  NumberView(std::span<const float> values) : floats_(values.data()), size_(values.size()) {}
  NumberView(const std::vector<double>& values) : NumberView(std::span<const double>(values)) {}
  NumberView(const std::vector<float>& values) : NumberView(std::span<const float>(values)) {}

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] double operator[](std::size_t i) const {
    DENSURE(i < size_, "an index inside the view");
    return doubles_ != nullptr ? doubles_[i] : static_cast<double>(floats_[i]);
  }

 private:
  const double* doubles_ = nullptr;
  const float* floats_ = nullptr;
  std::size_t size_ = 0;
};

// What is predicted, and with it what scores and labels mean. In the order of data's tasks.
enum class TaskKind : std::uint8_t {
  binary,      // scores: probability of the event; labels: 0 or 1
  multiclass,  // scores: n x classes probabilities, row by row; labels: class from 0
  regression,  // scores and labels: the quantity
  count,       // scores: expected count, above 0; labels: observed count
  survival,    // scores: risk (log hazard), larger is earlier; labels: time to event or censoring
};
std::string_view task_name(TaskKind task);

// The predictions of one model for a set of patients; entry i of every view is patient i.
struct Predictions {
  TaskKind task = TaskKind::binary;
  int classes = 2;    // columns of scores; multiclass only
  NumberView scores;  // n, or n * classes
  NumberView labels;  // n
  NumberView seen;    // survival only: n, 1 where the event was seen, 0 where censored

  [[nodiscard]] std::size_t size() const { return labels.size(); }
};

struct MetricOptions {
  // A score at or above it predicts the event. A federation finds it on validation data with
  // threshold_for_sensitivity; .5 at 12 % prevalence predicts nobody (science.md, rule 4).
  double threshold = 0.5;
  // Discrimination and calibration are null with fewer events or non-events (science.md, rule 3).
  std::int64_t min_events = 5;
  int bins = 10;        // of ECE and of the decomposition of Brier's score
  double level = 0.95;  // of every interval
  bool breslow = false;  // tied times in the partial likelihood as Breslow counts them, not Efron
};

// A value, its interval and what it rests on; or no value and the reason in words. A value may come
// without interval (fewer than 2 patients, or no analytic one: see bootstrap_intervals).
struct MetricValue {
  std::optional<double> value;
  std::optional<double> low;
  std::optional<double> high;
  std::int64_t n = 0;               // patients
  std::int64_t events = 0;          // positive labels of binary and survival tasks, otherwise 0
  std::optional<double> threshold;  // the one used, for metrics that need one
  std::string reason;               // why there is no value; empty when there is one
};

// Which direction of a value is good.
enum class Better : std::uint8_t {
  larger,   // AUROC
  smaller,  // loss
  zero,     // calibration intercept: the farther from 0 the worse
  one,      // calibration slope: the farther from 1 the worse
  neither,  // describes the test set (uncertainty, expected ECE); it has no worst
};

// A MetricValue under the name that results, Lua and JSON show. Names are string literals of the
// registry (metrics.hpp) and live for ever.
struct NamedValue {
  std::string_view name;
  Better better = Better::neither;
  MetricValue metric;
};

// Scores closer to 0 or 1 than this are moved to it before a logarithm or a logit: the largest
// float below 1 is 1 - 6e-8, so predictions held as float and as double give the same value. One
// certain and wrong prediction costs 16.1 nats.
inline constexpr double kProbabilityFloor = 1e-7;

}  // namespace polyclinic::metrics
