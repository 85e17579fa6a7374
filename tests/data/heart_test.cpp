// The four hospitals of UCI Heart Disease through cohort.csv, against the published counts.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "support.hpp"

namespace polyclinic {

using namespace test;

namespace {

std::int64_t rows(const Site& site) {
  return site.train.rows + site.validation.rows + site.test.rows;
}

double events(const Site& site) {
  double sum = 0;
  for (const Dataset* data : {&site.train, &site.validation, &site.test}) {
    sum = std::accumulate(data->label.begin(), data->label.end(), sum);
  }
  return sum;
}

}  // namespace

TEST_CASE("heart: complete cases on FLamby's columns are 303, 261, 46 and 130") {
  NEEDS_DATA();
  const auto hospitals = cohort(heart());
  CHECK(hospitals->site_names() ==
        std::vector<std::string>{"Cleveland", "Budapest", "Zurich", "Long Beach"});
  const std::vector<std::int64_t> expected{303, 261, 46, 130};
  // Cleveland's 45.9 % and Zurich's 97.8 % are those of ehr-facts; 45 of 46
  const std::vector<double> positives{139, 98, 45, 101};
  for (std::uint32_t i = 0; i < 4; ++i) {
    const SitePtr site = hospitals->site({i});
    CHECK(rows(*site) == expected[i]);
    CHECK(hospitals->train_rows({i}) == site->train.rows);
    CHECK(events(*site) == positives[i]);
  }
}

TEST_CASE("heart: thirteen features, numbers first, then levels without the reference") {
  NEEDS_DATA();
  const auto hospitals = cohort(heart());
  CHECK(hospitals->info().features ==
        std::vector<std::string>{"age", "sex", "trestbps", "chol", "fbs", "thalach", "exang",
                                 "oldpeak", "cp=2", "cp=3", "cp=4", "restecg=1", "restecg=2"});
}

TEST_CASE("heart: each hospital's training rows have mean 0 and sd 1, Zurich's cholesterol is 0") {
  NEEDS_DATA();
  const auto hospitals = cohort(heart());
  for (std::uint32_t i = 0; i < 4; ++i) {
    const Dataset& train = hospitals->site({i})->train;
    for (std::int32_t j = 0; j < train.columns; ++j) {
      double sum = 0;
      double squares = 0;
      for (std::int64_t row = 0; row < train.rows; ++row) {
        const double x = train.row(row)[static_cast<std::size_t>(j)];
        sum += x;
        squares += x * x;
      }
      const auto n = static_cast<double>(train.rows);
      // each of n values is rounded to float: |error| <= 2^-24 |x|, and |x| < 20 here
      CHECK(std::fabs(sum / n) < 20 * 0x1p-24);
      const double variance = squares / (n - 1);
      const bool never_varies = variance == 0;
      if (!never_varies) CHECK(variance == doctest::Approx(1.0).epsilon(1e-5));
      if (i == 2 && hospitals->info().features[static_cast<std::size_t>(j)] == "chol")
        CHECK(never_varies);
    }
  }
}

}  // namespace polyclinic
