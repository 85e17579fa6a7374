// The hospitals that a federation has touched: profile, availability and account of each, made at
// its first invitation. One that is never invited costs nothing.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/ids.hpp"
#include "data/cohort.hpp"
#include "net/availability.hpp"
#include "net/network.hpp"
#include "net/outages.hpp"
#include "net/population.hpp"
#include "trace/event.hpp"

namespace polyclinic {

struct Member {
  HospitalProfile profile;
  std::unique_ptr<Outages> availability;
  std::int64_t train_rows = 0;
  TimeNs approved_at = kNever;  // when its board lets it train: first invitation + approval
  std::int64_t steps_done = 0;  // by trainings that were not interrupted
  std::int64_t epochs_begun = 0;
  std::int64_t version_held = -1;  // the newest that it received; -1: none
  std::int64_t partial = 0;        // trainings of which it finished a part
  double epochs = 0;               // of all trainings that were not interrupted
  // without common rounds: the version that it last began to train from, and how often before
  std::int64_t last_start = -1;
  std::int64_t repeats = 0;

  // its account
  std::int64_t invitations = 0;
  std::int64_t participations = 0;
  std::map<DropReason, std::int64_t> drops;
  TimeNs busy;                          // training that was begun and not interrupted
  std::vector<TimeNs> round_durations;  // invitation to arrival, of replies that arrived
  double shares = 0;                    // its share of each version, summed over versions
  // The first version that an update of it is part of, of those that the newest is made from; -1:
  // none.
  std::int64_t first_version = -1;
};

class Members {
 public:
  Members(const Population& population, const Cohort& cohort, Network& network, RunKey run)
      : population_(population), cohort_(cohort), network_(network), run_(run) {}

  // The hospital's record, made and attached to the network when new.
  Member& of(HospitalId hospital);
  // Those touched so far, in order.
  [[nodiscard]] const std::map<HospitalId, std::unique_ptr<Member>>& touched() const {
    return members_;
  }
  [[nodiscard]] const Population& population() const { return population_; }
  // A time that begins now at the hospital, drawn out as long as a wave of patients keeps it busy.
  [[nodiscard]] TimeNs drawn_out(HospitalId hospital, TimeNs time) const;

  // An update of the member became part of this version, with that share of it.
  void count_in(Member& member, std::int64_t version, double share);
  // Whether it was the first of some member.
  [[nodiscard]] bool newcomer_in(std::int64_t version) const { return newcomer_in_ == version; }
  // What happened after that version is undone: nobody has a model or a place in its data, and who
  // was first heard later was never heard.
  void go_back(std::int64_t version);
  // The hospital erases what it keeps of its trainings; its account stays.
  void forget(HospitalId hospital);

 private:
  const Population& population_;
  const Cohort& cohort_;
  Network& network_;
  RunKey run_;
  std::int64_t newcomer_in_ = -1;
  // pointers stay valid while coroutines hold them
  std::map<HospitalId, std::unique_ptr<Member>> members_;
  std::unordered_map<HospitalId, Member*> found_;  // the same, looked up some ten times a round
};

}  // namespace polyclinic
