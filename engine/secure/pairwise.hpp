// Secure sums by pairwise masks (Bonawitz et al. 2017, Practical Secure Aggregation for
// Privacy-Preserving Machine Learning, figure 4; over a graph Bell et al. 2020, algorithm 2): the
// parties, without clock or network. Each phase is one call; what a call returns is the message.
//
//   0 advertise   hospital -> server  two public keys: one for sealing shares, one for masks
//   1 share keys  hospital -> server  for each other: shares of its mask key and of its own seed
//   2 masked      hospital -> server  x + PRG(own seed) +- PRG(agreed with each other), mod 2^b
//   3 consistency hospital -> server  its signature under the list of those in the sum
//   4 unmask      hospital -> server  for each other one share: of the seed if its vector is in the
//                                     sum, of the mask key if it was lost, never both
//
// Phase 3 is there against a server that lies (an active adversary: the figure's red parts), and so
// are signatures of keys: hospitals know each other's verification keys before the run, go on only
// with keys signed by their hospital for this round, and tell shares only when a threshold of
// hospitals has signed the very list of survivors that they were told. With 2 t > n + c no two
// lists can have so many signatures though c of n hospitals collude (theorem 6.5).
//
// U1 to U5 are those whose message of phase 0 to 4 reached the server. The sum comes out
// when U1, U2 and U3 have `least` members and each secret of U2 `threshold` shares told by U5. Over
// a graph "each other" is each neighbour, and who has fewer than `threshold` of them in U1 or U2 is
// left out of it: nobody could rebuild its secrets.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "secure/crypto.hpp"
#include "secure/graph.hpp"
#include "secure/refusal.hpp"
#include "secure/shamir.hpp"
#include "secure/signature.hpp"

namespace polyclinic::secure {

struct PairwiseSettings {
  std::size_t parties = 0;    // n: places 1..n
  std::size_t threshold = 0;  // shares that give a secret
  std::size_t least = 0;      // hospitals that must answer; zero: as many as the threshold
  std::size_t values = 0;
  int modulus_bits = 32;  // 1 to 32
  // Who shares with whom; null: each with all others and itself.
  std::shared_ptr<const Graph> graph;
  // Against a server that lies: the hospitals' verification keys, by place - 1. Null: it follows
  // the protocol, and nothing is signed. Not over a graph.
  std::shared_ptr<const std::vector<Key>> registered;
  std::uint64_t round = 0;  // what is signed is good for this one only
};

enum class Phase : std::uint8_t { advertise, share_keys, masked_input, consistency, unmask };
inline constexpr std::size_t kPhases = 5;
std::string_view name(Phase phase);  // "share keys"
// Those that there are, in order.
std::span<const Phase> phases(bool active);

struct Advertised {
  Place place = 0;
  Key sealing{};          // c^PK
  Key masking{};          // s^PK
  Signature signature{};  // of both, where keys are registered
};
// From one hospital to another, through the server, which cannot read it.
struct SealedShares {
  Place from = 0;
  Place to = 0;
  Bytes sealed;
};
// Which of two secrets a share is of.
enum class ShareOf : std::uint8_t { own_seed, mask_key };
struct Revealed {
  Place of = 0;
  ShareOf what = ShareOf::own_seed;
  Share share;
};
// One hospital's signature under the survivors.
struct Confirmed {
  Place by = 0;
  Signature signature{};
};

// One hospital in one round. Its secrets are those at (run, hospital, round): a round is never
// played twice at one address.
class PairwiseHospital {
 public:
  // signing: its registered keys, where there are such.
  PairwiseHospital(const PairwiseSettings& settings, Place place, SecretStream secrets,
                   const SigningKeys& signing = {});

  // Why it ended its part, after a call that returned nothing.
  [[nodiscard]] Refusal refusal() const { return refusal_; }

  [[nodiscard]] Advertised advertise() const;
  // For every other of U1 that is its neighbour, in the order of places; nullopt: it aborts (fewer
  // than the threshold, a key given twice, that of a stranger or without its signature).
  [[nodiscard]] std::optional<std::vector<SealedShares>> share_keys(
      std::span<const Advertised> all);
  // Its part of U2, and what those sealed for this one; false: it aborts.
  [[nodiscard]] bool receive(std::span<const Place> shared, std::vector<SealedShares> sealed);
  // values becomes the masked vector; false: it aborts (a key with which there is no mask).
  // REQUIRES: receive() was true; called once.
  [[nodiscard]] bool mask(std::span<std::uint32_t> values);
  // Where keys are registered: its signature under U3; nullopt: it aborts (fewer than the
  // threshold, it is not among them, one is not of U2, it has signed before).
  [[nodiscard]] std::optional<Signature> confirm(std::span<const Place> summed);
  // And its shares, once U4 has a threshold of signatures under that list: of the seeds of U3 and
  // of the mask keys of its own U2 without U3.
  [[nodiscard]] std::optional<std::vector<Revealed>> reveal(std::span<const Confirmed> signatures);
  // Which share of whom the server gets: of the seed for `summed`, of the mask key for `lost`.
  // nullopt: it refuses, because it would tell both of somebody, or it is asked a second time,
  // about strangers, or about a sum of fewer than the threshold; or keys are registered.
  [[nodiscard]] std::optional<std::vector<Revealed>> reveal(std::span<const Place> summed,
                                                            std::span<const Place> lost);

 private:
  struct Peer {
    Advertised keys;
    Key sealing{};  // agreed
    Bytes sealed;   // its shares for this one; opened when they are asked for
  };
  struct Shares {
    Share of_key;
    Share of_seed;
  };
  [[nodiscard]] std::optional<Shares> shares_of(Place place) const;
  [[nodiscard]] bool enough(std::size_t others) const;
  [[nodiscard]] bool heard_of(Place place) const;  // itself, and those it shares with
  [[nodiscard]] Refusal judge(const Advertised& keys) const;
  [[nodiscard]] Refusal judge(std::span<const Confirmed> signatures) const;
  [[nodiscard]] Refusal judge_lists(std::span<const Place> summed,
                                    std::span<const Place> lost) const;
  [[nodiscard]] std::optional<std::vector<Revealed>> tell(std::span<const Place> summed,
                                                          std::span<const Place> lost);
  std::nullopt_t refuse(Refusal why);

  PairwiseSettings settings_;
  Place place_;
  SigningKeys signing_;
  SecretStream secrets_;
  KeyPair sealing_;
  KeyPair masking_;
  Key own_seed_{};
  Shares own_shares_;
  std::map<Place, Peer> peers_;  // of U1, then of U2
  std::vector<Place> signed_;    // the survivors
  bool answered_ = false;
  Refusal refusal_ = Refusal::none;
};

// The server of one round: forwards, sums, and asks for no more than it needs.
class PairwiseServer {
 public:
  explicit PairwiseServer(const PairwiseSettings& settings);

  void advertised(const Advertised& keys);                  // U1 grows
  [[nodiscard]] std::vector<Place> advertisers() const;     // U1
  void shared(Place by, std::vector<SealedShares> sealed);  // U2 grows
  [[nodiscard]] std::vector<Place> sharers() const;         // U2
  // What one is sent: of these, those with whom it shares.
  [[nodiscard]] std::vector<Advertised> keys_for(Place place) const;
  [[nodiscard]] std::vector<SealedShares> shares_for(Place place) const;
  [[nodiscard]] std::vector<Place> those_around(Place place, std::vector<Place> places) const;
  // Adds a masked vector; U3 grows.
  void masked(Place place, std::span<const std::uint32_t> values);
  [[nodiscard]] std::vector<Place> summed() const;       // U3
  [[nodiscard]] std::vector<Place> lost() const;         // U2 without U3
  void confirmed(Place by, const Signature& signature);  // U4 grows
  [[nodiscard]] std::span<const Confirmed> confirmations() const { return confirmations_; }
  void revealed(Place by, std::vector<Revealed> shares);  // U5 grows
  // The sum over U3 mod 2^b; nullopt: some phase missed the threshold (failure() says which), or
  // the shares do not fit.
  [[nodiscard]] std::optional<std::vector<std::uint32_t>> sum();
  [[nodiscard]] std::string failure() const;

 protected:
  // nullopt: it was told too few shares, or they do not fit.
  [[nodiscard]] std::optional<Key> secret_of(Place place, ShareOf what);
  // nullopt, too: it is not the one that was advertised.
  [[nodiscard]] std::optional<KeyPair> mask_key_of(Place place);
  // Takes the mask that one added against another out of a sum, from the mask key of either.
  [[nodiscard]] bool take_mask(Place added_by, Place against, const KeyPair& of_either,
                               std::span<std::uint32_t> sum) const;
  [[nodiscard]] const PairwiseSettings& settings() const { return settings_; }

 private:
  [[nodiscard]] bool shares_with(Place a, Place b) const;
  [[nodiscard]] std::vector<Place> recoverable(std::vector<Place> members) const;

  PairwiseSettings settings_;
  std::map<Place, Advertised> keys_;
  std::map<Place, std::map<Place, Bytes>> shares_;  // to -> from
  std::vector<Place> sharers_;
  std::vector<Place> summed_;
  std::vector<std::uint32_t> total_;
  std::vector<Confirmed> confirmations_;
  std::map<Place, std::vector<Revealed>> revealed_;  // by whom
  // of the holders whose shares gave the last secret
  std::vector<Place> holders_;
  std::vector<std::uint32_t> coefficients_;
};

}  // namespace polyclinic::secure
