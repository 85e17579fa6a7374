// A whole round of a pairwise secure sum without a clock: who is lost before which phase is given.
// Where keys are registered (active()) there is one phase more.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "secure/pairwise.hpp"

namespace polyclinic::secure {

struct Played {
  std::optional<std::vector<std::uint32_t>> sum;
  std::string failure;
  std::vector<std::vector<std::uint32_t>> masked;  // what the server saw of each, or nothing
  std::vector<Place> summed;
};

inline constexpr std::uint64_t kPlayedSeed = 5;

// The same with signatures of all.
inline PairwiseSettings active(PairwiseSettings settings, std::uint64_t round = 0) {
  auto keys = std::make_shared<std::vector<Key>>();
  for (std::size_t i = 0; i < settings.parties; ++i) {
    keys->push_back(registered_keys(make_run_key(kPlayedSeed, 0), i).open);
  }
  settings.registered = keys;
  settings.round = round;
  return settings;
}

// lost_before[i]: the first phase (0 to 3, or to 4) whose message of hospital i + 1 does not
// arrive; one more: all do. Inputs are one vector per hospital.
inline Played play(const PairwiseSettings& settings, const std::vector<int>& lost_before,
                   const std::vector<std::vector<std::uint32_t>>& inputs,
                   std::uint64_t round_number = 0) {
  const RunKey run = make_run_key(kPlayedSeed, 0);
  Played played;
  played.masked.resize(settings.parties);
  PairwiseServer server(settings);
  std::vector<PairwiseHospital> hospitals;
  for (std::size_t i = 0; i < settings.parties; ++i) {
    const SecretStream secrets(run, i, round_number);
    const SigningKeys signing = settings.registered ? registered_keys(run, i) : SigningKeys{};
    hospitals.emplace_back(settings, static_cast<Place>(i + 1), secrets, signing);
    if (lost_before[i] > 0) server.advertised(hospitals[i].advertise());
  }
  const auto missed = [&] {
    played.failure = server.failure();
    return played;
  };
  const std::size_t least = settings.least > 0 ? settings.least : settings.threshold;
  const std::vector<Place> advertisers = server.advertisers();
  if (advertisers.size() < least) return missed();
  for (const Place place : advertisers) {
    if (lost_before[place - 1] <= 1) continue;
    auto shares = hospitals[place - 1].share_keys(server.keys_for(place));
    if (shares) server.shared(place, *std::move(shares));
  }
  const std::vector<Place> sharers = server.sharers();
  if (sharers.size() < least) return missed();
  for (const Place place : sharers) {
    const std::size_t i = place - 1;
    if (lost_before[i] <= 2) continue;
    if (!hospitals[i].receive(server.those_around(place, sharers), server.shares_for(place))) {
      continue;
    }
    std::vector<std::uint32_t> values = inputs[i];
    if (!hospitals[i].mask(values)) continue;
    played.masked[i] = values;
    server.masked(place, values);
  }
  played.summed = server.summed();
  if (played.summed.size() < least) return missed();
  const std::vector<Place> lost = server.lost();
  int last = 3;
  if (settings.registered) {
    for (const Place place : played.summed) {
      if (lost_before[place - 1] <= 3) continue;
      const auto signature = hospitals[place - 1].confirm(played.summed);
      if (signature) server.confirmed(place, *signature);
    }
    if (server.confirmations().size() < least) return missed();
    last = 4;
  }
  for (const Place place : played.summed) {
    if (lost_before[place - 1] <= last) continue;
    auto shares = settings.registered
                      ? hospitals[place - 1].reveal(server.confirmations())
                      : hospitals[place - 1].reveal(server.those_around(place, played.summed),
                                                    server.those_around(place, lost));
    if (shares) server.revealed(place, *std::move(shares));
  }
  played.failure = server.failure();
  played.sum = server.sum();
  return played;
}

}  // namespace polyclinic::secure
