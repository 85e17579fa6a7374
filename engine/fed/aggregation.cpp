#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/check.hpp"
#include "fed/aggregation/robust.hpp"
#include "fed/aggregation/vector_set.hpp"
#include "fed/fair.hpp"
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
    bool more = true;
    while (more) {
      // some at a time, so that the sums are read and written once for all of them
      std::vector<Update> some;
      for (Update update; some.size() < kTogether && (more = updates.take(update));) {
        some.push_back(std::move(update));
      }
      std::vector<const float*> rows;
      std::vector<double> weights;
      for (const Update& update : some) {
        rows.push_back(update.delta.padded().data());
        weights.push_back(update.weight);
        weight += update.weight;
      }
      add(rows, weights, context.workers);
    }
    if (weight <= 0) return mean;
    // weights sum to 1 unless an update was unusable
    aggregation::kernels().narrow(sum_.data(), sum_.size(), weight, mean.padded().data());
    return mean;
  }

 private:
  static constexpr std::size_t kTogether = 32;
  static constexpr std::size_t kColumns = 1'024;  // sums of so many stay in the first-level cache
  static constexpr std::size_t kPart = 64 * kColumns;

  void add(const std::vector<const float*>& rows, const std::vector<double>& weights,
           Workers* workers) {
    const std::size_t size = sum_.size();
    const auto body = [&](std::size_t part, int /*slot*/) {
      const std::size_t end = std::min(size, (part + 1) * kPart);
      for (std::size_t at = part * kPart; at < end; at += kColumns) {
        aggregation::kernels().weighted_sum(rows.data(), weights.data(), rows.size(), at,
                                            std::min(kColumns, end - at), sum_.data() + at);
      }
    };
    const std::size_t parts = (size + kPart - 1) / kPart;
    if (workers != nullptr && parts > 1) {
      workers->for_each(parts, body);
    } else {
      for (std::size_t part = 0; part < parts; ++part) body(part, 0);
    }
  }

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

bool has_pre(const Part& aggregation) {
  return !aggregation.list("pre").empty();
}

std::unique_ptr<AggregationRule> make_aggregation(const Part& part, PartFunctions* functions,
                                                  AbleHospitals able) {
  if (part.name == "custom") {
    return std::make_unique<Custom>(part.at("rule").as<FunctionRef>(), functions);
  }
  if (part.name == "normalized") return make_normalized(part);
  if (part.name == "q_fair") return make_q_fair(part);
  if (part.name == "agnostic") return make_agnostic(part, std::move(able));
  if (auto robust = aggregation::make_robust(part)) return robust;
  ENSURE(part.name == "mean", "schemas name only rules that exist");
  return std::make_unique<Mean>();
}

}  // namespace polyclinic
