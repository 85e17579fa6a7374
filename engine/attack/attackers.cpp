#include "attack/attackers.hpp"

#include "attack/poisoning.hpp"
#include "attack/second_pass.hpp"

namespace polyclinic::attack {

Attackers::Attackers(std::vector<Plan> plans, Part aggregation, RunKey run)
    : plans_(std::move(plans)),
      aggregation_(std::move(aggregation)),
      run_(run),
      records_(plans_.size()),
      versions_(plans_.size(), 0) {}

Acts Attackers::begin(HospitalId hospital, std::int64_t number, std::int64_t version, TimeNs now) {
  Acts acts = 0;
  for (std::size_t k = 0; k < plans_.size(); ++k) {
    const Plan& plan = plans_[k];
    if (!plan.has(hospital) || now < plan.from || now >= plan.to) continue;
    if (version < plan.from_version || (plan.to_version && version >= *plan.to_version)) continue;
    if (plan.chance < 1) {
      Stream coin(run_, Purpose::kAttackers, hospital.value, static_cast<std::uint64_t>(number),
                  k + 1);
      if (coin.uniform() >= plan.chance) continue;
    }
    acts |= Acts{1} << k;
    AttackerRecord& record = records_[k][hospital];
    if (record.trainings == 0) record.first = now;
    record.last = now;
    ++record.trainings;
  }
  return acts;
}

bool Attackers::trains(Acts acts) const {
  // what comes first among those that replace the update takes or ignores what was learnt
  for (std::size_t k = 0; k < plans_.size(); ++k) {
    if ((acts >> k & 1U) == 0 || plans_[k].rows) continue;
    return needs_training(plans_[k].part);
  }
  return true;
}

std::optional<Dataset> Attackers::rows(HospitalId hospital, Acts acts, const Dataset& own) const {
  std::optional<Dataset> changed;
  for (std::size_t k = 0; k < plans_.size(); ++k) {
    if ((acts >> k & 1U) == 0 || !plans_[k].rows) continue;
    if (!changed) changed = own;
    plans_[k].rows->poison(*changed, run_, hospital, k);
  }
  return changed;
}

std::unique_ptr<PoisonedUpdates> Attackers::poisoned(UpdateStream& updates,
                                                     const AggregationContext& context) {
  counting_.clear();
  leaving_out_.clear();
  return std::make_unique<SecondPass>(*this, updates, context);
}

void Attackers::settle(bool made) {
  Acts had_part = 0;
  for (const auto& [hospital, acts] : counting_) {
    if (!made) break;
    had_part |= acts;
    for (std::size_t k = 0; k < plans_.size(); ++k) {
      if ((acts >> k & 1U) != 0) ++records_[k][hospital].counted;
    }
  }
  for (std::size_t k = 0; k < plans_.size(); ++k) {
    if ((had_part >> k & 1U) != 0) ++versions_[k];
  }
  for (const auto& [hospital, acts] : leaving_out_) {
    ++left_out_;
    for (std::size_t k = 0; k < plans_.size(); ++k) {
      if ((acts >> k & 1U) != 0) ++records_[k][hospital].left_out;
    }
  }
  counting_.clear();
  leaving_out_.clear();
}

}  // namespace polyclinic::attack
