// Who may be invited next where hospitals are invited one by one: uniformly among those that are
// idle and up. Who is down is set aside until it comes back, so that a draw costs the same however
// many are down.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <queue>
#include <utility>
#include <vector>

#include "base/ids.hpp"
#include "base/stream.hpp"
#include "base/time.hpp"

namespace polyclinic {

class IdlePool {
 public:
  // The next time at which the hospital is up, `now` when it is; kNever: it never is again.
  using NextUp = std::function<TimeNs(HospitalId, TimeNs now)>;
  IdlePool(RunKey run, std::vector<HospitalId> hospitals, NextUp next_up);

  // Takes one out, drawn at an address of its own for each call that finds somebody; nullopt: none
  // is idle and up.
  [[nodiscard]] std::optional<HospitalId> take(TimeNs now);
  // It may be invited again from `since` on. REQUIRES: it was taken, or never in the pool.
  void put_back(HospitalId hospital, TimeNs since);
  // Takes it out for good, if it is in.
  void remove(HospitalId hospital);
  // Whether anybody is in it that may ever be taken.
  [[nodiscard]] bool any() const { return !idle_.empty() || !away_.empty(); }
  // When somebody who is away is back; kNever: nobody is.
  [[nodiscard]] TimeNs next_return() const;

 private:
  using Return = std::pair<TimeNs, HospitalId>;

  RunKey run_;
  std::vector<HospitalId> idle_;
  std::priority_queue<Return, std::vector<Return>, std::greater<>> away_;
  NextUp next_up_;
  std::uint64_t draws_ = 0;
};

}  // namespace polyclinic
