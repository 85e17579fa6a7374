// Every reason for which a hospital can be left out of a round: columns and words are made for all.
#pragma once

#include <vector>

#include "trace/event.hpp"

namespace polyclinic {

// In the order of the enumerators. A reason that is added later is among them by itself: it ends
// with the first number that name() does not know.
inline std::vector<DropReason> drop_reasons() {
  std::vector<DropReason> reasons;
  for (std::uint8_t i = 0; !name(static_cast<DropReason>(i)).empty(); ++i) {
    reasons.push_back(static_cast<DropReason>(i));
  }
  return reasons;
}

}  // namespace polyclinic
