#include "fed/secure_exchange.hpp"

#include <algorithm>
#include <utility>

#include "base/check.hpp"

namespace polyclinic {

using secure::Place;
using secure::Refusal;

namespace {

// Hospitals that the server plays have secrets at addresses of no hospital.
constexpr std::uint64_t kServersOwn = std::uint64_t{1} << 32U;

// It answered exactly if the clock says so, and refused for no other reason.
void agree_on(bool answered, bool expected, Refusal refusal, const SecureParty& party) {
  ENSURE(answered == expected, "a hospital answers in a secure sum as the clock has it");
  ENSURE(answered || refusal == party.refusal, "a hospital refuses for the reason that was told");
}

}  // namespace

MaskedExchange::MaskedExchange(const SecureRule& rule, const std::vector<SecureParty>& parties,
                               secure::PairwiseSettings settings, RunKey run, std::int64_t round)
    : rule_(rule),
      settings_(std::move(settings)),
      run_(run),
      round_(static_cast<std::uint64_t>(round)),
      lie_(lie_in(rule, parties, round)),
      main_{secure::LyingServer(settings_), {}, {}, parties} {
  if (rule.active) {
    auto keys = std::make_shared<std::vector<secure::Key>>();
    for (const SecureParty& party : parties) {
      keys->push_back(secure::registered_keys(run, party.hospital.value).open);
    }
    settings_.registered = keys;
    settings_.round = round_;
    main_.server = secure::LyingServer(settings_);
  }
  std::vector<bool> servers_own(parties.size(), false);
  if (lie_ && lie_->with == Tampering::With::keys) {
    beside_.emplace(Play{secure::LyingServer(settings_), {}, {}, parties});
    for (std::size_t i = 0; i < parties.size(); ++i) {
      SecureParty& party = beside_->parties[i];
      if (i == lie_->victim) continue;
      party.shared = party.summed = party.revealed = party.advertised;
      party.refusal = Refusal::none;
    }
    main_.parties[lie_->victim].refusal = Refusal::none;
    servers_own[lie_->victim] = true;
    std::vector<bool> all_others(parties.size(), true);
    all_others[lie_->victim] = false;
    begin(*beside_, all_others);
  }
  begin(main_, servers_own);
}

void MaskedExchange::begin(Play& play, const std::vector<bool>& servers_own) {
  for (std::size_t i = 0; i < play.parties.size(); ++i) {
    if (!play.parties[i].advertised) continue;
    const std::uint64_t who = play.parties[i].hospital.value + (servers_own[i] ? kServersOwn : 0);
    const auto signing = rule_.active ? secure::registered_keys(run_, who) : secure::SigningKeys{};
    const auto [it, made] = play.hospitals.try_emplace(
        place(i), settings_, place(i), secure::SecretStream(run_, who, round_), signing);
    play.server.advertised(it->second.advertise());
  }
  for (auto& [where, hospital] : play.hospitals) {
    const SecureParty& party = play.parties[where - 1];
    if (!party.shared && party.refusal == Refusal::none) continue;
    // who signed nothing itself has nothing to check: the server's own
    if (rule_.active && servers_own[where - 1]) continue;
    auto shares = hospital.share_keys(play.server.keys_for(where));
    agree_on(shares.has_value(), party.shared, hospital.refusal(), party);
    if (shares) play.server.shared(where, *std::move(shares));
  }
  play.sharers = play.server.sharers();
}

void MaskedExchange::receive(Play& play, std::size_t index) {
  const Place where = place(index);
  const bool goes_on = play.hospitals.at(where).receive(
      play.server.those_around(where, play.sharers), play.server.shares_for(where));
  ENSURE(goes_on, "a phase was begun with enough shares");
}

void MaskedExchange::send_into(Play& play, std::size_t index, std::vector<std::uint32_t>& values) {
  receive(play, index);
  const bool masked = play.hospitals.at(place(index)).mask(values);
  ENSURE(masked, "keys of honest hospitals agree on masks");
  play.server.masked(place(index), values);
}

void MaskedExchange::send(std::size_t index, std::vector<std::uint32_t>& values) {
  if (!lie_ || index != lie_->victim) {
    send_into(main_, index, values);
    return;
  }
  victims_ = values;
  if (beside_) {
    std::vector<std::uint32_t> nothing(values.size(), 0);
    send_into(main_, index, nothing);
    send_into(*beside_, index, values);
  } else {
    send_into(main_, index, values);
    victims_masked_ = values;
  }
}

std::vector<Place> MaskedExchange::summed_for(const Play& play, std::size_t index) const {
  std::vector<Place> summed = play.server.summed();
  if (tells_two_lists() && told_without(play.parties, *lie_, index)) {
    std::erase(summed, place(lie_->victim));
  }
  return summed;
}

bool MaskedExchange::tells_two_lists() const {
  return lie_ && lie_->with == Tampering::With::survivors;
}

void MaskedExchange::confirm(Play& play) {
  for (auto& [where, hospital] : play.hospitals) {
    const SecureParty& party = play.parties[where - 1];
    if (!party.summed || (!party.confirmed && party.refusal == Refusal::none)) continue;
    const auto signature = hospital.confirm(summed_for(play, where - 1));
    agree_on(signature.has_value(), party.confirmed, hospital.refusal(), party);
    if (signature) play.server.confirmed(where, *signature);
  }
}

// Under the survivors that the party was told.
std::vector<secure::Confirmed> MaskedExchange::signatures_for(const Play& play,
                                                              std::size_t index) const {
  const auto all = play.server.confirmations();
  std::vector<secure::Confirmed> result(all.begin(), all.end());
  if (!tells_two_lists()) return result;
  const bool without = told_without(play.parties, *lie_, index);
  std::erase_if(result, [&](const secure::Confirmed& one) {
    return told_without(play.parties, *lie_, one.by - 1) != without;
  });
  return result;
}

void MaskedExchange::tell(Play& play) {
  const std::vector<Place> sharers = play.server.sharers();
  for (auto& [where, hospital] : play.hospitals) {
    const SecureParty& party = play.parties[where - 1];
    const bool asked = rule_.active ? party.confirmed : party.summed;
    if (!asked || (!party.revealed && party.refusal == Refusal::none)) continue;
    std::optional<std::vector<secure::Revealed>> shares;
    if (rule_.active) {
      shares = hospital.reveal(signatures_for(play, where - 1));
    } else {
      const std::vector<Place> summed = summed_for(play, where - 1);
      std::vector<Place> lost;
      std::set_difference(sharers.begin(), sharers.end(), summed.begin(), summed.end(),
                          std::back_inserter(lost));
      shares = hospital.reveal(play.server.those_around(where, summed),
                               play.server.those_around(where, lost));
    }
    agree_on(shares.has_value(), party.revealed, hospital.refusal(), party);
    if (shares) play.server.revealed(where, *std::move(shares));
  }
}

std::vector<std::uint32_t> MaskedExchange::sum_of(Play& play) {
  if (rule_.active) confirm(play);
  tell(play);
  auto sum = play.server.sum();
  ENSURE(sum.has_value(), "a round with its threshold in every phase has a sum");
  return *std::move(sum);
}

std::vector<std::uint32_t> MaskedExchange::sum() {
  std::vector<std::uint32_t> sum = sum_of(main_);
  if (!lie_) return sum;
  if (tells_two_lists()) {
    const std::vector<Place> victim{place(lie_->victim)};
    const auto read = main_.server.read(victim, victims_masked_);
    ENSURE(read.has_value() == reads_alone(settings_.threshold, main_.parties, *lie_),
           "the server reads what it has shares for");
    ENSURE(!read || *read == victims_, "what it reads is the update");
  } else if (beside_->parties[lie_->victim].summed) {
    for (std::size_t i = 0; i < beside_->parties.size(); ++i) {
      if (i == lie_->victim || !beside_->parties[i].summed) continue;
      std::vector<std::uint32_t> nothing(sum.size(), 0);
      send_into(*beside_, i, nothing);
    }
    const std::vector<std::uint32_t> alone = sum_of(*beside_);
    ENSURE(alone == victims_, "the sum over one hospital is its update");
    const auto keep = static_cast<std::uint32_t>((std::uint64_t{1} << settings_.modulus_bits) - 1);
    for (std::size_t k = 0; k < sum.size(); ++k) sum[k] = (sum[k] + alone[k]) & keep;
  }
  return sum;
}

void MaskedExchange::rehearse() {
  if (!tells_two_lists()) return;  // who refuses does so while keys are exchanged
  const std::vector<std::uint32_t> nothing(settings_.values, 0);
  for (std::size_t i = 0; i < main_.parties.size(); ++i) {
    if (!main_.parties[i].summed) continue;
    receive(main_, i);
    main_.server.masked(place(i), nothing);
  }
  if (rule_.active) confirm(main_);
  tell(main_);
}

}  // namespace polyclinic
