// System: arms over a base. Expectation: parts of the same kind and name merge field by field,
// others replace, none removes, and what was not written by the arm stays the base's.
#include "study/merge.hpp"

#include <doctest/doctest.h>

#include "studies.hpp"

namespace polyclinic {
namespace {

using testing::arm_part;
using testing::busy_scenario;
using testing::part;
using testing::study_part;

StudySpec study_of(std::vector<Part> arms, const testing::Fields& base = {}) {
  return make_study(study_part(busy_scenario(base), std::move(arms)), "study.lua", {});
}

std::string first_mistake(std::vector<Part> arms, const testing::Fields& base = {}) {
  try {
    study_of(std::move(arms), base);
  } catch (const ScenarioError& error) {
    return error.mistakes().front().message + "\n" + error.mistakes().front().hint;
  }
  return "";
}

TEST_CASE("a part of the same kind and name merges field by field") {
  const testing::Fields base{{"training", part("training", "sgd", {{"rate", 0.2}, {"batch", 7}})}};
  const StudySpec study =
      study_of({arm_part("plain"),
                arm_part("twice", {{"training", part("training", "sgd", {{"epochs", 2}})}}),
                arm_part("adam", {{"training", part("training", "adam", {{"epochs", 2}})}})},
               base);
  const Part* plain = study.arms[0].spec.scenario.part("training");
  const Part* twice = study.arms[1].spec.scenario.part("training");
  const Part* adam = study.arms[2].spec.scenario.part("training");
  CHECK(twice->number("rate") == 0.2);
  CHECK(twice->at("batch").number() == 7);
  CHECK(twice->at("epochs").number() == 2);
  CHECK(!plain->given("epochs"));
  CHECK(plain->number("rate") == 0.2);
  // another name: nothing of sgd is left
  CHECK(adam->name == "adam");
  CHECK(!adam->given("batch"));
  CHECK(!adam->given("rate"));
}

TEST_CASE("parts within parts merge too; lists are replaced whole") {
  const Part base = part(
      "scenario", "",
      {{"cohort", part("cohort", "ehr", {{"site_shift", 0.7}})},
       {"measure", part("measure", "", {{"metrics", testing::list({"auroc"})}, {"every", 2}})}});
  const Part change = arm_part(
      "x", {{"measure", part("measure", "", {{"metrics", testing::list({"brier", "loss"})}})}});
  const Part merged = merge_part(base, change, {});
  CHECK(merged.part("measure")->at("every").integer() == 2);
  CHECK(merged.part("measure")->list("metrics").size() == 2);
  CHECK(merged.part("cohort")->number("site_shift") == 0.7);
}

TEST_CASE("none removes, and is a value where a scenario has it as one") {
  const testing::Fields base{{"aggregation", part("aggregation", "mean", {{"weights", "equal"}})}};
  const StudySpec study = study_of(
      {arm_part("a", {{"aggregation", None{}}}), arm_part("b", {{"deadline", None{}}})}, base);
  CHECK(study.arms[0].spec.scenario.part("aggregation")->text("weights") == "size");
  CHECK(study.arms[1].spec.scenario.part("aggregation")->text("weights") == "equal");
  // no deadline at all, where the default is half an hour
  CHECK(study.arms[1].spec.scenario.at("deadline").get_if<None>() != nullptr);
  CHECK(study.arms[0].spec.scenario.time("deadline") == TimeNs{600'000'000'000});
  CHECK(first_mistake({arm_part("c", {{"cohort", None{}}})}) ==
        "arm 'c': 'cohort' cannot be removed\na world needs patients: give another cohort");
}

TEST_CASE("a strategy whose fields merged is built anew") {
  Part base = part("scenario", "", {{"cohort", part("cohort", "ehr")}});
  Part strategy;
  strategy.kind = "strategy";
  strategy.name = "own";
  strategy.fields = {{"mu", Value(0.5), {}, true}, {"rate", Value(1.0), {}, false}};
  for (FieldValue& field : base.fields) {
    if (field.name == "strategy") field = {"strategy", Value(strategy), {}, true};
  }
  strategy.fields = {{"mu", Value(0.1), {}, false}, {"rate", Value(3.0), {}, true}};
  std::vector<double> built;
  const auto rebuild = [&](Part& part) { built = {part.number("mu"), part.number("rate")}; };
  merge_part(base, arm_part("x", {{"strategy", Value(strategy)}}), rebuild);
  CHECK(built == std::vector<double>{0.5, 3.0});
}

TEST_CASE("an arm that is a reference keeps the base's federation and computes that reference") {
  const StudySpec study =
      study_of({arm_part("plain"), arm_part("pooled", {{"strategy", part("baseline", "pooled")}}),
                arm_part("other", {{"rounds", 2}, {"strategy", part("baseline", "local_only")}})});
  CHECK(study.arms[0].reference == "");
  CHECK(study.arms[0].base_world);
  CHECK(study.arms[0].spec.scenario.at("baselines").as<bool>() == false);
  CHECK(study.arms[1].reference == "pooled");
  CHECK(study.arms[1].base_world);
  CHECK(study.arms[1].spec.scenario.list("baselines").front().part()->name == "pooled");
  CHECK(study.arms[2].reference == "local_only");
  CHECK(!study.arms[2].base_world);
  CHECK(study.arms[2].spec.scenario.integer("rounds") == 2);
}

TEST_CASE("what an arm changes is said as it was written") {
  CHECK(changes_text(arm_part("x")) == "");
  CHECK(changes_text(arm_part(
            "x", {{"rounds", 5}, {"training", part("training", "sgd", {{"rate", 0.5}})}})) ==
        "rounds = 5, training = training.sgd { rate = 0.5 }");
}

TEST_CASE("arms that make no sense are named") {
  CHECK(first_mistake({arm_part("a"), arm_part("a")}).starts_with("two arms are called 'a'\n"));
  CHECK(first_mistake({arm_part("a", {{"participants", 2}})}) ==
        "arm 'a': 'participants' and 'selection' both say who is invited to a round\n"
        "keep one of them");
  CHECK(first_mistake({}) == "the study has no arms\nfor example: arms = { { name = \"plain\" } }");
  CHECK(first_mistake({arm_part("")}) ==
        "an arm's name is empty\ntables show it: name = \"median\"");
}

}  // namespace
}  // namespace polyclinic
