// Data poisoning: attackers that change the rows they train on, and send what they learn from them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.hpp"
#include "base/schema.hpp"
#include "base/stream.hpp"
#include "data/dataset.hpp"

namespace polyclinic::attack {

// Changes training rows for one attack. Immutable and thread-safe.
class RowPoison {
 public:
  // The part is attack.label_flip or attack.backdoor. Throws ScenarioError where it does not fit
  // the data: an outcome without classes, a class or a column that is not there.
  RowPoison(const Part& part, const DatasetInfo& info);

  // Changes some rows: those whose turn it is by a coin at the address (run, hospital, attack),
  // the same ones in every training.
  void poison(Dataset& rows, RunKey run, HospitalId hospital, std::uint64_t attack) const;

  [[nodiscard]] bool is_backdoor() const { return !trigger_.empty(); }
  // The class that a backdoor's trigger is to bring.
  [[nodiscard]] std::int32_t target() const { return target_; }
  // Puts the trigger on every row.
  void put_trigger(Dataset& rows) const;

 private:
  [[nodiscard]] float flipped(float label) const;

  std::int32_t classes_ = 2;
  double share_ = 1;
  std::int32_t source_ = -1;  // label_flip: whose labels; -1: of all
  std::int32_t target_ = -1;  // to which; -1: label y becomes classes - 1 - y
  bool clean_ = false;        // backdoor: labels stay as they are
  std::vector<std::pair<std::size_t, float>> trigger_;  // feature, value
};

std::vector<Schema> row_schemas();

}  // namespace polyclinic::attack
