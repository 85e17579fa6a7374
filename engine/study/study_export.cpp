// A study as JSON and as CSV.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "record/csv_row.hpp"
#include "study/report.hpp"
#include "study/spread_export.hpp"

namespace polyclinic {

namespace {

using Json = nlohmann::ordered_json;

// Columns of a measured value; "": the macro average.
constexpr std::array kAverages{"",        ".weighted",      ".micro", ".worst",
                               ".spread", ".bottom_decile", ".jain"};

Json arm_json(const StudyPlan& plan, std::size_t a, const ArmSummary& summary) {
  const PlannedArm& arm = plan.arms[a];
  Json json;
  json["name"] = arm.name;
  json["settings"] = Json::object();
  for (const auto& [name, value] : plan.points[arm.point]) json["settings"][name] = value;
  json["changes"] = arm.changes;
  json["reference"] = arm.reference.empty() ? Json(nullptr) : Json(arm.reference);
  json["done"] = summary.done;
  json["failed"] = summary.failed;
  json["values"] = Json::object();
  for (const auto& [name, spread] : summary.values) json["values"][name] = spread_json(spread);
  json["difference"] = nullptr;
  if (summary.difference) {
    json["difference"] = spread_json(*summary.difference);
    json["difference"]["against"] = plan.arms[arm.against].name;
  }
  return json;
}

Json averages_json(const StudyRun& run) {
  Json json = Json::object();
  for (const MeasuredAverages& a : run.averages) {
    json[a.metric] = {{"macro", number_json(a.macro)},
                      {"weighted", number_json(a.weighted)},
                      {"micro", number_json(a.micro)},
                      {"worst", number_json(a.worst)},
                      {"bottom_decile", number_json(a.bottom_decile)},
                      {"spread", number_json(a.spread)},
                      {"jain", number_json(a.jain)},
                      {"hospitals_counted", a.hospitals_counted}};
  }
  return json;
}

Json run_json(const StudyPlan& plan, const StudyRun& run) {
  Json json;
  json["run"] = run.run;
  json["arm"] = plan.arms[run.arm].name;
  json["replication"] = run.replication;
  json["seed"] = run.seed;
  json["state"] = name(run.state);
  json["reason"] = run.reason;
  json["sim_seconds"] = run.ended ? Json(run.ended->seconds()) : Json(nullptr);
  json["versions"] = run.versions;
  json["bytes_up"] = run.bytes_up ? Json(*run.bytes_up) : Json(nullptr);
  json["bytes_down"] = run.bytes_down ? Json(*run.bytes_down) : Json(nullptr);
  json["converged"] = run.convergence.checked ? Json(run.convergence.converged) : Json(nullptr);
  json["metrics"] = averages_json(run);
  json["fingerprint"] = run.fingerprint;
  return json;
}

// Names of what every run has measured, in the order of the first that has it.
std::vector<std::string> metric_names(const StudyResult& result) {
  std::vector<std::string> names = result.plan.measured;
  for (const StudyRun& run : result.runs) {
    for (const MeasuredAverages& a : run.averages) {
      if (std::find(names.begin(), names.end(), a.metric) == names.end()) names.push_back(a.metric);
    }
  }
  return names;
}

std::vector<std::string> varied_names(const StudyPlan& plan) {
  std::vector<std::string> names;
  for (const auto& [name, value] : plan.points.front()) names.push_back(name);
  return names;
}

std::optional<double> as_number(const std::optional<std::int64_t>& value) {
  return value ? std::optional(static_cast<double>(*value)) : std::nullopt;
}

}  // namespace

std::string study_json(const StudyResult& result, int indent) {
  const StudyPlan& plan = result.plan;
  Json json;
  json["scenario"] = plan.file;
  json["title"] = plan.title;
  json["note"] = "simulation, not for clinical use";
  json["state"] = state_of(result);
  json["metric"] = plan.metric.empty() ? Json(nullptr) : Json(plan.metric);
  json["first_seed"] = plan.first_seed;
  json["seeds"] = plan.seeds;
  json["runs_planned"] = plan.runs();
  json["interval"] = "Student's t, 95 %, over seeds";
  json["arms"] = Json::array();
  const std::vector<ArmSummary> arms = summarise(plan, result.runs);
  for (std::size_t a = 0; a < arms.size(); ++a) json["arms"].push_back(arm_json(plan, a, arms[a]));
  json["runs"] = Json::array();
  for (const StudyRun& run : result.runs) json["runs"].push_back(run_json(plan, run));
  json["provenance"] = Json::object();
  for (const auto& [key, text] : result.provenance) json["provenance"][key] = text;
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

std::string plan_json(const StudyPlan& plan,
                      const std::vector<std::pair<std::string, std::string>>& params) {
  Json json;
  json["title"] = plan.title;
  json["arms"] = Json::array();
  for (const PlannedArm& arm : plan.arms) {
    Json one;
    one["name"] = arm.name;
    one["settings"] = Json::object();
    for (const auto& [name, value] : plan.points[arm.point]) one["settings"][name] = value;
    one["changes"] = arm.changes;
    one["reference"] = arm.reference.empty() ? Json(nullptr) : Json(arm.reference);
    one["against"] = plan.arms[arm.against].name;
    json["arms"].push_back(one);
  }
  json["seeds"] = {{"count", plan.seeds}, {"first", plan.first_seed}};
  json["runs"] = plan.runs();
  json["compare"] = plan.metric;
  json["params"] = Json::object();
  for (const auto& [name, value] : params) json["params"][name] = value;
  return json.dump(2, ' ', false, Json::error_handler_t::replace);
}

std::string runs_csv(const StudyResult& result) {
  const StudyPlan& plan = result.plan;
  const std::vector<std::string> metrics = metric_names(result);
  std::vector<std::string> head{"run", "arm"};
  for (const std::string& name : varied_names(plan)) head.push_back("set_" + name);
  head.insert(head.end(), {"replication", "seed", "state", "reason", "sim_seconds", "versions",
                           "bytes_up", "bytes_down"});
  for (const std::string& name : metrics) {
    for (const char* average : kAverages) head.push_back(name + average);
  }
  head.emplace_back("fingerprint");
  std::string text = csv_head(head);
  for (const StudyRun& run : result.runs) {
    const PlannedArm& arm = plan.arms[run.arm];
    CsvRow row;
    row.add(run.run).add(arm.name);
    for (const auto& [name, value] : plan.points[arm.point]) row.add(value);
    row.add(run.replication).add(fmt::format("{}", run.seed)).add(name(run.state)).add(run.reason);
    row.add(value_of(run, "sim_seconds")).add(run.versions);
    row.add(as_number(run.bytes_up)).add(as_number(run.bytes_down));
    for (const std::string& metric : metrics) {
      for (const char* average : kAverages) {
        row.add(value_of(run, metric + average));
      }
    }
    text += row.add(run.fingerprint).done();
  }
  return text;
}

std::string arms_csv(const StudyResult& result) {
  const StudyPlan& plan = result.plan;
  std::vector<std::string> head{"arm"};
  for (const std::string& name : varied_names(plan)) head.push_back("set_" + name);
  head.insert(head.end(), {"value", "against", "n", "mean", "sd", "low", "high", "bootstrap_low",
                           "bootstrap_high"});
  std::string text = csv_head(head);
  const std::vector<ArmSummary> arms = summarise(plan, result.runs);
  const auto add = [&](std::size_t a, const std::string& value, const std::string& against,
                       const Spread& spread) {
    CsvRow row;
    row.add(plan.arms[a].name);
    for (const auto& [name, set] : plan.points[plan.arms[a].point]) row.add(set);
    row.add(value).add(against).add(spread.n).add(spread.mean).add(spread.sd);
    for (const auto& interval : {spread.interval, spread.bootstrap}) {
      row.add(interval ? std::optional(interval->low) : std::nullopt);
      row.add(interval ? std::optional(interval->high) : std::nullopt);
    }
    text += row.done();
  };
  for (std::size_t a = 0; a < arms.size(); ++a) {
    for (const auto& [name, spread] : arms[a].values) add(a, name, "", spread);
    if (arms[a].difference) {
      add(a, plan.metric, plan.arms[plan.arms[a].against].name, *arms[a].difference);
    }
  }
  return text;
}

}  // namespace polyclinic
