#include "study/study_spec.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.hpp"
#include "study/merge.hpp"

namespace polyclinic {

namespace {

std::string title_of(const Part& part) {
  const Value* title = part.find("title");
  return title ? title->as<std::string>() : "";
}

class StudyMaker {
 public:
  StudyMaker(const Part& study, const std::string& file, const RebuildStrategy& rebuild)
      : study_(study), base_(*study.part("base")), file_(file), rebuild_(rebuild) {}

  StudySpec make() {
    StudySpec spec;
    spec.declared = true;
    spec.title = title_of(study_).empty() ? title_of(base_) : title_of(study_);
    spec.seeds = study_.integer("seeds");
    // a base that makes no sense is not reported again for every arm
    resolve_world(base_, file_);
    const List arms = study_.list("arms");
    if (study_.given("arms") && arms.empty()) {
      mistakes_.push_back({study_.where_of("arms"), "the study has no arms",
                           "for example: arms = { { name = \"plain\" } }"});
    }
    for (const Value& arm : arms) add_arm(*arm.part(), spec);
    if (arms.empty()) {
      Part plain;
      plain.kind = "arm";
      plain.where = base_.where;
      plain.fields.push_back({"name", Value("base"), base_.where, true});
      add_arm(plain, spec);
    }
    if (const Part* compare = study_.part("compare")) take_compare(*compare, spec);
    if (!mistakes_.empty()) throw ScenarioError(std::move(mistakes_));
    return spec;
  }

 private:
  void add_arm(const Part& part, StudySpec& spec) {
    StudyArm arm;
    arm.name = part.text("name");
    arm.where = part.where;
    check_name(part, spec);
    arm.changes = changes_text(part);
    Part change = part;
    std::erase_if(change.fields, [](const FieldValue& f) { return f.name == "name"; });
    for (FieldValue& field : change.fields) {
      if (field.value.get_if<None>() && !none_is_a_value(field.name)) field.value = Value();
    }
    const Part* strategy = part.part("strategy");
    if (strategy && strategy->kind == "baseline" && strategy->name == "cross_site") {
      mistakes_.push_back({part.where_of("strategy"),
                           fmt::format("arm '{}': baseline.cross_site is a table of many models, "
                                       "and no arm",
                                       arm.name),
                           "baseline.local_only {} has every model at home; a run of one scenario "
                           "makes the table"});
    }
    if (strategy && strategy->kind == "baseline") {
      arm.reference = strategy->name;
      std::erase_if(change.fields, [](const FieldValue& f) { return f.name == "strategy"; });
    }
    arm.base_world = std::none_of(change.fields.begin(), change.fields.end(),
                                  [](const FieldValue& f) { return f.given; });
    try {
      arm.spec = resolve_arm(change, arm.reference.empty() ? nullptr : strategy);
    } catch (const ScenarioError& error) {
      for (Mistake mistake : error.mistakes()) {
        mistake.message = fmt::format("arm '{}': {}", arm.name, mistake.message);
        mistakes_.push_back(std::move(mistake));
      }
    }
    spec.arms.push_back(std::move(arm));
  }

  void check_name(const Part& part, const StudySpec& spec) {
    const std::string& name = part.text("name");
    if (name.empty()) {
      mistakes_.push_back(
          {part.where_of("name"), "an arm's name is empty", "tables show it: name = \"median\""});
    }
    for (const StudyArm& other : spec.arms) {
      if (other.name != name) continue;
      mistakes_.push_back({part.where_of("name"), fmt::format("two arms are called '{}'", name),
                           fmt::format("the first is at line {}", other.where.line)});
      return;
    }
  }

  WorldSpec resolve_arm(const Part& change, const Part* reference) {
    Part scenario = merge_part(base_, change, rebuild_);
    scenario.where = change.where;
    if (scenario.find("cohort") == nullptr) {
      throw ScenarioError(change.where_of("cohort"), "'cohort' cannot be removed",
                          "a world needs patients: give another cohort");
    }
    // references are arms of their own: once per seed, not once per arm
    set_baselines(scenario, reference ? List{Value(*reference)} : List{});
    return resolve_world(std::move(scenario), file_);
  }

  void take_compare(const Part& compare, StudySpec& spec) {
    if (compare.find("metric")) spec.metric = compare.text("metric");
    spec.metric_where = compare.where_of("metric");
    if (!compare.find("against")) return;
    spec.against = compare.text("against");
    std::vector<std::string> names;
    for (const StudyArm& arm : spec.arms) names.push_back(arm.name);
    if (std::find(names.begin(), names.end(), spec.against) != names.end()) return;
    const std::string near = did_you_mean(spec.against, names);
    mistakes_.push_back({compare.where_of("against"),
                         fmt::format("there is no arm '{}' to compare with", spec.against),
                         (near.empty() ? "" : near + "\n") + "arms are " + join_names(names)});
  }

  const Part& study_;
  const Part& base_;
  const std::string& file_;
  const RebuildStrategy& rebuild_;
  std::vector<Mistake> mistakes_;
};

}  // namespace

void set_baselines(Part& scenario, List baselines) {
  const auto it = std::find_if(scenario.fields.begin(), scenario.fields.end(),
                               [](const FieldValue& f) { return f.name == "baselines"; });
  ENSURE(it != scenario.fields.end(), "a resolved scenario has every field of its schema");
  it->value = baselines.empty() ? Value(false) : Value(std::move(baselines));
  it->given = true;
}

StudySpec make_study(const Part& study, const std::string& file, const RebuildStrategy& rebuild) {
  return StudyMaker(study, file, rebuild).make();
}

StudySpec study_of_one(const WorldSpec& spec) {
  StudySpec study;
  study.title = title_of(spec.scenario);
  StudyArm arm;
  arm.name = "base";
  arm.spec = spec;
  arm.base_world = true;
  set_baselines(arm.spec.scenario, {});
  study.arms.push_back(std::move(arm));
  return study;
}

}  // namespace polyclinic
