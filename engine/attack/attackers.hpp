// The attackers of a run: what they do to a federation (fed/adversary.hpp), and their account.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "attack/plan.hpp"
#include "fed/adversary.hpp"

namespace polyclinic::attack {

// What one hospital did in one attack.
struct AttackerRecord {
  std::int64_t trainings = 0;  // begun as an attacker, heard of or not
  std::int64_t counted = 0;    // its updates that became part of a version
  std::int64_t left_out = 0;   // those that held no numbers
  TimeNs first;                // when the first of its trainings began, and the last
  TimeNs last;
};

class Attackers final : public Adversary {
 public:
  // aggregation: the announced rule.
  Attackers(std::vector<Plan> plans, Part aggregation, RunKey run);

  Acts begin(HospitalId hospital, std::int64_t number, std::int64_t version, TimeNs now) override;
  [[nodiscard]] bool trains(Acts acts) const override;
  [[nodiscard]] std::optional<Dataset> rows(HospitalId hospital, Acts acts,
                                            const Dataset& own) const override;
  [[nodiscard]] std::unique_ptr<PoisonedUpdates> poisoned(
      UpdateStream& updates, const AggregationContext& context) override;
  void settle(bool made) override;

  [[nodiscard]] const std::vector<Plan>& plans() const { return plans_; }
  [[nodiscard]] const std::map<HospitalId, AttackerRecord>& records(std::size_t attack) const {
    return records_[attack];
  }
  // Versions that an attack had a part in.
  [[nodiscard]] std::int64_t versions(std::size_t attack) const { return versions_[attack]; }
  // Updates that held no numbers, of all attacks.
  [[nodiscard]] std::int64_t left_out() const { return left_out_; }

 private:
  friend class SecondPass;

  std::vector<Plan> plans_;
  Part aggregation_;
  RunKey run_;
  std::vector<std::map<HospitalId, AttackerRecord>> records_;  // per attack
  std::vector<std::int64_t> versions_;                         // per attack
  std::int64_t left_out_ = 0;
  // of the version in the making
  std::vector<std::pair<HospitalId, Acts>> counting_;
  std::vector<std::pair<HospitalId, Acts>> leaving_out_;
};

}  // namespace polyclinic::attack
