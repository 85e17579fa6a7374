#include "study/join.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.hpp"
#include "study/asked_runs.hpp"
#include "study/values.hpp"
#include "world/world.hpp"

namespace polyclinic {

namespace {

// Of one run, by hospital.
std::vector<MeasuredValue> values_of(const ArmResult& arm,
                                     const std::vector<JoinReport::Hospital>& hospitals,
                                     const std::string& metric) {
  std::vector<MeasuredValue> values(hospitals.size());
  for (MeasuredValue& value : values) value.reason = "it is not among those that are measured";
  for (const HospitalMetrics& measured : arm.hospitals) {
    const auto it = std::find_if(hospitals.begin(), hospitals.end(),
                                 [&](const auto& h) { return h.id == measured.hospital; });
    if (it == hospitals.end()) continue;
    for (const auto& [name, value] : measured.metrics) {
      if (name == metric) values[static_cast<std::size_t>(it - hospitals.begin())] = value;
    }
  }
  return values;
}

class Asker {
 public:
  Asker(const JoinOptions& options, const LoadStudy& load)
      : o_(options), runs_(load, std::max(1, options.threads), options.interrupt) {}

  JoinReport ask() {
    begin();
    found_.runs.resize(static_cast<std::size_t>(found_.seeds));
    for (std::size_t r = 0; r < found_.runs.size(); ++r) {
      found_.runs[r].seed = found_.first_seed + r;
      found_.runs[r].values.resize(found_.hospitals.size());
    }
    // both federations of a seed side by side
    runs_.for_each(
        2 * found_.runs.size(), [&](std::size_t i) { train(found_.runs[i / 2], i % 2 == 0); },
        [this] {
          ++ended_;
          if (o_.progress) o_.progress(ended_);
        });
    summarise();
    return std::move(found_);
  }

 private:
  void begin() {
    const LoadedStudy loaded =
        runs_.first(o_.file, o_.seed,
                    "a hospital joins the federation of one scenario: give a file that returns a "
                    "scenario");
    const StudyArm& arm = loaded.spec.arms.front();
    found_.file = o_.file;
    found_.title = loaded.spec.title;
    found_.hospital = o_.hospital;
    found_.first_seed = arm.spec.seed;
    found_.seeds = o_.seeds;
    const World world(arm.spec, loaded.script.get(), RunOptions());
    take_hospitals(world);
    take_metric(world.measured_values());
  }

  void take_hospitals(const World& world) {
    std::vector<std::string> names;
    const WorldDescription described = world.describe(kDescribedMost);
    for (const HospitalProfile& profile : described.hospitals) {
      if (profile.role != HospitalRole::member) continue;
      found_.hospitals.emplace_back();
      found_.hospitals.back().id = profile.id;
      found_.hospitals.back().name = profile.name;
      names.push_back(profile.name);
    }
    const auto it = std::find(names.begin(), names.end(), o_.hospital);
    if (it == names.end()) {
      constexpr std::size_t kNamedMost = 20;
      const std::string near = did_you_mean(o_.hospital, names);
      const bool more = names.size() > kNamedMost;
      if (more) names.resize(kNamedMost);
      const std::string looked_at = described.members > kDescribedMost
                                        ? fmt::format("\nof {} members the first {} are looked at",
                                                      described.members, kDescribedMost)
                                        : "";
      throw ScenarioError({}, fmt::format("no member is called '{}'", o_.hospital),
                          (near.empty() ? "" : near + "\n") + "members from the beginning are " +
                              join_names(names) + (more ? " ..." : "") + looked_at);
    }
    if (names.size() == 1) {
      throw ScenarioError({}, fmt::format("nobody takes part but '{}'", o_.hospital),
                          "a federation to join has at least one other member");
    }
    found_.joiner = static_cast<std::size_t>(it - names.begin());
  }

  void take_metric(const std::vector<std::string>& measured) {
    found_.metric = o_.metric;
    if (found_.metric.empty() && !measured.empty()) found_.metric = measured.front();
    if (std::find(measured.begin(), measured.end(), found_.metric) != measured.end()) {
      return refuse_without_direction(found_.metric);
    }
    const std::string near = did_you_mean(found_.metric, measured);
    throw ScenarioError({}, fmt::format("'{}' is no value of a hospital", found_.metric),
                        (near.empty() ? "" : near + "\n") + "there are " + join_names(measured));
  }

  void train(JoinReport::Seed& seed, bool with) {
    runs_.run(
        seed.seed, fmt::format("the federation {} {}", with ? "with" : "without", o_.hospital),
        "both must run for their difference to be known",
        [&](WorldSpec& spec) {
          if (!with) return spec.absent.push_back(o_.hospital);
          Part alone;
          alone.kind = "baseline";
          alone.name = "local_only";
          set_baselines(spec.scenario, List{Value(std::move(alone))});
        },
        // the two federations of a seed write different fields
        [&](const RunResult& result) {
          with ? take_with(result, seed) : take_without(result, seed);
        });
  }

  void take_with(const RunResult& result, JoinReport::Seed& seed) {
    const std::vector<MeasuredValue> with =
        values_of(result.federated, found_.hospitals, found_.metric);
    const std::vector<MeasuredValue> alone =
        values_of(result.baselines.front(), found_.hospitals, found_.metric);
    for (std::size_t i = 0; i < with.size(); ++i) {
      seed.values[i].with = with[i].value;
      seed.values[i].alone = alone[i].value;
      seed.values[i].reason = with[i].value ? "" : with[i].reason;
    }
    seed.with_s = result.ended.seconds();
    seed.with_bytes = result.bytes_up + result.bytes_down;
    seed.with_versions = result.versions;
    for (const HospitalAccount& account : result.hospitals) {
      if (account.hospital == found_.hospitals[found_.joiner].id) take_cost(account, seed);
    }
    if (result.privacy) {
      for (const PrivacyAccount& account : result.privacy->hospitals) {
        if (account.hospital == found_.hospitals[found_.joiner].id) seed.epsilon = account.spent;
      }
    }
    if (seed.seed != found_.first_seed) return;
    // one run has this seed: nobody else writes here
    take_direction(result);
    for (const HospitalAccount& account : result.hospitals) {
      for (JoinReport::Hospital& hospital : found_.hospitals) {
        if (hospital.id != account.hospital) continue;
        hospital.train_rows = account.train_rows;
        hospital.attacker = account.attacker;
      }
    }
  }

  static void take_cost(const HospitalAccount& account, JoinReport::Seed& seed) {
    seed.train_rows = account.train_rows;
    seed.invitations = account.invitations;
    seed.participations = account.participations;
    seed.bytes_up = account.bytes_up;
    seed.bytes_down = account.bytes_down;
    seed.busy_s = account.busy.seconds();
  }

  void take_without(const RunResult& result, JoinReport::Seed& seed) const {
    const std::vector<MeasuredValue> without =
        values_of(result.federated, found_.hospitals, found_.metric);
    for (std::size_t i = 0; i < without.size(); ++i) seed.values[i].without = without[i].value;
    seed.without_s = result.ended.seconds();
    seed.without_bytes = result.bytes_up + result.bytes_down;
    seed.without_versions = result.versions;
  }

  void take_direction(const RunResult& result) {
    metrics::Better better = metrics::Better::neither;
    for (const MeasuredAverages& averages : result.federated.averages) {
      if (averages.metric == found_.metric) better = averages.better;
    }
    if (better != metrics::Better::larger && better != metrics::Better::smaller) {
      throw RunError({}, fmt::format("of {} nobody can say whether more is better", found_.metric));
    }
    found_.smaller_is_better = better == metrics::Better::smaller;
  }

  // --- what the seeds say together

  [[nodiscard]] Spread spread(const std::vector<double>& values) {
    // no run has this replication; no two bootstraps draw from one address
    constexpr std::uint64_t kOfTheStudy = ~std::uint64_t{0};
    return spread_of(
        values, Stream(make_run_key(found_.first_seed, kOfTheStudy), Purpose::kInterval, place_++));
  }

  // What `value` makes of each seed; a seed of which it makes nothing is left out.
  template <class ValueOf>
  Spread over_seeds(ValueOf value) {
    std::vector<double> values;
    values.reserve(found_.runs.size());
    for (const JoinReport::Seed& seed : found_.runs) {
      if (const std::optional<double> one = value(seed)) values.push_back(*one);
    }
    return spread(values);
  }

  template <class ValueOf>
  void add(const char* name, const std::string& unit, bool paired, ValueOf value) {
    found_.quantities.push_back({name, unit, paired, over_seeds(value)});
  }

  // More is better of a gain, whatever it is of the metric.
  [[nodiscard]] std::optional<double> gain(const std::optional<double>& to,
                                           const std::optional<double>& from) const {
    if (!to || !from) return std::nullopt;
    return found_.smaller_is_better ? *from - *to : *to - *from;
  }

  [[nodiscard]] bool other(std::size_t i) const {
    return i != found_.joiner && !found_.hospitals[i].attacker;
  }

  // Gains of the others under one seed.
  [[nodiscard]] std::vector<double> gains(const JoinReport::Seed& seed) const {
    std::vector<double> values;
    for (std::size_t i = 0; i < seed.values.size(); ++i) {
      if (!other(i)) continue;
      const auto one = gain(seed.values[i].with, seed.values[i].without);
      if (one) values.push_back(*one);
    }
    return values;
  }

  // Of the worst-off of the others that have a value with and without; the two may be two.
  [[nodiscard]] std::optional<double> worst(const JoinReport::Seed& seed, bool with) const {
    std::optional<double> found;
    for (std::size_t i = 0; i < seed.values.size(); ++i) {
      const JoinReport::Values& values = seed.values[i];
      if (!other(i) || !values.with || !values.without) continue;
      const double one = with ? *values.with : *values.without;
      if (!found) found = one;
      found = found_.smaller_is_better ? std::max(*found, one) : std::min(*found, one);
    }
    return found;
  }

  void summarise() {
    for (std::size_t i = 0; i < found_.hospitals.size(); ++i) {
      JoinReport::Hospital& hospital = found_.hospitals[i];
      hospital.with = over_seeds([&](const auto& seed) { return seed.values[i].with; });
      hospital.without = over_seeds([&](const auto& seed) { return seed.values[i].without; });
      hospital.gain = over_seeds(
          [&](const auto& seed) { return gain(seed.values[i].with, seed.values[i].without); });
    }
    const auto own = [this](const JoinReport::Seed& seed) -> const JoinReport::Values& {
      return seed.values[found_.joiner];
    };
    const std::string& metric = found_.metric;
    add("with", metric, false, [&](const auto& seed) { return own(seed).with; });
    add("alone", metric, false, [&](const auto& seed) { return own(seed).alone; });
    add("without", metric, false, [&](const auto& seed) { return own(seed).without; });
    add("gain_over_alone", metric, true,
        [&](const auto& seed) { return gain(own(seed).with, own(seed).alone); });
    add("gain_over_without", metric, true,
        [&](const auto& seed) { return gain(own(seed).with, own(seed).without); });
    add_others();
    add_costs();
  }

  void add_others() {
    using Seed = JoinReport::Seed;
    const std::string& metric = found_.metric;
    add("others_mean_gain", metric, true, [&](const Seed& seed) -> std::optional<double> {
      const std::vector<double> all = gains(seed);
      if (all.empty()) return std::nullopt;
      return statistics::mean(all);
    });
    add("others_worst_gain", metric, true,
        [&](const Seed& seed) { return gain(worst(seed, true), worst(seed, false)); });
    add("others_least_gain", metric, true, [&](const Seed& seed) -> std::optional<double> {
      const std::vector<double> all = gains(seed);
      if (all.empty()) return std::nullopt;
      return *std::min_element(all.begin(), all.end());
    });
  }

  void add_costs() {
    using Seed = JoinReport::Seed;
    const auto count = [this](const char* name, const char* unit, std::int64_t Seed::*field) {
      add(name, unit, false, [field](const Seed& seed) -> std::optional<double> {
        return static_cast<double>(seed.*field);
      });
    };
    count("bytes_up", "bytes", &Seed::bytes_up);
    count("bytes_down", "bytes", &Seed::bytes_down);
    add("busy", "s", false, [](const Seed& seed) { return std::optional(seed.busy_s); });
    count("invitations", "count", &Seed::invitations);
    count("participations", "count", &Seed::participations);
    add("epsilon", "epsilon", false, [](const Seed& seed) { return seed.epsilon; });
    add("federation_time", "s", false, [](const Seed& seed) { return std::optional(seed.with_s); });
    add("federation_extra_time", "s", true,
        [](const Seed& seed) { return std::optional(seed.with_s - seed.without_s); });
    add("federation_extra_bytes", "bytes", true, [](const Seed& seed) {
      return std::optional(static_cast<double>(seed.with_bytes - seed.without_bytes));
    });
    add("federation_extra_versions", "versions", true, [](const Seed& seed) {
      return std::optional(static_cast<double>(seed.with_versions - seed.without_versions));
    });
  }

  const JoinOptions& o_;
  AskedRuns runs_;
  JoinReport found_;
  std::int64_t ended_ = 0;
  std::uint64_t place_ = 0;
};

}  // namespace

const JoinReport::Quantity& JoinReport::quantity(std::string_view name) const {
  const auto it = std::find_if(quantities.begin(), quantities.end(),
                               [&](const Quantity& q) { return q.name == name; });
  ENSURE(it != quantities.end(), "every report has every quantity");
  return *it;
}

std::optional<JoinReport> ask_join(const JoinOptions& options, const LoadStudy& load) {
  try {
    return Asker(options, load).ask();
  } catch (const Interrupted&) {
    return std::nullopt;
  }
}

}  // namespace polyclinic
