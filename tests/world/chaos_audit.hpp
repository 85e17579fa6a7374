// What must hold of a run in which a party was killed, whichever: a line for each mistake.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <string>

#include "chaos_run.hpp"

namespace polyclinic::testing {

class Complaints {
 public:
  void add(bool wrong, const std::string& what) {
    if (wrong) text_ += what + "\n";
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// Rounds that no server leads: each hospital's ends in exactly one of "trained" and "dropped".
inline void complain_of_own_rounds(const Story& told, double most_seconds, Complaints& complaints) {
  const Listener& heard = told.heard;
  complaints.add(heard.ends != 1 || heard.reason.empty(),
                 "the run did not end once, with a reason");
  complaints.add(heard.time_went_back, "time went back");
  complaints.add(told.result.ended.seconds() > most_seconds, "it lasted too long");
  std::map<std::uint32_t, std::int64_t> used;
  std::int64_t versions = 0;
  for (const auto& [number, round] : heard.rounds) {
    std::int64_t here = 0;
    for (const HospitalId id : round.invited) {
      const Listener::Place place{number, id.value};
      const auto drops = heard.drops.find(place);
      if (drops != heard.drops.end()) {
        complaints.add(drops->second.size() != 1, "a hospital's round ended twice");
        continue;
      }
      ++here;
      ++used[id.value];
      const auto arrived = heard.arrivals.find(place);
      complaints.add(arrived == heard.arrivals.end() || arrived->second != 1,
                     "a training was used that did not end once");
    }
    complaints.add(here != std::max<std::int64_t>(round.aggregated, 0),
                   "a round says another number");
    if (round.aggregated >= 0 && !round.failed) ++versions;
  }
  complaints.add(versions != told.result.versions, "the result has another number of versions");
  double weights = 0;
  std::int64_t up = 0;
  std::int64_t down = 0;
  for (const HospitalAccount& account : told.result.hospitals) {
    complaints.add(account.participations != used[account.hospital.value], "participations differ");
    weights += account.weight;
    up += account.bytes_up;
    down += account.bytes_down;
  }
  if (versions > 0) complaints.add(std::abs(weights - 1) > 1e-12, "weights do not sum to 1");
  complaints.add(up != told.result.bytes_up || down != told.result.bytes_down,
                 "bytes do not add up");
  complaints.add(up != down, "not all that was sent was received");
  for (const float x : told.result.final_parameters) {
    complaints.add(!std::isfinite(x), "a parameter is no number");
  }
}

// Secure sums: each invitation ends once, and a round has its sum or its reason.
inline std::string complaints_of_sums(const Story& told, double most_seconds,
                                      std::int64_t threshold) {
  Complaints complaints;
  const RunResult& result = told.result;
  complaints.add(told.heard.ends != 1, "it did not end once");
  complaints.add(!told.failure.empty(), told.failure);
  complaints.add(told.heard.time_went_back, "time went back");
  complaints.add(result.ended.seconds() > most_seconds, "it lasted too long");
  std::int64_t sums = 0;
  for (const auto& [number, round] : told.heard.rounds) {
    std::int64_t used = 0;
    for (const HospitalId id : round.invited) {
      const auto drops = told.heard.drops.find({number, id.value});
      if (drops == told.heard.drops.end()) {
        ++used;
      } else {
        complaints.add(drops->second.size() != 1,
                       fmt::format("hospital {} was dropped twice", id.value));
      }
    }
    complaints.add(used != round.aggregated, fmt::format("round {}: {} used", number, used));
    complaints.add(!round.failed && used < threshold, "a sum below the threshold");
    sums += round.failed ? 0 : 1;
  }
  complaints.add(told.heard.rounds.size() != kChaosRounds, "rounds are missing");
  complaints.add(!result.secure || result.secure->sums != sums, "the account counts other sums");
  for (const RoundRecord& record : result.round_records) {
    complaints.add(record.failed == record.reason.empty(), "a failed round has no reason");
  }
  return complaints.text();
}

}  // namespace polyclinic::testing
