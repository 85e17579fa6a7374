// Unit: which older versions a federation keeps so that it can forget a hospital. Reason: one too
// many is memory without bound, one too few goes back to a version that knows the hospital.
#include "world/milestones.hpp"

#include <doctest/doctest.h>

namespace polyclinic {
namespace {

Milestone version(std::int64_t number, std::int64_t depth) {
  Milestone milestone;
  milestone.version = number;
  milestone.depth = depth;
  milestone.rounds = number;
  milestone.bytes_up = 100 * number;
  milestone.at = TimeNs{1000 * number};
  return milestone;
}

TEST_CASE("the version before each newcomer's first is kept, and no other") {
  Milestones milestones;
  milestones.next(version(0, 0), false);
  for (std::int64_t v = 1; v <= 30; ++v) milestones.next(version(v, v), v == 1 || v == 11);
  CHECK(milestones.count() == 2);
  CHECK(milestones.before(1).version == 0);
  CHECK(milestones.before(10).version == 0);
  CHECK(milestones.before(11).version == 10);
  CHECK(milestones.before(30).version == 10);
  CHECK_FALSE(milestones.thinned());
}

TEST_CASE("of too many the one goes that costs the fewest versions, and never version 0") {
  Milestones milestones;
  milestones.next(version(0, 0), false);
  // newcomers at 1, 11, 21, ..., and one right after 31
  for (std::int64_t v = 1; v <= 90; ++v) {
    milestones.next(version(v, v), v % 10 == 1 || v == 33);
    CHECK(milestones.count() <= Milestones::kMost);
    if (milestones.count() > 0) CHECK(milestones.before(1).version == 0);
  }
  CHECK(milestones.thinned());
  CHECK(milestones.most() == Milestones::kMost);
  // version 32 cost two to leave out; who came at 33 goes back to 30
  CHECK(milestones.before(33).version == 30);
  // a hospital never goes back to a version that it is part of
  for (std::int64_t v = 1; v <= 90; ++v) CHECK(milestones.before(v).version < v);
}

TEST_CASE("after going back what came since is gone, and its cost counts no more") {
  Milestones milestones;
  milestones.next(version(0, 0), false);
  for (std::int64_t v = 1; v <= 20; ++v)
    milestones.next(version(v, v), v == 1 || v == 6 || v == 16);
  CHECK(milestones.count() == 3);
  milestones.go_back(5, version(21, 5));
  CHECK(milestones.count() == 2);
  CHECK(milestones.before(30).version == 5);
  // 21 rounds had been made, 16 of them undone: five from version 0 to 5 are left
  CHECK(21 - milestones.before(1).rounds == 5);
  CHECK(2100 - milestones.before(1).bytes_up == 500);
  CHECK((TimeNs{21000} - milestones.before(1).at).ns == 5000);
  // newcomers after it go back to it
  milestones.next(version(22, 6), true);
  CHECK(milestones.before(22).version == 21);
  CHECK(milestones.before(22).depth == 5);
}

}  // namespace
}  // namespace polyclinic
