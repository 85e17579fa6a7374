// Secure sums whose mask is rebuilt at one stroke (So et al. 2022, LightSecAgg: a Lightweight and
// Versatile Design for Secure Aggregation in Federated Learning, MLSys, algorithm 1): the parties,
// without clock or network. All arithmetic is in the field of field.hpp.
//
//   0 advertise  hospital -> server  a public key for sealing
//   1 share      hospital -> server  for each other: a coded piece of its mask, sealed
//   2 masked     hospital -> server  x + z
//   3 unmask     hospital -> server  the sum of the coded pieces of those in the sum
//
// The mask z of a hospital is cut into U - T pieces; T random ones come after them. The piece for
// place j is sum_k piece_k j^k: a Vandermonde code, of which any U places give all pieces, and any
// T places, none of which is zero, see something uniform (its last T rows are a Vandermonde matrix
// with each column scaled). It is linear: U sums of coded pieces give the sum of the masks, whoever
// was lost, and of single masks the server hears nothing.
//
// Against parties that follow the protocol. More than T hospitals with the server begin to learn of
// masks, U of them know all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "secure/crypto.hpp"
#include "secure/pairwise.hpp"
#include "secure/rates.hpp"
#include "secure/refusal.hpp"

namespace polyclinic::secure {

using FieldVector = std::vector<std::uint32_t>;

struct LightSettings {
  std::size_t parties = 0;    // n: places 1..n
  std::size_t colluding = 0;  // T
  std::size_t survivors = 0;  // U; T < U <= n
  std::size_t values = 0;
  // Of a piece: the last one is filled up with zeros.
  [[nodiscard]] std::size_t piece() const {
    const std::size_t pieces = survivors - colluding;
    return (values + pieces - 1) / pieces;
  }
};

// The piece for one place. coefficients: `rows` pieces, one after the other.
FieldVector encode(std::span<const std::uint32_t> coefficients, std::size_t rows, Place place);
// The first `wanted` rows from as many coded pieces as there are rows, of distinct places.
FieldVector decode(std::span<const Place> places, std::span<const FieldVector> coded,
                   std::size_t wanted);

struct LightKey {
  Place place = 0;
  Key open{};
};

// One hospital in one round. Its secrets are those at (run, hospital, round): a round is never
// played twice at one address.
class LightHospital {
 public:
  LightHospital(const LightSettings& settings, Place place, SecretStream secrets);

  // Why it ended its part, after a call that returned nothing.
  [[nodiscard]] Refusal refusal() const { return refusal_; }

  [[nodiscard]] LightKey advertise() const { return {place_, sealing_.open}; }
  // For every other, in the order of places; nullopt: it aborts (fewer than U, a key given twice,
  // a place that there is not).
  [[nodiscard]] std::optional<std::vector<SealedShares>> share_mask(std::span<const LightKey> all);
  // Who shared, itself included, and what those sealed for this one; false: it aborts.
  [[nodiscard]] bool receive(std::span<const Place> shared, std::vector<SealedShares> sealed);
  // values, elements of the field, become the masked vector. REQUIRES: receive() was true; called
  // once.
  void mask(std::span<std::uint32_t> values);
  // The sum of their coded pieces; nullopt: it refuses, because they are fewer than U, it is not
  // among them, one has not shared, or it is asked a second time: two sums differ by single masks.
  [[nodiscard]] std::optional<FieldVector> reveal(std::span<const Place> summed);

 private:
  struct Peer {
    Key sealing{};  // agreed
    Bytes sealed;   // its piece for this one; opened when it is asked for
  };
  std::nullopt_t refuse(Refusal why);
  [[nodiscard]] bool add_piece_of(Place place, FieldVector& sum) const;

  LightSettings settings_;
  Place place_;
  SecretStream secrets_;
  KeyPair sealing_;
  FieldVector mask_;
  FieldVector own_piece_;
  std::map<Place, Peer> peers_;
  bool answered_ = false;
  Refusal refusal_ = Refusal::none;
};

// The server of one round.
class LightServer {
 public:
  explicit LightServer(const LightSettings& settings);

  void advertised(const LightKey& key);
  [[nodiscard]] const std::vector<LightKey>& keys() const { return keys_; }
  void shared(Place by, std::vector<SealedShares> sealed);
  [[nodiscard]] const std::vector<Place>& sharers() const { return sharers_; }
  // Hands over what was sealed for one.
  [[nodiscard]] std::vector<SealedShares> shares_for(Place place);
  void masked(Place place, std::span<const std::uint32_t> values);
  [[nodiscard]] const std::vector<Place>& summed() const { return summed_; }
  void revealed(Place by, FieldVector sum);
  // The sum of what was masked, in the field; nullopt: a phase had fewer than U answers.
  [[nodiscard]] std::optional<FieldVector> sum() const;
  [[nodiscard]] std::string failure() const;

 private:
  LightSettings settings_;
  std::vector<LightKey> keys_;
  std::map<Place, std::vector<SealedShares>> sealed_;  // by whom they are for
  std::vector<Place> sharers_;
  std::vector<Place> summed_;
  FieldVector total_;
  std::map<Place, FieldVector> revealed_;
};

// Bytes of the messages, exact. Places and elements take 4 bytes each.
struct LightSizes {
  std::size_t values = 0;
  std::size_t piece = 0;

  [[nodiscard]] static std::int64_t advertise();                // up: a place and a key
  [[nodiscard]] static std::int64_t keys(std::size_t holders);  // down
  [[nodiscard]] std::int64_t shares(std::size_t others) const;  // up, and down again
  [[nodiscard]] std::int64_t masked() const;                    // up
  [[nodiscard]] static std::int64_t ask(std::size_t summed);    // down: who is in the sum
  [[nodiscard]] std::int64_t reveal() const;                    // up
};

// Processor time, in seconds.
struct LightSeconds {
  LightSettings settings;
  Rates rates;

  [[nodiscard]] double advertise() const;
  // Draws the mask, encodes it for all that advertised, seals it for the others.
  [[nodiscard]] double share(std::size_t others) const;
  [[nodiscard]] double mask() const;
  [[nodiscard]] double reveal(std::size_t summed) const;
  // The server's.
  [[nodiscard]] double unmask(std::size_t summed) const;
};

}  // namespace polyclinic::secure
