#include "attack/second_pass.hpp"

#include <algorithm>
#include <utility>

namespace polyclinic::attack {

namespace {

bool in(Acts acts, std::size_t attack) {
  return (acts >> attack & 1U) != 0;
}

// Updates that somebody holds, in order.
class Held final : public UpdateStream {
 public:
  explicit Held(const std::vector<Update>& updates) : updates_(updates) {}
  [[nodiscard]] std::size_t count() const override { return updates_.size(); }
  const Update* next() override { return at_ < updates_.size() ? &updates_[at_++] : nullptr; }

 private:
  const std::vector<Update>& updates_;
  std::size_t at_ = 0;
};

// The announced rule over vectors of the hospitals `like`, in their order. A fresh one each time:
// what a rule remembers is of updates that were sent.
Vector try_rule(const Part& part, const AggregationContext& context,
                const std::vector<const Update*>& like, const Vectors& vectors) {
  std::vector<Update> updates;
  double weights = 0;
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    const Update& model = *like[i];
    Update update;
    update.hospital = model.hospital;
    update.rows = model.rows;
    update.steps = model.steps;
    update.accumulated = model.accumulated;
    update.rate = model.rate;
    update.told_loss = model.told_loss;
    update.weight = model.weight;
    update.delta = ParameterVector(model.delta.shared_layout());
    update.delta.assign_compact(vectors[i]);
    if (!update.delta.finite()) continue;
    weights += update.weight;
    updates.push_back(std::move(update));
  }
  for (Update& update : updates) update.weight /= weights;
  Held stream(updates);
  return make_aggregation(part, nullptr)->combine(stream, context).compact();
}

}  // namespace

SecondPass::SecondPass(Attackers& attackers, UpdateStream& updates,
                       const AggregationContext& context)
    : attackers_(attackers),
      updates_(updates),
      context_(context),
      count_(updates.count()),
      acted_(attackers.plans_.size(), 0) {
  for (const Plan& plan : attackers.plans_) {
    together_ = together_ || (!plan.hospitals.empty() && looks_at_others(plan.part));
  }
}

const Update* SecondPass::next() {
  return advance() ? &current_ : nullptr;
}

bool SecondPass::take(Update& update) {
  if (!advance()) return false;
  update = std::move(current_);
  return true;
}

bool SecondPass::advance() {
  if (together_ && !held_all_) hold_all();
  while (true) {
    if (together_) {
      if (position_ == held_.size()) return false;
      current_ = std::move(held_[position_++]);
    } else {
      if (!updates_.take(current_)) return false;
      act_alone(current_);
    }
    if (admit(current_)) return true;
  }
}

bool SecondPass::admit(const Update& update) {
  if (update.acts == 0) return true;
  if (update.delta.finite()) {
    attackers_.counting_.emplace_back(update.hospital, update.acts);
    return true;
  }
  attackers_.leaving_out_.emplace_back(update.hospital, update.acts);
  left_out_.push_back(update.place);
  return false;
}

void SecondPass::act_alone(Update& update) {
  for (std::size_t k = 0; k < attackers_.plans_.size(); ++k) {
    if (!in(update.acts, k) || attackers_.plans_[k].rows) continue;
    act(k, {&update}, {});
    ++acted_[k];
  }
}

void SecondPass::hold_all() {
  held_all_ = true;
  for (Update update; updates_.take(update);) held_.push_back(std::move(update));
  std::vector<const Update*> honest;
  for (const Update& update : held_) {
    if (update.acts == 0) honest.push_back(&update);
  }
  for (std::size_t k = 0; k < attackers_.plans_.size(); ++k) {
    if (attackers_.plans_[k].rows) continue;
    std::vector<Update*> group;
    for (Update& update : held_) {
      if (in(update.acts, k)) group.push_back(&update);
    }
    act(k, std::move(group), attackers_.plans_[k].sees_all ? honest : std::vector<const Update*>());
  }
}

// seen: honest updates that the attackers know; none: their own stand for them.
void SecondPass::act(std::size_t attack, std::vector<Update*> group,
                     const std::vector<const Update*>& seen) {
  // an update without numbers, of an attack before, is past changing
  std::erase_if(group, [](const Update* update) { return !update->delta.finite(); });
  if (group.empty()) return;
  Knowledge know;
  know.byzantine = group.size();
  know.updates = count_;
  know.first = acted_[attack];
  for (const Update* update : group) know.own.push_back(update->delta.compact());
  std::vector<const Update*> like = seen;
  Vectors honest;
  for (const Update* update : seen) honest.push_back(update->delta.compact());
  if (seen.empty()) {
    honest = know.own;
    like.assign(group.begin(), group.end());
  }
  like.insert(like.end(), group.begin(), group.end());
  know.honest = &honest;
  Stream stream(attackers_.run_, Purpose::kAttack, attack + 1,
                static_cast<std::uint64_t>(context_.version), 1 + context_.lane);
  know.seed = stream.next_u64();
  know.rule = [&](const Vectors& vectors) {
    return try_rule(attackers_.aggregation_, context_, like, vectors);
  };
  const Vectors sent = poison(attackers_.plans_[attack].part, know);
  for (std::size_t i = 0; i < group.size(); ++i) {
    group[i]->delta.assign_compact(sent[i]);
    group[i]->replaced = true;
  }
}

}  // namespace polyclinic::attack
