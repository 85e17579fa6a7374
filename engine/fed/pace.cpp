#include "fed/pace.hpp"

#include <algorithm>
#include <cmath>

#include "base/check.hpp"

namespace polyclinic {

std::int64_t Pace::fitting(double rest_s, double epoch_s) const {
  // a training that takes no time has room for all that there is
  if (epoch_s <= 0) return rule_.most;
  // a training that was timed to end at the target is not cut by a rounding of nanoseconds
  const double room = (rule_.target.seconds() - rest_s) / epoch_s + 1e-9;
  if (room >= static_cast<double>(rule_.most)) return rule_.most;
  return std::max(rule_.least, static_cast<std::int64_t>(std::floor(std::max(room, 0.0))));
}

std::int64_t Pace::epochs(HospitalId hospital, TimeNs one_epoch) const {
  const auto it = known_.find(hospital);
  const Known known = it == known_.end() ? Known{} : it->second;
  std::int64_t epochs = rule_.least;
  if (known.heard) {
    epochs = fitting(known.rest_s, known.epoch_s);
  } else if (rule_.registered) {
    epochs = fitting(0.0, one_epoch.seconds());
  }
  return known.limit > 0 ? std::min(epochs, known.limit) : epochs;
}

void Pace::heard(HospitalId hospital, const Reply& reply) {
  ENSURE(reply.epochs > 0, "a reply is of a training");
  Known& known = known_[hospital];
  const double epoch_s = reply.training.seconds() / reply.epochs;
  const double rest_s = (reply.whole - reply.training).seconds();
  const double weight = known.heard ? rule_.newest : 1.0;
  known.epoch_s += weight * (epoch_s - known.epoch_s);
  known.rest_s += weight * (rest_s - known.rest_s);
  known.heard = true;
  known.limit = 0;
}

void Pace::missed(HospitalId hospital, std::int64_t asked, TimeNs waited) {
  if (waited < rule_.target) return;
  known_[hospital].limit = std::max(rule_.least, asked / 2);
}

}  // namespace polyclinic
