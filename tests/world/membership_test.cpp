// System: membership inference on a finished run. Input: scores with a known law, and small
// federations. Expectation: hospitals are compared with themselves; what differs between them is
// told apart from membership; asking changes nothing else.
#include "world/membership.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/draw.hpp"
#include "parts.hpp"

namespace polyclinic {
namespace {

using namespace testing;  // NOLINT: the vocabulary of these tests
using doctest::Approx;

// A hospital whose scores lie around `level`, those of members higher by `signal`.
HospitalScores normal_hospital(std::uint32_t id, int members, int others, double level,
                               double signal, std::uint64_t seed = 1) {
  HospitalScores scores;
  scores.hospital = HospitalId{id};
  Stream stream(RunKey{seed}, Purpose::kTest, id);
  for (int i = 0; i < members; ++i) {
    scores.members.push_back(draw::normal(stream, level + signal, 1));
  }
  for (int i = 0; i < others; ++i) scores.others.push_back(draw::normal(stream, level, 1));
  return scores;
}

// Ten hospitals: half of them easy patients, of whom many were trained on, half hard ones, of whom
// few were.
std::vector<HospitalScores> shifted_hospitals(double signal, std::uint64_t seed = 1) {
  std::vector<HospitalScores> hospitals;
  for (std::uint32_t h = 0; h < 10; ++h) {
    const bool easy = h % 2 == 0;
    hospitals.push_back(
        normal_hospital(h, easy ? 900 : 90, easy ? 90 : 900, easy ? 1 : -1, signal, seed));
  }
  return hospitals;
}

// Standard error of an AUC without a signal, of m and n records (Mann and Whitney 1947):
// (m + n + 1) / (12 m n); here of ten hospitals' mean, m = 900, n = 90.
double standard_error_of_ten() {
  return std::sqrt((900.0 + 90 + 1) / (12 * 900.0 * 90) / 10);
}

double normal_auc(double shift) {
  return 0.5 * std::erfc(-shift / 2);  // Phi(shift / sqrt 2)
}

Part audit(double rate = 0.01, double confidence = 0.95) {
  return part("audit", "membership", {{"false_positive_rate", rate}, {"confidence", confidence}});
}

const std::string& sentence(const MembershipResult& result, const std::string& heading) {
  for (const auto& [name, text] : result.statement) {
    if (name == heading) return text;
  }
  FAIL("no sentence about " << heading);
  static const std::string none;
  return none;
}

// Sixteen patients or so of a hospital to learn from, and far too many parameters and epochs.
WorldSpec overfitted(const Fields& more) {
  Fields fields{
      {"hospitals", part("hospitals", "", {{"count", 4.0}, {"patients", 60.0}})},
      {"model", part("model", "mlp", {{"hidden", list({Value(32.0)})}})},
      {"training", part("training", "adam", {{"rate", 0.01}, {"epochs", 20.0}, {"batch", 16.0}})},
      {"rounds", 10.0},
      {"deadline", Value(None{})},
      {"measure", part("measure", "", {{"every", "end"}})},
      {"audit", audit()}};
  for (const auto& field : more) fields.push_back(field);
  return small_world(fields);
}

}  // namespace

TEST_CASE("AUC within and across hospitals by hand") {
  // hospital 0: of 25 pairs members win 1 + 2 + 3 + 4 + 5; hospital 1: all are equal
  HospitalScores first{HospitalId{0}, {1, 3, 5, 7, 9}, {0, 2, 4, 6, 8}};
  HospitalScores second{HospitalId{1}, {20, 20, 20, 20, 20, 20}, {20, 20, 20, 20, 20}};
  const std::vector<HospitalScores> both{first, second};
  const MembershipResult result = judge_membership(both, {});
  CHECK(result.hospitals.at(0).auc.value.value() == Approx(0.6));
  CHECK(result.hospitals.at(1).auc.value.value() == Approx(0.5));
  CHECK(result.auc_within.value.value() == Approx(0.55));
  CHECK(result.hospitals_counted == 2);
  // across: of 11 x 10 pairs 15 within the first, 30 halves within the second, and all 6 x 5 of the
  // second's members with the first's others
  CHECK(result.auc_pooled.value.value() == Approx((15 + 15 + 30) / 110.0));
  CHECK(result.members == 11);
  CHECK(result.others == 10);
  CHECK(result.balanced == 10);
  // four members are too few for a value, and the sentence says so
  first.members.pop_back();
  MembershipResult few = judge_membership(std::vector{first}, {});
  few.statement = membership_statement(few);
  CHECK(sentence(few, "within hospitals") == "no AUC: no hospital has 5 members and 5 non-members");
  CHECK_FALSE(few.auc_within.value);
  CHECK(few.hospitals.at(0).auc.reason == "fewer than 5 members or non-members");
  CHECK(few.auc_within.reason == "no hospital has 5 members and 5 non-members");
}

TEST_CASE("trap 23: shift between hospitals is no membership") {
  const std::vector<HospitalScores> hospitals = shifted_hospitals(0);
  const MembershipResult result = judge_membership(hospitals, {});
  // pairs of an easy hospital's member and a hard one's other are 100 of 121, and members win
  // Phi(2 / sqrt 2) = .921 of them; a hundredth is the other way round, the rest is even: .844
  const double across = (100 * normal_auc(2) + 1 * normal_auc(-2) + 20 * 0.5) / 121;
  CHECK(std::abs(result.auc_pooled.value.value() - across) < 0.02);
  CHECK(result.auc_pooled.low.value() > 0.8);
  // within hospitals there is nothing, but for four standard errors
  CHECK(std::abs(result.auc_within.value.value() - 0.5) < 4 * standard_error_of_ten());
  // nor for a threshold over all: as many of each side at every hospital
  CHECK(result.balanced == 900);
  REQUIRE(result.epsilon);
  CHECK(result.epsilon->at_least == 0);
  const MembershipResult loose = judge_membership(hospitals, {0.1, 0.95, 0});
  CHECK(loose.true_positive_rate.low.value() < 0.1);
  CHECK(loose.true_positive_rate.high.value() > 0.1);
  // whoever takes all of them "finds" members: this is the trap
  privacy::AttackScores all;
  for (const HospitalScores& one : hospitals) {
    all.members.insert(all.members.end(), one.members.begin(), one.members.end());
    all.others.insert(all.others.end(), one.others.begin(), one.others.end());
  }
  CHECK(privacy::true_positives_at(all, 0.1, 0.95)->limits.low > 0.3);
}

TEST_CASE("without membership the interval within hospitals holds .5 as often as it says") {
  // 100 seeds: 95 % less three standard errors of 2.2 %
  constexpr int kSeeds = 100;
  int covered = 0;
  double mean = 0;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const MembershipResult result = judge_membership(shifted_hospitals(0, seed), {});
    covered += result.auc_within.low.value() < 0.5 && result.auc_within.high.value() > 0.5 ? 1 : 0;
    mean += result.auc_within.value.value() / kSeeds;
  }
  CHECK(covered >= 88);
  CHECK(std::abs(mean - 0.5) < 4 * standard_error_of_ten() / std::sqrt(kSeeds));
}

TEST_CASE("trap 23: membership is found where hospitals differ, too") {
  const MembershipResult result = judge_membership(shifted_hospitals(1), {});
  CHECK(std::abs(result.auc_within.value.value() - normal_auc(1)) < 4 * standard_error_of_ten());
  REQUIRE(result.epsilon);
  CHECK(result.epsilon->at_least > 0.3);
}

TEST_CASE("trap 24: too few non-members have no rate, and the report says how many it takes") {
  std::vector<HospitalScores> hospitals{normal_hospital(0, 2'000, 999, 0, 1)};
  MembershipResult few = judge_membership(hospitals, {});
  few.statement = membership_statement(few);
  CHECK_FALSE(few.true_positive_rate.value);
  CHECK(few.true_positive_rate.reason == "it takes at least 1000 non-members, and there are 999");
  CHECK(sentence(few, "true positives") ==
        "no rate is told at 1 % false positives: it takes at least 1000 non-members, and there are "
        "999");
  hospitals.push_back(normal_hospital(1, 5, 5, 0, 1));
  CHECK(judge_membership(hospitals, {}).true_positive_rate.value);
}

TEST_CASE("the halves that choose and judge share no record, and mix hospitals alike") {
  std::vector<HospitalScores> hospitals;
  for (std::uint32_t h = 0; h < 3; ++h) {
    HospitalScores one;
    one.hospital = HospitalId{h};
    for (int i = 0; i < 7 + static_cast<int>(h); ++i) one.members.push_back(100.0 * h + i);
    for (int i = 0; i < 5; ++i) one.others.push_back(100.0 * h + i);
    hospitals.push_back(one);
  }
  const Halves half = halves(hospitals);
  const privacy::AttackScores both = balanced(hospitals);
  CHECK(both.members ==
        std::vector<double>{0, 1, 2, 3, 4, 100, 101, 102, 103, 104, 200, 201, 202, 203, 204});
  CHECK(half.chooses.members == std::vector<double>{0, 2, 4, 100, 102, 104, 200, 202, 204});
  CHECK(half.judges.members == std::vector<double>{1, 3, 101, 103, 201, 203});
  CHECK(half.chooses.others.size() == half.chooses.members.size());
  CHECK(half.judges.others.size() == half.judges.members.size());
  // and the report is of the half that judges
  const MembershipResult result = judge_membership(hospitals, {});
  REQUIRE(result.epsilon);
  CHECK(result.epsilon->chosen_on == 18);
  CHECK(result.epsilon->right_of == 6);
  CHECK(result.epsilon->wrong_of == 6);
}

TEST_CASE("one row of each patient is looked at") {
  Dataset data;
  data.rows = 6;
  data.patient = {4, 4, 9, 4, 2, 9};
  const Stream stream(RunKey{1}, Purpose::kMembership, 3);
  const std::vector<std::int32_t> rows = drawn_rows(data, stream);
  std::set<std::int64_t> people;
  for (const std::int32_t row : rows) people.insert(data.patient[static_cast<std::size_t>(row)]);
  CHECK(rows.size() == 3);
  CHECK(people.size() == 3);
  CHECK(rows == drawn_rows(data, stream));
  data.patient.clear();
  CHECK(drawn_rows(data, stream).size() == 6);
}

TEST_CASE("an overfitted federation gives its members away, a private one less") {
  const RunResult open = run(overfitted({}));
  REQUIRE(open.membership);
  CHECK(open.membership->hospitals.size() == 4);
  CHECK(open.membership->auc_within.low.value() > 0.6);
  // one epsilon for both, whose noise hides most of it
  const RunResult hidden =
      run(overfitted({{"privacy", part("privacy", "record", {{"epsilon", 1.0}})}}));
  REQUIRE(hidden.membership);
  CHECK(hidden.membership->delta == 1e-5);
  CHECK(hidden.membership->auc_within.value.value() < open.membership->auc_within.low.value());
  REQUIRE(hidden.membership->epsilon);
  for (const PrivacyAccount& account : hidden.privacy->hospitals) {
    CHECK(hidden.membership->epsilon->at_least <= account.guarantee);
  }
}

TEST_CASE("an audit changes nothing else") {
  const RunResult with = run(overfitted({}));
  const RunResult without = run(overfitted({{"audit", Value(None{})}}));
  CHECK(with.fingerprint == without.fingerprint);
  CHECK(with.membership.has_value());
  CHECK_FALSE(without.membership.has_value());
  CHECK(with.final_parameters == without.final_parameters);
  // nor do threads change it
  RunOptions three;
  three.threads = 3;
  const RunResult again = run(overfitted({}), three);
  CHECK(again.membership->auc_within.value == with.membership->auc_within.value);
  CHECK(again.membership->statement == with.membership->statement);
}

TEST_CASE("who had no part in the model is not attacked") {
  // a hospital that stays away is evaluated, and none of its rows were trained on
  WorldSpec spec = overfitted({});
  spec.absent = {"hospital-2"};
  const RunResult result = run(spec);
  REQUIRE(result.membership);
  CHECK(result.membership->hospitals.size() == 3);
  CHECK(result.membership->left_out == 1);
  CHECK(sentence(*result.membership, "left out").rfind("1 of the hospitals", 0) == 0);
  // an attacker's update is not learnt from its rows
  const Part flip = part("attack", "sign_flip", {{"who", list({Value("hospital-2")})}});
  const RunResult attacked = run(overfitted({{"attacks", list({Value(flip)})}}));
  REQUIRE(attacked.membership);
  CHECK(attacked.membership->hospitals.size() == 3);
}

TEST_CASE("hospitals with models of their own are attacked with those") {
  const RunResult shared = run(overfitted({}));
  const RunResult own =
      run(overfitted({{"personal", part("personal", "ditto", {{"lambda", 0.01}})}}));
  REQUIRE(own.membership);
  CHECK(own.membership->hospitals.size() == 4);
  // with almost nothing that pulls it to the others a hospital's own model remembers its rows
  // better
  CHECK(own.membership->auc_within.value.value() > shared.membership->auc_within.value.value());
}

}  // namespace polyclinic
