// What a server that lies can read of the shares that it talked hospitals into telling: for tests
// and for scenarios in which the server tampers. What protects against it is in pairwise.hpp.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "secure/pairwise.hpp"

namespace polyclinic::secure {

class LyingServer final : public PairwiseServer {
 public:
  using PairwiseServer::PairwiseServer;

  // What is under the sum of the masked vectors of `few` (ascending) alone. It takes the seed of
  // each, and for each mask between one of them and another of U2 the mask key of either. nullopt:
  // it has too few shares of one of those. REQUIRES: masked is their sum mod 2^32.
  [[nodiscard]] std::optional<std::vector<std::uint32_t>> read(std::span<const Place> few,
                                                               std::vector<std::uint32_t> masked);
};

}  // namespace polyclinic::secure
