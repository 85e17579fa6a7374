#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <map>
#include <set>

#include "base/error.hpp"
#include "base/hash.hpp"
#include "base/math.hpp"
#include "base/parallel.hpp"
#include "data/ehr.hpp"
#include "ehr_fixture.hpp"

using namespace polyclinic;
using namespace polyclinic::ehr_test;

namespace {

std::unique_ptr<Cohort> make(std::vector<std::pair<std::string, Value>> fields,
                             const Directory& directory, std::uint64_t seed = 1,
                             std::int64_t cache_bytes = 512LL << 20U) {
  return make_ehr_cohort(
      make_part(std::move(fields)),
      {.run = make_run_key(seed, 0), .directory = &directory, .cache_bytes = cache_bytes});
}

std::uint64_t hash(const Dataset& d) {
  Hasher hasher;
  hasher.word(static_cast<std::uint64_t>(d.rows));
  for (const float v : d.x) hasher.number(v);
  for (const float v : d.label) hasher.number(v);
  for (const float v : d.true_label) hasher.number(v);
  for (const double v : d.latent_risk) hasher.number(v);
  for (const double v : d.achievable_risk) hasher.number(v);
  for (const auto v : d.patient) hasher.word(static_cast<std::uint64_t>(v));
  for (const float v : d.day) hasher.number(v);
  for (const auto& group : d.groups) {
    for (const auto v : group) hasher.word(v);
  }
  return hasher.value();
}

std::uint64_t hash(const Site& site) {
  Hasher hasher;
  for (const Dataset* d : {&site.train, &site.validation, &site.test}) hasher.word(hash(*d));
  return hasher.value();
}

}  // namespace

TEST_CASE("a site of cohort.ehr is a whole table") {
  const Directory directory(4, 600);
  const auto cohort = make({}, directory);
  CHECK(cohort->sites() == 4);
  CHECK(cohort->info().outcome == "sepsis");
  CHECK(cohort->info().task == OutcomeKind::binary);
  CHECK(cohort->info().groups.size() == 3);
  const auto& names = cohort->info().features;
  CHECK(std::set<std::string>(names.begin(), names.end()).size() == names.size());
  std::int64_t indicators = 0;
  for (const std::string& name : names) indicators += name.starts_with("missing(");
  CHECK(std::ssize(names) - indicators == 38 + 3 + 2);  // columns, and levels of unit and ECG
  CHECK(indicators == 13);

  const SitePtr site = cohort->site(HospitalId{2});
  const auto rows = static_cast<double>(site->train.rows + site->validation.rows + site->test.rows);
  // 600 patients, 1.42 encounters each; sd of a geometric count with that mean: 0.77
  CHECK(std::fabs(rows - 600 * 1.42) < kErrors * 0.8 * std::sqrt(600.0) + 20);
  CHECK(cohort->train_rows(HospitalId{2}) == site->train.rows);
  std::set<std::int64_t> seen;
  for (const Dataset* d : {&site->train, &site->validation, &site->test}) {
    const auto n = static_cast<std::size_t>(d->rows);
    CHECK(d->columns == cohort->info().feature_count());
    CHECK(d->x.size() == n * static_cast<std::size_t>(d->columns));
    CHECK(d->label.size() == n);
    CHECK(d->true_label.size() == n);
    CHECK(d->latent_risk.size() == n);
    CHECK(d->achievable_risk.size() == n);
    CHECK(d->day.size() == n);
    for (std::size_t g = 0; g < d->groups.size(); ++g) {
      CHECK(d->groups[g].size() == n);
      const auto levels = cohort->info().groups[g].levels.size();
      for (const auto level : d->groups[g]) CHECK(level < levels);
    }
    for (const float v : d->x) CHECK(std::isfinite(v));
    // no patient in two splits
    std::set<std::int64_t> here(d->patient.begin(), d->patient.end());
    for (const std::int64_t id : here) CHECK(seen.insert(id).second);
  }
}

// The same bits in any order, on any number of threads, from a cache of any size, and alone.
TEST_CASE("a site of cohort.ehr is a pure function of its hospital") {
  const Directory directory(12, 120);
  const auto forwards = make({}, directory);
  std::vector<std::uint64_t> expected;
  for (std::uint32_t h = 0; h < 12; ++h) expected.push_back(hash(*forwards->site(HospitalId{h})));
  CHECK(std::set<std::uint64_t>(expected.begin(), expected.end()).size() == 12);

  const auto backwards = make({}, directory, 1, 0);
  for (std::uint32_t h = 12; h-- > 0;) CHECK(hash(*backwards->site(HospitalId{h})) == expected[h]);
  for (const int threads : {1, 3, 8}) {
    const auto cohort = make({}, directory, 1, 1 << 20);
    std::vector<std::uint64_t> found(24);
    Workers workers(threads);
    workers.for_each(24, [&](std::size_t i, int) {
      found[i] = hash(*cohort->site(HospitalId{static_cast<std::uint32_t>(i * 5 % 12)}));
    });
    for (std::size_t i = 0; i < 24; ++i) CHECK(found[i] == expected[i * 5 % 12]);
  }
  const auto other = make({}, directory, 2);
  CHECK(hash(*other->site(HospitalId{0})) != expected[0]);
}

TEST_CASE("an interrupted site is not kept; asked again it comes whole") {
  const Directory directory(4, 300);
  const Part part = make_part({});
  std::atomic<bool> stop{true};
  CohortContext context{make_run_key(1, 0), &directory};
  context.stop = &stop;
  const auto cohort = make_ehr_cohort(part, context);
  CHECK_THROWS_AS(static_cast<void>(cohort->site({1})), SiteInterrupted);
  CHECK(cohort->site_at_hand({1}) == nullptr);
  const std::vector<HospitalId> all{{0}, {1}, {2}, {3}};
  CHECK_THROWS_AS(static_cast<void>(cohort->pooled(all)), SiteInterrupted);
  CHECK_THROWS_AS(static_cast<void>(cohort->oracle()), SiteInterrupted);
  stop = false;
  CHECK(hash(*cohort->site({1})) == hash(*make({}, directory)->site({1})));
  CHECK(cohort->site_at_hand({1}) == cohort->site({1}));
  CHECK(cohort->site_at_hand({2}) == nullptr);
  CHECK(cohort->oracle().has_value());
}

// Lazy: one hospital of 100,000 asks about itself and its four neighbours, once each.
TEST_CASE("one site costs one site") {
  const Directory directory(100'000, 50);
  const auto cohort = make({}, directory);
  directory.requests = 0;
  CHECK(cohort->site(HospitalId{77'777})->train.rows > 20);
  CHECK(directory.requests <= 5);
}

TEST_CASE("sites have the prevalence that was asked for") {
  const Directory directory(5, 3000);
  const Distribution law = logit_normal(0.12, 0.8);
  const auto cohort = make({{"prevalence", law}, {"encounters", 1.0}, {"overlap", 0.0}}, directory);
  double lowest = 1;
  double highest = 0;
  for (std::uint32_t h = 0; h < 5; ++h) {
    const double asked = law.quantile((h + 0.5) / 5);
    const Dataset rows = all_rows(*cohort->site(HospitalId{h}));
    const double found = mean(rows.true_label);
    CHECK(std::fabs(found - asked) <
          kErrors * std::sqrt(asked * (1 - asked) / static_cast<double>(rows.rows)));
    lowest = std::min(lowest, found);
    highest = std::max(highest, found);
  }
  CHECK(highest > 3 * lowest);  // 0.8 * 2 * 1.28 on the logit scale
}

// Rows share patients, so errors are those of a mean over patients: at most sqrt(mean squared
// cluster size / mean cluster size) = 1.4 times those of independent rows.
TEST_CASE("deaths end records and keep the prevalence") {
  const Directory directory(4, 3000, false);
  const auto cohort = make(
      {{"outcome", "mortality"}, {"prevalence", Distribution::constant(0.15)}, {"overlap", 0.2}},
      directory);
  std::map<std::int64_t, std::vector<std::pair<float, float>>> records;  // day, death
  double deaths = 0;
  double stated = 0;
  double n = 0;
  for (std::uint32_t h = 0; h < 4; ++h) {
    const Dataset rows = all_rows(*cohort->site(HospitalId{h}));
    for (std::size_t i = 0; i < rows.label.size(); ++i) {
      records[rows.patient[i]].emplace_back(rows.day[i], rows.true_label[i]);
      deaths += rows.true_label[i];
      stated += rows.achievable_risk[i];
      ++n;
    }
  }
  for (auto& [patient, encounters] : records) {
    std::sort(encounters.begin(), encounters.end());
    for (std::size_t k = 0; k + 1 < encounters.size(); ++k) CHECK(encounters[k].second == 0);
  }
  CHECK(std::fabs(deaths / n - 0.15) < 1.4 * kErrors * std::sqrt(0.15 * 0.85 / n) + 0.002);
  CHECK(std::fabs(deaths - stated) < 1.4 * kErrors * std::sqrt(0.15 * 0.85 * n));
  CHECK(std::fabs(n / static_cast<double>(records.size()) - 1.42) <
        kErrors * 0.8 / std::sqrt(static_cast<double>(records.size())));
}

// 3 % of patients are seen in a second hospital: the same id, age (within the group) and sex there,
// in the same split, so that no pooled test row belongs to somebody who was trained on.
TEST_CASE("some patients are seen in two hospitals") {
  const Directory directory(5, 2000);
  const auto cohort = make({}, directory);
  struct Seen {
    std::set<std::uint32_t> hospitals;
    std::set<int> splits;
    std::set<int> sexes;
    std::set<int> ages;
    std::set<int> ethnicities;
    std::set<std::uint32_t> homes;
  };
  std::map<std::int64_t, Seen> patients;
  for (std::uint32_t h = 0; h < 5; ++h) {
    const SitePtr site = cohort->site(HospitalId{h});
    int split = 0;
    for (const Dataset* d : {&site->train, &site->validation, &site->test}) {
      for (std::size_t i = 0; i < d->patient.size(); ++i) {
        Seen& seen = patients[d->patient[i]];
        seen.hospitals.insert(h);
        seen.splits.insert(split);
        seen.sexes.insert(d->groups[0][i]);
        seen.ages.insert(d->groups[1][i]);
        seen.ethnicities.insert(d->groups[2][i]);
      }
      ++split;
    }
  }
  CHECK(patients.size() == 10'000);
  std::int64_t twice = 0;
  for (const auto& [id, seen] : patients) {
    CHECK(seen.hospitals.size() <= 2);
    CHECK(seen.hospitals.contains(static_cast<std::uint32_t>(id >> 32)));
    CHECK(seen.splits.size() == 1);
    CHECK(seen.sexes.size() == 1);
    CHECK(seen.ages.size() == 1);
    CHECK(seen.ethnicities.size() == 1);
    twice += seen.hospitals.size() == 2;
  }
  CHECK(std::abs(twice - 300) <= 5);  // each hospital's share is rounded at random

  const auto apart = make({{"overlap", 0.0}}, directory);
  for (std::uint32_t h = 0; h < 5; ++h) {
    const Dataset rows = all_rows(*apart->site(HospitalId{h}));
    for (const std::int64_t id : rows.patient) CHECK((id >> 32) == h);
  }
}

// Shares that leave patients out: whoever is seen at two hospitals must still not be trained on at
// one and tested on at the other.
TEST_CASE("nobody is in two splits when the shares leave some out") {
  Part split;
  split.kind = "split";
  split.name = "stratified";
  for (const auto& [name, share] :
       {std::pair("train", 0.3), std::pair("validation", 0.1), std::pair("test", 0.2)}) {
    split.fields.push_back({name, Value(share), {}, true});
  }
  const Directory directory(5, 400);
  const auto cohort = make({{"overlap", 0.5}, {"split", Value(std::move(split))}}, directory);
  std::map<std::int64_t, std::set<int>> splits;
  std::map<std::int64_t, std::set<std::uint32_t>> hospitals;
  for (std::uint32_t h = 0; h < 5; ++h) {
    const SitePtr site = cohort->site(HospitalId{h});
    int number = 0;
    for (const Dataset* d : {&site->train, &site->validation, &site->test}) {
      for (const std::int64_t id : d->patient) {
        splits[id].insert(number);
        hospitals[id].insert(h);
      }
      ++number;
    }
  }
  std::int64_t twice = 0;
  std::int64_t mixed = 0;
  for (const auto& [id, parts] : splits) {
    twice += hospitals[id].size() == 2;
    mixed += parts.size() > 1;
  }
  CHECK(twice > 300);
  CHECK(mixed == 0);
}

// Recorded labels: the asked share of events is missed, oftener in under-recorded groups, and as
// many non-events are recorded as events.
TEST_CASE("labels are recorded with the error that was asked for") {
  const Directory directory(2, 8000, false);
  const auto cohort = make({{"label_error", 0.10},
                            {"site_shift", 0.0},
                            {"prevalence", Distribution::constant(0.3)},
                            {"encounters", 1.0}},
                           directory);
  double events = 0;
  double missed = 0;
  double recorded = 0;
  std::array<double, 2> black_missed{};  // of events, of missed
  double n = 0;
  for (std::uint32_t h = 0; h < 2; ++h) {
    const Dataset rows = all_rows(*cohort->site(HospitalId{h}));
    for (std::size_t i = 0; i < rows.label.size(); ++i) {
      ++n;
      recorded += rows.label[i];
      if (rows.true_label[i] < 0.5F) continue;
      ++events;
      const bool miss = rows.label[i] < 0.5F;
      missed += miss;
      if (rows.groups[2][i] == 1) {
        ++black_missed[0];
        black_missed[1] += miss;
      }
    }
  }
  CHECK(std::fabs(missed / events - 0.10) < kErrors * std::sqrt(0.1 * 0.9 / events));
  CHECK(std::fabs(recorded - events) < kErrors * std::sqrt(2 * 0.1 * events));
  CHECK(black_missed[1] / black_missed[0] > 0.11);

  const auto exact = make({{"label_error", 0.0}}, directory);
  const Dataset rows = all_rows(*exact->site(HospitalId{0}));
  CHECK(rows.label == rows.true_label);
}

TEST_CASE("values are missing by the hospitals' policies") {
  const Directory directory(6, 800);
  // rare values: the share of an indicator, unscaled, is the share of missing ones
  const auto cohort = make({{"standardise", "none"}}, directory);
  const std::size_t column = feature(*cohort, "missing(log(troponin_t))");
  double lowest = 1;
  double highest = 0;
  for (std::uint32_t h = 0; h < 6; ++h) {
    const Dataset rows = all_rows(*cohort->site(HospitalId{h}));
    double missing = 0;
    for (std::int64_t i = 0; i < rows.rows; ++i) missing += rows.row(i)[column];
    missing /= static_cast<double>(rows.rows);
    lowest = std::min(lowest, missing);
    highest = std::max(highest, missing);
  }
  CHECK(highest - lowest > 0.15);

  const auto complete = make({{"standardise", "none"}, {"missing", 0.0}}, directory);
  for (std::uint32_t h = 0; h < 6; ++h) {
    const Dataset rows = all_rows(*complete->site(HospitalId{h}));
    for (std::int64_t i = 0; i < rows.rows; ++i) CHECK(rows.row(i)[column] == 0);
  }
}

// With site_shift = 0 and one prevalence, hospitals are samples of one law: means of every feature
// differ by no more than their errors (Bonferroni over some 50 features: 5 errors). Nothing is
// missing: what imputation fills in is the same in many rows, and its error is not that of a mean.
TEST_CASE("without shift hospitals are exchangeable") {
  const Directory directory(2, 4000);
  const auto means = [&](double shift, std::uint32_t h) {
    const auto cohort = make({{"standardise", "none"},
                              {"site_shift", shift},
                              {"missing", 0.0},
                              {"prevalence", Distribution::constant(0.12)},
                              {"encounters", 1.0},
                              {"overlap", 0.0}},
                             directory);
    const Dataset rows = all_rows(*cohort->site(HospitalId{h}));
    std::vector<std::pair<double, double>> result;  // mean, squared error
    for (std::size_t j = 0; j < static_cast<std::size_t>(rows.columns); ++j) {
      double sum = 0;
      double squares = 0;
      for (std::int64_t i = 0; i < rows.rows; ++i) {
        sum += rows.row(i)[j];
        squares += static_cast<double>(rows.row(i)[j]) * rows.row(i)[j];
      }
      const auto n = static_cast<double>(rows.rows);
      const double m = sum / n;
      result.emplace_back(m, (squares / n - m * m) / n);
    }
    return result;
  };
  const auto differences = [&](double shift) {
    const auto a = means(shift, 0);
    const auto b = means(shift, 1);
    int apart = 0;
    for (std::size_t j = 0; j < a.size(); ++j) {
      // 1e-4: floats of values that hardly vary
      if (std::fabs(a[j].first - b[j].first) >
          5 * std::sqrt(a[j].second + b[j].second) + 1e-4 * std::fabs(a[j].first)) {
        ++apart;
      }
    }
    return apart;
  };
  CHECK(differences(0) == 0);
  CHECK(differences(0.3) > 15);
}

TEST_CASE("standardisation and the pooled table") {
  const Directory directory(3, 500);
  const std::vector<HospitalId> all{{0}, {1}, {2}};
  for (const char* how : {"per_hospital", "federated", "none"}) {
    const auto cohort = make({{"standardise", how}}, directory);
    const SitePtr pooled = cohort->pooled(all);
    std::int64_t train = 0;
    for (const HospitalId h : all) train += cohort->train_rows(h);
    CHECK(pooled->train.rows == train);
    const SitePtr own = cohort->site_as_pooled(HospitalId{1}, all);
    CHECK(own->test.label == cohort->site(HospitalId{1})->test.label);
    // the second hospital's rows stand after the first's
    const auto offset = static_cast<std::size_t>(cohort->train_rows(HospitalId{0})) *
                        static_cast<std::size_t>(own->train.columns);
    CHECK(std::equal(own->train.x.begin(), own->train.x.end(), pooled->train.x.begin() + offset));

    const std::size_t age = feature(*cohort, "age");
    double sum = 0;
    double site_sum = 0;
    const SitePtr first = cohort->site(HospitalId{0});
    for (std::int64_t i = 0; i < pooled->train.rows; ++i) sum += pooled->train.row(i)[age];
    for (std::int64_t i = 0; i < first->train.rows; ++i) site_sum += first->train.row(i)[age];
    sum /= static_cast<double>(pooled->train.rows);
    site_sum /= static_cast<double>(first->train.rows);
    const bool none = std::string(how) == "none";
    // float sums of standardised values; ages in years otherwise
    CHECK((none ? sum > 50 : std::fabs(sum) < 1e-5));
    if (std::string(how) == "per_hospital") CHECK(std::fabs(site_sum) < 1e-5);
    if (std::string(how) == "federated") CHECK(std::fabs(site_sum) > 1e-3);
  }
}

TEST_CASE("columns can be dropped and given in natural units") {
  const Directory directory(2, 200);
  const auto cohort = make({{"drop", List{Value("lactate"), Value("ecg"), Value("diabetes")}},
                            {"scale", "natural"},
                            {"standardise", "none"},
                            {"indicators", false}},
                           directory);
  const auto& names = cohort->info().features;
  CHECK(std::find(names.begin(), names.end(), "lactate") == names.end());
  CHECK(names.size() == 38 - 2 + 3);
  const std::size_t creatinine = feature(*cohort, "creatinine");
  const Dataset rows = all_rows(*cohort->site(HospitalId{0}));
  for (std::int64_t i = 0; i < rows.rows; ++i) {
    CHECK(rows.row(i)[creatinine] >= 0.1F);
    CHECK(rows.row(i)[creatinine] <= 25.0F);
  }
}

TEST_CASE("mistakes in cohort.ehr are explained") {
  const Directory directory(2, 200);
  const auto message = [&](std::vector<std::pair<std::string, Value>> fields) -> std::string {
    try {
      make(std::move(fields), directory);
    } catch (const ScenarioError& error) {
      return error.mistakes().front().message + " | " + error.mistakes().front().hint;
    }
    return "no mistake";
  };
  CHECK(message({{"drop", List{Value("lactat")}}})
            .starts_with("cohort.ehr has no column 'lactat' | did you mean 'lactate'?"));
  CHECK(message({{"prevalence", Distribution::constant(1.2)}})
            .starts_with("half of the hospitals would have a prevalence above 1.2 | "));
  CHECK(message({{"prevalence", Distribution::constant(0.7)}, {"outcome", "mortality"}})
            .starts_with("half of the hospitals would have a prevalence above 0.7 | "));

  std::vector<Mistake> mistakes;
  static_cast<void>(ehr_schemas().front().resolve({{"site_shift", -1.0, {}, true}}, {}, mistakes));
  CHECK(mistakes.size() == 1);
}
