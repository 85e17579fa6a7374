// System: how many epochs the server asks a hospital for. Expectation: what the replies so far
// leave room for in the target, at least and at most what the rule says; half after a miss; nothing
// but the hospital's own replies counts.
#include "fed/pace.hpp"

#include <doctest/doctest.h>

#include <tuple>

namespace polyclinic {
namespace {

constexpr HospitalId kHospital{3};

TimeNs seconds(double s) {
  return TimeNs{static_cast<std::int64_t>(s * 1e9)};
}

PaceRule rule(double target_s, std::int64_t most) {
  PaceRule rule;
  rule.target = seconds(target_s);
  rule.most = most;
  return rule;
}

// A reply after e epochs of so many seconds each, and the rest.
Pace::Reply reply(double epochs, double epoch_s, double rest_s) {
  Pace::Reply reply;
  reply.epochs = epochs;
  reply.training = seconds(epochs * epoch_s);
  reply.whole = seconds(epochs * epoch_s + rest_s);
  return reply;
}

TEST_CASE("before the first reply the least, or what the registered machine would do") {
  const TimeNs one_epoch = seconds(10);
  PaceRule asked = rule(100, 20);
  CHECK(Pace(asked).epochs(kHospital, one_epoch) == 1);
  asked.least = 2;
  CHECK(Pace(asked).epochs(kHospital, one_epoch) == 2);
  asked.registered = true;
  CHECK(Pace(asked).epochs(kHospital, one_epoch) == 10);
  CHECK(Pace(asked).epochs(kHospital, seconds(1)) == 20);
  CHECK(Pace(asked).epochs(kHospital, seconds(1000)) == 2);
  CHECK(Pace(asked).epochs(kHospital, TimeNs{}) == 20);
}

TEST_CASE("after a reply what fits into the target beside all that is no training") {
  for (const auto& [epoch_s, rest_s, epochs] : {std::tuple{10.0, 40.0, 6},
                                                {10.0, 41.0, 5},   // 59 / 10
                                                {0.5, 0.0, 20},    // 200, and 20 are the most
                                                {70.0, 40.0, 1},   // not even one
                                                {10.0, 400.0, 1},  // the target is over before
                                                {10.0, 0.0, 10}}) {
    Pace pace(rule(100, 20));
    pace.heard(kHospital, reply(1, epoch_s, rest_s));
    CHECK(pace.epochs(kHospital, TimeNs{}) == epochs);
    CHECK(pace.epochs(HospitalId{4}, TimeNs{}) == 1);
  }
}

TEST_CASE("estimates move to newer replies by the weight of the newest") {
  PaceRule asked = rule(100, 100);
  asked.newest = 0.25;
  Pace pace(asked);
  pace.heard(kHospital, reply(1, 4, 20));
  CHECK(pace.epochs(kHospital, TimeNs{}) == 20);  // 80 / 4
  pace.heard(kHospital, reply(20, 8, 60));
  // 4 + (8 - 4) / 4 = 5 s an epoch, 20 + (60 - 20) / 4 = 30 s beside
  CHECK(pace.epochs(kHospital, TimeNs{}) == 14);
}

TEST_CASE("who has not answered when the target is over gets half, until it answers") {
  Pace pace(rule(100, 20));
  pace.heard(kHospital, reply(1, 10, 0));
  pace.missed(kHospital, 10, seconds(99));  // it gave up before: that says nothing of its speed
  CHECK(pace.epochs(kHospital, TimeNs{}) == 10);
  pace.missed(kHospital, 10, seconds(100));
  CHECK(pace.epochs(kHospital, TimeNs{}) == 5);
  pace.missed(kHospital, 5, seconds(100));
  CHECK(pace.epochs(kHospital, TimeNs{}) == 2);
  pace.missed(kHospital, 2, seconds(100));
  pace.missed(kHospital, 1, seconds(100));
  CHECK(pace.epochs(kHospital, TimeNs{}) == 1);
  pace.heard(kHospital, reply(1, 10, 0));
  CHECK(pace.epochs(kHospital, TimeNs{}) == 10);
}

TEST_CASE("what is forgotten was never heard") {
  Pace pace(rule(100, 20));
  pace.heard(kHospital, reply(1, 10, 0));
  pace.heard(HospitalId{4}, reply(1, 20, 0));
  pace.forget(kHospital);
  CHECK(pace.epochs(kHospital, TimeNs{}) == 1);
  CHECK(pace.epochs(HospitalId{4}, TimeNs{}) == 5);
  pace.begin_anew();
  CHECK(pace.epochs(HospitalId{4}, TimeNs{}) == 1);
}

}  // namespace
}  // namespace polyclinic
