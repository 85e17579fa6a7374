// Running statistics of normalising layers in updates: they come from batches, not from gradients,
// so that rules made of steps and their lengths leave them out and give them a plain mean.
#pragma once

#include <memory>

#include "fed/parts.hpp"
#include "learn/parameters.hpp"

namespace polyclinic {

class StatisticsMean {
 public:
  // Of updates with this layout; without such slices it does nothing.
  explicit StatisticsMean(const std::shared_ptr<const ParameterLayout>& layout);
  void add(const Update& update);
  // Writes the mean, by weight, over what a rule made of these slices.
  void write(ParameterVector& result) const;

 private:
  ParameterVector sum_;  // empty where there are none
  double weight_ = 0;
};

// Of an update's trained parameters alone.
double trained_norm(const ParameterVector& delta);

}  // namespace polyclinic
