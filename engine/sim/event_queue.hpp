// The future event set: plain-data events in the total order (time, priority, sequence).
//
// What an event does lies in a slot of its own. Slots of one time and priority are linked to
// chains, first in, first out; a 4-ary implicit heap holds a 24-byte entry for each chain of a
// later time. So hospitals in step, whose events share their times, cost one entry together. Events
// of the present instant bypass the heap: they lie in one chain (a lane) per priority.
//
// Several chains may have the same time and priority: events are only ever linked to the latest of
// them, so all of one chain come before all of the next, and the order is exact whatever is linked.
//
//   operation        cost (n chains queued)
//   push, later      O(log n), O(1) for a chain's second event and those after it
//   push, now        O(1)
//   pop              O(log n) for the last event of a chain, O(1) for others and from a lane
//   cancel           O(1) amortised: cancelled events are swept once they outnumber the live ones
// Nothing allocates in steady state.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.hpp"
#include "base/time.hpp"

namespace polyclinic {

// Who comes first within one nanosecond (architecture.md, "Order of events").
enum class Priority : std::uint8_t {
  state,         // a link or host goes up or down: what follows sees the new state
  transfer_end,  // a transfer that ends now has ended before anybody looks
  compute_end,   // so has a computation
  wakeup,        // an actor goes on
  deadline,      // so an arrival at the deadline still counts
  timeline,      // the scenario's own timeline
  command,       // what a person asked for
  measurement,   // sees everything that happened in this nanosecond
};
inline constexpr std::size_t kPriorities = 8;

// "who" of something that belongs to no hospital.
inline constexpr std::uint32_t kNoEntity = 0xFFFFFFFFU;

// A text and its hash, which is the same on every machine.
constexpr std::uint64_t label_hash(std::string_view text) {
  Hasher hasher;
  for (const char c : text) hasher.word(static_cast<unsigned char>(c));
  return hasher.value();
}
struct Label {
  Label() = default;
  explicit Label(std::string name) : text(std::move(name)), hash(label_hash(text)) {}
  std::string text;
  std::uint64_t hash = label_hash("");
};

// What an event of one kind does: a name for messages and fingerprint, and a plain function.
// Handlers are static constants; the queue keeps pointers to them.
struct Handler {
  using Function = void (*)(void* context, std::uint64_t argument);
  // The label of the thing in `context`, where events of one kind belong to different actors.
  using LabelOf = const Label& (*)(const void* context);

  constexpr Handler(std::string_view name, Function function, LabelOf named_by = nullptr)
      : label(name), hash(label_hash(name)), run(function), label_of(named_by) {}

  std::string_view label;
  std::uint64_t hash;
  Function run;
  LabelOf label_of;
};

// A handler that calls a member function `void C::f(std::uint64_t)` on the context:
//   constexpr Handler kFlowEnd = method_handler<&Network::on_flow_end>("flow end");
template <class C>
using HandlerMethod = void (C::*)(std::uint64_t);
namespace kernel {
template <class C>
C* class_of(HandlerMethod<C>);
}  // namespace kernel
template <auto Method>
constexpr Handler method_handler(std::string_view label) {
  using C = std::remove_pointer_t<decltype(kernel::class_of(Method))>;
  return Handler(label, [](void* context, std::uint64_t argument) {
    (static_cast<C*>(context)->*Method)(argument);
  });
}

// One call to come. The context is not owned and must live until the event ran or was cancelled.
struct Call {
  const Handler* handler = nullptr;
  void* context = nullptr;
  std::uint64_t argument = 0;
  std::uint32_t entity = kNoEntity;  // who it concerns: a HospitalId's value
};

// Names one scheduled event for ever: never reused, so a late cancel hits nothing else.
// The default-constructed id names none.
struct EventId {
  std::uint64_t key = ~std::uint64_t{0};
  std::uint32_t slot = 0;
  [[nodiscard]] bool valid() const { return key != ~std::uint64_t{0}; }
  friend bool operator==(const EventId&, const EventId&) = default;
};

// An event with its place in the order.
struct QueuedEvent {
  TimeNs at;
  Priority priority = Priority::state;
  std::uint64_t sequence = 0;
  Call call;
};

// Not thread-safe: owned by one Simulation.
class EventQueue {
 public:
  // The time of the last popped event, or what advance_to set.
  [[nodiscard]] TimeNs now() const { return now_; }
  // Events that will still happen.
  [[nodiscard]] std::size_t size() const { return live_; }
  // Events held, cancelled ones included that have not been swept yet; for tests of bloat.
  [[nodiscard]] std::size_t entries() const { return live_ + cancelled_; }

  // Adds an event behind all others of its time and priority. REQUIRES: at >= now(), a handler.
  EventId push(TimeNs at, Priority priority, const Call& call);
  // Removes an event; false if it ran already, was cancelled already, or is being run.
  bool cancel(EventId id);
  // Time of the next event, or nullopt if there is none.
  [[nodiscard]] std::optional<TimeNs> next_time();
  // Takes out the first event in the order and moves the clock to it; false if there is none.
  bool pop(QueuedEvent& out);
  // Moves the clock forward. REQUIRES: at >= now(), no event before `at`.
  void advance_to(TimeNs at);
  // All events to come, in order. O(n log n); for messages only.
  [[nodiscard]] std::vector<QueuedEvent> snapshot() const;

 private:
  __extension__ using Wide = __int128;
  struct Entry {  // in the heap: a chain
    std::int64_t at_ns;
    std::uint64_t key;   // of the event that began it: priority in the upper 8 bits, sequence below
    std::uint32_t slot;  // the first of its events that is still there
    [[nodiscard]] Wide order() const { return static_cast<Wide>(at_ns) << 64U | key; }
  };
  struct Slot {
    const Handler* handler;
    void* context;
    std::uint64_t argument;
    std::uint64_t key;  // of the event that lives here; kNone if it was cancelled, or there is none
    std::uint32_t entity;
    std::uint32_t next;  // slot in the chain or in the list of free ones; kNoSlot: the last
  };
  struct Lane {
    std::uint32_t first = 0;
    std::uint32_t last = 0;  // valid unless the lane is empty
  };
  // The last event of a chain, to which the next of its time and priority is linked.
  struct Tail {
    std::int64_t at_ns = 0;
    std::uint64_t key = kNone;
    std::uint32_t slot = 0;
  };

  static bool before(const Entry& a, const Entry& b) {
    // as one number, so without branches: the outcome is a coin flip to the processor
    return a.order() < b.order();
  }
  [[nodiscard]] bool cancelled(std::uint32_t slot) const { return slots_[slot].key == kNone; }
  [[nodiscard]] QueuedEvent event_of(std::int64_t at_ns, std::uint32_t slot) const;
  std::uint32_t take_slot() {
    if (first_free_ == kNoSlot) return new_slot();
    const std::uint32_t slot = first_free_;
    first_free_ = slots_[slot].next;
    return slot;
  }
  void free_slot(std::uint32_t slot) {
    slots_[slot].key = kNone;
    slots_[slot].next = first_free_;
    first_free_ = slot;
  }
  std::uint32_t new_slot();
  void push_later(std::int64_t at_ns, std::uint64_t key, std::uint32_t slot);
  void push_now(std::size_t lane, std::uint32_t slot);
  void heap_push(const Entry& entry);
  void heap_pop();
  void sift_down(std::size_t hole, const Entry& entry);
  void drop_first_of_heap();
  void drop_first_of_lane(std::size_t lane);
  [[nodiscard]] std::size_t first_lane() const;
  void drop_cancelled_heads();
  [[nodiscard]] std::uint32_t sweep_chain(std::uint32_t first, std::uint32_t& last);
  void sweep();

  static constexpr std::uint64_t kNone = ~std::uint64_t{0};
  static constexpr std::uint32_t kNoSlot = 0xFFFFFFFFU;
  // So many interleaved times and priorities find the ends of their chains.
  static constexpr unsigned kTailBits = 4;

  TimeNs now_;
  std::uint64_t sequence_ = 0;
  std::size_t live_ = 0;
  std::size_t cancelled_ = 0;  // and still in a chain
  std::uint32_t first_free_ = kNoSlot;
  std::uint32_t lanes_in_use_ = 0;  // bit p: lane p is not empty
  std::vector<Entry> heap_;
  std::vector<Slot> slots_;
  std::array<Lane, kPriorities> lanes_;
  std::array<Tail, std::size_t{1} << kTailBits> tails_;  // by a hash of time and priority
};

}  // namespace polyclinic
