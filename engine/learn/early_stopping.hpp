// A local training that ends by itself: after each epoch the hospital looks at a loss, and stops
// when it has not fallen for some epochs (Prechelt 1998). What it looks at are rows of its own;
// nobody else sees the loss, but how long it was at work and how many steps it made show where it
// stopped.
#pragma once

#include <cstdint>
#include <vector>

#include "base/schema.hpp"

namespace polyclinic {

// The same for a whole run. Plain data.
struct EarlyStopping {
  std::int64_t patience = 0;  // epochs in a row without a new least loss; 0: nobody stops
  double min_delta = 0;       // a loss is less when it is less by more than this
  bool on_training = false;   // watches the loss of the epoch's steps; else that of validation rows
  bool keep_best = false;     // what counts are the parameters of the best epoch; else the last's
};

// Reads a part `early_stopping`; `epochs` are those of a training. Throws ScenarioError where a
// training has no epochs after which it could stop.
EarlyStopping early_stopping_rule(const Part& training, double epochs, std::int64_t steps);

// One training's way: told of a loss after each epoch.
class EpochWatch {
 public:
  explicit EpochWatch(const EarlyStopping& rule) : rule_(rule) {}
  // Whether the training goes on. A loss that is no number is no improvement.
  bool goes_on(double loss);
  [[nodiscard]] std::int64_t epochs() const { return epochs_; }
  // The epoch with the least loss, from 1; 0: none had a loss that is a number.
  [[nodiscard]] std::int64_t best() const { return best_; }

 private:
  EarlyStopping rule_;
  std::int64_t epochs_ = 0;
  std::int64_t best_ = 0;
  double least_ = 0;  // of the best epoch
};

// Refuses it beside parts with which it cannot work or whose promise it would break.
std::vector<Mistake> early_stopping_conflicts(const Part& scenario);

Schema early_stopping_schema();

}  // namespace polyclinic
