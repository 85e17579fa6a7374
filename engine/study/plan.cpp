#include "study/plan.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/parallel.hpp"
#include "study/values.hpp"
#include "world/world.hpp"

namespace polyclinic {

namespace {

constexpr std::int64_t kRunsMost = 1'000'000;

// Every combination of the values, the last parameter changing fastest.
std::vector<Settings> product(const std::vector<Variation>& vary) {
  std::vector<Settings> points(1);
  for (const Variation& one : vary) {
    std::vector<Settings> longer;
    for (const Settings& point : points) {
      for (const std::string& value : one.values) {
        longer.push_back(point);
        longer.back().emplace_back(one.name, value);
      }
    }
    points = std::move(longer);
  }
  return points;
}

void check_variations(const std::vector<Variation>& vary) {
  std::int64_t points = 1;
  for (std::size_t i = 0; i < vary.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (vary[i].name != vary[j].name) continue;
      throw ScenarioError({}, fmt::format("--vary {} is given twice", vary[i].name),
                          "list all its values in one: --vary name=1,2,3");
    }
    points *= static_cast<std::int64_t>(vary[i].values.size());
    if (points > kRunsMost) {
      throw ScenarioError({}, fmt::format("--vary asks for more than {} combinations", kRunsMost),
                          "give fewer values");
    }
  }
}

// Mistakes of several worlds: one that all have is said once, others with the world's name.
class Mistakes {
 public:
  // What a world has; `world` is empty where there is only one.
  void add(const std::string& world, const std::vector<Mistake>& found) {
    ++worlds_;
    for (const Mistake& m : found) {
      const auto known = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) {
        return e.mistake.message == m.message && e.mistake.where.file == m.where.file &&
               e.mistake.where.line == m.where.line && e.mistake.where.column == m.where.column;
      });
      if (known != entries_.end()) {
        ++known->worlds;
      } else if (entries_.size() < kMost) {
        entries_.push_back({m, world, 1});
      }
    }
  }
  void raise() const {
    if (entries_.empty()) return;
    std::vector<Mistake> all;
    for (const Entry& entry : entries_) {
      Mistake mistake = entry.mistake;
      if (entry.worlds < worlds_ && !entry.first.empty()) {
        mistake.message = fmt::format("arm '{}': {}", entry.first, mistake.message);
      }
      all.push_back(std::move(mistake));
    }
    throw ScenarioError(std::move(all));
  }

 private:
  static constexpr std::size_t kMost = 20;
  struct Entry {
    Mistake mistake;
    std::string first;  // the world that had it first
    std::int64_t worlds = 0;
  };
  std::vector<Entry> entries_;
  std::int64_t worlds_ = 0;
};

// One point of the product, read.
struct Point {
  StudySpec spec;  // of its arms only what the plan needs
  std::uint64_t source_hash = 0;
  std::vector<std::vector<std::string>> measured;  // by arm
  std::vector<std::vector<Mistake>> mistakes;      // by arm
  std::optional<std::vector<Mistake>> unreadable;  // the file itself
};

Point read_point(const LoadStudy& load, const Settings& varied, std::optional<std::uint64_t> seed) {
  Point point;
  try {
    LoadedStudy loaded = load(varied, seed);
    point.source_hash = loaded.source_hash;
    point.spec = std::move(loaded.spec);
    for (StudyArm& arm : point.spec.arms) {
      point.measured.emplace_back();
      point.mistakes.emplace_back();
      try {
        const World world(arm.spec, loaded.script.get(), RunOptions());
        point.measured.back() = world.measured_values();
      } catch (const ScenarioError& error) {
        point.mistakes.back() = error.mistakes();
      }
      // each run reads its own: thousands of points need not stay
      const std::uint64_t first = arm.spec.seed;
      arm.spec = WorldSpec();
      arm.spec.seed = first;
    }
  } catch (const ScenarioError& error) {
    point.unreadable = error.mistakes();
  }
  return point;
}

class Planner {
 public:
  Planner(const PlanOptions& options, const LoadStudy& load) : o_(options), load_(load) {}

  StudyPlan make() {
    check_variations(o_.vary);
    plan_.file = o_.file;
    plan_.points = product(o_.vary);
    read_points();
    name_arms();
    report_mistakes();
    const StudySpec& first = points_.front().spec;
    plan_.title = first.title;
    plan_.seeds = o_.seeds.value_or(first.seeds);
    plan_.first_seed = first.arms.front().spec.seed;
    choose_metric();
    choose_against();
    return std::move(plan_);
  }

 private:
  void read_points() {
    // the first alone: what is wrong with the file is wrong at every point
    points_.resize(plan_.points.size());
    points_[0] = read_point(load_, plan_.points[0], o_.seed);
    if (points_[0].unreadable) throw ScenarioError(*points_[0].unreadable);
    check_size();
    Workers workers(o_.threads);
    workers.for_each(points_.size() - 1, [&](std::size_t i, int) {
      points_[i + 1] = read_point(load_, plan_.points[i + 1], o_.seed);
    });
  }

  // Before thousands of points are read for nothing.
  void check_size() const {
    const StudySpec& first = points_[0].spec;
    const auto arms = static_cast<std::int64_t>(first.arms.size() * points_.size());
    const std::int64_t seeds = o_.seeds.value_or(first.seeds);
    if (arms * seeds <= kRunsMost) return;
    throw ScenarioError({},
                        fmt::format("{} arms with {} seeds are {} runs; a study has at most {}",
                                    arms, seeds, arms * seeds, kRunsMost),
                        "give fewer values to --vary, or fewer seeds");
  }

  void name_arms() {
    for (std::size_t p = 0; p < points_.size(); ++p) {
      plan_.source_hashes.push_back(points_[p].source_hash);
      const StudySpec& spec = points_[p].spec;
      const std::string varied = settings_text(plan_.points[p]);
      for (std::size_t a = 0; a < spec.arms.size(); ++a) {
        PlannedArm arm;
        arm.name = spec.arms[a].name;
        // a scenario has one arm, and no name for it
        if (!varied.empty()) arm.name = spec.declared ? arm.name + " " + varied : varied;
        arm.point = p;
        arm.member = a;
        arm.changes = spec.arms[a].changes;
        arm.reference = spec.arms[a].reference;
        plan_.arms.push_back(std::move(arm));
      }
      add_units(p, plan_.arms.size() - spec.arms.size());
    }
  }

  // The arms of a point, from position `first` on.
  void add_units(std::size_t point, std::size_t first) {
    std::optional<std::size_t> of_base;
    for (std::size_t i = first; i < plan_.arms.size(); ++i) {
      if (!points_[point].spec.arms[plan_.arms[i].member].base_world) {
        plan_.units.push_back({i});
      } else if (of_base) {
        plan_.units[*of_base].push_back(i);
      } else {
        of_base = plan_.units.size();
        plan_.units.push_back({i});
      }
    }
  }

  void report_mistakes() const {
    Mistakes mistakes;
    std::size_t arm = 0;
    for (std::size_t p = 0; p < points_.size(); ++p) {
      if (points_[p].unreadable) {
        mistakes.add(settings_text(plan_.points[p]), *points_[p].unreadable);
        continue;
      }
      for (const auto& found : points_[p].mistakes) mistakes.add(plan_.arms[arm++].name, found);
    }
    mistakes.raise();
  }

  void choose_metric() {
    const StudySpec& spec = points_.front().spec;
    plan_.measured = points_.front().measured.front();
    plan_.metric = !o_.metric.empty() ? o_.metric : spec.metric;
    if (plan_.metric.empty()) plan_.metric = plan_.measured.empty() ? "" : plan_.measured.front();
    std::size_t arm = 0;
    for (const Point& point : points_) {
      for (const std::vector<std::string>& measured : point.measured) {
        check_metric(measured, plan_.arms[arm++].name);
      }
    }
  }

  void check_metric(const std::vector<std::string>& measured, const std::string& arm) const {
    if (is_value_name(plan_.metric, measured)) return;
    const bool option = !o_.metric.empty();
    std::vector<std::string> names = measured;
    for (const std::string_view other : kOtherValues) names.emplace_back(other);
    const std::string near = did_you_mean(plan_.metric, names);
    const bool first = arm == plan_.arms.front().name;
    const std::string message =
        option ? fmt::format("--compare {}: no such value is measured", plan_.metric)
               : fmt::format("'{}' is not measured", plan_.metric);
    throw ScenarioError(
        option ? SourcePosition() : points_.front().spec.metric_where,
        first ? message : message + fmt::format(" by the arm '{}'", arm),
        (near.empty() ? "" : near + "\n") + "there are " + join_names(names) +
            "\nauroc.worst, auroc.weighted and auroc.micro are the other averages of auroc");
  }

  // Which arm an arm is compared with: the named one of the file at the same point, one named in
  // full wherever it is; without a name the first of the file, or the first point.
  void choose_against() {
    const StudySpec& spec = points_.front().spec;
    const std::string name = !o_.against.empty() ? o_.against : spec.against;
    const auto whole = std::find_if(plan_.arms.begin(), plan_.arms.end(),
                                    [&](const PlannedArm& arm) { return arm.name == name; });
    const bool several = spec.arms.size() > 1;
    for (std::size_t i = 0; i < plan_.arms.size(); ++i) {
      PlannedArm& arm = plan_.arms[i];
      if (whole != plan_.arms.end()) {
        arm.against = static_cast<std::size_t>(whole - plan_.arms.begin());
      } else if (name.empty() && !several) {
        arm.against = 0;
      } else {
        arm.against = at_same_point(arm, i, name);
      }
    }
  }

  // The arm of the file that bears the name (the first without one), at a point.
  [[nodiscard]] std::size_t at_same_point(const PlannedArm& arm, std::size_t position,
                                          const std::string& name) const {
    const std::vector<StudyArm>& members = points_[arm.point].spec.arms;
    for (std::size_t m = 0; m < members.size(); ++m) {
      if (name.empty() || members[m].name == name) return position - arm.member + m;
    }
    constexpr std::size_t kNamesMost = 20;
    std::vector<std::string> names;
    if (points_[arm.point].spec.declared) {
      for (const StudyArm& member : members) names.push_back(member.name);
    }
    for (const PlannedArm& other : plan_.arms) {
      if (std::find(names.begin(), names.end(), other.name) == names.end() &&
          names.size() < kNamesMost) {
        names.push_back(other.name);
      }
    }
    const std::string near = did_you_mean(name, names);
    throw ScenarioError({}, fmt::format("--against: there is no arm '{}'", name),
                        (near.empty() ? "" : near + "\n") + "arms are " + join_names(names));
  }

  const PlanOptions& o_;
  const LoadStudy& load_;
  StudyPlan plan_;
  std::vector<Point> points_;
};

}  // namespace

std::string settings_text(const Settings& settings) {
  std::string text;
  for (const auto& [name, value] : settings) {
    text += fmt::format("{}{}={}", text.empty() ? "" : " ", name, value);
  }
  return text;
}

StudyPlan make_plan(const PlanOptions& options, const LoadStudy& load) {
  return Planner(options, load).make();
}

}  // namespace polyclinic
