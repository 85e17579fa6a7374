// Changes of data that a timeline begins: of a hospital, of a region's hospitals, of all. What is
// measured around each says what it did to the model: the same model before and after, and the
// last.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/check.hpp"
#include "world/world_impl.hpp"

namespace polyclinic {

namespace {

constexpr Handler kDataChange = Handler("data change", [](void* world, std::uint64_t which) {
  static_cast<World::Impl*>(world)->on_data_change(which);
});
constexpr Handler kWavePeak = Handler("wave's height", [](void* world, std::uint64_t which) {
  static_cast<World::Impl*>(world)->on_wave_peak(which);
});
constexpr Handler kWaveOver = Handler("wave over", [](void* world, std::uint64_t which) {
  static_cast<World::Impl*>(world)->on_wave_over(which);
});

Call call_of(const Handler& handler, World::Impl& world, std::uint64_t which) {
  Call call;
  call.handler = &handler;
  call.context = &world;
  call.argument = which;
  return call;
}

// Where in the order a wave begins.
std::int64_t place_of(const Part& part, const std::vector<std::string>& names, const char* what) {
  const Value* from = part.find("from");
  if (from == nullptr) return 0;
  const std::string& asked = from->as<std::string>();
  const auto found = std::find(names.begin(), names.end(), asked);
  if (found != names.end()) return found - names.begin();
  std::string hint = did_you_mean(asked, names);
  if (!hint.empty()) hint += "\n";
  if (names.size() <= 30) hint += "it reaches " + join_names(names);
  throw part.mistake("from", fmt::format("the wave reaches no {} \"{}\"", what, asked), hint);
}

}  // namespace

void World::Impl::change_data(std::string_view hospital, const Part& change) {
  begin_change({find_hospital(hospital)}, std::string(hospital), change);
}

void World::Impl::change_data_in(std::string_view region, const Part& change) {
  std::vector<HospitalId> hospitals;
  for (std::int64_t i = 0; i < population->count(); ++i) {
    const HospitalId id{static_cast<std::uint32_t>(i)};
    if (population->profile(id).region == region) hospitals.push_back(id);
  }
  begin_change(std::move(hospitals), std::string(region), change);
}

void World::Impl::change_all_data(const Part& change) {
  std::vector<HospitalId> hospitals;
  for (std::int64_t i = 0; i < population->count(); ++i) {
    hospitals.push_back({static_cast<std::uint32_t>(i)});
  }
  begin_change(std::move(hospitals), "everywhere", change);
}

// Those that a wave reaches, in their order.
std::vector<std::string> World::Impl::regions_of(const std::vector<HospitalId>& hospitals,
                                                 const Part& wave) const {
  std::set<std::string> reached;
  for (const HospitalId id : hospitals) {
    const std::string region = population->profile(id).region;
    if (region.empty()) {
      throw wave.mistake(
          "by",
          fmt::format("the wave goes from region to region, and {} is in none",
                      population->name(id)),
          "group { region = \"EU\", count = 5 } gives hospitals a region; or by = \"hospital\"");
    }
    reached.insert(region);
  }
  std::vector<std::string> names = regions();
  std::erase_if(names, [&](const std::string& name) { return !reached.contains(name); });
  return names;
}

// A wave travels from hospital to hospital, or from region to region, in their order and round
// again to those before the first.
ChangeReach World::Impl::reach_of(std::vector<HospitalId> hospitals, const Part& part) const {
  ChangeReach reach;
  reach.hospitals = std::move(hospitals);
  if (part.name != "wave") return reach;
  reach.delay = part.time("delay");
  const bool by_region = part.text("by") == "region";
  std::vector<std::string> names =
      by_region ? regions_of(reach.hospitals, part) : std::vector<std::string>();
  std::vector<std::int64_t> place;
  for (const HospitalId id : reach.hospitals) {
    if (by_region) {
      const std::string region = population->profile(id).region;
      place.push_back(std::find(names.begin(), names.end(), region) - names.begin());
    } else {
      place.push_back(std::ssize(names));
      names.push_back(population->name(id));
    }
  }
  const std::int64_t first = place_of(part, names, by_region ? "region" : "hospital");
  const auto n = std::ssize(names);
  if (reach.delay.ns > kTimeMax.ns / std::max<std::int64_t>(1, n)) {
    throw part.mistake("delay", "the wave would reach the last one after more than 100 years");
  }
  for (const std::int64_t p : place) {
    reach.places.push_back(static_cast<std::int32_t>((p - first + n) % n));
  }
  return reach;
}

void World::Impl::begin_change(std::vector<HospitalId> hospitals, std::string who,
                               const Part& part) {
  const DataFacts facts = cohort->facts();
  Changing one;
  one.change = read_change(part, facts);
  const bool others = one.change.log_odds != 0 || !one.change.mix.empty();
  if (others && !facts.makes_patients && privacy && !privacy->of_sums()) {
    throw part.mistake("",
                       fmt::format("change.wave draws patients of a table with repetition, and "
                                   "privacy.{} counts each once",
                                   spec.scenario.part("privacy")->name),
                       "cohort.ehr makes the patients of a wave");
  }
  one.reach = reach_of(std::move(hospitals), part);
  one.who = std::move(who);
  changing.push_back(std::move(one));
  sim.schedule(sim.now(), Priority::command, call_of(kDataChange, *this, changing.size() - 1));
}

// Whether hospitals have other data than those that were measured last.
bool World::Impl::data_moved() const {
  return data_epochs.moved_since(measured_at, measured_changes);
}

// Means of the newest model's metrics over the hospitals where the change began.
void World::Impl::measure_change(DataChangeRecord& record,
                                 std::optional<double> DataChangeRecord::Value::*to) {
  std::optional<ArmResult> fresh;
  const bool known = measured_version == versions->current() && !data_moved();
  if (!known) fresh = evaluate_federation(Measurement::Groups::no);
  if (!known && !fresh) return;  // interrupted
  const ArmResult& arm = known ? result.federated : *fresh;
  for (const MeasuredAverages& averages : arm.averages) {
    double sum = 0;
    double n = 0;
    for (const HospitalMetrics& hospital : arm.hospitals) {
      const auto& among = record.evaluated;
      if (!std::binary_search(among.begin(), among.end(), hospital.hospital)) continue;
      for (const auto& [metric, value] : hospital.metrics) {
        if (metric != averages.metric || !value.value) continue;
        sum += *value.value;
        n += 1;
      }
    }
    auto found = std::find_if(record.values.begin(), record.values.end(),
                              [&](const auto& value) { return value.metric == averages.metric; });
    if (found == record.values.end()) {
      record.values.push_back({averages.metric, {}, {}, {}});
      found = std::prev(record.values.end());
    }
    if (n > 0) (*found).*to = sum / n;
    fingerprint.results.number(n > 0 ? sum / n : -1.0);
  }
}

void World::Impl::on_data_change(std::uint64_t which) {
  if (ended) return;
  Changing& one = changing[which];
  DataChangeRecord record;
  record.at = sim.now();
  record.who = one.who;
  record.text = one.change.text;
  record.hospitals = std::ssize(one.reach.hospitals);
  record.version = versions->current();
  for (std::size_t i = 0; i < one.reach.hospitals.size(); ++i) {
    const HospitalId id = one.reach.hospitals[i];
    const bool first = one.reach.places.empty() || one.reach.places[i] == 0;
    const bool seen = is_among(evaluated, id) || is_among(external, id);
    if (first && seen) record.evaluated.push_back(id);
  }
  measure_change(record, &DataChangeRecord::Value::before);
  data_epochs.add(one.change, one.reach);
  const bool wave = one.change.kind == DataChange::Kind::wave;
  const bool single = one.reach.hospitals.size() == 1;
  std::string text = one.change.text;
  if (!single) text = fmt::format("{}, {} hospitals: {}", one.who, record.hospitals, text);
  happened(wave ? HappeningKind::wave_began : HappeningKind::data_changed,
           single ? std::optional(one.reach.hospitals.front()) : std::nullopt, std::move(text));
  one.record = result.data_changes.size();
  result.data_changes.push_back(std::move(record));
  if (!wave) return on_wave_peak(which);
  sim.schedule(sim.now() + one.change.peak(), Priority::command, call_of(kWavePeak, *this, which));
  const std::int64_t last_ns = one.reach.delay.ns * one.reach.last_place();
  const TimeNs until = sim.now() + one.change.whole();
  if (until <= kTimeMax && last_ns <= kTimeMax.ns) {
    sim.schedule(until + TimeNs{last_ns}, Priority::command, call_of(kWaveOver, *this, which));
  }
}

// What does not pass is at its height at once.
void World::Impl::on_wave_peak(std::uint64_t which) {
  if (ended) return;
  DataChangeRecord& record = result.data_changes[changing[which].record];
  record.after_at = sim.now();
  record.after_version = versions->current();
  measure_change(record, &DataChangeRecord::Value::after);
  if (changing[which].change.kind != DataChange::Kind::wave) return;
  happened(HappeningKind::wave_peak, std::nullopt, record.who);
}

void World::Impl::on_wave_over(std::uint64_t which) {
  if (ended) return;
  happened(HappeningKind::wave_over, std::nullopt, changing[which].who);
}

void World::Impl::finish_changes() {
  if (result.data_changes.empty()) return;
  for (DataChangeRecord& record : result.data_changes) {
    if (!result.interrupted) measure_change(record, &DataChangeRecord::Value::end);
  }
  result.remarks.push_back(
      "data changed: every measurement is of patients as they are at its time, the last and the "
      "references of those at the end (references are trained on those, too); preparations of "
      "hospitals stay as they were fitted unless change.standardisation fits them anew");
  if (!result.oracle) return;
  result.remarks.push_back("the achievable AUROC is that of the patients of the beginning");
}

}  // namespace polyclinic
