#include "sim/event_queue.hpp"

#include <algorithm>
#include <bit>

#include "base/check.hpp"

namespace polyclinic {

namespace {
constexpr std::uint64_t kSequenceMask = (std::uint64_t{1} << 56U) - 1;
// below so many cancelled events a sweep is not worth its while
constexpr std::size_t kCancelledMin = 64;
constexpr std::size_t kArity = 4;
// So many heap entries (half a megabyte) lie in a core's own caches.
constexpr std::size_t kInCacheMax = 20'000;
constexpr unsigned kPriorityShift = 56;
}  // namespace

std::uint32_t EventQueue::new_slot() {
  ENSURE(slots_.size() < kNoSlot, "slots are numbered with 32 bits");
  slots_.emplace_back();
  return static_cast<std::uint32_t>(slots_.size() - 1);
}

EventId EventQueue::push(TimeNs at, Priority priority, const Call& call) {
  ENSURE(at >= now_, "an event cannot be scheduled in the past");
  ENSURE(call.handler != nullptr, "an event does something");
  DENSURE(sequence_ < kSequenceMask, "2^56 events are more than a run can dispatch");
  const std::uint64_t key = static_cast<std::uint64_t>(priority) << kPriorityShift | sequence_++;
  const std::uint32_t slot = take_slot();
  slots_[slot] = {call.handler, call.context, call.argument, key, call.entity, kNoSlot};
  ++live_;
  if (at == now_) {
    push_now(static_cast<std::size_t>(priority), slot);
  } else {
    push_later(at.ns, key, slot);
  }
  return {key, slot};
}

void EventQueue::push_now(std::size_t lane, std::uint32_t slot) {
  const bool empty = (lanes_in_use_ >> lane & 1U) == 0;
  (empty ? lanes_[lane].first : slots_[lanes_[lane].last].next) = slot;
  lanes_[lane].last = slot;
  lanes_in_use_ |= 1U << lane;
}

void EventQueue::push_later(std::int64_t at_ns, std::uint64_t key, std::uint32_t slot) {
  constexpr std::uint64_t kGolden = 0x9E3779B97F4A7C15ULL;  // spreads (Knuth 6.4)
  const std::uint64_t priority = key >> kPriorityShift;
  const std::uint64_t hash = (static_cast<std::uint64_t>(at_ns) ^ priority) * kGolden;
  Tail& tail = tails_[hash >> (64U - kTailBits)];
  // a tail that has run or was cancelled is in its slot no more
  if (tail.at_ns == at_ns && tail.key >> kPriorityShift == priority &&
      slots_[tail.slot].key == tail.key) {
    slots_[tail.slot].next = slot;
  } else {
    heap_push({at_ns, key, slot});
  }
  tail = {at_ns, key, slot};
}

bool EventQueue::cancel(EventId id) {
  if (!id.valid() || id.slot >= slots_.size() || slots_[id.slot].key != id.key) return false;
  // it stays in its chain until it is met there
  slots_[id.slot].key = kNone;
  --live_;
  if (++cancelled_ > kCancelledMin && cancelled_ > live_) sweep();
  return true;
}

void EventQueue::heap_push(const Entry& entry) {
  std::size_t hole = heap_.size();
  heap_.push_back(entry);
  while (hole > 0) {
    const std::size_t parent = (hole - 1) / kArity;
    if (!before(entry, heap_[parent])) break;
    heap_[hole] = heap_[parent];
    hole = parent;
  }
  heap_[hole] = entry;
}

void EventQueue::sift_down(std::size_t hole, const Entry& entry) {
  const std::size_t size = heap_.size();
  Entry* const heap = heap_.data();
  for (;;) {
    const std::size_t first = hole * kArity + 1;
    if (first >= size) break;
    std::size_t best = first;
    if (first < kInCacheMax && first + kArity <= size) {
      // a knock-out: two comparisons at a time
      const std::size_t left =
          first + static_cast<std::size_t>(before(heap[first + 1], heap[first]));
      const std::size_t right =
          first + 2 + static_cast<std::size_t>(before(heap[first + 3], heap[first + 2]));
      best = before(heap[right], heap[left]) ? right : left;
    } else {
      // with branches, so that a guess of the processor's fetches the next level from memory
      const std::size_t end = std::min(first + kArity, size);
      for (std::size_t child = first + 1; child < end; ++child) {
        if (before(heap[child], heap[best])) best = child;
      }
    }
    if (!before(heap[best], entry)) break;
    heap[hole] = heap[best];
    hole = best;
  }
  heap[hole] = entry;
}

void EventQueue::heap_pop() {
  const Entry last = heap_.back();
  heap_.pop_back();
  if (!heap_.empty()) sift_down(0, last);
}

// Frees the cancelled events of a chain; returns the first that is left, or kNoSlot.
std::uint32_t EventQueue::sweep_chain(std::uint32_t first, std::uint32_t& last) {
  std::uint32_t kept = kNoSlot;
  for (std::uint32_t slot = first; slot != kNoSlot;) {
    const std::uint32_t next = slots_[slot].next;
    if (cancelled(slot)) {
      free_slot(slot);
    } else {
      (kept == kNoSlot ? kept : slots_[last].next) = slot;
      last = slot;
    }
    slot = next;
  }
  if (kept != kNoSlot) slots_[last].next = kNoSlot;
  return kept;
}

void EventQueue::sweep() {
  std::uint32_t last = kNoSlot;
  for (Entry& entry : heap_) entry.slot = sweep_chain(entry.slot, last);
  std::erase_if(heap_, [](const Entry& entry) { return entry.slot == kNoSlot; });
  for (std::size_t i = heap_.size() / kArity + 1; i-- > 0;) {
    if (i < heap_.size()) sift_down(i, Entry(heap_[i]));
  }
  for (std::size_t lane = 0; lane < kPriorities; ++lane) {
    if ((lanes_in_use_ >> lane & 1U) == 0) continue;
    lanes_[lane].first = sweep_chain(lanes_[lane].first, lanes_[lane].last);
    if (lanes_[lane].first == kNoSlot) lanes_in_use_ &= ~(1U << lane);
  }
  cancelled_ = 0;
}

// Takes the first event out of the heap's first chain, or out of a lane, and frees its slot.
void EventQueue::drop_first_of_heap() {
  const std::uint32_t slot = heap_.front().slot;
  const std::uint32_t next = slots_[slot].next;
  if (next == kNoSlot) {
    heap_pop();
  } else {
    heap_.front().slot = next;
  }
  free_slot(slot);
}

void EventQueue::drop_first_of_lane(std::size_t lane) {
  const std::uint32_t slot = lanes_[lane].first;
  lanes_[lane].first = slots_[slot].next;
  free_slot(slot);
  if (slot == lanes_[lane].last) lanes_in_use_ &= ~(1U << lane);
}

// REQUIRES: a lane is in use.
std::size_t EventQueue::first_lane() const {
  return static_cast<std::size_t>(std::countr_zero(lanes_in_use_));
}

void EventQueue::drop_cancelled_heads() {
  while (cancelled_ > 0 && !heap_.empty() && cancelled(heap_.front().slot)) {
    drop_first_of_heap();
    --cancelled_;
  }
  while (cancelled_ > 0 && lanes_in_use_ != 0 && cancelled(lanes_[first_lane()].first)) {
    drop_first_of_lane(first_lane());
    --cancelled_;
  }
}

std::optional<TimeNs> EventQueue::next_time() {
  drop_cancelled_heads();
  if (lanes_in_use_ != 0) return now_;
  if (heap_.empty()) return std::nullopt;
  return TimeNs{heap_.front().at_ns};
}

QueuedEvent EventQueue::event_of(std::int64_t at_ns, std::uint32_t slot) const {
  const Slot& s = slots_[slot];
  return {TimeNs{at_ns},
          static_cast<Priority>(s.key >> kPriorityShift),
          s.key & kSequenceMask,
          {s.handler, s.context, s.argument, s.entity}};
}

bool EventQueue::pop(QueuedEvent& out) {
  if (cancelled_ > 0) drop_cancelled_heads();
  if (live_ == 0) return false;
  --live_;
  if (lanes_in_use_ != 0) {
    const std::size_t lane = first_lane();
    const std::uint32_t slot = lanes_[lane].first;
    // the heap may hold events of this instant that were scheduled before it began
    if (heap_.empty() || heap_.front().at_ns > now_.ns || heap_.front().key > slots_[slot].key) {
      out = event_of(now_.ns, slot);
      drop_first_of_lane(lane);
      return true;
    }
  }
  now_ = TimeNs{heap_.front().at_ns};
  out = event_of(now_.ns, heap_.front().slot);
  drop_first_of_heap();
  // what comes next is fetched while this event runs
  if (!heap_.empty()) __builtin_prefetch(&slots_[heap_.front().slot]);
  return true;
}

void EventQueue::advance_to(TimeNs at) {
  ENSURE(at >= now_, "the clock never goes back");
  const std::optional<TimeNs> next = next_time();
  ENSURE(!next || *next >= at, "no event may be skipped");
  // events of the old instant cannot be left in the lanes: there are none before `at`
  now_ = at;
}

std::vector<QueuedEvent> EventQueue::snapshot() const {
  std::vector<QueuedEvent> events;
  events.reserve(live_);
  const auto add = [&](std::int64_t at_ns, std::uint32_t first) {
    for (std::uint32_t slot = first; slot != kNoSlot; slot = slots_[slot].next) {
      if (!cancelled(slot)) events.push_back(event_of(at_ns, slot));
    }
  };
  for (const Entry& entry : heap_) add(entry.at_ns, entry.slot);
  for (std::size_t lane = 0; lane < kPriorities; ++lane) {
    if ((lanes_in_use_ >> lane & 1U) != 0) add(now_.ns, lanes_[lane].first);
  }
  std::sort(events.begin(), events.end(), [](const QueuedEvent& a, const QueuedEvent& b) {
    if (a.at != b.at) return a.at < b.at;
    if (a.priority != b.priority) return a.priority < b.priority;
    return a.sequence < b.sequence;
  });
  return events;
}

}  // namespace polyclinic
