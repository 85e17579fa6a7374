#include <map>

#include "base/check.hpp"
#include "fed/sum_exchange.hpp"
#include "secure/field.hpp"

namespace polyclinic {

using secure::Place;

namespace {

class LightExchange final : public SumExchange {
 public:
  LightExchange(const secure::LightSettings& settings, LightNumbers numbers,
                const std::vector<SecureParty>& parties, RunKey run, std::int64_t round)
      : numbers_(numbers), parties_(parties), server_(settings) {
    const auto step = static_cast<std::uint64_t>(round);
    for (std::size_t i = 0; i < parties.size(); ++i) {
      if (!parties[i].advertised) continue;
      const secure::SecretStream secrets(run, parties[i].hospital.value, step);
      const auto [it, made] = hospitals_.try_emplace(place(i), settings, place(i), secrets);
      server_.advertised(it->second.advertise());
    }
    for (auto& [where, hospital] : hospitals_) {
      if (!parties[where - 1].shared) continue;
      auto pieces = hospital.share_mask(server_.keys());
      ENSURE(pieces.has_value(), "honest hospitals share masks with each other");
      server_.shared(where, *std::move(pieces));
    }
  }

  void send(std::size_t index, std::vector<std::uint32_t>& values) override {
    secure::LightHospital& hospital = hospitals_.at(place(index));
    const bool goes_on = hospital.receive(server_.sharers(), server_.shares_for(place(index)));
    ENSURE(goes_on, "a phase was begun with enough pieces");
    for (std::uint32_t& value : values) value = to_field(value);
    hospital.mask(values);
    server_.masked(place(index), values);
  }

  std::vector<std::uint32_t> sum() override {
    for (auto& [where, hospital] : hospitals_) {
      if (!parties_[where - 1].revealed) continue;
      auto pieces = hospital.reveal(server_.summed());
      ENSURE(pieces.has_value(), "a hospital in the sum tells its pieces");
      server_.revealed(where, *std::move(pieces));
    }
    auto sum = server_.sum();
    ENSURE(sum.has_value(), "a round with its threshold in every phase has a sum");
    for (std::uint32_t& value : *sum) value = from_field(value);
    return *std::move(sum);
  }

 private:
  static Place place(std::size_t index) { return static_cast<Place>(index + 1); }
  [[nodiscard]] std::uint64_t modulus() const { return std::uint64_t{1} << numbers_.modulus_bits; }
  // What is above half of the modulus stands for numbers below zero, which the field has at its
  // other end.
  [[nodiscard]] std::uint32_t to_field(std::uint32_t value) const {
    if (!numbers_.with_signs || value <= modulus() / 2) return value;
    return static_cast<std::uint32_t>(secure::field::kPrime - (modulus() - value));
  }
  [[nodiscard]] std::uint32_t from_field(std::uint32_t element) const {
    if (!numbers_.with_signs || element <= secure::field::kPrime / 2) return element;
    return static_cast<std::uint32_t>((modulus() - (secure::field::kPrime - element)) &
                                      (modulus() - 1));
  }

  LightNumbers numbers_;
  const std::vector<SecureParty>& parties_;
  secure::LightServer server_;
  std::map<Place, secure::LightHospital> hospitals_;
};

}  // namespace

std::unique_ptr<SumExchange> make_light_exchange(const secure::LightSettings& settings,
                                                 LightNumbers numbers,
                                                 const std::vector<SecureParty>& parties,
                                                 RunKey run, std::int64_t round) {
  return std::make_unique<LightExchange>(settings, numbers, parties, run, round);
}

}  // namespace polyclinic
