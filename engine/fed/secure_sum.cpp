#include "fed/secure_sum.hpp"

#include <algorithm>
#include <map>

#include "base/check.hpp"

namespace polyclinic {

namespace {

// The parties of one round, played when it closes.
class Exchange {
 public:
  Exchange(const std::vector<SecureParty>& parties, const secure::PairwiseSettings& settings,
           RunKey run, std::int64_t round)
      : parties_(parties), server_(settings) {
    for (std::size_t i = 0; i < parties.size(); ++i) {
      if (!parties[i].advertised) continue;
      const secure::SecretStream secrets(run, parties[i].hospital.value,
                                         static_cast<std::uint64_t>(round));
      const auto [it, made] = hospitals_.try_emplace(place(i), settings, place(i), secrets);
      server_.advertised(it->second.advertise());
    }
    const std::vector<secure::Advertised> keys = server_.keys();
    for (auto& [where, hospital] : hospitals_) {
      if (!parties[where - 1].shared) continue;
      auto shares = hospital.share_keys(keys);
      ENSURE(shares.has_value(), "a phase was begun with enough keys");
      server_.shared(*std::move(shares));
    }
  }

  void send(std::size_t index, std::vector<std::uint32_t>& values) {
    secure::PairwiseHospital& hospital = hospitals_.at(place(index));
    const bool goes_on = hospital.receive(server_.sharers(), server_.shares_for(place(index)));
    ENSURE(goes_on, "a phase was begun with enough shares");
    hospital.mask(values);
    server_.masked(place(index), values);
  }

  std::vector<std::uint32_t> unmask() {
    const std::vector<secure::Place> summed = server_.summed();
    const std::vector<secure::Place> lost = server_.lost();
    for (auto& [where, hospital] : hospitals_) {
      if (!parties_[where - 1].revealed) continue;
      auto shares = hospital.reveal(summed, lost);
      ENSURE(shares.has_value(), "the server asks for one share of each");
      server_.revealed(where, *std::move(shares));
    }
    auto sum = server_.sum();
    ENSURE(sum.has_value(), "a round with its threshold in every phase has a sum");
    return *std::move(sum);
  }

 private:
  static secure::Place place(std::size_t index) { return static_cast<secure::Place>(index + 1); }

  const std::vector<SecureParty>& parties_;
  secure::PairwiseServer server_;
  std::map<secure::Place, secure::PairwiseHospital> hospitals_;
};

}  // namespace

secure::PairwiseSettings SecureSum::settings(std::size_t parties, std::size_t values) const {
  secure::PairwiseSettings result;
  result.parties = parties;
  result.threshold = secure_threshold(rule_, parties);
  result.values = values;
  result.modulus_bits = secure::modulus_bits(parties, rule_.bits);
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

bool SecureSum::mean(const std::vector<SecureParty>& parties, UpdateStream& updates,
                     std::int64_t round, bool by_size, ParameterVector& out) {
  const auto size = static_cast<std::size_t>(out.layout().size());
  const secure::PairwiseSettings sizes = settings(parties.size(), size + 1);
  std::optional<Exchange> exchange;
  if (rule_.real) exchange.emplace(parties, sizes, run_, round);

  // what nobody in the world sees: the sum without masks, wide enough never to wrap around
  std::vector<std::uint64_t> plain(size + 1, 0);
  std::vector<std::uint32_t> values(size + 1);
  std::vector<bool> sent(parties.size(), false);
  std::vector<HospitalId> summed;
  const auto add = [&](std::size_t index) {
    for (std::size_t k = 0; k <= size; ++k) plain[k] += values[k];
    if (exchange) exchange->send(index, values);
    sent[index] = true;
  };
  while (const Update* update = updates.next()) {
    const auto it = std::find_if(parties.begin(), parties.end(), [&](const SecureParty& party) {
      return party.hospital == update->hospital;
    });
    ENSURE(it != parties.end() && it->summed, "an update is one of the round's");
    encode(*update, round, by_size, values);
    add(static_cast<std::size_t>(it - parties.begin()));
  }
  // the others of the sum have an update without numbers, and know it: they add zeros
  const secure::Quantiser quantiser(rule_.clip, rule_.bits);
  for (std::size_t i = 0; i < parties.size(); ++i) {
    if (!parties[i].summed) continue;
    summed.push_back(parties[i].hospital);
    if (sent[i]) continue;
    Stream rounding(run_, Purpose::kSecureRounding, parties[i].hospital.value,
                    static_cast<std::uint64_t>(round));
    for (std::size_t k = 0; k < size; ++k) values[k] = quantiser.quantise(0, rounding.uniform());
    values[size] = 0;
    add(i);
  }
  if (exchange) {
    const std::vector<std::uint32_t> sum = exchange->unmask();
    const bool same = std::equal(sum.begin(), sum.end(), plain.begin(), plain.end());
    ENSURE(same, "the unmasked sum is the sum of what was masked");
  }
  std::vector<HospitalId> difference;
  std::set_symmetric_difference(summed.begin(), summed.end(), before_.begin(), before_.end(),
                                std::back_inserter(difference));
  if (difference.size() == 1) ++account_.differ_by_one;
  before_ = std::move(summed);

  if (plain[size] == 0) return false;
  const double total =
      static_cast<double>(plain[size]) / (by_size ? static_cast<double>(rule_.rows_max) : 1.0);
  std::vector<float> mean(size);
  for (std::size_t k = 0; k < size; ++k) {
    mean[k] = static_cast<float>(quantiser.dequantise(plain[k], before_.size()) / total);
  }
  out.assign_compact(mean);
  return true;
}

}  // namespace polyclinic
