#include "secure/shares.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace polyclinic::secure {

namespace {

constexpr std::string_view kSeed = "shares: a seed for one server";
constexpr std::size_t kWordBytes = 4;

std::uint32_t low_bits(int bits) {
  return bits >= 32 ? 0xFFFFFFFFU : (1U << bits) - 1U;
}

// out += or -= the key stream, or both by exclusive or.
void apply(const ShareSettings& settings, const Key& seed, Sign sign,
           std::span<std::uint32_t> out) {
  if (!settings.bits) return add_mask(seed, sign, out);
  std::vector<std::uint32_t> stream(out.size(), 0);
  add_mask(seed, Sign::plus, stream);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] ^= stream[i];
}

void add(const ShareSettings& settings, const std::vector<std::uint32_t>& values,
         std::vector<std::uint32_t>& sum) {
  for (std::size_t i = 0; i < sum.size(); ++i) {
    sum[i] = settings.bits ? sum[i] ^ values[i] : sum[i] + values[i];
  }
}

void keep_low(const ShareSettings& settings, std::span<std::uint32_t> values) {
  const std::uint32_t keep = low_bits(settings.modulus_bits);
  for (std::uint32_t& value : values) value &= keep;
}

}  // namespace

std::optional<std::vector<SealedSeed>> split(const ShareSettings& settings, Place place,
                                             std::span<const Key> servers, SecretStream& secrets,
                                             std::span<std::uint32_t> values) {
  ENSURE(servers.size() + 1 == settings.servers, "all servers but the first get a seed");
  const KeyPair own = make_key_pair(secrets);
  std::vector<SealedSeed> seeds;
  for (std::size_t i = 0; i < servers.size(); ++i) {
    const Key seed = secrets.key();
    apply(settings, seed, Sign::minus, values);
    const auto key = agree(own, servers[i], kSeed);
    if (!key) return std::nullopt;
    const auto number = static_cast<std::uint32_t>(i + 2);
    seeds.push_back({place, number, own.open, seal(seed, *key, place, number)});
  }
  keep_low(settings, values);
  return seeds;
}

ShareServer::ShareServer(const ShareSettings& settings, std::size_t number, SecretStream secrets)
    : settings_(settings), number_(number), keys_(make_key_pair(secrets)) {
  ENSURE(number >= 1, "servers are counted from one");
  ENSURE(number <= settings.servers, "servers are counted");
}

bool ShareServer::receive(Place from, std::vector<std::uint32_t> share) {
  if (number_ != 1 || share.size() != settings_.values) return false;
  return shares_.emplace(from, std::move(share)).second;
}

bool ShareServer::receive(const SealedSeed& seed) {
  if (number_ == 1 || seed.server != number_) return false;
  const auto key = agree(keys_, seed.open, kSeed);
  if (!key) return false;
  const auto text = unseal(seed.sealed, *key, seed.from, static_cast<std::uint32_t>(number_));
  if (!text || text->size() != kKeyBytes) return false;
  Key value{};
  std::copy(text->begin(), text->end(), value.begin());
  return seeds_.try_emplace(seed.from, value).second;
}

std::vector<Place> ShareServer::holds() const {
  std::vector<Place> places;
  for (const auto& [place, share] : shares_) places.push_back(place);
  for (const auto& [place, seed] : seeds_) places.push_back(place);
  return places;
}

std::vector<Place> ShareServer::common(std::span<const Place> others) const {
  const std::vector<Place> own = holds();
  std::vector<Place> sorted(others.begin(), others.end());
  std::sort(sorted.begin(), sorted.end());
  std::vector<Place> both;
  std::set_intersection(own.begin(), own.end(), sorted.begin(), sorted.end(),
                        std::back_inserter(both));
  return both;
}

std::optional<std::vector<std::uint32_t>> ShareServer::sum(std::span<const Place> of) {
  if (told_ || of.size() < settings_.least || common(of).size() != of.size()) return std::nullopt;
  told_ = true;
  std::vector<std::uint32_t> sum(settings_.values, 0);
  for (const Place place : of) {
    if (number_ == 1) {
      add(settings_, shares_.at(place), sum);
    } else {
      apply(settings_, seeds_.at(place), Sign::plus, sum);
    }
  }
  keep_low(settings_, sum);
  return sum;
}

std::vector<std::uint32_t> combine(const ShareSettings& settings,
                                   std::span<const std::vector<std::uint32_t>> sums) {
  std::vector<std::uint32_t> total(settings.values, 0);
  for (const std::vector<std::uint32_t>& sum : sums) add(settings, sum, total);
  keep_low(settings, total);
  return total;
}

std::int64_t ShareSizes::vector() const {
  return static_cast<std::int64_t>((values * static_cast<std::size_t>(modulus_bits) + 7) / 8);
}
std::int64_t ShareSizes::seed() {
  // whose, its key, the sealed seed
  return static_cast<std::int64_t>(kWordBytes + kKeyBytes + kKeyBytes + kSealBytes);
}
std::int64_t ShareSizes::places(std::size_t count) {
  // the round, how many, who
  return static_cast<std::int64_t>(kWordBytes * (2 + count));
}

double ShareSeconds::split(std::size_t servers, std::size_t values) const {
  const double each =
      rates.agreement + rates.sealed + static_cast<double>(values) * rates.mask_value;
  return rates.key_pair + static_cast<double>(servers - 1) * each;
}
double ShareSeconds::expand(std::size_t hospitals, std::size_t values) const {
  const double each =
      rates.agreement + rates.sealed + static_cast<double>(values) * rates.mask_value;
  return static_cast<double>(hospitals) * each;
}
double ShareSeconds::combine(std::size_t hospitals, std::size_t servers, std::size_t values) const {
  return static_cast<double>(hospitals + servers - 1) * static_cast<double>(values) *
         rates.add_value;
}

}  // namespace polyclinic::secure
