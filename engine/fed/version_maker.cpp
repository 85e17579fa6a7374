#include "fed/version_maker.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace polyclinic {

Weights VersionMaker::weigh(const std::vector<Arrival>& arrivals) {
  std::vector<std::int64_t> rows;
  for (const Arrival& arrival : arrivals) {
    const std::int64_t counted = s_.members->of(arrival.hospital).train_rows;
    rows.push_back(s_.rows_max > 0 ? std::min(counted, s_.rows_max) : counted);
  }
  Weights weights = shares(s_.weights, rows);
  weights_capped_ = weights_capped_ || weights.capped;
  return weights;
}

AggregationContext VersionMaker::context(const ParameterVector& global) const {
  AggregationContext context;
  context.global = &global;
  context.previous = previous_.empty() ? nullptr : &previous_;
  context.version = s_.versions->current() + 1;
  Stream stream(s_.run, Purpose::kLuaCallback, 1, static_cast<std::uint64_t>(context.version));
  context.seed = stream.next_u64();
  context.workers = s_.evaluator->workers();
  return context;
}

// Why the rule cannot combine what arrived and was finite, or "".
std::string VersionMaker::rule_refusal(const std::vector<Arrival>& arrivals,
                                       const std::vector<std::size_t>& diverged) const {
  std::vector<HospitalId> from;
  for (std::size_t i = 0; i < arrivals.size(); ++i) {
    const bool left_out = std::binary_search(diverged.begin(), diverged.end(), i);
    if (!left_out) from.push_back(arrivals[i].hospital);
  }
  return from.empty() ? "" : s_.aggregation->refusal(from, Demand::guaranteed);
}

VersionMaker::Outcome VersionMaker::make(const std::vector<Arrival>& arrivals, std::size_t minimum,
                                         std::int64_t round, const MaskedMean& masked) {
  Weights weights = weigh(arrivals);
  std::vector<DeferredUpdates::Item> items;
  for (std::size_t i = 0; i < arrivals.size(); ++i) {
    DeferredUpdates::Item item;
    item.hospital = arrivals[i].hospital;
    item.result = arrivals[i].result;
    item.weight = weights.share[i];
    item.factor = arrivals[i].factor;
    item.start = arrivals[i].start;
    items.push_back(std::move(item));
  }
  constexpr std::size_t kWindow = 64;  // updates in memory at once; not a function of threads
  DeferredUpdates updates(*s_.evaluator, std::move(items), kWindow,
                          [this](Update& update) { s_.control->hear(update); });
  const VersionPtr global = s_.versions->parameters();
  updates.set_global(*global);
  ParameterVector combined(global->shared_layout());
  bool summed = true;
  if (masked) {
    summed = masked(updates, combined);
  } else {
    combined = s_.aggregation->combine(updates, context(*global));
  }
  Outcome outcome;
  outcome.shares = std::move(weights.share);
  outcome.interrupted = s_.evaluator->interrupted();
  if (outcome.interrupted) {
    s_.control->discard();
    return outcome;
  }
  outcome.mean_loss = updates.mean_loss();
  outcome.diverged = updates.diverged();
  outcome.diverged_places = updates.diverged_places();
  outcome.refusal = rule_refusal(arrivals, outcome.diverged_places);
  // under masks nobody sees who sent zeros of no weight
  const std::size_t left = arrivals.size() - (masked ? 0 : outcome.diverged.size());
  outcome.made = summed && left >= std::max<std::size_t>(minimum, 1) && outcome.refusal.empty();
  if (!outcome.made) {
    s_.control->discard();
    return outcome;
  }
  s_.control->commit();
  publish(*global, std::move(combined), round);
  rows_visited_ += updates.rows_visited();
  steps_ += updates.steps();
  return outcome;
}

void VersionMaker::publish(const ParameterVector& global, ParameterVector combined,
                           std::int64_t round) {
  s_.control->correct(combined);
  ParameterVector next = global;
  s_.optimizer->step(next, combined);
  if (!next.finite()) {
    throw RunError({}, fmt::format("the global model overflowed in round {}", round),
                   "lower the learning rate of training or server");
  }
  previous_ = std::move(combined);
  s_.versions->publish(std::move(next));
}

}  // namespace polyclinic
