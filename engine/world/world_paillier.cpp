// Sums of encrypted updates: who is given the key, and who could read what with it.
#include <fmt/format.h>

#include "world/world_impl.hpp"

namespace polyclinic {

// A share for every hospital that there is: those of whoever joins later are made beforehand, too.
void World::Impl::give_key_shares(SecureRule& rule, std::size_t invited) const {
  PaillierRule& paillier = *rule.paillier;
  if (paillier.holder != secure::PaillierHolder::threshold) return;
  paillier.parts = secure_threshold(rule, invited);
  paillier.holders = static_cast<std::size_t>(population->count());
}

std::string key_holders_saw(const SecureAccount& account) {
  std::string text = fmt::format(
      "secure sums of updates encrypted by Paillier's scheme with {} bits: the server made {} sums "
      "of ciphertexts, the smallest of {} hospitals, and saw them decrypted with the sum of their "
      "weights. ",
      account.key_bits, account.sums, account.parties_least);
  switch (*account.key) {
    case secure::PaillierHolder::coordinator:
      text +=
          "It has the key: it can read every update that it was sent, and nothing but its word "
          "keeps it from that. Hospitals, and whoever listens, read none. ";
      break;
    case secure::PaillierHolder::hospitals:
      text +=
          "It has no key, but every hospital has: any one of them reads every update that the "
          "server, or who listens to its lines, hands it. Alone neither reads one. ";
      break;
    case secure::PaillierHolder::threshold:
      text += fmt::format(
          "Nobody has the key: {} hospitals with their shares read every update that the server "
          "hands them, fewer read none; or all others of its sum expose one ({} at least). Who "
          "dealt the shares is trusted to have forgotten them. ",
          account.threshold_most, account.parties_least - 1);
      break;
  }
  text += account.real ? "Keys come from the run's seed: the secrecy is simulated"
                       : "fidelity = \"cost\": no cryptography was computed";
  return text;
}

}  // namespace polyclinic
