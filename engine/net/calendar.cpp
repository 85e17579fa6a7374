// Availability by the clock: hours of a week, hours with a chance, maintenance.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "net/availability_kinds.hpp"

namespace polyclinic {

namespace {

constexpr std::int64_t kHourNs = 3600 * kNsPerSecond;
constexpr std::int64_t kWeekNs = 7 * 24 * kHourNs;
using Days = std::array<bool, 7>;

std::int64_t floor_mod(std::int64_t a, std::int64_t b) {
  return ((a % b) + b) % b;
}
std::int64_t floor_div(std::int64_t a, std::int64_t b) {
  return (a - floor_mod(a, b)) / b;
}

std::optional<std::size_t> day_of(std::string_view word) {
  constexpr std::array<std::string_view, 7> kDays = {"mon", "tue", "wed", "thu",
                                                     "fri", "sat", "sun"};
  const auto it = std::find(kDays.begin(), kDays.end(), word);
  if (it == kDays.end()) return std::nullopt;
  return static_cast<std::size_t>(it - kDays.begin());
}

// "mon-fri", "sat,sun", "fri-mon,wed".
std::optional<Days> parse_days(std::string_view text) {
  Days days{};
  while (true) {
    const std::size_t comma = std::min(text.find(','), text.size());
    std::string word;
    for (const char c : text.substr(0, comma)) {
      if (c != ' ') word += c;
    }
    const std::size_t dash = std::min(word.find('-'), word.size());
    const auto first = day_of(word.substr(0, dash));
    const auto last = dash == word.size() ? first : day_of(word.substr(dash + 1));
    if (!first || !last) return std::nullopt;
    for (std::size_t day = *first;; day = (day + 1) % 7) {
      days[day] = true;
      if (day == *last) break;
    }
    if (comma == text.size()) return days;
    text.remove_prefix(comma + 1);
  }
}

Days days_of(const Part& part) {
  if (const auto days = parse_days(part.text("days"))) return *days;
  throw part.mistake(
      "days", fmt::format("availability.diurnal: 'days' cannot be read: \"{}\"", part.text("days")),
      "write days and ranges of them, such as \"mon-fri\" or \"mon,wed,sat-sun\"");
}

// The same hours every week.
class Weekly final : public Availability {
 public:
  using Interval = std::pair<std::int64_t, std::int64_t>;  // [begin, end) in the week

  // REQUIRES: intervals in increasing order that do not touch.
  Weekly(const std::vector<Interval>& up, std::int64_t shift_ns) : up_(up), shift_ns_(shift_ns) {
    // midnight between Sunday and Monday is no change where it is up on both sides
    const bool joined = !up.empty() && up.front().first == 0 && up.back().second == kWeekNs;
    for (const auto& [begin, end] : up) {
      if (!(joined && begin == 0)) changes_.push_back(begin);
      if (!(joined && end == kWeekNs)) changes_.push_back(end % kWeekNs);
    }
    std::sort(changes_.begin(), changes_.end());
  }
  [[nodiscard]] bool up_at(TimeNs time) override {
    const std::int64_t at = floor_mod(time.ns + shift_ns_, kWeekNs);
    return std::any_of(up_.begin(), up_.end(),
                       [&](const Interval& i) { return i.first <= at && at < i.second; });
  }
  [[nodiscard]] TimeNs next_change(TimeNs time) override {
    if (changes_.empty()) return kNever;
    const std::int64_t at = floor_mod(time.ns + shift_ns_, kWeekNs);
    const auto it = std::upper_bound(changes_.begin(), changes_.end(), at);
    const std::int64_t next = it == changes_.end() ? changes_.front() + kWeekNs : *it;
    return TimeNs{time.ns + (next - at)};
  }

 private:
  std::vector<Interval> up_;
  std::vector<std::int64_t> changes_;
  std::int64_t shift_ns_;
};

// Each hour of each week drawn with its chance.
class HourlyChance final : public Availability {
 public:
  HourlyChance(const AvailabilityAddress& address, std::vector<double> chances, const Days& days,
               std::int64_t shift_ns)
      : address_(address), chances_(std::move(chances)), days_(days), shift_ns_(shift_ns) {
    const auto [least, most] = std::minmax_element(chances_.begin(), chances_.end());
    const bool every_day = std::all_of(days.begin(), days.end(), [](bool day) { return day; });
    constant_ = *most == 0 || (*least == 1 && every_day);
  }
  [[nodiscard]] bool up_at(TimeNs time) override { return up(hour_of(time)); }
  [[nodiscard]] TimeNs next_change(TimeNs time) override {
    if (constant_) return kNever;
    std::int64_t hour = hour_of(time);
    const bool now = up(hour);
    const std::int64_t last = hour_of(kTimeMax);
    while (hour < last) {
      if (up(++hour) != now) return TimeNs{hour * kHourNs - shift_ns_};
    }
    return kNever;
  }

 private:
  [[nodiscard]] std::int64_t hour_of(TimeNs time) const {
    return floor_div(time.ns + shift_ns_, kHourNs);
  }
  [[nodiscard]] bool up(std::int64_t hour) const {
    const std::int64_t of_week = floor_mod(hour, 7 * 24);
    if (!days_[static_cast<std::size_t>(of_week / 24)]) return false;
    const auto slot = static_cast<std::size_t>(of_week) % chances_.size();
    Stream stream(address_.run, Purpose::kAvailability, address_.entity,
                  static_cast<std::uint64_t>(hour), address_.lane);
    return stream.uniform() < chances_[slot];
  }

  AvailabilityAddress address_;
  std::vector<double> chances_;  // 24, or 168 from Monday on
  Days days_;
  std::int64_t shift_ns_;
  bool constant_ = false;
};

class Maintenance final : public Availability {
 public:
  Maintenance(TimeNs every, TimeNs at, TimeNs lasts) : every_(every), at_(at), lasts_(lasts) {}
  [[nodiscard]] bool up_at(TimeNs time) override {
    return time < at_ || (time - at_).ns % every_.ns >= lasts_.ns;
  }
  [[nodiscard]] TimeNs next_change(TimeNs time) override {
    if (time < at_) return at_;
    const std::int64_t since = (time - at_).ns % every_.ns;
    const std::int64_t next = since < lasts_.ns ? lasts_.ns : every_.ns;
    return TimeNs{time.ns + (next - since)};
  }

 private:
  TimeNs every_, at_, lasts_;
};

std::vector<double> chances_of(const Part& part) {
  std::vector<double> chances;
  for (const Value& value : part.list("probability")) chances.push_back(*value.number());
  if (chances.size() != 24 && chances.size() != 168) {
    throw part.mistake(
        "probability",
        fmt::format("availability.diurnal: 'probability' has {} entries, not 24 or 168",
                    chances.size()),
        "give one for each hour of a day, or of a week from Monday on");
  }
  for (const char* field : {"from", "to"}) {
    if (!part.given(field)) continue;
    throw part.mistake(
        field,
        fmt::format("availability.diurnal: '{}' and 'probability' exclude each other", field),
        "write 0 for the hours at which it is never up");
  }
  return chances;
}

std::int64_t hours_to_ns(double hours) {
  return std::llround(hours * static_cast<double>(kHourNs));
}

// The open hours of the week in order, joined where they touch.
std::vector<Weekly::Interval> open_hours(const Days& days, std::int64_t from, std::int64_t to) {
  std::vector<Weekly::Interval> raw;
  for (std::size_t day = 0; day < 7; ++day) {
    if (!days[day]) continue;
    const std::int64_t midnight = static_cast<std::int64_t>(day) * 24 * kHourNs;
    const std::int64_t end = midnight + to + (to <= from ? 24 * kHourNs : 0);
    raw.emplace_back(midnight + from, std::min(end, kWeekNs));
    if (end > kWeekNs) raw.emplace_back(0, end - kWeekNs);
  }
  std::sort(raw.begin(), raw.end());
  std::vector<Weekly::Interval> joined;
  for (const Weekly::Interval& interval : raw) {
    if (interval.first == interval.second) continue;
    if (!joined.empty() && interval.first <= joined.back().second) {
      joined.back().second = std::max(joined.back().second, interval.second);
    } else {
      joined.push_back(interval);
    }
  }
  return joined;
}

}  // namespace

std::unique_ptr<Availability> make_diurnal(const Part& part, const AvailabilityAddress& address) {
  const Days days = days_of(part);
  const std::int64_t shift_ns = part.time("shift").ns;
  if (part.find("probability")) {
    return std::make_unique<HourlyChance>(address, chances_of(part), days, shift_ns);
  }
  const std::int64_t from = hours_to_ns(part.number("from"));
  const std::int64_t to = hours_to_ns(part.number("to"));
  if (from == to) {
    throw part.mistake("to", "availability.diurnal: 'from' and 'to' are the same hour",
                       "for whole days write from = 0, to = 24");
  }
  return std::make_unique<Weekly>(open_hours(days, from, to), shift_ns);
}

std::unique_ptr<Availability> make_maintenance(const Part& part) {
  const TimeNs every = part.time("every");
  const TimeNs lasts = part.time("lasts");
  if (lasts >= every) {
    throw part.mistake(
        "lasts",
        fmt::format("availability.maintenance: 'lasts' ({}) is not below 'every' ({})",
                    to_text(lasts), to_text(every)),
        "a hospital in maintenance all the time takes no part in anything");
  }
  return std::make_unique<Maintenance>(every, part.time("at"), lasts);
}

}  // namespace polyclinic
