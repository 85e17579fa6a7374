// The star solver. Every flow i has a cap c_i and a weight w_i; the shared link has capacity C.
// Weighted max-min fairness on one shared link (Bertsekas and Gallager, Data Networks, section
// 6.5.2, with weights): rate_i = min(c_i, w_i L), where the water level L solves
//     sum_i min(c_i, w_i L) = C          (L is infinite when the caps sum to at most C).
// A flow is *capped* when its threshold c_i / w_i <= L and *sharing* otherwise:
//   capped   its rate is constant: it ends at an absolute time, kept in a heap;
//   sharing  it gets w_i L: with virtual time V = integral of L it ends at a fixed V, whatever L
//            does (the idea of weighted fair queueing: Parekh and Gallager 1993).
// So a change of L touches only flows whose threshold it crosses.
//
// A flow that starts on the capped side is *fresh* until the level is solved, once for all changes
// of an instant: only then is it known on which side it stays, and into which heaps it goes.
//
// Sums of caps and weights and the virtual time are fixed-point numbers: adding and taking away is
// exact, so nothing drifts and no order of arrivals matters.
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "net/fixed_point.hpp"
#include "net/indexed_heap.hpp"
#include "net/sharing.hpp"

namespace polyclinic {

namespace {

constexpr double kInfinite = std::numeric_limits<double>::infinity();
class StarSharing final : public BandwidthSharing {
 public:
  explicit StarSharing(double capacity) { set_capacity(LinkId{0}, capacity); }

  FlowId start(const FlowDemand& demand) override;
  double abort(FlowId flow) override;
  void set_cap(FlowId flow, double bytes_per_s) override;
  LinkId add_link(double) override {
    ENSURE(false, "a star has one shared link");
    return {};
  }
  void set_capacity(LinkId link, double bytes_per_s) override;
  std::optional<TimeNs> next_completion() override;
  void advance(TimeNs now) override;
  void take_completed(std::vector<FlowId>& completed) override;
  double rate(FlowId flow) override;
  double remaining(FlowId flow) override;
  [[nodiscard]] TimeNs clock() const override { return now_; }
  [[nodiscard]] std::size_t running() const override { return flows_.size() - free_.size(); }

 private:
  enum class State : std::uint8_t { free, fresh, capped, sharing };
  struct Flow {
    double bytes = 0;
    double cap = 0;
    double weight = 1;
    double threshold = 0;     // cap / weight
    double anchor_bytes = 0;  // fresh, capped: what was left at `anchor`
    TimeNs anchor;            // fresh, capped
    std::size_t place = 0;    // fresh: in the list of those
    Wide virtual_end = 0;     // sharing: V at which it ends
    Wide cap_fixed = 0;
    Wide weight_fixed = 0;
    std::uint64_t sequence = 0;
    State state = State::free;
  };

  Flow& running_flow(FlowId flow);
  [[nodiscard]] double left(const Flow& flow) const;
  [[nodiscard]] Wide virtual_now() const;
  [[nodiscard]] double solve_level() const;
  [[nodiscard]] TimeNs sharing_end(Wide virtual_end) const;
  void insert(std::uint32_t slot, double bytes_left);
  void put_fresh(std::uint32_t slot, double bytes_left);
  void put_capped(std::uint32_t slot, double bytes_left);
  void enter_capped(std::uint32_t slot);
  void put_sharing(std::uint32_t slot, double bytes_left);
  void take_out(std::uint32_t slot);
  void fall(std::uint32_t slot);
  [[nodiscard]] bool all_fall(double level) const;
  [[nodiscard]] double lower_level(double level);
  [[nodiscard]] double raise_level(double level);
  void free_slot(std::uint32_t slot);
  void settle();

  std::vector<Flow> flows_;  // by slot
  std::vector<std::uint32_t> free_;
  std::uint64_t sequence_ = 0;
  TimeNs now_;
  bool changed_ = false;  // since the level was solved
  Wide capacity_ = 0;
  double level_ = kInfinite;  // L, valid since anchor_
  TimeNs anchor_;
  Wide virtual_anchor_ = 0;  // V at anchor_
  Wide capped_sum_ = 0;      // of the capped flows' caps
  Wide weight_sum_ = 0;      // of the sharing flows' weights
  IndexedHeap<std::int64_t> capped_ends_;
  IndexedHeap<double> capped_thresholds_;  // negative: the largest first
  IndexedHeap<Wide> sharing_ends_;
  IndexedHeap<double> sharing_thresholds_;
  std::vector<std::uint32_t> fresh_;
  std::vector<std::uint32_t> done_;
  // Work space: slots with what they are sorted by.
  std::vector<std::pair<double, std::uint32_t>> falling_;
  std::vector<std::pair<std::uint64_t, std::uint32_t>> ended_;
};

FlowId StarSharing::start(const FlowDemand& demand) {
  ensure_possible(demand);
  std::uint32_t slot = 0;
  if (free_.empty()) {
    slot = static_cast<std::uint32_t>(flows_.size());
    flows_.emplace_back();
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  Flow& flow = flows_[slot];
  flow.bytes = demand.bytes;
  flow.cap = demand.cap_bytes_per_s;
  flow.weight = demand.weight;
  flow.threshold = flow.cap / flow.weight;
  flow.cap_fixed = to_fixed(flow.cap, kCapUnit);
  flow.weight_fixed = to_fixed(flow.weight, kWeightUnit);
  flow.sequence = sequence_++;
  insert(slot, demand.bytes);
  return {slot};
}

double StarSharing::abort(FlowId flow) {
  const double bytes_left = left(running_flow(flow));
  take_out(flow.value);
  free_slot(flow.value);
  return bytes_left;
}

void StarSharing::set_cap(FlowId id, double bytes_per_s) {
  ENSURE(bytes_per_s > 0 && bytes_per_s < 1e20, "a flow can move");
  Flow& flow = running_flow(id);
  if (flow.cap == bytes_per_s) return;
  const double bytes_left = left(flow);
  take_out(id.value);
  flow.cap = bytes_per_s;
  flow.threshold = flow.cap / flow.weight;
  flow.cap_fixed = to_fixed(flow.cap, kCapUnit);
  insert(id.value, bytes_left);
}

void StarSharing::set_capacity(LinkId link, double bytes_per_s) {
  ENSURE(link.value == 0, "a star has one shared link");
  ENSURE(bytes_per_s >= 0 && bytes_per_s < 1e20, "a capacity is a finite number");
  capacity_ = to_fixed(bytes_per_s, kCapUnit);
  changed_ = true;
}

std::optional<TimeNs> StarSharing::next_completion() {
  settle();
  TimeNs first = kNever;
  if (!capped_ends_.empty()) first = TimeNs{capped_ends_.top().key};
  if (!sharing_ends_.empty()) first = std::min(first, sharing_end(sharing_ends_.top().key));
  if (first > kTimeMax) return std::nullopt;
  return first;
}

void StarSharing::advance(TimeNs now) {
  ENSURE(now >= now_, "time does not go back");
  if (now == now_) return;
  settle();
  now_ = now;
}

void StarSharing::take_completed(std::vector<FlowId>& completed) {
  ended_.clear();
  const auto note_all = [this] {
    for (const std::uint32_t slot : done_) ended_.emplace_back(flows_[slot].sequence, slot);
  };
  done_.clear();
  capped_ends_.collect([&](std::int64_t end) { return end <= now_.ns; }, done_);
  for (const std::uint32_t slot : done_) capped_sum_ -= flows_[slot].cap_fixed;
  note_all();
  capped_ends_.remove_all(done_);
  capped_thresholds_.remove_all(done_);
  done_.clear();
  // many may end at one point of the virtual time: what ends no later than another needs no look
  Wide known = sharing_ends_.empty() ? 0 : sharing_ends_.top().key - 1;
  const auto done = [&](Wide end) {
    if (end > known && sharing_end(end) <= now_) known = end;
    return end <= known;
  };
  sharing_ends_.collect(done, done_);
  for (const std::uint32_t slot : done_) weight_sum_ -= flows_[slot].weight_fixed;
  note_all();
  sharing_ends_.remove_all(done_);
  sharing_thresholds_.remove_all(done_);
  changed_ = changed_ || !ended_.empty();
  if (!std::is_sorted(ended_.begin(), ended_.end())) std::sort(ended_.begin(), ended_.end());
  for (const auto& [sequence, slot] : ended_) completed.push_back({slot});
  // the last first: so flows in step get their old slots again, and memory is walked in order
  for (auto it = ended_.rbegin(); it != ended_.rend(); ++it) free_slot(it->second);
}

double StarSharing::rate(FlowId id) {
  settle();
  const Flow& flow = running_flow(id);
  return flow.state == State::capped ? flow.cap : flow.weight * level_;
}

double StarSharing::remaining(FlowId flow) {
  return left(running_flow(flow));
}

StarSharing::Flow& StarSharing::running_flow(FlowId flow) {
  ENSURE(flow.value < flows_.size(), "a flow that was started");
  ENSURE(flows_[flow.value].state != State::free, "a flow that still runs");
  return flows_[flow.value];
}

// Bytes left now, computed from the last anchor: nothing is ever decremented.
double StarSharing::left(const Flow& flow) const {
  double bytes = 0;
  if (flow.state != State::sharing) {
    bytes = flow.anchor_bytes - flow.cap * static_cast<double>((now_ - flow.anchor).ns) / 1e9;
  } else {
    bytes = from_fixed(flow.virtual_end - virtual_now(), kVirtualUnit) * flow.weight;
  }
  return std::clamp(bytes, 0.0, flow.bytes);
}

Wide StarSharing::virtual_now() const {
  if (now_ == anchor_ || level_ == kInfinite) return virtual_anchor_;
  const double progress = level_ * static_cast<double>((now_ - anchor_).ns) / 1e9;
  return virtual_anchor_ + to_fixed(progress, kVirtualUnit);
}

// The level at which the present partition fills the link; minus infinity when the capped flows
// alone are too many.
double StarSharing::solve_level() const {
  const Wide rest = capacity_ - capped_sum_;
  if (weight_sum_ == 0) return rest >= 0 ? kInfinite : -kInfinite;
  return from_fixed(rest, kCapUnit) / from_fixed(weight_sum_, kWeightUnit);
}

TimeNs StarSharing::sharing_end(Wide virtual_end) const {
  if (!(level_ > 0)) return kNever;
  return later(anchor_,
               duration_of(from_fixed(virtual_end - virtual_anchor_, kVirtualUnit), level_));
}

// Puts a flow on the side of the present level; settle() will move it if the level moves over it.
void StarSharing::insert(std::uint32_t slot, double bytes_left) {
  if (flows_[slot].threshold <= level_) {
    put_fresh(slot, bytes_left);
  } else {
    put_sharing(slot, bytes_left);
  }
  changed_ = true;
}

void StarSharing::put_fresh(std::uint32_t slot, double bytes_left) {
  Flow& flow = flows_[slot];
  flow.state = State::fresh;
  flow.anchor = now_;
  flow.anchor_bytes = bytes_left;
  flow.place = fresh_.size();
  fresh_.push_back(slot);
  capped_sum_ += flow.cap_fixed;
}

void StarSharing::put_capped(std::uint32_t slot, double bytes_left) {
  Flow& flow = flows_[slot];
  flow.anchor = now_;
  flow.anchor_bytes = bytes_left;
  capped_sum_ += flow.cap_fixed;
  enter_capped(slot);
}

void StarSharing::enter_capped(std::uint32_t slot) {
  Flow& flow = flows_[slot];
  flow.state = State::capped;
  capped_ends_.push(slot, later(flow.anchor, duration_of(flow.anchor_bytes, flow.cap)).ns);
  capped_thresholds_.push(slot, -flow.threshold);
}

void StarSharing::put_sharing(std::uint32_t slot, double bytes_left) {
  Flow& flow = flows_[slot];
  flow.state = State::sharing;
  flow.virtual_end = virtual_now() + to_fixed(bytes_left / flow.weight, kVirtualUnit);
  weight_sum_ += flow.weight_fixed;
  sharing_ends_.push(slot, flow.virtual_end);
  sharing_thresholds_.push(slot, flow.threshold);
}

// Moves a fresh flow that is in the list no more to the sharing ones.
void StarSharing::fall(std::uint32_t slot) {
  capped_sum_ -= flows_[slot].cap_fixed;
  put_sharing(slot, flows_[slot].anchor_bytes);
}

void StarSharing::take_out(std::uint32_t slot) {
  Flow& flow = flows_[slot];
  if (flow.state == State::fresh) {
    capped_sum_ -= flow.cap_fixed;
    fresh_[flow.place] = fresh_.back();
    flows_[fresh_.back()].place = flow.place;
    fresh_.pop_back();
  } else if (flow.state == State::capped) {
    capped_sum_ -= flow.cap_fixed;
    capped_ends_.remove(slot);
    capped_thresholds_.remove(slot);
  } else {
    weight_sum_ -= flow.weight_fixed;
    sharing_ends_.remove(slot);
    sharing_thresholds_.remove(slot);
  }
  changed_ = true;
}

void StarSharing::free_slot(std::uint32_t slot) {
  flows_[slot].state = State::free;
  free_.push_back(slot);
}

// Finds the level after the changes of this instant. Moving a capped flow whose threshold lies
// above the level L to the sharing ones gives a level between L and that threshold; moving a
// sharing flow whose threshold is not above L gives one not below L. So one pass down and one pass
// up are enough.
void StarSharing::settle() {
  if (!changed_) return;
  changed_ = false;
  // what follows is at one instant: the old level counts until now, the new one from now on
  virtual_anchor_ = virtual_now();
  anchor_ = now_;
  level_ = raise_level(lower_level(solve_level()));
  changed_ = false;
  if (weight_sum_ == 0) virtual_anchor_ = 0;
}

// Whether all of `falling_` would move to the sharing ones, and nothing else, if they moved one by
// one. The levels in between lie below the last one, but for roundings much smaller than the
// margin.
bool StarSharing::all_fall(double level) const {
  constexpr double kMargin = 1 - 1e-9;
  if (!capped_thresholds_.empty() && -capped_thresholds_.top().key > level) return false;
  Wide rest = capacity_ - capped_sum_;
  Wide weights = weight_sum_;
  double least = kInfinite;
  for (const auto& [negative_threshold, slot] : falling_) {
    rest += flows_[slot].cap_fixed;
    weights += flows_[slot].weight_fixed;
    least = std::min(least, -negative_threshold);
  }
  return from_fixed(rest, kCapUnit) / from_fixed(weights, kWeightUnit) < least * kMargin;
}

// Moves capped and fresh flows whose thresholds lie above the level to the sharing ones, the
// largest first; returns the level after that. The other fresh ones are capped.
double StarSharing::lower_level(double level) {
  falling_.clear();
  for (const std::uint32_t slot : fresh_) {
    const double threshold = flows_[slot].threshold;
    if (threshold > level) {
      falling_.emplace_back(-threshold, slot);
    } else {
      enter_capped(slot);
    }
  }
  fresh_.clear();
  if (!falling_.empty() && all_fall(level)) {
    for (const auto& [negative_threshold, slot] : falling_) fall(slot);
    return solve_level();
  }
  std::sort(falling_.begin(), falling_.end());
  std::size_t next = 0;
  for (;;) {
    const double capped = capped_thresholds_.empty() ? -kInfinite : -capped_thresholds_.top().key;
    const double fresh = next < falling_.size() ? -falling_[next].first : -kInfinite;
    if (!(std::max(capped, fresh) > level)) break;
    if (capped >= fresh) {
      const std::uint32_t slot = capped_thresholds_.top().slot;
      const double bytes_left = left(flows_[slot]);
      take_out(slot);
      put_sharing(slot, bytes_left);
    } else {
      fall(falling_[next++].second);
    }
    level = solve_level();
  }
  for (; next < falling_.size(); ++next) enter_capped(falling_[next].second);
  return level;
}

// Moves sharing flows whose thresholds do not lie above the level to the capped ones, the smallest
// first; returns the level after that.
double StarSharing::raise_level(double level) {
  while (!sharing_thresholds_.empty() && sharing_thresholds_.top().key <= level) {
    const std::uint32_t slot = sharing_thresholds_.top().slot;
    const double bytes_left = left(flows_[slot]);
    take_out(slot);
    put_capped(slot, bytes_left);
    level = solve_level();
  }
  return level;
}

}  // namespace

std::unique_ptr<BandwidthSharing> make_star_sharing(double capacity_bytes_per_s) {
  return std::make_unique<StarSharing>(capacity_bytes_per_s);
}

}  // namespace polyclinic
