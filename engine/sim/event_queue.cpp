#include "sim/event_queue.hpp"

#include <algorithm>
#include <bit>

#include "base/check.hpp"

namespace polyclinic {

namespace {
constexpr std::uint64_t kSequenceMask = (std::uint64_t{1} << 56U) - 1;
// below so many stale entries a sweep is not worth its while
constexpr std::size_t kStaleMin = 64;
constexpr std::size_t kArity = 4;
}  // namespace

void EventQueue::Lane::push(NowEntry entry) {
  // a lane that is filled and emptied in step would grow for ever: reuse the space before the head
  if (items.size() == items.capacity() && head > items.size() / 2) {
    items.erase(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(head));
    head = 0;
  }
  items.push_back(entry);
}

void EventQueue::Lane::pop() {
  if (++head == items.size()) {
    items.clear();
    head = 0;
  }
}

std::size_t EventQueue::entries() const {
  std::size_t count = heap_.size();
  for (const Lane& lane : lanes_) count += lane.items.size() - lane.head;
  return count;
}

std::uint32_t EventQueue::take_slot() {
  if (first_free_ == kNoSlot) {
    ENSURE(slots_.size() < kInLane, "slots are numbered with 32 bits");
    slots_.emplace_back();
    return static_cast<std::uint32_t>(slots_.size() - 1);
  }
  const std::uint32_t slot = first_free_;
  first_free_ = slots_[slot].link;
  return slot;
}

void EventQueue::free_slot(std::uint32_t slot) {
  slots_[slot].key = kFree;
  slots_[slot].link = first_free_;
  first_free_ = slot;
}

EventId EventQueue::push(TimeNs at, Priority priority, const Call& call) {
  ENSURE(at >= now_, "an event cannot be scheduled in the past");
  ENSURE(call.handler != nullptr, "an event does something");
  DENSURE(sequence_ < kSequenceMask, "2^56 events are more than a run can dispatch");
  const std::uint64_t key = static_cast<std::uint64_t>(priority) << 56U | sequence_++;
  const std::uint32_t slot = take_slot();
  const bool is_now = at == now_;
  slots_[slot] = {call.handler, call.context, call.argument,
                  key,          call.entity,  is_now ? kInLane : kInHeap};
  ++live_;
  if (is_now) {
    lanes_[static_cast<std::size_t>(priority)].push({key, slot});
    lanes_in_use_ |= 1U << static_cast<unsigned>(priority);
  } else {
    heap_push({at.ns, key, slot});
  }
  return {key, slot};
}

bool EventQueue::cancel(EventId id) {
  if (!id.valid() || id.slot >= slots_.size() || slots_[id.slot].key != id.key) return false;
  const bool in_heap = slots_[id.slot].link == kInHeap;
  free_slot(id.slot);
  --live_;
  if (in_heap) {
    if (++stale_in_heap_ > kStaleMin && stale_in_heap_ > heap_.size() / 2) sweep_heap();
  } else {
    if (++stale_in_lanes_ > kStaleMin && stale_in_lanes_ > live_) sweep_lanes();
  }
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
  for (;;) {
    const std::size_t first = hole * kArity + 1;
    if (first >= size) break;
    std::size_t best = first;
    const std::size_t end = std::min(first + kArity, size);
    for (std::size_t child = first + 1; child < end; ++child) {
      if (before(heap_[child], heap_[best])) best = child;
    }
    if (!before(heap_[best], entry)) break;
    heap_[hole] = heap_[best];
    hole = best;
  }
  heap_[hole] = entry;
}

void EventQueue::heap_pop() {
  const Entry last = heap_.back();
  heap_.pop_back();
  if (!heap_.empty()) sift_down(0, last);
}

void EventQueue::sweep_heap() {
  std::erase_if(heap_, [this](const Entry& entry) { return stale(entry); });
  stale_in_heap_ = 0;
  if (heap_.size() < 2) return;
  for (std::size_t i = (heap_.size() - 2) / kArity + 1; i-- > 0;) {
    const Entry entry = heap_[i];
    sift_down(i, entry);
  }
}

void EventQueue::sweep_lanes() {
  for (Lane& lane : lanes_) {
    const auto head = lane.items.begin() + static_cast<std::ptrdiff_t>(lane.head);
    lane.items.erase(lane.items.begin(), head);
    lane.head = 0;
    std::erase_if(lane.items, [this](const NowEntry& entry) { return stale(entry); });
  }
  stale_in_lanes_ = 0;
}

void EventQueue::drop_stale_tops() {
  while (stale_in_heap_ > 0 && !heap_.empty() && stale(heap_.front())) {
    heap_pop();
    --stale_in_heap_;
  }
  // find the first lane with a live event
  while (lanes_in_use_ != 0) {
    Lane& lane = lanes_[static_cast<std::size_t>(std::countr_zero(lanes_in_use_))];
    while (stale_in_lanes_ > 0 && !lane.empty() && stale(lane.items[lane.head])) {
      lane.pop();
      --stale_in_lanes_;
    }
    if (!lane.empty()) return;
    lanes_in_use_ &= lanes_in_use_ - 1;
  }
}

std::optional<TimeNs> EventQueue::next_time() {
  drop_stale_tops();
  if (lanes_in_use_ != 0) return now_;
  if (heap_.empty()) return std::nullopt;
  return TimeNs{heap_.front().at_ns};
}

QueuedEvent EventQueue::event_of(std::int64_t at_ns, std::uint64_t key, std::uint32_t slot) const {
  const Slot& s = slots_[slot];
  return {TimeNs{at_ns},
          static_cast<Priority>(key >> 56U),
          key & kSequenceMask,
          {s.handler, s.context, s.argument, s.entity}};
}

bool EventQueue::pop(QueuedEvent& out) {
  drop_stale_tops();
  std::uint32_t slot = 0;
  if (lanes_in_use_ != 0) {
    Lane& lane = lanes_[static_cast<std::size_t>(std::countr_zero(lanes_in_use_))];
    const NowEntry candidate = lane.items[lane.head];
    // the heap may hold events of this instant that were scheduled before it began
    if (heap_.empty() || heap_.front().at_ns > now_.ns || heap_.front().key > candidate.key) {
      lane.pop();
      slot = candidate.slot;
      out = event_of(now_.ns, candidate.key, slot);
      free_slot(slot);
      --live_;
      return true;
    }
  }
  if (heap_.empty()) return false;
  const Entry top = heap_.front();
  heap_pop();
  now_ = TimeNs{top.at_ns};
  out = event_of(top.at_ns, top.key, top.slot);
  free_slot(top.slot);
  --live_;
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
  for (const Entry& entry : heap_) {
    if (!stale(entry)) events.push_back(event_of(entry.at_ns, entry.key, entry.slot));
  }
  for (const Lane& lane : lanes_) {
    for (std::size_t i = lane.head; i < lane.items.size(); ++i) {
      if (!stale(lane.items[i])) {
        events.push_back(event_of(now_.ns, lane.items[i].key, lane.items[i].slot));
      }
    }
  }
  std::sort(events.begin(), events.end(), [](const QueuedEvent& a, const QueuedEvent& b) {
    if (a.at != b.at) return a.at < b.at;
    if (a.priority != b.priority) return a.priority < b.priority;
    return a.sequence < b.sequence;
  });
  return events;
}

}  // namespace polyclinic
