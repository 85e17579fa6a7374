#include "fed/secure_sum.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/check.hpp"
#include "base/draw.hpp"
#include "fed/secure_exchange.hpp"
#include "fed/update_privacy.hpp"
#include "privacy/integer_noise.hpp"
#include "privacy/samplers.hpp"

namespace polyclinic {

namespace {

// A hospital's share of the noise: discrete Gaussians drawn exactly, or Skellams (the difference of
// two Poissons, whose rejection is decided in double).
void add_integer_noise(std::vector<std::int64_t>& values, double deviation, bool skellam,
                       RunKey run, HospitalId hospital, std::uint64_t round) {
  if (skellam) {
    Stream stream(run, Purpose::kIntegerNoise, hospital.value, round);
    const double mean = deviation * deviation / 2;
    for (std::int64_t& x : values) {
      const std::int64_t up = draw::poisson(stream, mean);  // two draws of one distribution
      const std::int64_t down = draw::poisson(stream, mean);
      x += up - down;
    }
    return;
  }
  privacy::NoiseStream stream(run, Purpose::kIntegerNoise, hospital.value, round);
  const privacy::DiscreteGaussian law(deviation);
  for (std::int64_t& x : values) x += law.draw(stream);
}

}  // namespace

secure::PairwiseSettings SecureSum::settings(std::size_t parties, std::size_t values,
                                             std::int64_t round) const {
  const std::optional<SecurePlan> plan = secure_plan(rule_, parties, run_, round);
  ENSURE(plan.has_value(), "a round without a graph has failed before");
  secure::PairwiseSettings result;
  result.parties = parties;
  result.threshold = plan->shares;
  result.least = plan->answers;
  result.graph = plan->graph;
  result.values = values;
  result.modulus_bits = sum_bits(rule_, parties);
  return result;
}

// The values times weight / rows_max, and the weight itself at the end.
void SecureSum::encode(const Update& update, std::int64_t round, bool by_size,
                       std::vector<std::uint32_t>& values) {
  const secure::Quantiser quantiser(rule_.clip, rule_.bits);
  const std::vector<float> delta = update.delta.compact();
  const std::int64_t weight = by_size ? std::min(update.rows, rule_.rows_max) : 1;
  const double scale =
      by_size ? static_cast<double>(weight) / static_cast<double>(rule_.rows_max) : 1.0;
  if (by_size && update.rows > rule_.rows_max) ++account_.rows_held;
  Stream rounding(run_, Purpose::kSecureRounding, update.hospital.value,
                  static_cast<std::uint64_t>(round));
  for (std::size_t k = 0; k < delta.size(); ++k) {
    const double held = std::clamp(static_cast<double>(delta[k]), -rule_.clip, rule_.clip);
    if (held != static_cast<double>(delta[k])) ++account_.clipped;
    values[k] = quantiser.quantise(scale * held, rounding.uniform());
  }
  values.back() = static_cast<std::uint32_t>(weight);
  account_.values += static_cast<std::int64_t>(delta.size());
}

// Cut, scaled, rounded at random until the norm is what the account assumes (Kairouz, Liu, Steinke
// 2021, arXiv 2102.06387, Algorithm 1), noised: in this order, each bounded by the one before.
void SecureSum::encode_noised(HospitalId hospital, const Update* update, std::int64_t round,
                              std::vector<std::uint32_t>& values) {
  const SharedNoise& terms = *rule_.noise;
  const double scale = rule_.scale();
  std::vector<double> scaled(values.size() - 1, 0.0);
  ++account_.updates;
  if (update != nullptr) {
    const CutUpdate one = cut_update(update->delta, {.clip = terms.clip});
    account_.cut += one.cut ? 1 : 0;
    for (std::size_t k = 0; k < scaled.size(); ++k) {
      scaled[k] = one.values[k] * scale;
      clean_[k] += one.values[k];
    }
  }
  const privacy::IntegerRelease release;  // for beta
  const double bound = privacy::rounded_l2_norm(terms.clip * scale, release.beta,
                                                static_cast<double>(scaled.size()));
  const auto address = static_cast<std::uint64_t>(round);
  Stream rounding(run_, Purpose::kSecureRounding, hospital.value, address);
  std::vector<std::int64_t> whole(scaled.size());
  double squares = 0;
  do {
    squares = 0;
    for (std::size_t k = 0; k < scaled.size(); ++k) {
      whole[k] = static_cast<std::int64_t>(std::floor(scaled[k] + rounding.uniform()));
      squares += static_cast<double>(whole[k]) * static_cast<double>(whole[k]);
    }
  } while (squares > bound * bound);
  const double deviation = terms.noise / std::sqrt(terms.expected) * terms.clip * scale;
  if (deviation > 0) add_integer_noise(whole, deviation, terms.skellam, run_, hospital, address);
  for (std::size_t k = 0; k < whole.size(); ++k) {
    exact_[k] += whole[k];
    values[k] = static_cast<std::uint32_t>(whole[k]);
  }
  values.back() = 1;
}

void SecureSum::decode_noised(const std::vector<std::uint64_t>& sum, std::uint32_t modulus,
                              ParameterVector& out) {
  const double expected = rule_.noise->expected;
  const double unit = 1 / (rule_.scale() * expected);
  std::vector<float> values(exact_.size());
  double signal = 0;
  double noise = 0;
  signal_sum_.resize(values.size());
  noise_sum_.resize(values.size());
  for (std::size_t k = 0; k < values.size(); ++k) {
    // the residue nearest to zero
    auto whole = static_cast<std::int64_t>(sum[k]);
    if (whole > static_cast<std::int64_t>(modulus / 2)) {
      whole -= static_cast<std::int64_t>(modulus) + 1;
    }
    if (whole != exact_[k]) ++account_.wrapped;
    const double seen = static_cast<double>(whole) * unit;
    const double clean = clean_[k] / expected;
    signal += clean * clean;
    noise += (seen - clean) * (seen - clean);
    signal_sum_[k] += clean;
    noise_sum_[k] += seen - clean;
    values[k] = static_cast<float>(seen);
  }
  account_.signal += std::sqrt(signal);
  account_.noise_norm += std::sqrt(noise);
  account_.signal_total = std::sqrt(
      std::inner_product(signal_sum_.begin(), signal_sum_.end(), signal_sum_.begin(), 0.0));
  account_.noise_total =
      std::sqrt(std::inner_product(noise_sum_.begin(), noise_sum_.end(), noise_sum_.begin(), 0.0));
  out.assign_compact(values);
}

// Sums whose hospitals are those of the sum before but for one.
void SecureSum::note_difference(std::vector<HospitalId> summed) {
  std::vector<HospitalId> difference;
  std::set_symmetric_difference(summed.begin(), summed.end(), before_.begin(), before_.end(),
                                std::back_inserter(difference));
  if (difference.size() == 1) ++account_.differ_by_one;
  before_ = std::move(summed);
}

// Of a party whose update holds no numbers, which it knows itself: zeros of no weight.
void SecureSum::encode_nothing(HospitalId hospital, std::int64_t round,
                               std::vector<std::uint32_t>& values) {
  const secure::Quantiser quantiser(rule_.clip, rule_.bits);
  Stream rounding(run_, Purpose::kSecureRounding, hospital.value,
                  static_cast<std::uint64_t>(round));
  for (std::uint32_t& value : values) value = quantiser.quantise(0, rounding.uniform());
  values.back() = 0;
}

bool SecureSum::decode(const std::vector<std::uint64_t>& sum, bool by_size,
                       ParameterVector& out) const {
  if (sum.back() == 0) return false;
  const secure::Quantiser quantiser(rule_.clip, rule_.bits);
  const double total =
      static_cast<double>(sum.back()) / (by_size ? static_cast<double>(rule_.rows_max) : 1.0);
  std::vector<float> mean(sum.size() - 1);
  for (std::size_t k = 0; k < mean.size(); ++k) {
    mean[k] = static_cast<float>(quantiser.dequantise(sum[k], before_.size()) / total);
  }
  out.assign_compact(mean);
  return true;
}

// nullptr: nothing of it is computed.
std::unique_ptr<SumExchange> SecureSum::make_exchange(const std::vector<SecureParty>& parties,
                                                      const secure::PairwiseSettings& sizes,
                                                      std::int64_t round) {
  if (!rule_.real) return nullptr;
  if (rule_.paillier) {
    const secure::PaillierShape shape = rule_.paillier->shape(
        parties.size(), sizes.values, sizes.modulus_bits, rule_.noise.has_value());
    if (!keys_) keys_ = make_paillier_keys(shape, run_);
    return make_paillier_exchange(shape, keys_, parties, run_, round);
  }
  if (rule_.light) {
    const LightNumbers numbers{sizes.modulus_bits, rule_.noise.has_value()};
    return make_light_exchange(rule_.light->settings(parties.size(), sizes.values), numbers,
                               parties, run_, round);
  }
  if (!rule_.shares) {
    return std::make_unique<MaskedExchange>(rule_, parties, sizes, run_, round);
  }
  secure::ShareSettings settings;
  settings.servers = rule_.shares->servers;
  settings.least = sizes.least;
  settings.values = sizes.values;
  settings.modulus_bits = sizes.modulus_bits;
  return make_shares_exchange(settings, parties, run_, round);
}

bool SecureSum::middle(const std::vector<SecureParty>& parties, UpdateStream& updates,
                       std::int64_t round, ParameterVector& out) {
  const auto size = static_cast<std::size_t>(out.layout().size());
  std::vector<std::vector<std::uint32_t>> columns(size);
  std::vector<std::uint32_t> values(size + 1);
  std::vector<HospitalId> without;  // a usable update
  std::vector<HospitalId> summed;
  for (const SecureParty& party : parties) {
    if (party.summed) without.push_back(party.hospital);
  }
  summed = without;
  const auto add = [&] {
    for (std::size_t k = 0; k < size; ++k) columns[k].push_back(values[k]);
  };
  while (const Update* update = updates.next()) {
    encode(*update, round, false, values);
    add();
    std::erase(without, update->hospital);
  }
  for (const HospitalId hospital : without) {
    encode_nothing(hospital, round, values);
    add();
  }
  note_difference(std::move(summed));
  const secure::Quantiser quantiser(rule_.clip, rule_.bits);
  const auto [first, last] = rule_.shares->middle->ranks(before_.size());
  std::vector<float> found(size);
  for (std::size_t k = 0; k < size; ++k) {
    std::sort(columns[k].begin(), columns[k].end());
    std::uint64_t sum = 0;
    for (std::size_t i = first; i < last; ++i) sum += columns[k][i];
    const std::size_t kept = last - first;
    found[k] = static_cast<float>(quantiser.dequantise(sum, kept) / static_cast<double>(kept));
  }
  out.assign_compact(found);
  return true;
}

bool SecureSum::mean(const std::vector<SecureParty>& parties, UpdateStream& updates,
                     std::int64_t round, bool by_size, ParameterVector& out) {
  if (rule_.shares && rule_.shares->middle) return middle(parties, updates, round, out);
  const auto size = static_cast<std::size_t>(out.layout().size());
  const secure::PairwiseSettings sizes = settings(parties.size(), size + 1, round);
  const std::unique_ptr<SumExchange> exchange = make_exchange(parties, sizes, round);

  // what nobody in the world sees: the sum without masks, wide enough never to wrap around
  std::vector<std::uint64_t> plain(size + 1, 0);
  std::vector<std::uint32_t> values(size + 1);
  exact_.assign(size, 0);
  clean_.assign(size, 0.0);
  const auto modulus = static_cast<std::uint32_t>((std::uint64_t{1} << sizes.modulus_bits) - 1);
  std::vector<bool> sent(parties.size(), false);
  std::vector<HospitalId> summed;
  const auto add = [&](std::size_t index) {
    if (rule_.noise) {
      for (std::uint32_t& value : values) value &= modulus;
    }
    for (std::size_t k = 0; k <= size; ++k) plain[k] += values[k];
    if (exchange) exchange->send(index, values);
    sent[index] = true;
  };
  while (const Update* update = updates.next()) {
    const auto it = std::find_if(parties.begin(), parties.end(), [&](const SecureParty& party) {
      return party.hospital == update->hospital;
    });
    ENSURE(it != parties.end() && it->summed, "an update is one of the round's");
    if (rule_.noise) {
      encode_noised(update->hospital, update, round, values);
    } else {
      encode(*update, round, by_size, values);
    }
    add(static_cast<std::size_t>(it - parties.begin()));
  }
  for (std::size_t i = 0; i < parties.size(); ++i) {
    if (!parties[i].summed) continue;
    summed.push_back(parties[i].hospital);
    if (sent[i]) continue;
    if (rule_.noise) {
      encode_noised(parties[i].hospital, nullptr, round, values);
    } else {
      encode_nothing(parties[i].hospital, round, values);
    }
    add(i);
  }
  if (rule_.noise) {
    for (std::uint64_t& value : plain) value &= modulus;
  }
  if (exchange) {
    const std::vector<std::uint32_t> sum = exchange->sum();
    const bool same = std::equal(sum.begin(), sum.end(), plain.begin(), plain.end());
    ENSURE(same, "the unmasked sum is the sum of what was masked");
  }
  note_difference(std::move(summed));
  if (!rule_.noise) return decode(plain, by_size, out);
  decode_noised(plain, modulus, out);
  return true;
}

void SecureSum::rehearse(const std::vector<SecureParty>& parties, std::int64_t round,
                         std::size_t values) {
  MaskedExchange(rule_, parties, settings(parties.size(), values, round), run_, round).rehearse();
}

}  // namespace polyclinic
