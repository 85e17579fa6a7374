// What a run did, in two 64-bit words: equal scenario and seed must give equal words.
#pragma once

#include <array>
#include <cinttypes>
#include <cstdio>
#include <string>

#include "base/hash.hpp"

namespace polyclinic {

// The two halves of a run's fingerprint. Both depend on the order in which they are fed.
// Fed by the event loop only; not thread-safe.
class Fingerprint {
 public:
  // What happened when: times, order, kinds, entities, sizes. Equal on every machine and build.
  Hasher timeline;
  // What came out: bits of parameters, metrics, ledgers, notes. Equal for one instruction set.
  Hasher results;

  // "timeline-results", sixteen hexadecimal digits each.
  [[nodiscard]] std::string text() const {
    std::array<char, 34> buffer{};
    std::snprintf(buffer.data(), buffer.size(), "%016" PRIx64 "-%016" PRIx64, timeline.value(),
                  results.value());
    return buffer.data();
  }
};

}  // namespace polyclinic
