// What happens to data: changes as a function of time, and what they make of a table's and of a
// generator's rows. Expectations are computed from the rows of the beginning.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/math.hpp"
#include "data/change_rows.hpp"
#include "ehr_fixture.hpp"
#include "support.hpp"

namespace polyclinic {

using namespace test;

namespace {

constexpr TimeNs kHour{3600 * kNsPerSecond};

Value hours(double n) {
  return Value(Quantity{n * static_cast<double>(kHour.ns), Dimension::time});
}
Part change(const std::string& name, Fields fields = {}) {
  return part("change", name, std::move(fields));
}

// A clock and the changes of a cohort.
struct Time {
  TimeNs now;
  DataEpochs epochs{[this] { return now; }};
  void begin(const Cohort& cohort, const Part& what, std::vector<HospitalId> hospitals) {
    epochs.add(read_change(what, cohort.facts()), {std::move(hospitals), {}, {}});
  }
};

// 240 rows of two hospitals: an amount, a flag, a code, a yes or no.
Part ward(const Folder& folder, Fields more = {}) {
  Stream random(run_of(5), Purpose::kTest, 0);
  std::string text = "site,pid,age,flag,unit,died\n";
  for (int row = 0; row < 240; ++row) {
    const double age = std::floor(20 + 70 * random.uniform());
    text += std::string(row % 2 == 0 ? "A" : "B") + ",p" + std::to_string(row) + "," +
            std::to_string(age) + "," + (random.uniform() < 0.4 ? "1" : "0") + "," +
            std::string("xyz").substr(random.below(3), 1) + "," +
            (random.uniform() < 0.3 ? "1" : "0") + "\n";
  }
  Fields fields{{"file", Value(folder.write("ward.csv", text))},
                {"hospital", Value(column("site"))},
                {"patient", Value(column("pid"))},
                {"outcome", Value(column("died"))},
                {"types", Value(Table{{"flag", Value("boolean")}})},
                {"categorical", words({"unit"})},
                {"encoding", Value("all_levels")}};
  for (auto& field : more) fields.push_back(std::move(field));
  return part("cohort", "csv", std::move(fields));
}

std::size_t place(const Cohort& cohort, const std::string& feature) {
  const auto& all = cohort.info().features;
  const auto found = std::find(all.begin(), all.end(), feature);
  REQUIRE(found != all.end());
  return static_cast<std::size_t>(found - all.begin());
}

std::vector<double> column_of(const Dataset& data, std::size_t c) {
  std::vector<double> values;
  for (std::int64_t i = 0; i < data.rows; ++i) values.push_back(double{data.row(i)[c]});
  return values;
}

bool same(const Dataset& a, const Dataset& b) {
  return a.rows == b.rows && a.x == b.x && a.label == b.label && a.patient == b.patient;
}
bool same(const Site& a, const Site& b) {
  return same(a.train, b.train) && same(a.validation, b.validation) && same(a.test, b.test);
}

// The mistake that reading makes.
std::string mistake_of(const Part& what, const Cohort& cohort) {
  try {
    read_change(what, cohort.facts());
  } catch (const ScenarioError& error) {
    return error.mistakes().front().message + "\n" + error.mistakes().front().hint;
  }
  return "";
}

TEST_CASE("a wave rises in steps, the first at once, stays, and falls in steps to nothing") {
  const Folder folder;
  const auto cohort = test::cohort(ward(folder));
  const DataChange wave = read_change(change("wave", {{"prevalence", Value(2.0)},
                                                      {"rise", hours(4)},
                                                      {"hold", hours(1)},
                                                      {"fall", hours(8)},
                                                      {"steps", Value(4)}}),
                                      cohort->facts());
  const std::vector<std::pair<double, std::int64_t>> expected{
      {-0.1, 0}, {0, 1},   {0.9, 1}, {1, 2}, {2, 3},  {3, 4},    {4.5, 4},
      {5, 4},    {6.9, 4}, {7, 3},   {9, 2}, {11, 1}, {12.9, 1}, {13, 0}};
  for (const auto& [at, level] : expected) {
    INFO(at);
    CHECK(wave.level(TimeNs{static_cast<std::int64_t>(at * static_cast<double>(kHour.ns))}) ==
          level);
  }
  CHECK(wave.peak() == TimeNs{3 * kHour.ns});
  CHECK(wave.level(wave.peak()) == wave.full());
}

TEST_CASE("nothing has happened: the data of the beginning, and again when all is over") {
  const Folder folder;
  for (const char* mode : {"per_hospital", "federated", "none"}) {
    const auto cohort = test::cohort(ward(folder, {{"standardise", Value(mode)}}));
    const SitePtr first = cohort->site({0});
    Time time;
    cohort->follow(time.epochs);
    CHECK(cohort->site({0}) == first);  // the very one that is kept
    time.begin(*cohort,
               change("wave", {{"prevalence", Value(3.0)}, {"rise", hours(1)}, {"fall", hours(1)}}),
               {{0}});
    time.begin(*cohort, change("scanner", {{"features", words({"age"})}, {"scale", Value(2.0)}}),
               {{0}});
    CHECK(!same(*cohort->site({0}), *first));
    CHECK(cohort->now({1}).data == nullptr);
    time.now = TimeNs{3 * kHour.ns};
    CHECK(!same(*cohort->site({0}), *first));
    time.begin(*cohort, change("recalibration"), {{0}});
    CHECK(cohort->site({0}) == first);
  }
}

// x' = (scale * x + add - mean) / sd = scale * z + (add + (scale - 1) mean) / sd, with mean and sd
// of the training rows of the beginning: as float and within rounding of a few of its digits
TEST_CASE("a scanner changes amounts before they are standardised by what was fitted before") {
  const Folder folder;
  const auto cohort = test::cohort(ward(folder));
  const auto raw = test::cohort(ward(folder, {{"standardise", Value("none")}}));
  const std::size_t age = place(*cohort, "age");
  const SitePtr first = cohort->site({0});
  const std::vector<double> years = column_of(raw->site({0})->train, age);
  double mean = 0;
  for (const double x : years) mean += x / static_cast<double>(years.size());
  double squares = 0;
  for (const double x : years) squares += (x - mean) * (x - mean);
  const double sd = std::sqrt(squares / static_cast<double>(years.size() - 1));
  Time time;
  cohort->follow(time.epochs);
  const auto scanner = [](double scale, double add) {
    return change("scanner",
                  {{"features", words({"age"})}, {"scale", Value(scale)}, {"add", Value(add)}});
  };
  time.begin(*cohort, scanner(1.5, 10), {{0}});
  const auto check = [&](double scale, double add) {
    for (const bool test_rows : {false, true}) {
      const Dataset& before = test_rows ? first->test : first->train;
      const SitePtr site = cohort->site({0});
      const Dataset& now = test_rows ? site->test : site->train;
      for (std::int64_t i = 0; i < now.rows; ++i) {
        const double expected =
            scale * double{before.row(i)[age]} + (add + (scale - 1) * mean) / sd;
        CHECK(std::fabs(double{now.row(i)[age]} - expected) < 2e-6 * (1 + std::fabs(expected)));
      }
      CHECK(now.label == before.label);
    }
  };
  check(1.5, 10);
  // one after the other: 2 (1.5 x + 10) - 3
  time.begin(*cohort, scanner(2, -3), {{0}});
  check(3, 17);
  // a preparation that is fitted anew hides an instrument's change wholly: z is what it was
  time.begin(*cohort, change("standardisation"), {{0}});
  check(1, 0);
  // and stays when the instrument is put right: (x - (3 mean + 17)) / (3 sd)
  time.begin(*cohort, change("recalibration"), {{0}});
  check(1.0 / 3, -17.0 / 3);
}

TEST_CASE("codes and labels are replaced, of a share always the same rows") {
  const Folder folder;
  const auto cohort = test::cohort(ward(folder, {{"standardise", Value("none")}}));
  const SitePtr first = cohort->site({1});
  const std::size_t x = place(*cohort, "unit=x");
  const std::size_t y = place(*cohort, "unit=y");
  const std::size_t flag = place(*cohort, "flag");
  Time time;
  cohort->follow(time.epochs);
  time.begin(*cohort,
             change("coding", {{"feature", Value("unit")},
                               {"codes", Value(Table{{"x", Value("y")}, {"y", Value("x")}})}}),
             {{1}});
  CHECK(column_of(cohort->site({1})->train, x) == column_of(first->train, y));
  CHECK(column_of(cohort->site({1})->train, y) == column_of(first->train, x));
  time.begin(*cohort,
             change("coding", {{"feature", Value("flag")},
                               {"from", Value(1)},
                               {"to", Value(0)},
                               {"share", Value(0.5)}}),
             {{1}});
  const std::vector<double> flags = column_of(cohort->site({1})->train, flag);
  const std::vector<double> before = column_of(first->train, flag);
  double were = 0;
  double gone = 0;
  for (std::size_t i = 0; i < flags.size(); ++i) {
    CHECK(flags[i] <= before[i]);
    were += before[i];
    gone += before[i] - flags[i];
  }
  // binomial, four standard errors
  CHECK(std::fabs(gone / were - 0.5) < 4 * 0.5 / std::sqrt(were));

  time.begin(*cohort, change("labels", {{"share", Value(0.5)}}), {{1}});
  const SitePtr fewer = cohort->site({1});
  // who is concerned stays so, whatever else happens later
  time.begin(*cohort, change("scanner", {{"features", words({"age"})}, {"add", Value(1.0)}}),
             {{1}});
  CHECK(cohort->site({1})->train.label == fewer->train.label);
  CHECK(column_of(cohort->site({1})->train, flag) == flags);
  double events = 0;
  double kept = 0;
  for (std::size_t i = 0; i < fewer->train.label.size(); ++i) {
    CHECK(fewer->train.label[i] <= first->train.label[i]);
    events += double{first->train.label[i]};
    kept += double{fewer->train.label[i]};
  }
  CHECK(std::fabs(kept / events - 0.5) < 4 * 0.5 / std::sqrt(events));
}

// Odds times 4 of a prevalence p: 4 p / (1 + 3 p). Means over 400 hospitals of draws of 1,000 rows:
// a standard error of sqrt(p (1 - p) / n) over all of them bounds that of the draw.
TEST_CASE("a wave draws rows by their weight, and leaves alone what it can") {
  constexpr std::int32_t kRows = 1000;
  SplitRows rows;
  for (std::int32_t i = 0; i < kRows; ++i) rows.train.push_back(i);
  const auto label = [](std::int32_t row) { return row % 10 < 2 ? 1.0F : 0.0F; };
  const auto value = [](std::int32_t, std::int32_t row) { return static_cast<double>(row % 7); };
  const auto drawn = [&](double log_odds, std::uint32_t hospital) {
    DataState state;
    if (log_odds != 0) state.log_odds[1] = log_odds;
    return WaveDraw(state, run_of(1), {hospital}, value, label).draw(rows).train;
  };
  double events = 0;
  constexpr std::uint32_t kHospitals = 400;
  for (std::uint32_t h = 0; h < kHospitals; ++h) {
    for (const std::int32_t row : drawn(math::log(4.0), h)) events += double{label(row)};
  }
  const double n = double{kRows} * kHospitals;
  const double expected = 4 * 0.2 / (1 + 3 * 0.2);
  CHECK(std::fabs(events / n - expected) < 4 * std::sqrt(expected * (1 - expected) / n));

  CHECK(drawn(0, 0) == rows.train);
  // a stronger wave changes those that a weaker one does, and others
  const auto weak = drawn(math::log(1.5), 3);
  const auto strong = drawn(math::log(6.0), 3);
  std::int64_t changed_weak = 0;
  std::int64_t changed_strong = 0;
  for (std::size_t i = 0; i < weak.size(); ++i) {
    if (weak[i] != rows.train[i]) {
      ++changed_weak;
      CHECK(strong[i] != rows.train[i]);
    }
    if (strong[i] != rows.train[i]) ++changed_strong;
    // who has the outcome stays: nobody is likelier to be there
    if (label(rows.train[i]) > 0) CHECK(strong[i] == rows.train[i]);
  }
  CHECK(changed_weak > 100);
  CHECK(changed_strong > changed_weak);
}

TEST_CASE("a wave of older patients, and the pooled table is the hospitals' rows as they are") {
  const Folder folder;
  const auto cohort = test::cohort(ward(folder, {{"standardise", Value("none")}}));
  const std::size_t age = place(*cohort, "age");
  const SitePtr first = cohort->site({0});
  Time time;
  cohort->follow(time.epochs);
  time.begin(*cohort,
             change("wave", {{"mix", Value(Table{{"age", Value(1.0)}})}, {"rise", hours(0)}}),
             {{0}});
  const SitePtr now = cohort->site({0});
  CHECK(now->train.rows == first->train.rows);
  const auto mean = [&](const Dataset& data) {
    double sum = 0;
    for (const double x : column_of(data, age)) sum += x;
    return sum / static_cast<double>(data.rows);
  };
  // by about a standard deviation (20 years) of which some is lost at the upper end
  CHECK(mean(now->train) > mean(first->train) + 8);
  // of its own split alone
  std::set<std::int64_t> train(first->train.patient.begin(), first->train.patient.end());
  for (const std::int64_t patient : now->train.patient) CHECK(train.contains(patient));

  const std::vector<HospitalId> both{{0}, {1}};
  const SitePtr pooled = cohort->pooled(both);
  std::vector<float> expected = now->train.label;
  const SitePtr other = cohort->site({1});
  expected.insert(expected.end(), other->train.label.begin(), other->train.label.end());
  CHECK(pooled->train.label == expected);
  // prepared as one table: the same values of the hospital's own rows
  CHECK(cohort->site_as_pooled({0}, both)->train.x == now->train.x);
}

TEST_CASE("generated patients of a wave: other traits, the same numbers, places and encounters") {
  const ehr_test::Directory directory(4, 3000, false);
  const auto cohort =
      make_ehr_cohort(ehr_test::make_part({{"standardise", Value("none")},
                                           {"label_error", Value(0.0)},
                                           {"prevalence", Value(ehr_test::logit_normal(0.1, 0))}}),
                      {.run = run_of(3), .directory = &directory, .cache_bytes = 512LL << 20U});
  const SitePtr first = cohort->site({1});
  Time time;
  cohort->follow(time.epochs);
  time.begin(*cohort,
             change("wave", {{"prevalence", Value(3.0)},
                             {"severity", Value(0.5)},
                             {"age", Value(8.0)},
                             {"rise", hours(2)},
                             {"fall", hours(2)},
                             {"steps", Value(2)}}),
             {{1}});
  const auto all = [](const Site& site, auto member) {
    auto values = site.train.*member;
    for (const Dataset* data : {&site.validation, &site.test}) {
      values.insert(values.end(), ((*data).*member).begin(), ((*data).*member).end());
    }
    return values;
  };
  const auto share = [&](const Site& site) {
    double sum = 0;
    const auto labels = all(site, &Dataset::true_label);
    for (const float label : labels) sum += double{label};
    return sum / static_cast<double>(labels.size());
  };
  const auto n = static_cast<double>(all(*first, &Dataset::true_label).size());
  const auto expected = [](double factor) { return factor * 0.1 / (1 + (factor - 1) * 0.1); };
  // half way the odds are times sqrt(3); patients of two hospitals (3 %) stay what they were, and
  // those of neighbours are seen here under this hospital's traits
  for (const auto& [at, factor] : std::map<double, double>{{0, std::sqrt(3.0)}, {1, 3.0}}) {
    time.now = TimeNs{static_cast<std::int64_t>(at * static_cast<double>(kHour.ns))};
    const SitePtr now = cohort->site({1});
    const double p = expected(factor);
    CHECK(std::fabs(share(*now) - p) < 4 * std::sqrt(p * (1 - p) / n) + 0.03 * p);
    CHECK(now->train.patient == first->train.patient);
    CHECK(now->test.patient == first->test.patient);
    CHECK(now->test.day == first->test.day);
  }
  // 8 years older, of which a little is lost at the limits of 18 and 95 years
  const std::size_t age = place(*cohort, "age");
  const auto mean_age = [&](const Site& site) {
    double sum = 0;
    for (const double x : column_of(site.train, age)) sum += x;
    return sum / static_cast<double>(site.train.rows);
  };
  const double older = mean_age(*cohort->site({1})) - mean_age(*first);
  CHECK(older > 3);
  CHECK(older < 8);
  CHECK(cohort->site({0})->train.rows > 0);
  time.now = TimeNs{4 * kHour.ns};
  CHECK(cohort->site({1}) == first);
}

TEST_CASE("logarithms of a unit: 88.4 times as much is ln 88.4 more") {
  const ehr_test::Directory directory(2, 200);
  const auto cohort = make_ehr_cohort(
      ehr_test::make_part({{"standardise", Value("none")}, {"missing", Value(0.0)}}),
      {.run = run_of(3), .directory = &directory, .cache_bytes = 64LL << 20U});
  const SitePtr first = cohort->site({0});
  Time time;
  cohort->follow(time.epochs);
  time.begin(*cohort,
             change("scanner", {{"features", words({"creatinine"})}, {"scale", Value(88.4)}}),
             {{0}});
  const std::size_t c = place(*cohort, "log(creatinine)");
  const std::vector<double> now = column_of(cohort->site({0})->test, c);
  const std::vector<double> before = column_of(first->test, c);
  // of floats of size 5
  for (std::size_t i = 0; i < now.size(); ++i) {
    CHECK(std::fabs(now[i] - before[i] - std::log(88.4)) < 2e-6);
  }
}

TEST_CASE("synthetic devices change, too") {
  const auto cohort = test::cohort(part("cohort", "synthetic", {{"features", Value(4)}}));
  const SitePtr first = cohort->site({2});
  Time time;
  cohort->follow(time.epochs);
  time.begin(*cohort, change("scanner", {{"features", words({"x2"})}, {"add", Value(1.0)}}), {{2}});
  time.begin(*cohort, change("labels", {{"from", Value(3)}, {"to", Value(4)}}), {{2}});
  const SitePtr now = cohort->site({2});
  for (std::int64_t i = 0; i < now->train.rows; ++i) {
    CHECK(now->train.row(i)[0] == first->train.row(i)[0]);
    CHECK(now->train.row(i)[1] == static_cast<float>(double{first->train.row(i)[1]} + 1.0));
    const float label = first->train.label[static_cast<std::size_t>(i)];
    CHECK(now->train.label[static_cast<std::size_t>(i)] == (label == 3 ? 4 : label));
  }
}

TEST_CASE("what a cohort does not have is said, with the nearest names") {
  const Folder folder;
  const auto cohort = test::cohort(ward(folder));
  const auto has = [&](const Part& what, const std::string& text) {
    const std::string said = mistake_of(what, *cohort);
    INFO(said);
    CHECK(said.find(text) != std::string::npos);
  };
  has(change("scanner", {{"features", words({"agee"})}}), "did you mean 'age'?");
  has(change("scanner", {{"features", words({"unit"})}}), "'unit' holds codes, no amounts");
  has(change("coding", {{"feature", Value("age")}, {"from", Value(1)}, {"to", Value(2)}}),
      "'age' holds amounts, no codes");
  has(change("coding", {{"feature", Value("unit")}, {"from", Value("w")}, {"to", Value("x")}}),
      "'unit' has no code 'w'");
  has(change("coding", {{"feature", Value("unit")}, {"from", Value("x")}}),
      "change.coding takes 'from' and 'to', or 'codes'");
  has(change("labels", {{"to", Value(2)}}), "the outcome has no class 2");
  has(change("wave", {{"severity", Value(1.0)}}), "'severity' is of generated patients");
  has(change("wave", {{"mix", Value(Table{{"unit", Value(1.0)}})}}), "'unit' holds codes");
  has(change("wave", {{"rise", hours(0)}, {"fall", hours(0)}}), "lasts no time");
  const auto sums = test::cohort(ward(folder, {{"standardise", Value("federated")}}));
  CHECK(mistake_of(change("standardisation"), *sums).find("prepares its rows by itself") !=
        std::string::npos);
}

}  // namespace
}  // namespace polyclinic
