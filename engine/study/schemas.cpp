// What a study can say.
#include <algorithm>
#include <array>

#include "study/merge.hpp"
#include "study/study_spec.hpp"

namespace polyclinic {

namespace {

constexpr std::int64_t kSeedsMost = 100'000;

// Fields of a scenario that arms share by their nature, or that the study has itself.
constexpr std::array kOfTheStudy{"title", "seed", "baselines"};

bool takes_none(const Type& type) {
  return std::any_of(type.alternatives.begin(), type.alternatives.end(),
                     [](const auto& way) { return way.kind == Type::Kind::none; });
}

Schema arm_schema(const Schema& scenario) {
  Schema arm{.kind = "arm",
             .doc =
                 "One of the worlds that a study compares: a name, and the fields of the "
                 "scenario that it changes. A part of the same kind and name as the base's "
                 "merges field by field, any other replaces, none removes.",
             .fields = {Field{"name", type::text(), {}, "how tables call it", true}},
             .example =
                 "arms = { { name = \"plain\" }, { name = \"equal\", aggregation = "
                 "aggregation.mean { weights = \"equal\" } } }"};
  for (const Field& field : scenario.fields) {
    if (std::find(kOfTheStudy.begin(), kOfTheStudy.end(), field.name) != kOfTheStudy.end()) {
      continue;
    }
    Field changed = field;
    changed.standard = {};
    changed.required = false;
    changed.standard_text = "the base's";
    if (field.name == "strategy") {
      changed.type = changed.type | type::part("baseline");
      changed.doc += "; baseline.pooled {} or baseline.local_only {}: the arm is that reference";
    }
    if (!takes_none(changed.type)) changed.type = changed.type | type::none();
    arm.fields.push_back(std::move(changed));
  }
  return arm;
}

Schema compare_schema() {
  return Schema{
      .kind = "compare",
      .doc = "What a study compares its arms by, and with which of them.",
      .fields =
          {Field{"metric",
                 type::text(),
                 {},
                 "a measured value, macro average; \"auroc.worst\", \"auroc.weighted\" and "
                 "\"auroc.micro\" are its others; also sim_seconds, bytes_up, bytes_down, versions",
                 false,
                 "the first that is measured"},
           Field{"against",
                 type::text(),
                 {},
                 "name of the arm that the others are compared with",
                 false,
                 "the first arm"}},
      .example = "compare = { metric = \"auroc\", against = \"plain\" }"};
}

}  // namespace

bool none_is_a_value(std::string_view field) {
  static const std::vector<Schema> all = world_schemas();
  const auto scenario =
      std::find_if(all.begin(), all.end(), [](const Schema& s) { return s.kind == "scenario"; });
  const Field* found = scenario->find(field);
  return found != nullptr && takes_none(found->type);
}

std::vector<Schema> study_schemas(const Schema& scenario) {
  Schema study{
      .kind = "study",
      .doc =
          "Several worlds under the same seeds: a base scenario and arms that each change some "
          "of its fields. Arms with one seed share every random draw that both make.",
      .fields = {Field{"title",
                       type::text(),
                       {},
                       "one line that says what is compared",
                       false,
                       "the base's"},
                 Field{"base", type::part("scenario"), {}, "the scenario that arms change", true},
                 Field{"arms",
                       type::list(type::part("arm")),
                       {},
                       "the worlds to compare",
                       false,
                       "the base alone"},
                 Field{"seeds", type::integer().between(1, kSeedsMost), std::int64_t{10},
                       "runs of each arm, with the seeds that follow the base's; --seeds overrides "
                       "it"},
                 Field{"compare",
                       type::part("compare"),
                       {},
                       "metric and arm to compare with",
                       false,
                       "the first metric, the first arm"}},
      .example =
          "return study { base = scenario { cohort = cohort.ehr {} }, arms = { { name = "
          "\"plain\" }, { name = \"twice\", training = training.sgd { epochs = 2 } } } }"};
  return {std::move(study), arm_schema(scenario), compare_schema()};
}

}  // namespace polyclinic
