#include "net/population.hpp"

namespace polyclinic {

namespace {

// The first time after `time` at which the clock shows `of_day`.
TimeNs next_at(TimeNs time, TimeNs of_day) {
  const std::int64_t since_midnight = time.ns % kDay.ns;
  std::int64_t wait = of_day.ns % kDay.ns - since_midnight;
  if (wait <= 0) wait += kDay.ns;
  return {time.ns + wait};
}

// A window that closes when it opens never closes.
bool always_open(const DailyWindow& window) {
  return window.opens.ns % kDay.ns == window.closes.ns % kDay.ns;
}

}  // namespace

bool DailyWindow::open_at(TimeNs time) const {
  if (always_open(*this)) return true;
  const std::int64_t since_midnight = time.ns % kDay.ns;
  const std::int64_t begin = opens.ns % kDay.ns;
  const std::int64_t end = closes.ns % kDay.ns;
  if (begin < end) return begin <= since_midnight && since_midnight < end;
  return since_midnight >= begin || since_midnight < end;
}

TimeNs DailyWindow::next_open(TimeNs time) const {
  return open_at(time) ? time : next_at(time, opens);
}

TimeNs DailyWindow::next_close(TimeNs time) const {
  if (always_open(*this)) return kNever;
  return next_at(time, closes);
}

}  // namespace polyclinic
