#include "fed/version_maker.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

namespace polyclinic {

namespace {

// Updates as they count in a version: an attacker's went through the same wire as the others, one
// from an old version is brought up to date and discounted.
class AsTheyCount final : public UpdateStream {
 public:
  AsTheyCount(UpdateStream& updates, const std::vector<VersionMaker::Arrival>& arrivals,
              const AggregationContext& context, const compression::Compressor* compressor,
              RunKey run)
      : updates_(updates),
        arrivals_(arrivals),
        context_(context),
        compressor_(compressor),
        run_(run) {}

  [[nodiscard]] std::size_t count() const override { return updates_.count(); }
  const Update* next() override { return take(current_) ? &current_ : nullptr; }
  bool take(Update& update) override {
    if (!updates_.take(update)) return false;
    if (update.replaced && compressor_ != nullptr) update.delta = sent(update);
    const VersionMaker::Arrival& arrival = arrivals_[update.place];
    // w' + delta - w = (w' - w) + delta, then its factor
    if (arrival.start != nullptr && arrival.start.get() != context_.global) {
      update.delta.add_scaled(*arrival.start, 1.0F);
      update.delta.add_scaled(*context_.global, -1.0F);
    }
    if (arrival.factor != 1) update.delta.scale(static_cast<float>(arrival.factor));
    return true;
  }

 private:
  // Attackers feed no error back: what they make up anew every time has none.
  [[nodiscard]] ParameterVector sent(const Update& update) const {
    compression::Memory nothing;
    const Stream stream(run_, Purpose::kCompression, update.hospital.value,
                        static_cast<std::uint64_t>(context_.version));
    return compression::send(*compressor_, update.delta, stream.lane(2), nothing);
  }

  UpdateStream& updates_;
  const std::vector<VersionMaker::Arrival>& arrivals_;
  const AggregationContext& context_;
  const compression::Compressor* compressor_;
  RunKey run_;
  Update current_;
};

bool any_is_old(const std::vector<VersionMaker::Arrival>& arrivals) {
  return std::any_of(arrivals.begin(), arrivals.end(), [](const VersionMaker::Arrival& a) {
    return a.factor != 1 || a.start != nullptr;
  });
}

std::vector<HospitalId> hospitals_of(const std::vector<VersionMaker::Arrival>& arrivals) {
  std::vector<HospitalId> hospitals;
  hospitals.reserve(arrivals.size());
  for (const VersionMaker::Arrival& arrival : arrivals) hospitals.push_back(arrival.hospital);
  return hospitals;
}

// Places of the updates that were left out: by training, or by attack.
std::vector<std::size_t> without_numbers(const DeferredUpdates& updates,
                                         const PoisonedUpdates* poisoned) {
  std::vector<std::size_t> places = updates.diverged_places();
  if (poisoned != nullptr) {
    const std::vector<std::size_t>& others = poisoned->left_out();
    places.insert(places.end(), others.begin(), others.end());
    std::sort(places.begin(), places.end());
  }
  return places;
}

}  // namespace

Weights VersionMaker::weigh(const std::vector<Arrival>& arrivals) {
  std::vector<std::int64_t> rows;
  for (const Arrival& arrival : arrivals) {
    const std::int64_t counted = s_.members->of(arrival.hospital).train_rows;
    rows.push_back(s_.rows_max > 0 ? std::min(counted, s_.rows_max) : counted);
  }
  if (rows.empty()) return {};
  Weights weights = shares(s_.weights, rows);
  weights_capped_ = weights_capped_ || weights.capped;
  return weights;
}

AggregationContext VersionMaker::context(const Place& place) const {
  AggregationContext context;
  context.global = place.global;
  context.previous = place.previous;
  context.version = s_.versions->current() + 1;
  Stream stream(s_.run, Purpose::kLuaCallback, 1, static_cast<std::uint64_t>(context.version),
                place.lane);
  context.seed = stream.next_u64();
  context.workers = s_.evaluator->workers();
  context.lane = place.lane;
  context.losses = s_.evaluator->tells_losses();
  context.round = place.round;
  return context;
}

namespace {

// Why the rule cannot combine what arrived and was finite, or "".
std::string rule_refusal(const AggregationRule& rule,
                         const std::vector<VersionMaker::Arrival>& arrivals,
                         const std::vector<std::size_t>& diverged) {
  std::vector<HospitalId> from;
  for (std::size_t i = 0; i < arrivals.size(); ++i) {
    const bool left_out = std::binary_search(diverged.begin(), diverged.end(), i);
    if (!left_out) from.push_back(arrivals[i].hospital);
  }
  return from.empty() ? "" : rule.refusal(from, Demand::guaranteed);
}

}  // namespace

VersionMaker::Outcome VersionMaker::make(const std::vector<Arrival>& arrivals, std::size_t minimum,
                                         std::int64_t round, const MaskedMean& masked) {
  const VersionPtr global = s_.versions->parameters();
  Place place;
  place.rule = s_.aggregation;
  place.global = global.get();
  place.previous = previous_.get();
  place.round = round;
  ParameterVector combined;
  Outcome outcome = combine(arrivals, minimum, place, combined, masked);
  if (!outcome.made) return outcome;
  if (s_.noised) s_.noised(hospitals_of(arrivals), round);
  publish(*global, std::move(combined), round);
  if (s_.proximal != nullptr) s_.proximal->hear(outcome.told_loss);
  count(outcome.rows_visited, outcome.steps);
  return outcome;
}

VersionMaker::Outcome VersionMaker::combine(const std::vector<Arrival>& arrivals,
                                            std::size_t minimum, const Place& place,
                                            ParameterVector& combined, const MaskedMean& masked) {
  Weights weights = weigh(arrivals);
  std::vector<DeferredUpdates::Item> items;
  for (std::size_t i = 0; i < arrivals.size(); ++i) {
    DeferredUpdates::Item item;
    item.hospital = arrivals[i].hospital;
    item.result = arrivals[i].result;
    item.weight = weights.share[i];
    items.push_back(std::move(item));
  }
  constexpr std::size_t kWindow = 64;  // updates in memory at once; not a function of threads
  DeferredUpdates updates(*s_.evaluator, std::move(items), kWindow,
                          [this](Update& update) { s_.control->hear(update); });
  const AggregationContext around = context(place);
  // attackers replace what they send before anybody else sees it
  std::unique_ptr<PoisonedUpdates> poisoned;
  if (s_.adversary != nullptr) poisoned = s_.adversary->poisoned(updates, around);
  UpdateStream& sent = poisoned ? static_cast<UpdateStream&>(*poisoned) : updates;
  AsTheyCount counted(sent, arrivals, around, s_.wire->up(), s_.run);
  UpdateStream& heard =
      poisoned || any_is_old(arrivals) ? static_cast<UpdateStream&>(counted) : sent;
  combined = ParameterVector(place.global->shared_layout());
  bool summed = true;
  if (masked) {
    summed = masked(heard, combined);
  } else {
    combined = place.rule->combine(heard, around);
  }
  Outcome outcome;
  outcome.shares = std::move(weights.share);
  if (const auto counts = place.rule->counted(); !masked && !counts.empty()) {
    outcome.shares.assign(arrivals.size(), 0.0);
    for (const AggregationRule::Counted& one : counts) outcome.shares[one.place] = one.share;
  }
  outcome.interrupted = s_.evaluator->interrupted();
  if (outcome.interrupted) {
    s_.control->discard();
    if (poisoned) s_.adversary->settle(false);
    return outcome;
  }
  outcome.mean_loss = updates.mean_loss();
  outcome.told_loss = updates.told_loss();
  outcome.diverged_places = without_numbers(updates, poisoned.get());
  for (const std::size_t i : outcome.diverged_places) {
    outcome.diverged.push_back(arrivals[i].hospital);
  }
  outcome.refusal = rule_refusal(*place.rule, arrivals, outcome.diverged_places);
  // under masks and noise nobody sees who sent zeros of no weight
  const bool seen = !masked && !s_.noised;
  const std::size_t left = arrivals.size() - (seen ? outcome.diverged.size() : 0);
  const std::size_t least = std::max<std::size_t>(minimum, s_.noised ? 0 : 1);
  outcome.made = summed && left >= least && outcome.refusal.empty();
  if (poisoned) s_.adversary->settle(outcome.made);
  if (!outcome.made) {
    s_.control->discard();
    return outcome;
  }
  s_.control->commit();
  outcome.rows_visited = updates.rows_visited();
  outcome.steps = updates.steps();
  return outcome;
}

namespace {

// Running statistics are no point on the way down a loss: momentum, moments and rates of a server
// are not for them, and their mean over hospitals is what the next version has.
void take_statistics(const ParameterVector& global, const ParameterVector& aggregate,
                     ParameterVector& next) {
  const std::span<const Slice> slices = global.layout().slices();
  for (std::size_t i = 0; i < slices.size(); ++i) {
    if (slices[i].role != Role::norm_statistic) continue;
    const auto from = global.slice(i);
    const auto moved = aggregate.slice(i);
    const auto to = next.slice(i);
    for (std::size_t j = 0; j < to.size(); ++j) to[j] = from[j] + moved[j];
  }
}

}  // namespace

void VersionMaker::publish(const ParameterVector& global, ParameterVector combined,
                           std::int64_t round) {
  s_.control->correct(combined);
  ParameterVector next = global;
  s_.optimizer->step(next, combined);
  take_statistics(global, combined, next);
  if (!next.finite()) {
    throw RunError({}, fmt::format("the global model overflowed in round {}", round),
                   "lower the learning rate of training or server");
  }
  previous_ = std::make_shared<const ParameterVector>(std::move(combined));
  s_.versions->publish(std::move(next));
  s_.wire->publish(*s_.versions, s_.control->server());
}

VersionMaker::Memory VersionMaker::memory() const {
  return {s_.optimizer->clone(), previous_, rows_visited_, steps_};
}

void VersionMaker::go_back(const Memory& memory) {
  taken_up_ = memory.optimizer->clone();
  s_.optimizer = taken_up_.get();
  previous_ = memory.previous;
  rows_visited_ = memory.rows_visited;
  steps_ = memory.steps;
}

}  // namespace polyclinic
