// Imputation, coding and standardisation against values worked out by hand.
#include "data/preparation.hpp"

#include <cmath>
#include <limits>
#include <numeric>

#include "support.hpp"

namespace polyclinic {

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

std::vector<std::int32_t> all_rows(const RawTable& table) {
  std::vector<std::int32_t> rows(static_cast<std::size_t>(table.rows));
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

// One numeric column that may be missing and one of three levels.
const std::vector<RawColumn> kColumns{
    {.name = "x", .kind = ColumnKind::numeric, .levels = {}, .may_be_missing = true},
    {.name = "c",
     .kind = ColumnKind::categorical,
     .levels = {"a", "b", "d"},
     .may_be_missing = false}};

}  // namespace

TEST_CASE("features are numbers, then levels without the first, then indicators") {
  const Preparation reference(kColumns, {});
  CHECK(reference.features() == std::vector<std::string>{"x", "c=b", "c=d", "missing(x)"});
  const Preparation all(kColumns, {.indicators = false, .all_levels = true});
  CHECK(all.features() == std::vector<std::string>{"x", "c=a", "c=b", "c=d"});
}

TEST_CASE("a missing number becomes the median, a missing category the commonest level") {
  const RawTable table{5, {{1, kNan, 10, 4, 3}, {2, kNan, 2, 0, 1}}};
  const auto rows = all_rows(table);
  const RawRows training{&table, rows};
  const Preparation preparation(kColumns, {.standardise = Standardisation::none});
  const Fitted fitted = preparation.fit({&training, 1});
  CHECK(fitted.fill == std::vector<double>{3.5, 2});  // the middle of 1 3 4 10; d occurs twice
  Dataset out;
  preparation.apply(fitted, training, out);
  CHECK(out.x == std::vector<float>{1,   0, 1, 0,  //
                                    3.5, 0, 1, 1,  //
                                    10,  0, 1, 0,  //
                                    4,   0, 0, 0,  //
                                    3,   1, 0, 0});
}

TEST_CASE("the mean stands for a missing number when asked") {
  const RawTable table{3, {{1, kNan, 4}, {0, 0, 0}}};
  const auto rows = all_rows(table);
  const RawRows training{&table, rows};
  const Preparation preparation(kColumns, {.impute = Imputation::mean});
  CHECK(preparation.fit({&training, 1}).fill[0] == 2.5);
}

TEST_CASE("standardised values are (x - mean) / sd with n - 1, fitted on training rows only") {
  const std::vector<RawColumn> columns{{.name = "x"}};
  const RawTable table{5, {{2, 4, 6, 100, -50}}};
  const std::vector<std::int32_t> train{0, 1, 2};
  const std::vector<std::int32_t> test{3, 4};
  const RawRows training{&table, train};
  const Preparation preparation(columns, {});
  const Fitted fitted = preparation.fit({&training, 1});
  CHECK(fitted.mean[0] == 4.0);
  CHECK(fitted.scale[0] == 0.5);  // sd = sqrt((4 + 0 + 4) / 2) = 2
  Dataset out;
  preparation.apply(fitted, {&table, test}, out);
  CHECK(out.x == std::vector<float>{48, -27});
}

TEST_CASE("a feature that does not vary in training is 0 in every row") {
  // 0.1 is no binary fraction: the mean of many is not exactly 0.1, and their sd not exactly 0
  const std::vector<RawColumn> columns{{.name = "x"}};
  RawTable table{1001, {std::vector<double>(1001, 0.1)}};
  table.columns[0][1000] = 7;
  std::vector<std::int32_t> train(1000);
  std::iota(train.begin(), train.end(), 0);
  const std::vector<std::int32_t> test{1000};
  const RawRows training{&table, train};
  const Preparation preparation(columns, {});
  Dataset out;
  preparation.apply(preparation.fit({&training, 1}), {&table, test}, out);
  CHECK(out.x == std::vector<float>{0});
}

TEST_CASE("a column without any training value is reported and becomes 0") {
  const RawTable table{3, {{kNan, kNan, 5}, {0, 1, 2}}};
  const std::vector<std::int32_t> train{0, 1};
  const std::vector<std::int32_t> test{2};
  const RawRows training{&table, train};
  const Preparation preparation(kColumns, {.indicators = false});
  const Fitted fitted = preparation.fit({&training, 1});
  CHECK(fitted.empty == std::vector<std::int32_t>{0});
  Dataset out;
  preparation.apply(fitted, {&table, test}, out);
  CHECK(out.x[0] == 0.0F);
}

TEST_CASE("a single training row and no training row give finite features") {
  const RawTable table{2, {{3, 9}, {1, 2}}};
  const std::vector<std::int32_t> none;
  const std::vector<std::int32_t> one{0};
  const std::vector<std::int32_t> other{1};
  const Preparation preparation(kColumns, {});
  for (const auto& train : {none, one}) {
    const RawRows training{&table, train};
    Dataset out;
    preparation.apply(preparation.fit({&training, 1}), {&table, other}, out);
    for (const float x : out.x) CHECK(std::isfinite(x));
  }
}

TEST_CASE("federated statistics are those of one table with means for missing numbers") {
  const RawTable table{7, {{1, 5, kNan, 2, 9, 4, kNan}, {0, 1, 1, 2, 1, 0, 0}}};
  const std::vector<std::int32_t> first{0, 1, 2};
  const std::vector<std::int32_t> second{3, 4, 5, 6};
  const std::vector<RawRows> sites{{&table, first}, {&table, second}};
  const auto all = all_rows(table);
  const RawRows together{&table, all};
  const Preparation preparation(
      kColumns, {.standardise = Standardisation::federated, .impute = Imputation::mean});
  const Fitted apart = preparation.fit_federated(2, [&](std::size_t i) { return sites[i]; });
  const Fitted pooled = preparation.fit({&together, 1});
  CHECK(apart.fill[0] == doctest::Approx(21.0 / 5).epsilon(1e-15));
  // the same sums in another order: a few roundings apart
  for (std::size_t j = 0; j < apart.mean.size(); ++j) {
    CHECK(apart.mean[j] == doctest::Approx(pooled.mean[j]).epsilon(1e-14));
    CHECK(apart.scale[j] == doctest::Approx(pooled.scale[j]).epsilon(1e-14));
  }
}

TEST_CASE("a large mean does not spoil the standard deviation") {
  // mean 1e9, sd 2: the sum of squares less the squared sum would have no digit left
  const std::vector<RawColumn> columns{{.name = "x"}};
  const RawTable table{3, {{1e9 - 2, 1e9, 1e9 + 2}}};
  const auto rows = all_rows(table);
  const RawRows training{&table, rows};
  const Preparation preparation(columns, {});
  CHECK(preparation.fit({&training, 1}).scale[0] == 0.5);
}

}  // namespace polyclinic
