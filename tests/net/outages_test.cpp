// Unit: outages on top of a hospital's usual availability. Reason: whoever waits asks for the next
// change, and a change that is none, or one too late, is a wait too long.
#include "net/outages.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <set>

namespace polyclinic {
namespace {

// Up from 0 to 10, down to 20, up to 30, and so on.
class Alternating final : public Availability {
 public:
  bool up_at(TimeNs time) override { return (time.ns / 10) % 2 == 0; }
  TimeNs next_change(TimeNs time) override {
    return time >= TimeNs{100} ? kNever : TimeNs{(time.ns / 10 + 1) * 10};
  }
};

TEST_CASE("it is up when it usually is and in no outage, and changes when that does") {
  Outages outages(std::make_unique<Alternating>());
  CHECK(outages.next_change(TimeNs{3}) == TimeNs{10});
  outages.add(TimeNs{3}, TimeNs{5});    // within a time up
  outages.add(TimeNs{8}, TimeNs{12});   // up to and into a time down
  outages.add(TimeNs{25}, TimeNs{45});  // over one
  outages.add(TimeNs{40}, TimeNs{47});  // and on
  const auto expected = [](std::int64_t t) {
    const bool out = (t >= 3 && t < 5) || (t >= 8 && t < 12) || (t >= 25 && t < 47);
    return (t / 10) % 2 == 0 && !out;
  };
  for (std::int64_t t = 0; t < 95; ++t) {
    INFO("at ", t);
    CHECK(outages.up_at(TimeNs{t}) == expected(t));
    std::int64_t next = t + 1;
    while (next < 100 && expected(next) == expected(t)) ++next;
    CHECK(outages.next_change(TimeNs{t}) == TimeNs{next});
  }
}

TEST_CASE("an outage of no length is none, and one for good never ends") {
  Outages outages(std::make_unique<Alternating>());
  outages.add(TimeNs{5}, TimeNs{5});
  CHECK(outages.up_at(TimeNs{5}));
  outages.add(TimeNs{42}, kNever);
  CHECK(outages.next_change(TimeNs{41}) == TimeNs{42});
  CHECK_FALSE(outages.up_at(TimeNs{45}));
  CHECK(outages.next_change(TimeNs{42}) == kNever);
}

}  // namespace
}  // namespace polyclinic
