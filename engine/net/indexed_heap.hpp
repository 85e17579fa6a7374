// A 4-ary min-heap of slots (small numbers) by key, in which any slot can be found and removed.
#pragma once

#include <cstddef>
#include <cstdint>
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

 private:
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
