#include "fed/selection_draws.hpp"

#include <algorithm>
#include <cmath>

#include "base/draw.hpp"

namespace polyclinic {

SelectionCount::SelectionCount(const Part& part) {
  const Value& count = part.at("count");
  if (const auto* share = count.get_if<Quantity>())
    share_ = share->value;
  else
    count_ = part.integer("count");
}

std::size_t SelectionCount::of(std::size_t hospitals) const {
  const auto n = static_cast<std::int64_t>(hospitals);
  const std::int64_t wanted = count_ > 0 ? count_ : std::llround(share_ * static_cast<double>(n));
  return static_cast<std::size_t>(
      std::clamp<std::int64_t>(wanted, std::min<std::int64_t>(1, n), n));
}

std::vector<HospitalId> smallest(std::vector<std::pair<double, HospitalId>> keys, std::size_t k) {
  std::sort(keys.begin(), keys.end());
  keys.resize(std::min(k, keys.size()));
  std::vector<HospitalId> chosen;
  chosen.reserve(keys.size());
  for (const auto& [key, id] : keys) chosen.push_back(id);
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

std::vector<HospitalId> draw_weighted(std::span<const Weighted> from, std::size_t k, RunKey run,
                                      std::int64_t round, std::uint64_t lane) {
  std::vector<std::pair<double, HospitalId>> keys;
  for (const auto& [id, weight] : from) {
    if (!(weight > 0)) continue;
    Stream stream(run, Purpose::kSelection, id.value + 1ULL, static_cast<std::uint64_t>(round),
                  lane);
    keys.emplace_back(draw::exponential(stream, 1.0) / weight, id);
  }
  return smallest(std::move(keys), k);
}

}  // namespace polyclinic
