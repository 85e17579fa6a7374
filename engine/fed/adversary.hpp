// Hospitals that do harm, as a federation meets them: they train on other rows, or send something
// else than they learnt. The floor `attack` implements it; without attackers there is none.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/ids.hpp"
#include "base/time.hpp"
#include "data/dataset.hpp"
#include "fed/parts.hpp"

namespace polyclinic {

// The updates of a version after the attackers have replaced theirs.
class PoisonedUpdates : public UpdateStream {
 public:
  // After the end: places of attackers' updates that held a NaN or an infinity, left out.
  [[nodiscard]] virtual const std::vector<std::size_t>& left_out() const = 0;
};

class Adversary {
 public:
  virtual ~Adversary() = default;
  // Which attacks the training is part of that a hospital begins now. number: from 0, of the round
  // or its like; version: of the model that it was sent. On the event loop; counted.
  virtual Acts begin(HospitalId hospital, std::int64_t number, std::int64_t version,
                     TimeNs now) = 0;
  // Whether such a training takes place. If not, the hospital takes the time and touches no row.
  [[nodiscard]] virtual bool trains(Acts acts) const = 0;
  // The rows it trains on instead of its own; none: its own. Pure and thread-safe.
  [[nodiscard]] virtual std::optional<Dataset> rows(HospitalId hospital, Acts acts,
                                                    const Dataset& own) const = 0;
  // Stands between the updates of a version and whatever sums them. `updates` and what the context
  // names outlive it.
  [[nodiscard]] virtual std::unique_ptr<PoisonedUpdates> poisoned(
      UpdateStream& updates, const AggregationContext& context) = 0;
  // Whether the version was made from the stream before: then its attackers' updates count.
  virtual void settle(bool made) = 0;
};

}  // namespace polyclinic
