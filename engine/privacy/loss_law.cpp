#include "privacy/loss_law.hpp"

#include <algorithm>
#include <cmath>

#include "base/check.hpp"
#include "privacy/log_math.hpp"

namespace polyclinic::privacy {

namespace {

// Weights of both mixtures at each distinct mean, so that every tail is computed once.
struct SharedMean {
  double mean = 0;
  double p = 0;
  double q = 0;
};

class MixtureLaw : public LossLaw {
 public:
  explicit MixtureLaw(MixturePair pair) : pair_(std::move(pair)) {
    for (const Component& c : pair_.p) mean_entry(c.mean).p += c.weight;
    for (const Component& c : pair_.q) mean_entry(c.mean).q += c.weight;
  }

  [[nodiscard]] Tails at(double loss, double& hint) const override {
    const double x = pair_.x_of_loss(loss, hint);
    if (x == kMinusInfinity) return {0, 1, 0, 1};
    if (x == kPlusInfinity) return {1, 0, 1, 0};
    hint = x;
    Tails tails;
    for (const SharedMean& shared : means_) {
      const double z = (x - shared.mean) / pair_.sigma;
      const double small = math::normal_cdf(-std::fabs(z));
      const double below = z > 0 ? 1 - small : small;
      const double above = z > 0 ? small : 1 - small;
      tails.p_below += shared.p * below;
      tails.p_above += shared.p * above;
      tails.q_below += shared.q * below;
      tails.q_above += shared.q * above;
    }
    return tails;
  }

  [[nodiscard]] std::pair<double, double> range(double tail) const override {
    const double reach = -math::normal_quantile(tail) * pair_.sigma;
    double least = kPlusInfinity;
    double largest = kMinusInfinity;
    for (const Component& c : pair_.p) {
      least = std::min(least, c.mean);
      largest = std::max(largest, c.mean);
    }
    return {pair_.loss(least - reach), pair_.loss(largest + reach)};
  }

 private:
  SharedMean& mean_entry(double mean) {
    for (SharedMean& shared : means_) {
      if (shared.mean == mean) return shared;
    }
    means_.push_back({mean, 0, 0});
    return means_.back();
  }

  MixturePair pair_;
  std::vector<SharedMean> means_;
};

class FixedSizeLaw : public LossLaw {
 public:
  FixedSizeLaw(double q, double sigma)
      : removed_(poisson_pair(q, sigma)), added_(reversed(poisson_pair(q, sigma))) {}

  [[nodiscard]] Tails at(double loss, double& hint) const override {
    // the two sides mirror each other in x: a hint of one is none for the other
    double start = loss >= 0 ? std::fabs(hint) : -std::fabs(hint);
    const Tails tails = loss >= 0 ? removed_.at(loss, start) : added_.at(loss, start);
    hint = start;
    return tails;
  }

  [[nodiscard]] std::pair<double, double> range(double tail) const override {
    return {added_.range(tail).first, removed_.range(tail).second};
  }

 private:
  MixtureLaw removed_;
  MixtureLaw added_;
};

// Removed: P = (1 - q) Lap(0, b) + q Lap(1, b) against Lap(0, b). The loss rises with x between 0
// and 1, and is constant outside: an atom at either end. Added: the reverse, mirrored.
class LaplaceLaw : public LossLaw {
 public:
  LaplaceLaw(double q, double scale, bool removed) : q_(q), scale_(scale), removed_(removed) {}

  [[nodiscard]] Tails at(double loss, double&) const override {
    if (removed_) return tails_removed(loss, false);
    // L' = -L under Q: L' > l is L < -l
    const Tails mirrored = tails_removed(-loss, true);
    return {mirrored.q_above, mirrored.q_below, mirrored.p_above, mirrored.p_below};
  }

  [[nodiscard]] std::pair<double, double> range(double) const override {
    const double low = math::log1p(q_ * math::expm1(-1 / scale_));
    const double high = math::log1p(q_ * math::expm1(1 / scale_));
    // a little beyond, so that the atoms lie inside whatever the rounding
    const double beyond = 1e-12 * (high - low);
    if (removed_) return {low - beyond, high + beyond};
    return {-high - beyond, -low + beyond};
  }

 private:
  // `closed`: a loss equal to l counts as above (the mirrored law's side).
  [[nodiscard]] Tails tails_removed(double loss, bool closed) const {
    const double low = math::log1p(q_ * math::expm1(-1 / scale_));
    const double high = math::log1p(q_ * math::expm1(1 / scale_));
    if (closed ? loss <= low : loss < low) return {0, 1, 0, 1};
    if (closed ? loss > high : loss >= high) return {1, 0, 1, 0};
    // log(1 - q + q exp((2x - 1)/b)) = l
    const double rest = (math::expm1(loss) + q_) / q_;
    const double x = std::clamp(0.5 + 0.5 * scale_ * math::log(std::max(rest, 1e-300)), 0.0, 1.0);
    const double q_above = 0.5 * math::exp(-x / scale_);
    const double near_one = 0.5 * math::exp(-(1 - x) / scale_);  // Lap(1) below x
    Tails tails;
    tails.q_above = q_above;
    tails.q_below = 1 - q_above;
    tails.p_above = (1 - q_) * q_above + q_ * (1 - near_one);
    tails.p_below = (1 - q_) * (1 - q_above) + q_ * near_one;
    return tails;
  }

  double q_;
  double scale_;
  bool removed_;
};

class MixedLaw : public LossLaw {
 public:
  MixedLaw(LawPtr first, LawPtr second, double weight)
      : first_(std::move(first)), second_(std::move(second)), weight_(weight) {}

  [[nodiscard]] Tails at(double loss, double& hint) const override {
    double own_hint = 0;
    const Tails a = first_->at(loss, own_hint);
    const Tails b = second_->at(loss, hint);
    const double w = weight_;
    return {(1 - w) * a.p_below + w * b.p_below, (1 - w) * a.p_above + w * b.p_above,
            (1 - w) * a.q_below + w * b.q_below, (1 - w) * a.q_above + w * b.q_above};
  }

  [[nodiscard]] std::pair<double, double> range(double tail) const override {
    const auto a = first_->range(tail);
    const auto b = second_->range(tail);
    return {std::min(a.first, b.first), std::max(a.second, b.second)};
  }

 private:
  LawPtr first_;
  LawPtr second_;
  double weight_;
};

class OutcomesLaw : public LossLaw {
 public:
  explicit OutcomesLaw(const std::vector<Outcome>& outcomes) {
    for (const Outcome& outcome : outcomes) {
      if (outcome.p <= 0) continue;
      const double loss =
          outcome.q > 0 ? math::log(outcome.p) - math::log(outcome.q) : kPlusInfinity;
      sorted_.push_back({loss, outcome});
    }
    std::sort(sorted_.begin(), sorted_.end(),
              [](const Entry& a, const Entry& b) { return a.loss < b.loss; });
    // running sums from either end
    below_.resize(sorted_.size() + 1);
    above_.resize(sorted_.size() + 1);
    for (std::size_t i = 0; i < sorted_.size(); ++i) {
      below_[i + 1] = {below_[i].p + sorted_[i].outcome.p, below_[i].q + sorted_[i].outcome.q};
    }
    for (std::size_t i = sorted_.size(); i-- > 0;) {
      above_[i] = {above_[i + 1].p + sorted_[i].outcome.p, above_[i + 1].q + sorted_[i].outcome.q};
    }
  }

  [[nodiscard]] Tails at(double loss, double&) const override {
    const auto it = std::upper_bound(sorted_.begin(), sorted_.end(), loss,
                                     [](double l, const Entry& e) { return l < e.loss; });
    const auto i = static_cast<std::size_t>(it - sorted_.begin());
    return {below_[i].p, above_[i].p, below_[i].q, above_[i].q};
  }

  [[nodiscard]] std::pair<double, double> range(double) const override {
    double high = sorted_.front().loss;
    for (const Entry& entry : sorted_) {
      if (entry.loss < kPlusInfinity) high = entry.loss;
    }
    return {sorted_.front().loss - 1e-12, high + 1e-12};
  }

 private:
  struct Entry {
    double loss = 0;
    Outcome outcome;
  };
  std::vector<Entry> sorted_;
  std::vector<Outcome> below_;
  std::vector<Outcome> above_;
};

}  // namespace

LawPtr mixture_law(MixturePair pair) {
  return std::make_unique<MixtureLaw>(std::move(pair));
}
LawPtr fixed_size_law(double q, double sigma) {
  return std::make_unique<FixedSizeLaw>(q, sigma);
}
LawPtr laplace_law(double q, double scale, bool removed) {
  return std::make_unique<LaplaceLaw>(q, scale, removed);
}
LawPtr mixed_law(LawPtr first, LawPtr second, double weight_of_second) {
  return std::make_unique<MixedLaw>(std::move(first), std::move(second), weight_of_second);
}
LawPtr truncated_poisson_law(double q, double sigma, std::int64_t records, std::int64_t batch,
                             bool removed) {
  ENSURE(records >= 1 && batch >= 1 && q > 0 && q < 1, "a batch is drawn from records");
  // P(Binomial(n, q) >= k)
  const auto at_least = [&](std::int64_t n, std::int64_t k) {
    if (k > n) return 0.0;
    return math::beta_i(static_cast<double>(k), static_cast<double>(n - k + 1), q);
  };
  const MixturePair plain = poisson_pair(q, sigma);
  LawPtr uncut = mixture_law(removed ? plain : reversed(plain));
  const double cut = at_least(records - 1, batch);
  if (!(cut > 0)) return uncut;
  // given that it was cut, the record is in the batch with this probability
  const double in_batch = at_least(records, batch + 1) * static_cast<double>(batch) / cut /
                          static_cast<double>(records);
  return mixed_law(std::move(uncut), mixture_law(poisson_replace_pair(in_batch, sigma / 2)), cut);
}
LawPtr outcomes_law(const std::vector<Outcome>& outcomes) {
  ENSURE(!outcomes.empty(), "a step has an outcome");
  return std::make_unique<OutcomesLaw>(outcomes);
}

}  // namespace polyclinic::privacy
