// A cohort of generated sites: tables from patients, split, prepared, cached.
#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>
#include <numeric>
#include <optional>

#include "base/check.hpp"
#include "base/made_once.hpp"
#include "base/math.hpp"
#include "data/change_rows.hpp"
#include "data/ehr.hpp"
#include "data/ehr_options.hpp"
#include "data/ehr_patient.hpp"
#include "data/site_cache.hpp"
#include "data/site_size.hpp"

namespace polyclinic {

namespace {

using namespace ehr;

constexpr std::array<double, 3> kAgeCuts{45, 65, 80};

std::uint8_t age_band(double age) {
  return static_cast<std::uint8_t>(std::upper_bound(kAgeCuts.begin(), kAgeCuts.end(), age) -
                                   kAgeCuts.begin());
}

std::vector<GroupVariable> make_groups() {
  GroupVariable ethnicity{"ethnicity", {}};
  for (const std::string_view name : kEthnicityNames) ethnicity.levels.emplace_back(name);
  return {{"sex", {"female", "male"}}, {"age", {"18-44", "45-64", "65-79", "80+"}}, ethnicity};
}

// A site before preparation: its table and what is known of each row.
struct RawSite {
  RawTable table;
  Dataset rows;  // all but x, in the order of the table
  SplitRows split;
};
using RawSitePtr = std::unique_ptr<const RawSite>;

// The chosen rows of what is known of each.
void take_rows(const Dataset& from, std::span<const std::int32_t> rows, Dataset& out) {
  const auto take = [&](const auto& source, auto& target) {
    for (const std::int32_t row : rows) target.push_back(source[static_cast<std::size_t>(row)]);
  };
  take(from.label, out.label);
  take(from.true_label, out.true_label);
  take(from.latent_risk, out.latent_risk);
  take(from.achievable_risk, out.achievable_risk);
  take(from.patient, out.patient);
  take(from.day, out.day);
  out.groups.resize(from.groups.size());
  for (std::size_t g = 0; g < from.groups.size(); ++g) take(from.groups[g], out.groups[g]);
}

void append_rows(const Dataset& from, Dataset& to) {
  const auto add = [](const auto& source, auto& target) {
    target.insert(target.end(), source.begin(), source.end());
  };
  to.rows += from.rows;
  to.columns = from.columns;
  add(from.x, to.x);
  add(from.label, to.label);
  add(from.true_label, to.true_label);
  add(from.latent_risk, to.latent_risk);
  add(from.achievable_risk, to.achievable_risk);
  add(from.patient, to.patient);
  add(from.day, to.day);
  to.groups.resize(from.groups.size());
  for (std::size_t g = 0; g < from.groups.size(); ++g) add(from.groups[g], to.groups[g]);
}

double recorded_number(const Options& options, const Traits& traits, std::size_t m, double t) {
  const Measurement& measurement = kMeasurementTable[m];
  const double value = recorded_value(measurement, traits.offset[m] + traits.gain[m] * t);
  const bool logarithm = options.logarithms && measurement.shape == Shape::lognormal;
  return logarithm ? math::log(value) : value;
}

class EhrCohort final : public Cohort {
 public:
  EhrCohort(const Part& part, const CohortContext& context)
      : part_(part),
        context_(context),
        options_(read_options(part)),
        hospitals_(context.directory->count()),
        encounters_(encounter_law(options_.spec, hospitals_ > 1)),
        preparation_(raw_columns(options_), options_.preparation),
        cache_(context.cache_bytes) {
    check_site_sizes(part_, *context_.directory);
    info_.outcome = part.text("outcome");
    info_.features = preparation_.features();
    info_.groups = make_groups();
    info_.standardisation = in_words(options_.preparation.standardise);
  }

  [[nodiscard]] const DatasetInfo& info() const override { return info_; }
  [[nodiscard]] std::int64_t sites() const override { return hospitals_; }
  [[nodiscard]] DataFacts facts() const override;
  [[nodiscard]] SitePtr site_at(const SiteAt& site) const override {
    return cache_.get({site.hospital, site.number()}, [&] { return make_site(site); });
  }
  [[nodiscard]] SitePtr site_at_hand(HospitalId hospital) const override {
    return cache_.find({hospital, now(hospital).number()});
  }
  [[nodiscard]] std::int64_t train_rows(HospitalId hospital) const override {
    return site(hospital)->train.rows;
  }
  [[nodiscard]] SitePtr pooled_at(std::span<const SiteAt> sites) const override;
  [[nodiscard]] SitePtr site_as_pooled_at(const SiteAt& site,
                                          std::span<const SiteAt> sites) const override;
  [[nodiscard]] std::string pooled_standardisation() const override {
    return options_.preparation.standardise == Standardisation::none
               ? in_words(Standardisation::none)
               : "mean and sd of all hospitals' training rows together";
  }
  [[nodiscard]] std::optional<Oracle> oracle() const override {
    return oracle_.get([&] { return ehr_oracle(part_, context_); });
  }

 private:
  [[nodiscard]] World world() const {
    return {.model = &model_,
            .spec = &options_.spec,
            .encounters = &encounters_,
            .run = context_.run,
            .hospitals = hospitals_};
  }
  [[nodiscard]] Traits traits(HospitalId hospital) const {
    const SiteRequest request = context_.directory->request(hospital);
    check_site_size(part_, request);
    return draw_traits(options_.spec, encounters_, context_.run, request);
  }
  // With the hospital's changed data; null: as at the beginning.
  [[nodiscard]] RawSitePtr make_raw(HospitalId hospital, const DataState* state = nullptr) const;
  [[nodiscard]] std::unique_ptr<RawSite> make_rows(HospitalId hospital, const DataState* state,
                                                   std::vector<SplitPart>& decided) const;
  [[nodiscard]] SplitRows split_of(HospitalId hospital, const RawSite& raw,
                                   const std::vector<SplitPart>& decided) const;
  [[nodiscard]] SplitRows first_split(HospitalId hospital) const;
  void add_encounter(const Traits& site, const Person& person, const Encounter& encounter,
                     RawSite& raw) const;
  [[nodiscard]] SitePtr make_site(const SiteAt& at) const;
  [[nodiscard]] Fitted fitted_before(const SiteAt& at) const;
  [[nodiscard]] SitePtr prepare(const RawSite& raw, const Fitted& fitted) const;
  [[nodiscard]] const Fitted& federated() const;
  [[nodiscard]] std::vector<RawSitePtr> make_raws(std::span<const SiteAt> sites) const;
  // `raws`: those of the sites, or empty: made where they are needed.
  [[nodiscard]] Fitted fit_pooled(std::span<const SiteAt> sites,
                                  std::span<const RawSitePtr> raws) const;

  Part part_;
  CohortContext context_;
  Options options_;
  std::int64_t hospitals_;
  Model model_;
  EncounterLaw encounters_;
  Preparation preparation_;
  DatasetInfo info_;
  SiteCache cache_;

  // made on first use
  mutable MadeOnce<Oracle> oracle_;
  mutable MadeOnce<Fitted> federated_;
  mutable std::mutex pooled_mutex_;
  mutable std::vector<SiteAt> pooled_sites_;
  mutable std::optional<Fitted> pooled_;
  // of hospitals whose data changed: how their rows are split, and what they are prepared by
  mutable std::mutex kept_mutex_;
  mutable std::map<HospitalId, SplitRows> kept_split_;
  mutable std::map<std::pair<HospitalId, std::uint32_t>, Fitted> kept_fitted_;
};

// The names of the record, without log(...), and which columns hold logarithms.
DataFacts EhrCohort::facts() const {
  DataFacts facts;
  facts.makes_patients = true;
  facts.prepares = options_.preparation.standardise != Standardisation::federated;
  for (const RawColumn& column : preparation_.columns()) {
    ColumnFacts one{column.name, column.kind, column.levels, false};
    one.logarithm = column.name.starts_with("log(");
    if (one.logarithm) one.name = column.name.substr(4, column.name.size() - 5);
    facts.columns.push_back(std::move(one));
  }
  return facts;
}

// Writes one row of the table, column after column in the order of raw_columns().
void EhrCohort::add_encounter(const Traits& site, const Person& person, const Encounter& e,
                              RawSite& raw) const {
  std::size_t column = 0;
  const auto put = [&](std::string_view name, double value) {
    if (!options_.drop.empty() && options_.drop.contains(std::string(name))) return;
    raw.table.columns[column++].push_back(value);
  };
  const auto if_measured = [&](std::size_t m, double value) {
    return e.measured[m] ? value : std::nan("");
  };
  put("age", std::floor(e.known.age));
  put("female", e.known.female ? 1 : 0);
  put("height", if_measured(kHeight, std::round(person.height)));
  put("weight", if_measured(kWeight, std::round(person.weight * 10) / 10));
  put("emergency", e.known.emergency ? 1 : 0);
  for (std::size_t j = 0; j < kConditions; ++j) {
    put(kConditionTable[j].name, e.coded[j] ? 1 : 0);
  }
  for (std::size_t m = 0; m < kMeasurements; ++m) {
    put(kMeasurementTable[m].name,
        if_measured(m, e.measured[m] ? recorded_number(options_, site, m, e.t[m]) : 0));
  }
  put("unit", static_cast<double>(e.known.unit));
  put("ecg", static_cast<double>(e.ecg));
  ++raw.table.rows;

  Dataset& rows = raw.rows;
  rows.label.push_back(e.recorded ? 1 : 0);
  rows.true_label.push_back(e.outcome ? 1 : 0);
  rows.latent_risk.push_back(e.latent_risk);
  rows.achievable_risk.push_back(e.achievable_risk);
  rows.patient.push_back(person.id);
  rows.day.push_back(static_cast<float>(e.day));
  rows.groups[0].push_back(e.known.female ? 0 : 1);
  rows.groups[1].push_back(age_band(e.known.age));
  rows.groups[2].push_back(static_cast<std::uint8_t>(e.known.ethnicity));
}

// A wave's patients: more of them with the outcome, sicker in lungs and blood, older.
void move_traits(const DataState& state, double prevalence_high, Traits& traits) {
  constexpr std::size_t kRespiratory = 1;
  constexpr std::size_t kInflammatory = 3;
  const auto odds = state.log_odds.find(1);
  const auto no_odds = state.log_odds.find(0);
  double logit = math::logit(traits.prevalence);
  if (odds != state.log_odds.end()) logit += odds->second;
  if (no_odds != state.log_odds.end()) logit -= no_odds->second;
  traits.prevalence = std::clamp(math::sigmoid(logit), kPrevalenceLow, prevalence_high);
  traits.severity[kRespiratory] += state.severity;
  traits.severity[kInflammatory] += state.severity;
  traits.age_shift += state.age_years;
}

// Everybody who is seen here, row by row, with the codes and labels of the beginning. As many rows
// in any state: how many encounters a patient has depends on nothing that changes.
std::unique_ptr<RawSite> EhrCohort::make_rows(HospitalId hospital, const DataState* state,
                                              std::vector<SplitPart>& decided) const {
  const World world = this->world();
  const Traits first = traits(hospital);
  Traits now = first;
  if (state != nullptr && state->others()) {
    move_traits(*state, prevalence_high(options_.spec, encounters_), now);
  }
  const SiteModel site = make_site_model(model_, options_.spec, encounters_, now);
  auto raw = std::make_unique<RawSite>();
  raw->table.columns.resize(preparation_.columns().size());
  raw->rows.groups.resize(info_.groups.size());
  const auto add_person = [&](const Person& person, bool at_home) {
    check_stop(context_.stop);
    for (std::size_t k = 0; k < person.day.size(); ++k) {
      const bool away = person.overlaps && k == person.away;
      if (away == at_home) continue;
      add_encounter(site.traits, person, make_encounter(world, site, person, k), *raw);
      decided.push_back(person.split);
    }
  };

  // those whose home it is, then the neighbours' patients who are seen here; who is seen twice is
  // the same at both hospitals, whatever happens at one of them
  const std::int64_t two = overlapping(world, first);
  for (std::int64_t i = 0; i < first.patients; ++i) {
    add_person(make_person(world, i < two ? first : now, i, i < two, options_.shares), true);
  }
  for (const HospitalId home : neighbours(hospital, hospitals_)) {
    const Traits other = traits(home);
    const std::int64_t seen_twice = overlapping(world, other);
    for (std::int64_t i = 0; i < seen_twice; ++i) {
      const Person person = make_person(world, other, i, true, options_.shares);
      if (person.second == hospital) add_person(person, false);
    }
  }
  return raw;
}

// Events and non-events are divided alike, patients stay together.
SplitRows EhrCohort::split_of(HospitalId hospital, const RawSite& raw,
                              const std::vector<SplitPart>& decided) const {
  std::vector<std::int32_t> stratum;
  for (const float label : raw.rows.label) stratum.push_back(label > 0.5F ? 1 : 0);
  return split_stratified({.stratum = stratum, .patient = raw.rows.patient, .decided = decided},
                          options_.shares, Stream(context_.run, Purpose::kSplit, hospital.value));
}

// A row's place in the splits is decided once: who was trained on is never tested on.
SplitRows EhrCohort::first_split(HospitalId hospital) const {
  {
    const std::lock_guard lock(kept_mutex_);
    const auto kept = kept_split_.find(hospital);
    if (kept != kept_split_.end()) return kept->second;
  }
  SplitRows split = make_raw(hospital)->split;
  const std::lock_guard lock(kept_mutex_);
  return kept_split_.emplace(hospital, std::move(split)).first->second;
}

RawSitePtr EhrCohort::make_raw(HospitalId hospital, const DataState* state) const {
  std::vector<SplitPart> decided;
  std::unique_ptr<RawSite> raw = make_rows(hospital, state, decided);
  if (state == nullptr) {
    raw->split = split_of(hospital, *raw, decided);
    return raw;
  }
  raw->split = state->others() ? first_split(hospital) : split_of(hospital, *raw, decided);
  std::vector<std::int64_t> ids(static_cast<std::size_t>(raw->table.rows));
  std::iota(ids.begin(), ids.end(), 0);
  const RowNames names{context_.run, hospital, ids};
  change_columns(*state, facts().columns, names, raw->table);
  change_labels(*state, names, raw->rows.label);
  return raw;
}

SitePtr EhrCohort::prepare(const RawSite& raw, const Fitted& fitted) const {
  auto site = std::make_shared<Site>();
  const auto fill = [&](const std::vector<std::int32_t>& rows, Dataset& out) {
    take_rows(raw.rows, rows, out);
    preparation_.apply(fitted, {&raw.table, rows}, out);
  };
  fill(raw.split.train, site->train);
  fill(raw.split.validation, site->validation);
  fill(raw.split.test, site->test);
  std::vector<std::int32_t> stratum;
  for (const float label : raw.rows.label) stratum.push_back(label > 0.5F ? 1 : 0);
  site->remarks = split_remarks(raw.split, stratum);
  return site;
}

SitePtr EhrCohort::make_site(const SiteAt& at) const {
  const RawSitePtr raw = make_raw(at.hospital, at.state());
  if (options_.preparation.standardise == Standardisation::federated) {
    return prepare(*raw, federated());
  }
  if (at.number() > 0) return prepare(*raw, fitted_before(at));
  const RawRows training{&raw->table, raw->split.train};
  return prepare(*raw, preparation_.fit(std::span(&training, 1)));
}

// The preparation stays as it was fitted, on the data of the beginning or those of a time at which
// it was fitted anew.
Fitted EhrCohort::fitted_before(const SiteAt& at) const {
  const std::pair key(at.hospital, at.data->fitted_number);
  {
    const std::lock_guard lock(kept_mutex_);
    const auto kept = kept_fitted_.find(key);
    if (kept != kept_fitted_.end()) return kept->second;
  }
  const RawSitePtr raw = make_raw(at.hospital, at.data->fitted.get());
  const RawRows training{&raw->table, raw->split.train};
  Fitted fitted = preparation_.fit(std::span(&training, 1));
  const std::lock_guard lock(kept_mutex_);
  return kept_fitted_.emplace(key, std::move(fitted)).first->second;
}

// Sums over all hospitals that train: each is made three times, one after the other.
const Fitted& EhrCohort::federated() const {
  return federated_.get([&] {
    std::vector<HospitalId> members;
    for (std::int64_t h = 0; h < hospitals_; ++h) {
      const HospitalId hospital{static_cast<std::uint32_t>(h)};
      if (context_.directory->request(hospital).trains) members.push_back(hospital);
    }
    RawSitePtr raw;
    return preparation_.fit_federated(members.size(), [&](std::size_t i) {
      raw = make_raw(members[i]);
      return RawRows{&raw->table, raw->split.train};
    });
  });
}

Fitted EhrCohort::fit_pooled(std::span<const SiteAt> sites,
                             std::span<const RawSitePtr> raws) const {
  {
    const std::lock_guard lock(pooled_mutex_);
    if (pooled_ &&
        std::equal(sites.begin(), sites.end(), pooled_sites_.begin(), pooled_sites_.end())) {
      return *pooled_;
    }
  }
  std::vector<RawSitePtr> made;
  if (raws.empty()) {
    made = make_raws(sites);
    raws = made;
  }
  std::vector<RawRows> training;
  for (const RawSitePtr& raw : raws) training.push_back({&raw->table, raw->split.train});
  Fitted fitted = preparation_.fit(training);
  const std::lock_guard lock(pooled_mutex_);
  pooled_sites_.assign(sites.begin(), sites.end());
  pooled_ = fitted;
  return fitted;
}

std::vector<RawSitePtr> EhrCohort::make_raws(std::span<const SiteAt> sites) const {
  std::vector<RawSitePtr> raws;
  for (const SiteAt& site : sites) raws.push_back(make_raw(site.hospital, site.state()));
  return raws;
}

SitePtr EhrCohort::pooled_at(std::span<const SiteAt> sites) const {
  const std::vector<RawSitePtr> raws = make_raws(sites);
  const Fitted fitted = fit_pooled(sites, raws);
  auto all = std::make_shared<Site>();
  for (const RawSitePtr& raw : raws) {
    check_stop(context_.stop);
    const SitePtr one = prepare(*raw, fitted);
    append_rows(one->train, all->train);
    append_rows(one->validation, all->validation);
    append_rows(one->test, all->test);
  }
  return all;
}

SitePtr EhrCohort::site_as_pooled_at(const SiteAt& site, std::span<const SiteAt> sites) const {
  const Fitted fitted = fit_pooled(sites, {});
  return prepare(*make_raw(site.hospital, site.state()), fitted);
}

}  // namespace

std::unique_ptr<Cohort> make_ehr_cohort(const Part& part, const CohortContext& context) {
  return std::make_unique<EhrCohort>(part, context);
}

}  // namespace polyclinic
