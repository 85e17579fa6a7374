// Who is invited to a round: those selected, and with over-selection some more.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/ids.hpp"
#include "base/stream.hpp"
#include "fed/parts.hpp"

namespace polyclinic {

struct Invited {
  std::vector<HospitalId> hospitals;  // in order
  std::size_t target = 0;             // the round closes when so many have replied
};

// over_selection: so many times the selected ones are invited, rounded up; the others are drawn.
Invited invite(Selection& selection, std::span<const HospitalId> candidates, RunKey run,
               std::int64_t round, double over_selection);
// The same of those that were selected already.
Invited with_more(std::vector<HospitalId> selected, std::span<const HospitalId> candidates,
                  RunKey run, std::int64_t round, double over_selection);

// Replies without which a round fails; the default is max(2, two thirds of the target, rounded up).
std::size_t replies_needed(std::size_t target, const std::optional<std::int64_t>& given);

}  // namespace polyclinic
