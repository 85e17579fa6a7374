// cohort.synthetic against its definition (Li et al. 2020, generate_synthetic.py).
#include "data/synthetic.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <set>

#include "base/error.hpp"
#include "base/math.hpp"
#include "support.hpp"

namespace polyclinic {

using namespace test;

namespace {

Part synthetic(double alpha, double beta, bool iid = false, int devices = 30) {
  return part("cohort", "synthetic",
              {{"alpha", Value(alpha)},
               {"beta", Value(beta)},
               {"iid", Value(iid)},
               {"devices", Value(devices)}});
}

std::vector<HospitalId> all_of(const Cohort& cohort) {
  std::vector<HospitalId> ids;
  for (std::uint32_t i = 0; i < cohort.sites(); ++i) ids.push_back({i});
  return ids;
}

double mean_of_feature(const Dataset& data, std::size_t j) {
  double sum = 0;
  for (std::int64_t i = 0; i < data.rows; ++i) sum += static_cast<double>(data.row(i)[j]);
  return sum / static_cast<double>(data.rows);
}

}  // namespace

TEST_CASE("synthetic: 30 devices, 60 features, 10 classes, a tenth of the rows for testing") {
  const auto devices = cohort(synthetic(1, 1));
  CHECK(devices->sites() == 30);
  CHECK(devices->info().feature_count() == 60);
  CHECK(devices->info().classes == 10);
  CHECK(devices->site_names()[29] == "Device 30");
  for (std::uint32_t i = 0; i < 30; ++i) {
    const SitePtr site = devices->site({i});
    const std::int64_t rows = site->train.rows + site->test.rows;
    CHECK(rows >= 50);
    CHECK(site->train.rows == devices->train_rows({i}));
    CHECK(std::fabs(static_cast<double>(site->test.rows) - 0.1 * static_cast<double>(rows)) <= 0.5);
    CHECK(site->validation.rows == 0);
    CHECK(site->train.x.size() == static_cast<std::size_t>(site->train.rows) * 60);
    for (const float label : site->train.label) CHECK((label >= 0 && label <= 9));
  }
}

TEST_CASE(
    "synthetic: as many features and classes as asked; the outcome of two classes is yes or no") {
  const auto devices =
      cohort(part("cohort", "synthetic", {{"features", Value(7)}, {"classes", Value(2)}}));
  CHECK(devices->info().task == OutcomeKind::binary);
  CHECK(devices->info().features.back() == "x7");
  const SitePtr site = devices->site({3});
  CHECK(site->train.columns == 7);
  CHECK(site->train.x.size() == static_cast<std::size_t>(site->train.rows) * 7);
  for (const float label : site->train.label) CHECK((label == 0.0F || label == 1.0F));
}

TEST_CASE("synthetic: sizes beyond 50 are lognormal(4, 2)") {
  // median of the rows beyond 50 is e^4 = 54.6; the median of 2,000 draws has a standard error of
  // 1.253 * 2 / sqrt(2000) = .056 in the logarithm; int() lowers it by up to one row (.018)
  const auto devices = cohort(synthetic(0, 0, false, 2000), 3);
  std::vector<double> log_rows;
  for (std::uint32_t i = 0; i < 2000; ++i) {
    const auto train = static_cast<double>(devices->train_rows({i}));
    log_rows.push_back(math::log(std::max(1.0, train / 0.9 - 50.0)));
  }
  std::sort(log_rows.begin(), log_rows.end());
  CHECK(std::fabs(log_rows[1000] - 4.0) < 4 * 0.056 + 0.018);
  // quartiles lie .6745 sd apart from the median: 2 * .6745 * 2 = 2.70
  CHECK(log_rows[1500] - log_rows[500] == doctest::Approx(2.70).epsilon(0.1));
}

TEST_CASE("synthetic iid: inputs are N(0, j^-1.2), one law for all") {
  const auto devices = cohort(synthetic(0, 0, true), 2);
  const auto ids = all_of(*devices);
  const SitePtr all = devices->pooled(ids);
  const auto n = static_cast<double>(all->train.rows);
  for (const std::size_t j : {0U, 9U, 59U}) {
    const double variance = std::pow(static_cast<double>(j) + 1.0, -1.2);
    const double mean = mean_of_feature(all->train, j);
    CHECK(std::fabs(mean) < 5 * std::sqrt(variance / n));
    double squares = 0;
    for (std::int64_t i = 0; i < all->train.rows; ++i) {
      const double x = static_cast<double>(all->train.row(i)[j]) - mean;
      squares += x * x;
    }
    // the variance of a normal sample has a relative standard error of sqrt(2 / n)
    CHECK(squares / n == doctest::Approx(variance).epsilon(5 * std::sqrt(2 / n)));
  }
}

TEST_CASE("synthetic: beta moves the centres of devices apart, alpha's labels concentrate") {
  // a device's mean over its 60 features is N(0, beta^2 + 1/60) plus sampling noise
  const auto spread = [](double beta) {
    const auto devices = cohort(synthetic(1, beta, false, 200), 5);
    double squares = 0;
    for (std::uint32_t i = 0; i < 200; ++i) {
      const SitePtr site = devices->site({i});
      double mean = 0;
      for (std::size_t j = 0; j < 60; ++j) mean += mean_of_feature(site->train, j) / 60;
      squares += mean * mean;
    }
    return squares / 200;
  };
  // relative standard error of a variance over 200 devices: sqrt(2 / 200) = .1
  CHECK(spread(1.0) == doctest::Approx(1.0 + 1.0 / 60).epsilon(0.4));
  CHECK(spread(0.0) < 0.1);
  // published: 2.0-2.2 labels per device in the shipped test sets
  const auto devices = cohort(synthetic(1, 1), 1);
  double labels = 0;
  for (std::uint32_t i = 0; i < 30; ++i) {
    const SitePtr site = devices->site({i});
    labels += static_cast<double>(
                  std::set<float>(site->test.label.begin(), site->test.label.end()).size()) /
              30;
  }
  CHECK(labels > 1.3);
  CHECK(labels < 3.5);
}

TEST_CASE("synthetic: a site has the same bits in any order and after it was dropped") {
  const auto forwards = cohort(synthetic(0.5, 0.5), 9, 1 << 20);
  const auto backwards = cohort(synthetic(0.5, 0.5), 9, 1 << 16);
  for (std::uint32_t i = 0; i < 30; ++i) static_cast<void>(backwards->site({29 - i}));
  for (std::uint32_t i = 0; i < 30; ++i) {
    CHECK(forwards->site({i})->train.x == backwards->site({i})->train.x);
    CHECK(forwards->site({i})->test.label == backwards->site({i})->test.label);
  }
}

namespace {

struct TenHospitals : SiteDirectory {
  [[nodiscard]] std::int64_t count() const override { return 10; }
  [[nodiscard]] SiteRequest request(HospitalId hospital) const override {
    SiteRequest request;
    request.hospital = hospital;
    request.patients = 100 + 10 * hospital.value;
    return request;
  }
};

}  // namespace

TEST_CASE("synthetic: hospitals of the scenario say how many and how large") {
  const TenHospitals directory;
  const auto devices = cohort(part("cohort", "synthetic", {}), 1, 1 << 20, &directory);
  CHECK(devices->sites() == 10);
  CHECK(devices->site_names().empty());
  CHECK(devices->train_rows({9}) == 171);  // 90 % of 190
}

namespace {

// One of the hospitals is to be larger than the machine's memory.
struct OneMonstrous : SiteDirectory {
  std::int64_t hospitals;
  HospitalId monstrous;
  std::string name;
  OneMonstrous(std::int64_t n, HospitalId which, std::string called)
      : hospitals(n), monstrous(which), name(std::move(called)) {}
  [[nodiscard]] std::int64_t count() const override { return hospitals; }
  [[nodiscard]] SiteRequest request(HospitalId hospital) const override {
    SiteRequest request;
    request.hospital = hospital;
    request.patients = hospital == monstrous ? 10'000'001 : 100;
    if (hospital == monstrous) request.name = name;
    return request;
  }
};

std::string refusal(const std::function<void()>& action) {
  try {
    action();
  } catch (const ScenarioError& error) {
    return error.mistakes().at(0).message + "|" + error.mistakes().at(0).hint;
  }
  return "none";
}

}  // namespace

TEST_CASE("generators refuse a hospital that no memory holds, by name and number") {
  const std::string hint =
      "|at most 10000000 are made for one hospital: lower 'patients', or give its law less spread";
  for (const char* kind : {"ehr", "synthetic"}) {
    const std::string start = "cohort." + std::string(kind) + ": ";
    const Part asked = part("cohort", kind, {});
    const OneMonstrous named(10, HospitalId{3}, "Lyon");
    CHECK(refusal([&] { static_cast<void>(cohort(asked, 1, 1 << 20, &named)); }) ==
          start + "hospital 'Lyon' is to have 10000001 patients" + hint);
    const OneMonstrous unnamed(10, HospitalId{3}, "");
    CHECK(refusal([&] { static_cast<void>(cohort(asked, 1, 1 << 20, &unnamed)); }) ==
          start + "hospital 4 is to have 10000001 patients" + hint);
    // of very many hospitals the last are looked at when they are made
    const OneMonstrous late(20'000, HospitalId{15'000}, "Oslo");
    const auto many = cohort(asked, 1, 1 << 20, &late);
    CHECK(many->train_rows({14'000}) > 0);
    CHECK(refusal([&] { static_cast<void>(many->site({15'000})); }) ==
          start + "hospital 'Oslo' is to have 10000001 patients" + hint);
  }
}

}  // namespace polyclinic
