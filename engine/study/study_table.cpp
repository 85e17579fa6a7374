// The table that ends a sweep.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/error.hpp"
#include "record/progress.hpp"
#include "record/text_table.hpp"
#include "study/report.hpp"

namespace polyclinic {

namespace {

constexpr std::size_t kColumns = 120;
constexpr std::size_t kNameColumns = 32;
constexpr std::size_t kReasonsMost = 10;
constexpr const char* kNone = "-";

// Digits after the point for a figure and what is computed from it.
int digits_for(double size) {
  const double x = std::abs(size);
  return x < 10 ? 4 : x < 1000 ? 2 : 0;
}

std::string figure(const std::optional<double>& value, int digits) {
  return value ? fmt::format("{:.{}f}", *value, digits) : kNone;
}

std::string signed_figure(const std::optional<double>& value, int digits) {
  return value ? fmt::format("{:+.{}f}", *value, digits) : kNone;
}

std::string interval_text(const Spread& spread, int digits, bool with_sign) {
  if (!spread.interval) return kNone;
  const auto text = with_sign ? signed_figure : figure;
  return text(spread.interval->low, digits) + " to " + text(spread.interval->high, digits);
}

std::string column_name(const std::string& value) {
  if (value == "sim_seconds") return "time";
  if (value == "bytes_up") return "up";
  if (value == "bytes_down") return "down";
  constexpr std::string_view kCalibration = "calibration_";
  return value.rfind(kCalibration, 0) == 0 ? value.substr(kCalibration.size()) : value;
}

// A mean with its standard deviation, as its kind is read best.
std::string mean_text(const std::string& name, const Spread& spread) {
  if (!spread.mean) return kNone;
  if (name == "sim_seconds") return rough_duration(*spread.mean);
  if (name == "bytes_up" || name == "bytes_down") return size_text(std::llround(*spread.mean));
  const std::string mean = fmt::format("{:.3f}", *spread.mean);
  return spread.sd ? fmt::format("{} ({:.3f})", mean, *spread.sd) : mean;
}

class StudyTable {
 public:
  explicit StudyTable(const StudyResult& result)
      : r_(result), plan_(result.plan), arms_(summarise(result.plan, result.runs)) {}

  std::string text() const {
    const std::string title = plan_.title.empty() ? plan_.file : plan_.title;
    std::string text = fmt::format("\n{}\n", title) + heading() + "\n" + compared();
    text += explanation() + "\n" + others() + remarks();
    return text + "  Simulation, not for clinical use.\n";
  }

 private:
  std::string heading() const {
    const auto done = static_cast<std::int64_t>(r_.runs.size()) - failed_runs(r_);
    std::string text =
        fmt::format("  {}: {} {}, {} {} ({}): {} of {} runs are done", plan_.file,
                    plan_.arms.size(), plan_.arms.size() == 1 ? "arm" : "arms", plan_.seeds,
                    plan_.seeds == 1 ? "seed" : "seeds", seeds_text(), done, plan_.runs());
    if (failed_runs(r_) > 0) text += fmt::format(", {} failed", failed_runs(r_));
    return text + (r_.interrupted ? ", interrupted\n" : "\n");
  }

  std::string seeds_text() const {
    if (plan_.seeds == 1) return fmt::format("{}", plan_.first_seed);
    return fmt::format("{} to {}", plan_.first_seed,
                       plan_.first_seed + static_cast<std::uint64_t>(plan_.seeds - 1));
  }

  bool compares() const {
    return std::any_of(arms_.begin(), arms_.end(),
                       [](const ArmSummary& arm) { return arm.difference.has_value(); });
  }

  // The one arm that all are compared with, or nullptr where points have their own.
  const PlannedArm* common_reference() const {
    for (const PlannedArm& arm : plan_.arms) {
      if (arm.against != plan_.arms.front().against) return nullptr;
    }
    return &plan_.arms[plan_.arms.front().against];
  }

  std::string compared() const {
    if (plan_.metric.empty()) return "  nothing was measured\n";
    int digits = 0;
    for (const ArmSummary& arm : arms_) {
      const Spread& spread = arm.values.front().second;
      if (spread.mean) digits = std::max(digits, digits_for(*spread.mean));
    }
    TextTable table({true});
    std::vector<std::string> head{"arm", "seeds", plan_.metric, "sd", "95 % interval"};
    const bool paired = compares();
    const PlannedArm* common = common_reference();
    if (paired) {
      head.push_back(common ? "minus " + shortened(common->name, kNameColumns) : "difference");
      head.insert(head.end(), {"95 % interval", "pairs"});
    }
    table.add(std::move(head));
    for (std::size_t a = 0; a < arms_.size(); ++a) {
      const Spread& spread = arms_[a].values.front().second;
      std::vector<std::string> row{shortened(plan_.arms[a].name, kNameColumns),
                                   fmt::format("{}", spread.n), figure(spread.mean, digits),
                                   figure(spread.sd, digits), interval_text(spread, digits, false)};
      if (paired && arms_[a].difference) {
        const Spread& d = *arms_[a].difference;
        row.insert(row.end(), {signed_figure(d.mean, digits), interval_text(d, digits, true),
                               fmt::format("{}", d.n)});
      } else if (paired) {
        row.insert(row.end(), {"", "", ""});
      }
      table.add(std::move(row));
    }
    return table.text();
  }

  std::string explanation() const {
    if (plan_.metric.empty()) return {};
    const metrics::Better better = direction_of(plan_, r_.runs);
    std::string what = plan_.metric;
    const auto& measured = plan_.measured;
    if (std::find(measured.begin(), measured.end(), plan_.metric) != measured.end()) {
      what += ", the plain mean over hospitals of the last version";
    }
    if (better == metrics::Better::larger) what += " (larger is better)";
    if (better == metrics::Better::smaller) what += " (smaller is better)";
    std::string text = paragraph(what + ".");
    std::string intervals =
        "An interval is Student's for the mean over seeds: about other seeds of this simulation, "
        "not about other hospitals or patients.";
    if (plan_.seeds < 2) intervals = "One seed has no spread and no interval: ask for more seeds.";
    text += paragraph(intervals);
    if (!compares()) return text;
    const PlannedArm* common = common_reference();
    return text + paragraph(fmt::format(
                      "A difference is paired: an arm minus {}, seed by seed. With one seed they "
                      "share hospitals, patients, network, outages and selection wherever both "
                      "draw them.",
                      common ? common->name : "the first or named arm at the same values"));
  }

  static std::string paragraph(const std::string& text) {
    return "  " + wrapped(text, kColumns - 2, 2) + "\n";
  }

  // The other values, as many as there is room for.
  std::string others() const {
    std::vector<std::size_t> shown;
    for (std::size_t v = 1; v < arms_.front().values.size(); ++v) shown.push_back(v);
    if (shown.empty()) return {};
    // time and bytes are the last three: they stay when there is no room
    while (shown.size() > 3 && others_table(shown).width() > kColumns) {
      shown.erase(shown.end() - 4);
    }
    const std::size_t left_out = arms_.front().values.size() - 1 - shown.size();
    std::string text = others_table(shown).text();
    if (left_out > 0) text += fmt::format("  {} more values are in --json and --out\n", left_out);
    return text + "\n";
  }

  TextTable others_table(const std::vector<std::size_t>& shown) const {
    TextTable table({true});
    std::vector<std::string> head{"mean (sd)"};
    for (std::size_t v : shown) head.push_back(column_name(arms_.front().values[v].first));
    table.add(std::move(head));
    for (std::size_t a = 0; a < arms_.size(); ++a) {
      std::vector<std::string> row{shortened(plan_.arms[a].name, kNameColumns)};
      for (std::size_t v : shown) {
        const auto& [name, spread] = arms_[a].values[v];
        row.push_back(mean_text(name, spread));
      }
      table.add(std::move(row));
    }
    return table;
  }

  // "3 of plain and 1 of equal": in how many runs of which arms something holds; empty: in none.
  template <class Holds>
  std::string counted(const Holds& holds) const {
    std::map<std::size_t, std::int64_t> runs;  // by arm
    for (const StudyRun& run : r_.runs) {
      if (run.state == RunState::done && holds(run)) ++runs[run.arm];
    }
    std::vector<std::string> names;
    for (const auto& [arm, count] : runs) {
      if (names.size() == kReasonsMost) break;
      names.push_back(fmt::format("{} of {}", count, plan_.arms[arm].name));
    }
    if (runs.size() > names.size()) {
      names.push_back(fmt::format("those of {} more arms", runs.size() - names.size()));
    }
    return join_names(names);
  }

  // What a reader of the means must know.
  std::string remarks() const {
    std::string text;
    const std::string moving = counted(
        [](const StudyRun& run) { return run.convergence.checked && !run.convergence.converged; });
    if (!moving.empty()) {
      text += paragraph("Runs that had not converged: " + moving +
                        ". More rounds may change the order.");
    }
    const std::string none =
        counted([&](const StudyRun& run) { return !value_of(run, plan_.metric).has_value(); });
    if (!none.empty() && !plan_.metric.empty()) {
      text += paragraph(
          fmt::format("Runs without {}: {}. They are in no mean and no pair.", plan_.metric, none));
    }
    const std::string empty = counted([](const StudyRun& run) { return run.versions == 0; });
    if (!empty.empty()) {
      text += paragraph("Runs that made no version, their model untrained: " + empty + ".");
    }
    return text + references() + failures();
  }

  std::string references() const {
    std::vector<std::string> names;
    for (const PlannedArm& arm : plan_.arms) {
      if (!arm.reference.empty() && names.size() < kReasonsMost) names.push_back(arm.name);
    }
    if (names.empty()) return {};
    return paragraph(fmt::format(
        "References, not bounds: {}, trained with as many visits per row as the federation "
        "beside them.",
        join_names(names)));
  }

  std::string failures() const {
    std::string text;
    std::size_t said = 0;
    for (const StudyRun& run : r_.runs) {
      if (run.state != RunState::failed || ++said > kReasonsMost) continue;
      text += paragraph(
          fmt::format("{}, seed {}, failed: {}", plan_.arms[run.arm].name, run.seed, run.reason));
    }
    if (said > kReasonsMost) {
      text += fmt::format("  ... and {} more failed\n", said - kReasonsMost);
    }
    return text;
  }

  const StudyResult& r_;
  const StudyPlan& plan_;
  std::vector<ArmSummary> arms_;
};

}  // namespace

std::int64_t failed_runs(const StudyResult& result) {
  return std::count_if(result.runs.begin(), result.runs.end(),
                       [](const StudyRun& run) { return run.state == RunState::failed; });
}

std::string state_of(const StudyResult& result) {
  if (result.interrupted) return "interrupted";
  return failed_runs(result) > 0 ? "failed" : "done";
}

std::string study_table(const StudyResult& result) {
  return StudyTable(result).text();
}

}  // namespace polyclinic
