#include "fed/border.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.hpp"

namespace polyclinic {

std::string border_refusal(Content content, std::string_view from, std::string_view to,
                           std::int64_t hospitals) {
  if (from == to) return {};
  switch (content) {
    case Content::model: return {};
    case Content::regional_sum:
      if (hospitals >= kLeastInSum) return {};
      return fmt::format(
          "a sum of {} would cross from '{}' to '{}': it shows that hospital's update",
          hospitals == 1 ? "one hospital" : "no hospital", from, to);
    case Content::invitation:
    case Content::update: break;
  }
  return fmt::format("a message of one hospital would cross from '{}' to '{}'", from, to);
}

void Border::pass_inside(std::size_t index, std::string_view hospital_region, Content content) {
  BorderAccount& account = regions_.at(index);
  const bool down = content == Content::invitation;
  const std::string_view from = down ? std::string_view(account.region) : hospital_region;
  const std::string_view to = down ? hospital_region : std::string_view(account.region);
  const std::string refusal = border_refusal(content, from, to, 1);
  ENSURE(refusal.empty(), "nothing of one hospital crosses a border");
  ++account.inside;
}

void Border::pass(std::size_t index, TransferDirection direction, std::int64_t hospitals) const {
  const BorderAccount& account = regions_.at(index);
  const bool up = direction == TransferDirection::up;
  const std::string refusal =
      border_refusal(up ? Content::regional_sum : Content::model, up ? account.region : "",
                     up ? "" : account.region, hospitals);
  ENSURE(refusal.empty(), "only models and sums of several hospitals cross a border");
}

void Border::ended(std::size_t index, const BorderCrossed& message) {
  BorderAccount& account = regions_.at(index);
  const bool up = message.direction == TransferDirection::up;
  (up ? account.bytes_up : account.bytes_down) += message.bytes_moved;
  if (!up) {
    account.models += message.completed ? 1 : 0;
    return;
  }
  if (!message.completed) {
    ++account.sums_lost;
    return;
  }
  const bool first = account.sums++ == 0;
  account.hospitals_least =
      first ? message.hospitals : std::min(account.hospitals_least, message.hospitals);
  account.hospitals_most = std::max(account.hospitals_most, message.hospitals);
}

void Border::round_closed(std::size_t index, bool failed) {
  ++regions_.at(index).rounds;
  if (failed) ++regions_.at(index).rounds_failed;
}

}  // namespace polyclinic
