#include "net/population.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include "base/check.hpp"
#include "base/draw.hpp"
#include "base/math.hpp"
#include "base/plain_text.hpp"
#include "net/availability_kinds.hpp"
#include "net/hospital_names.hpp"
#include "net/hospital_settings.hpp"
#include "net/schema_help.hpp"

namespace polyclinic {

namespace {

constexpr std::int64_t kCountDefault = 8;
// Of so many hospitals is the availability made before the run starts, to find mistakes in it.
constexpr std::int64_t kAvailabilitiesChecked = 10'000;
// The random words of a hospital that are drawn by themselves, in a lane of their own.
constexpr std::uint64_t kOwnLane = 1;

// Links, machines and sizes are kept where everything behind them can compute, whatever a law with
// a monstrous spread draws.
constexpr double kLeast = 1;
constexpr double kMost = 1e15;
constexpr double kLossMost = 0.99;

TimeNs time_of(double ns) {
  return {std::llround(std::clamp(ns, 0.0, static_cast<double>(kTimeMax.ns)))};
}

// What a population is drawn from: everything that costs memory, none of it per hospital.
struct PopulationRules {
  struct Group {
    std::int64_t first = 0;
    HospitalRule rule;
  };
  RunKey run;
  std::int64_t count = 0;
  HospitalNames names;
  std::vector<Group> groups;  // by first hospital
  std::map<std::uint32_t, HospitalRule> sites;
  std::vector<double> size_ranks;  // by hospital; empty: sizes are drawn
};

class DrawnPopulation final : public Population {
 public:
  explicit DrawnPopulation(PopulationRules rules) : rules_(std::move(rules)) {
    const auto look = [&](const HospitalRule& rule) {
      for (const HospitalSettings& kind : rule) {
        all_members_ = all_members_ && kind.role == HospitalRole::member;
      }
    };
    for (const PopulationRules::Group& group : rules_.groups) look(group.rule);
    for (const auto& [id, rule] : rules_.sites) look(rule);
  }

  [[nodiscard]] std::int64_t count() const override { return rules_.count; }
  [[nodiscard]] HospitalProfile profile(HospitalId id) const override;
  [[nodiscard]] std::string name(HospitalId id) const override { return rules_.names.name(id); }
  [[nodiscard]] std::optional<HospitalId> find(std::string_view name) const override {
    return rules_.names.find(name);
  }
  [[nodiscard]] std::vector<std::string> regions() const override;
  [[nodiscard]] HospitalRole role(HospitalId id) const override;
  [[nodiscard]] TimeNs overhead(HospitalId id, std::int64_t round) const override;

 private:
  [[nodiscard]] const HospitalSettings& settings(HospitalId id, Stream& own) const;
  [[nodiscard]] Ranks ranks(const HospitalSettings& settings, HospitalId id) const {
    std::optional<double> size;
    if (!rules_.size_ranks.empty()) size = rules_.size_ranks[id.value];
    return draw_ranks(settings, rules_.run, id, size);
  }

  PopulationRules rules_;
  bool all_members_ = true;
};

double quantile(const Distribution& law, const Ranks& ranks, Ranked which) {
  return law.quantile(ranks[static_cast<std::size_t>(which)]);
}

double amount(const Distribution& law, const Ranks& ranks, Ranked which) {
  return std::clamp(quantile(law, ranks, which), kLeast, kMost);
}

// Settings of one hospital; `own` is left behind the word that chooses among the kinds of its rule.
const HospitalSettings& DrawnPopulation::settings(HospitalId id, Stream& own) const {
  ENSURE(id.value < rules_.count, "a hospital of this population");
  const double chosen = own.uniform();
  const auto site = rules_.sites.find(id.value);
  const auto after = std::upper_bound(
      rules_.groups.begin(), rules_.groups.end(), static_cast<std::int64_t>(id.value),
      [](std::int64_t value, const PopulationRules::Group& group) { return value < group.first; });
  const HospitalRule& rule = site != rules_.sites.end() ? site->second : std::prev(after)->rule;
  double sum = 0;
  for (const HospitalSettings& kind : rule) {
    sum += kind.share;
    if (chosen < sum) return kind;
  }
  return rule.back();
}

std::vector<std::string> DrawnPopulation::regions() const {
  std::set<std::string> regions;
  const auto add = [&](const HospitalRule& rule) {
    for (const HospitalSettings& kind : rule) regions.insert(kind.region);
  };
  for (const auto& group : rules_.groups) add(group.rule);
  for (const auto& [id, rule] : rules_.sites) add(rule);
  return {regions.begin(), regions.end()};
}

HospitalRole DrawnPopulation::role(HospitalId id) const {
  if (all_members_) return HospitalRole::member;
  Stream own(rules_.run, Purpose::kHospital, id.value, 0, kOwnLane);
  return settings(id, own).role;
}

HospitalProfile DrawnPopulation::profile(HospitalId id) const {
  Stream own(rules_.run, Purpose::kHospital, id.value, 0, kOwnLane);
  const HospitalSettings& s = settings(id, own);
  const Ranks ranks = this->ranks(s, id);
  HospitalProfile p;
  p.id = id;
  p.name = rules_.names.name(id);
  p.region = s.region;
  p.profile = s.profile;
  p.role = s.role;
  p.patients = std::llround(amount(s.patients, ranks, Ranked::size));
  p.speed_flops = amount(s.speed, ranks, Ranked::speed);
  p.up_bytes_per_s = amount(s.uplink, ranks, Ranked::uplink);
  p.down_bytes_per_s = amount(s.downlink, ranks, Ranked::downlink);
  p.latency = time_of(quantile(s.latency, ranks, Ranked::latency));
  p.loss = std::clamp(s.loss.draw(own), 0.0, kLossMost);
  p.overhead_median = time_of(quantile(s.overhead, ranks, Ranked::overhead));
  p.overhead_spread = s.jitter;
  p.window = s.window;
  p.approval = time_of(s.approval.draw(own));
  p.prevalence_rank = ranks[static_cast<std::size_t>(Ranked::prevalence)];
  p.case_mix_rank = s.case_mix.value_or(ranks[static_cast<std::size_t>(Ranked::case_mix)]);
  p.prevalence = s.prevalence;
  p.availability = s.availability;
  return p;
}

TimeNs DrawnPopulation::overhead(HospitalId id, std::int64_t round) const {
  Stream own(rules_.run, Purpose::kHospital, id.value, 0, kOwnLane);
  const HospitalSettings& s = settings(id, own);
  const double median_ns = quantile(s.overhead, ranks(s, id), Ranked::overhead);
  Stream habit(rules_.run, Purpose::kHabit, id.value, static_cast<std::uint64_t>(round));
  return time_of(median_ns * math::exp(s.jitter * draw::normal(habit)));
}

std::vector<std::string> names_of(const Part& part) {
  std::vector<std::string> names;
  for (const Value& value : part.list("names")) names.push_back(value.as<std::string>());
  return names;
}

// Reads the parts `hospitals`, `group` and the sites.
class PopulationBuilder {
 public:
  PopulationBuilder(const Part& part, const PopulationContext& context)
      : part_(part), context_(context) {
    rules_.run = context.run;
  }

  std::unique_ptr<Population> build() {
    refuse_what_data_say(part_);
    const bool grouped = !part_.list("groups").empty();
    if (grouped) {
      add_groups();
    } else {
      add_everyone();
    }
    name_hospitals(grouped);
    add_sites();
    rank_sizes();
    const bool described = any_availability();
    auto population = std::make_unique<DrawnPopulation>(std::move(rules_));
    if (described) check_availabilities(*population);
    return population;
  }

 private:
  void add_everyone() {
    const std::size_t names = context_.data_names.empty() ? names_of(part_).size() : 0;
    std::int64_t count = kCountDefault;
    if (part_.find("count")) {
      count = part_.integer("count");
    } else if (!context_.data_names.empty()) {
      count = static_cast<std::int64_t>(context_.data_names.size());
    } else if (names > 0) {
      count = static_cast<std::int64_t>(names);
    }
    if (names > 0) check_name_count(part_, count);
    rules_.count = count;
    rules_.groups.push_back({0, make_rule({&part_})});
    if (names > 0) given_.emplace_back(0, names_of(part_));
  }

  void add_groups() {
    for (const Value& value : part_.list("groups")) {
      const Part& group = *value.part();
      refuse_what_data_say(group);
      const std::vector<std::string> names = names_of(group);
      auto count = static_cast<std::int64_t>(names.size());
      if (group.find("count")) count = group.integer("count");
      if (count == 0) {
        throw group.mistake("count", "group: it does not say how many hospitals it has",
                            "give count = 5, or names = { \"Lyon\", \"Oslo\" }");
      }
      if (!names.empty()) {
        check_name_count(group, count);
        given_.emplace_back(rules_.count, names);
      }
      rules_.groups.push_back({rules_.count, make_rule({&part_, &group})});
      group_parts_.push_back(&group);
      rules_.count += count;
    }
    if (part_.find("count") && part_.integer("count") != rules_.count) {
      throw part_.mistake("count",
                          fmt::format("hospitals: 'count' is {}, but the groups have {} together",
                                      part_.integer("count"), rules_.count),
                          "leave count out: the groups say it");
    }
    if (!names_of(part_).empty()) {
      throw part_.mistake("names", "hospitals: with groups, names are given in the groups");
    }
  }

  static void check_name_count(const Part& part, std::int64_t count) {
    const std::size_t names = part.list("names").size();
    if (count == static_cast<std::int64_t>(names)) return;
    throw part.mistake(
        "names", fmt::format("{}: 'count' is {}, but 'names' has {}", part.kind, count, names),
        "leave count out, or give as many names");
  }

  void name_hospitals(bool grouped) {
    HospitalNames names(rules_.count);
    if (!context_.data_names.empty()) {
      use_data_names();
    } else if (given_.empty() && !grouped) {
      use_site_names();
    }
    for (const auto& [first, block] : given_) {
      for (std::size_t i = 0; i < block.size(); ++i) {
        check_name(block[i]);
        names.give(HospitalId{static_cast<std::uint32_t>(first) + static_cast<std::uint32_t>(i)},
                   block[i]);
      }
    }
    if (const auto twice = names.close()) {
      throw part_.mistake("names", fmt::format("two hospitals have the name '{}'", *twice),
                          HospitalNames::looks_made(*twice)
                              ? "hospitals without a name are called that: give another name"
                              : "give each hospital a name of its own");
    }
    rules_.names = std::move(names);
  }

  // Names stand in tables and messages.
  void check_name(const std::string& name) const {
    const char* hint = "a name is one line of text";
    if (name.empty()) throw part_.mistake("names", "hospitals: a name is empty", hint);
    if (!is_plain(name)) {
      throw part_.mistake("names", not_plain("hospitals: a name", name), hint);
    }
  }

  void use_data_names() {
    const auto count = static_cast<std::int64_t>(context_.data_names.size());
    // saying again what the data say is no mistake
    const bool same =
        given_.empty() && (!part_.find("names") || names_of(part_) == context_.data_names);
    if (!same) {
      throw part_.mistake("names", "hospitals: the data name the hospitals, 'names' cannot too",
                          "the data have " + join_names(context_.data_names));
    }
    if (count != rules_.count) {
      throw part_.mistake(
          "count",
          fmt::format("hospitals: there are to be {}, but the data have {}", rules_.count, count),
          "the data have " + join_names(context_.data_names));
    }
    given_ = {{0, context_.data_names}};
  }

  // Where nobody names the hospitals, those of `site` are the first ones, in alphabetical order.
  void use_site_names() {
    std::vector<std::string> names;
    for (const auto& [name, fields] : sites()) {
      if (!HospitalNames::looks_made(name)) names.push_back(name);
    }
    if (names.empty()) return;
    std::sort(names.begin(), names.end());
    if (static_cast<std::int64_t>(names.size()) > rules_.count) {
      throw part_.mistake("site",
                          fmt::format("hospitals: 'site' names {} hospitals, but there are {}",
                                      names.size(), rules_.count),
                          "raise count");
    }
    given_ = {{0, std::move(names)}};
  }

  [[nodiscard]] Table sites() const {
    const Value* value = part_.find("site");
    return value ? value->as<Table>() : Table{};
  }

  void add_sites() {
    std::vector<Mistake> mistakes;
    for (const auto& [name, fields] : sites()) {
      const auto id = rules_.names.find(name);
      if (!id) {
        mistakes.push_back(unknown_site(name));
        continue;
      }
      std::vector<FieldValue> given;
      for (const auto& [field, value] : fields.as<Table>()) {
        given.push_back({field, value, part_.where_of("site"), true});
      }
      const std::size_t before = mistakes.size();
      Part site = site_schema(name).resolve(std::move(given), part_.where_of("site"), mistakes);
      if (mistakes.size() > before) continue;
      refuse_what_data_say(site);
      rules_.sites[id->value] = make_rule(layers_of(*id, site));
    }
    if (!mistakes.empty()) throw ScenarioError(std::move(mistakes));
  }

  [[nodiscard]] std::vector<const Part*> layers_of(HospitalId id, const Part& site) const {
    std::vector<const Part*> layers = {&part_};
    for (std::size_t i = group_parts_.size(); i-- > 0;) {
      if (rules_.groups[i].first > id.value) continue;
      layers.push_back(group_parts_[i]);
      break;
    }
    layers.push_back(&site);
    return layers;
  }

  // A field that the cohort does not look at would be believed.
  void refuse_what_data_say(const Part& part) const {
    if (!context_.data_rows.empty() && part.given("patients")) {
      throw part.mistake("patients",
                         fmt::format("{}: 'patients' decides nothing here: the tables say how many "
                                     "patients a hospital has",
                                     part.kind),
                         "leave it out; partition.quantity deals rows out unevenly");
    }
    if (context_.outcome_follows) return;
    const std::string hint = "leave it out; cohort.ehr makes patients to such wishes";
    for (const char* name : {"prevalence", "case_mix"}) {
      if (part.given(name)) {
        throw part.mistake(
            name, fmt::format("{}: this cohort's patients do not follow '{}'", part.kind, name),
            hint);
      }
      const Value* follows = part.given("size_follows") ? part.find("size_follows") : nullptr;
      if (follows == nullptr) continue;
      for (const auto& [key, value] : follows->as<Table>()) {
        if (key != name) continue;
        throw part.mistake(
            "size_follows",
            fmt::format("{}: this cohort's patients do not follow '{}', so it cannot "
                        "follow size",
                        part.kind, name),
            hint);
      }
    }
  }

  // The middle of the ranks that hospitals with so many rows share, in (0, 1).
  void rank_sizes() {
    if (context_.data_rows.empty()) return;
    ENSURE(static_cast<std::int64_t>(context_.data_rows.size()) == rules_.count,
           "the data have rows for each hospital");
    std::vector<std::int64_t> sorted = context_.data_rows;
    std::sort(sorted.begin(), sorted.end());
    for (const std::int64_t rows : context_.data_rows) {
      const auto [first, last] = std::equal_range(sorted.begin(), sorted.end(), rows);
      const auto middle = static_cast<double>((first - sorted.begin()) + (last - sorted.begin()));
      rules_.size_ranks.push_back(middle / 2 / static_cast<double>(sorted.size()));
    }
  }

  [[nodiscard]] Mistake unknown_site(const std::string& name) const {
    const HospitalNames& names = rules_.names;
    std::vector<std::string> known = names.given();
    std::string hint = did_you_mean(name, known);
    if (!hint.empty()) hint += '\n';
    constexpr std::size_t kShown = 20;
    if (known.empty() || HospitalNames::looks_made(name)) {
      const auto last = static_cast<std::uint32_t>(rules_.count - 1);
      hint += fmt::format("hospitals without a name are called {} to {}", names.made({0}),
                          names.made({last}));
    } else {
      const bool more = known.size() > kShown;
      if (more) known.resize(kShown);
      hint += "they are " + join_names(known) + (more ? ", ..." : "");
    }
    return {part_.where_of("site"),
            fmt::format("hospitals: 'site' names '{}', who is not there", name), hint};
  }

  [[nodiscard]] bool any_availability() const {
    const auto described = [](const HospitalRule& rule) {
      return std::any_of(rule.begin(), rule.end(), [](const HospitalSettings& kind) {
        const List* list = kind.availability.get_if<List>();
        return kind.availability.part() || (list && !list->empty());
      });
    };
    // whether there is one is the same in any order
    return std::any_of(rules_.groups.begin(), rules_.groups.end(),
                       [&](const auto& group) { return described(group.rule); }) ||
           std::any_of(rules_.sites.begin(), rules_.sites.end(),
                       [&](const auto& site) { return described(site.second); });
  }

  // A trace that does not know a hospital, days that are none: found before the run, not in the
  // middle of it.
  void check_availabilities(const Population& population) const {
    TraceFiles files;
    const auto checked =
        static_cast<std::uint32_t>(std::min(population.count(), kAvailabilitiesChecked));
    for (std::uint32_t i = 0; i < checked; ++i) {
      const HospitalProfile profile = population.profile({i});
      const AvailabilityContext context{context_.run, HospitalId{i}, profile.name, profile.region,
                                        &files};
      static_cast<void>(make_availability(&profile.availability, context));
    }
  }

  const Part& part_;
  const PopulationContext& context_;
  PopulationRules rules_;
  std::vector<const Part*> group_parts_;
  // Given names: of hospitals from `first` on.
  std::vector<std::pair<std::int64_t, std::vector<std::string>>> given_;
};

}  // namespace

std::unique_ptr<Population> make_population(const Part* hospitals,
                                            const PopulationContext& context) {
  const Part standard = part_defaults(hospitals_schema());
  return PopulationBuilder(hospitals ? *hospitals : standard, context).build();
}

}  // namespace polyclinic
