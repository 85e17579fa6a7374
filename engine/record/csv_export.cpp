#include "record/csv_export.hpp"

#include <fmt/format.h>

#include <map>
#include <string_view>
#include <vector>

#include "record/csv_row.hpp"
#include "record/drop_reasons.hpp"

namespace polyclinic {

namespace {

using Names = std::map<HospitalId, std::string>;

std::string arm_rows(const ArmResult& arm, const Names& names) {
  std::string text;
  for (const MeasuredAverages& a : arm.averages) {
    const std::pair<const char*, std::optional<double>> averages[] = {
        {"macro", a.macro},
        {"weighted", a.weighted},
        {"micro", a.micro},
        {"worst", a.worst},
        {"bottom_decile", a.bottom_decile},
        {"spread", a.spread},
        {"spread_chance", a.spread_chance},
        {"jain", a.jain}};
    for (const auto& [name, value] : averages) {
      const bool macro = std::string_view(name) == "macro";
      CsvRow row;
      row.add(arm.name).add(a.metric).add(std::string_view(name));
      row.add(std::string_view(name) == "worst" ? a.worst_hospital : std::string());
      row.add(value).add(macro ? a.macro_low : std::nullopt);
      row.add(macro ? a.macro_high : std::nullopt).add("").add("").add(a.hospitals_counted);
      text += row.add("").done();
    }
  }
  for (const HospitalMetrics& hospital : arm.hospitals) {
    const auto name = names.find(hospital.hospital);
    for (const auto& [metric, v] : hospital.metrics) {
      CsvRow row;
      row.add(arm.name).add(metric).add("");
      row.add(name == names.end() ? std::string() : name->second);
      row.add(v.value).add(v.low).add(v.high).add(v.n).add(v.events).add("").add(v.reason);
      text += row.done();
    }
  }
  return text;
}

}  // namespace

std::string metrics_csv(const RunResult& result) {
  Names names;
  for (const HospitalAccount& account : result.hospitals) names[account.hospital] = account.name;
  std::string text = csv_head({"arm", "metric", "average", "hospital", "value", "low", "high", "n",
                               "events", "hospitals_counted", "reason"});
  text += arm_rows(result.federated, names);
  for (const ArmResult& arm : result.baselines) text += arm_rows(arm, names);
  return text;
}

namespace {

void add_value(CsvRow& row, const MeasuredValue& v) {
  row.add(v.value).add(v.low).add(v.high).add(v.n).add(v.events).add(v.reason);
}

}  // namespace

std::string groups_csv(const RunResult& result) {
  std::string text = csv_head({"arm", "variable", "labels", "level", "metric", "value", "low",
                               "high", "n", "events", "reason", "largest", "smallest"});
  const auto add = [&](const ArmResult& arm) {
    for (const GroupResult& group : arm.groups) {
      const char* labels = group.true_labels ? "true" : "recorded";
      for (const GroupLevel& level : group.levels) {
        for (const auto& [metric, v] : level.metrics) {
          CsvRow row;
          row.add(arm.name).add(group.variable).add(labels).add(level.level).add(metric);
          add_value(row, v);
          text += row.add("").add("").done();
        }
      }
      for (const GroupGap& gap : group.gaps) {
        CsvRow row;
        row.add(arm.name).add(group.variable).add(labels).add("gap").add(gap.metric);
        add_value(row, gap.gap);
        text += row.add(gap.largest).add(gap.smallest).done();
      }
    }
  };
  add(result.federated);
  for (const ArmResult& arm : result.baselines) add(arm);
  return text;
}

std::string cross_site_csv(const RunResult& result) {
  Names names;
  for (const HospitalAccount& account : result.hospitals) names[account.hospital] = account.name;
  std::string text =
      csv_head({"model", "hospital", "metric", "value", "low", "high", "n", "events", "reason"});
  for (const CrossSite::Row& of : result.cross_site->rows) {
    for (const HospitalMetrics& at : of.hospitals) {
      for (const auto& [metric, v] : at.metrics) {
        CsvRow row;
        row.add(names[of.model]).add(names[at.hospital]).add(metric);
        add_value(row, v);
        text += row.done();
      }
    }
  }
  return text;
}

std::string hospitals_csv(const RunResult& result) {
  const std::vector<DropReason> reasons = drop_reasons();
  std::string text = "hospital,region,role,patients,train_rows,weight,invitations,participations,";
  for (DropReason reason : reasons) text += fmt::format("dropped_{},", name(reason));
  text += fmt::format(
      "bytes_up,bytes_down,busy_seconds,median_round_seconds,outages,down_seconds,remarks,{}\n",
      kCsvNoteColumn);
  for (const HospitalAccount& a : result.hospitals) {
    CsvRow row;
    row.add(a.name).add(a.region).add(name(a.role));
    row.add(a.patients).add(a.train_rows).add(a.weight).add(a.invitations).add(a.participations);
    for (DropReason reason : reasons) {
      const auto it = a.drops.find(reason);
      row.add(it == a.drops.end() ? std::int64_t{0} : it->second);
    }
    row.add(a.bytes_up).add(a.bytes_down).add(a.busy.seconds()).add(a.median_round.seconds());
    row.add(a.outages).add(a.down.seconds());
    text += row.add(fmt::format("{}", fmt::join(a.remarks, "; "))).done();
  }
  return text;
}

std::string rounds_csv(const RunResult& result) {
  std::string text = csv_head({"round", "version", "opened_seconds", "closed_seconds", "invited",
                               "aggregated", "failed", "staleness_mean", "staleness_max"});
  for (const RoundRecord& r : result.round_records) {
    CsvRow row;
    row.add(r.round).add(r.version).add(r.opened.seconds()).add(r.closed.seconds());
    row.add(r.invited).add(r.aggregated).add(std::int64_t{r.failed});
    // empty where rounds are common to all
    const auto mean = result.staleness ? std::optional(r.staleness_mean) : std::nullopt;
    row.add(mean);
    text += (result.staleness ? row.add(r.staleness_most) : row.add("")).done();
  }
  return text;
}

}  // namespace polyclinic
