// Up and down in turn: an alternating renewal process, stationary from time 0 on.
//
// Interval k has its own address, so its length is known without those before it; where it lies is
// found by walking from the interval asked about last, forwards or backwards.
#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "net/availability_kinds.hpp"

namespace polyclinic {

namespace {

// No interval is shorter than a second: finer than anybody plans with, and walking over them ends.
double limited(double ns) {
  return std::clamp(ns, 1e9, static_cast<double>(kTimeMax.ns));
}

TimeNs length_of(double ns) {
  return {static_cast<std::int64_t>(limited(ns))};
}

// What is left at a random moment of an interval that is going on. Of the intervals that cover a
// random moment long ones are more frequent in proportion to their length, and the moment is
// uniform in it (Cox, Renewal Theory, 1962, section 5.2). The length-biased law is sampled on a
// grid of quantiles.
double residual_ns(const Distribution& law, Stream& stream) {
  constexpr std::size_t kCells = 4096;
  std::vector<double> sums(kCells);
  double sum = 0;
  for (std::size_t i = 0; i < kCells; ++i) {
    sum += limited(law.quantile((static_cast<double>(i) + 0.5) / kCells));
    sums[i] = sum;
  }
  const double chosen = stream.uniform() * sum;
  const auto cell = std::min<std::size_t>(
      kCells - 1,
      static_cast<std::size_t>(std::upper_bound(sums.begin(), sums.end(), chosen) - sums.begin()));
  const double length =
      limited(law.quantile((static_cast<double>(cell) + stream.uniform_open()) / kCells));
  return length * stream.uniform_open();
}

Distribution holding_law(const Distribution& given) {
  if (given.kind != Distribution::Kind::constant) return given;
  Distribution law = given;
  law.kind = Distribution::Kind::exponential;
  return law;
}

class Alternating final : public Availability {
 public:
  Alternating(const AvailabilityAddress& address, const Distribution& up, const Distribution& down)
      : address_(address), laws_{holding_law(down), holding_law(up)} {
    Stream stream = at(0);
    const double up_mean = limited(laws_[1].mean());
    const double up_share = up_mean / (up_mean + limited(laws_[0].mean()));
    up_at_start_ = stream.uniform() < up_share;
    const Distribution& law = laws_[up_at_start_ ? 1 : 0];
    // an exponential law forgets how long it has lasted
    const bool forgets = law.kind == Distribution::Kind::exponential && !law.low && !law.high;
    first_length_ = length_of(forgets ? law.draw(stream) : residual_ns(law, stream));
    end_ = first_length_;
  }

  [[nodiscard]] bool up_at(TimeNs time) override {
    find(time);
    return up(index_);
  }
  [[nodiscard]] TimeNs next_change(TimeNs time) override {
    find(time);
    return end_ > kTimeMax ? kNever : end_;
  }

 private:
  [[nodiscard]] Stream at(std::uint64_t interval) const {
    return Stream(address_.run, Purpose::kAvailability, address_.entity, interval, address_.lane);
  }
  [[nodiscard]] bool up(std::uint64_t interval) const {
    return up_at_start_ == (interval % 2 == 0);
  }
  [[nodiscard]] TimeNs length(std::uint64_t interval) const {
    if (interval == 0) return first_length_;
    Stream stream = at(interval);
    return length_of(laws_[up(interval) ? 1 : 0].draw(stream));
  }
  // Walks to the interval that holds `time`. Whole nanoseconds: the way back is the way there.
  void find(TimeNs time) {
    while (time >= end_) {
      begin_ = end_;
      end_ += length(++index_);
    }
    while (time < begin_ && index_ > 0) {
      end_ = begin_;
      begin_ = begin_ - length(--index_);
    }
  }

  AvailabilityAddress address_;
  std::array<Distribution, 2> laws_;  // of being down, up
  bool up_at_start_ = true;
  TimeNs first_length_;
  std::uint64_t index_ = 0;
  TimeNs begin_;
  TimeNs end_;
};

}  // namespace

std::unique_ptr<Availability> make_alternating(const AvailabilityAddress& address,
                                               const Distribution& up, const Distribution& down) {
  return std::make_unique<Alternating>(address, up, down);
}

}  // namespace polyclinic
