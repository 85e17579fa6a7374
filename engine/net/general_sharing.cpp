// The solver for any topology. Flow i has a cap c_i, a weight w_i and a set of links; link l has
// capacity C_l. Weighted max-min fairness by progressive filling (Bertsekas and Gallager, Data
// Networks, section 6.5.2, with weights): raise the level L of all flows together, rate_i = w_i L;
// a flow stops at L = c_i / w_i, and all flows of a link stop when the link is full, which is at
//     L = (C_l - what its stopped flows have) / (weights of its other flows).
// The flows that a link stopped have it as their bottleneck.
//
// A link whose flows cannot fill it even at their caps is *slack*: it stops nobody and is left out.
// The others are *tight*; flows and tight links form components, and a change is solved in the
// component that it touches. A flow whose rate does not change keeps its anchor (time, bytes left),
// from which what it has left is computed; nothing is ever decremented.
//
// Sums of rates and weights are exact (fixed_point.hpp), links are taken by (level, number), flows
// by (cap / weight): no order of arrival matters.
#include <algorithm>
#include <cmath>

#include "base/check.hpp"
#include "net/fixed_point.hpp"
#include "net/indexed_heap.hpp"
#include "net/sharing.hpp"

namespace polyclinic {

namespace {

class GeneralSharing final : public BandwidthSharing {
 public:
  explicit GeneralSharing(const std::vector<double>& capacities) : links_(capacities.size()) {
    for (std::uint32_t i = 0; i < capacities.size(); ++i) set_capacity(LinkId{i}, capacities[i]);
  }

  FlowId start(const FlowDemand& demand) override;
  double abort(FlowId flow) override;
  void set_cap(FlowId flow, double bytes_per_s) override;
  LinkId add_link(double capacity_bytes_per_s) override {
    links_.emplace_back();
    const LinkId added{static_cast<std::uint32_t>(links_.size() - 1)};
    set_capacity(added, capacity_bytes_per_s);
    return added;
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
  // One link on a flow's way.
  struct Hop {
    std::uint32_t link = 0;
    std::uint32_t place = 0;  // among the link's flows
  };
  struct Flow {
    double bytes = 0;
    double cap = 0;
    double weight = 1;
    double rate = 0;          // since `anchor`
    double anchor_bytes = 0;  // left at `anchor`
    TimeNs anchor;
    std::uint64_t sequence = 0;
    std::vector<Hop> hops;
    bool running = false;
    std::uint64_t touched = 0;  // the solution that it belongs to
    bool stopped = false;       // in the filling: its rate is found
    double found = 0;           // that rate
  };
  // A flow and the level at which it stops by itself, cap / weight.
  struct Threshold {
    double level = 0;
    std::uint32_t flow = 0;
    friend bool operator<(const Threshold& a, const Threshold& b) {
      return a.level != b.level ? a.level < b.level : a.flow < b.flow;
    }
  };
  struct Member {
    std::uint32_t flow = 0;
    std::uint32_t hop = 0;
  };
  struct Link {
    Wide capacity = 0;
    Wide caps = 0;     // of its flows
    Wide weights = 0;  // of its flows
    std::vector<Member> flows;
    bool tight = false;  // its flows could fill it
    bool changed = false;
    std::uint64_t touched = 0;
    Wide rest = 0;      // in the filling: capacity that its stopped flows leave
    Wide climbing = 0;  // in the filling: weights of its other flows
  };
  // A link in the filling, with a level not above the one at which it is full.
  struct Candidate {
    double level = 0;
    std::uint32_t link = 0;
    // for the heap of the standard library: the least comes first
    friend bool operator<(const Candidate& a, const Candidate& b) {
      return a.level != b.level ? a.level > b.level : a.link > b.link;
    }
  };

  Flow& running_flow(FlowId flow);
  [[nodiscard]] double left(const Flow& flow) const;
  void mark(std::uint32_t link);
  void order(std::uint32_t slot);
  void forget_order(std::uint32_t slot);
  void join(std::uint32_t slot);
  void leave(std::uint32_t slot);
  void settle();
  void touch_link(std::uint32_t link);
  void touch_flow(std::uint32_t slot);
  void gather();
  void sort_part();
  void fill();
  [[nodiscard]] static double level_of(const Link& link);
  bool next_link(Candidate& first);
  void stop(std::uint32_t slot, double rate);
  void apply(std::uint32_t slot);

  std::vector<Flow> flows_;  // by slot
  std::vector<std::uint32_t> free_;
  std::vector<Link> links_;
  std::uint64_t sequence_ = 0;
  TimeNs now_;
  IndexedHeap<std::int64_t> ends_;
  std::vector<Threshold> thresholds_;  // of all flows, sorted
  std::vector<std::uint32_t> changed_links_;
  std::vector<std::uint32_t> changed_flows_;
  // the component that is being solved
  std::uint64_t solution_ = 0;
  std::vector<std::uint32_t> part_flows_;
  std::vector<std::uint32_t> part_links_;
  std::vector<Threshold> part_thresholds_;  // of part_flows_, sorted
  std::vector<Candidate> candidates_;
};

FlowId GeneralSharing::start(const FlowDemand& demand) {
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
  flow.rate = 0;
  flow.anchor = now_;
  flow.anchor_bytes = demand.bytes;
  flow.sequence = sequence_++;
  flow.running = true;
  flow.hops.clear();
  for (const LinkId link : demand.route) {
    ENSURE(link.value < links_.size(), "a link of this topology");
    for (const Hop& hop : flow.hops) ENSURE(hop.link != link.value, "a flow crosses a link once");
    flow.hops.push_back({link.value, 0});
  }
  join(slot);
  ends_.push(slot, kNever.ns);
  return {slot};
}

double GeneralSharing::abort(FlowId id) {
  const double bytes_left = left(running_flow(id));
  leave(id.value);
  ends_.remove(id.value);
  return bytes_left;
}

void GeneralSharing::set_cap(FlowId id, double bytes_per_s) {
  ENSURE(bytes_per_s > 0 && bytes_per_s < 1e20, "a flow can move");
  Flow& flow = running_flow(id);
  if (flow.cap == bytes_per_s) return;
  for (const Hop& hop : flow.hops) {
    links_[hop.link].caps += to_fixed(bytes_per_s, kCapUnit) - to_fixed(flow.cap, kCapUnit);
    mark(hop.link);
  }
  forget_order(id.value);
  flow.cap = bytes_per_s;
  order(id.value);
  changed_flows_.push_back(id.value);
}

void GeneralSharing::set_capacity(LinkId link, double bytes_per_s) {
  ENSURE(link.value < links_.size(), "a link of this topology");
  ENSURE(bytes_per_s >= 0 && bytes_per_s < 1e20, "a capacity is a finite number");
  links_[link.value].capacity = to_fixed(bytes_per_s, kCapUnit);
  mark(link.value);
}

std::optional<TimeNs> GeneralSharing::next_completion() {
  settle();
  if (ends_.empty() || ends_.top().key > kTimeMax.ns) return std::nullopt;
  return TimeNs{ends_.top().key};
}

void GeneralSharing::advance(TimeNs now) {
  ENSURE(now >= now_, "time does not go back");
  if (now == now_) return;
  settle();
  now_ = now;
}

void GeneralSharing::take_completed(std::vector<FlowId>& completed) {
  const std::size_t before = completed.size();
  while (!ends_.empty() && ends_.top().key <= now_.ns) {
    completed.push_back({ends_.top().slot});
    ends_.remove(completed.back().value);
  }
  std::sort(
      completed.begin() + static_cast<std::ptrdiff_t>(before), completed.end(),
      [&](FlowId a, FlowId b) { return flows_[a.value].sequence < flows_[b.value].sequence; });
  for (std::size_t i = before; i < completed.size(); ++i) leave(completed[i].value);
}

double GeneralSharing::rate(FlowId id) {
  settle();
  return running_flow(id).rate;
}

double GeneralSharing::remaining(FlowId id) {
  return left(running_flow(id));
}

GeneralSharing::Flow& GeneralSharing::running_flow(FlowId id) {
  ENSURE(id.value < flows_.size(), "a flow that was started");
  ENSURE(flows_[id.value].running, "a flow that still runs");
  return flows_[id.value];
}

double GeneralSharing::left(const Flow& flow) const {
  const double moved = flow.rate * static_cast<double>((now_ - flow.anchor).ns) / 1e9;
  return std::clamp(flow.anchor_bytes - moved, 0.0, flow.bytes);
}

void GeneralSharing::mark(std::uint32_t link) {
  if (links_[link].changed) return;
  links_[link].changed = true;
  changed_links_.push_back(link);
}

void GeneralSharing::order(std::uint32_t slot) {
  const Threshold threshold{flows_[slot].cap / flows_[slot].weight, slot};
  thresholds_.insert(std::lower_bound(thresholds_.begin(), thresholds_.end(), threshold),
                     threshold);
}

void GeneralSharing::forget_order(std::uint32_t slot) {
  const Threshold threshold{flows_[slot].cap / flows_[slot].weight, slot};
  thresholds_.erase(std::lower_bound(thresholds_.begin(), thresholds_.end(), threshold));
}

void GeneralSharing::join(std::uint32_t slot) {
  Flow& flow = flows_[slot];
  order(slot);
  for (std::uint32_t i = 0; i < flow.hops.size(); ++i) {
    Link& link = links_[flow.hops[i].link];
    flow.hops[i].place = static_cast<std::uint32_t>(link.flows.size());
    link.flows.push_back({slot, i});
    link.caps += to_fixed(flow.cap, kCapUnit);
    link.weights += to_fixed(flow.weight, kWeightUnit);
    mark(flow.hops[i].link);
  }
  changed_flows_.push_back(slot);
}

// Takes a flow off its links and frees its slot; it is no longer, or never was, in the heap of ends
// when the slot is used again.
void GeneralSharing::leave(std::uint32_t slot) {
  Flow& flow = flows_[slot];
  for (const Hop& hop : flow.hops) {
    Link& link = links_[hop.link];
    const Member last = link.flows.back();
    link.flows[hop.place] = last;
    flows_[last.flow].hops[last.hop].place = hop.place;
    link.flows.pop_back();
    link.caps -= to_fixed(flow.cap, kCapUnit);
    link.weights -= to_fixed(flow.weight, kWeightUnit);
    mark(hop.link);
  }
  forget_order(slot);
  flow.running = false;
  free_.push_back(slot);
}

// Solves the changes of this instant.
void GeneralSharing::settle() {
  if (changed_links_.empty() && changed_flows_.empty()) return;
  gather();
  fill();
  for (const std::uint32_t slot : part_flows_) apply(slot);
}

void GeneralSharing::touch_link(std::uint32_t index) {
  Link& link = links_[index];
  if (link.touched == solution_) return;
  link.touched = solution_;
  part_links_.push_back(index);
}

void GeneralSharing::touch_flow(std::uint32_t slot) {
  Flow& flow = flows_[slot];
  if (!flow.running || flow.touched == solution_) return;
  flow.touched = solution_;
  part_flows_.push_back(slot);
  for (const Hop& hop : flow.hops) {
    if (links_[hop.link].tight) touch_link(hop.link);
  }
}

// Collects the flows and links whose rates may change.
void GeneralSharing::gather() {
  ++solution_;
  part_flows_.clear();
  part_links_.clear();
  for (const std::uint32_t index : changed_links_) {
    Link& link = links_[index];
    const bool before = link.tight;
    link.tight = link.caps > link.capacity;
    link.changed = false;
    if (before || link.tight) touch_link(index);
  }
  for (const std::uint32_t slot : changed_flows_) touch_flow(slot);
  changed_links_.clear();
  changed_flows_.clear();
  for (std::size_t i = 0; i < part_links_.size(); ++i) {
    for (const Member& member : links_[part_links_[i]].flows) touch_flow(member.flow);
  }
}

double GeneralSharing::level_of(const Link& link) {
  return from_fixed(link.rest, kCapUnit) / from_fixed(link.climbing, kWeightUnit);
}

// The link that is full first; false when none is left with flows that climb. What a candidate
// states may be too low by now, never too high: flows that stop leave the others more.
bool GeneralSharing::next_link(Candidate& first) {
  while (!candidates_.empty()) {
    std::pop_heap(candidates_.begin(), candidates_.end());
    Candidate candidate = candidates_.back();
    candidates_.pop_back();
    const Link& link = links_[candidate.link];
    if (link.climbing == 0) continue;
    const double level = level_of(link);
    if (level <= candidate.level) {
      first = {level, candidate.link};
      return true;
    }
    candidate.level = level;
    candidates_.push_back(candidate);
    std::push_heap(candidates_.begin(), candidates_.end());
  }
  return false;
}

void GeneralSharing::stop(std::uint32_t slot, double rate) {
  Flow& flow = flows_[slot];
  flow.stopped = true;
  flow.found = rate;
  for (const Hop& hop : flow.hops) {
    Link& link = links_[hop.link];
    if (!link.tight) continue;
    link.rest -= to_fixed(rate, kCapUnit);
    link.climbing -= to_fixed(flow.weight, kWeightUnit);
  }
}

// A small part is sorted by itself, a large one is picked out of all.
void GeneralSharing::sort_part() {
  part_thresholds_.clear();
  if (part_flows_.size() < thresholds_.size() / 8) {
    for (const std::uint32_t slot : part_flows_) {
      part_thresholds_.push_back({flows_[slot].cap / flows_[slot].weight, slot});
    }
    std::sort(part_thresholds_.begin(), part_thresholds_.end());
  } else {
    for (const Threshold& threshold : thresholds_) {
      if (flows_[threshold.flow].touched == solution_) part_thresholds_.push_back(threshold);
    }
  }
}

void GeneralSharing::fill() {
  sort_part();
  candidates_.clear();
  for (const std::uint32_t index : part_links_) {
    Link& link = links_[index];
    link.rest = link.capacity;
    link.climbing = link.weights;
    if (link.tight) candidates_.push_back({level_of(link), index});
  }
  std::make_heap(candidates_.begin(), candidates_.end());
  for (const std::uint32_t slot : part_flows_) flows_[slot].stopped = false;
  double level = 0;
  std::size_t next = 0;
  Candidate full;
  bool filling = next_link(full);
  while (next < part_thresholds_.size()) {
    const Threshold lowest = part_thresholds_[next];
    if (flows_[lowest.flow].stopped) {
      ++next;
    } else if (!filling || lowest.level <= full.level) {
      // equal thresholds stop together, so that their order does not matter
      for (; next < part_thresholds_.size(); ++next) {
        const Threshold other = part_thresholds_[next];
        if (other.level > lowest.level) break;
        if (!flows_[other.flow].stopped) stop(other.flow, flows_[other.flow].cap);
      }
      if (!filling) continue;
      candidates_.push_back(full);
      std::push_heap(candidates_.begin(), candidates_.end());
      filling = next_link(full);
    } else {
      // levels rise; roundings must not let them fall
      level = std::max(level, full.level);
      for (const Member& member : links_[full.link].flows) {
        Flow& bound = flows_[member.flow];
        if (!bound.stopped) stop(member.flow, std::min(bound.cap, bound.weight * level));
      }
      filling = next_link(full);
    }
  }
}

void GeneralSharing::apply(std::uint32_t slot) {
  Flow& flow = flows_[slot];
  if (flow.found == flow.rate) return;
  flow.anchor_bytes = left(flow);
  flow.anchor = now_;
  flow.rate = flow.found;
  const TimeNs end =
      flow.rate > 0 ? later(now_, duration_of(flow.anchor_bytes, flow.rate)) : kNever;
  ends_.remove(slot);
  ends_.push(slot, end.ns);
}

}  // namespace

std::unique_ptr<BandwidthSharing> make_general_sharing(const std::vector<double>& capacities) {
  return std::make_unique<GeneralSharing>(capacities);
}

}  // namespace polyclinic
