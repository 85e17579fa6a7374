#include "data/change.hpp"

#include <algorithm>
#include <optional>

#include "base/check.hpp"

namespace polyclinic {

std::int64_t DataChange::level(TimeNs since) const {
  if (since.ns < 0) return 0;
  if (kind != Kind::wave) return 1;
  // up in equal steps, of which the first is at once; down in equal steps to nothing
  if (since < rise)
    return std::min(steps, 1 + since.ns / std::max<std::int64_t>(1, rise.ns / steps));
  if (since < rise + hold) return steps;
  if (since >= whole()) return 0;
  const TimeNs falling = since - rise - hold;
  const std::int64_t step_ns = std::max<std::int64_t>(1, fall.ns / steps);
  return std::max<std::int64_t>(0, steps - falling.ns / step_ns);
}

TimeNs DataChange::peak() const {
  if (kind != Kind::wave || rise.ns == 0) return {};
  return TimeNs{(steps - 1) * std::max<std::int64_t>(1, rise.ns / steps)};
}

std::int64_t ChangeReach::last_place() const {
  return places.empty() ? 0 : *std::max_element(places.begin(), places.end());
}

DataEpochs::DataEpochs(std::function<TimeNs()> clock) : clock_(std::move(clock)) {}

void DataEpochs::add(DataChange change, ChangeReach reach) {
  ENSURE(reach.places.empty() || reach.places.size() == reach.hospitals.size(),
         "every hospital has its place");
  begun_.push_back({std::move(change), std::move(reach), clock_()});
}

DataEpochs::Key DataEpochs::key_of(HospitalId hospital, std::size_t changes, TimeNs now) const {
  Key key;
  for (std::size_t i = 0; i < changes; ++i) {
    const Begun& one = begun_[i];
    const auto& reached = one.reach.hospitals;
    const auto found = std::lower_bound(reached.begin(), reached.end(), hospital);
    if (found == reached.end() || *found != hospital) continue;
    const auto& places = one.reach.places;
    const std::int64_t place =
        places.empty() ? 0 : places[static_cast<std::size_t>(found - reached.begin())];
    const std::int64_t since = now.ns - one.at.ns - one.reach.delay.ns * place;
    const std::int64_t level = one.change.level(TimeNs{since});
    if (level > 0) key.emplace_back(static_cast<std::uint32_t>(i), level);
  }
  return key;
}

namespace {

// scale2 (scale1 x + add1) + add2
void read_differently(DataState::Scanner& scanner, const DataChange& change) {
  scanner.scale *= change.scale;
  scanner.add = change.scale * scanner.add + change.add;
}

void add_wave(DataState& state, const DataChange& wave, double part) {
  if (wave.log_odds != 0) state.log_odds[wave.of] += part * wave.log_odds;
  for (const auto& [column, weight] : wave.mix) state.mix[column] += part * weight;
  state.severity += part * wave.severity;
  state.age_years += part * wave.age_years;
}

}  // namespace

DataStatePtr DataEpochs::compose(const Key& key) const {
  DataState state;
  for (const auto& [which, level] : key) {
    const DataChange& change = begun_[which].change;
    switch (change.kind) {
      case DataChange::Kind::scanner:
        for (const std::int32_t c : change.columns) read_differently(state.scanners[c], change);
        break;
      case DataChange::Kind::recalibration:
        for (const std::int32_t c : change.columns) state.scanners.erase(c);
        break;
      case DataChange::Kind::coding:
        state.codings.push_back({change.columns.front(), change.codes, change.share, which});
        break;
      case DataChange::Kind::labels:
        state.labels.push_back({change.from, change.to, change.share, which});
        break;
      case DataChange::Kind::standardisation: break;
      case DataChange::Kind::wave:
        add_wave(state, change, static_cast<double>(level) / static_cast<double>(change.full()));
        break;
    }
  }
  if (state.empty()) return nullptr;
  return std::make_shared<const DataState>(std::move(state));
}

DataEpochPtr DataEpochs::of(HospitalId hospital) const {
  if (begun_.empty()) return nullptr;
  Key key = key_of(hospital, begun_.size(), clock_());
  if (key.empty()) return nullptr;
  const std::lock_guard lock(mutex_);
  const auto [place, fresh] = made_.try_emplace({hospital, key}, nullptr);
  if (!fresh) return place->second;
  DataEpoch epoch;
  epoch.data = compose(key);
  for (const auto& [which, level] : key) {
    const Begun& one = begun_[which];
    if (one.change.kind == DataChange::Kind::wave) {
      epoch.busy += (one.change.busy - 1) * static_cast<double>(level) /
                    static_cast<double>(one.change.full());
    }
    if (one.change.kind != DataChange::Kind::standardisation) continue;
    // on the rows as they were when it was asked for
    epoch.fitted = compose(key_of(hospital, which, one.at));
    epoch.fitted_number = epoch.fitted ? which + 1 : 0;
  }
  const bool same = !epoch.data && !epoch.fitted;
  if (same && epoch.busy == 1) return nullptr;
  if (!same) epoch.number = ++numbers_[hospital];
  place->second = std::make_shared<const DataEpoch>(std::move(epoch));
  return place->second;
}

bool DataEpochs::moved_since(TimeNs then, std::size_t changes) const {
  if (changes != begun_.size()) return true;
  const TimeNs now = clock_();
  return std::any_of(begun_.begin(), begun_.end(), [&](const Begun& one) {
    for (std::int64_t place = 0; place <= one.reach.last_place(); ++place) {
      const std::int64_t began = one.at.ns + one.reach.delay.ns * place;
      if (one.change.level(TimeNs{then.ns - began}) != one.change.level(TimeNs{now.ns - began})) {
        return true;
      }
    }
    return false;
  });
}

}  // namespace polyclinic
