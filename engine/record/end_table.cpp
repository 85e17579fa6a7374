#include "record/end_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <vector>

#include "base/error.hpp"
#include "base/plain_text.hpp"
#include "learn/metrics.hpp"
#include "record/event_tables.hpp"
#include "record/fairness_table.hpp"
#include "record/membership_report.hpp"
#include "record/progress.hpp"
#include "record/text_table.hpp"

namespace polyclinic {

namespace {

constexpr std::size_t kHospitalsMost = 24;  // more are left to the files
constexpr std::size_t kColumns = 120;
constexpr std::size_t kNameColumns = 18;
constexpr std::size_t kNotesMost = 20;

std::string number(const std::optional<double>& value) {
  return value ? fmt::format("{:.3f}", *value) : "-";
}

std::string with_interval(const std::optional<double>& value, const std::optional<double>& low,
                          const std::optional<double>& high) {
  if (!value || !low || !high) return number(value);
  return fmt::format("{:.3f} ({:.2f}-{:.2f})", *value, *low, *high);
}

std::string time_text(TimeNs time) {
  return rough_duration(time.seconds());
}

std::string name_text(const HospitalAccount& account) {
  const std::string name = shortened(account.name, kNameColumns);
  if (account.attacker) return name + " !";
  return account.role == HospitalRole::external ? name + " *" : name;
}

std::vector<const ArmResult*> arms_of(const RunResult& result) {
  std::vector<const ArmResult*> arms{&result.federated};
  for (const ArmResult& arm : result.baselines) arms.push_back(&arm);
  return arms;
}

// Metrics that have a column of their own; the parts of Brier's score are left to the files.
std::vector<std::string> shown_metrics(const RunResult& result) {
  std::vector<std::string> shown;
  for (const MeasuredAverages& a : result.federated.averages) {
    if (a.metric.rfind("brier_", 0) != 0) shown.push_back(a.metric);
  }
  return shown;
}

std::string column_name(const std::string& metric) {
  constexpr std::string_view kCalibration = "calibration_";
  return metric.rfind(kCalibration, 0) == 0 ? metric.substr(kCalibration.size()) : metric;
}

const MeasuredAverages* find_average(const ArmResult& arm, const std::string& metric) {
  for (const MeasuredAverages& a : arm.averages) {
    if (a.metric == metric) return &a;
  }
  return nullptr;
}

// Values of one arm by hospital and metric.
class Values {
 public:
  explicit Values(const ArmResult& arm) {
    for (const HospitalMetrics& hospital : arm.hospitals) by_id_[hospital.hospital] = &hospital;
  }
  [[nodiscard]] const MeasuredValue* find(HospitalId id, const std::string& metric) const {
    const auto it = by_id_.find(id);
    if (it == by_id_.end()) return nullptr;
    for (const auto& [name, value] : it->second->metrics) {
      if (name == metric) return &value;
    }
    return nullptr;
  }
  [[nodiscard]] std::string text(HospitalId id, const std::string& metric) const {
    const MeasuredValue* value = find(id, metric);
    return value ? number(value->value) : "-";
  }

 private:
  std::map<HospitalId, const HospitalMetrics*> by_id_;
};

// Whether the outcome is something that happens or not, so that events can be counted: there are
// some, or a metric was measured that nothing else has.
bool counts_events(const RunResult& result) {
  for (const HospitalMetrics& hospital : result.federated.hospitals) {
    for (const auto& [name, value] : hospital.metrics) {
      if (value.events > 0) return true;
    }
  }
  const auto of_events = [](metrics::TaskKind task) {
    return task == metrics::TaskKind::binary || task == metrics::TaskKind::survival;
  };
  for (const metrics::MetricInfo& metric : metrics::all_metrics()) {
    if (!std::all_of(metric.tasks.begin(), metric.tasks.end(), of_events)) continue;
    for (const metrics::ValueInfo& value : metric.values) {
      if (find_average(result.federated, std::string(value.name)) != nullptr) return true;
    }
  }
  return false;
}

// How good the model is at each hospital: the federation's, and the first metric of each baseline.
TextTable quality_table(const RunResult& result, const std::vector<std::string>& metrics) {
  const std::string& first = metrics.front();
  const Values federated(result.federated);
  std::vector<Values> baselines;
  for (const ArmResult& arm : result.baselines) baselines.emplace_back(arm);
  TextTable table({true});
  const bool events = counts_events(result);
  std::vector<std::string> head{"hospital", "patients", "tested"};
  if (events) head.emplace_back("events");
  head.push_back(column_name(first) + " (95 %)");
  // the baselines' values of the same metric stand beside it
  for (const ArmResult& arm : result.baselines) head.push_back(arm.name);
  for (std::size_t m = 1; m < metrics.size(); ++m) head.push_back(column_name(metrics[m]));
  table.add(head);
  for (std::size_t h = 0; h < std::min(result.hospitals.size(), kHospitalsMost); ++h) {
    const HospitalAccount& account = result.hospitals[h];
    const MeasuredValue* value = federated.find(account.hospital, first);
    std::vector<std::string> row{name_text(account), fmt::format("{}", account.patients)};
    row.push_back(value ? fmt::format("{}", value->n) : "-");
    if (events) row.push_back(value ? fmt::format("{}", value->events) : "-");
    row.push_back(value ? with_interval(value->value, value->low, value->high) : "-");
    for (const Values& baseline : baselines) row.push_back(baseline.text(account.hospital, first));
    for (std::size_t m = 1; m < metrics.size(); ++m) {
      row.push_back(federated.text(account.hospital, metrics[m]));
    }
    table.add(std::move(row));
  }
  return table;
}

// Averages over hospitals, one line per way to make a model.
TextTable overall_table(const RunResult& result, const std::vector<std::string>& metrics) {
  const std::string& first = metrics.front();
  TextTable table({true, false, true});
  std::vector<std::string> head{"mean over hospitals", column_name(first) + " (95 %)", "worst"};
  for (std::size_t m = 1; m < metrics.size(); ++m) head.push_back(column_name(metrics[m]));
  head.emplace_back("counted");
  table.add(head);
  for (const ArmResult* arm : arms_of(result)) {
    const MeasuredAverages* a = find_average(*arm, first);
    if (a == nullptr) continue;
    std::vector<std::string> row{arm->name, with_interval(a->macro, a->macro_low, a->macro_high)};
    row.push_back(a->worst ? number(a->worst) + " " + shortened(a->worst_hospital, kNameColumns)
                           : "-");
    for (std::size_t m = 1; m < metrics.size(); ++m) {
      const MeasuredAverages* other = find_average(*arm, metrics[m]);
      row.push_back(other ? number(other->macro) : "-");
    }
    row.push_back(
        fmt::format("{} of {}", a->hospitals_counted, a->hospitals_counted + a->hospitals_null));
    table.add(std::move(row));
  }
  return table;
}

// The overall table counts the hospitals of its first metric: means of others over more or fewer
// are named below it.
std::string other_counts(const RunResult& result, const std::vector<std::string>& metrics) {
  const MeasuredAverages* first = find_average(result.federated, metrics.front());
  std::map<std::int64_t, std::vector<std::string>> by_count;
  for (const std::string& metric : metrics) {
    const MeasuredAverages* a = find_average(result.federated, metric);
    if (first == nullptr || a == nullptr) continue;
    if (a->hospitals_counted != first->hospitals_counted) {
      by_count[a->hospitals_counted].push_back(column_name(metric));
    }
  }
  if (by_count.empty()) return {};
  std::string text = fmt::format("counted is of {}", column_name(metrics.front()));
  for (const auto& [count, names] : by_count) {
    text += fmt::format("; {} {} over {}", join_names(names),
                        names.size() == 1 ? "is the mean" : "are means",
                        count == 1 ? "1 hospital" : fmt::format("{} hospitals", count));
  }
  return "  " + wrapped(text, kColumns - 2, 4) + "\n";
}

std::string drops_text(const HospitalAccount& account) {
  std::vector<std::string> parts;
  for (const auto& [reason, count] : account.drops) {
    parts.push_back(fmt::format("{} {}", count, name(reason)));
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

// An outage that began before the run did is none of its outages, and yet the hospital was down.
std::string outages_text(const HospitalAccount& account) {
  if (account.outages == 0) {
    return account.down.ns > 0 ? fmt::format("down ({})", time_text(account.down)) : "-";
  }
  return fmt::format("{} ({})", account.outages, time_text(account.down));
}

// What each hospital did, how long it took and why it was left out.
TextTable rounds_table(const RunResult& result) {
  TextTable table({true, false, false, false, false, false, false, true});
  table.add({"hospital", "took part", "weight", "round time", "up", "down", "outages",
             "left out of the others"});
  for (std::size_t h = 0; h < std::min(result.hospitals.size(), kHospitalsMost); ++h) {
    const HospitalAccount& a = result.hospitals[h];
    if (a.role == HospitalRole::external) continue;
    table.add({name_text(a), fmt::format("{} of {}", a.participations, a.invitations),
               fmt::format("{:.2f}", a.weight),
               a.median_round.ns > 0 ? time_text(a.median_round) : "-", size_text(a.bytes_up),
               size_text(a.bytes_down), outages_text(a), drops_text(a)});
  }
  return table;
}

// What the short names of reasons in the table mean, for those that occurred.
std::string legend(const RunResult& result) {
  std::set<DropReason> occurred;
  for (const HospitalAccount& a : result.hospitals) {
    for (const auto& [reason, count] : a.drops) occurred.insert(reason);
  }
  std::string text;
  for (DropReason reason : occurred) {
    text += fmt::format("  {}: {}\n", name(reason), describe(reason));
  }
  return text;
}

std::string staleness_text(const StalenessAccount& staleness, std::int64_t failed) {
  std::string text = ".\n";
  if (staleness.updates > 0) {
    text += fmt::format(
        "  Updates came from versions {:.1f} behind the newest in the mean, {} at most.\n",
        staleness.mean, staleness.most);
  }
  if (failed > 0) text += fmt::format("  {} times no version could be made.\n", failed);
  return text;
}

std::string round_summary(const RunResult& result) {
  std::vector<std::int64_t> lengths;
  std::int64_t invited = 0;
  std::int64_t used = 0;
  std::int64_t failed = 0;
  for (const RoundRecord& r : result.round_records) {
    lengths.push_back((r.closed - r.opened).ns);
    invited += r.invited;
    used += r.aggregated;
    failed += r.failed ? 1 : 0;
  }
  if (lengths.empty()) return {};
  std::sort(lengths.begin(), lengths.end());
  const auto at = [&](std::size_t i) { return time_text(TimeNs{lengths[i]}); };
  std::string text = fmt::format(
      "  {} took {} to {}, the median {}; {} of {} invitations brought an update that was "
      "used",
      result.staleness ? "Versions" : "Rounds", at(0), at(lengths.size() - 1),
      at(lengths.size() / 2), used, invited);
  if (result.staleness) return text + staleness_text(*result.staleness, failed);
  if (failed > 0) {
    text += fmt::format("; {} rounds failed: {}", failed,
                        result.gossip ? "no hospital trained" : "too few replies");
  }
  return text + ".\n";
}

// How much shorter messages were than without compression.
std::string compressed(const std::optional<WireAccount>& account, const char* what) {
  if (!account) return {};
  const double ratio =
      static_cast<double>(account->bytes_uncompressed) / static_cast<double>(account->bytes);
  return fmt::format("  {} by {}: {} a message instead of {}, {:.1f} to 1\n", what, account->method,
                     size_text(account->bytes), size_text(account->bytes_uncompressed), ratio);
}

// What secure sums asked of the hospitals, phase by phase.
std::string secure_phases(const SecureAccount& account) {
  TextTable table({true, false, false, false, false, false});
  table.add({"phase of the secure sum", "asked", "answered", "rounds failed", "up", "down"});
  for (const secure::Phase phase : secure::phases(account.active)) {
    const auto p = static_cast<std::size_t>(phase);
    const std::string_view name = phase_name(account, phase);
    if (name.empty()) continue;
    table.add({std::string(name), fmt::format("{}", account.asked[p]),
               fmt::format("{}", account.answered[p]), fmt::format("{}", account.missed[p]),
               size_text(account.bytes_up[p]), size_text(account.bytes_down[p])});
  }
  return "\n" + table.text();
}

// Who attacked how, when, and how much of it counted.
std::string attacks(const RunResult& result) {
  if (result.attacks.empty()) return {};
  TextTable table({true, true, false, false, false, false, false});
  table.add({"attack", "hospital", "trainings", "counted", "left out", "first", "last"});
  std::string sentences;
  for (const AttackAccount& a : result.attacks) {
    std::string name = a.attack;
    for (std::size_t h = 0; h < std::min(a.hospitals.size(), kHospitalsMost); ++h) {
      const AttackerAccount& who = a.hospitals[h];
      const bool acted = who.trainings > 0;
      table.add({name, shortened(who.name, kNameColumns), fmt::format("{}", who.trainings),
                 fmt::format("{}", who.counted), fmt::format("{}", who.left_out),
                 acted ? time_text(who.first) : "-", acted ? time_text(who.last) : "-"});
      name.clear();
    }
    sentences += "  " +
                 wrapped(fmt::format("{}: {} attacker{} in {} version{}; they know {}", a.settings,
                                     a.attackers, a.attackers == 1 ? "" : "s", a.versions,
                                     a.versions == 1 ? "" : "s", a.knows),
                         kColumns - 2, 4) +
                 "\n";
    if (a.hospitals.size() > kHospitalsMost) {
      sentences +=
          fmt::format("  ... and {} more attackers\n", a.hospitals.size() - kHospitalsMost);
    }
  }
  return "\n" + table.text() + sentences;
}

// Values that are missing, each reason once: what "-" in the table means.
std::string missing_values(const RunResult& result) {
  std::map<std::string, std::vector<std::string>> hospitals;  // by reason
  const std::vector<std::string> shown = shown_metrics(result);
  const Values values(result.federated);
  for (const HospitalAccount& account : result.hospitals) {
    std::set<std::string> reasons;
    for (const std::string& metric : shown) {
      const MeasuredValue* value = values.find(account.hospital, metric);
      if (value && !value->value && !value->reason.empty()) reasons.insert(value->reason);
    }
    for (const std::string& reason : reasons) hospitals[reason].push_back(account.name);
  }
  std::string text;
  for (auto& [reason, names] : hospitals) {
    const std::size_t count = names.size();
    if (count > 8) {
      names.resize(7);
      names.push_back(fmt::format("{} more", count - 7));
    }
    text += "  " +
            wrapped(fmt::format("No value (-) at {}: {}.", join_names(names), reason), kColumns - 2,
                    4) +
            "\n";
  }
  return text;
}

// Who saw the data scaled how: the reader of a comparison must know (science.md, rule 2).
std::string standardisation(const RunResult& result) {
  std::vector<std::pair<std::string, std::vector<std::string>>> groups;
  for (const ArmResult* arm : arms_of(result)) {
    if (arm->standardisation.empty()) continue;
    auto it = std::find_if(groups.begin(), groups.end(),
                           [&](const auto& group) { return group.first == arm->standardisation; });
    if (it == groups.end()) it = groups.insert(groups.end(), {arm->standardisation, {}});
    it->second.push_back(arm->name);
  }
  std::string text;
  for (const auto& [how, arms] : groups) {
    text += fmt::format("  Standardised, {}: {}.\n", join_names(arms), how);
  }
  return text;
}

std::string epsilon_text(double epsilon) {
  return std::isfinite(epsilon) ? fmt::format("{:.3f}", epsilon) : "unbounded";
}

// What the records of each hospital pay, and what must be read with it.
std::string privacy(const RunResult& result) {
  if (!result.privacy) return {};
  const PrivacyReport& report = *result.privacy;
  TextTable table({true, false, false, false, false, false, false, true});
  table.add(
      {"privacy", "rows", "rate", "noise", "steps", "guaranteed epsilon", "spent", "stopped"});
  for (std::size_t h = 0; h < std::min(report.hospitals.size(), kHospitalsMost); ++h) {
    const PrivacyAccount& a = report.hospitals[h];
    table.add({shortened(a.name, kNameColumns), fmt::format("{}", a.rows),
               fmt::format("{:.4f}", a.rate), fmt::format("{:.3f}", a.noise),
               fmt::format("{} of {}", a.steps, a.steps_planned), epsilon_text(a.guarantee),
               epsilon_text(a.spent), a.stopped ? time_text(*a.stopped) : "-"});
  }
  std::string text = table.text();
  if (report.hospitals.size() > kHospitalsMost) {
    text += fmt::format("  ... and {} more hospitals\n", report.hospitals.size() - kHospitalsMost);
  }
  for (const auto& [heading, sentence] : report.statement) {
    text += "  " + wrapped(fmt::format("{}: {}.", heading, sentence), kColumns - 2, 4) + "\n";
  }
  return text + "\n";
}

std::string heading(const RunResult& result) {
  std::string text =
      fmt::format("  {} by {}; seed {}\n", result.outcome, result.model, result.seed);
  const auto [what, made] = result.staleness ? std::pair(result.staleness->updates, "update")
                                             : std::pair(result.rounds, "round");
  text += fmt::format("  {} {}{} made {} {} in {} of simulated time; {} up, {} down; {}\n", what,
                      made, what == 1 ? "" : "s", result.versions,
                      result.versions == 1 ? "version" : "versions", time_text(result.ended),
                      size_text(result.bytes_up), size_text(result.bytes_down),
                      escaped(result.stop_reason));
  text += compressed(result.compressed_up, "Updates");
  text += compressed(result.compressed_down, "Models");
  return text;
}

// What nobody can beat but by luck, where the generator knows it.
std::string oracle_text(const RunResult& result) {
  if (!result.oracle) return {};
  const Oracle& oracle = *result.oracle;
  return "  " +
         wrapped(fmt::format(
                     "Achievable in this generated cohort: AUROC {:.3f} within hospitals, {:.3f} "
                     "all together, for the true outcome (recorded labels hold errors and "
                     "show less).",
                     oracle.achievable_auroc_within, oracle.achievable_auroc),
                 kColumns - 2, 4) +
         "\n";
}

std::string quality(const RunResult& result) {
  std::vector<std::string> metrics = shown_metrics(result);
  if (metrics.empty()) return "  nothing was measured\n\n";
  const std::size_t measured = metrics.size();
  while (metrics.size() > 1 && quality_table(result, metrics).width() > kColumns) {
    metrics.pop_back();
  }
  std::string text = quality_table(result, metrics).text();
  const std::size_t hospitals = result.hospitals.size();
  if (hospitals > kHospitalsMost) {
    text += fmt::format("  ... and {} more hospitals\n", hospitals - kHospitalsMost);
  }
  const bool external =
      std::any_of(result.hospitals.begin(), result.hospitals.end(),
                  [](const HospitalAccount& a) { return a.role == HospitalRole::external; });
  if (external) text += "  * external: only evaluated on, in no mean\n";
  const bool attacker = std::any_of(result.hospitals.begin(), result.hospitals.end(),
                                    [](const HospitalAccount& a) { return a.attacker; });
  if (attacker) text += "  ! attacker: listed, in no mean\n";
  text += missing_values(result) + "\n" + overall_table(result, metrics).text() +
          other_counts(result, metrics);
  if (measured > metrics.size()) {
    text += fmt::format("  {} more metrics are in --json and --out\n", measured - metrics.size());
  }
  text += spread_table(result) + group_tables(result) + cross_site_table(result);
  return text + standardisation(result) + oracle_text(result) + "\n";
}

}  // namespace

std::string end_table(const RunResult& result, bool colour) {
  const std::string bold = colour ? "\x1b[1m" : "";
  const std::string warn = colour ? "\x1b[33m" : "";
  const std::string off = colour ? "\x1b[0m" : "";
  const std::string title = result.title.empty() ? result.scenario : result.title;
  std::string text = fmt::format("\n{}{}{}\n", bold, title, off) + heading(result) + "\n";
  text += quality(result);
  text += rounds_table(result).text() + legend(result) + round_summary(result);
  if (result.secure) text += secure_phases(*result.secure);
  text += attacks(result);
  text += border_table(result) + gossip_line(result);
  text += happening_lines(result) + data_change_table(result, shown_metrics(result));
  text += "\n" + privacy(result) + membership_table(result);
  if (!result.convergence.text.empty()) {
    const bool warning = result.convergence.checked && !result.convergence.converged;
    text += fmt::format("  {}{}{}\n", warning ? warn : "", result.convergence.text, off);
  }
  for (const std::string& remark : result.remarks) {
    text += "  " + wrapped(remark, kColumns - 2, 4) + "\n";
  }
  for (std::size_t i = 0; i < std::min(result.notes.size(), kNotesMost); ++i) {
    text += fmt::format("  note at {}: {}\n", time_text(result.notes[i].first),
                        escaped(result.notes[i].second));
  }
  if (result.notes.size() > kNotesMost) {
    text += fmt::format("  ... and {} more notes\n", result.notes.size() - kNotesMost);
  }
  text += fmt::format("  Simulation, not for clinical use. Fingerprint {}\n", result.fingerprint);
  return text;
}

}  // namespace polyclinic
