// System: what may cross the border of a region. Expectation: models and sums of two hospitals and
// more; nothing of one hospital, in either direction. Reason: a sum of one is that one's update.
#include "fed/border.hpp"

#include <doctest/doctest.h>

#include <vector>

namespace polyclinic {
namespace {

TEST_CASE("models and sums of several cross, nothing of one hospital does") {
  CHECK(border_refusal(Content::model, "", "EU", 0).empty());
  CHECK(border_refusal(Content::regional_sum, "EU", "", 2).empty());
  CHECK(border_refusal(Content::regional_sum, "EU", "", 1) ==
        "a sum of one hospital would cross from 'EU' to '': it shows that hospital's update");
  CHECK(border_refusal(Content::update, "EU", "US", 1) ==
        "a message of one hospital would cross from 'EU' to 'US'");
  CHECK(border_refusal(Content::update, "EU", "", 1) ==
        "a message of one hospital would cross from 'EU' to ''");
  CHECK_FALSE(border_refusal(Content::invitation, "US", "EU", 1).empty());
}

TEST_CASE("inside a region everything may go") {
  for (const Content content :
       {Content::model, Content::invitation, Content::update, Content::regional_sum}) {
    CHECK(border_refusal(content, "EU", "EU", 1).empty());
  }
}

TEST_CASE("what crossed is counted by region and direction, lost sums apart") {
  Border border({BorderAccount{.region = "EU"}, BorderAccount{.region = "US"}});
  BorderCrossed message;
  message.bytes_moved = 100;
  border.ended(0, message);
  message.direction = TransferDirection::up;
  message.hospitals = 3;
  border.ended(0, message);
  message.hospitals = 2;
  border.ended(0, message);
  message.hospitals = 5;
  message.completed = false;
  message.bytes_moved = 40;
  border.ended(0, message);
  border.pass_inside(1, "US", Content::update);
  border.round_closed(1, true);
  const BorderAccount& eu = border.regions()[0];
  CHECK(eu.models == 1);
  CHECK(eu.bytes_down == 100);
  CHECK(eu.sums == 2);
  CHECK(eu.sums_lost == 1);
  CHECK(eu.bytes_up == 240);
  CHECK(eu.hospitals_least == 2);
  CHECK(eu.hospitals_most == 3);
  CHECK(eu.inside == 0);
  const BorderAccount& us = border.regions()[1];
  CHECK(us.sums == 0);
  CHECK(us.inside == 1);
  CHECK(us.rounds == 1);
  CHECK(us.rounds_failed == 1);
}

}  // namespace
}  // namespace polyclinic
