// What joining is worth, as a table, as JSON, as CSV and in a database.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/plain_text.hpp"
#include "record/csv_row.hpp"
#include "record/sqlite.hpp"
#include "record/text_table.hpp"
#include "study/answer_folder.hpp"
#include "study/join.hpp"
#include "study/spread_export.hpp"

namespace polyclinic {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kColumns = 120;
constexpr std::size_t kNameColumns = 24;
constexpr std::size_t kListedMost = 30;  // others in the table

// "0.7912 (0.7800 to 0.8024)"; of a gain with its sign.
std::string text(const Spread& spread, bool sign) {
  if (!spread.mean) return "-";
  std::string mean =
      sign ? fmt::format("{:+.4f}", *spread.mean) : fmt::format("{:.4f}", *spread.mean);
  if (!spread.interval) return mean;
  const auto& [low, high] = *spread.interval;
  return mean + (sign ? fmt::format(" ({:+.4f} to {:+.4f})", low, high)
                      : fmt::format(" ({:.4f} to {:.4f})", low, high));
}

// Seconds in the unit that suits the mean, megabytes, plain numbers.
std::string cost_text(const JoinReport::Quantity& quantity) {
  const Spread& spread = quantity.value;
  if (!spread.mean) return "-";
  double unit = 1;
  const char* name = "";
  if (quantity.unit == "s") {
    const double size = std::fabs(*spread.mean);
    unit = size >= 2 * 86'400.0 ? 86'400 : size >= 2 * 3'600.0 ? 3'600 : size >= 120 ? 60 : 1;
    name = unit == 1 ? " s" : unit == 60 ? " min" : unit == 3'600 ? " h" : " days";
  } else if (quantity.unit == "bytes") {
    unit = 1e6;
    name = " MB";
  }
  const auto one = [&](double x) {
    return quantity.paired ? fmt::format("{:+.4g}", x / unit) : fmt::format("{:.4g}", x / unit);
  };
  if (!spread.interval) return one(*spread.mean) + name;
  return fmt::format("{}{} ({} to {})", one(*spread.mean), name, one(spread.interval->low),
                     one(spread.interval->high));
}

// The answer in words: where the interval lies.
std::string verdict(const Spread& gain) {
  if (!gain.mean) return "there is no value to compare";
  if (!gain.interval) return "one value has no interval: ask over more seeds (--seeds)";
  if (gain.interval->low > 0) return "it gains: the interval lies above 0";
  if (gain.interval->high < 0) return "it loses: the interval lies below 0";
  return "cannot be told from no gain: the interval holds 0";
}

// The first reason for which the joiner has no value; empty where it always has one.
std::string missing(const JoinReport& found) {
  for (const JoinReport::Seed& seed : found.runs) {
    const std::string& reason = seed.values[found.joiner].reason;
    if (!reason.empty()) return fmt::format("seed {}: {}", seed.seed, reason);
  }
  return {};
}

std::string own_table(const JoinReport& found) {
  const auto line = [&](const char* name) -> const Spread& { return found.quantity(name).value; };
  TextTable table({true, true, true});
  table.add({shortened(found.hospital, kNameColumns), found.metric, ""});
  table.add({"in the federation", text(line("with"), false), ""});
  table.add({"by itself", text(line("alone"), false), ""});
  table.add({"the others' model, at it", text(line("without"), false), ""});
  const Spread& alone = line("gain_over_alone");
  const Spread& without = line("gain_over_without");
  table.add({"gain over training alone", text(alone, true), verdict(alone)});
  table.add({"gain over the others' model", text(without, true), verdict(without)});
  return table.text();
}

std::string others_table(const JoinReport& found) {
  TextTable table({true});
  table.add({"the others", "trained on", "without it", "with it", "gain"});
  std::size_t listed = 0;
  for (std::size_t i = 0; i < found.hospitals.size(); ++i) {
    const JoinReport::Hospital& h = found.hospitals[i];
    if (i == found.joiner || listed == kListedMost) continue;
    ++listed;
    table.add({shortened(h.name, kNameColumns) + (h.attacker ? " !" : ""),
               fmt::format("{}", h.train_rows), text(h.without, false), text(h.with, false),
               text(h.gain, true)});
  }
  const auto add = [&](const char* label, const char* name) {
    table.add({label, "", "", "", text(found.quantity(name).value, true)});
  };
  add("mean of them", "others_mean_gain");
  add("of the worst-off", "others_worst_gain");
  add("the least gain", "others_least_gain");
  std::string out = table.text();
  const std::size_t all = found.hospitals.size() - 1;
  if (all > listed) out += fmt::format("  {} more: --json has them all\n", all - listed);
  return out;
}

std::string cost_table(const JoinReport& found) {
  TextTable table({true});
  table.add({"cost", "in the mean"});
  const auto add = [&](const char* label, const char* name) {
    const JoinReport::Quantity& quantity = found.quantity(name);
    if (quantity.value.mean) table.add({label, cost_text(quantity)});
  };
  add("it sends", "bytes_up");
  add("it receives", "bytes_down");
  add("it computes", "busy");
  add("invitations to it", "invitations");
  add("updates of it that count", "participations");
  add("epsilon of its patients", "epsilon");
  add("the federation takes", "federation_time");
  add("more time than without it", "federation_extra_time");
  add("more bytes than without it", "federation_extra_bytes");
  add("more versions", "federation_extra_versions");
  return table.text();
}

Json seed_json(const JoinReport& found, const JoinReport::Seed& seed) {
  Json one = {{"seed", seed.seed},
              {"train_rows", seed.train_rows},
              {"invitations", seed.invitations},
              {"participations", seed.participations},
              {"bytes_up", seed.bytes_up},
              {"bytes_down", seed.bytes_down},
              {"busy_seconds", seed.busy_s},
              {"epsilon", number_json(seed.epsilon)},
              {"with",
               {{"sim_seconds", seed.with_s},
                {"bytes", seed.with_bytes},
                {"versions", seed.with_versions}}},
              {"without",
               {{"sim_seconds", seed.without_s},
                {"bytes", seed.without_bytes},
                {"versions", seed.without_versions}}},
              {"values", Json::array()}};
  for (std::size_t i = 0; i < seed.values.size(); ++i) {
    const JoinReport::Values& values = seed.values[i];
    Json of{{"name", found.hospitals[i].name},
            {"with", number_json(values.with)},
            {"without", number_json(values.without)},
            {"alone", number_json(values.alone)}};
    if (!values.reason.empty()) of["reason"] = values.reason;
    one["values"].push_back(std::move(of));
  }
  return one;
}

void fill(const JoinReport& found, const Sqlite& file) {
  SqliteStatement row = file.prepare("INSERT INTO join_summary VALUES (?,?,?,?,?,?,?,?,?)");
  for (const JoinReport::Quantity& q : found.quantities) {
    row.run(q.name, found.hospital, q.unit, std::int64_t{q.paired}, q.value.n, q.value.mean,
            q.value.sd, low(q.value), high(q.value));
  }
  SqliteStatement values = file.prepare("INSERT INTO join_values VALUES (?,?,?,?,?,?,?,?)");
  SqliteStatement costs =
      file.prepare("INSERT INTO join_costs VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
  for (const JoinReport::Seed& seed : found.runs) {
    const std::string name = fmt::format("{}", seed.seed);
    for (std::size_t i = 0; i < seed.values.size(); ++i) {
      const JoinReport::Values& v = seed.values[i];
      values.run(name, found.hospitals[i].name, std::int64_t{i == found.joiner},
                 std::int64_t{found.hospitals[i].attacker}, found.metric, v.with, v.without,
                 v.alone);
    }
    costs.run(name, seed.train_rows, seed.invitations, seed.participations, seed.bytes_up,
              seed.bytes_down, seed.busy_s, seed.epsilon, seed.with_s, seed.without_s,
              seed.with_bytes, seed.without_bytes, seed.with_versions, seed.without_versions);
  }
}

}  // namespace

std::string join_table(const JoinReport& found) {
  std::string out = fmt::format("\n{}\n", found.title.empty() ? found.file : found.title);
  const std::string seeds = seeds_text(found.first_seed, found.seeds);
  const auto add = [&](const std::string& paragraph) {
    out += "  " + wrapped(paragraph, kColumns - 2, 2) + "\n";
  };
  add(fmt::format(
      "What joining is worth to {} and does to the others, by {} on each hospital's own "
      "test rows: the federation with it and without it, {}.",
      found.hospital, found.metric, seeds));
  out += "\n" + own_table(found) + "\n" + others_table(found) + "\n" + cost_table(found) + "\n";
  std::string note = found.seeds > 1
                         ? "Intervals: Student's t over seeds, 95 %; of gains and differences "
                           "paired, within each seed."
                         : "One seed has no intervals: --seeds 10.";
  if (found.smaller_is_better) {
    note += " Less is better of " + found.metric + ": a gain is what it falls by.";
  }
  note +=
      " The least of many gains lies below their mean even where nobody's differs: read it beside "
      "the list.";
  add(note);
  if (const std::string reason = missing(found); !reason.empty()) {
    add(fmt::format("{} has no value under some seeds, which count in no gain of it ({}).",
                    found.hospital, reason));
  }
  if (found.hospitals[found.joiner].attacker) add(found.hospital + " is an attacker.");
  const bool attackers = std::any_of(found.hospitals.begin(), found.hospitals.end(),
                                     [](const auto& h) { return h.attacker; });
  if (attackers) out += "  ! attacker: not among the others whose mean is taken\n";
  return out + "  Simulation, not for clinical use.\n";
}

std::string join_json(const JoinReport& found, int indent) {
  Json json;
  json["scenario"] = found.file;
  json["title"] = found.title;
  json["note"] = "simulation, not for clinical use";
  json["hospital"] = found.hospital;
  json["metric"] = found.metric;
  json["smaller_is_better"] = found.smaller_is_better;
  json["first_seed"] = found.first_seed;
  json["seeds"] = found.seeds;
  json["interval"] = "Student's t, 95 %, over seeds; of differences paired by seed";
  json["quantities"] = Json::object();
  for (const JoinReport::Quantity& q : found.quantities) {
    Json one = spread_json(q.value);
    one["unit"] = q.unit;
    one["paired"] = q.paired;
    json["quantities"][q.name] = std::move(one);
  }
  json["hospitals"] = Json::array();
  for (std::size_t i = 0; i < found.hospitals.size(); ++i) {
    const JoinReport::Hospital& h = found.hospitals[i];
    Json one{{"name", h.name}, {"joins", i == found.joiner}, {"train_rows", h.train_rows}};
    if (h.attacker) one["attacker"] = true;
    one["with"] = spread_json(h.with);
    one["without"] = spread_json(h.without);
    one["gain"] = spread_json(h.gain);
    json["hospitals"].push_back(std::move(one));
  }
  json["runs"] = Json::array();
  for (const JoinReport::Seed& seed : found.runs) json["runs"].push_back(seed_json(found, seed));
  json["provenance"] = Json::object();
  for (const auto& [key, value] : found.provenance) json["provenance"][key] = value;
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

std::string join_csv(const JoinReport& found) {
  std::string out =
      csv_head({"quantity", "hospital", "unit", "paired", "n", "mean", "sd", "low", "high"});
  for (const JoinReport::Quantity& q : found.quantities) {
    CsvRow row;
    row.add(q.name).add(found.hospital).add(q.unit).add(std::int64_t{q.paired}).add(q.value.n);
    add_spread(row, q.value);
    out += row.done();
  }
  return out;
}

std::string join_values_csv(const JoinReport& found) {
  std::string out = csv_head(
      {"seed", "hospital", "joins", "attacker", "metric", "with_it", "without_it", "alone"});
  for (const JoinReport::Seed& seed : found.runs) {
    for (std::size_t i = 0; i < seed.values.size(); ++i) {
      const JoinReport::Values& v = seed.values[i];
      CsvRow row;
      row.add(fmt::format("{}", seed.seed)).add(found.hospitals[i].name);
      row.add(std::int64_t{i == found.joiner}).add(std::int64_t{found.hospitals[i].attacker});
      out += row.add(found.metric).add(v.with).add(v.without).add(v.alone).done();
    }
  }
  return out;
}

std::string join_costs_csv(const JoinReport& found) {
  std::string out =
      csv_head({"seed", "train_rows", "invitations", "participations", "bytes_up", "bytes_down",
                "busy_seconds", "epsilon", "sim_seconds_with", "sim_seconds_without", "bytes_with",
                "bytes_without", "versions_with", "versions_without"});
  for (const JoinReport::Seed& s : found.runs) {
    CsvRow row;
    row.add(fmt::format("{}", s.seed)).add(s.train_rows).add(s.invitations).add(s.participations);
    row.add(s.bytes_up).add(s.bytes_down).add(s.busy_s).add(s.epsilon);
    row.add(s.with_s).add(s.without_s).add(s.with_bytes).add(s.without_bytes);
    out += row.add(s.with_versions).add(s.without_versions).done();
  }
  return out;
}

void write_join(const JoinReport& found, const std::string& folder) {
  Answer answer;
  answer.rows = [&](const Sqlite& file) { fill(found, file); };
  answer.provenance = found.provenance;
  answer.files.emplace_back("join.json", join_json(found, 2) + "\n");
  answer.files.emplace_back("join.csv", join_csv(found));
  answer.files.emplace_back("join_values.csv", join_values_csv(found));
  answer.files.emplace_back("join_costs.csv", join_costs_csv(found));
  answer.files.emplace_back(
      "README.txt", fmt::format("{}\n\nSimulation, not for clinical use.\n\n"
                                "results.sqlite   tables join_summary, join_values and join_costs\n"
                                "join.json        what `join --json` prints\n"
                                "join.csv         a row per gain and cost, with intervals\n"
                                "join_values.csv  a row per seed and hospital\n"
                                "join_costs.csv   a row per seed\n",
                                found.title.empty() ? found.file : found.title));
  write_answer(answer, folder);
}

}  // namespace polyclinic
