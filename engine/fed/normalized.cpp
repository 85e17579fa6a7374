#include "fed/normalized.hpp"

#include <vector>

#include "fed/statistics_mean.hpp"

namespace polyclinic {

namespace {

// Wang et al. 2020, eq. (8): x <- x + tau sum_k p_k delta_k / |a_k|_1, |a_k|_1 how often the
// gradients of hospital k count in delta_k, in sum; tau the effective number of steps.
class Normalized final : public AggregationRule {
 public:
  explicit Normalized(bool by_steps) : by_steps_(by_steps) {}

  ParameterVector combine(UpdateStream& updates, const AggregationContext& context) override {
    ParameterVector result(context.global->shared_layout());
    sum_.assign(result.padded().size(), 0.0);
    StatisticsMean statistics(context.global->shared_layout());
    double weight = 0;
    double effective = 0;
    while (const Update* update = updates.next()) {
      const double w = update->weight / update->accumulated;
      const float* delta = update->delta.padded().data();
      for (std::size_t i = 0; i < sum_.size(); ++i) sum_[i] += w * static_cast<double>(delta[i]);
      statistics.add(*update);
      weight += update->weight;
      effective +=
          update->weight * (by_steps_ ? static_cast<double>(update->steps) : update->accumulated);
    }
    if (weight <= 0) return result;
    // both sums are of shares that add up to `weight`: 1 unless an update was unusable
    const double factor = effective / (weight * weight);
    float* out = result.padded().data();
    for (std::size_t i = 0; i < sum_.size(); ++i) out[i] = static_cast<float>(factor * sum_[i]);
    statistics.write(result);
    return result;
  }

 private:
  bool by_steps_;
  std::vector<double> sum_;
};

}  // namespace

std::unique_ptr<AggregationRule> make_normalized(const Part& part) {
  return std::make_unique<Normalized>(part.text("effective") == "steps");
}

Schema normalized_schema(const Field& weights, const Field& share) {
  return Schema{
      .kind = "aggregation",
      .name = "normalized",
      .doc =
          "The weighted mean of the updates, each divided by how often its gradients count in "
          "it, times an effective number of steps: hospitals that make more steps do not pull "
          "the model their way.",
      .paper =
          "Wang et al. 2020, Tackling the Objective Inconsistency Problem in Heterogeneous "
          "Federated Optimization (FedNova)",
      .fields = {Field{"effective", type::choice({"accumulated", "steps"}), "accumulated",
                       "the effective number of steps is the mean over hospitals of how often "
                       "their gradients count, or of their steps; for training.sgd without a "
                       "proximal term both are the same"},
                 weights, share},
      .example = "aggregation = aggregation.normalized { weights = \"equal\" }"};
}

}  // namespace polyclinic
