#include "study/study_progress.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace polyclinic {

namespace {

constexpr double kRedrawSeconds = 0.1;
constexpr std::int64_t kPlainLines = 10;
constexpr const char* kClearLine = "\r\x1b[K";

}  // namespace

StudyProgress::StudyProgress(Progress::Options options, std::int64_t runs)
    : o_(std::move(options)), runs_(runs), started_(o_.wall_seconds()) {
  if (o_.terminal) show(0, 0);
}

void StudyProgress::show(std::int64_t ended, std::int64_t failed) {
  const double now = o_.wall_seconds();
  std::string text = line(ended, failed, now - started_);
  if (!o_.terminal) {
    // every tenth of the runs; every run where there are fewer
    const std::int64_t every = std::max<std::int64_t>(runs_ / kPlainLines, 1);
    if (ended - shown_ < every && ended < runs_) return;
    shown_ = ended;
    o_.write(text + "\n");
    return;
  }
  if (ended < runs_ && wall_shown_ >= 0 && now - wall_shown_ < kRedrawSeconds) return;
  wall_shown_ = now;
  if (text.size() >= static_cast<std::size_t>(o_.columns)) {
    text.resize(static_cast<std::size_t>(o_.columns) - 1);
  }
  line_open_ = true;
  o_.write(kClearLine + text);
}

void StudyProgress::clear() {
  if (line_open_) o_.write(kClearLine);
  line_open_ = false;
}

std::string StudyProgress::line(std::int64_t ended, std::int64_t failed, double wall) const {
  std::string text = fmt::format("run {}/{}", ended, runs_);
  if (failed > 0) text += fmt::format(" | {} failed", failed);
  const double rate = wall > 0 ? static_cast<double>(ended) / wall : 0.0;
  if (ended == 0 || rate <= 0) return text;
  text += fmt::format(" | {:.{}f} runs/s", rate, rate < 10 ? 1 : 0);
  if (ended < runs_) {
    const double left = static_cast<double>(runs_ - ended) / rate;
    text += left < 1 ? " | under 1 s left" : fmt::format(" | {} left", rough_duration(left));
  }
  return text;
}

}  // namespace polyclinic
