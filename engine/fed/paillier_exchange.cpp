#include "fed/paillier_exchange.hpp"

#include <algorithm>
#include <span>
#include <utility>

#include "base/check.hpp"
#include "secure/paillier.hpp"

namespace polyclinic {

using secure::PaillierHolder;

struct PaillierKeys {
  secure::PaillierKey open;
  secure::PaillierSecret secret;  // of the coordinator, or of all hospitals
  secure::DealtPaillier dealt;    // or in shares
};

namespace {

// Whoever makes the keys has its secrets at an address beyond those of hospitals.
constexpr std::uint64_t kDealer = 0xFFFFFE00U;

class PaillierExchange final : public SumExchange {
 public:
  PaillierExchange(const secure::PaillierShape& shape, std::shared_ptr<const PaillierKeys> keys,
                   const std::vector<SecureParty>& parties, RunKey run, std::int64_t round)
      : shape_(shape),
        keys_(std::move(keys)),
        packing_{shape.key_bits, shape.slot_bits},
        parties_(parties),
        run_(run),
        round_(static_cast<std::uint64_t>(round)),
        // 1 is a ciphertext of zero
        product_(shape.ciphertexts(), mpz_class(1)) {}

  void send(std::size_t index, std::vector<std::uint32_t>& values) override {
    secure::SecretStream secrets(run_, parties_[index].hospital.value, round_);
    const std::vector<mpz_class> plaintexts = packing_.pack(values);
    ENSURE(plaintexts.size() == product_.size(), "vectors are of one length");
    for (std::size_t k = 0; k < plaintexts.size(); ++k) {
      const mpz_class sent = secure::encrypt(keys_->open, plaintexts[k], secrets);
      product_[k] = secure::add(keys_->open, product_[k], sent);
    }
  }

  std::vector<std::uint32_t> sum() override {
    const std::vector<mpz_class> plaintexts =
        shape_.holder == PaillierHolder::threshold ? decrypted_by_parts() : decrypted_by_one();
    const std::vector<std::uint64_t> wide = packing_.unpack(plaintexts, shape_.values);
    const std::uint64_t keep = (std::uint64_t{1} << shape_.modulus_bits) - 1;
    std::vector<std::uint32_t> sum(wide.size());
    for (std::size_t k = 0; k < wide.size(); ++k) {
      sum[k] = static_cast<std::uint32_t>(wide[k] & keep);
    }
    return sum;
  }

 private:
  // By the server, or by whichever hospital answered.
  [[nodiscard]] std::vector<mpz_class> decrypted_by_one() const {
    const bool somebody = shape_.holder == PaillierHolder::coordinator ||
                          std::any_of(parties_.begin(), parties_.end(),
                                      [](const SecureParty& party) { return party.revealed; });
    ENSURE(somebody, "somebody with the key decrypts");
    std::vector<mpz_class> result;
    result.reserve(product_.size());
    for (const mpz_class& c : product_) result.push_back(secure::decrypt(keys_->secret, c));
    return result;
  }

  [[nodiscard]] std::vector<mpz_class> decrypted_by_parts() const {
    std::vector<std::uint32_t> places;
    for (const SecureParty& party : parties_) {
      if (party.revealed && places.size() < shape_.threshold) {
        places.push_back(party.hospital.value + 1);
      }
    }
    ENSURE(places.size() == shape_.threshold, "a round with its threshold has a sum");
    std::vector<mpz_class> result;
    result.reserve(product_.size());
    for (const mpz_class& c : product_) {
      std::vector<mpz_class> parts;
      parts.reserve(places.size());
      for (const std::uint32_t place : places) {
        parts.push_back(
            secure::decrypt_part(keys_->dealt.key, c, keys_->dealt.shares.at(place - 1)));
      }
      result.push_back(secure::combine_parts(keys_->dealt.key, places, parts));
    }
    return result;
  }

  secure::PaillierShape shape_;
  std::shared_ptr<const PaillierKeys> keys_;
  secure::Packing packing_;
  const std::vector<SecureParty>& parties_;
  RunKey run_;
  std::uint64_t round_;
  std::vector<mpz_class> product_;
};

}  // namespace

std::shared_ptr<const PaillierKeys> make_paillier_keys(const secure::PaillierShape& shape,
                                                       RunKey run) {
  auto keys = std::make_shared<PaillierKeys>();
  secure::SecretStream secrets(run, kDealer, 0);
  if (shape.holder == PaillierHolder::threshold) {
    keys->dealt = secure::deal_paillier(shape.key_bits, shape.holders, shape.threshold, secrets);
    keys->open = keys->dealt.key.open;
  } else {
    keys->secret = secure::make_paillier(shape.key_bits, secrets);
    keys->open = keys->secret.open;
  }
  return keys;
}

std::unique_ptr<SumExchange> make_paillier_exchange(const secure::PaillierShape& shape,
                                                    std::shared_ptr<const PaillierKeys> keys,
                                                    const std::vector<SecureParty>& parties,
                                                    RunKey run, std::int64_t round) {
  return std::make_unique<PaillierExchange>(shape, std::move(keys), parties, run, round);
}

}  // namespace polyclinic
