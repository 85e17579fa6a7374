#include "secure/pairwise.hpp"

#include <algorithm>
#include <cstring>
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
    case Phase::unmask: break;
  }
  return "unmask";
}

// --- hospital

PairwiseHospital::PairwiseHospital(const PairwiseSettings& settings, Place place,
                                   SecretStream secrets)
    : settings_(settings), place_(place), secrets_(secrets) {
  sealing_ = make_key_pair(secrets_);
  masking_ = make_key_pair(secrets_);
  own_seed_ = secrets_.key();
}

Advertised PairwiseHospital::advertise() const {
  return {place_, sealing_.open, masking_.open};
}

std::optional<std::vector<SealedShares>> PairwiseHospital::share_keys(
    std::span<const Advertised> all) {
  std::set<Key> seen;
  for (const Advertised& keys : all) {
    if (!seen.insert(keys.sealing).second || !seen.insert(keys.masking).second) {
      return std::nullopt;
    }
    if (keys.place == place_) continue;
    if (settings_.graph && !settings_.graph->neighbours(place_, keys.place)) return std::nullopt;
    peers_[keys.place].keys = keys;
  }
  if (!enough(peers_.size())) return std::nullopt;
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
    if (!key) return std::nullopt;
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
    if (peer == peers_.end() || message.to != place_) return false;
    peer->second.sealed = std::move(message.sealed);
  }
  const std::size_t itself = settings_.graph ? 0 : 1;
  return enough(peers_.size()) && peers_.size() + itself == shared.size();
}

// Whether its secrets could be rebuilt, with so many others who have shares of them.
bool PairwiseHospital::enough(std::size_t others) const {
  return others + (settings_.graph ? 0 : 1) >= settings_.threshold;
}

void PairwiseHospital::mask(std::span<std::uint32_t> values) {
  add_mask(own_seed_, Sign::plus, values);
  for (const auto& [place, peer] : peers_) {
    const auto seed = agree(masking_, peer.keys.masking, kMasking);
    ENSURE(seed.has_value(), "keys of others made secrets before");
    add_mask(*seed, sign_of(place_, place), values);
  }
  const std::uint32_t keep = low_bits(settings_.modulus_bits);
  for (std::uint32_t& value : values) value &= keep;
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

std::optional<std::vector<Revealed>> PairwiseHospital::reveal(std::span<const Place> summed,
                                                              std::span<const Place> lost) {
  // over a graph it sees only its neighbours, and cannot count
  const std::size_t least = settings_.graph ? 1 : settings_.threshold;
  if (answered_ || summed.size() < least) return std::nullopt;
  std::set<Place> asked(summed.begin(), summed.end());
  asked.insert(lost.begin(), lost.end());
  // a place that is in both lists, or twice in one
  if (asked.size() != summed.size() + lost.size()) return std::nullopt;
  // itself among the lost: its masked vector is on its way or there
  if (std::find(lost.begin(), lost.end(), place_) != lost.end()) return std::nullopt;
  std::vector<Revealed> revealed;
  revealed.reserve(asked.size());
  for (Place place : summed) {
    auto shares = shares_of(place);
    if (!shares) return std::nullopt;
    revealed.push_back({place, ShareOf::own_seed, std::move(shares->of_seed)});
  }
  for (Place place : lost) {
    auto shares = shares_of(place);
    if (!shares) return std::nullopt;
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

void PairwiseServer::revealed(Place by, std::vector<Revealed> shares) {
  revealed_[by] = std::move(shares);
}

std::string PairwiseServer::failure() const {
  const std::size_t least = settings_.least > 0 ? settings_.least : settings_.threshold;
  const std::size_t reached[] = {advertisers().size(), sharers().size(), summed_.size()};
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
    if (found == all.end()) return std::nullopt;
    shares.push_back(&found->share);
    holders.push_back(by);
  }
  if (holders != holders_) {
    coefficients_ = lagrange_at_zero(holders);
    holders_ = std::move(holders);
  }
  const auto secret = reconstruct(shares, coefficients_, kKeyBytes);
  if (!secret) return std::nullopt;
  return key_of(*secret);
}

// The masks that one who was lost would have shared with those in the sum; false: the shares of its
// key do not fit.
bool PairwiseServer::takes_away(Place place, std::vector<std::uint32_t>& sum) {
  KeyPair pair;
  const auto secret = secret_of(place, ShareOf::mask_key);
  if (!secret) return false;
  pair.secret = *secret;
  pair.open = public_of(pair.secret);
  if (pair.open != keys_[place].masking) return false;
  for (const Place other : those_around(place, summed())) {
    const auto seed = agree(pair, keys_[other].masking, kMasking);
    if (!seed) return false;
    add_mask(*seed, opposite(sign_of(other, place)), sum);
  }
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
  for (const Place place : lost()) {
    if (!takes_away(place, result)) return std::nullopt;
  }
  const std::uint32_t keep = low_bits(settings_.modulus_bits);
  for (std::uint32_t& value : result) value &= keep;
  return result;
}

}  // namespace polyclinic::secure
