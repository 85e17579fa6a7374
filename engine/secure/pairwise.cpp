#include "secure/pairwise.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>
#include <set>

#include "base/check.hpp"

namespace polyclinic::secure {

namespace {

constexpr std::string_view kSealing = "secure sum: sealing of shares";
constexpr std::string_view kMasking = "secure sum: pairwise mask";

// What a hospital seals for another: who for whom, a share of its mask key and one of its seed.
void put(Bytes& out, std::uint32_t word) {
  const std::size_t at = out.size();
  out.resize(at + sizeof word);
  std::memcpy(out.data() + at, &word, sizeof word);
}

std::uint32_t take(std::span<const std::uint8_t>& in) {
  std::uint32_t word = 0;
  std::memcpy(&word, in.data(), sizeof word);
  in = in.subspan(sizeof word);
  return word;
}

std::uint32_t low_bits(int bits) {
  return bits >= 32 ? 0xFFFFFFFFU : (1U << bits) - 1U;
}

// A pair's mask is added by the one with the greater place and taken away by the other.
Sign sign_of(Place mine, Place theirs) {
  return mine > theirs ? Sign::plus : Sign::minus;
}

Sign opposite(Sign sign) {
  return sign == Sign::plus ? Sign::minus : Sign::plus;
}

Key key_of(const Bytes& bytes) {
  Key key{};
  std::copy(bytes.begin(), bytes.end(), key.begin());
  return key;
}

}  // namespace

std::string_view name(Phase phase) {
  switch (phase) {
    case Phase::advertise: return "advertise keys";
    case Phase::share_keys: return "share keys";
    case Phase::masked_input: return "masked input";
    case Phase::consistency: return "consistency check";
    case Phase::unmask: break;
  }
  return "unmask";
}

std::span<const Phase> phases(bool active) {
  static constexpr std::array<Phase, 5> kActive{
      Phase::advertise, Phase::share_keys, Phase::masked_input, Phase::consistency, Phase::unmask};
  static constexpr std::array<Phase, 4> kSemiHonest{Phase::advertise, Phase::share_keys,
                                                    Phase::masked_input, Phase::unmask};
  if (active) return kActive;
  return kSemiHonest;
}

// --- hospital

PairwiseHospital::PairwiseHospital(const PairwiseSettings& settings, Place place,
                                   SecretStream secrets, const SigningKeys& signing)
    : settings_(settings), place_(place), signing_(signing), secrets_(secrets) {
  ENSURE(!settings.registered || !settings.graph, "what is signed goes to all");
  sealing_ = make_key_pair(secrets_);
  masking_ = make_key_pair(secrets_);
  own_seed_ = secrets_.key();
}

Advertised PairwiseHospital::advertise() const {
  Advertised keys{place_, sealing_.open, masking_.open, {}};
  if (settings_.registered) {
    keys.signature =
        sign(signed_keys(settings_.round, place_, keys.sealing, keys.masking), signing_);
  }
  return keys;
}

std::nullopt_t PairwiseHospital::refuse(Refusal why) {
  refusal_ = why;
  return std::nullopt;
}

Refusal PairwiseHospital::judge(const Advertised& keys) const {
  if (settings_.graph && !settings_.graph->neighbours(place_, keys.place)) return Refusal::stranger;
  if (!settings_.registered) return Refusal::none;
  const std::vector<Key>& registered = *settings_.registered;
  if (keys.place == 0 || keys.place > registered.size()) return Refusal::stranger;
  const bool good = verify(signed_keys(settings_.round, keys.place, keys.sealing, keys.masking),
                           keys.signature, registered[keys.place - 1]);
  return good ? Refusal::none : Refusal::not_signed;
}

std::optional<std::vector<SealedShares>> PairwiseHospital::share_keys(
    std::span<const Advertised> all) {
  std::set<Key> seen;
  for (const Advertised& keys : all) {
    if (!seen.insert(keys.sealing).second || !seen.insert(keys.masking).second) {
      return refuse(Refusal::key_twice);
    }
    if (keys.place == place_) continue;
    const Refusal why = judge(keys);
    if (why != Refusal::none) return refuse(why);
    peers_[keys.place].keys = keys;
  }
  if (!enough(peers_.size())) return refuse(Refusal::too_few);
  std::vector<Place> holders;
  for (const auto& [place, peer] : peers_) holders.push_back(place);
  if (!settings_.graph) holders.push_back(place_);
  const auto of_key = split(masking_.secret, settings_.threshold, holders, secrets_);
  const auto of_seed = split(own_seed_, settings_.threshold, holders, secrets_);
  if (!settings_.graph) own_shares_ = {of_key.back(), of_seed.back()};
  std::vector<SealedShares> messages;
  messages.reserve(peers_.size());
  for (auto& [place, peer] : peers_) {
    const std::size_t holder = messages.size();
    const auto key = agree(sealing_, peer.keys.sealing, kSealing);
    if (!key) return refuse(Refusal::no_agreement);
    peer.sealing = *key;
    Bytes text;
    put(text, place_);
    put(text, place);
    for (std::uint32_t element : of_key[holder]) put(text, element);
    for (std::uint32_t element : of_seed[holder]) put(text, element);
    messages.push_back({place_, place, seal(text, *key, place_, place)});
  }
  return messages;
}

bool PairwiseHospital::receive(std::span<const Place> shared, std::vector<SealedShares> sealed) {
  for (auto peer = peers_.begin(); peer != peers_.end();) {
    const bool stays = std::find(shared.begin(), shared.end(), peer->first) != shared.end();
    peer = stays ? std::next(peer) : peers_.erase(peer);
  }
  for (SealedShares& message : sealed) {
    const auto peer = peers_.find(message.from);
    if (peer == peers_.end() || message.to != place_) {
      refusal_ = Refusal::stranger;
      return false;
    }
    peer->second.sealed = std::move(message.sealed);
  }
  const std::size_t itself = settings_.graph ? 0 : 1;
  if (!enough(peers_.size())) {
    refusal_ = Refusal::too_few;
  } else if (peers_.size() + itself != shared.size()) {
    refusal_ = Refusal::stranger;
  }
  return refusal_ == Refusal::none;
}

bool PairwiseHospital::heard_of(Place place) const {
  return place == place_ || peers_.contains(place);
}

// Whether its secrets could be rebuilt, with so many others who have shares of them.
bool PairwiseHospital::enough(std::size_t others) const {
  return others + (settings_.graph ? 0 : 1) >= settings_.threshold;
}

bool PairwiseHospital::mask(std::span<std::uint32_t> values) {
  add_mask(own_seed_, Sign::plus, values);
  for (const auto& [place, peer] : peers_) {
    const auto seed = agree(masking_, peer.keys.masking, kMasking);
    if (!seed) {
      refusal_ = Refusal::no_agreement;
      return false;
    }
    add_mask(*seed, sign_of(place_, place), values);
  }
  const std::uint32_t keep = low_bits(settings_.modulus_bits);
  for (std::uint32_t& value : values) value &= keep;
  return true;
}

std::optional<PairwiseHospital::Shares> PairwiseHospital::shares_of(Place place) const {
  if (place == place_) return settings_.graph ? std::nullopt : std::optional(own_shares_);
  const auto peer = peers_.find(place);
  if (peer == peers_.end()) return std::nullopt;
  const auto text = unseal(peer->second.sealed, peer->second.sealing, place, place_);
  if (!text || text->size() != 8 + 2 * kShareBytes) return std::nullopt;
  std::span<const std::uint8_t> rest(*text);
  if (take(rest) != place || take(rest) != place_) return std::nullopt;
  Shares shares;
  for (std::size_t i = 0; i < pieces(kKeyBytes); ++i) shares.of_key.push_back(take(rest));
  for (std::size_t i = 0; i < pieces(kKeyBytes); ++i) shares.of_seed.push_back(take(rest));
  return shares;
}

std::optional<Signature> PairwiseHospital::confirm(std::span<const Place> summed) {
  ENSURE(settings_.registered != nullptr, "only registered keys sign");
  // a signature on a second list would let the server have shares under either
  if (!signed_.empty()) return refuse(Refusal::asked_again);
  const std::set<Place> distinct(summed.begin(), summed.end());
  if (distinct.size() != summed.size()) return refuse(Refusal::stranger);
  if (summed.size() < settings_.threshold) return refuse(Refusal::too_few);
  if (!distinct.contains(place_)) return refuse(Refusal::left_out);
  for (const Place place : summed) {
    if (!heard_of(place)) return refuse(Refusal::stranger);
  }
  signed_.assign(distinct.begin(), distinct.end());
  return sign(signed_survivors(settings_.round, signed_), signing_);
}

// U4 is of U3, a threshold, and all have signed what this one did.
Refusal PairwiseHospital::judge(std::span<const Confirmed> signatures) const {
  const Bytes text = signed_survivors(settings_.round, signed_);
  std::set<Place> by;
  for (const Confirmed& one : signatures) {
    if (!std::binary_search(signed_.begin(), signed_.end(), one.by)) return Refusal::stranger;
    if (!verify(text, one.signature, (*settings_.registered)[one.by - 1])) {
      return Refusal::other_survivors;
    }
    by.insert(one.by);
  }
  return by.size() < settings_.threshold ? Refusal::few_signatures : Refusal::none;
}

std::optional<std::vector<Revealed>> PairwiseHospital::reveal(
    std::span<const Confirmed> signatures) {
  if (answered_) return refuse(Refusal::asked_again);
  if (!settings_.registered || signed_.empty()) return refuse(Refusal::not_confirmed);
  const Refusal why = judge(signatures);
  if (why != Refusal::none) return refuse(why);
  std::vector<Place> lost;
  for (const auto& [place, peer] : peers_) {
    if (!std::binary_search(signed_.begin(), signed_.end(), place)) lost.push_back(place);
  }
  return tell(signed_, lost);
}

Refusal PairwiseHospital::judge_lists(std::span<const Place> summed,
                                      std::span<const Place> lost) const {
  if (settings_.registered) return Refusal::not_confirmed;
  if (answered_) return Refusal::asked_again;
  // over a graph it sees only its neighbours, and cannot count
  if (summed.size() < (settings_.graph ? 1 : settings_.threshold)) return Refusal::too_few;
  std::set<Place> asked(summed.begin(), summed.end());
  asked.insert(lost.begin(), lost.end());
  // a place that is in both lists, or twice in one
  if (asked.size() != summed.size() + lost.size()) return Refusal::both_secrets;
  // its masked vector is on its way or there
  if (std::find(lost.begin(), lost.end(), place_) != lost.end()) return Refusal::left_out;
  return Refusal::none;
}

std::optional<std::vector<Revealed>> PairwiseHospital::reveal(std::span<const Place> summed,
                                                              std::span<const Place> lost) {
  const Refusal why = judge_lists(summed, lost);
  if (why != Refusal::none) return refuse(why);
  return tell(summed, lost);
}

std::optional<std::vector<Revealed>> PairwiseHospital::tell(std::span<const Place> summed,
                                                            std::span<const Place> lost) {
  std::vector<Revealed> revealed;
  revealed.reserve(summed.size() + lost.size());
  for (const Place place : summed) {
    auto shares = shares_of(place);
    if (!shares) return refuse(heard_of(place) ? Refusal::unreadable : Refusal::stranger);
    revealed.push_back({place, ShareOf::own_seed, std::move(shares->of_seed)});
  }
  for (const Place place : lost) {
    auto shares = shares_of(place);
    if (!shares) return refuse(heard_of(place) ? Refusal::unreadable : Refusal::stranger);
    revealed.push_back({place, ShareOf::mask_key, std::move(shares->of_key)});
  }
  answered_ = true;
  return revealed;
}

// --- server

PairwiseServer::PairwiseServer(const PairwiseSettings& settings)
    : settings_(settings), total_(settings.values, 0) {}

void PairwiseServer::advertised(const Advertised& keys) {
  keys_[keys.place] = keys;
}

bool PairwiseServer::shares_with(Place a, Place b) const {
  return !settings_.graph || settings_.graph->neighbours(a, b);
}

std::vector<Place> PairwiseServer::recoverable(std::vector<Place> members) const {
  if (!settings_.graph) return members;
  return core(*settings_.graph, std::move(members), settings_.threshold);
}

std::vector<Place> PairwiseServer::those_around(Place place, std::vector<Place> places) const {
  std::erase_if(places, [&](Place other) { return !shares_with(place, other); });
  return places;
}

std::vector<Place> PairwiseServer::advertisers() const {
  std::vector<Place> all;
  for (const auto& [place, keys] : keys_) all.push_back(place);
  return recoverable(std::move(all));
}

std::vector<Advertised> PairwiseServer::keys_for(Place place) const {
  std::vector<Advertised> all;
  for (const Place other : those_around(place, advertisers())) all.push_back(keys_.at(other));
  return all;
}

void PairwiseServer::shared(Place by, std::vector<SealedShares> sealed) {
  sharers_.push_back(by);
  for (SealedShares& message : sealed) {
    shares_[message.to][message.from] = std::move(message.sealed);
  }
}

std::vector<Place> PairwiseServer::sharers() const {
  std::vector<Place> all = sharers_;
  std::sort(all.begin(), all.end());
  return recoverable(std::move(all));
}

std::vector<SealedShares> PairwiseServer::shares_for(Place place) const {
  std::vector<SealedShares> messages;
  const auto found = shares_.find(place);
  if (found == shares_.end()) return messages;
  const std::vector<Place> there = sharers();
  for (const auto& [from, sealed] : found->second) {
    // not of those who were left out
    if (std::binary_search(there.begin(), there.end(), from)) {
      messages.push_back({from, place, sealed});
    }
  }
  return messages;
}

void PairwiseServer::masked(Place place, std::span<const std::uint32_t> values) {
  ENSURE(values.size() == total_.size(), "all masked vectors are of one length");
  for (std::size_t i = 0; i < values.size(); ++i) total_[i] += values[i];
  summed_.push_back(place);
}

std::vector<Place> PairwiseServer::summed() const {
  std::vector<Place> all = summed_;
  std::sort(all.begin(), all.end());
  return all;
}

std::vector<Place> PairwiseServer::lost() const {
  const std::vector<Place> shared = sharers();
  const std::vector<Place> there = summed();
  std::vector<Place> result;
  std::set_difference(shared.begin(), shared.end(), there.begin(), there.end(),
                      std::back_inserter(result));
  return result;
}

void PairwiseServer::confirmed(Place by, const Signature& signature) {
  confirmations_.push_back({by, signature});
}

void PairwiseServer::revealed(Place by, std::vector<Revealed> shares) {
  revealed_[by] = std::move(shares);
}

std::string PairwiseServer::failure() const {
  const std::size_t least = settings_.least > 0 ? settings_.least : settings_.threshold;
  const std::size_t confirmed = settings_.registered ? confirmations_.size() : least;
  const std::size_t reached[] = {advertisers().size(), sharers().size(), summed_.size(), confirmed};
  for (std::size_t phase = 0; phase < std::size(reached); ++phase) {
    if (reached[phase] < least) return std::string(name(static_cast<Phase>(phase)));
  }
  std::size_t missing = 0;
  if (settings_.graph) {
    SharesTold told(*settings_.graph, sharers(), settings_.threshold);
    for (const auto& [by, shares] : revealed_) told.told(by);
    missing = told.missing();
  } else {
    missing = revealed_.size() < settings_.threshold ? 1 : 0;
  }
  return missing > 0 ? std::string(name(Phase::unmask)) : std::string();
}

// From the first shares that were told, which are those of the last secret on the complete graph.
std::optional<Key> PairwiseServer::secret_of(Place place, ShareOf what) {
  std::vector<const Share*> shares;
  std::vector<Place> holders;
  for (const auto& [by, all] : revealed_) {
    if (shares.size() == settings_.threshold) break;
    if (settings_.graph && !settings_.graph->neighbours(by, place)) continue;
    const auto found = std::find_if(
        all.begin(), all.end(), [&](const Revealed& r) { return r.of == place && r.what == what; });
    if (found == all.end()) continue;
    shares.push_back(&found->share);
    holders.push_back(by);
  }
  if (shares.size() < settings_.threshold) return std::nullopt;
  if (holders != holders_) {
    coefficients_ = lagrange_at_zero(holders);
    holders_ = std::move(holders);
  }
  const auto secret = reconstruct(shares, coefficients_, kKeyBytes);
  if (!secret) return std::nullopt;
  return key_of(*secret);
}

std::optional<KeyPair> PairwiseServer::mask_key_of(Place place) {
  const auto secret = secret_of(place, ShareOf::mask_key);
  if (!secret) return std::nullopt;
  const KeyPair pair{*secret, public_of(*secret)};
  if (pair.open != keys_.at(place).masking) return std::nullopt;
  return pair;
}

bool PairwiseServer::take_mask(Place added_by, Place against, const KeyPair& of_either,
                               std::span<std::uint32_t> sum) const {
  const Key& one = keys_.at(added_by).masking;
  const auto seed =
      agree(of_either, of_either.open == one ? keys_.at(against).masking : one, kMasking);
  if (!seed) return false;
  add_mask(*seed, opposite(sign_of(added_by, against)), sum);
  return true;
}

std::optional<std::vector<std::uint32_t>> PairwiseServer::sum() {
  if (!failure().empty()) return std::nullopt;
  std::vector<std::uint32_t> result = total_;
  for (const Place place : summed()) {
    const auto seed = secret_of(place, ShareOf::own_seed);
    if (!seed) return std::nullopt;
    add_mask(*seed, Sign::minus, result);
  }
  const std::vector<Place> there = summed();
  for (const Place place : lost()) {
    const auto pair = mask_key_of(place);
    if (!pair) return std::nullopt;
    for (const Place other : those_around(place, there)) {
      if (!take_mask(other, place, *pair, result)) return std::nullopt;
    }
  }
  const std::uint32_t keep = low_bits(settings_.modulus_bits);
  for (std::uint32_t& value : result) value &= keep;
  return result;
}

}  // namespace polyclinic::secure
