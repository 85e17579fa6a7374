#include "base/time.hpp"

#include <doctest/doctest.h>

using namespace polyclinic;

TEST_CASE("ceil_to_ns: a time between two nanoseconds ends at the later one") {
  CHECK(ceil_to_ns(0).ns == 0);
  CHECK(ceil_to_ns(2.4).ns == 2'400'000'000);
  CHECK(ceil_to_ns(1e-9).ns == 1);
  CHECK(ceil_to_ns(1.0000001e-9).ns == 2);
  CHECK(ceil_to_ns(0.4e-9).ns == 1);
  CHECK(ceil_to_ns(1e-300).ns == 1);
  CHECK(ceil_to_ns(1.5000000015).ns == 1'500'000'002);
}

TEST_CASE("ceil_to_ns: rounding errors of a few operations do not add a nanosecond") {
  CHECK(ceil_to_ns(0.1 + 0.2).ns == 300'000'000);
  CHECK(ceil_to_ns(0.1 * 3).ns == 300'000'000);
  CHECK(ceil_to_ns(86400.0 / 7 * 7).ns == kDay.ns);
  CHECK(ceil_to_ns(36525.0 * 86400).ns == kTimeMax.ns);
}

TEST_CASE("times add, subtract and compare") {
  TimeNs t{5};
  t += TimeNs{7};
  CHECK(t == TimeNs{12});
  CHECK(t - TimeNs{2} == TimeNs{10});
  CHECK(t < kNever);
  CHECK(TimeNs{1'500'000'000}.seconds() == 1.5);
}
