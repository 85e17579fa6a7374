// A whole round of a pairwise secure sum without a clock: who is lost before which phase is given.
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

// lost_before[i]: the first phase (0 to 3) whose message of hospital i + 1 does not arrive; 4: all
// do. Inputs are one vector per hospital.
inline Played play(const PairwiseSettings& settings, const std::vector<int>& lost_before,
                   const std::vector<std::vector<std::uint32_t>>& inputs,
                   std::uint64_t round_number = 0) {
  const RunKey run = make_run_key(5, 0);
  Played played;
  played.masked.resize(settings.parties);
  PairwiseServer server(settings);
  std::vector<PairwiseHospital> hospitals;
  for (std::size_t i = 0; i < settings.parties; ++i) {
    const SecretStream secrets(run, i, round_number);
    hospitals.emplace_back(settings, static_cast<Place>(i + 1), secrets);
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
    hospitals[i].mask(values);
    played.masked[i] = values;
    server.masked(place, values);
  }
  played.summed = server.summed();
  if (played.summed.size() < least) return missed();
  const std::vector<Place> lost = server.lost();
  for (const Place place : played.summed) {
    if (lost_before[place - 1] <= 3) continue;
    auto shares = hospitals[place - 1].reveal(server.those_around(place, played.summed),
                                              server.those_around(place, lost));
    if (shares) server.revealed(place, *std::move(shares));
  }
  played.failure = server.failure();
  played.sum = server.sum();
  return played;
}

}  // namespace polyclinic::secure
