// Work by speed: every hospital trains as many epochs as fit into a time that the server sets, so
// that slow machines hold nobody up and quick ones do more. The server knows what it can know: when
// it invited, when the reply came, and how long the hospital says that its training took, a number
// in the message that carries its update.
#pragma once

#include <cstdint>
#include <map>

#include "base/ids.hpp"
#include "base/time.hpp"

namespace polyclinic {

// The same for a whole run. Plain data.
struct PaceRule {
  TimeNs target;            // from invitation to reply
  std::int64_t least = 1;   // epochs
  std::int64_t most = 1;    // those that training has
  bool registered = false;  // before its first reply a hospital is judged by its machine
  double newest = 0.5;      // weight of a reply in the estimates, against all before it
};

// What the server has learnt of the hospitals' times. A reply after e epochs took r + e c: c, the
// time of an epoch, is what the hospital says of its training, r all the rest (queue, wires).
class Pace {
 public:
  // REQUIRES: rule.target > 0 and 1 <= rule.least <= rule.most.
  explicit Pace(const PaceRule& rule) : rule_(rule) {}

  [[nodiscard]] const PaceRule& rule() const { return rule_; }
  // Epochs that its next training is to have: those that fit into what the target leaves after r;
  // after a miss at most half of those before. one_epoch: what its machine as registered takes;
  // looked at where the rule says so and the hospital was never heard.
  [[nodiscard]] std::int64_t epochs(HospitalId hospital, TimeNs one_epoch) const;

  struct Reply {
    double epochs = 0;  // that it trained
    TimeNs whole;       // from invitation to arrival
    TimeNs training;
  };
  void heard(HospitalId hospital, const Reply& reply);
  // It brought nothing in this time, asked for so many epochs: nobody knows why. Says something of
  // its speed only where the target had passed.
  void missed(HospitalId hospital, std::int64_t asked, TimeNs waited);

  void forget(HospitalId hospital) { known_.erase(hospital); }
  void begin_anew() { known_.clear(); }

 private:
  struct Known {
    bool heard = false;
    double rest_s = 0;
    double epoch_s = 0;
    std::int64_t limit = 0;  // after a miss, until the next reply; 0: none
  };
  [[nodiscard]] std::int64_t fitting(double rest_s, double epoch_s) const;

  PaceRule rule_;
  std::map<HospitalId, Known> known_;
};

}  // namespace polyclinic
