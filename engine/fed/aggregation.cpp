#include <fmt/format.h>

#include <vector>

#include "base/check.hpp"
#include "fed/normalized.hpp"
#include "fed/parts.hpp"

namespace polyclinic {

namespace {

// sum_k p_k delta_k over the updates that came, in hospital order, in double
// (McMahan et al. 2017, Algorithm 1; p_k: fed/weights.hpp)
class Mean final : public AggregationRule {
 public:
  ParameterVector combine(UpdateStream& updates, const AggregationContext& context) override {
    ParameterVector mean(context.global->shared_layout());
    sum_.assign(mean.padded().size(), 0.0);
    double weight = 0;
    while (const Update* update = updates.next()) {
      const double w = update->weight;
      const float* delta = update->delta.padded().data();
      for (std::size_t i = 0; i < sum_.size(); ++i) sum_[i] += w * static_cast<double>(delta[i]);
      weight += w;
    }
    if (weight <= 0) return mean;
    // weights sum to 1 unless an update was unusable
    float* out = mean.padded().data();
    for (std::size_t i = 0; i < sum_.size(); ++i) out[i] = static_cast<float>(sum_[i] / weight);
    return mean;
  }

 private:
  std::vector<double> sum_;
};

class Custom final : public AggregationRule {
 public:
  Custom(FunctionRef rule, PartFunctions* functions)
      : rule_(std::move(rule)), functions_(functions) {
    ENSURE(functions_ != nullptr, "a scenario with functions has somebody to call them");
  }

  ParameterVector combine(UpdateStream& updates, const AggregationContext& context) override {
    std::vector<Update> all;
    all.reserve(updates.count());
    double weight = 0;
    while (const Update* update = updates.next()) {
      weight += update->weight;
      all.push_back(*update);
    }
    // an update that overflowed left its share behind
    for (Update& update : all) update.weight /= weight;
    ParameterVector result(context.global->shared_layout());
    if (all.empty()) return result;
    const std::vector<double> combined = functions_->aggregate(rule_, all, context);
    if (combined.size() != static_cast<std::size_t>(result.layout().size())) {
      throw RunError(
          rule_.where,
          fmt::format("the aggregation rule returned a vec of {} numbers", combined.size()),
          fmt::format("the updates have {}: return a vec of that length", result.layout().size()));
    }
    const std::vector<float> narrow(combined.begin(), combined.end());
    result.assign_compact(narrow);
    return result;
  }

 private:
  FunctionRef rule_;
  PartFunctions* functions_;
};

}  // namespace

std::unique_ptr<AggregationRule> make_aggregation(const Part& part, PartFunctions* functions) {
  if (part.name == "custom") {
    return std::make_unique<Custom>(part.at("rule").as<FunctionRef>(), functions);
  }
  if (part.name == "normalized") return make_normalized(part);
  ENSURE(part.name == "mean", "schemas name only rules that exist");
  return std::make_unique<Mean>();
}

}  // namespace polyclinic
