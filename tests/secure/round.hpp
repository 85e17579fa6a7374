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
  if (server.keys().size() < settings.threshold) return missed();
  for (std::size_t i = 0; i < settings.parties; ++i) {
    if (lost_before[i] <= 1) continue;
    auto shares = hospitals[i].share_keys(server.keys());
    if (shares) server.shared(*std::move(shares));
  }
  if (server.sharers().size() < settings.threshold) return missed();
  for (std::size_t i = 0; i < settings.parties; ++i) {
    if (lost_before[i] <= 2) continue;
    const Place place = static_cast<Place>(i + 1);
    if (!hospitals[i].receive(server.sharers(), server.shares_for(place))) continue;
    std::vector<std::uint32_t> values = inputs[i];
    hospitals[i].mask(values);
    played.masked[i] = values;
    server.masked(place, values);
  }
  played.summed = server.summed();
  if (played.summed.size() < settings.threshold) return missed();
  for (std::size_t i = 0; i < settings.parties; ++i) {
    if (lost_before[i] <= 3) continue;
    auto shares = hospitals[i].reveal(server.summed(), server.lost());
    if (shares) server.revealed(static_cast<Place>(i + 1), *std::move(shares));
  }
  played.failure = server.failure();
  played.sum = server.sum();
  return played;
}

}  // namespace polyclinic::secure
