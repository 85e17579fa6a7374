// System: the arithmetic of a secure sum in a round. Expectation: the weighted mean of the updates,
// but for rounding; hospitals without a usable update change nothing; thresholds as documented.
// Reason: what a scenario says of weights must hold under masks too.
#include <doctest/doctest.h>

#include <cmath>

#include "fed/secure_sum.hpp"

namespace polyclinic {
namespace {

std::shared_ptr<const ParameterLayout> layout() {
  auto made = std::make_shared<ParameterLayout>();
  made->add("w", {5}, Role::weight);
  return made;
}

class Given final : public UpdateStream {
 public:
  explicit Given(std::vector<Update> updates) : updates_(std::move(updates)) {}
  [[nodiscard]] std::size_t count() const override { return updates_.size(); }
  const Update* next() override {
    return position_ < updates_.size() ? &updates_[position_++] : nullptr;
  }

 private:
  std::vector<Update> updates_;
  std::size_t position_ = 0;
};

Update update(std::uint32_t hospital, std::int64_t rows, float first) {
  Update result;
  result.hospital = HospitalId{hospital};
  result.rows = rows;
  result.delta = ParameterVector(layout());
  const std::vector<float> values{first, -first, 0.5F * first, 0, 1};
  result.delta.assign_compact(values);
  return result;
}

std::vector<SecureParty> four() {
  std::vector<SecureParty> parties(4);
  for (std::uint32_t i = 0; i < 4; ++i) {
    parties[i] = {HospitalId{i}, true, true, true, true, true};
  }
  return parties;
}

TEST_CASE("a secure sum is the weighted mean but for rounding") {
  SecureRule rule;
  rule.clip = 2;
  for (const bool by_size : {true, false}) {
    for (const bool real : {true, false}) {
      rule.real = real;
      SecureAccount account;
      SecureSum sum(rule, make_run_key(1, 0), account);
      Given updates(
          {update(0, 100, 0.5F), update(1, 200, -1), update(2, 300, 1.5F), update(3, 400, 0.25F)});
      ParameterVector mean(layout());
      REQUIRE(sum.mean(four(), updates, 0, by_size, mean));
      const double expected = by_size ? (50.0 - 200 + 450 + 100) / 1000 : 1.25 / 4;
      // each of four roundings is off by less than a step of 4 / (2^24 - 1); their sum is divided
      // by the weights: 1,000 of 10,000 rows, or 4
      const double bound = 4 * 4.0 / 16777215 / (by_size ? 0.1 : 4) + 1e-7;
      const std::vector<float> found = mean.compact();
      CHECK(std::abs(double{found[0]} - expected) < bound);
      CHECK(std::abs(double{found[1]} + expected) < bound);
      CHECK(std::abs(double{found[3]}) < bound);
      CHECK(std::abs(double{found[4]} - 1) < bound);
      CHECK(account.values == 20);
      CHECK(account.clipped == 0);
    }
  }
}

TEST_CASE("who has no usable update adds nothing, and the lost are taken out") {
  SecureRule rule;
  rule.threshold = 2;
  SecureAccount account;
  SecureSum sum(rule, make_run_key(1, 0), account);
  std::vector<SecureParty> parties = four();
  parties[1].summed = parties[1].revealed = false;  // lost after it shared its keys
  parties[3].revealed = false;                      // lost after its masked update
  // hospital 0 is in the sum, and its training overflowed: no update of it comes
  Given updates({update(2, 300, 1), update(3, 100, -1)});
  ParameterVector mean(layout());
  REQUIRE(sum.mean(parties, updates, 0, true, mean));
  CHECK(double{mean.compact()[0]} == doctest::Approx(0.5).epsilon(1e-3));
  CHECK(account.differ_by_one == 0);
  // the next sum has one hospital more
  parties = four();
  Given all({update(0, 1, 1), update(1, 1, 1), update(2, 1, 1), update(3, 1, 1)});
  REQUIRE(sum.mean(parties, all, 1, true, mean));
  CHECK(account.differ_by_one == 1);
  // nobody has anything: there is no mean
  Given none({});
  CHECK_FALSE(sum.mean(parties, none, 2, true, mean));
}

TEST_CASE("values and weights are held to their bounds, and counted") {
  SecureRule rule;
  rule.clip = 0.5;
  rule.rows_max = 100;
  SecureAccount account;
  SecureSum sum(rule, make_run_key(1, 0), account);
  Given updates({update(0, 100, 3), update(1, 5000, 3), update(2, 100, 3), update(3, 100, 3)});
  ParameterVector mean(layout());
  REQUIRE(sum.mean(four(), updates, 0, true, mean));
  const std::vector<float> found = mean.compact();
  CHECK(double{found[0]} == doctest::Approx(0.5).epsilon(1e-5));
  CHECK(double{found[1]} == doctest::Approx(-0.5).epsilon(1e-5));
  CHECK(account.clipped == 16);  // all but the zeros
  CHECK(account.rows_held == 1);
}

TEST_CASE("thresholds are two thirds and one, a count or a share, and at least two") {
  SecureRule rule;
  CHECK(secure_threshold(rule, 3) == 3);
  CHECK(secure_threshold(rule, 4) == 3);
  CHECK(secure_threshold(rule, 12) == 9);
  CHECK(secure_threshold(rule, 1) == 2);
  rule.threshold_share = 0.5;
  CHECK(secure_threshold(rule, 7) == 4);
  CHECK(secure_threshold(rule, 8) == 4);
  CHECK(secure_threshold(rule, 2) == 2);
  rule.threshold_share.reset();
  rule.threshold = 5;
  CHECK(secure_threshold(rule, 100) == 5);
}

}  // namespace
}  // namespace polyclinic
