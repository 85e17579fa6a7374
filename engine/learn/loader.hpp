// Which rows each step of a training takes.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "learn/trainer.hpp"

namespace polyclinic {

// Batches per epoch and their sizes.
struct BatchShape {
  std::int64_t batch = 0;  // rows of a full batch
  std::int64_t full = 0;   // full batches in an epoch
  std::int64_t rest = 0;   // rows of the last short batch; 0: there is none or it is left out
  [[nodiscard]] std::int64_t per_epoch() const { return full + (rest > 0 ? 1 : 0); }
  [[nodiscard]] std::int64_t rows_per_epoch() const { return full * batch + rest; }
};
// REQUIRES: rows > 0.
BatchShape batch_shape(const TrainingPlan& plan, std::int64_t rows);

// Walks through a site's rows epoch by epoch, in an order that is drawn or given anew for each
// epoch.
class Loader {
 public:
  // Begins where task.state stands in steps mode, else with a fresh epoch. `order` is scratch that
  // outlives the loader.
  Loader(const TrainingTask& task, std::vector<std::int32_t>& order);

  // The rows of the next step.
  std::span<const std::int32_t> next();
  // Where the next training goes on.
  [[nodiscard]] std::int64_t position() const { return position_; }
  [[nodiscard]] std::int64_t epoch() const { return epoch_; }

 private:
  void begin_epoch();

  const TrainingTask& task_;
  std::vector<std::int32_t>& order_;
  BatchShape shape_;
  std::int64_t rows_;
  std::int64_t position_;  // in order_; the end of it: an epoch begins with the next batch
  std::int64_t epoch_ = 0;
  std::int64_t begun_ = 0;  // epochs begun in this training
};

// Rows in the order of patients, each patient's together: patients as they first appear, rows as
// they lie.
struct PatientRows {
  std::vector<std::int32_t> rows;
  std::vector<std::int32_t> ends;  // of each patient, in `rows`
};
// At most `most` of each. REQUIRES: data.patient is known.
PatientRows rows_by_patient(const Dataset& data, std::int64_t most);

// Rows by Poisson sampling: in every step each row (or each patient with all rows) is taken by a
// coin of its own, whatever happened in other steps. A step may be empty.
class PoissonLoader {
 public:
  // `chosen` is scratch that outlives the loader.
  PoissonLoader(const TrainingTask& task, std::vector<std::int32_t>& chosen);

  // The rows of the given step of this training: ascending, or patient after patient. REQUIRES:
  // step >= 0.
  std::span<const std::int32_t> at(std::int64_t step);
  // Of the last step, where the rows of each patient end; empty where rows are by themselves.
  [[nodiscard]] std::span<const std::int32_t> ends() const { return ends_; }
  // q of the coins, and how many rows they take in the mean.
  [[nodiscard]] double rate() const { return rate_; }
  [[nodiscard]] double expected() const { return expected_; }

 private:
  const TrainingTask& task_;
  std::vector<std::int32_t>& chosen_;
  std::int64_t units_;
  double rate_;
  double expected_;
  double log_tails_ = 0;  // log(1 - q)
  PatientRows patients_;  // where coins are theirs
  std::vector<std::int32_t> ends_;
};

}  // namespace polyclinic
