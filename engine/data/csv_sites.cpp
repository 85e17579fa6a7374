#include "data/csv_sites.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>
#include <unordered_map>

#include "base/check.hpp"
#include "data/partition.hpp"

namespace polyclinic {

namespace {

using Rows = std::vector<std::int32_t>;

SourcePosition place_of(const CsvTable& table, const CsvOptions& options, std::int32_t row) {
  const auto r = static_cast<std::size_t>(row);
  return {options.sources[static_cast<std::size_t>(table.source[r])].path, table.line[r], 0};
}

// Rows that can be used at all.
std::vector<std::uint8_t> usable_rows(const CsvTable& table, const CsvLabels& labels,
                                      const CsvOptions& options) {
  std::vector<std::uint8_t> usable = labels.known;
  if (!options.drop_rows_with_missing) return usable;
  for (const CsvColumn& column : table.columns) {
    if (!column.feature || column.missing == 0) continue;
    for (std::size_t row = 0; row < usable.size(); ++row) {
      const bool missing =
          column.wants_level ? column.level[row] < 0 : std::isnan(column.numbers[row]);
      if (missing) usable[row] = 0;
    }
  }
  return usable;
}

// Hospitals by file or by column, in the order of their names' bytes (or numbers).
std::vector<CsvSite> named_sites(const CsvTable& table, const CsvOptions& options) {
  std::vector<CsvSite> sites;
  if (options.hospital.empty()) {
    std::vector<std::size_t> site_of;  // per file
    for (const CsvSource& source : options.sources) {
      // a hospital's files follow each other
      if (sites.empty() || sites.back().name != source.hospital) {
        sites.push_back({.name = source.hospital});
      }
      site_of.push_back(sites.size() - 1);
    }
    for (std::int32_t row = 0; row < table.rows; ++row) {
      const std::int32_t source = table.source[static_cast<std::size_t>(row)];
      sites[site_of[static_cast<std::size_t>(source)]].rows.push_back(row);
    }
    return sites;
  }
  const CsvColumn& column = table.column(options.hospital);
  for (const std::string& level : column.levels) sites.push_back({.name = level});
  for (std::int32_t row = 0; row < table.rows; ++row) {
    const std::int32_t level = column.level[static_cast<std::size_t>(row)];
    if (level < 0) {
      throw ScenarioError(place_of(table, options, row),
                          fmt::format("column '{}' names no hospital in this row", column.name),
                          "every row needs its hospital");
    }
    sites[static_cast<std::size_t>(level)].rows.push_back(row);
  }
  return sites;
}

std::vector<std::string> names_of(const std::vector<CsvSite>& sites) {
  std::vector<std::string> names;
  for (const CsvSite& site : sites) names.push_back(site.name);
  return names;
}

[[noreturn]] void throw_unknown_hospital(const CsvOptions& options, std::string_view field,
                                         const std::string& name,
                                         const std::vector<CsvSite>& sites) {
  const auto names = names_of(sites);
  std::string hint = did_you_mean(name, names);
  if (!hint.empty()) hint += "\n";
  throw options.part.mistake(field, fmt::format("{}: there is no hospital '{}'", field, name),
                             hint + "hospitals are " + join_names(names));
}

// Hospitals that `order` names come first, as it says.
void reorder(const CsvOptions& options, std::vector<CsvSite>& sites) {
  std::map<std::string, std::size_t> rank;
  for (const std::string& name : options.order) {
    if (std::none_of(sites.begin(), sites.end(),
                     [&](const CsvSite& s) { return s.name == name; })) {
      throw_unknown_hospital(options, "order", name, sites);
    }
    rank.emplace(name, rank.size());
  }
  const auto rank_of = [&](const CsvSite& site) {
    const auto found = rank.find(site.name);
    return found == rank.end() ? rank.size() : found->second;
  };
  std::stable_sort(sites.begin(), sites.end(),
                   [&](const CsvSite& a, const CsvSite& b) { return rank_of(a) < rank_of(b); });
}

void leave_out(const std::vector<std::uint8_t>& usable, CsvSite& site) {
  const auto before = std::ssize(site.rows);
  std::erase_if(site.rows,
                [&](std::int32_t row) { return usable[static_cast<std::size_t>(row)] == 0; });
  site.left_out = before - std::ssize(site.rows);
}

// Cuts the usable rows into hospitals; rows of a patient stay together.
std::vector<CsvSite> partitioned_sites(const std::vector<std::uint8_t>& usable,
                                       const CsvLabels& labels, const CsvOptions& options,
                                       std::span<const std::int64_t> patients,
                                       const CohortContext& context) {
  std::vector<Rows> rows_of;          // per patient
  std::vector<std::int32_t> stratum;  // per patient: the highest
  std::unordered_map<std::int64_t, std::size_t> number;
  for (std::size_t row = 0; row < usable.size(); ++row) {
    if (usable[row] == 0) continue;
    std::size_t patient = rows_of.size();
    if (!patients.empty()) patient = number.emplace(patients[row], patient).first->second;
    if (patient == rows_of.size()) {
      rows_of.emplace_back();
      stratum.push_back(0);
    }
    rows_of[patient].push_back(static_cast<std::int32_t>(row));
    stratum[patient] = std::max(stratum[patient], labels.stratum[row]);
  }

  const std::int64_t named = context.directory ? context.directory->count() : 0;
  const Partition partition =
      make_partition(*options.partition, stratum, labels.classes, named, context.run);
  std::vector<CsvSite> sites;
  for (const Rows& members : partition) {
    CsvSite site;
    if (named == 0) site.name = fmt::format("Hospital {}", sites.size() + 1);
    for (const std::int32_t patient : members) {
      const Rows& rows = rows_of[static_cast<std::size_t>(patient)];
      site.rows.insert(site.rows.end(), rows.begin(), rows.end());
    }
    std::sort(site.rows.begin(), site.rows.end());
    sites.push_back(std::move(site));
  }
  return sites;
}

void require_rows(const CsvOptions& options, const CsvSite& site) {
  if (!site.rows.empty()) return;
  std::string path;
  for (const CsvSource& source : options.sources) {
    if (source.hospital == site.name || options.sources.size() == 1) path = source.path;
  }
  if (site.left_out == 0) {
    throw ScenarioError({path, 0, 0}, fmt::format("hospital '{}' has no rows", site.name),
                        "leave it out, or minimum_rows = 1 leaves out all that are empty");
  }
  throw ScenarioError(
      {path, 0, 0},
      fmt::format("hospital '{}' has no rows left: all {} lack {}", site.name, site.left_out,
                  options.drop_rows_with_missing ? "a value" : "the outcome"),
      options.drop_rows_with_missing
          ? "drop the columns that it never fills, or rows_with_missing = \"impute\""
          : "minimum_rows = 1 leaves out hospitals that are empty");
}

// ---- splits ----

SplitPart part_named(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  if (lower == "train" || lower == "training") return SplitPart::train;
  if (lower == "validation" || lower == "valid" || lower == "val") return SplitPart::validation;
  if (lower == "test" || lower == "testing") return SplitPart::test;
  return SplitPart::unused;
}

SplitRows split_by_column(const CsvTable& table, const CsvOptions& options, const CsvSite& site) {
  const CsvColumn& column = table.column(options.split.column);
  SplitRows split;
  for (const std::int32_t row : site.rows) {
    const std::int32_t level = column.level[static_cast<std::size_t>(row)];
    const SplitPart part =
        level < 0 ? SplitPart::unused : part_named(column.levels[static_cast<std::size_t>(level)]);
    if (part == SplitPart::unused) {
      throw ScenarioError(
          place_of(table, options, row),
          level < 0 ? fmt::format("column '{}' names no split in this row", column.name)
                    : fmt::format("'{}' in column '{}' is no split",
                                  column.levels[static_cast<std::size_t>(level)], column.name),
          "a split is train, validation or test");
    }
    (part == SplitPart::train  ? split.train
     : part == SplitPart::test ? split.test
                               : split.validation)
        .push_back(row);
  }
  return split;
}

Rows rows_at_lines(const CsvTable& table, const CsvOptions& options, const CsvSite& site,
                   const CsvSplit::Lines& lines, std::string_view field) {
  Rows rows;
  const auto asked = lines.find(site.name);
  if (asked == lines.end()) return rows;
  // the hospital's files; one file of all hospitals has no name
  std::vector<std::size_t> files;
  for (std::size_t i = 0; i < options.sources.size(); ++i) {
    const std::string& owner = options.sources[i].hospital;
    if (owner.empty() || owner == site.name) files.push_back(i);
  }
  if (asked->second.size() > files.size()) {
    throw options.part.mistake(
        "split",
        fmt::format("split.lines: {}: '{}' has {} file{} and {} lists of lines", field, site.name,
                    files.size(), files.size() == 1 ? "" : "s", asked->second.size()),
        "one list of lines for each file, in the same order");
  }
  std::map<std::pair<std::int32_t, std::int32_t>, std::int32_t> row_at;  // (file, line) -> row
  for (const std::int32_t row : site.rows) {
    const auto r = static_cast<std::size_t>(row);
    row_at[{table.source[r], table.line[r]}] = row;
  }
  for (std::size_t file = 0; file < asked->second.size(); ++file) {
    for (const std::int32_t line : asked->second[file]) {
      const auto found = row_at.find({static_cast<std::int32_t>(files[file]), line});
      if (found == row_at.end()) {
        throw options.part.mistake(
            "split",
            fmt::format("split.lines: {}: '{}' has no row at line {}", field, site.name, line),
            site.left_out > 0
                ? fmt::format("{} of its rows were left out for missing values", site.left_out)
                : "");
      }
      rows.push_back(found->second);
    }
  }
  std::sort(rows.begin(), rows.end());
  return rows;
}

SplitRows split_by_lines(const CsvTable& table, const CsvOptions& options, const CsvSite& site) {
  SplitRows split;
  split.train = rows_at_lines(table, options, site, options.split.train, "train");
  split.validation = rows_at_lines(table, options, site, options.split.validation, "validation");
  split.test = rows_at_lines(table, options, site, options.split.test, "test");
  return split;
}

// Where each patient went, over all hospitals so far.
class PatientParts {
 public:
  PatientParts(const CsvTable& table, const CsvOptions& options,
               std::span<const std::int64_t> patients)
      : table_(table), options_(options), patients_(patients) {}

  [[nodiscard]] SplitPart of_row(std::int32_t row) const {
    const auto found = part_.find(patients_[static_cast<std::size_t>(row)]);
    return found == part_.end() ? SplitPart::unused : found->second;
  }
  // Notes where the site's patients went. Throws when one is in two splits.
  void note(const SplitRows& split) {
    if (patients_.empty()) return;
    note(split.train, SplitPart::train);
    note(split.validation, SplitPart::validation);
    note(split.test, SplitPart::test);
  }

 private:
  void note(const Rows& rows, SplitPart part) {
    constexpr std::array<std::string_view, 3> kNames{"train", "validation", "test"};
    for (const std::int32_t row : rows) {
      const auto [place, is_new] = part_.emplace(patients_[static_cast<std::size_t>(row)], part);
      if (place->second == part) continue;
      const CsvColumn& column = table_.column(options_.patient);
      const auto level = static_cast<std::size_t>(column.level[static_cast<std::size_t>(row)]);
      throw ScenarioError(
          place_of(table_, options_, row),
          fmt::format("patient '{}' is in {} here and in {} elsewhere", column.levels[level],
                      kNames[static_cast<std::size_t>(part)],
                      kNames[static_cast<std::size_t>(place->second)]),
          "all rows of a patient belong into one split: split.by_patient sees to it");
    }
  }

  const CsvTable& table_;
  const CsvOptions& options_;
  std::span<const std::int64_t> patients_;
  std::unordered_map<std::int64_t, SplitPart> part_;  // looked up only
};

SplitRows split_at_random(const CsvLabels& labels, const CsvOptions& options, const CsvSite& site,
                          std::span<const std::int64_t> patients, const PatientParts& parts,
                          const Stream& stream) {
  std::vector<std::int32_t> stratum;
  std::vector<std::int64_t> patient;
  std::vector<SplitPart> decided;
  for (const std::int32_t row : site.rows) {
    stratum.push_back(labels.stratum[static_cast<std::size_t>(row)]);
    if (patients.empty()) continue;
    patient.push_back(patients[static_cast<std::size_t>(row)]);
    decided.push_back(parts.of_row(row));
  }
  SplitRows split = split_stratified({stratum, patient, decided}, options.split.shares, stream);
  for (Rows* rows : {&split.train, &split.validation, &split.test}) {
    for (std::int32_t& row : *rows) row = site.rows[static_cast<std::size_t>(row)];
  }
  return split;
}

void add_remarks(const CsvLabels& labels, const CsvOptions& options, CsvSite& site) {
  if (site.left_out > 0) {
    site.remarks.push_back(fmt::format(
        "{} of {} rows left out: {} missing", site.left_out, site.left_out + std::ssize(site.rows),
        options.drop_rows_with_missing ? "a value is" : "the outcome is"));
  }
  const auto unused = std::ssize(site.rows) - std::ssize(site.split.train) -
                      std::ssize(site.split.validation) - std::ssize(site.split.test);
  if (unused > 0) site.remarks.push_back(fmt::format("{} rows are in no split", unused));
  if (labels.task == OutcomeKind::binary || labels.task == OutcomeKind::survival) {
    const auto more = split_remarks(site.split, labels.stratum);
    site.remarks.insert(site.remarks.end(), more.begin(), more.end());
  }
}

void require_training(const CsvOptions& options, const CsvSite& site) {
  if (!site.split.train.empty()) return;
  throw options.part.mistake(
      "split",
      fmt::format("hospital '{}' has {} row{} and none of them is for training", site.name,
                  site.rows.size(), site.rows.size() == 1 ? "" : "s"),
      "minimum_rows = 10 leaves out hospitals with fewer rows");
}

void check_line_hospitals(const CsvOptions& options, const std::vector<CsvSite>& sites) {
  for (const auto* lines : {&options.split.train, &options.split.validation, &options.split.test}) {
    for (const auto& entry : *lines) {
      const std::string& name = entry.first;
      if (std::none_of(sites.begin(), sites.end(),
                       [&](const CsvSite& s) { return s.name == name; })) {
        throw_unknown_hospital(options, "split", name, sites);
      }
    }
  }
}

}  // namespace

std::vector<std::int64_t> csv_patients(const CsvTable& table, const CsvOptions& options) {
  std::vector<std::int64_t> patients;
  if (options.patient.empty()) return patients;
  const CsvColumn& column = table.column(options.patient);
  const std::int64_t known = std::ssize(column.levels);
  for (std::size_t row = 0; row < column.level.size(); ++row) {
    const std::int64_t alone = known + static_cast<std::int64_t>(row);
    patients.push_back(column.level[row] >= 0 ? column.level[row] : alone);
  }
  return patients;
}

std::vector<CsvSite> make_csv_sites(const CsvTable& table, const CsvLabels& labels,
                                    const CsvOptions& options, const CohortContext& context) {
  const std::vector<std::uint8_t> usable = usable_rows(table, labels, options);
  const std::vector<std::int64_t> patients = csv_patients(table, options);
  std::vector<CsvSite> sites;
  if (options.partition) {
    sites = partitioned_sites(usable, labels, options, patients, context);
  } else {
    sites = named_sites(table, options);
    reorder(options, sites);
    for (CsvSite& site : sites) leave_out(usable, site);
  }
  std::erase_if(sites,
                [&](const CsvSite& site) { return std::ssize(site.rows) < options.minimum_rows; });
  if (sites.empty()) {
    throw options.part.mistake("minimum_rows",
                               fmt::format("no hospital has {} rows", options.minimum_rows));
  }
  check_line_hospitals(options, sites);

  PatientParts parts(table, options, patients);
  for (std::size_t i = 0; i < sites.size(); ++i) {
    CsvSite& site = sites[i];
    require_rows(options, site);
    switch (options.split.kind) {
      case CsvSplit::Kind::column: site.split = split_by_column(table, options, site); break;
      case CsvSplit::Kind::lines: site.split = split_by_lines(table, options, site); break;
      case CsvSplit::Kind::stratified:
        site.split = split_at_random(labels, options, site, patients, parts,
                                     Stream(context.run, Purpose::kSplit, i));
        break;
    }
    parts.note(site.split);
    require_training(options, site);
    add_remarks(labels, options, site);
  }
  return sites;
}

}  // namespace polyclinic
