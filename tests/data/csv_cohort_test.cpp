// cohort.csv: what comes out of right files. The files are small and written by the tests.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <thread>

#include "base/draw.hpp"
#include "support.hpp"

namespace polyclinic {

using namespace test;

namespace {

// 400 rows of three hospitals with patients, ages and a sex; some values missing.
std::string ward_table(double changed = 0, int changed_row = -1) {
  Stream random(run_of(77), Purpose::kTest, 0);
  std::string text = "site,pid,age,sex,lactate,unit,died\n";
  for (int row = 0; row < 400; ++row) {
    const auto site = random.below(3);
    const auto patient = random.below(250);
    const double age = std::floor(20 + 70 * random.uniform());
    const double lactate = std::floor(100 * draw::lognormal(random, 2, 0.5)) / 100;
    const bool missing = random.uniform() < 0.1;
    const std::string shown = row == changed_row ? std::to_string(changed)
                              : missing          ? ""
                                                 : std::to_string(lactate);
    text += std::string("ABC").substr(site, 1) + ",p" + std::to_string(patient) + "," +
            std::to_string(age) + "," + (random.uniform() < 0.5 ? "f" : "m") + "," + shown + "," +
            (random.uniform() < 0.3 ? "MICU" : "SICU") + "," +
            (random.uniform() < 0.3 ? "1" : "0") + "\n";
  }
  return text;
}

Part ward(const Folder& folder, const std::string& text, Fields more = {}) {
  Fields fields{{"file", Value(folder.write("ward.csv", text))},
                {"hospital", Value(column("site"))},
                {"patient", Value(column("pid"))},
                {"outcome", Value(column("died"))},
                {"categorical", words({"sex", "unit"})}};
  for (auto& field : more) fields.push_back(std::move(field));
  return part("cohort", "csv", std::move(fields));
}

std::vector<HospitalId> all_of(const Cohort& cohort) {
  std::vector<HospitalId> ids;
  for (std::uint32_t i = 0; i < cohort.sites(); ++i) ids.push_back({i});
  return ids;
}

bool same(const Dataset& a, const Dataset& b) {
  return a.rows == b.rows && a.x == b.x && a.label == b.label && a.patient == b.patient &&
         a.groups == b.groups;
}

}  // namespace

TEST_CASE("no patient is in two splits, at one hospital or at several") {
  const Folder folder;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const auto wards = cohort(ward(folder, ward_table()), seed);
    CHECK(wards->site_names() == std::vector<std::string>{"A", "B", "C"});
    std::map<std::int64_t, int> part_of;
    std::set<std::int64_t> at_a;
    bool several = false;
    std::int64_t rows = 0;
    for (const HospitalId id : all_of(*wards)) {
      const SitePtr site = wards->site(id);
      int part = 0;
      for (const Dataset* data : {&site->train, &site->validation, &site->test}) {
        rows += data->rows;
        for (const std::int64_t patient : data->patient) {
          CHECK(part_of.emplace(patient, part).first->second == part);
          if (id.value == 0) at_a.insert(patient);
          several = several || (id.value > 0 && at_a.contains(patient));
        }
        ++part;
      }
    }
    CHECK(several);  // else the test says nothing about patients of two hospitals
    CHECK(rows == 400);
  }
}

TEST_CASE("a test row changes no training or validation value, in any mode") {
  const Folder folder;
  const std::string before = ward_table();
  for (const char* mode : {"per_hospital", "federated", "none"}) {
    const Fields fields{{"standardise", Value(mode)}, {"order", words({"A", "B", "C"})}};
    const auto wards = cohort(ward(folder, before, fields));
    int test_rows_changed = 0;
    for (int row = 0; row < 40; ++row) {
      const auto changed = cohort(ward(folder, ward_table(1e6, row), fields));
      // which split the row is in shows in where values differ
      for (const HospitalId id : all_of(*wards)) {
        const SitePtr old_site = wards->site(id);
        const SitePtr new_site = changed->site(id);
        if (same(old_site->test, new_site->test)) continue;
        if (!same(old_site->train, new_site->train)) continue;  // the row is a training row
        ++test_rows_changed;
        CHECK(same(old_site->validation, new_site->validation));
        const SitePtr old_pool = wards->pooled(all_of(*wards));
        const SitePtr new_pool = changed->pooled(all_of(*changed));
        CHECK(same(old_pool->train, new_pool->train));
        CHECK(same(old_pool->validation, new_pool->validation));
        // of the test set one row differs, in at most the value and its indicator
        std::int64_t differences = 0;
        for (std::size_t i = 0; i < old_site->test.x.size(); ++i) {
          if (old_site->test.x[i] != new_site->test.x[i]) ++differences;
        }
        CHECK(differences >= 1);
        CHECK(differences <= 2);
      }
    }
    CHECK(test_rows_changed >= 3);  // a fifth of 40 is expected
  }
}

TEST_CASE("a site has the same bits in any order, from any thread, and after it was dropped") {
  const Folder folder;
  const Part description = ward(folder, ward_table());
  const auto roomy = cohort(description);
  const auto cramped = cohort(description, 1, 20'000);  // about one site
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (std::uint32_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (std::uint32_t i = 0; i < 30; ++i) {
        const HospitalId id{(i * 5 + t) % 3};
        const SitePtr a = roomy->site(id);
        const SitePtr b = cramped->site(id);
        const SitePtr c = cramped->site_as_pooled(id, all_of(*cramped));
        if (!same(a->train, b->train) || !same(a->test, b->test) || c->train.rows != a->train.rows)
          ++wrong;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(wrong == 0);
}

TEST_CASE("rows of other hospitals change nothing at a hospital") {
  // hospital by file: the same rows of A beside different rows of B
  const Folder folder;
  const auto table = [](int first) {
    std::string text = "x,y\n";
    for (int i = 0; i < 60; ++i)
      text += std::to_string(first + i * i % 17) + "," + std::to_string(i % 3 == 0) + "\n";
    return text;
  };
  const auto make = [&](int b) {
    return cohort(part("cohort", "csv",
                       {{"files", Value(Table{{"A", Value(folder.write("a.csv", table(3)))},
                                              {"B", Value(folder.write("b.csv", table(b)))}})},
                        {"outcome", Value("y")}}));
  };
  CHECK(same(make(5)->site({0})->train, make(90)->site({0})->train));
  CHECK_FALSE(same(make(5)->site({1})->test, make(90)->site({0})->test));
}

TEST_CASE("pooled rows are the sites' rows in order, and site_as_pooled cuts them out") {
  const Folder folder;
  const auto wards = cohort(ward(folder, ward_table()));
  const auto ids = all_of(*wards);
  const SitePtr pooled = wards->pooled(ids);
  Dataset joined;
  for (const HospitalId id : ids) {
    const SitePtr site = wards->site_as_pooled(id, ids);
    joined.rows += site->test.rows;
    joined.x.insert(joined.x.end(), site->test.x.begin(), site->test.x.end());
    joined.label.insert(joined.label.end(), site->test.label.begin(), site->test.label.end());
    joined.patient.insert(joined.patient.end(), site->test.patient.begin(),
                          site->test.patient.end());
  }
  CHECK(joined.rows == pooled->test.rows);
  CHECK(joined.x == pooled->test.x);
  CHECK(joined.label == pooled->test.label);
  CHECK(joined.patient == pooled->test.patient);
  // pooled statistics: mean 0 over all training rows, and not at single hospitals
  double sum = 0;
  for (std::int64_t row = 0; row < pooled->train.rows; ++row) sum += pooled->train.row(row)[0];
  CHECK(std::fabs(sum / static_cast<double>(pooled->train.rows)) < 4 * 0x1p-24);
  const SitePtr alone = wards->site_as_pooled({0}, ids);
  CHECK(alone->train.x != wards->site({0})->train.x);
}

TEST_CASE("federated standardisation is the pooled one, where nothing is missing") {
  NEEDS_DATA();
  const auto federated = cohort(heart({{"standardise", Value("federated")}}));
  const auto ids = all_of(*federated);
  for (const HospitalId id : ids) {
    const SitePtr site = federated->site(id);
    const SitePtr as_pooled = federated->site_as_pooled(id, ids);
    // sums of doubles in another order, then rounded to float: at most the last bit differs
    for (std::size_t i = 0; i < site->test.x.size(); ++i) {
      const float a = site->test.x[i];
      const float b = as_pooled->test.x[i];
      CHECK(std::fabs(a - b) <= 2 * 0x1p-24F * std::max(1.0F, std::fabs(a)));
    }
  }
}

namespace {

struct LastIsExternal : SiteDirectory {
  [[nodiscard]] std::int64_t count() const override { return 3; }
  [[nodiscard]] SiteRequest request(HospitalId hospital) const override {
    SiteRequest request;
    request.hospital = hospital;
    request.trains = hospital.value != 2;
    return request;
  }
};

}  // namespace

TEST_CASE("an external hospital's rows enter no federated statistic") {
  const Folder folder;
  const LastIsExternal directory;
  const auto table = [](const char* of_c) {
    std::string text = "site,x,y\n";
    for (int i = 0; i < 40; ++i)
      text += std::string("A,") + std::to_string(i) + "," + std::to_string(i % 2) + "\n";
    for (int i = 0; i < 40; ++i)
      text += std::string("B,") + std::to_string(i * 2) + "," + std::to_string(i % 2) + "\n";
    for (int i = 0; i < 40; ++i)
      text += std::string("C,") + of_c + std::to_string(i) + "," + std::to_string(i % 2) + "\n";
    return text;
  };
  const auto make = [&](const char* of_c) {
    return cohort(part("cohort", "csv",
                       {{"file", Value(folder.write("e.csv", table(of_c)))},
                        {"hospital", Value("site")},
                        {"outcome", Value("y")},
                        {"standardise", Value("federated")}}),
                  1, 1 << 20, &directory);
  };
  CHECK(same(make("1")->site({0})->train, make("99")->site({0})->train));
}

TEST_CASE("groups: levels by column with names, bands of numbers, unknown where missing") {
  const Folder folder;
  const std::string text =
      "site,age,sex,y\nA,39,0,0\nA,40,1,1\nA,59.5,0.0,0\nA,60,,1\nA,,1,0\nA,80,1,1\n";
  const Part description =
      part("cohort", "csv",
           {{"file", Value(folder.write("g.csv", text))},
            {"hospital", Value("site")},
            {"outcome", Value("y")},
            {"groups",
             Value(Table{{"age", Value(part("bands", "",
                                            {{"column", Value("age")},
                                             {"cuts", Value(List{Value(40), Value(60)})}}))},
                         {"sex", Value(part("column", "",
                                            {{"name", Value("sex")},
                                             {"names", Value(Table{{"0", Value("female")},
                                                                   {"1", Value("male")}})}}))}})},
            {"split", Value(part("split", "stratified", {{"train", Value(1.0)}}))}});
  const auto made = cohort(description);
  const auto& groups = made->info().groups;
  REQUIRE(groups.size() == 2);
  CHECK(groups[0].levels ==
        std::vector<std::string>{"under 40", "40 to under 60", "60 and over", "unknown"});
  CHECK(groups[1].levels == std::vector<std::string>{"female", "male", "unknown"});
  const SitePtr site = made->site({0});
  CHECK(site->train.groups[0] == std::vector<std::uint8_t>{0, 1, 1, 2, 3, 2});
  CHECK(site->train.groups[1] == std::vector<std::uint8_t>{0, 1, 0, 2, 1, 1});
  CHECK(site->remarks == std::vector<std::string>{"no row for testing"});
}

TEST_CASE("types: words for true and false, numbers written differently are one category") {
  const Folder folder;
  const std::string text =
      "site;stage;smoker;dose;died\nA;1;Yes;1,5;no\nA;1.0;no;+2;yes\nA;01.0;N;-0,5;no\nA;2;TRUE;3;"
      "yes\n";
  const Part description =
      part("cohort", "csv",
           {{"file", Value(folder.write("g.csv", text))},
            {"hospital", Value("site")},
            {"separator", Value(";")},
            {"decimal", Value(",")},
            {"types", Value(Table{{"smoker", Value("boolean")}, {"stage", Value("categorical")}})},
            {"outcome",
             Value(part("positive", "", {{"column", Value("died")}, {"values", words({"yes"})}}))},
            {"encoding", Value("all_levels")},
            {"standardise", Value("none")},
            {"split", Value(part("split", "stratified", {{"train", Value(1.0)}}))}});
  const auto made = cohort(description);
  CHECK(made->info().features ==
        std::vector<std::string>{"smoker", "dose", "stage=01.0", "stage=1", "stage=2"});
  const SitePtr site = made->site({0});
  CHECK(site->train.label == std::vector<float>{0, 1, 0, 1});
  CHECK(site->train.x == std::vector<float>{1, 1.5, 0, 1, 0,  //
                                            0, 2,   0, 1, 0,  //
                                            0, -.5, 1, 0, 0,  //
                                            1, 3,   0, 0, 1});
}

TEST_CASE("missing codes, in all columns or in one, by text or by number") {
  const Folder folder;
  const std::string text = "site,x,z,y\nA,-9,1,0\nA,1,-9.0,1\nA,?,0,0\nA,3,0.0,1\nA,,2,1\n";
  const Part description =
      part("cohort", "csv",
           {{"file", Value(folder.write("g.csv", text))},
            {"hospital", Value("site")},
            {"outcome", Value("y")},
            {"missing", Value(List{Value("?"), Value(-9)})},
            {"missing_in", Value(Table{{"z", Value(0)}})},
            {"standardise", Value("none")},
            {"split", Value(part("split", "stratified", {{"train", Value(1.0)}}))}});
  const auto made = cohort(description);
  CHECK(made->info().features == std::vector<std::string>{"x", "z", "missing(x)", "missing(z)"});
  // medians: x of 1 3 is 2; z of 1 2 is 1.5
  CHECK(made->site({0})->train.x == std::vector<float>{2, 1,   1, 0,  //
                                                       1, 1.5, 0, 1,  //
                                                       2, 1.5, 1, 1,  //
                                                       3, 1.5, 0, 1,  //
                                                       2, 2,   1, 0});
}

TEST_CASE("split by column and by lines put rows where they say") {
  const Folder folder;
  const std::string text =
      "site,x,fold,y\nA,1,Train,0\nA,2,val,1\nA,3,test,0\nA,4,training,1\nA,5,TEST,1\n";
  const auto labels_of = [&](Value split) {
    const auto made = cohort(part("cohort", "csv",
                                  {{"file", Value(folder.write("g.csv", text))},
                                   {"hospital", Value("site")},
                                   {"outcome", Value("y")},
                                   {"drop", words({"fold"})},
                                   {"standardise", Value("none")},
                                   {"split", std::move(split)}}));
    const SitePtr site = made->site({0});
    return std::vector<std::vector<float>>{site->train.x, site->validation.x, site->test.x};
  };
  const std::vector<std::vector<float>> expected{{1, 4}, {2}, {3, 5}};
  CHECK(labels_of(Value(part("split", "column", {{"column", Value("fold")}}))) == expected);
  const auto lines = [](std::initializer_list<int> numbers) {
    List list;
    for (const int number : numbers) list.emplace_back(number);
    return Value(Table{{"A", Value(list)}});
  };
  CHECK(labels_of(Value(part(
            "split", "lines",
            {{"train", lines({5, 2})}, {"validation", lines({3})}, {"test", lines({4, 6})}}))) ==
        expected);
}

TEST_CASE("a hospital with several files has their rows in turn, and lines for each file") {
  const Folder folder;
  // line 2 of the first file and line 2 of the second are different rows
  const Value files(List{Value(folder.write("a.csv", "x,y\n1,0\n2,1\n3,1\n")),
                         Value(folder.write("b.csv", "x,y\n10,0\n20,1\n"))});
  const Value alone(folder.write("c.csv", "x,y\n5,0\n6,1\n"));
  const auto lines = [](std::initializer_list<int> numbers) {
    List list;
    for (const int number : numbers) list.emplace_back(number);
    return Value(list);
  };
  const auto made = [&](const Value& both_train, const Value& both_test) {
    const Value split(
        part("split", "lines",
             {{"train", Value(Table{{"Both", both_train}, {"Solo", lines({2})}})},
              {"test", Value(Table{{"Both", both_test}, {"Solo", Value(List{lines({3})})}})}}));
    return cohort(part("cohort", "csv",
                       {{"files", Value(Table{{"Both", files}, {"Solo", alone}})},
                        {"outcome", Value("y")},
                        {"standardise", Value("none")},
                        {"split", split}}));
  };
  const auto both = made(Value(List{lines({4, 2}), lines({3})}), Value(List{lines({3})}));
  CHECK(both->site_names() == std::vector<std::string>{"Both", "Solo"});
  CHECK(both->site({0})->train.x == std::vector<float>{1, 3, 20});
  CHECK(both->site({0})->test.x == std::vector<float>{2});
  CHECK(both->site({1})->train.x == std::vector<float>{5});
  CHECK(both->site({1})->test.x == std::vector<float>{6});
  // one list alone is of the first file
  CHECK(made(lines({2, 3, 4}), lines({}))->site({0})->train.x == std::vector<float>{1, 2, 3});
}

TEST_CASE("outcomes: classes, counts, numbers and survival") {
  const Folder folder;
  const std::string text = "site,x,kind,days,seen\nA,1,b,3,1\nA,2,a,7,0\nA,3,c,1,1\nA,4,a,2,0\n";
  const auto make = [&](Fields outcome) {
    Fields fields{{"file", Value(folder.write("g.csv", text))},
                  {"hospital", Value("site")},
                  {"split", Value(part("split", "stratified", {{"train", Value(1.0)}}))},
                  {"drop", words({"kind", "days", "seen"})}};
    for (auto& field : outcome) fields.push_back(std::move(field));
    return cohort(part("cohort", "csv", std::move(fields)));
  };
  const auto classes = make({{"outcome", Value("kind")}, {"task", Value("multiclass")}});
  CHECK(classes->info().classes == 3);
  CHECK(classes->site({0})->train.label == std::vector<float>{1, 0, 2, 0});
  const auto counts = make({{"outcome", Value("days")}, {"task", Value("count")}});
  CHECK(counts->site({0})->train.label == std::vector<float>{3, 7, 1, 2});
  const auto survival = make(
      {{"outcome",
        Value(part("time_to_event", "", {{"time", Value("days")}, {"event", Value("seen")}}))}});
  CHECK(survival->info().task == OutcomeKind::survival);
  CHECK(survival->site({0})->train.label == std::vector<float>{3, 7, 1, 2});
  CHECK(survival->site({0})->train.event == std::vector<float>{1, 0, 1, 0});
}

TEST_CASE("one table without hospitals is cut up, patients stay whole") {
  const Folder folder;
  const Part description =
      part("cohort", "csv",
           {{"file", Value(folder.write("w.csv", ward_table()))},
            {"patient", Value("pid")},
            {"outcome", Value("died")},
            {"drop", words({"site"})},
            {"categorical", words({"sex", "unit"})},
            {"partition",
             Value(part("partition", "dirichlet", {{"count", Value(4)}, {"alpha", Value(1.0)}}))}});
  const auto made = cohort(description);
  CHECK(made->site_names() ==
        std::vector<std::string>{"Hospital 1", "Hospital 2", "Hospital 3", "Hospital 4"});
  std::map<std::int64_t, std::uint32_t> hospital_of;
  std::int64_t rows = 0;
  for (const HospitalId id : all_of(*made)) {
    const SitePtr site = made->site(id);
    for (const Dataset* data : {&site->train, &site->validation, &site->test}) {
      rows += data->rows;
      for (const std::int64_t patient : data->patient)
        CHECK(hospital_of.emplace(patient, id.value).first->second == id.value);
    }
  }
  CHECK(rows == 400);
}

TEST_CASE(
    "hospitals of a column: numbers in their order, small ones left out when asked, order kept") {
  const Folder folder;
  std::string text = "site,x,y\n";
  for (int i = 0; i < 60; ++i)
    text += std::to_string(i % 3 == 0 ? 10 : i % 3) + "," + std::to_string(i) + "," +
            std::to_string(i % 2) + "\n";
  text += "7,1,1\n";
  const auto names = [&](Fields more) {
    Fields fields{{"file", Value(folder.write("g.csv", text))},
                  {"hospital", Value("site")},
                  {"outcome", Value("y")}};
    for (auto& field : more) fields.push_back(std::move(field));
    return cohort(part("cohort", "csv", std::move(fields)))->site_names();
  };
  CHECK(names({}) == std::vector<std::string>{"1", "2", "7", "10"});
  CHECK(names({{"minimum_rows", Value(5)}}) == std::vector<std::string>{"1", "2", "10"});
  CHECK(names({{"minimum_rows", Value(5)}, {"order", words({"10", "2"})}}) ==
        std::vector<std::string>{"10", "2", "1"});
}

TEST_CASE("BOM, CRLF and quotes make no difference to the cohort") {
  const Folder folder;
  const std::string plain = ward_table();
  std::string dressed = "\xEF\xBB\xBF";
  for (const char c : plain)
    dressed += c == '\n'  ? std::string("\r\n")
               : c == ',' ? std::string("\",\"")
                          : std::string(1, c);
  // each line starts and ends within quotes
  std::string quoted = "\xEF\xBB\xBF\"";
  for (std::size_t i = 3; i < dressed.size(); ++i) {
    if (dressed[i] == '\r') quoted += '"';
    quoted += dressed[i];
    if (dressed[i] == '\n' && i + 1 < dressed.size()) quoted += '"';
  }
  const auto a = cohort(ward(folder, plain));
  const SitePtr site_a = a->site({1});
  const auto b = cohort(ward(folder, quoted));
  CHECK(same(site_a->train, b->site({1})->train));
}

}  // namespace polyclinic
