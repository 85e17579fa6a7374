// A 4-ary min-heap of slots (small numbers) by key, in which any slot can be found and removed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/check.hpp"

namespace polyclinic {

// push, remove: O(log n); top: O(1). Equal keys come in order of their slot numbers.
template <class Key>
class IndexedHeap {
 public:
  struct Entry {
    Key key;
    std::uint32_t slot;
  };

  [[nodiscard]] bool empty() const { return entries_.empty(); }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  // REQUIRES: not empty.
  [[nodiscard]] const Entry& top() const { return entries_.front(); }

  // REQUIRES: the slot is not in the heap.
  void push(std::uint32_t slot, Key key) {
    if (slot >= position_.size()) position_.resize(slot + std::size_t{1}, kAbsent);
    DENSURE(position_[slot] == kAbsent, "a slot is in a heap once");
    entries_.push_back({key, slot});
    sift_up(entries_.size() - 1, {key, slot});
  }
  // REQUIRES: the slot is in the heap.
  void remove(std::uint32_t slot) {
    const std::size_t hole = position_[slot];
    DENSURE(hole != kAbsent, "only what is in the heap can leave it");
    position_[slot] = kAbsent;
    const Entry last = entries_.back();
    entries_.pop_back();
    if (hole == entries_.size()) return;
    if (hole > 0 && before(last, entries_[(hole - 1) / kArity])) {
      sift_up(hole, last);
    } else {
      sift_down(hole, last);
    }
  }
  // Appends the slots whose keys are done, in no order. REQUIRES: done is monotone: with a key all
  // smaller ones. Costs O(slots found).
  template <class Done>
  void collect(Done done, std::vector<std::uint32_t>& slots) {
    const std::size_t before = slots.size();
    if (entries_.empty() || !done(entries_.front().key)) return;
    // positions first, as the list of those whose children are still to be looked at
    slots.push_back(0);
    for (std::size_t next = before; next < slots.size(); ++next) {
      const std::size_t first = slots[next] * kArity + 1;
      const std::size_t end = first + kArity < entries_.size() ? first + kArity : entries_.size();
      for (std::size_t child = first; child < end; ++child) {
        if (done(entries_[child].key)) slots.push_back(static_cast<std::uint32_t>(child));
      }
    }
    for (std::size_t i = before; i < slots.size(); ++i) slots[i] = entries_[slots[i]].slot;
  }
  // REQUIRES: all of them are in the heap, each once.
  void remove_all(std::span<const std::uint32_t> slots) {
    if (slots.size() * kFewPart < entries_.size()) {
      for (const std::uint32_t slot : slots) remove(slot);
      return;
    }
    for (const std::uint32_t slot : slots) position_[slot] = kAbsent;
    std::erase_if(entries_, [this](const Entry& e) { return position_[e.slot] == kAbsent; });
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      position_[entries_[i].slot] = static_cast<std::uint32_t>(i);
    }
    if (entries_.size() < 2) return;
    for (std::size_t i = (entries_.size() - 2) / kArity + 1; i-- > 0;) sift_down(i, entries_[i]);
  }

 private:
  // Up to this part of the slots are removed one by one: with more, building anew is quicker.
  static constexpr std::size_t kFewPart = 8;
  static constexpr std::uint32_t kAbsent = 0xFFFFFFFFU;
  static constexpr std::size_t kArity = 4;

  static bool before(const Entry& a, const Entry& b) {
    if (a.key != b.key) return a.key < b.key;
    return a.slot < b.slot;
  }
  void place(std::size_t at, const Entry& entry) {
    entries_[at] = entry;
    position_[entry.slot] = static_cast<std::uint32_t>(at);
  }
  void sift_up(std::size_t hole, const Entry entry) {
    while (hole > 0) {
      const std::size_t parent = (hole - 1) / kArity;
      if (!before(entry, entries_[parent])) break;
      place(hole, entries_[parent]);
      hole = parent;
    }
    place(hole, entry);
  }
  void sift_down(std::size_t hole, const Entry entry) {
    while (true) {
      const std::size_t first = hole * kArity + 1;
      if (first >= entries_.size()) break;
      std::size_t least = first;
      const std::size_t end = first + kArity < entries_.size() ? first + kArity : entries_.size();
      for (std::size_t child = first + 1; child < end; ++child) {
        if (before(entries_[child], entries_[least])) least = child;
      }
      if (!before(entries_[least], entry)) break;
      place(hole, entries_[least]);
      hole = least;
    }
    place(hole, entry);
  }

  std::vector<Entry> entries_;
  std::vector<std::uint32_t> position_;  // of each slot in entries_
};

}  // namespace polyclinic
