#include "record/progress.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "learn/metrics.hpp"

namespace polyclinic {

namespace {

constexpr double kRedrawSeconds = 0.1;
constexpr std::int64_t kPlainLines = 10;
constexpr const char* kClearLine = "\r\x1b[K";

bool larger_is_better(const std::string& metric) {
  const metrics::ValueInfo* info = metrics::find_value(metric);
  return info == nullptr || info->better == metrics::Better::larger;
}

}  // namespace

std::string rough_duration(double seconds) {
  if (seconds <= 0) return "0 s";
  if (seconds < 1e-3) return "under 1 ms";
  if (seconds < 0.9995) return fmt::format("{:.0f} ms", seconds * 1e3);
  if (seconds < 9.95) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<std::int64_t>(std::llround(seconds));
  const auto two = [](std::int64_t major, const char* unit, std::int64_t minor, const char* small) {
    return minor == 0 ? fmt::format("{} {}", major, unit)
                      : fmt::format("{} {} {} {}", major, unit, minor, small);
  };
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return two(whole / 60, "min", whole % 60, "s");
  const std::int64_t minutes = (whole + 30) / 60;
  if (minutes < 24 * 60) return two(minutes / 60, "h", minutes % 60, "min");
  const std::int64_t hours = (minutes + 30) / 60;
  return two(hours / 24, "d", hours % 24, "h");
}

Progress::Progress(Options options) : o_(std::move(options)) {}

void Progress::on(const Event& event) {
  if (const auto* e = std::get_if<RunStarted>(&event)) started(*e);
  if (const auto* e = std::get_if<RoundClosed>(&event)) round_closed(*e);
  if (const auto* e = std::get_if<MetricMeasured>(&event)) measured(*e);
  if (std::holds_alternative<RunEnded>(event)) clear();
}

void Progress::started(const RunStarted& event) {
  plan_ = planned_ = event.rounds_planned;
  wall_started_ = o_.wall_seconds();
  if (o_.terminal) show(true);
}

void Progress::round_closed(const RoundClosed& event) {
  // the previous round and its measurement are whole now
  if (!o_.terminal) show(false);
  rounds_ = event.round;
  // what was undone is done anew, beyond the plan
  if (plan_ > 0) planned_ = plan_ + event.undone;
  wall_round_ = o_.wall_seconds();
  simulated_ = event.at;
  invited_ = event.invited;
  aggregated_ = event.aggregated;
  if (event.asynchronous) staleness_ = event.staleness_mean;
  if (o_.terminal) show(false);
}

void Progress::measured(const MetricMeasured& event) {
  if (event.hospital || event.average != Average::macro || !event.value) return;
  if (event.arm != "federated") {
    if (!o_.terminal && arm_.empty()) show(true);
    const bool next = arm_ != event.arm;
    arm_ = event.arm;
    if (o_.terminal && next) show(true);
    return;
  }
  if (metric_.empty()) metric_ = event.metric;
  if (event.metric != metric_) return;
  newest_ = event.value;
  const bool better =
      !best_ || (larger_is_better(metric_) ? *event.value > *best_ : *event.value < *best_);
  if (better) {
    best_ = event.value;
    best_version_ = event.version;
  }
  if (o_.terminal) show(rounds_ == planned_);
}

void Progress::show(bool due) {
  if (o_.terminal) {
    const double now = o_.wall_seconds();
    if (!due && wall_shown_ >= 0 && now - wall_shown_ < kRedrawSeconds) return;
    wall_shown_ = now;
    std::string text = line();
    if (text.size() >= static_cast<std::size_t>(o_.columns)) {
      text.resize(static_cast<std::size_t>(o_.columns) - 1);
    }
    line_open_ = true;
    o_.write(kClearLine + text);
    return;
  }
  if (rounds_ == 0 || rounds_ == shown_round_) return;
  // every tenth of the rounds; every round where there are fewer; each thousandth of an open end
  const std::int64_t every =
      planned_ > 0 ? std::max<std::int64_t>(planned_ / kPlainLines, 1) : 1000;
  if (!due && rounds_ - shown_round_ < every) return;
  shown_round_ = rounds_;
  o_.write(line() + "\n");
}

void Progress::clear() {
  if (!o_.terminal) {
    show(true);
    return;
  }
  if (line_open_) o_.write(kClearLine);
  line_open_ = false;
}

std::string Progress::line() const {
  std::string text = planned_ > 0 ? fmt::format("round {}/{}", rounds_, planned_)
                                  : fmt::format("round {}", rounds_);
  if (rounds_ == 0) return text;
  text += fmt::format(" | {} simulated", rough_duration(simulated_.seconds()));
  text += staleness_ ? fmt::format(" | {} updates, {:.1f} versions old", aggregated_, *staleness_)
                     : fmt::format(" | {}/{} replied", aggregated_, invited_);
  if (newest_ && best_) {
    text += fmt::format(" | {} {:.3f}, best {:.3f} (version {})", metric_, *newest_, *best_,
                        best_version_);
  }
  const double wall = wall_round_ - wall_started_;
  const double rate = wall > 0 ? static_cast<double>(rounds_) / wall : 0.0;
  if (rate > 0) text += fmt::format(" | {:.{}f} rounds/s", rate, rate < 10 ? 1 : 0);
  if (!arm_.empty()) return text + " | baselines";
  if (planned_ > rounds_ && rate > 0) {
    const double left = static_cast<double>(planned_ - rounds_) / rate;
    text += left < 1 ? " | under 1 s left" : fmt::format(" | {} left", rough_duration(left));
  } else if (planned_ == rounds_ && o_.terminal) {
    text += " | measuring";
  }
  return text;
}

}  // namespace polyclinic
