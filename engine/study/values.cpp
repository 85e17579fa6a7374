#include "study/values.hpp"

#include <algorithm>
#include <cmath>

namespace polyclinic {

namespace {

constexpr std::array<std::string_view, 7> kAverages{"macro",  "weighted",      "micro", "worst",
                                                    "spread", "bottom_decile", "jain"};

// "auroc.worst" in two; an unknown or missing average is part of the metric's name.
struct ValueName {
  std::string_view metric;
  std::string_view average = "macro";
};

ValueName split(std::string_view name) {
  const auto dot = name.rfind('.');
  if (dot == std::string_view::npos) return {name};
  const std::string_view average = name.substr(dot + 1);
  const bool known = std::find(kAverages.begin(), kAverages.end(), average) != kAverages.end();
  return known ? ValueName{name.substr(0, dot), average} : ValueName{name};
}

std::optional<double> average_of(const MeasuredAverages& averages, std::string_view average) {
  if (average == "weighted") return averages.weighted;
  if (average == "micro") return averages.micro;
  if (average == "worst") return averages.worst;
  if (average == "bottom_decile") return averages.bottom_decile;
  if (average == "spread") return averages.spread;
  if (average == "jain") return averages.jain;
  return averages.macro;
}

std::optional<double> other_value(const StudyRun& run, std::string_view name) {
  if (!run.ended) return std::nullopt;  // a reference
  if (name == "sim_seconds") return run.ended->seconds();
  if (name == "versions") return static_cast<double>(run.versions);
  const auto& bytes = name == "bytes_up" ? run.bytes_up : run.bytes_down;
  return bytes ? std::optional(static_cast<double>(*bytes)) : std::nullopt;
}

bool contains(const auto& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

std::string_view name(RunState state) {
  switch (state) {
    case RunState::done: return "done";
    case RunState::failed: return "failed";
    case RunState::interrupted: return "interrupted";
  }
  return {};
}

bool is_value_name(std::string_view name, const std::vector<std::string>& measured) {
  return contains(kOtherValues, name) || contains(measured, name) ||
         contains(measured, split(name).metric);
}

std::optional<double> value_of(const StudyRun& run, std::string_view name) {
  if (run.state != RunState::done) return std::nullopt;
  const auto find = [&](std::string_view metric) {
    return std::find_if(run.averages.begin(), run.averages.end(),
                        [&](const MeasuredAverages& a) { return a.metric == metric; });
  };
  const auto whole = find(name);
  if (whole != run.averages.end()) return whole->macro;
  if (contains(kOtherValues, name)) return other_value(run, name);
  const ValueName parts = split(name);
  const auto metric = find(parts.metric);
  return metric == run.averages.end() ? std::nullopt : average_of(*metric, parts.average);
}

}  // namespace polyclinic
