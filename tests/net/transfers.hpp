// Whole transfers through a network, for the tests of the net floor.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net_parts.hpp"
#include "sim/scope.hpp"

namespace polyclinic::testing {

inline Value bytes_per_s(double rate) {
  return Quantity{rate, Dimension::bandwidth};
}
inline Value time_value(TimeNs time) {
  return Quantity{static_cast<double>(time.ns), Dimension::time};
}

// Hospitals of which only names and regions matter.
class NamedPopulation final : public Population {
 public:
  // (name, region) of each
  explicit NamedPopulation(std::vector<std::pair<std::string, std::string>> hospitals)
      : hospitals_(std::move(hospitals)) {}
  [[nodiscard]] std::int64_t count() const override {
    return static_cast<std::int64_t>(hospitals_.size());
  }
  [[nodiscard]] HospitalProfile profile(HospitalId id) const override {
    HospitalProfile profile;
    profile.name = hospitals_[id.value].first;
    profile.region = hospitals_[id.value].second;
    return profile;
  }
  [[nodiscard]] std::string name(HospitalId id) const override { return profile(id).name; }
  [[nodiscard]] std::optional<HospitalId> find(std::string_view name) const override {
    for (std::uint32_t i = 0; i < hospitals_.size(); ++i) {
      if (hospitals_[i].first == name) return HospitalId{i};
    }
    return std::nullopt;
  }
  [[nodiscard]] std::vector<std::string> regions() const override {
    std::set<std::string> regions;
    for (const auto& [name, region] : hospitals_) regions.insert(region);
    return {regions.begin(), regions.end()};
  }
  [[nodiscard]] TimeNs overhead(HospitalId, std::int64_t) const override { return {}; }

 private:
  std::vector<std::pair<std::string, std::string>> hospitals_;
};

// A network with its hospitals; transfers are asked for first, then run() tells when they ended.
class Transfers {
 public:
  explicit Transfers(const Part& part, const Population* population = nullptr)
      : network_(make_network(&part, sim_, population)) {}

  // The next hospital; an outage is the time at which it goes down, and that at which it is back.
  HospitalId hospital(const AccessLink& link, std::vector<TimeNs> outage = {}) {
    const HospitalId id{static_cast<std::uint32_t>(availability_.size())};
    availability_.push_back(std::make_unique<Changes>(std::move(outage)));
    network_->attach(id, link, availability_.back().get());
    return id;
  }
  void send(HospitalId hospital, TransferDirection direction, std::int64_t bytes,
            TimeNs start = {}) {
    outcomes_.emplace_back();
    sim_.spawn(scope_, ask(*this, hospital, direction, bytes, start, outcomes_.back()), "transfer");
  }
  // A message between machines.
  void message(HostId from, HostId to, std::int64_t bytes, TimeNs start = {},
               TimeNs give_up = kNever) {
    outcomes_.emplace_back();
    sim_.spawn(scope_, ask(*this, from, to, bytes, start, give_up, outcomes_.back()), "message");
  }
  // Runs to the end; the nanosecond at which each transfer ended, in the order of send(); -1 where
  // it was given up.
  std::vector<std::int64_t> run() {
    sim_.run();
    std::vector<std::int64_t> ends;
    for (const TransferOutcome& outcome : outcomes_) {
      ends.push_back(outcome.completed ? outcome.ended.ns : -1);
    }
    return ends;
  }
  [[nodiscard]] Network& network() { return *network_; }
  [[nodiscard]] Simulation& sim() { return sim_; }

 private:
  static Task<void> ask(Transfers& world, HospitalId hospital, TransferDirection direction,
                        std::int64_t bytes, TimeNs start, TransferOutcome& outcome) {
    co_await world.sim_.at(start);
    outcome = co_await world.network_->transfer(hospital, direction, bytes, kNever);
  }

  static Task<void> ask(Transfers& world, HostId from, HostId to, std::int64_t bytes, TimeNs start,
                        TimeNs give_up, TransferOutcome& outcome) {
    co_await world.sim_.at(start);
    outcome = co_await world.network_->send(from, to, bytes, give_up);
  }

  Simulation sim_;
  Scope scope_{sim_};
  std::vector<std::unique_ptr<Changes>> availability_;
  std::unique_ptr<Network> network_;
  std::deque<TransferOutcome> outcomes_;
};

inline AccessLink access(double up, double down, double latency_s, std::string region = "") {
  AccessLink link;
  link.up_bytes_per_s = up;
  link.down_bytes_per_s = down;
  link.latency = at_seconds(latency_s);
  link.region = std::move(region);
  return link;
}

}  // namespace polyclinic::testing
