#include "fed/invited.hpp"

#include <algorithm>
#include <cmath>

#include "base/draw.hpp"

namespace polyclinic {

Invited invite(Selection& selection, std::span<const HospitalId> candidates, RunKey run,
               std::int64_t round, double over_selection) {
  return with_more(selection.choose(candidates, run, round), candidates, run, round,
                   over_selection);
}

Invited with_more(std::vector<HospitalId> selected, std::span<const HospitalId> candidates,
                  RunKey run, std::int64_t round, double over_selection) {
  Invited invited;
  std::vector<HospitalId>& chosen = invited.hospitals;
  chosen = std::move(selected);
  invited.target = chosen.size();
  const auto wanted = static_cast<std::size_t>(
      std::ceil(static_cast<double>(chosen.size()) * over_selection - 1e-9));
  if (wanted <= chosen.size() || chosen.size() >= candidates.size()) return invited;
  // more of those not chosen, drawn at an address of their own
  std::vector<HospitalId> others;
  std::set_difference(candidates.begin(), candidates.end(), chosen.begin(), chosen.end(),
                      std::back_inserter(others));
  Stream stream(run, Purpose::kSelection, 0, static_cast<std::uint64_t>(round), 1);
  const auto extra = std::min(wanted - chosen.size(), others.size());
  for (std::int32_t i : draw::sample(stream, static_cast<std::int32_t>(others.size()),
                                     static_cast<std::int32_t>(extra))) {
    chosen.push_back(others[static_cast<std::size_t>(i)]);
  }
  std::sort(chosen.begin(), chosen.end());
  return invited;
}

std::size_t replies_needed(std::size_t target, const std::optional<std::int64_t>& given) {
  if (given) return static_cast<std::size_t>(*given);
  const std::size_t two_thirds = (2 * target + 2) / 3;
  return std::min(target, std::max<std::size_t>(2, two_thirds));
}

}  // namespace polyclinic
