// A hospital's availability with outages that nobody could foresee: those that a timeline begins.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "net/availability.hpp"

namespace polyclinic {

class Outages final : public Availability {
 public:
  explicit Outages(std::unique_ptr<Availability> usual) : usual_(std::move(usual)) {}

  // It is down from `from` on until `until` (kNever: for good). What was asked about later times
  // before does not hold any more. REQUIRES: `from` is not before that of an outage added earlier.
  void add(TimeNs from, TimeNs until);

  [[nodiscard]] bool up_at(TimeNs time) override;
  [[nodiscard]] TimeNs next_change(TimeNs time) override;

 private:
  [[nodiscard]] bool out_at(TimeNs time) const;
  [[nodiscard]] TimeNs next_boundary(TimeNs time) const;

  std::unique_ptr<Availability> usual_;
  std::vector<std::pair<TimeNs, TimeNs>> outages_;  // from, until; apart from each other
};

}  // namespace polyclinic
