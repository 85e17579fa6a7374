#include <doctest/doctest.h>

#include <cmath>
#include <set>
#include <string>

#include "base/math.hpp"
#include "base/stream.hpp"
#include "learn/metrics.hpp"

namespace polyclinic::metrics {
namespace {

constexpr TaskKind kTasks[] = {TaskKind::binary, TaskKind::multiclass, TaskKind::regression,
                               TaskKind::count, TaskKind::survival};

// 200 patients of any task, predictions fit for it.
struct Sample {
  TaskKind task;
  std::vector<double> scores;
  std::vector<double> labels;
  std::vector<double> seen;
  [[nodiscard]] Predictions predictions() const {
    return {.task = task, .classes = 3, .scores = scores, .labels = labels, .seen = seen};
  }
};

Sample sample_of(TaskKind task) {
  Stream stream(make_run_key(13, 0), Purpose::kTest, static_cast<std::uint64_t>(task));
  Sample s{task, {}, {}, {}};
  for (int i = 0; i < 200; ++i) {
    const double u = stream.uniform();
    const double v = stream.uniform_open();
    switch (task) {
      case TaskKind::binary:
        s.scores.push_back(u);
        s.labels.push_back(v < u ? 1 : 0);
        break;
      case TaskKind::multiclass:
        for (const double p : {u / 2, (1 - u) / 2, 0.5}) s.scores.push_back(p);
        s.labels.push_back(v < u / 2 ? 0 : (v < 0.5 ? 1 : 2));
        break;
      case TaskKind::regression:
        s.scores.push_back(u);
        s.labels.push_back(u + math::normal_quantile(v));
        break;
      case TaskKind::count:
        s.scores.push_back(1 + u);
        s.labels.push_back(std::floor(4 * v));
        break;
      case TaskKind::survival:
        s.scores.push_back(u);
        s.labels.push_back(-math::log(v) * math::exp(-u));
        s.seen.push_back(i % 3 == 0 ? 0 : 1);
        break;
    }
  }
  return s;
}

TEST_CASE("every metric is declared once, under its place and names of its own") {
  std::set<std::string> names;
  std::set<std::string> value_names;
  std::size_t place = 0;
  for (const MetricInfo& declared : all_metrics()) {
    CHECK(static_cast<std::size_t>(declared.metric) == place++);
    CHECK(names.insert(std::string(declared.name)).second);
    CHECK_FALSE(declared.doc.empty());
    CHECK_FALSE(declared.tasks.empty());
    CHECK_FALSE(declared.values.empty());
    CHECK(find_metric(declared.name) == declared.metric);
    CHECK(&info(declared.metric) == &declared);
    for (const ValueInfo& value : declared.values) {
      CHECK(value_names.insert(std::string(value.name)).second);
      CHECK_FALSE(value.doc.empty());
      CHECK(find_value(value.name) == &value);
    }
  }
  CHECK(find_metric("accuracy_of_everything") == std::nullopt);
  CHECK(find_value("calibration") == nullptr);
  CHECK(find_value("calibration_slope")->better == Better::one);
}

TEST_CASE("every metric gives its declared values for its tasks and a reason for others") {
  for (const TaskKind task : kTasks) {
    const Sample s = sample_of(task);
    for (const MetricInfo& declared : all_metrics()) {
      CAPTURE(declared.name);
      CAPTURE(task_name(task));
      const std::vector<NamedValue> values = compute(declared.metric, s.predictions());
      REQUIRE(values.size() == declared.values.size());
      for (std::size_t v = 0; v < values.size(); ++v) {
        CHECK(values[v].name == declared.values[v].name);
        CHECK(values[v].metric.n == 200);
        if (!applies(declared.metric, task)) {
          CHECK_FALSE(values[v].metric.value.has_value());
          CHECK(values[v].metric.reason == "not for " + std::string(task_name(task)) + " outcomes");
          continue;
        }
        if (!values[v].metric.value) {
          CHECK(values[v].metric.reason == "decomposed for two classes only");
          continue;
        }
        CHECK(std::isfinite(*values[v].metric.value));
        CHECK(values[v].metric.reason.empty());
        if (!values[v].metric.low) continue;
        CHECK(*values[v].metric.low <= *values[v].metric.value);
        CHECK(*values[v].metric.high >= *values[v].metric.value);
      }
    }
  }
}

TEST_CASE("a diverged model or an empty hospital gives reasons, not numbers") {
  for (const TaskKind task : kTasks) {
    Sample s = sample_of(task);
    for (double& score : s.scores) score = std::nan("");
    for (const MetricInfo& declared : all_metrics()) {
      if (!applies(declared.metric, task)) continue;
      for (const NamedValue& named : compute(declared.metric, s.predictions())) {
        CHECK_FALSE(named.metric.value.has_value());
        CHECK_FALSE(named.metric.reason.empty());
      }
      const Predictions empty{.task = task, .classes = 3, .scores = {}, .labels = {}, .seen = {}};
      for (const NamedValue& named : compute(declared.metric, empty)) {
        CHECK_FALSE(named.metric.value.has_value());
        CHECK_FALSE(named.metric.reason.empty());
      }
    }
  }
}

TEST_CASE("default metrics apply to their task, and loss to every task") {
  for (const TaskKind task : kTasks) {
    CHECK(applies(Metric::loss, task));
    CHECK_FALSE(default_metrics(task).empty());
    for (const Metric metric : default_metrics(task)) CHECK(applies(metric, task));
  }
}

TEST_CASE("worse has the metric's direction") {
  CHECK(worse(0.6, 0.8, Better::larger));
  CHECK(worse(0.8, 0.6, Better::smaller));
  CHECK(worse(-0.5, 0.4, Better::zero));
  CHECK(worse(0.4, 1.5, Better::one));
  CHECK_FALSE(worse(0.4, 1.5, Better::neither));
  CHECK_FALSE(worse(0.6, 0.6, Better::larger));
}

}  // namespace
}  // namespace polyclinic::metrics
