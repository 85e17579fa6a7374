// Older versions that a federation keeps so that it can forget a hospital: for each hospital the
// last version that it had no part in, as far as that is remembered.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/time.hpp"
#include "fed/stores.hpp"
#include "fed/version_maker.hpp"

namespace polyclinic {

// A version with what is needed to go on from it another time, and what had been spent until then.
struct Milestone {
  std::int64_t version = 0;
  std::int64_t depth = 0;  // versions that it was made through, one upon the other
  std::int64_t place = 0;  // in the plan of rounds
  VersionPtr parameters;
  VersionMaker::Memory memory;
  TimeNs at;
  std::int64_t rounds = 0;  // begun and over
  std::int64_t bytes_up = 0;
  std::int64_t bytes_down = 0;
};

class Milestones {
 public:
  // So many at most: of more, the one goes whose hospitals then cost the fewest versions more.
  // Version 0 always stays.
  static constexpr std::size_t kMost = 8;

  // The newest version, just made. `newcomer`: a hospital is part of it that was part of none
  // before, so that the version before it must be kept.
  void next(Milestone newest, bool newcomer);
  // The newest kept version that is older than this one. REQUIRES: version > 0.
  [[nodiscard]] const Milestone& before(std::int64_t version) const;
  // That one is the newest again, as `newest`: what came after it goes, and what that had cost
  // counts no more in what comes.
  void go_back(std::int64_t version, Milestone newest);

  [[nodiscard]] std::size_t count() const { return kept_.size(); }
  [[nodiscard]] std::size_t most() const { return most_; }  // that were kept at one time
  [[nodiscard]] bool thinned() const { return thinned_; }   // some were dropped for want of room

 private:
  void keep(Milestone milestone);

  std::optional<Milestone> newest_;
  std::vector<Milestone> kept_;  // by version
  std::size_t most_ = 0;
  bool thinned_ = false;
};

}  // namespace polyclinic
