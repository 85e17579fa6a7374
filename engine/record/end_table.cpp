#include "record/end_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/quantity.hpp"

namespace polyclinic {

namespace {

constexpr std::size_t kHospitalsMost = 24;  // more are left to the database

std::string number(const std::optional<double>& value) {
  return value ? fmt::format("{:.3f}", *value) : "-";
}

std::string with_interval(const MeasuredValue& value) {
  if (!value.value) return "-";
  if (!value.low || !value.high) return number(value.value);
  return fmt::format("{:.3f} ({:.2f}-{:.2f})", *value.value, *value.low, *value.high);
}

// Columns as wide as their widest cell; the first is left-aligned, the others right-aligned.
class TextTable {
 public:
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  [[nodiscard]] std::string text() const {
    std::vector<std::size_t> widths;
    for (const auto& row : rows_) {
      widths.resize(std::max(widths.size(), row.size()), 0);
      for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
    }
    std::string out;
    for (const auto& row : rows_) {
      std::string line = "  ";
      for (std::size_t i = 0; i < row.size(); ++i) {
        const std::string pad(widths[i] - width(row[i]), ' ');
        line += i == 0 ? row[i] + pad : "  " + pad + row[i];
      }
      while (!line.empty() && line.back() == ' ') line.pop_back();
      out += line + "\n";
    }
    return out;
  }

 private:
  // characters, not bytes, of UTF-8
  static std::size_t width(const std::string& text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
      return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
    }));
  }
  std::vector<std::vector<std::string>> rows_;
};

std::vector<const ArmResult*> arms_of(const RunResult& result) {
  std::vector<const ArmResult*> arms{&result.federated};
  for (const ArmResult& arm : result.baselines) arms.push_back(&arm);
  return arms;
}

std::string overall(const RunResult& result) {
  TextTable table;
  table.add({"over hospitals", "", "macro", "95 % interval", "worst", "where", "weighted", "micro",
             "hospitals"});
  for (const ArmResult* arm : arms_of(result)) {
    for (const MeasuredAverages& a : arm->averages) {
      const bool limits = a.macro_low && a.macro_high;
      table.add(
          {arm->name, a.metric, number(a.macro),
           limits ? fmt::format("{:.3f}-{:.3f}", *a.macro_low, *a.macro_high) : "", number(a.worst),
           a.worst_hospital, number(a.weighted), number(a.micro),
           fmt::format("{} of {}", a.hospitals_counted, a.hospitals_counted + a.hospitals_null)});
    }
  }
  return table.text();
}

const MeasuredValue* find_value(const ArmResult& arm, HospitalId id, std::string_view metric) {
  for (const HospitalMetrics& hospital : arm.hospitals) {
    if (hospital.hospital != id) continue;
    for (const auto& [name, value] : hospital.metrics) {
      if (name == metric) return &value;
    }
  }
  return nullptr;
}

std::string drops_text(const HospitalAccount& account) {
  std::string text;
  for (const auto& [reason, count] : account.drops) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, name(reason));
  }
  return text;
}

std::string per_hospital(const RunResult& result) {
  if (result.federated.averages.empty()) return {};
  const std::string metric = result.federated.averages.front().metric;
  TextTable table;
  std::vector<std::string> head{"hospital", "patients", "events", metric + " (95 %)"};
  for (const MeasuredAverages& a : result.federated.averages) {
    if (a.metric != metric) head.push_back(a.metric);
  }
  for (const ArmResult& arm : result.baselines) head.push_back(arm.name);
  head.insert(head.end(), {"rounds", "round time", "up", "dropped"});
  table.add(head);
  std::size_t shown = 0;
  for (const HospitalAccount& account : result.hospitals) {
    if (++shown > kHospitalsMost) break;
    const MeasuredValue* primary = find_value(result.federated, account.hospital, metric);
    std::vector<std::string> row{
        account.name + (account.role == HospitalRole::external ? " (external)" : ""),
        fmt::format("{}", account.patients), primary ? fmt::format("{}", primary->events) : "-",
        primary ? with_interval(*primary) : "-"};
    for (const MeasuredAverages& a : result.federated.averages) {
      if (a.metric == metric) continue;
      const MeasuredValue* value = find_value(result.federated, account.hospital, a.metric);
      row.push_back(value ? number(value->value) : "-");
    }
    for (const ArmResult& arm : result.baselines) {
      const MeasuredValue* value = find_value(arm, account.hospital, metric);
      row.push_back(value ? number(value->value) : "-");
    }
    row.push_back(fmt::format("{} of {}", account.participations, account.invitations));
    row.push_back(account.median_round.ns > 0 ? to_text(account.median_round) : "-");
    row.push_back(to_text(Quantity{static_cast<double>(account.bytes_up), Dimension::data}));
    row.push_back(drops_text(account));
    table.add(std::move(row));
  }
  std::string text = table.text();
  if (result.hospitals.size() > kHospitalsMost) {
    text += fmt::format("  ... and {} more: write results with --out DIR\n",
                        result.hospitals.size() - kHospitalsMost);
  }
  return text;
}

// Values that are missing, each reason once: what "-" in the table means.
std::string missing_values(const RunResult& result) {
  std::string text;
  for (const HospitalAccount& account : result.hospitals) {
    std::vector<std::string> reasons;
    for (const HospitalMetrics& hospital : result.federated.hospitals) {
      if (hospital.hospital != account.hospital) continue;
      for (const auto& [metric, value] : hospital.metrics) {
        if (value.value || value.reason.empty()) continue;
        if (std::find(reasons.begin(), reasons.end(), value.reason) == reasons.end()) {
          reasons.push_back(value.reason);
        }
      }
    }
    if (!reasons.empty()) {
      text += fmt::format("  {}: no value ({})\n", account.name, join_names(reasons));
    }
  }
  return text;
}

}  // namespace

std::string end_table(const RunResult& result, bool colour) {
  const std::string bold = colour ? "\x1b[1m" : "";
  const std::string warn = colour ? "\x1b[33m" : "";
  const std::string off = colour ? "\x1b[0m" : "";
  const std::string title = result.title.empty() ? result.scenario : result.title;
  std::string text = fmt::format("\n{}{}{}\n", bold, title, off);
  text += fmt::format("  {} | {} | seed {} | {}\n", result.outcome, result.model, result.seed,
                      result.fingerprint);
  text += fmt::format("  {} rounds, {} versions in {} of simulated time; {} up, {} down; {}\n\n",
                      result.rounds, result.versions, to_text(result.ended),
                      to_text(Quantity{static_cast<double>(result.bytes_up), Dimension::data}),
                      to_text(Quantity{static_cast<double>(result.bytes_down), Dimension::data}),
                      result.stop_reason);
  text += per_hospital(result) + "\n" + overall(result);
  text += missing_values(result);
  if (!result.convergence.text.empty()) {
    const bool warning = result.convergence.checked && !result.convergence.converged;
    text += fmt::format("  {}{}{}\n", warning ? warn : "", result.convergence.text, off);
  }
  for (const std::string& remark : result.remarks) text += "  " + remark + "\n";
  for (const auto& [at, note] : result.notes) {
    text += fmt::format("  note at {}: {}\n", to_text(at), note);
  }
  text += "  Simulation, not for clinical use.\n";
  return text;
}

}  // namespace polyclinic
