// The second pass over a version's updates: attackers replace theirs once those that they may see
// are known. Where no attack looks at others, updates pass one at a time, as without attackers.
#pragma once

#include <cstdint>
#include <vector>

#include "attack/attackers.hpp"
#include "attack/poisoning.hpp"

namespace polyclinic::attack {

class SecondPass final : public PoisonedUpdates {
 public:
  // References outlive it.
  SecondPass(Attackers& attackers, UpdateStream& updates, const AggregationContext& context);

  [[nodiscard]] std::size_t count() const override { return count_; }
  const Update* next() override;
  bool take(Update& update) override;
  [[nodiscard]] const std::vector<std::size_t>& left_out() const override { return left_out_; }

 private:
  // Moves the next update on its way into current_; false at the end.
  bool advance();
  // Notes what becomes of an attacker's update; false: it holds no numbers.
  bool admit(const Update& update);
  // One attack of a group: they all replace their updates in one go.
  void act(std::size_t attack, std::vector<Update*> group, const std::vector<const Update*>& seen);
  void act_alone(Update& update);
  void hold_all();

  Attackers& attackers_;
  UpdateStream& updates_;
  AggregationContext context_;
  std::size_t count_;
  bool together_ = false;  // some attack looks at others: all are held before any is handed on
  bool held_all_ = false;
  std::vector<Update> held_;
  std::size_t position_ = 0;
  std::vector<std::size_t> acted_;  // per attack: attackers so far, one at a time
  Update current_;
  std::vector<std::size_t> left_out_;
};

}  // namespace polyclinic::attack
