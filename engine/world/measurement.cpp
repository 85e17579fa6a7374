#include "world/measurement.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.hpp"
#include "base/plain_text.hpp"
#include "learn/metrics/aggregate.hpp"
#include "learn/metrics/intervals.hpp"
#include "learn/metrics/threshold.hpp"
#include "world/measurement_scored.hpp"

namespace polyclinic {

using metrics::NamedValue;

namespace {

metrics::TaskKind task_of(const DatasetInfo& info) {
  return static_cast<metrics::TaskKind>(info.task);
}

std::string_view outcome_text(OutcomeKind kind) {
  return name(kind);
}

ScenarioError unknown_metric(const Part& measure, std::string_view field, const std::string& name) {
  std::vector<std::string> names;
  for (const metrics::MetricInfo& info : metrics::all_metrics()) names.emplace_back(info.name);
  std::string hint = did_you_mean(name, names);
  if (!hint.empty()) hint += "\n";
  return measure.mistake(field, fmt::format("there is no metric \"{}\"", name),
                         hint + "metrics are " + join_names(names));
}

MeasuredValue measured(const metrics::MetricValue& value) {
  return {value.value, value.low, value.high, value.n, value.events, value.reason};
}

bool needs_threshold(metrics::Metric metric) {
  using metrics::Metric;
  return metric == Metric::accuracy || metric == Metric::balanced_accuracy ||
         metric == Metric::sensitivity || metric == Metric::specificity ||
         metric == Metric::positive_rate || metric == Metric::f1;
}

constexpr std::string_view kTrainPrefix = "train_";

// The metric of this name, which fits the outcome.
metrics::Metric metric_named(const Part& measure, std::string_view field, const std::string& asked,
                             const DatasetInfo& info) {
  const auto metric = metrics::find_metric(asked);
  if (!metric) throw unknown_metric(measure, field, asked);
  if (metrics::applies(*metric, task_of(info))) return *metric;
  std::vector<std::string> fitting;
  for (const metrics::MetricInfo& other : metrics::all_metrics()) {
    if (metrics::applies(other.metric, task_of(info))) fitting.emplace_back(other.name);
  }
  throw measure.mistake(field,
                        fmt::format("the metric \"{}\" does not fit the outcome '{}', which is {}",
                                    asked, info.outcome, outcome_text(info.task)),
                        "metrics for it are " + join_names(fitting));
}

// The variables that `groups` names.
std::vector<std::size_t> group_variables(const Part& measure, const DatasetInfo& info) {
  std::vector<std::size_t> chosen;
  const Value* groups = measure.find("groups");
  if (groups == nullptr) return chosen;
  std::vector<std::string> names;
  for (const GroupVariable& variable : info.groups) names.push_back(variable.name);
  if (names.empty()) {
    throw measure.mistake("groups", "this cohort says of no patient to which group it belongs",
                          "cohort.ehr knows sex, age and ethnicity; cohort.csv has 'groups'");
  }
  const bool all = groups->get_if<All>() != nullptr;
  for (std::size_t g = 0; all && g < names.size(); ++g) chosen.push_back(g);
  if (all) return chosen;
  for (const Value& item : groups->as<List>()) {
    const std::string& asked = item.as<std::string>();
    const auto found = std::find(names.begin(), names.end(), asked);
    if (found == names.end()) {
      const std::string near = did_you_mean(asked, names);
      throw measure.mistake("groups", fmt::format("there is no group variable \"{}\"", asked),
                            (near.empty() ? "" : near + "\n") + "there are " + join_names(names));
    }
    const auto place = static_cast<std::size_t>(found - names.begin());
    if (std::find(chosen.begin(), chosen.end(), place) == chosen.end()) chosen.push_back(place);
  }
  return chosen;
}

// "target_rate", "target_rate_2", ...
std::string target_rate_name(std::size_t which, bool clean) {
  std::string text = clean ? "target_rate_clean" : "target_rate";
  if (which > 0) text += fmt::format("_{}", which + 1);
  return text;
}

}  // namespace

std::vector<std::string> MeasurePlan::value_names() const {
  std::vector<std::string> names;
  const auto add = [&](metrics::Metric metric, std::string_view prefix) {
    for (const metrics::ValueInfo& value : metrics::info(metric).values) {
      names.push_back(std::string(prefix) + std::string(value.name));
    }
  };
  for (metrics::Metric metric : metrics) add(metric, "");
  for (metrics::Metric metric : train) add(metric, kTrainPrefix);
  for (const Custom& one : custom) names.push_back(one.name);
  for (std::size_t k = 0; k < backdoors.size(); ++k) {
    names.push_back(target_rate_name(k, false));
    names.push_back(target_rate_name(k, true));
  }
  return names;
}

MeasurePlan make_measure_plan(const Part& measure, const DatasetInfo& info) {
  MeasurePlan plan;
  for (const Value& item : measure.list("metrics")) {
    if (const Part* custom = item.part()) {
      const std::string& called = custom->text("name");
      if (metrics::find_metric(called) || metrics::find_value(called) != nullptr) {
        throw custom->mistake("name",
                              fmt::format("metric.custom: \"{}\" is a metric of its own", called),
                              fmt::format("give yours another name, such as \"my_{}\"", called));
      }
      if (!is_plain(called))
        throw custom->mistake("name", not_plain("metric.custom: 'name'", called),
                              "a name is one line of text");
      plan.custom.push_back({custom->text("name"), custom->at("metric").as<FunctionRef>(),
                             custom->flag("larger_is_better")});
      continue;
    }
    plan.metrics.push_back(metric_named(measure, "metrics", item.as<std::string>(), info));
  }
  for (const Value& item : measure.list("train")) {
    plan.train.push_back(metric_named(measure, "train", item.as<std::string>(), info));
  }
  if (plan.metrics.empty() && plan.custom.empty()) {
    const auto standard = metrics::default_metrics(task_of(info));
    plan.metrics.assign(standard.begin(), standard.end());
  }
  std::vector<std::string> names = plan.value_names();
  std::sort(names.begin(), names.end());
  if (const auto twice = std::adjacent_find(names.begin(), names.end()); twice != names.end()) {
    throw measure.mistake("metrics", fmt::format("two metrics have the name \"{}\"", *twice),
                          "results are told apart by it: give each its own");
  }
  plan.groups = group_variables(measure, info);
  const Value& every = measure.at("every");
  plan.every = every.get_if<std::string>() ? 0 : *every.integer();
  if (const Value* hospitals = measure.find("hospitals")) {
    plan.hospitals_max =
        hospitals->get_if<All>() ? std::numeric_limits<std::int64_t>::max() : *hospitals->integer();
  }
  if (const auto threshold = measure.at("threshold").number()) plan.threshold = *threshold;
  return plan;
}

Measurement::Measurement(Setup setup) : s_(std::move(setup)), all_(s_.members) {
  all_.insert(all_.end(), s_.attackers.begin(), s_.attackers.end());
  all_.insert(all_.end(), s_.external.begin(), s_.external.end());
  workspaces_.resize(static_cast<std::size_t>(s_.workers->threads()));
}

bool Measurement::decides() const {
  return s_.cohort->info().task == OutcomeKind::binary &&
         (!s_.plan.backdoors.empty() || !s_.plan.groups.empty() ||
          std::any_of(s_.plan.metrics.begin(), s_.plan.metrics.end(), needs_threshold) ||
          std::any_of(s_.plan.train.begin(), s_.plan.train.end(), needs_threshold));
}

std::vector<Measurement::Scored> Measurement::score(const ParametersOf& parameters,
                                                    const SiteOf& site) {
  const bool validate = !s_.plan.threshold && decides();
  const auto outputs = static_cast<std::size_t>(s_.model->outputs());
  std::vector<Scored> scored(all_.size());
  s_.workers->for_each(all_.size(), [&](std::size_t i, int slot) {
    auto& workspace = workspaces_[static_cast<std::size_t>(slot)];
    if (!workspace) workspace = s_.model->make_workspace();
    if (interrupted()) return;
    Scored& one = scored[i];
    one.site = site(all_[i]);
    const ParameterVector& w = parameters(all_[i]);
    const auto predict = [&](const Dataset& data, std::vector<float>& out) {
      out.resize(static_cast<std::size_t>(data.rows) * outputs);
      s_.model->predict(w, data, out, *workspace);
    };
    predict(one.site->test, one.test);
    if (validate) predict(one.site->validation, one.validation);
    if (!s_.plan.train.empty()) predict(one.site->train, one.train);
    for (const attack::RowPoison& backdoor : s_.plan.backdoors) {
      Dataset rows = one.site->test;
      backdoor.put_trigger(rows);
      predict(rows, one.triggered.emplace_back());
    }
  });
  return scored;
}

// One threshold for all: found on the members' validation rows together. `text` says which it is.
metrics::MetricOptions Measurement::options_for(const std::vector<Scored>& scored,
                                                std::string& text) const {
  metrics::MetricOptions options;
  options.breslow = s_.breslow;
  if (!decides()) return options;
  if (s_.plan.threshold) {
    options.threshold = *s_.plan.threshold;
    text = fmt::format("{:.3g} (given)", options.threshold);
    return options;
  }
  std::vector<float> scores;
  std::vector<float> labels;
  for (std::size_t i = 0; i < s_.members.size(); ++i) {
    if (scored[i].validation.empty()) continue;
    const auto& found = scored[i].validation;
    scores.insert(scores.end(), found.begin(), found.end());
    const auto& label = scored[i].site->validation.label;
    labels.insert(labels.end(), label.begin(), label.end());
  }
  if (const auto t = metrics::threshold_for_sensitivity(scores, labels)) {
    options.threshold = *t;
    text = fmt::format("{:.3g} (80 % sensitivity on validation rows)", *t);
  } else {
    text = fmt::format("{:.3g} (no events in validation rows to choose it by)", options.threshold);
  }
  return options;
}

bool Measurement::interrupted() const {
  return s_.interrupt != nullptr && s_.interrupt->load(std::memory_order_relaxed);
}

std::optional<ArmResult> Measurement::evaluate(std::string arm, const ParametersOf& parameters,
                                               const SiteOf& site, Groups groups) {
  ArmResult result;
  result.name = std::move(arm);
  for (HospitalId id : all_) {
    result.hospitals.emplace_back();
    result.hospitals.back().hospital = id;
  }
  const std::vector<Scored> scored = score(parameters, site);
  if (interrupted()) return std::nullopt;
  const metrics::MetricOptions options = options_for(scored, result.threshold);
  for (metrics::Metric metric : s_.plan.metrics) {
    add_metric(metric, Rows::test, scored, options, result);
  }
  for (metrics::Metric metric : s_.plan.train) {
    add_metric(metric, Rows::train, scored, options, result);
  }
  for (const MeasurePlan::Custom& custom : s_.plan.custom) add_custom(custom, scored, result);
  for (std::size_t k = 0; k < s_.plan.backdoors.size(); ++k) {
    add_backdoor(k, scored, options, result);
  }
  if (groups == Groups::yes) add_groups(scored, options, result);
  return result;
}

void Measurement::add_metric(metrics::Metric metric, Rows rows, const std::vector<Scored>& scored,
                             const metrics::MetricOptions& options, ArmResult& arm) const {
  const DatasetInfo& info = s_.cohort->info();
  std::vector<std::vector<NamedValue>> per_hospital(scored.size());
  std::vector<NamedValue> micro;
  // the pool is one more piece of work beside the hospitals
  s_.workers->for_each(scored.size() + 1, [&](std::size_t i, int) {
    if (i > 0) {
      per_hospital[i - 1] = compute(metric, scored[i - 1].predictions(info, rows), options);
      return;
    }
    std::vector<metrics::Predictions> parts;
    for (std::size_t k = 0; k < s_.members.size(); ++k)
      parts.push_back(scored[k].predictions(info, rows));
    const metrics::Pool pool(parts);
    micro = compute(metric, pool.predictions(), options);
  });
  if (rows == Rows::train) {
    // an external hospital trains on none of its rows
    for (std::size_t i = s_.members.size() + s_.attackers.size(); i < per_hospital.size(); ++i) {
      for (NamedValue& value : per_hospital[i]) {
        value.metric = {};
        value.metric.reason = "an external hospital does not train";
      }
    }
  }
  add_values(per_hospital, micro, rows == Rows::train ? kTrainPrefix : "", arm);
}

void Measurement::add_custom(const MeasurePlan::Custom& custom, const std::vector<Scored>& scored,
                             ArmResult& arm) const {
  std::vector<std::vector<NamedValue>> per_hospital;
  std::vector<double> all_scores;
  std::vector<double> all_labels;
  std::vector<std::vector<std::uint8_t>> all_groups(s_.cohort->info().groups.size());
  const auto call = [&](const std::vector<double>& scores, const std::vector<double>& labels,
                        const std::vector<std::vector<std::uint8_t>>& groups) {
    NamedValue value;
    value.name = custom.name;
    value.better = custom.larger_is_better ? metrics::Better::larger : metrics::Better::smaller;
    value.metric.n = static_cast<std::int64_t>(labels.size());
    if (labels.empty()) {
      value.metric.reason = "no patients";
    } else {
      std::vector<PatientGroups> named;
      const auto& variables = s_.cohort->info().groups;
      for (std::size_t g = 0; g < variables.size() && g < groups.size(); ++g) {
        named.push_back({variables[g].name, variables[g].levels, groups[g]});
      }
      value.metric.value = s_.functions->metric(custom.function, scores, labels, named);
    }
    return value;
  };
  for (std::size_t i = 0; i < scored.size(); ++i) {
    const Dataset& test = scored[i].site->test;
    const std::vector<double> scores(scored[i].test.begin(), scored[i].test.end());
    const std::vector<double> labels(test.label.begin(), test.label.end());
    per_hospital.push_back({call(scores, labels, test.groups)});
    if (i >= s_.members.size()) continue;
    all_scores.insert(all_scores.end(), scores.begin(), scores.end());
    all_labels.insert(all_labels.end(), labels.begin(), labels.end());
    for (std::size_t g = 0; g < all_groups.size() && g < test.groups.size(); ++g) {
      all_groups[g].insert(all_groups[g].end(), test.groups[g].begin(), test.groups[g].end());
    }
  }
  add_values(per_hospital, {call(all_scores, all_labels, all_groups)}, "", arm);
}

namespace {

// Rows of other classes that a model takes for the target's.
struct Taken {
  std::int64_t hits = 0;
  std::int64_t rows = 0;
  void add(const Taken& other) {
    hits += other.hits;
    rows += other.rows;
  }
};

Taken count_taken(const std::vector<float>& scores, const std::vector<float>& labels,
                  const DatasetInfo& info, std::int32_t target, double threshold) {
  const bool binary = info.task == OutcomeKind::binary;
  const std::size_t columns = binary ? 1 : static_cast<std::size_t>(info.classes);
  Taken taken;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (static_cast<std::int32_t>(labels[i]) == target) continue;
    const auto begin = scores.begin() + static_cast<std::ptrdiff_t>(i * columns);
    const auto end = begin + static_cast<std::ptrdiff_t>(columns);
    const auto predicted = binary ? static_cast<std::ptrdiff_t>(double{*begin} >= threshold)
                                  : std::max_element(begin, end) - begin;
    ++taken.rows;
    taken.hits += predicted == target ? 1 : 0;
  }
  return taken;
}

NamedValue rate_of(const std::string& name, const Taken& taken, double level) {
  NamedValue value;
  value.name = name;
  value.better = metrics::Better::smaller;
  value.metric.n = taken.rows;
  if (taken.rows == 0) {
    value.metric.reason = "no patients of other classes";
    return value;
  }
  const auto hits = static_cast<double>(taken.hits);
  const auto rows = static_cast<double>(taken.rows);
  const metrics::Limits limits = metrics::wilson(hits, rows, level);
  value.metric.value = hits / rows;
  value.metric.low = limits.low;
  value.metric.high = limits.high;
  return value;
}

}  // namespace

// The success of a backdoor: how many rows of other classes the trigger turns into the target's,
// beside how many the model takes for it without the trigger.
void Measurement::add_backdoor(std::size_t which, const std::vector<Scored>& scored,
                               const metrics::MetricOptions& options, ArmResult& arm) const {
  const std::int32_t target = s_.plan.backdoors[which].target();
  for (const bool clean : {false, true}) {
    const std::string name = target_rate_name(which, clean);
    std::vector<std::vector<NamedValue>> per_hospital;
    Taken all;
    for (std::size_t i = 0; i < scored.size(); ++i) {
      const Taken taken =
          count_taken(clean ? scored[i].test : scored[i].triggered[which],
                      scored[i].site->test.label, s_.cohort->info(), target, options.threshold);
      per_hospital.push_back({rate_of(name, taken, options.level)});
      if (i < s_.members.size()) all.add(taken);
    }
    add_values(per_hospital, {rate_of(name, all, options.level)}, "", arm);
  }
}

void Measurement::add_values(const std::vector<std::vector<NamedValue>>& per_hospital,
                             const std::vector<NamedValue>& micro, std::string_view prefix,
                             ArmResult& arm) const {
  for (std::size_t v = 0; v < micro.size(); ++v) {
    const std::string name = std::string(prefix) + std::string(micro[v].name);
    std::vector<NamedValue> of_members;
    for (std::size_t i = 0; i < per_hospital.size(); ++i) {
      const NamedValue& value = per_hospital[i][v];
      arm.hospitals[i].metrics.emplace_back(name, measured(value.metric));
      if (i < s_.members.size()) of_members.push_back(value);
    }
    const metrics::Summary summary = metrics::summarise(of_members, micro[v].metric);
    MeasuredAverages averages;
    averages.metric = name;
    averages.better = micro[v].better;
    averages.macro = summary.macro.value;
    averages.macro_low = summary.macro.low;
    averages.macro_high = summary.macro.high;
    averages.weighted = summary.weighted.value;
    averages.micro = summary.micro.value;
    averages.worst = summary.worst.value;
    if (summary.worst_hospital) averages.worst_hospital = s_.names[*summary.worst_hospital];
    averages.hospitals_counted = summary.hospitals_counted;
    averages.hospitals_null = summary.hospitals_null;
    averages.bottom_decile = summary.bottom_decile;
    averages.spread = summary.spread;
    averages.spread_chance = summary.spread_chance;
    averages.jain = summary.jain;
    arm.averages.push_back(std::move(averages));
  }
}

std::optional<double> macro_of(const ArmResult& arm, std::string_view metric) {
  for (const MeasuredAverages& averages : arm.averages) {
    if (averages.metric == metric) return averages.macro;
  }
  return std::nullopt;
}

}  // namespace polyclinic
