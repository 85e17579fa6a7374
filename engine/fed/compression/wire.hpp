// How vectors travel between server and hospitals where they are compressed, whatever the protocol.
//
// Up: every hospital compresses its updates, with what it keeps (fed/evaluator.hpp). Down: the
// server compresses against what the hospitals have. It keeps the model that a hospital has which
// heard of every version, and of each new version sends the compressed difference to that; what the
// message leaves out is part of the next difference. A hospital that missed versions gets their
// messages one after the other, or the whole of that model where it is shorter, and has the same
// bits either way.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/schema.hpp"
#include "fed/compression/compressor.hpp"
#include "fed/stores.hpp"

namespace polyclinic {

// What became of messages in a compressed direction.
struct WireAccount {
  std::string method;                   // as it was written: "compression.top_k { share = 0.1 }"
  bool error_feedback = false;          // down: what was left out always comes again
  std::int64_t bytes = 0;               // of a message, with the protocol's `control`
  std::int64_t bytes_uncompressed = 0;  // of the same message without compression
  std::int64_t vector_bytes = 0;        // of a vector in it
  std::int64_t vector_bytes_uncompressed = 0;
  std::int64_t messages = 0;     // that arrived
  std::int64_t lost = 0;         // that broke off
  std::int64_t whole = 0;        // down: of those that arrived, models that were sent as they are
  std::int64_t catching_up = 0;  // down: those that held more than one version
};

class Wire {
 public:
  // References outlive it.
  struct Setup {
    const Part* compression = nullptr;  // null: everything travels as it is
    VersionPtr initial;                 // version 0
    std::int64_t vectors = 1;           // of a message: the parameters, and a control vector
    std::int64_t control_bytes = 0;     // of a message, beside them
    RunKey run;
  };
  // Throws ScenarioError where fields of a compression exclude each other.
  explicit Wire(Setup setup);

  // Of updates, and of changes of control vectors; null: they travel as they are.
  [[nodiscard]] const compression::Compressor* up() const { return up_.get(); }
  [[nodiscard]] const compression::Compressor* up_control() const { return up_control_.get(); }

  // Bytes of an uncompressed message that are not sent: up, and down to a hospital that has the
  // model of version `held` (kNothing: none) and gets `version`. Negative where a message is longer
  // than what it stands for.
  static constexpr std::int64_t kNothing = -1;
  [[nodiscard]] std::int64_t saved_up() const;
  [[nodiscard]] std::int64_t saved_down(std::int64_t held, std::int64_t version) const;

  // What a hospital has of the newest version, and of the server's control vector; null stands for
  // zero.
  [[nodiscard]] VersionPtr model(const VersionStore& versions) const;
  [[nodiscard]] VersionPtr control(const VersionPtr& server) const;
  // A version was made: its message is. Throws RunError when what the hospitals have overflows.
  void publish(const VersionStore& versions, const VersionPtr& server_control);

  // The newest version is an older one again: everybody gets the whole of it, and nothing of what
  // messages left out is owed any more.
  void begin_anew(const VersionStore& versions);

  // A message arrived whole, or broke off.
  void count_up(bool arrived) { ++(arrived ? up_account_.messages : up_account_.lost); }
  void count_down(bool arrived, std::int64_t held, std::int64_t version);
  // Absent where that direction is not compressed.
  [[nodiscard]] std::optional<WireAccount> account_up() const;
  [[nodiscard]] std::optional<WireAccount> account_down() const;

 private:
  [[nodiscard]] std::int64_t whole_bytes() const;
  [[nodiscard]] WireAccount account_of(const Part& part,
                                       const compression::Compressor& compressor) const;
  void move(VersionPtr& held, const ParameterVector& target, compression::Memory& memory,
            const Stream& stream) const;

  Setup setup_;
  std::unique_ptr<compression::Compressor> up_;
  std::unique_ptr<compression::Compressor> up_control_;
  std::unique_ptr<compression::Compressor> down_;
  VersionPtr held_;          // what hospitals have that heard of all versions
  VersionPtr held_control_;  // null: zero
  compression::Memory memory_;
  compression::Memory memory_control_;
  WireAccount up_account_;
  WireAccount down_account_;
};

// What `compression` says of one direction: null where it says nothing.
const Part* compression_up(const Part* compression);
const Part* compression_down(const Part* compression);

// Refuses what compression cannot be combined with. secure and privacy may be null.
std::vector<Mistake> compression_conflicts(const Part& compression, const Part* secure,
                                           const Part* privacy);

}  // namespace polyclinic
