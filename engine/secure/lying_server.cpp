#include "secure/lying_server.hpp"

#include <algorithm>

namespace polyclinic::secure {

std::optional<std::vector<std::uint32_t>> LyingServer::read(std::span<const Place> few,
                                                            std::vector<std::uint32_t> masked) {
  const std::vector<Place> all = sharers();
  for (const Place one : few) {
    const auto seed = secret_of(one, ShareOf::own_seed);
    if (!seed) return std::nullopt;
    add_mask(*seed, Sign::minus, masked);
    const auto own_key = mask_key_of(one);
    for (const Place other : those_around(one, all)) {
      // between two of the few they vanish
      if (std::binary_search(few.begin(), few.end(), other)) continue;
      const auto key = own_key ? own_key : mask_key_of(other);
      if (!key || !take_mask(one, other, *key, masked)) return std::nullopt;
    }
  }
  const auto keep = static_cast<std::uint32_t>((std::uint64_t{1} << settings().modulus_bits) - 1);
  for (std::uint32_t& value : masked) value &= keep;
  return masked;
}

}  // namespace polyclinic::secure
