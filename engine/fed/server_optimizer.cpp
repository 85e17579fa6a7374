#include <cmath>
#include <memory>
#include <vector>

#include "base/check.hpp"
#include "fed/parts.hpp"

namespace polyclinic {

namespace {

// m <- beta m + D;  w <- w + rate m   (FedAvgM, Hsu et al. 2019; beta = 0, rate = 1: FedAvg)
class Sgd final : public ServerOptimizer {
 public:
  Sgd(double rate, double momentum) : rate_(rate), momentum_(momentum) {}

  void step(ParameterVector& global, const ParameterVector& aggregate) override {
    if (momentum_ == 0.0) {
      global.add_scaled(aggregate, static_cast<float>(rate_));
      return;
    }
    if (moment_.empty()) moment_ = ParameterVector(global.shared_layout());
    moment_.scale(static_cast<float>(momentum_));
    moment_.add_scaled(aggregate, 1.0F);
    global.add_scaled(moment_, static_cast<float>(rate_));
  }

  [[nodiscard]] std::unique_ptr<ServerOptimizer> clone() const override {
    return std::make_unique<Sgd>(*this);
  }

 private:
  double rate_;
  double momentum_;
  ParameterVector moment_;
};

enum class Adaptive { adagrad, adam, yogi };

// Reddi et al. 2021, Algorithm 2, with D the aggregate and no bias correction:
//   m <- b1 m + (1 - b1) D
//   v <- v + D^2 (Adagrad);  b2 v + (1 - b2) D^2 (Adam);  v - (1 - b2) D^2 sign(v - D^2) (Yogi)
//   w <- w + rate m / (sqrt(v) + tau)
// Moments are kept in double: v of 1e-12 and steps of 1e-2 meet in one sum.
class AdaptiveServer final : public ServerOptimizer {
 public:
  AdaptiveServer(Adaptive kind, const Part& part)
      : kind_(kind),
        rate_(part.number("rate")),
        beta1_(part.number("beta1")),
        beta2_(part.find("beta2") ? part.number("beta2") : 0.0),
        tau_(part.number("tau")),
        initial_(part.find("initial") ? part.number("initial") : tau_ * tau_) {}

  void step(ParameterVector& global, const ParameterVector& aggregate) override {
    const auto w = global.padded();
    const auto delta = aggregate.padded();
    if (first_.empty()) {
      first_.assign(w.size(), 0.0);
      second_.assign(w.size(), initial_);
    }
    for (std::size_t i = 0; i < w.size(); ++i) {
      const double d = delta[i];
      first_[i] = beta1_ * first_[i] + (1.0 - beta1_) * d;
      second_[i] = next_second(second_[i], d * d);
      // the padding has d = 0 and m = 0: it stays zero
      w[i] += static_cast<float>(rate_ * first_[i] / (std::sqrt(second_[i]) + tau_));
    }
  }

  [[nodiscard]] std::unique_ptr<ServerOptimizer> clone() const override {
    return std::make_unique<AdaptiveServer>(*this);
  }

 private:
  [[nodiscard]] double next_second(double v, double square) const {
    switch (kind_) {
      case Adaptive::adagrad: return v + square;
      case Adaptive::adam: return beta2_ * v + (1.0 - beta2_) * square;
      case Adaptive::yogi: break;
    }
    const double sign = v > square ? 1.0 : (v < square ? -1.0 : 0.0);
    return v - (1.0 - beta2_) * square * sign;
  }

  Adaptive kind_;
  double rate_;
  double beta1_;
  double beta2_;
  double tau_;
  double initial_;
  std::vector<double> first_;
  std::vector<double> second_;
};

}  // namespace

std::unique_ptr<ServerOptimizer> make_server_optimizer(const Part& part) {
  if (part.name == "sgd") {
    return std::make_unique<Sgd>(part.number("rate"), part.number("momentum"));
  }
  if (part.name == "adagrad") return std::make_unique<AdaptiveServer>(Adaptive::adagrad, part);
  if (part.name == "adam") return std::make_unique<AdaptiveServer>(Adaptive::adam, part);
  ENSURE(part.name == "yogi", "schemas name only optimisers that exist");
  return std::make_unique<AdaptiveServer>(Adaptive::yogi, part);
}

}  // namespace polyclinic
