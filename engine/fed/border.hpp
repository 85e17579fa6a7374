// What crosses the border between a region and the server of a hierarchical federation: the model
// down, and sums over several hospitals up. Nothing else may; every message is checked and counted.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "trace/event.hpp"

namespace polyclinic {

// What a message holds.
enum class Content : std::uint8_t {
  model,         // parameters that are everybody's
  invitation,    // a regional model for one hospital
  update,        // of one hospital
  regional_sum,  // of a region's hospitals
};

// With fewer hospitals a sum is, to whoever knows the others' part of it, one hospital's update.
inline constexpr std::int64_t kLeastInSum = 2;

// Why such a message may not go from one region to another ("" is the server's side), or "".
std::string border_refusal(Content content, std::string_view from, std::string_view to,
                           std::int64_t hospitals);

// What crossed one region's border, and what did not.
struct BorderAccount {
  std::string region;
  std::int64_t hospitals = 0;   // that may take part
  std::int64_t models = 0;      // that came down whole
  std::int64_t sums = 0;        // that went up whole
  std::int64_t sums_lost = 0;   // that were given up on the way
  std::int64_t bytes_down = 0;  // moved by messages that ended, whole or not
  std::int64_t bytes_up = 0;
  std::int64_t hospitals_least = 0;  // in a sum that crossed; 0: none did
  std::int64_t hospitals_most = 0;
  std::int64_t rounds = 0;  // regional rounds
  std::int64_t rounds_failed = 0;
  std::int64_t inside = 0;  // messages of single hospitals, which stayed in the region
  std::string aggregator;   // the hospital whose machine it is; "": one of its own
};

// Counts what passes. Not thread-safe.
class Border {
 public:
  explicit Border(std::vector<BorderAccount> regions) : regions_(std::move(regions)) {}

  // A message between a hospital of `hospital_region` and the aggregator of region `index`. A
  // message that may not pass is our own bug: what a scenario can ask for is checked before.
  void pass_inside(std::size_t index, std::string_view hospital_region, Content content);
  // A message between region `index` and the server is about to go; then: it ended.
  void pass(std::size_t index, TransferDirection direction, std::int64_t hospitals) const;
  void ended(std::size_t index, const BorderCrossed& message);
  void round_closed(std::size_t index, bool failed);

  [[nodiscard]] const std::vector<BorderAccount>& regions() const { return regions_; }

 private:
  std::vector<BorderAccount> regions_;
};

}  // namespace polyclinic
