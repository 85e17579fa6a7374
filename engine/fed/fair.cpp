#include "fed/fair.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

#include "base/check.hpp"
#include "base/math.hpp"
#include "fed/aggregation/vector_set.hpp"
#include "fed/statistics_mean.hpp"

namespace polyclinic {

namespace {

// Sum of updates times their factors, in hospital order and in double; one update at a time.
class WeightedSum {
 public:
  void begin(std::size_t size) { sum_.assign(size, 0.0); }
  void add(const ParameterVector& delta, double factor) {
    const float* row = delta.padded().data();
    aggregation::kernels().weighted_sum(&row, &factor, 1, 0, sum_.size(), sum_.data());
  }
  void scale(double factor) {
    for (double& x : sum_) x *= factor;
  }
  void write(double divisor, ParameterVector& out) const {
    aggregation::kernels().narrow(sum_.data(), sum_.size(), divisor, out.padded().data());
  }

 private:
  std::vector<double> sum_;
};

void to_shares(std::vector<AggregationRule::Counted>& counted) {
  double total = 0;
  for (const auto& one : counted) total += one.share;
  for (auto& one : counted) one.share = total > 0 ? one.share / total : 0.0;
}

// Li et al. 2020, Algorithm 2, with its Delta_w = -L delta, p_k the hospitals' shares:
//   w <- w + sum_k p_k F_k^q L delta_k / sum_k p_k (L F_k^q + q F_k^(q-1) |L delta_k|^2)
// Numerator and denominator are divided by L and by the q-th power of the largest loss so far: the
// same step, and no power overflows.
class QFair final : public AggregationRule {
 public:
  explicit QFair(const Part& part)
      : q_(part.number("q")), given_(part.find("lipschitz") ? part.number("lipschitz") : 0.0) {}

  ParameterVector combine(UpdateStream& updates, const AggregationContext& context) override {
    ParameterVector result(context.global->shared_layout());
    sum_.begin(result.padded().size());
    counted_.clear();
    double divisor = 0;
    StatisticsMean statistics(context.global->shared_layout());
    double largest = 0;
    double first = 0;  // L of the first update: that of all where they share a round
    while (const Update* update = updates.next()) {
      const double loss = update->told_loss + kLossLeast;
      const double lipschitz = given_ > 0 ? given_ : 1 / update->rate;
      if (first == 0) first = lipschitz;
      if (loss > largest) {
        const double smaller = largest > 0 ? math::pow(largest / loss, q_) : 1.0;
        if (smaller != 1) {
          sum_.scale(smaller);
          divisor *= smaller;
          for (Counted& one : counted_) one.share *= smaller;
        }
        largest = loss;
      }
      const double factor = update->weight * math::pow(loss / largest, q_) * (lipschitz / first);
      const double norm = trained_norm(update->delta);
      sum_.add(update->delta, factor);
      statistics.add(*update);
      divisor += factor * (1 + q_ * lipschitz * norm * norm / loss);
      counted_.push_back({update->place, factor});
    }
    to_shares(counted_);
    if (divisor > 0) sum_.write(divisor, result);
    statistics.write(result);
    return result;
  }
  [[nodiscard]] std::span<const Counted> counted() const override { return counted_; }

 private:
  // as the authors' program adds to every loss: one of 0 has no power below 0
  static constexpr double kLossLeast = 1e-10;

  double q_;
  double given_;  // lipschitz; 0: of each training
  WeightedSum sum_;
  std::vector<Counted> counted_;
};

// Mohri et al. 2019, figure 2: with the mixture lambda of the version before,
//   w <- w + sum_k lambda_k delta_k;   lambda <- the mixture nearest to lambda + rate F(w)
class Agnostic final : public AggregationRule {
 public:
  Agnostic(const Part& part, AbleHospitals able)
      : rate_(part.number("rate")), able_(std::move(able)) {}

  ParameterVector combine(UpdateStream& updates, const AggregationContext& context) override {
    settle(context.version, updates.count());
    ParameterVector result(context.global->shared_layout());
    sum_.begin(result.padded().size());
    counted_.clear();
    double total = 0;
    std::map<HospitalId, double> next = mixture_;
    while (const Update* update = updates.next()) {
      const double lambda = mixture_.try_emplace(update->hospital, newcomer_).first->second;
      sum_.add(update->delta, lambda);
      total += lambda;
      counted_.push_back({update->place, lambda});
      next.try_emplace(update->hospital, lambda).first->second += rate_ * update->told_loss;
    }
    to_shares(counted_);
    ahead_ = projected(std::move(next));
    ahead_version_ = context.version;
    // of hospitals that the mixture leaves out nothing is learnt
    if (total > 0) sum_.write(total, result);
    return result;
  }
  [[nodiscard]] std::span<const Counted> counted() const override { return counted_; }

 private:
  // The version before was made: its mixture counts. The first one is of equal shares.
  void settle(std::int64_t version, std::size_t updates) {
    if (version > ahead_version_ && !ahead_.empty()) mixture_ = std::move(ahead_);
    ahead_.clear();
    if (!mixture_.empty()) return;
    if (!able_) {
      newcomer_ = 1.0 / static_cast<double>(std::max<std::size_t>(updates, 1));
      return;
    }
    const std::vector<HospitalId> able = able_();
    for (const HospitalId id : able) mixture_[id] = 1.0 / static_cast<double>(able.size());
  }

  static std::map<HospitalId, double> projected(std::map<HospitalId, double> point) {
    if (point.empty()) return point;
    std::vector<double> values;
    values.reserve(point.size());
    for (const auto& [id, value] : point) values.push_back(value);
    const std::vector<double> nearest = nearest_mixture(values);
    std::size_t i = 0;
    for (auto& [id, value] : point) value = nearest[i++];
    return point;
  }

  double rate_;
  AbleHospitals able_;
  std::map<HospitalId, double> mixture_;  // lambda
  double newcomer_ = 0;                   // of a hospital that is not in it
  std::map<HospitalId, double> ahead_;    // lambda once `ahead_version_` is made
  std::int64_t ahead_version_ = 0;
  WeightedSum sum_;
  std::vector<Counted> counted_;
};

}  // namespace

// Duchi et al. 2008, Efficient Projections onto the l1-Ball for Learning in High Dimensions,
// figure 1: all are lowered by one number, and what falls below 0 is 0.
std::vector<double> nearest_mixture(const std::vector<double>& v) {
  ENSURE(!v.empty(), "a mixture is of something");
  std::vector<double> sorted = v;
  std::sort(sorted.begin(), sorted.end(), std::greater<>());
  double sum = 0;
  double lower = 0;
  for (std::size_t j = 0; j < sorted.size(); ++j) {
    sum += sorted[j];
    const double by = (sum - 1) / static_cast<double>(j + 1);
    if (sorted[j] - by > 0) lower = by;
  }
  std::vector<double> nearest;
  nearest.reserve(v.size());
  for (const double x : v) nearest.push_back(std::max(0.0, x - lower));
  return nearest;
}

std::unique_ptr<AggregationRule> make_q_fair(const Part& part) {
  return std::make_unique<QFair>(part);
}

std::unique_ptr<AggregationRule> make_agnostic(const Part& part, AbleHospitals able) {
  return std::make_unique<Agnostic>(part, std::move(able));
}

void check_fair_outcome(const Part& aggregation, const ModelShape& shape) {
  if (aggregation.name != "q_fair" || shape.task != OutcomeKind::count) return;
  throw aggregation.mistake("",
                            "aggregation.q_fair takes powers of losses, and those of a count "
                            "(Poisson, without the term of the outcome alone) may be below 0",
                            "aggregation.agnostic takes them as they are");
}

Schema q_fair_schema(const Field& weights, const Field& share) {
  return Schema{
      .kind = "aggregation",
      .name = "q_fair",
      .doc =
          "Updates count by the q-th power of the loss that their hospital tells, and the step is "
          "the shorter the longer they are: hospitals for which the model is bad pull harder, "
          "the more so the larger q. It minimises sum of p F^(q+1) / (q+1).",
      .paper =
          "Li, Sanjabi, Beirami, Smith 2020, Fair Resource Allocation in Federated Learning, "
          "Algorithm 2 (q-FedAvg)",
      .fields = {Field{"q", type::number().between(0, 100), 1.0,
                       "0: the weighted mean; large: the largest loss alone counts"},
                 Field{"lipschitz",
                       type::number().above(0),
                       {},
                       "L: how fast gradients change; steps are shorter where it is larger",
                       false,
                       "1 / learning rate of the training, as in the paper"},
                 weights, share},
      .example = "aggregation = aggregation.q_fair { q = 2 }"};
}

Schema agnostic_schema() {
  return Schema{
      .kind = "aggregation",
      .name = "agnostic",
      .doc =
          "Updates count by a mixture over the hospitals, equal at first, that the server moves "
          "by gradient ascent on the losses that hospitals tell, and projects on the simplex: "
          "the model that is best for the worst mixture of hospitals. Whoever is not heard keeps "
          "his share but for the projection.",
      .paper = "Mohri, Sivek, Suresh 2019, Agnostic Federated Learning, section 3.3, figure 2",
      .fields = {Field{"rate", type::number().above(0), 0.1,
                       "of the ascent: shares move by so much times a loss"}},
      .example = "aggregation = aggregation.agnostic { rate = 0.05 }"};
}

}  // namespace polyclinic
