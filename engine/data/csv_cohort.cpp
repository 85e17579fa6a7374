#include "data/csv_cohort.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <mutex>
#include <numeric>
#include <optional>

#include "base/check.hpp"
#include "data/change_rows.hpp"
#include "data/csv_sites.hpp"
#include "data/preparation.hpp"
#include "data/site_cache.hpp"

namespace polyclinic {

namespace {

constexpr std::size_t kGroupLevelsMax = 250;

// The feature columns over the rows that some split uses.
struct Features {
  std::vector<RawColumn> columns;
  RawTable table;
};

// A categorical column's levels are those that occur in used rows: the code book that hospitals
// agree on beforehand, no statistic of test rows. Whether a column gets an indicator is decided by
// training rows alone.
void add_feature(const CsvColumn& column, const std::vector<SplitPart>& part, Features& features) {
  const bool categorical = column.type == CsvType::categorical;
  RawColumn raw{.name = column.name,
                .kind = categorical                       ? ColumnKind::categorical
                        : column.type == CsvType::boolean ? ColumnKind::boolean
                                                          : ColumnKind::numeric};
  std::vector<double> values(part.size(), std::numeric_limits<double>::quiet_NaN());
  std::vector<std::int32_t> new_level(column.levels.size(), -1);
  if (categorical) {
    for (std::size_t row = 0; row < part.size(); ++row) {
      if (part[row] != SplitPart::unused && column.level[row] >= 0)
        new_level[column.level[row]] = 0;
    }
    for (std::size_t level = 0; level < new_level.size(); ++level) {
      if (new_level[level] < 0) continue;
      new_level[level] = static_cast<std::int32_t>(raw.levels.size());
      raw.levels.push_back(column.levels[level]);
    }
  }
  for (std::size_t row = 0; row < part.size(); ++row) {
    if (part[row] == SplitPart::unused) continue;
    if (!categorical) values[row] = column.numbers[row];
    if (categorical && column.level[row] >= 0) values[row] = new_level[column.level[row]];
    if (std::isnan(values[row]) && part[row] == SplitPart::train) raw.may_be_missing = true;
  }
  features.columns.push_back(std::move(raw));
  features.table.columns.push_back(std::move(values));
}

// One group variable: a level for each row of the table.
struct Group {
  GroupVariable variable;
  std::vector<std::uint8_t> level;
};

Group banded(const CsvGroup& group, const CsvColumn& column) {
  Group result{{group.name, {}}, {}};
  result.variable.levels.push_back(fmt::format("under {}", group.cuts.front()));
  for (std::size_t i = 1; i < group.cuts.size(); ++i) {
    result.variable.levels.push_back(
        fmt::format("{} to under {}", group.cuts[i - 1], group.cuts[i]));
  }
  result.variable.levels.push_back(fmt::format("{} and over", group.cuts.back()));
  for (const double value : column.numbers) {
    const auto band =
        std::upper_bound(group.cuts.begin(), group.cuts.end(), value) - group.cuts.begin();
    result.level.push_back(
        static_cast<std::uint8_t>(std::isnan(value) ? group.cuts.size() + 1 : band));
  }
  return result;
}

Group make_group(const CsvGroup& group, const CsvTable& table, const CsvOptions& options) {
  const CsvColumn& column = table.column(group.column);
  const std::size_t levels = group.cuts.empty() ? column.levels.size() : group.cuts.size() + 1;
  if (levels > kGroupLevelsMax) {
    throw options.part.mistake(
        "groups",
        fmt::format("group '{}' has {} levels; {} are the most", group.name, levels,
                    kGroupLevelsMax),
        fmt::format("numbers are grouped by: bands {{ column = \"{}\", cuts = {{ 40, 60 }} }}",
                    group.column));
  }
  Group result;
  if (!group.cuts.empty()) {
    result = banded(group, column);
  } else {
    result.variable = {group.name, column.levels};
    for (std::string& level : result.variable.levels) {
      if (const auto name = group.names.find(level); name != group.names.end())
        level = name->second;
    }
    for (const std::int32_t level : column.level) {
      result.level.push_back(
          static_cast<std::uint8_t>(level < 0 ? static_cast<std::int32_t>(levels) : level));
    }
  }
  const bool some_unknown =
      std::find(result.level.begin(), result.level.end(), levels) != result.level.end();
  if (some_unknown) result.variable.levels.emplace_back("unknown");
  return result;
}

class CsvCohort : public Cohort {
 public:
  CsvCohort(const Part& part, const CohortContext& context);

  [[nodiscard]] const DatasetInfo& info() const override { return info_; }
  [[nodiscard]] std::vector<std::string> site_names() const override {
    std::vector<std::string> names;
    for (const CsvSite& site : sites_) {
      if (!site.name.empty()) names.push_back(site.name);
    }
    return names;
  }
  [[nodiscard]] std::int64_t sites() const override { return std::ssize(sites_); }
  [[nodiscard]] std::int64_t train_rows(HospitalId hospital) const override {
    return std::ssize(sites_[hospital.value].split.train);
  }
  [[nodiscard]] DataFacts facts() const override;
  [[nodiscard]] SitePtr site_at(const SiteAt& site) const override {
    return cache_.get({site.hospital, site.number()}, [&] { return prepare(site, fit(site)); });
  }
  [[nodiscard]] SitePtr pooled_at(std::span<const SiteAt> sites) const override;
  [[nodiscard]] SitePtr site_as_pooled_at(const SiteAt& site,
                                          std::span<const SiteAt> sites) const override {
    return prepare(site, fit_pooled(sites));
  }
  [[nodiscard]] std::string pooled_standardisation() const override {
    return preparation_->plan().standardise == Standardisation::none
               ? "none"
               : "mean and sd of all hospitals' training rows in one table";
  }

 private:
  void make_features();
  void remark_empty(const Fitted& fitted, Site& site) const;
  [[nodiscard]] Fitted fit(const SiteAt& site) const;
  [[nodiscard]] Fitted fit_pooled(std::span<const SiteAt> sites) const;
  [[nodiscard]] SitePtr prepare(const SiteAt& at, const Fitted& fitted) const;
  void fill(const Fitted& fitted, std::span<const std::int32_t> rows, Dataset& out) const;
  [[nodiscard]] const CsvSite& source(HospitalId hospital) const {
    ENSURE(hospital.value < sites_.size(), "hospitals are numbered within the cohort");
    return sites_[hospital.value];
  }
  [[nodiscard]] RawRows training(std::size_t site) const {
    ENSURE(site < sites_.size(), "hospitals are numbered within the cohort");
    return {&features_.table, sites_[site].split.train};
  }
  // of a hospital whose data changed
  [[nodiscard]] SplitRows rows_of(HospitalId hospital, const DataState& state) const;
  [[nodiscard]] RawTable changed_table(HospitalId hospital, const DataState& state,
                                       std::span<const std::int32_t> rows) const;
  void fill_changed(HospitalId hospital, const DataState& state, const Fitted& fitted,
                    std::span<const std::int32_t> rows, Dataset& out) const;
  [[nodiscard]] Fitted fit_on(std::span<const SiteAt> sites) const;

  CohortContext context_;
  CsvOptions options_;
  DatasetInfo info_;
  CsvLabels labels_;
  std::vector<std::int64_t> patients_;
  std::vector<Group> groups_;
  std::vector<CsvSite> sites_;
  Features features_;
  std::optional<Preparation> preparation_;
  std::optional<Fitted> federated_;
  SiteCache cache_;

  // statistics of the last pooled table asked for
  mutable std::mutex pooled_mutex_;
  mutable std::vector<SiteAt> pooled_sites_;
  mutable std::optional<Fitted> pooled_fitted_;
};

CsvCohort::CsvCohort(const Part& part, const CohortContext& context)
    : context_(context), options_(read_csv_options(part)), cache_(context.cache_bytes) {
  CsvTable table = load_csv_table(options_);
  labels_ = make_csv_labels(table, options_);
  sites_ = make_csv_sites(table, labels_, options_, context);
  patients_ = csv_patients(table, options_);
  for (const CsvGroup& group : options_.groups)
    groups_.push_back(make_group(group, table, options_));

  // where every row of the table went
  std::vector<SplitPart> split(static_cast<std::size_t>(table.rows), SplitPart::unused);
  for (const CsvSite& site : sites_) {
    for (const std::int32_t row : site.split.train) split[row] = SplitPart::train;
    for (const std::int32_t row : site.split.validation) split[row] = SplitPart::validation;
    for (const std::int32_t row : site.split.test) split[row] = SplitPart::test;
  }
  features_.table.rows = table.rows;
  for (CsvColumn& column : table.columns) {
    if (!column.feature) continue;
    add_feature(column, split, features_);
    column = {};  // its cells live in the features now
  }
  make_features();

  if (options_.preparation.standardise == Standardisation::federated) {
    std::vector<std::size_t> members;
    for (std::size_t i = 0; i < sites_.size(); ++i) {
      const HospitalId id{static_cast<std::uint32_t>(i)};
      const bool known =
          context.directory && static_cast<std::int64_t>(i) < context.directory->count();
      if (!known || context.directory->request(id).trains) members.push_back(i);
    }
    federated_ = preparation_->fit_federated(members.size(),
                                             [&](std::size_t i) { return training(members[i]); });
  }
}

void CsvCohort::make_features() {
  // a column that is empty everywhere is a mistake; one that is empty at some hospitals is life
  for (std::size_t c = 0; c < features_.columns.size(); ++c) {
    const auto& values = features_.table.columns[c];
    const bool empty =
        std::all_of(values.begin(), values.end(), [](double x) { return std::isnan(x); });
    if (!empty) continue;
    const std::string& column = features_.columns[c].name;
    throw options_.part.mistake("drop",
                                fmt::format("column '{}' has no value in any hospital", column),
                                fmt::format("leave it out: drop = {{ \"{}\" }}", column));
  }
  preparation_.emplace(features_.columns, options_.preparation);
  info_.task = labels_.task;
  info_.classes = labels_.task == OutcomeKind::multiclass ? labels_.classes : 2;
  info_.outcome = labels_.name;
  info_.features = preparation_->features();
  for (const Group& group : groups_) info_.groups.push_back(group.variable);
  info_.standardisation = in_words(options_.preparation.standardise);
}

DataFacts CsvCohort::facts() const {
  DataFacts facts;
  facts.task = info_.task;
  facts.classes = info_.classes;
  facts.prepares = !federated_;
  for (const RawColumn& column : features_.columns) {
    facts.columns.push_back({column.name, column.kind, column.levels, false});
  }
  return facts;
}

// The rows that a hospital has at a time: as many as at the beginning, and of the same splits.
SplitRows CsvCohort::rows_of(HospitalId hospital, const DataState& state) const {
  const SplitRows& first = source(hospital).split;
  if (!state.others()) return first;
  const WaveDraw wave(
      state, context_.run, hospital,
      [this](std::int32_t column, std::int32_t row) {
        return features_.table
            .columns[static_cast<std::size_t>(column)][static_cast<std::size_t>(row)];
      },
      [this](std::int32_t row) { return labels_.label[static_cast<std::size_t>(row)]; });
  return wave.draw(first);
}

RawTable CsvCohort::changed_table(HospitalId hospital, const DataState& state,
                                  std::span<const std::int32_t> rows) const {
  RawTable table;
  table.rows = std::ssize(rows);
  for (const auto& column : features_.table.columns) {
    std::vector<double>& values = table.columns.emplace_back();
    for (const std::int32_t row : rows) values.push_back(column[static_cast<std::size_t>(row)]);
  }
  const std::vector<std::int64_t> ids(rows.begin(), rows.end());
  change_columns(state, facts().columns, {context_.run, hospital, ids}, table);
  return table;
}

// Fits as if the sites' training rows, as they are then, lay in one table.
Fitted CsvCohort::fit_on(std::span<const SiteAt> sites) const {
  std::vector<RawTable> tables;
  tables.reserve(sites.size());
  std::vector<std::vector<std::int32_t>> all;
  all.reserve(sites.size());
  std::vector<RawRows> rows;
  for (const SiteAt& site : sites) {
    if (site.state() == nullptr) {
      rows.push_back(training(site.hospital.value));
      continue;
    }
    const SplitRows now = rows_of(site.hospital, *site.state());
    tables.push_back(changed_table(site.hospital, *site.state(), now.train));
    all.emplace_back(now.train.size());
    std::iota(all.back().begin(), all.back().end(), 0);
    rows.push_back({&tables.back(), all.back()});
  }
  return preparation_->fit(rows);
}

// The preparation stays as it was fitted, on the data of the beginning or those of a time at which
// it was fitted anew.
Fitted CsvCohort::fit(const SiteAt& site) const {
  if (federated_) return *federated_;
  SiteAt then{site.hospital, nullptr};
  if (site.data && site.data->fitted) {
    DataEpoch fitted;
    fitted.number = site.data->fitted_number;
    fitted.data = site.data->fitted;
    then.data = std::make_shared<const DataEpoch>(std::move(fitted));
  }
  return fit_on({&then, 1});
}

Fitted CsvCohort::fit_pooled(std::span<const SiteAt> sites) const {
  const std::lock_guard lock(pooled_mutex_);
  const bool same = pooled_fitted_ && std::equal(sites.begin(), sites.end(), pooled_sites_.begin(),
                                                 pooled_sites_.end());
  if (!same) {
    pooled_fitted_ = fit_on(sites);
    pooled_sites_.assign(sites.begin(), sites.end());
  }
  return *pooled_fitted_;
}

void CsvCohort::fill(const Fitted& fitted, std::span<const std::int32_t> rows, Dataset& out) const {
  preparation_->apply(fitted, {&features_.table, rows}, out);
  out.groups.resize(groups_.size());
  for (const std::int32_t row : rows) {
    out.label.push_back(labels_.label[row]);
    if (!labels_.event.empty()) out.event.push_back(labels_.event[row]);
    if (!patients_.empty()) out.patient.push_back(patients_[row]);
    for (std::size_t g = 0; g < groups_.size(); ++g) out.groups[g].push_back(groups_[g].level[row]);
  }
}

void CsvCohort::remark_empty(const Fitted& fitted, Site& site) const {
  if (fitted.empty.empty()) return;
  std::vector<std::string> names;
  for (const std::int32_t column : fitted.empty) names.push_back(features_.columns[column].name);
  site.remarks.push_back("never recorded in training: " + join_names(names));
}

void CsvCohort::fill_changed(HospitalId hospital, const DataState& state, const Fitted& fitted,
                             std::span<const std::int32_t> rows, Dataset& out) const {
  fill(fitted, rows, out);
  const RawTable table = changed_table(hospital, state, rows);
  std::vector<std::int32_t> all(rows.size());
  std::iota(all.begin(), all.end(), 0);
  preparation_->apply(fitted, {&table, all}, out);
  const std::vector<std::int64_t> ids(rows.begin(), rows.end());
  change_labels(state, {context_.run, hospital, ids}, out.label);
}

SitePtr CsvCohort::prepare(const SiteAt& at, const Fitted& fitted) const {
  const CsvSite& from = source(at.hospital);
  auto site = std::make_shared<Site>();
  if (at.state() == nullptr) {
    fill(fitted, from.split.train, site->train);
    fill(fitted, from.split.validation, site->validation);
    fill(fitted, from.split.test, site->test);
  } else {
    const SplitRows now = rows_of(at.hospital, *at.state());
    fill_changed(at.hospital, *at.state(), fitted, now.train, site->train);
    fill_changed(at.hospital, *at.state(), fitted, now.validation, site->validation);
    fill_changed(at.hospital, *at.state(), fitted, now.test, site->test);
  }
  site->remarks = from.remarks;
  remark_empty(fitted, *site);
  return site;
}

namespace {

void append_rows(const Dataset& from, Dataset& to) {
  const auto add = [](const auto& source, auto& target) {
    target.insert(target.end(), source.begin(), source.end());
  };
  to.rows += from.rows;
  to.columns = from.columns;
  add(from.x, to.x);
  add(from.label, to.label);
  add(from.event, to.event);
  add(from.patient, to.patient);
  to.groups.resize(from.groups.size());
  for (std::size_t g = 0; g < from.groups.size(); ++g) add(from.groups[g], to.groups[g]);
}

}  // namespace

SitePtr CsvCohort::pooled_at(std::span<const SiteAt> sites) const {
  const Fitted fitted = fit_pooled(sites);
  auto all = std::make_shared<Site>();
  for (const SiteAt& at : sites) {
    const SitePtr one = prepare(at, fitted);
    append_rows(one->train, all->train);
    append_rows(one->validation, all->validation);
    append_rows(one->test, all->test);
  }
  remark_empty(fitted, *all);
  return all;
}

}  // namespace

std::unique_ptr<Cohort> make_csv_cohort(const Part& part, const CohortContext& context) {
  return std::make_unique<CsvCohort>(part, context);
}

}  // namespace polyclinic
