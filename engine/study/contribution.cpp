#include "study/contribution.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <mutex>

#include "base/check.hpp"
#include "study/asked_runs.hpp"
#include "study/values.hpp"
#include "world/world.hpp"

namespace polyclinic {

namespace {

void set_field(Part& scenario, std::string_view name, Value value) {
  const auto it = std::find_if(scenario.fields.begin(), scenario.fields.end(),
                               [&](const FieldValue& f) { return f.name == name; });
  ENSURE(it != scenario.fields.end(), "a resolved scenario has every field of its schema");
  it->value = std::move(value);
}

class Finder {
 public:
  Finder(const ContributionOptions& options, const LoadStudy& load)
      : o_(options), runs_(load, std::max(1, options.threads), options.interrupt) {}

  Contribution find() {
    begin();
    std::vector<std::vector<double>> without(players());
    std::vector<std::vector<double>> shares(players());
    std::vector<std::vector<double>> errors(players());
    std::vector<double> all;
    std::vector<double> nobody;
    for (std::int64_t r = 0; r < found_.seeds; ++r) {
      const std::uint64_t seed = found_.first_seed + static_cast<std::uint64_t>(r);
      CoalitionGame game(static_cast<int>(players()),
                         [&](std::span<const Coalition> list) { return play(seed, list); });
      append(leave_one_out(game), without);
      if (o_.shapley) take_shapley(game, seed, shares, errors);
      game.prepare({0});
      all.push_back(turned(game.worth(game.all())));
      nobody.push_back(turned(game.worth(0)));
      for (const auto& [members, worth] : game.played()) {
        found_.played.push_back({seed, members, turned(worth)});
      }
    }
    // places in the order of what is summarised: no two bootstraps draw from one address
    std::uint64_t place = 0;
    const auto spread = [&](const std::vector<double>& values) {
      return spread_of(values, study_stream(Purpose::kInterval, place++));
    };
    found_.all = spread(all);
    found_.nobody = spread(nobody);
    for (std::size_t i = 0; i < players(); ++i) {
      Contribution::Hospital& hospital = found_.hospitals[i];
      hospital.leave_one_out = spread(without[i]);
      if (!o_.shapley) continue;
      hospital.shapley = spread(shares[i]);
      if (!found_.exact) hospital.sampling_error = error_of_mean(errors[i]);
    }
    return std::move(found_);
  }

 private:
  [[nodiscard]] std::size_t players() const { return found_.hospitals.size(); }
  // Worth is larger for what is better; the metric need not be.
  [[nodiscard]] double turned(double x) const { return found_.smaller_is_better ? -x : x; }

  static void append(const std::vector<double>& values, std::vector<std::vector<double>>& to) {
    for (std::size_t i = 0; i < values.size(); ++i) to[i].push_back(values[i]);
  }

  // Of a mean over seeds, from the error at each.
  static double error_of_mean(const std::vector<double>& errors) {
    double squares = 0;
    for (const double e : errors) squares += e * e;
    return std::sqrt(squares) / static_cast<double>(errors.size());
  }

  // Draws that belong to no run: no run has this replication.
  [[nodiscard]] Stream study_stream(Purpose purpose, std::uint64_t entity) const {
    constexpr std::uint64_t kOfTheStudy = ~std::uint64_t{0};
    return {make_run_key(found_.first_seed, kOfTheStudy), purpose, entity};
  }

  // Who the hospitals are, and what is compared.
  void begin() {
    const LoadedStudy loaded =
        runs_.first(o_.file, o_.seed,
                    "contributions are those of the hospitals of one scenario: give a file "
                    "that returns a scenario");
    const StudyArm& arm = loaded.spec.arms.front();
    found_.file = o_.file;
    found_.title = loaded.spec.title;
    found_.first_seed = arm.spec.seed;
    found_.seeds = o_.seeds;
    found_.truncate = o_.truncate;
    const World world(arm.spec, loaded.script.get(), RunOptions());
    take_hospitals(world);
    take_metric(world.measured_values());
    found_.exact = players() <= static_cast<std::size_t>(kExactUpTo);
    if (o_.shapley && !found_.exact) found_.orders = o_.orders;
  }

  void take_hospitals(const World& world) {
    const WorldDescription described = world.describe(kDescribedMost);
    if (described.members > kPlayersMost) {
      throw ScenarioError(
          {},
          fmt::format("{} hospitals take part; contributions are found for {} at most",
                      described.members, kPlayersMost),
          "each is trained without in turn: ask this of a smaller federation");
    }
    for (const HospitalProfile& profile : described.hospitals) {
      if (profile.role != HospitalRole::member) continue;
      found_.hospitals.emplace_back();
      found_.hospitals.back().name = profile.name;
    }
  }

  void take_metric(const std::vector<std::string>& measured) {
    found_.metric = o_.metric;
    if (found_.metric.empty() && !measured.empty()) found_.metric = measured.front();
    const bool other =
        std::find(kOtherValues.begin(), kOtherValues.end(), found_.metric) != kOtherValues.end();
    if (!other && is_value_name(found_.metric, measured)) {
      return refuse_without_direction(found_.metric);
    }
    const std::string near = did_you_mean(found_.metric, measured);
    throw ScenarioError({}, fmt::format("'{}' is no measured value", found_.metric),
                        (near.empty() ? "" : near + "\n") + "there are " + join_names(measured) +
                            "\nauroc.worst, auroc.weighted and auroc.micro are other averages");
  }

  void take_shapley(CoalitionGame& game, std::uint64_t seed,
                    std::vector<std::vector<double>>& shares,
                    std::vector<std::vector<double>>& errors) {
    if (found_.exact) return append(exact_shapley(game), shares);
    // which coalitions are looked at: orders of their own for every seed
    SampledShapley sampled =
        sample_shapley(game, o_.orders, o_.truncate, study_stream(Purpose::kShapleyOrder, seed));
    append(sampled.values, shares);
    append(sampled.errors, errors);
    found_.skipped += sampled.skipped;
  }

  // The worth of several coalitions under one seed.
  std::vector<double> play(std::uint64_t seed, std::span<const Coalition> list) {
    known_ += static_cast<std::int64_t>(list.size());
    std::vector<double> worth(list.size());
    runs_.for_each(
        list.size(), [&](std::size_t i) { worth[i] = train(seed, list[i]); },
        [&] {
          ++ended_;
          if (o_.progress) o_.progress(ended_, known_);
        });
    return worth;
  }

  [[nodiscard]] std::string text(Coalition members) const {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < players(); ++i) {
      if ((members >> i & 1U) != 0) names.push_back(found_.hospitals[i].name);
    }
    return names.empty() ? "nobody" : join_names(names);
  }

  double train(std::uint64_t seed, Coalition members) {
    double worth = 0;
    runs_.run(
        seed, text(members),
        "a coalition without a worth leaves every hospital without its contribution; "
        "--leave-one-out needs only coalitions of all but one",
        [&](WorldSpec& spec) { restrict_to(members, spec); },
        [&](const RunResult& result) {
          const std::optional<double> value = worth_of(result, members);
          if (!value) throw RunError({}, fmt::format("{} has no value", found_.metric));
          worth = *value;
        });
    return worth;
  }

  void restrict_to(Coalition members, WorldSpec& spec) const {
    if (members == 0) {
      // nobody trains: the model as it begins
      set_field(spec.scenario, "rounds", Value(std::int64_t{0}));
      set_field(spec.scenario, "privacy", Value());
      return;
    }
    for (std::size_t i = 0; i < players(); ++i) {
      if ((members >> i & 1U) == 0) spec.absent.push_back(found_.hospitals[i].name);
    }
  }

  std::optional<double> worth_of(const RunResult& result, Coalition members) {
    StudyRun run;
    run.averages = result.federated.averages;
    metrics::Better better = metrics::Better::neither;
    for (const MeasuredAverages& a : run.averages) {
      const bool whole = found_.metric == a.metric || found_.metric.rfind(a.metric + ".", 0) == 0;
      if (whole) better = a.better;
    }
    // of a spread less is better, whatever it is the spread of
    if (found_.metric.size() > 7 && found_.metric.ends_with(".spread")) {
      better = metrics::Better::smaller;
    }
    if (found_.metric.ends_with(".jain")) better = metrics::Better::larger;
    if (better != metrics::Better::larger && better != metrics::Better::smaller) {
      throw RunError({}, fmt::format("of {} nobody can say whether more is better", found_.metric));
    }
    const std::optional<double> value = value_of(run, found_.metric);
    if (members == (Coalition{1} << players()) - 1) {
      const std::lock_guard lock(mutex_);
      found_.smaller_is_better = better == metrics::Better::smaller;
      if (result.seed == found_.first_seed) take_accounts(result);
    }
    if (!value) return std::nullopt;
    return better == metrics::Better::smaller ? -*value : *value;
  }

  void take_accounts(const RunResult& result) {
    for (const HospitalAccount& account : result.hospitals) {
      for (Contribution::Hospital& hospital : found_.hospitals) {
        if (hospital.name != account.name) continue;
        hospital.train_rows = account.train_rows;
        hospital.attacker = account.attacker;
      }
    }
  }

  const ContributionOptions& o_;
  AskedRuns runs_;
  Contribution found_;
  std::mutex mutex_;  // of what the run of all hospitals writes to found_
  std::int64_t known_ = 0;
  std::int64_t ended_ = 0;
};

}  // namespace

std::optional<Contribution> find_contributions(const ContributionOptions& options,
                                               const LoadStudy& load) {
  try {
    return Finder(options, load).find();
  } catch (const Interrupted&) {
    return std::nullopt;
  }
}

}  // namespace polyclinic
