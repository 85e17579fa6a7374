#include "data/csv_cohort.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>
#include <optional>

#include "base/check.hpp"
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
  [[nodiscard]] SitePtr site(HospitalId hospital) const override {
    return cache_.get(hospital, [&] { return prepare(hospital, fit(hospital)); });
  }
  [[nodiscard]] SitePtr pooled(std::span<const HospitalId> hospitals) const override;
  [[nodiscard]] SitePtr site_as_pooled(HospitalId hospital,
                                       std::span<const HospitalId> hospitals) const override {
    return prepare(hospital, fit_pooled(hospitals));
  }
  [[nodiscard]] std::string pooled_standardisation() const override {
    return preparation_->plan().standardise == Standardisation::none
               ? "none"
               : "mean and sd of all hospitals' training rows in one table";
  }

 private:
  void make_features();
  void remark_empty(const Fitted& fitted, Site& site) const;
  [[nodiscard]] Fitted fit(HospitalId hospital) const;
  [[nodiscard]] Fitted fit_pooled(std::span<const HospitalId> hospitals) const;
  [[nodiscard]] SitePtr prepare(HospitalId hospital, const Fitted& fitted) const;
  void fill(const Fitted& fitted, std::span<const std::int32_t> rows, Dataset& out) const;
  [[nodiscard]] RawRows training(std::size_t site) const {
    ENSURE(site < sites_.size(), "hospitals are numbered within the cohort");
    return {&features_.table, sites_[site].split.train};
  }

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
  mutable std::vector<HospitalId> pooled_hospitals_;
  mutable std::optional<Fitted> pooled_fitted_;
};

CsvCohort::CsvCohort(const Part& part, const CohortContext& context)
    : options_(read_csv_options(part)), cache_(context.cache_bytes) {
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

Fitted CsvCohort::fit(HospitalId hospital) const {
  if (federated_) return *federated_;
  const RawRows rows = training(hospital.value);
  return preparation_->fit({&rows, 1});
}

Fitted CsvCohort::fit_pooled(std::span<const HospitalId> hospitals) const {
  const std::lock_guard lock(pooled_mutex_);
  const bool same =
      pooled_fitted_ && std::equal(hospitals.begin(), hospitals.end(), pooled_hospitals_.begin(),
                                   pooled_hospitals_.end());
  if (!same) {
    std::vector<RawRows> rows;
    for (const HospitalId hospital : hospitals) rows.push_back(training(hospital.value));
    pooled_fitted_ = preparation_->fit(rows);
    pooled_hospitals_.assign(hospitals.begin(), hospitals.end());
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

SitePtr CsvCohort::prepare(HospitalId hospital, const Fitted& fitted) const {
  ENSURE(hospital.value < sites_.size(), "hospitals are numbered within the cohort");
  const CsvSite& source = sites_[hospital.value];
  auto site = std::make_shared<Site>();
  fill(fitted, source.split.train, site->train);
  fill(fitted, source.split.validation, site->validation);
  fill(fitted, source.split.test, site->test);
  site->remarks = source.remarks;
  remark_empty(fitted, *site);
  return site;
}

SitePtr CsvCohort::pooled(std::span<const HospitalId> hospitals) const {
  const Fitted fitted = fit_pooled(hospitals);
  std::vector<std::int32_t> train;
  std::vector<std::int32_t> validation;
  std::vector<std::int32_t> test;
  for (const HospitalId hospital : hospitals) {
    const SplitRows& split = sites_[hospital.value].split;
    train.insert(train.end(), split.train.begin(), split.train.end());
    validation.insert(validation.end(), split.validation.begin(), split.validation.end());
    test.insert(test.end(), split.test.begin(), split.test.end());
  }
  auto site = std::make_shared<Site>();
  fill(fitted, train, site->train);
  fill(fitted, validation, site->validation);
  fill(fitted, test, site->test);
  remark_empty(fitted, *site);
  return site;
}

}  // namespace

std::unique_ptr<Cohort> make_csv_cohort(const Part& part, const CohortContext& context) {
  return std::make_unique<CsvCohort>(part, context);
}

}  // namespace polyclinic
