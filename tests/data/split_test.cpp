// Splits: exact counts, no patient in two of them, strata kept.
#include "data/split.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "base/draw.hpp"
#include "support.hpp"

namespace polyclinic {

namespace {

Stream stream(std::uint64_t seed) {
  return {make_run_key(seed, 0), Purpose::kSplit, 3};
}

std::vector<std::int32_t> strata(int zeros, int ones) {
  std::vector<std::int32_t> result(static_cast<std::size_t>(zeros), 0);
  result.insert(result.end(), static_cast<std::size_t>(ones), 1);
  return result;
}

std::int64_t ones(const std::vector<std::int32_t>& rows, const std::vector<std::int32_t>& stratum) {
  return std::count_if(rows.begin(), rows.end(),
                       [&](std::int32_t row) { return stratum[row] == 1; });
}

// Every row is in at most one split; returns how many are in one.
std::int64_t disjoint_rows(const SplitRows& split) {
  std::set<std::int32_t> seen;
  std::size_t total = 0;
  for (const auto* rows : {&split.train, &split.validation, &split.test}) {
    CHECK(std::is_sorted(rows->begin(), rows->end()));
    seen.insert(rows->begin(), rows->end());
    total += rows->size();
  }
  CHECK(seen.size() == total);
  return static_cast<std::int64_t>(total);
}

}  // namespace

TEST_CASE("shares give whole patients by largest remainder, none lost") {
  const SplitCounts ten = split_counts(10, {});
  CHECK(ten.train == 6);
  CHECK(ten.validation == 2);
  CHECK(ten.test == 2);
  for (std::int64_t n = 0; n < 200; ++n) {
    const SplitCounts counts = split_counts(n, {});
    CHECK(counts.train + counts.validation + counts.test == n);
    CHECK(std::abs(static_cast<double>(counts.train) - 0.6 * static_cast<double>(n)) < 1.0);
  }
  const SplitCounts half = split_counts(100, {.train = 0.3, .validation = 0.0, .test = 0.2});
  CHECK(half.train == 30);
  CHECK(half.validation == 0);
  CHECK(half.test == 20);
}

TEST_CASE("each class is divided in the same shares") {
  const auto stratum = strata(300, 100);
  const SplitRows split = split_stratified({stratum, {}, {}}, {}, stream(1));
  CHECK(disjoint_rows(split) == 400);
  CHECK(split.train.size() == 240);
  CHECK(ones(split.train, stratum) == 60);
  CHECK(ones(split.validation, stratum) == 20);
  CHECK(ones(split.test, stratum) == 20);
}

TEST_CASE("test gets 5 events where half of them are enough for it") {
  // 12 events: the shares give test 2; 6 is half of them
  const auto twelve = strata(100, 12);
  CHECK(ones(split_stratified({twelve, {}, {}}, {}, stream(1)).test, twelve) == 5);
  // 6 events: at most 3 may go
  const auto six = strata(100, 6);
  const SplitRows split = split_stratified({six, {}, {}}, {}, stream(1));
  CHECK(ones(split.test, six) == 3);
  CHECK(ones(split.train, six) == 3);
  const auto remarks = split_remarks(split, six);
  CHECK(remarks == std::vector<std::string>{"test has 3 events, fewer than 5"});
  // switched off
  CHECK(ones(split_stratified({six, {}, {}}, {.test_minimum = 0}, stream(1)).test, six) == 1);
}

TEST_CASE("a hospital with one class says so") {
  const auto stratum = strata(0, 30);
  const SplitRows split = split_stratified({stratum, {}, {}}, {}, stream(1));
  CHECK(split_remarks(split, stratum) ==
        std::vector<std::string>{
            "all 18 training rows are events: alone this hospital can learn nothing",
            "test has 0 non-events, fewer than 5"});
}

TEST_CASE("all rows of a patient go to one split, whatever the rows' order") {
  Stream random(make_run_key(5, 0), Purpose::kTest, 0);
  std::vector<std::int64_t> patient;
  std::vector<std::int32_t> stratum;
  for (int row = 0; row < 3000; ++row) {
    patient.push_back(static_cast<std::int64_t>(random.below(1000)) * 7919);
    stratum.push_back(random.uniform() < 0.2 ? 1 : 0);
  }
  const SplitRows split = split_stratified({stratum, patient, {}}, {}, stream(2));
  CHECK(disjoint_rows(split) == 3000);
  std::map<std::int64_t, int> part_of;
  int part = 0;
  for (const auto* rows : {&split.train, &split.validation, &split.test}) {
    for (const std::int32_t row : *rows) {
      CHECK(part_of.emplace(patient[static_cast<std::size_t>(row)], part).first->second == part);
    }
    ++part;
  }
  // shares hold for patients: 60 % of about 950
  const auto in_train =
      std::count_if(part_of.begin(), part_of.end(), [](auto& p) { return p.second == 0; });
  CHECK(std::abs(static_cast<double>(in_train) - 0.6 * static_cast<double>(part_of.size())) < 2.0);
}

TEST_CASE("what is decided elsewhere stays") {
  const auto stratum = strata(50, 50);
  std::vector<SplitPart> decided(100, SplitPart::unused);
  for (std::size_t row = 0; row < 100; row += 10) decided[row] = SplitPart::test;
  const SplitRows split = split_stratified({stratum, {}, decided}, {}, stream(3));
  CHECK(disjoint_rows(split) == 100);
  CHECK(split.test.size() == 20);
  for (std::int32_t row = 0; row < 100; row += 10) {
    CHECK(std::binary_search(split.test.begin(), split.test.end(), row));
  }
}

TEST_CASE("the same address gives the same split, another seed another") {
  const auto stratum = strata(60, 40);
  const auto once = split_stratified({stratum, {}, {}}, {}, stream(1));
  CHECK(once.train == split_stratified({stratum, {}, {}}, {}, stream(1)).train);
  CHECK(once.train != split_stratified({stratum, {}, {}}, {}, stream(2)).train);
}

TEST_CASE("no rows, no patients: nothing happens") {
  const SplitRows split = split_stratified({}, {}, stream(1));
  CHECK(disjoint_rows(split) == 0);
}

}  // namespace polyclinic
