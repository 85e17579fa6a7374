// Contributions as a table, as JSON, as CSV and in a database.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/plain_text.hpp"
#include "record/csv_row.hpp"
#include "record/sqlite.hpp"
#include "record/text_table.hpp"
#include "study/answer_folder.hpp"
#include "study/contribution.hpp"
#include "study/spread_export.hpp"

namespace polyclinic {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kColumns = 120;
constexpr std::size_t kNameColumns = 24;

std::string text(const Spread& spread) {
  if (!spread.mean) return "-";
  if (!spread.interval) return fmt::format("{:.4f}", *spread.mean);
  return fmt::format("{:.4f} ({:.4f} to {:.4f})", *spread.mean, spread.interval->low,
                     spread.interval->high);
}

std::string method(const Contribution& found) {
  if (!found.hospitals.front().shapley) return "leave-one-out alone";
  if (found.exact) return "Shapley values of all coalitions";
  std::string text = fmt::format("Shapley values of {} random orders a seed", found.orders);
  if (found.truncate > 0) {
    text += fmt::format("; an order ended {:g} from all, which took {} additions as 0",
                        found.truncate, found.skipped);
  }
  return text;
}

std::vector<std::string> members_of(const Contribution& found, Coalition members) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < found.hospitals.size(); ++i) {
    if ((members >> i & 1U) != 0) names.push_back(found.hospitals[i].name);
  }
  return names;
}

void fill(const Contribution& found, const Sqlite& file) {
  SqliteStatement row = file.prepare("INSERT INTO contributions VALUES (?,?,?,?,?,?,?,?,?,?,?)");
  for (const Contribution::Hospital& h : found.hospitals) {
    const Spread shapley = h.shapley.value_or(Spread());
    row.run(h.name, h.train_rows, std::int64_t{h.attacker}, found.metric, h.leave_one_out.mean,
            low(h.leave_one_out), high(h.leave_one_out), shapley.mean, low(shapley), high(shapley),
            h.sampling_error);
  }
  SqliteStatement played = file.prepare("INSERT INTO coalitions VALUES (?,?,?,?)");
  for (const Contribution::Played& p : found.played) {
    const std::vector<std::string> names = members_of(found, p.members);
    played.run(fmt::format("{}", p.seed), static_cast<std::int64_t>(names.size()),
               Json(names).dump(), p.value);
  }
}

}  // namespace

std::string contribution_table(const Contribution& found) {
  std::string out = fmt::format("\n{}\n", found.title.empty() ? found.file : found.title);
  const std::string seeds = seeds_text(found.first_seed, found.seeds);
  out += "  " +
         wrapped(fmt::format("What each hospital adds to {} over all hospitals' test rows, each "
                             "coalition trained anew: {}; {}; {} coalitions trained.",
                             found.metric, method(found), seeds, found.played.size()),
                 kColumns - 2, 2) +
         "\n\n";
  const bool shapley = found.hospitals.front().shapley.has_value();
  TextTable table({true});
  std::vector<std::string> head{"hospital", "trained on", "all less all but it"};
  if (shapley) head.emplace_back("Shapley");
  if (!found.exact && shapley) head.emplace_back("sampling error");
  table.add(head);
  double sum = 0;
  for (const Contribution::Hospital& h : found.hospitals) {
    std::vector<std::string> row{shortened(h.name, kNameColumns) + (h.attacker ? " !" : ""),
                                 fmt::format("{}", h.train_rows), text(h.leave_one_out)};
    if (shapley) row.push_back(text(*h.shapley));
    if (!found.exact && shapley) row.push_back(fmt::format("{:.4f}", *h.sampling_error));
    if (shapley) sum += h.shapley->mean.value_or(0);
    table.add(std::move(row));
  }
  out += table.text();
  out += fmt::format("  {} of all {}, of the untrained model {}", found.metric, text(found.all),
                     text(found.nobody));
  out += shapley ? fmt::format("; Shapley values sum to {:.4f}\n", sum) : "\n";
  std::string note = found.seeds > 1 ? "Intervals: Student's t over seeds, 95 %."
                                     : "One seed: another may order hospitals otherwise (--seeds).";
  if (found.smaller_is_better) {
    note += " Less is better of " + found.metric + ": values are what it falls by.";
  }
  note +=
      " It is what a hospital adds for all hospitals' patients, not what joining is worth to it.";
  out += "  " + wrapped(note, kColumns - 2, 2) + "\n";
  for (const Contribution::Hospital& h : found.hospitals) {
    if (!h.attacker) continue;
    out += "  ! attacker: its patients are in no average\n";
    break;
  }
  return out + "  Simulation, not for clinical use.\n";
}

std::string contribution_json(const Contribution& found, int indent) {
  Json json;
  json["scenario"] = found.file;
  json["title"] = found.title;
  json["note"] = "simulation, not for clinical use";
  json["metric"] = found.metric;
  json["smaller_is_better"] = found.smaller_is_better;
  json["first_seed"] = found.first_seed;
  json["seeds"] = found.seeds;
  json["exact"] = found.exact;
  json["orders"] = found.orders;
  json["truncate"] = found.truncate;
  json["skipped"] = found.skipped;
  json["interval"] = "Student's t, 95 %, over seeds";
  json["all"] = spread_json(found.all);
  json["nobody"] = spread_json(found.nobody);
  json["hospitals"] = Json::array();
  for (const Contribution::Hospital& h : found.hospitals) {
    Json one;
    one["name"] = h.name;
    one["train_rows"] = h.train_rows;
    if (h.attacker) one["attacker"] = true;
    one["leave_one_out"] = spread_json(h.leave_one_out);
    one["shapley"] = h.shapley ? spread_json(*h.shapley) : Json(nullptr);
    one["sampling_error"] = number_json(h.sampling_error);
    json["hospitals"].push_back(std::move(one));
  }
  json["coalitions"] = Json::array();
  for (const Contribution::Played& p : found.played) {
    json["coalitions"].push_back(
        {{"seed", p.seed}, {"members", members_of(found, p.members)}, {"value", p.value}});
  }
  json["provenance"] = Json::object();
  for (const auto& [key, value] : found.provenance) json["provenance"][key] = value;
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

std::string contribution_csv(const Contribution& found) {
  std::string out =
      csv_head({"hospital", "train_rows", "metric", "leave_one_out", "leave_one_out_sd",
                "leave_one_out_low", "leave_one_out_high", "shapley", "shapley_sd", "shapley_low",
                "shapley_high", "sampling_error"});
  for (const Contribution::Hospital& h : found.hospitals) {
    CsvRow row;
    row.add(h.name).add(h.train_rows).add(found.metric);
    add_spread(row, h.leave_one_out);
    add_spread(row, h.shapley.value_or(Spread()));
    out += row.add(h.sampling_error).done();
  }
  return out;
}

std::string coalitions_csv(const Contribution& found) {
  std::vector<std::string> head{"seed", "size"};
  for (const Contribution::Hospital& h : found.hospitals) head.push_back("has_" + h.name);
  head.push_back(found.metric);
  std::string out = csv_head(head);
  for (const Contribution::Played& p : found.played) {
    CsvRow row;
    row.add(fmt::format("{}", p.seed));
    row.add(static_cast<std::int64_t>(members_of(found, p.members).size()));
    for (std::size_t i = 0; i < found.hospitals.size(); ++i) {
      row.add(static_cast<std::int64_t>(p.members >> i & 1U));
    }
    out += row.add(p.value).done();
  }
  return out;
}

void write_contribution(const Contribution& found, const std::string& folder) {
  Answer answer;
  answer.rows = [&](const Sqlite& file) { fill(found, file); };
  answer.provenance = found.provenance;
  answer.files.emplace_back("contribution.json", contribution_json(found, 2) + "\n");
  answer.files.emplace_back("contribution.csv", contribution_csv(found));
  answer.files.emplace_back("coalitions.csv", coalitions_csv(found));
  answer.files.emplace_back("README.txt",
                            fmt::format("{}\n\nSimulation, not for clinical use.\n\n"
                                        "results.sqlite     tables contributions and coalitions\n"
                                        "contribution.json  what `contribution --json` prints\n"
                                        "contribution.csv   a row per hospital\n"
                                        "coalitions.csv     a row per coalition and seed\n",
                                        found.title.empty() ? found.file : found.title));
  write_answer(answer, folder);
}

}  // namespace polyclinic
