// Sums by additive shares to two or three servers that do not collude: the parties, without clock
// or network. A hospital splits its vector x of integers into one share for each server,
//
//   server 1   x - PRG(seed_2) - ... - PRG(seed_s)   mod 2^b      all values
//   server j   seed_j                                             a key, from which it has PRG
//
// so that all but one share take 32 bytes on the wire. Any s - 1 of the shares are uniform and
// independent of x; all s give it. The servers tell each other whose shares they have, sum those of
// the hospitals that all of them have, and add up their sums. Seeds travel sealed for their server
// under a key that the hospital agrees on with it; where numbers are to be compared the split is by
// exclusive or instead of addition.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "secure/crypto.hpp"
#include "secure/pairwise.hpp"
#include "secure/rates.hpp"

namespace polyclinic::secure {

struct ShareSettings {
  std::size_t servers = 2;  // 2 or 3
  std::size_t least = 2;    // hospitals in a sum
  std::size_t values = 0;
  int modulus_bits = 32;  // 1 to 32
  bool bits = false;      // split by exclusive or: for comparisons
};

// From a hospital to one of the servers 2, 3.
struct SealedSeed {
  Place from = 0;
  std::size_t server = 0;
  Key open{};  // its key of this round
  Bytes sealed;
};

// Splits a hospital's vector: `values` becomes the share of server 1, and what is returned goes to
// the others, whose keys are given in order. nullopt: a key is not one.
std::optional<std::vector<SealedSeed>> split(const ShareSettings& settings, Place place,
                                             std::span<const Key> servers, SecretStream& secrets,
                                             std::span<std::uint32_t> values);

// One server in one round; its key is at the address of its secrets.
class ShareServer {
 public:
  // REQUIRES: 1 <= number <= settings.servers.
  ShareServer(const ShareSettings& settings, std::size_t number, SecretStream secrets);

  [[nodiscard]] const Key& key() const { return keys_.open; }
  // What a hospital sent; false: it is not for this server, cannot be opened, or is its second one.
  [[nodiscard]] bool receive(Place from, std::vector<std::uint32_t> share);  // server 1
  [[nodiscard]] bool receive(const SealedSeed& seed);                        // the others
  // Whose shares it has, in order; and of those which of the given ones.
  [[nodiscard]] std::vector<Place> holds() const;
  [[nodiscard]] std::vector<Place> common(std::span<const Place> others) const;
  // The sum of the shares of these hospitals: told once in a round, since two sums differ by single
  // hospitals. nullopt: asked again, of fewer than the least, or of somebody whose share it lacks.
  [[nodiscard]] std::optional<std::vector<std::uint32_t>> sum(std::span<const Place> of);

 private:
  ShareSettings settings_;
  std::size_t number_;
  KeyPair keys_;
  std::map<Place, std::vector<std::uint32_t>> shares_;  // of server 1
  std::map<Place, Key> seeds_;                          // of the others
  bool told_ = false;
};

// The sum of the servers' sums mod 2^b (or their exclusive or).
std::vector<std::uint32_t> combine(const ShareSettings& settings,
                                   std::span<const std::vector<std::uint32_t>> sums);

// Bytes of the messages, exact. Places and counts take 4 bytes each.
struct ShareSizes {
  std::size_t values = 0;
  int modulus_bits = 0;

  [[nodiscard]] std::int64_t vector() const;  // to server 1; and between servers, of a sum
  [[nodiscard]] static std::int64_t seed();   // to one of the others
  [[nodiscard]] static std::int64_t places(std::size_t count);  // between servers
};

// Processor time, in seconds.
struct ShareSeconds {
  Rates rates;
  // A hospital splits; one of the servers 2, 3 opens and sums; server 1 sums, then adds theirs.
  [[nodiscard]] double split(std::size_t servers, std::size_t values) const;
  [[nodiscard]] double expand(std::size_t hospitals, std::size_t values) const;
  [[nodiscard]] double combine(std::size_t hospitals, std::size_t servers,
                               std::size_t values) const;
};

}  // namespace polyclinic::secure
