// How far a study is, for a person who waits.
#pragma once

#include "record/progress.hpp"
#include "study/plan.hpp"

namespace polyclinic {

class StudyProgress {
 public:
  StudyProgress(Progress::Options options, std::int64_t runs);
  // `ended` runs are over, `failed` of them by a failure.
  void show(std::int64_t ended, std::int64_t failed);
  // From now on so many runs are known.
  void expect(std::int64_t runs) { runs_ = runs; }
  // Takes the live line away; nothing elsewhere.
  void clear();

 private:
  [[nodiscard]] std::string line(std::int64_t ended, std::int64_t failed, double wall) const;

  Progress::Options o_;
  std::int64_t runs_;
  std::int64_t shown_ = 0;  // plain lines: the last that got one
  double started_;
  double wall_shown_ = -1;
  bool line_open_ = false;
};

}  // namespace polyclinic
