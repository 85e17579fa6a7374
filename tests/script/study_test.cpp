// System: a file that returns a study. Expectation: arms are worlds of their own; a strategy whose
// fields an arm changes is built anew from all its fields.
#include <doctest/doctest.h>

#include "help.hpp"

namespace polyclinic {
namespace {

TEST_CASE("an arm's strategy merges with the base's and is built anew") {
  const test::Folder folder;
  const std::string file = folder.write("a.lua", R"(
define.strategy {
  name = "own", doc = "for a test",
  params = { mu = { default = 0.1 }, part = { default = 0.5 } },
  build = function(p)
    return compose { objective = objective.proximal { mu = p.mu }, server = server.sgd { rate = p.part } }
  end,
}
return study {
  base = scenario { cohort = cohort.ehr {}, strategy = strategy.own { mu = 0.7 } },
  arms = {
    { name = "a" },
    { name = "b", strategy = strategy.own { part = 0.25 } },
    { name = "c", strategy = strategy.fedavg {} },
  },
  seeds = 4, compare = { metric = "brier", against = "b" }, title = "t",
})");
  ScriptOptions options;
  options.seed = 9;
  const auto script = ScenarioScript::load(file, options);
  const StudySpec& study = script->study();
  CHECK(study.declared);
  CHECK(study.title == "t");
  CHECK(study.seeds == 4);
  CHECK(study.metric == "brier");
  CHECK(study.against == "b");
  REQUIRE(study.arms.size() == 3);
  const auto mu = [&](std::size_t arm) {
    return study.arms[arm].spec.scenario.part("objective")->number("mu");
  };
  const auto rate = [&](std::size_t arm) {
    return study.arms[arm].spec.scenario.part("server")->number("rate");
  };
  CHECK(mu(0) == 0.7);
  CHECK(rate(0) == 0.5);
  CHECK(mu(1) == 0.7);
  CHECK(rate(1) == 0.25);
  CHECK(study.arms[2].spec.scenario.part("objective") == nullptr);
  CHECK(rate(2) == 1.0);
  for (const StudyArm& arm : study.arms) CHECK(arm.spec.seed == 9);
}

TEST_CASE("a scenario is a study of one arm, without references; its own world keeps them") {
  const test::Folder folder;
  const std::string file = folder.write("a.lua", "return scenario { cohort = cohort.ehr {} }");
  const auto script = ScenarioScript::load(file, {});
  CHECK(!script->study().declared);
  REQUIRE(script->study().arms.size() == 1);
  CHECK(!script->study().arms[0].spec.scenario.at("baselines").as<bool>());
  CHECK(script->spec().scenario.at("baselines").as<bool>());
}

TEST_CASE("the hash of what was read sees a changed module, not another seed") {
  const test::Folder folder;
  folder.write("lib.lua", "return { rounds = 2 }");
  const std::string file = folder.write("a.lua",
                                        "local lib = require \"lib\" return scenario { cohort = "
                                        "cohort.ehr {}, rounds = lib.rounds }");
  ScriptOptions options;
  const std::uint64_t before = ScenarioScript::load(file, options)->source_hash();
  options.seed = 3;
  CHECK(ScenarioScript::load(file, options)->source_hash() == before);
  folder.write("lib.lua", "return { rounds = 3 }");
  CHECK(ScenarioScript::load(file, options)->source_hash() != before);
}

}  // namespace
}  // namespace polyclinic
