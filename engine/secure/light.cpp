#include "secure/light.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <set>
#include <string_view>
#include <utility>

#include "base/check.hpp"
#include "secure/field.hpp"

namespace polyclinic::secure {

namespace {

constexpr std::string_view kSealing = "light: sealing of pieces";
constexpr std::size_t kWordBytes = 4;
// from whom, for whom
constexpr std::size_t kHeadBytes = 2 * kWordBytes;

void add_to(FieldVector& sum, std::span<const std::uint32_t> values) {
  for (std::size_t k = 0; k < sum.size(); ++k) {
    sum[k] = static_cast<std::uint32_t>(field::add(sum[k], values[k]));
  }
}

// Whose piece it is and for whom.
std::array<std::uint8_t, kHeadBytes> head_of(Place from, Place to) {
  std::array<std::uint8_t, kHeadBytes> head{};
  std::memcpy(head.data(), &from, sizeof from);
  std::memcpy(head.data() + kWordBytes, &to, sizeof to);
  return head;
}

// REQUIRES: the piece is not empty.
Bytes text_of(Place from, Place to, const FieldVector& piece) {
  const auto head = head_of(from, to);
  Bytes text(kHeadBytes + kWordBytes * piece.size());
  std::copy(head.begin(), head.end(), text.begin());
  std::memcpy(text.data() + kHeadBytes, piece.data(), kWordBytes * piece.size());
  return text;
}

// Coefficients of prod (x - places), the lowest first.
std::vector<std::uint64_t> product_of_roots(std::span<const Place> places) {
  std::vector<std::uint64_t> product{1};
  for (const Place root : places) {
    product.push_back(0);
    for (std::size_t k = product.size(); k-- > 0;) {
      const std::uint64_t below = k > 0 ? product[k - 1] : 0;
      product[k] = field::subtract(below, field::multiply(root, product[k]));
    }
  }
  return product;
}

// Coefficients of Lagrange's polynomial that is one at `root` and zero at the other places.
std::vector<std::uint64_t> basis_of(const std::vector<std::uint64_t>& product, Place root) {
  const std::size_t rows = product.size() - 1;
  std::vector<std::uint64_t> basis(rows);
  std::uint64_t carry = 0;  // the product divided by (x - root)
  for (std::size_t k = rows; k-- > 0;) {
    carry = field::add(product[k + 1], field::multiply(carry, root));
    basis[k] = carry;
  }
  std::uint64_t at_root = 0;
  for (std::size_t k = rows; k-- > 0;) {
    at_root = field::add(field::multiply(at_root, root), basis[k]);
  }
  ENSURE(at_root != 0, "every hospital has a place of its own");
  const std::uint64_t scale = field::inverse(at_root);
  for (std::uint64_t& coefficient : basis) coefficient = field::multiply(coefficient, scale);
  return basis;
}

}  // namespace

FieldVector encode(std::span<const std::uint32_t> coefficients, std::size_t rows, Place place) {
  ENSURE(rows >= 1 && coefficients.size() % rows == 0, "pieces are of one length");
  const std::size_t piece = coefficients.size() / rows;
  const std::span<const std::uint32_t> last = coefficients.last(piece);
  FieldVector coded(last.begin(), last.end());
  for (std::size_t row = rows - 1; row-- > 0;) {  // Horner
    const std::uint32_t* from = coefficients.data() + row * piece;
    for (std::size_t k = 0; k < piece; ++k) {
      coded[k] =
          static_cast<std::uint32_t>((std::uint64_t{coded[k]} * place + from[k]) % field::kPrime);
    }
  }
  return coded;
}

FieldVector decode(std::span<const Place> places, std::span<const FieldVector> coded,
                   std::size_t wanted) {
  ENSURE(!places.empty() && places.size() == coded.size(), "a coded piece of each place");
  const std::size_t piece = coded.front().size();
  const std::vector<std::uint64_t> product = product_of_roots(places);
  FieldVector rows(wanted * piece, 0);
  for (std::size_t i = 0; i < places.size(); ++i) {
    const std::vector<std::uint64_t> basis = basis_of(product, places[i]);
    for (std::size_t row = 0; row < wanted; ++row) {
      std::uint32_t* to = rows.data() + row * piece;
      for (std::size_t k = 0; k < piece; ++k) {
        to[k] = static_cast<std::uint32_t>((coded[i][k] * basis[row] + to[k]) % field::kPrime);
      }
    }
  }
  return rows;
}

// --- hospital

LightHospital::LightHospital(const LightSettings& settings, Place place, SecretStream secrets)
    : settings_(settings), place_(place), secrets_(secrets), sealing_(make_key_pair(secrets_)) {
  ENSURE(settings.colluding < settings.survivors, "U - T pieces are at least one");
  ENSURE(settings.survivors <= settings.parties, "no more survive than there are");
}

std::nullopt_t LightHospital::refuse(Refusal why) {
  refusal_ = why;
  return std::nullopt;
}

std::optional<std::vector<SealedShares>> LightHospital::share_mask(std::span<const LightKey> all) {
  std::set<Key> seen;
  for (const LightKey& key : all) {
    if (!seen.insert(key.open).second) return refuse(Refusal::key_twice);
    if (key.place == 0 || key.place > settings_.parties) return refuse(Refusal::stranger);
  }
  if (all.size() < settings_.survivors) return refuse(Refusal::too_few);
  // the mask in U - T pieces, then T random ones
  FieldVector coefficients(settings_.survivors * settings_.piece(), 0);
  mask_.resize(settings_.values);
  secrets_.elements(mask_);
  std::copy(mask_.begin(), mask_.end(), coefficients.begin());
  const std::size_t of_mask = (settings_.survivors - settings_.colluding) * settings_.piece();
  secrets_.elements(std::span(coefficients).subspan(of_mask));
  own_piece_ = encode(coefficients, settings_.survivors, place_);
  std::vector<SealedShares> messages;
  messages.reserve(all.size());
  for (const LightKey& key : all) {
    if (key.place == place_) continue;
    const auto agreed = agree(sealing_, key.open, kSealing);
    if (!agreed) return refuse(Refusal::no_agreement);
    peers_[key.place].sealing = *agreed;
    const FieldVector piece = encode(coefficients, settings_.survivors, key.place);
    const Bytes text = text_of(place_, key.place, piece);
    messages.push_back({place_, key.place, seal(text, *agreed, place_, key.place)});
  }
  return messages;
}

bool LightHospital::receive(std::span<const Place> shared, std::vector<SealedShares> sealed) {
  std::erase_if(peers_, [&](const auto& peer) {
    return std::find(shared.begin(), shared.end(), peer.first) == shared.end();
  });
  for (SealedShares& message : sealed) {
    const auto peer = peers_.find(message.from);
    if (peer == peers_.end() || message.to != place_) {
      refusal_ = Refusal::stranger;
      return false;
    }
    peer->second.sealed = std::move(message.sealed);
  }
  if (peers_.size() + 1 != shared.size()) {
    refusal_ = Refusal::stranger;
  } else if (shared.size() < settings_.survivors) {
    refusal_ = Refusal::too_few;
  }
  return refusal_ == Refusal::none;
}

void LightHospital::mask(std::span<std::uint32_t> values) {
  ENSURE(values.size() == mask_.size(), "a mask for each value, once");
  for (std::size_t k = 0; k < values.size(); ++k) {
    values[k] = static_cast<std::uint32_t>(field::add(values[k], mask_[k]));
  }
  mask_ = {};
}

bool LightHospital::add_piece_of(Place place, FieldVector& sum) const {
  if (place == place_) {
    add_to(sum, own_piece_);
    return true;
  }
  const Peer& peer = peers_.at(place);
  const auto text = unseal(peer.sealed, peer.sealing, place, place_);
  if (!text || text->size() != kHeadBytes + kWordBytes * sum.size()) return false;
  // the head is part of what was sealed, and so are elements of the field
  const auto head = head_of(place, place_);
  if (!std::equal(head.begin(), head.end(), text->begin())) return false;
  FieldVector piece(sum.size());
  std::memcpy(piece.data(), text->data() + kHeadBytes, kWordBytes * piece.size());
  if (std::any_of(piece.begin(), piece.end(), [](auto x) { return x >= field::kPrime; })) {
    return false;
  }
  add_to(sum, piece);
  return true;
}

std::optional<FieldVector> LightHospital::reveal(std::span<const Place> summed) {
  if (answered_) return refuse(Refusal::asked_again);
  answered_ = true;
  const std::set<Place> distinct(summed.begin(), summed.end());
  if (distinct.size() < settings_.survivors) return refuse(Refusal::too_few);
  if (!distinct.contains(place_)) return refuse(Refusal::left_out);
  const bool known = std::all_of(distinct.begin(), distinct.end(), [&](Place place) {
    return place == place_ || peers_.contains(place);
  });
  if (!known) return refuse(Refusal::stranger);
  FieldVector sum(settings_.piece(), 0);
  for (const Place place : distinct) {
    if (!add_piece_of(place, sum)) return refuse(Refusal::unreadable);
  }
  return sum;
}

// --- server

LightServer::LightServer(const LightSettings& settings)
    : settings_(settings), total_(settings.values, 0) {}

void LightServer::advertised(const LightKey& key) {
  keys_.push_back(key);
}

void LightServer::shared(Place by, std::vector<SealedShares> sealed) {
  for (SealedShares& message : sealed) sealed_[message.to].push_back(std::move(message));
  sharers_.push_back(by);
}

// Of those who shared too late nothing is here; of those for whom nobody sealed nothing either.
std::vector<SealedShares> LightServer::shares_for(Place place) {
  return std::exchange(sealed_[place], {});
}

void LightServer::masked(Place place, std::span<const std::uint32_t> values) {
  ENSURE(values.size() == total_.size(), "masked vectors are of one length");
  add_to(total_, values);
  summed_.push_back(place);
}

void LightServer::revealed(Place by, FieldVector sum) {
  revealed_.emplace(by, std::move(sum));
}

std::string LightServer::failure() const {
  if (keys_.size() < settings_.survivors) return "advertise keys";
  if (sharers_.size() < settings_.survivors) return "share masks";
  if (summed_.size() < settings_.survivors) return "masked input";
  if (revealed_.size() < settings_.survivors) return "unmask";
  return {};
}

std::optional<FieldVector> LightServer::sum() const {
  if (!failure().empty()) return std::nullopt;
  std::vector<Place> places;
  std::vector<FieldVector> coded;
  for (const auto& [place, sum] : revealed_) {
    if (places.size() == settings_.survivors) break;
    places.push_back(place);
    coded.push_back(sum);
  }
  const FieldVector masks =
      secure::decode(places, coded, settings_.survivors - settings_.colluding);
  FieldVector result = total_;
  for (std::size_t k = 0; k < result.size(); ++k) {
    result[k] = static_cast<std::uint32_t>(field::subtract(result[k], masks[k]));
  }
  return result;
}

// --- what it sends and computes

namespace {

std::int64_t bytes(std::size_t n) {
  return static_cast<std::int64_t>(n);
}
double d(std::size_t n) {
  return static_cast<double>(n);
}

}  // namespace

std::int64_t LightSizes::advertise() {
  return bytes(kWordBytes + kKeyBytes);
}
std::int64_t LightSizes::keys(std::size_t holders) {
  return bytes(holders) * advertise();
}
std::int64_t LightSizes::shares(std::size_t others) const {
  // for whom, then sealed
  return bytes(others * (kWordBytes + kHeadBytes + kWordBytes * piece + kSealBytes));
}
std::int64_t LightSizes::masked() const {
  return bytes(kWordBytes * values);
}
std::int64_t LightSizes::ask(std::size_t summed) {
  return bytes(kWordBytes * (1 + summed));
}
std::int64_t LightSizes::reveal() const {
  return bytes(kWordBytes * piece);
}

double LightSeconds::advertise() const {
  return rates.key_pair;
}
double LightSeconds::share(std::size_t others) const {
  const double piece = d(settings.piece());
  const double drawn = d(settings.values) + d(settings.colluding) * piece;
  const double steps = d(others + 1) * d(settings.survivors - 1) * piece;
  return drawn * rates.field_random + steps * rates.field_step +
         d(others) * (rates.agreement + rates.sealed + piece * rates.sealed_value);
}
double LightSeconds::mask() const {
  return d(settings.values) * rates.field_add;
}
double LightSeconds::reveal(std::size_t summed) const {
  const double piece = d(settings.piece());
  return d(summed - 1) * (rates.sealed + piece * rates.sealed_value) +
         d(summed) * piece * rates.field_add;
}
double LightSeconds::unmask(std::size_t summed) const {
  const std::size_t pieces = settings.survivors - settings.colluding;
  // Lagrange's polynomials: for each a division by a root and a value, step by step, and an inverse
  // of 62 products; all at once the product of the roots, half a square, and the scales
  const double all = d(settings.survivors);
  return (2 * all * all + 62 * all) * rates.share_step +
         (1.5 * all * all + all * d(pieces * settings.piece())) * rates.field_step +
         d(summed + 1) * d(settings.values) * rates.field_add;
}

}  // namespace polyclinic::secure
