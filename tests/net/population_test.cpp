#include "net/population.hpp"

#include <doctest/doctest.h>
#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <vector>

#include "net_parts.hpp"

using namespace polyclinic;
using namespace polyclinic::testing;

namespace {

constexpr RunKey kRun{2024};

std::unique_ptr<Population> population(const Given& given, std::vector<std::string> data = {}) {
  const Part hospitals = part("hospitals", "", given);
  PopulationContext context;
  context.run = kRun;
  context.data_names = std::move(data);
  return make_population(&hospitals, context);
}

Value group(const Given& given) {
  return part("group", "", given);
}
Value nightly(double opens, double closes) {
  return part("window", "nightly", {{"opens", opens}, {"closes", closes}});
}

std::string refused(const Given& given, const std::vector<std::string>& data = {}) {
  return mistake_text([&] { static_cast<void>(population(given, data)); });
}

std::vector<double> ranks_of(const std::vector<double>& values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> ranks(values.size());
  for (std::size_t i = 0; i < order.size(); ++i) ranks[order[i]] = static_cast<double>(i);
  return ranks;
}

// Spearman's rank correlation; ties in the rounded sizes of patients move it by less than 1e-3.
double spearman(const std::vector<double>& x, const std::vector<double>& y) {
  const std::vector<double> a = ranks_of(x);
  const std::vector<double> b = ranks_of(y);
  const double mean = (static_cast<double>(a.size()) - 1) / 2;
  double ab = 0;
  double aa = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    ab += (a[i] - mean) * (b[i] - mean);
    aa += (a[i] - mean) * (a[i] - mean);
  }
  return ab / aa;
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

}  // namespace

TEST_CASE("a population of nothing said is the newcomer's: eight hospitals with defaults") {
  PopulationContext context;
  context.run = kRun;
  const auto p = make_population(nullptr, context);
  REQUIRE(p->count() == 8);
  CHECK(p->name(HospitalId{0}) == "hospital-1");
  const HospitalProfile h = p->profile(HospitalId{7});
  CHECK(h.name == "hospital-8");
  CHECK(h.role == HospitalRole::member);
  CHECK(h.down_bytes_per_s == 100 * 125e3);
  CHECK(h.loss == 0);
  CHECK(h.approval == TimeNs{});
  CHECK(h.overhead_spread == 0.5);
  CHECK_FALSE(h.window.has_value());
  CHECK_FALSE(h.prevalence.has_value());
  CHECK(h.availability.absent());
}

TEST_CASE("the default laws have the medians and spreads of science.md") {
  constexpr int kHospitals = 20'000;
  const auto p = population({{"count", kHospitals}});
  std::vector<double> patients, speed, up, latency, overhead;
  for (std::uint32_t i = 0; i < kHospitals; ++i) {
    const HospitalProfile h = p->profile(HospitalId{i});
    patients.push_back(static_cast<double>(h.patients));
    speed.push_back(h.speed_flops / 1e9);
    up.push_back(h.up_bytes_per_s / 125e3);
    latency.push_back(h.latency.seconds() * 1e3);
    overhead.push_back(h.overhead_median.seconds() / 60);
  }
  // the logarithm of a sample median has the standard error 1.2533 s / sqrt(n); 4 of them
  const auto near = [](const std::vector<double>& values, double expected, double spread) {
    const double error = 4 * 1.2533 * spread / std::sqrt(kHospitals);
    return std::fabs(std::log(median(values) / expected)) < error;
  };
  CHECK(near(patients, 600, 0.6));
  CHECK(near(speed, 50, 0.4));
  CHECK(near(up, 20, 0.5));
  CHECK(near(latency, 40, 0.5));
  CHECK(near(overhead, 5, 0.8));
  // nothing asked for: nothing follows size
  CHECK(std::fabs(spearman(patients, speed)) < 4 / std::sqrt(kHospitals));
}

TEST_CASE("rank correlations with size are those asked for, over 20,000 hospitals") {
  constexpr int kHospitals = 20'000;
  const auto p = population({{"count", kHospitals},
                             {"size_follows", Table{{"case_mix", 0.4},
                                                    {"latency", -0.3},
                                                    {"prevalence", 0.3},
                                                    {"speed", 0.6},
                                                    {"uplink", 0.5}}}});
  std::vector<double> size, speed, up, latency, prevalence, mix, down;
  for (std::uint32_t i = 0; i < kHospitals; ++i) {
    const HospitalProfile h = p->profile(HospitalId{i});
    size.push_back(static_cast<double>(h.patients));
    speed.push_back(h.speed_flops);
    up.push_back(h.up_bytes_per_s);
    latency.push_back(static_cast<double>(h.latency.ns));
    prevalence.push_back(h.prevalence_rank);
    mix.push_back(h.case_mix_rank);
    down.push_back(static_cast<double>(h.overhead_median.ns));
  }
  // standard error of Spearman's rho is at most 1 / sqrt(n) (it is largest at 0); 4 of them, and
  // 1e-3 for ties among rounded sizes
  const double tolerance = 4 / std::sqrt(kHospitals) + 1e-3;
  CHECK(std::fabs(spearman(size, speed) - 0.6) < tolerance);
  CHECK(std::fabs(spearman(size, up) - 0.5) < tolerance);
  CHECK(std::fabs(spearman(size, latency) + 0.3) < tolerance);
  CHECK(std::fabs(spearman(size, prevalence) - 0.3) < tolerance);
  CHECK(std::fabs(spearman(size, mix) - 0.4) < tolerance);
  CHECK(std::fabs(spearman(size, down)) < tolerance);
  // with one another only through size: r_ij = r_i r_j of the normals, r = 2 sin(pi rho / 6)
  const double pi = std::acos(-1.0);
  const double r = 4 * std::sin(pi * 0.6 / 6) * std::sin(pi * 0.5 / 6);
  CHECK(std::fabs(spearman(speed, up) - 6 / pi * std::asin(r / 2)) < tolerance);
  // the laws themselves are untouched by it
  CHECK(std::fabs(std::log(median(speed) / 50e9)) < 4 * 1.2533 * 0.4 / std::sqrt(kHospitals));
}

TEST_CASE("what follows size follows the rows of the tables where these decide") {
  // ties in the rows share the middle of their ranks: two hospitals to each number of rows
  constexpr int kHospitals = 4'000;
  const Part hospitals =
      part("hospitals", "",
           {{"count", kHospitals}, {"size_follows", Table{{"overhead", 0.9}, {"speed", -0.5}}}});
  PopulationContext context;
  context.run = kRun;
  context.outcome_follows = false;
  for (int i = 0; i < kHospitals; ++i) context.data_rows.push_back((i * 7919) % kHospitals / 2);
  const auto p = make_population(&hospitals, context);
  std::vector<double> rows, overhead, speed, latency;
  for (std::uint32_t i = 0; i < kHospitals; ++i) {
    const HospitalProfile h = p->profile(HospitalId{i});
    rows.push_back(static_cast<double>(context.data_rows[i]));
    overhead.push_back(static_cast<double>(h.overhead_median.ns));
    speed.push_back(h.speed_flops);
    latency.push_back(static_cast<double>(h.latency.ns));
    // the overhead of a round goes with the profile's: without jitter it is the same
    if (i < 5) CHECK(p->overhead(HospitalId{i}, 3).ns > 0);
  }
  // standard error of Spearman's rho at most 1 / sqrt(n); 4 of them, and ties in half the ranks
  const double tolerance = 4 / std::sqrt(kHospitals) + 1e-3;
  CHECK(std::fabs(spearman(rows, overhead) - 0.9) < tolerance);
  CHECK(std::fabs(spearman(rows, speed) + 0.5) < tolerance);
  CHECK(std::fabs(spearman(rows, latency)) < tolerance);
}

TEST_CASE("what the data say cannot be asked of the hospitals too") {
  const auto refused_with_data = [](const Given& given) {
    const Part hospitals = part("hospitals", "", given);
    PopulationContext context;
    context.run = kRun;
    context.data_names = {"A", "B"};
    context.data_rows = {10, 20};
    context.outcome_follows = false;
    return mistake_text([&] { static_cast<void>(make_population(&hospitals, context)); });
  };
  CHECK(refused_with_data({{"patients", 400}}) ==
        "world.lua:7: hospitals: 'patients' decides nothing here: the tables say how many patients "
        "a hospital has\n    leave it out; partition.quantity deals rows out unevenly");
  CHECK(refused_with_data({{"site", Table{{"A", Table{{"prevalence", 0.5}}}}}}) ==
        "world.lua:7: site: this cohort's patients do not follow 'prevalence'\n"
        "    leave it out; cohort.ehr makes patients to such wishes");
  CHECK(refused_with_data({{"size_follows", Table{{"case_mix", 0.5}}}}) ==
        "world.lua:7: hospitals: this cohort's patients do not follow 'case_mix', so it cannot "
        "follow size\n    leave it out; cohort.ehr makes patients to such wishes");
  CHECK(refused_with_data({{"size_follows", Table{{"speed", 0.5}}}}) == "nothing was thrown");
  // profiles say such things of typical hospitals: no wish of the scenario
  CHECK(refused_with_data({{"profile", "mixed"}}) == "nothing was thrown");
}

TEST_CASE("a hospital is drawn at its own address") {
  const auto small = population({{"count", 8}});
  const auto large = population({{"count", 1000}, {"jitter", 0.9}});
  for (std::uint32_t i = 0; i < 8; ++i) {
    const HospitalProfile a = small->profile(HospitalId{i});
    const HospitalProfile b = large->profile(HospitalId{i});
    CHECK(a.patients == b.patients);
    CHECK(a.speed_flops == b.speed_flops);
    CHECK(a.latency == b.latency);
    CHECK(a.prevalence_rank == b.prevalence_rank);
  }
  // a law that becomes a constant moves no other
  const auto constant = population({{"count", 8}, {"speed", Quantity{1e9, Dimension::speed}}});
  CHECK(constant->profile(HospitalId{3}).speed_flops == 1e9);
  CHECK(constant->profile(HospitalId{3}).up_bytes_per_s ==
        small->profile(HospitalId{3}).up_bytes_per_s);
}

TEST_CASE("overhead varies from round to round around the hospital's median") {
  const auto p = population({{"jitter", 0.5}});
  const HospitalId id{2};
  const double m = std::log(p->profile(id).overhead_median.seconds());
  constexpr int kRounds = 4000;
  double sum = 0;
  double squares = 0;
  for (int round = 1; round <= kRounds; ++round) {
    const double x = std::log(p->overhead(id, round).seconds()) - m;
    sum += x;
    squares += x * x;
  }
  CHECK(std::fabs(sum / kRounds) < 4 * 0.5 / std::sqrt(kRounds));
  // the variance of a sample variance is 2 s^4 / n
  CHECK(std::fabs(squares / kRounds - 0.25) < 4 * 0.25 * std::sqrt(2.0 / kRounds));
  CHECK(p->overhead(id, 5) == p->overhead(id, 5));
  CHECK(p->overhead(id, 5) != p->overhead(id, 6));
  const auto steady = population({{"jitter", 0}});
  CHECK(steady->overhead(id, 1) == steady->profile(id).overhead_median);
}

TEST_CASE("names: given, made, from the data, from the sites") {
  const auto named = population({{"names", List{"Lyon", "Oslo", "Bonn"}}});
  CHECK(named->count() == 3);
  CHECK(named->name(HospitalId{1}) == "Oslo");
  CHECK(named->find("Bonn") == HospitalId{2});
  CHECK_FALSE(named->find("hospital-1").has_value());

  const auto made = population({{"count", 1200}});
  CHECK(made->name(HospitalId{6}) == "hospital-0007");
  CHECK(made->find("hospital-0007") == HospitalId{6});
  CHECK(made->find("hospital-1200") == HospitalId{1199});
  for (const char* wrong : {"hospital-7", "hospital-1201", "hospital-0000", "hospital-", "Lyon"}) {
    CHECK_FALSE(made->find(wrong).has_value());
  }

  const auto data = population({}, {"Cleveland", "Budapest"});
  CHECK(data->count() == 2);
  CHECK(data->name(HospitalId{1}) == "Budapest");

  // nobody names them: those of `site` are the first, in alphabetical order; the rest have numbers
  const auto sites = population({{"count", 4},
                                 {"site", Table{{"Lyon", Table{{"uplink", mbit(8)}}},
                                                {"Oslo", Table{{"role", "external"}}},
                                                {"hospital-4", Table{{"patients", 77}}}}}});
  CHECK(sites->name(HospitalId{0}) == "Lyon");
  CHECK(sites->name(HospitalId{1}) == "Oslo");
  CHECK(sites->name(HospitalId{2}) == "hospital-3");
  CHECK(sites->profile(HospitalId{0}).up_bytes_per_s == 1e6);
  CHECK(sites->profile(HospitalId{1}).role == HospitalRole::external);
  CHECK(sites->profile(HospitalId{3}).patients == 77);
  // everything else of them is what it would have been
  const auto plain = population({{"count", 4}});
  CHECK(sites->profile(HospitalId{0}).speed_flops == plain->profile(HospitalId{0}).speed_flops);
}

TEST_CASE("a group has a case mix, as a site does") {
  const auto p = population({{"groups", List{part("group", "", {{"count", 2}, {"case_mix", 0.8}}),
                                             part("group", "", {{"count", 1}})}}});
  CHECK(p->profile(HospitalId{0}).case_mix_rank == 0.8);
  CHECK(p->profile(HospitalId{1}).case_mix_rank == 0.8);
  CHECK(p->profile(HospitalId{2}).case_mix_rank != 0.8);
}

TEST_CASE("any property of one hospital can be given by name") {
  const Value care = part("availability", "maintenance", {});
  const auto p =
      population({{"names", List{"Lyon", "Oslo"}},
                  {"region", "EU"},
                  {"window", nightly(20, 4)},
                  {"availability", care},
                  {"site", Table{{"Oslo", Table{{"approval", hours(48)},
                                                {"availability", None{}},
                                                {"case_mix", 0.9},
                                                {"downlink", mbit(80)},
                                                {"jitter", 0.1},
                                                {"latency", seconds(0.1)},
                                                {"loss", 0.25},
                                                {"overhead", seconds(60)},
                                                {"patients", 900},
                                                {"prevalence", 0.4},
                                                {"region", "NO"},
                                                {"speed", Quantity{7e9, Dimension::speed}},
                                                {"window", None{}}}}}}});
  const HospitalProfile lyon = p->profile(HospitalId{0});
  CHECK(lyon.region == "EU");
  CHECK(lyon.window->opens == at_seconds(20 * 3600));
  CHECK(lyon.availability.part()->name == "maintenance");
  const HospitalProfile oslo = p->profile(HospitalId{1});
  CHECK(oslo.approval == at_seconds(48 * 3600));
  CHECK(oslo.availability.absent());
  CHECK(oslo.case_mix_rank == 0.9);
  CHECK(oslo.down_bytes_per_s == 1e7);
  CHECK(oslo.overhead_spread == 0.1);
  CHECK(oslo.latency == at_seconds(0.1));
  CHECK(oslo.loss == 0.25);
  CHECK(oslo.overhead_median == at_seconds(60));
  CHECK(oslo.patients == 900);
  CHECK(oslo.prevalence == 0.4);
  CHECK(oslo.region == "NO");
  CHECK(oslo.speed_flops == 7e9);
  CHECK_FALSE(oslo.window.has_value());
}

TEST_CASE("groups follow one another; a group wins over all, a site over its group") {
  const auto p = population({{"patients", 100},
                             {"uplink", mbit(16)},
                             {"groups", List{group({{"region", "EU"}, {"count", 2}}),
                                             group({{"region", "US"},
                                                    {"names", List{"Boston", "Austin", "Reno"}},
                                                    {"patients", 500}})}},
                             {"site", Table{{"Austin", Table{{"uplink", mbit(8)}}},
                                            {"hospital-2", Table{{"region", "CH"}}}}}});
  REQUIRE(p->count() == 5);
  CHECK(p->name(HospitalId{0}) == "hospital-1");
  CHECK(p->name(HospitalId{3}) == "Austin");
  CHECK(p->profile(HospitalId{0}).region == "EU");
  CHECK(p->profile(HospitalId{0}).patients == 100);
  CHECK(p->profile(HospitalId{1}).region == "CH");
  CHECK(p->profile(HospitalId{3}).region == "US");
  CHECK(p->profile(HospitalId{3}).patients == 500);
  CHECK(p->profile(HospitalId{3}).up_bytes_per_s == 1e6);
  CHECK(p->profile(HospitalId{4}).up_bytes_per_s == 2e6);
}

TEST_CASE("profiles give figures that what is given overrides") {
  const auto p = population({{"profile", "rural"}, {"uplink", mbit(8)}, {"count", 2000}});
  std::vector<double> patients;
  for (std::uint32_t i = 0; i < 2000; ++i) {
    const HospitalProfile h = p->profile(HospitalId{i});
    CHECK(h.profile == "rural");
    CHECK(h.up_bytes_per_s == 1e6);
    CHECK(h.loss == 0.005);
    CHECK(h.availability.part()->name == "markov");
    patients.push_back(static_cast<double>(h.patients));
  }
  CHECK(std::fabs(std::log(median(patients) / 180)) < 4 * 1.2533 * 0.6 / std::sqrt(2000.0));

  // mixed: shares .2, .3, .5; 4 standard errors of 2000 draws
  const auto mixed = population({{"profile", "mixed"}, {"count", 2000}});
  int university = 0;
  int rural = 0;
  for (std::uint32_t i = 0; i < 2000; ++i) {
    const std::string kind = mixed->profile(HospitalId{i}).profile;
    if (kind == "university") ++university;
    if (kind == "rural") ++rural;
  }
  CHECK(std::abs(university - 400) < 4 * std::sqrt(2000 * 0.2 * 0.8));
  CHECK(std::abs(rural - 600) < 4 * std::sqrt(2000 * 0.3 * 0.7));

  // a group's profile wins over what is said for all, its own fields over its profile
  const auto groups = population(
      {{"profile", "mixed"},
       {"patients", 42},
       {"groups", List{group({{"count", 1}}),
                       group({{"count", 1}, {"profile", "university"}, {"jitter", 0.2}})}}});
  CHECK(groups->profile(HospitalId{0}).patients == 42);
  CHECK(groups->profile(HospitalId{1}).profile == "university");
  CHECK(groups->profile(HospitalId{1}).patients > 42);
  CHECK(groups->profile(HospitalId{1}).overhead_spread == 0.2);
}

TEST_CASE("a daily window, also across midnight") {
  const auto h = [](double hour) { return at_seconds(3600 * hour); };
  const DailyWindow night{h(22), h(6)};
  CHECK(night.open_at(TimeNs{}));
  CHECK(night.next_close(TimeNs{}) == h(6));
  CHECK_FALSE(night.open_at(h(6)));
  CHECK(night.next_open(h(6)) == h(22));
  CHECK(night.next_open(h(23)) == h(23));
  CHECK(night.next_close(h(23)) == h(30));
  CHECK(night.next_open(h(24 * 9 + 12)) == h(24 * 9 + 22));
  const DailyWindow day{h(8), h(17.5)};
  CHECK(day.open_at(h(8)));
  CHECK_FALSE(day.open_at(h(17.5)));
  CHECK(day.next_close(h(8)) == h(17.5));
  CHECK(day.next_close(h(18)) == h(24 + 17.5));
  CHECK(day.next_open(h(18)) == h(24 + 8));
  // until midnight, written as 24 or as 0
  CHECK(DailyWindow{h(20), h(24)}.open_at(h(23.9)));
  CHECK_FALSE(DailyWindow{h(20), h(24)}.open_at(h(24)));
  CHECK(DailyWindow{h(20), h(0)}.next_close(h(21)) == h(24));
  const DailyWindow always{h(5), h(5)};
  CHECK(always.open_at(h(1)));
  CHECK(always.next_close(h(1)) == kNever);
}

TEST_CASE("names that the data give may be said again, in their order") {
  const auto p = population({{"names", List{"Lyon", "Oslo"}}}, {"Lyon", "Oslo"});
  CHECK(p->count() == 2);
  CHECK(p->name(HospitalId{1}) == "Oslo");
  CHECK(refused({{"names", List{"Oslo", "Lyon"}}}, {"Lyon", "Oslo"}) ==
        "world.lua:7: hospitals: the data name the hospitals, 'names' cannot too\n"
        "    the data have Lyon and Oslo");
}

TEST_CASE("populations that make no sense, in full") {
  CHECK(refused({{"names", List{"Lyon", "Oslo"}}, {"site", Table{{"Lyom", Table{}}}}}) ==
        "world.lua:7: hospitals: 'site' names 'Lyom', who is not there\n"
        "    did you mean 'Lyon'?\n"
        "    they are Lyon and Oslo");
  CHECK(refused({{"count", 8}, {"site", Table{{"hospital-9", Table{}}}}}) ==
        "world.lua:7: hospitals: 'site' names 'hospital-9', who is not there\n"
        "    hospitals without a name are called hospital-1 to hospital-8");
  CHECK(refused({{"count", 1}, {"site", Table{{"Lyon", Table{}}, {"Oslo", Table{}}}}}) ==
        "world.lua:7: hospitals: 'site' names 2 hospitals, but there are 1\n"
        "    raise count");
  // every mistake of the sites at once
  CHECK(refused({{"site",
                  Table{{"Lyon", Table{{"uplnk", mbit(8)}}}, {"Oslo", Table{{"speed", mbit(8)}}}}}})
            .starts_with("world.lua:7: site.Lyon has no field 'uplnk'\n"
                         "    did you mean 'uplink'?\n"));
  CHECK(refused({{"site", Table{{"Oslo", Table{{"role", "membr"}}}}}}) ==
        "world.lua:7: site.Oslo: 'role' expected one of \"member\", \"external\" and \"later\", "
        "found "
        "\"membr\"; did you mean 'member'?\n"
        "    role: member: takes part; external: is only evaluated on; later: takes part once the "
        "timeline lets it join");
  CHECK(refused({{"names", List{"Lyon", "Oslo", "Lyon"}}}) ==
        "world.lua:7: two hospitals have the name 'Lyon'\n"
        "    give each hospital a name of its own");
  CHECK(
      refused({{"groups", List{group({{"count", 1}}), group({{"names", List{"hospital-1"}}})}}}) ==
      "world.lua:6: two hospitals have the name 'hospital-1'\n"
      "    hospitals without a name are called that: give another name");
  CHECK(refused({{"count", 3}, {"names", List{"Lyon", "Oslo"}}}) ==
        "world.lua:7: hospitals: 'count' is 3, but 'names' has 2\n"
        "    leave count out, or give as many names");
  CHECK(refused({{"count", 3}}, {"Lyon", "Oslo"}) ==
        "world.lua:7: hospitals: there are to be 3, but the data have 2\n"
        "    the data have Lyon and Oslo");
  CHECK(refused({{"names", List{"A", "B"}}}, {"Lyon", "Oslo"}) ==
        "world.lua:7: hospitals: the data name the hospitals, 'names' cannot too\n"
        "    the data have Lyon and Oslo");
  CHECK(refused({{"count", 9}, {"groups", List{group({{"count", 2}}), group({{"count", 3}})}}}) ==
        "world.lua:7: hospitals: 'count' is 9, but the groups have 5 together\n"
        "    leave count out: the groups say it");
  CHECK(refused({{"groups", List{group({{"region", "EU"}})}}}) ==
        "world.lua:6: group: it does not say how many hospitals it has\n"
        "    give count = 5, or names = { \"Lyon\", \"Oslo\" }");
  CHECK(refused({{"size_follows", Table{{"sped", 0.5}}}}) ==
        "world.lua:7: hospitals: 'size_follows' has no 'sped'\n"
        "    did you mean 'speed'?\n"
        "    it may have speed, uplink, downlink, latency, overhead, prevalence and case_mix");
  CHECK(refused({{"window", nightly(6, 6)}}) ==
        "world.lua:7: nightly: the window opens and closes at the same hour\n"
        "    leave the window out if they may train at any time");
}

TEST_CASE("laws with a monstrous spread still give hospitals that can be simulated") {
  const Value wild = part("availability", "markov",
                          {{"up", lognormal(3600e9, 90, Dimension::time)}, {"down", hours(1e9)}});
  const auto p = population({{"count", 200},
                             {"patients", lognormal(600, 90)},
                             {"speed", lognormal(50e9, 90, Dimension::speed)},
                             {"uplink", lognormal(1e6, 90, Dimension::bandwidth)},
                             {"latency", lognormal(1e6, 90, Dimension::time)},
                             {"overhead", lognormal(1e6, 90, Dimension::time)},
                             {"jitter", 5},
                             {"availability", wild}});
  for (std::uint32_t i = 0; i < 200; ++i) {
    const HospitalProfile h = p->profile(HospitalId{i});
    CHECK(h.patients >= 1);
    CHECK(h.speed_flops >= 1);
    CHECK(h.up_bytes_per_s >= 1);
    CHECK(h.up_bytes_per_s <= 1e15);
    CHECK(h.latency >= TimeNs{});
    CHECK(h.latency <= kTimeMax);
    CHECK(p->overhead(HospitalId{i}, 1) <= kTimeMax);
    if (i >= 20) continue;
    AvailabilityContext context;
    context.hospital = h.id;
    CHECK(make_availability(&h.availability, context)->next_change(TimeNs{}) > TimeNs{});
  }
}

TEST_CASE("a trace that does not know a hospital is found when the population is made") {
  const std::string path =
      (std::filesystem::temp_directory_path() / "polyclinic_population_trace.csv").string();
  std::ofstream(path) << "hospital,time,state\nLyon,10,down\n";
  const Value trace = part("availability", "trace", {{"file", FilePath{"t.csv", path}}});
  CHECK(refused({{"names", List{"Lyon", "Oslo"}}, {"availability", trace}})
            .find("says nothing about the hospital 'Oslo'") != std::string::npos);
  CHECK(population({{"names", List{"Lyon"}}, {"availability", List{trace}}})->count() == 1);
  std::filesystem::remove(path);
}

TEST_CASE("a million hospitals cost no memory of their own, and little time each") {
  // mallinfo2 sees nothing under AddressSanitizer, where this part then says nothing
  const auto used = [] { return static_cast<std::int64_t>(mallinfo2().uordblks); };
  const std::int64_t before = used();
  const auto small = population({{"count", 10}});
  const std::int64_t small_bytes = used() - before;
  const auto large = population({{"count", 1'000'000}});
  const std::int64_t large_bytes = used() - before - small_bytes;
  CHECK(large_bytes <= small_bytes + 1024);

  // 100,000 profiles; a bound so loose that only a change of kind can break it
  const auto start = std::chrono::steady_clock::now();
  std::int64_t patients = 0;
  for (std::uint32_t i = 0; i < 100'000; ++i)
    patients += large->profile(HospitalId{i * 10}).patients;
  const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start;
  CHECK(patients > 0);
  CHECK(passed.count() < 5);
  MESSAGE("profile(id): " << passed.count() * 10 << " us");
}
